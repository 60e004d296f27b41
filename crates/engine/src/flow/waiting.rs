//! Why a send has not gone out yet, and until when.

use super::caution::Guard;
use crate::model::id::MessageId;
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a send has not gone out yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "waiting", rename_all = "snake_case")]
pub enum Waiting {
    /// An earlier send of the same conversation comes first.
    Behind {
        /// That send; unknown while it is only in the store.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        message: Option<MessageId>,
    },
    /// The sending limits hold it back.
    RateLimited {
        /// Until then.
        until: Timestamp,
    },
    /// The account is not online.
    NotConnected,
    /// An attempt failed; the next one is due then.
    Retry {
        /// When.
        at: Timestamp,
        /// Why the last one failed.
        error: String,
    },
    /// Sent; the server has not answered yet.
    InFlight,
    /// What keeps the account from being banned holds it back.
    HeldBack {
        /// What it is.
        by: Guard,
        /// Until then.
        until: Timestamp,
    },
    /// WhatsApp is being asked whether the number is there.
    NumberCheck,
    /// The other side is shown that somebody types.
    Typing {
        /// Until then.
        until: Timestamp,
    },
    /// Its file is being uploaded.
    MediaUpload,
    /// Its turn comes at once.
    Next,
}

impl Waiting {
    /// One sentence for a person.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::Behind { .. } => {
                "Waiting for an earlier message of this conversation; they go out in order.".into()
            }
            Self::RateLimited { .. } => {
                "Held back by the sending limits; it goes out by itself when they allow it.".into()
            }
            Self::NotConnected => {
                "The account is not connected; it goes out as soon as it is online again.".into()
            }
            Self::Retry { error, .. } => {
                format!("The last attempt failed ({error}); it is tried again by itself.")
            }
            Self::InFlight => "Sent; waiting for WhatsApp's server to accept it.".into(),
            Self::HeldBack { by, .. } => held_back(*by).into(),
            Self::NumberCheck => {
                "Before the first message to this number WhatsApp is asked whether it is there."
                    .into()
            }
            Self::Typing { .. } => "The other side sees that somebody is typing.".into(),
            Self::MediaUpload => "Its file is being uploaded.".into(),
            Self::Next => "It goes out next.".into(),
        }
    }

    /// Until when, as far as that is known.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::RateLimited { until }
            | Self::HeldBack { until, .. }
            | Self::Typing { until }
            | Self::Retry { at: until, .. } => Some(*until),
            _ => None,
        }
    }

    /// A short, stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Behind { .. } => "behind",
            Self::RateLimited { .. } => "rate_limited",
            Self::NotConnected => "not_connected",
            Self::Retry { .. } => "retry",
            Self::InFlight => "in_flight",
            Self::HeldBack { by, .. } => match by {
                Guard::Day => "daily_limit",
                Guard::NewChats | Guard::NewChatGap => "new_chat_limit",
                Guard::WarmUp => "warm_up",
                Guard::Restricted => "restricted",
            },
            Self::NumberCheck => "number_check",
            Self::Typing { .. } => "typing",
            Self::MediaUpload => "media_upload",
            Self::Next => "next",
        }
    }
}

fn held_back(by: Guard) -> &'static str {
    match by {
        Guard::Day => {
            "The account has sent as many messages that nobody asked for as it safely may in a day; it \
             goes out by itself when there is room again. Answers are not held up."
        }
        Guard::NewChats => {
            "The account has begun as many new chats as it safely may in a day; it goes out by itself \
             when there is room again. Chats that exist are not held up."
        }
        Guard::NewChatGap => {
            "New chats keep a distance from each other; this one is next in its turn."
        }
        Guard::WarmUp => {
            "The account is young, so it begins slowly; it goes out by itself when there is room again. \
             Answers are not held up."
        }
        Guard::Restricted => {
            "WhatsApp does not let this number start new chats for now; it goes out by itself afterwards. \
             Chats that exist are not held up."
        }
    }
}
