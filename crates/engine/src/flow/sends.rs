//! The nouns of the outbox: how an account sends, what is known of each send, what happens and
//! what is to be done.

use super::caution::{CautionConfig, Chat, Restriction};
use super::human::HumanPace;
use super::lanes::{LaneItem, LaneLimits};
use super::outbox::{ACK_TIMEOUT_DEFAULT, ATTEMPTS_MAX_DEFAULT};
use super::rate::Rate;
use crate::model::address::Address;
use crate::model::id::MessageId;
use crate::model::send::FailReason;
use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// How an account sends. The defaults are safe for linked devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxConfig {
    /// For everything the account sends.
    pub per_account: Rate,
    /// For one recipient.
    pub per_recipient: Rate,
    /// What may be begun in a day.
    pub caution: CautionConfig,
    /// Whether a number is asked about before the first message to it.
    pub number_check: NumberCheck,
    /// Whether the other side is shown that somebody types.
    pub human: HumanPace,
    /// How long the server may take to answer.
    pub ack_timeout: Duration,
    /// Attempts of one send.
    pub attempts_max: u32,
    /// Bounds in memory; `parallel` is how many may be in flight.
    pub lanes: LaneLimits,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self {
            per_account: Rate {
                burst: 30,
                gap: Duration::millis(250),
            },
            per_recipient: Rate {
                burst: 5,
                gap: Duration::millis(500),
            },
            caution: CautionConfig::default(),
            number_check: NumberCheck::default(),
            human: HumanPace::default(),
            ack_timeout: ACK_TIMEOUT_DEFAULT,
            attempts_max: ATTEMPTS_MAX_DEFAULT,
            lanes: LaneLimits::default(),
        }
    }
}

/// Whether a number is asked about before the first message to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberCheck {
    /// Numbers that are not on WhatsApp are never written to: doing so is what spammers do.
    #[default]
    On,
    /// WhatsApp finds out by itself.
    Off,
}

/// What must still be done before a send can be written to the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Its file must be uploaded, then the payload made.
    NeedsUpload,
    /// The payload must be made and stored.
    NeedsFreeze,
    /// The payload is stored; every attempt sends exactly it.
    Frozen,
}

/// What the outbox knows of one send besides its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Who it goes to; the recipient's pace counts by this.
    pub to: Address,
    /// What is still to be done.
    pub readiness: Readiness,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// What it is to the one who receives it.
    pub chat: Chat,
    /// Its length as far as somebody would type it, in characters.
    pub typed: u32,
    /// What was done for it already.
    pub done: Done,
}

/// What was done for a send before it is written to the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Done {
    /// Nothing yet.
    #[default]
    Nothing,
    /// The number is known to be on WhatsApp.
    Checked,
    /// The other side has seen somebody type.
    Typed,
}

/// One send in the outbox; `seq` is its place in the account's order, `attempt` how many failed.
pub type Entry = LaneItem<Parcel>;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The account is online.
    Connected,
    /// The connection is gone.
    Disconnected,
    /// The file of this send is uploaded and noted.
    Uploaded(MessageId),
    /// The payload of this send is stored.
    Frozen(MessageId),
    /// Uploading or making the payload failed.
    NotPrepared {
        /// The send.
        message: MessageId,
        /// Why.
        error: String,
        /// Set when no retry can help, e.g. the file is gone.
        fatal: Option<FailReason>,
    },
    /// WhatsApp was asked about a number; [`Input::NotPrepared`] when it could not be.
    Checked {
        /// The send.
        message: MessageId,
        /// Whether it is there.
        found: Found,
    },
    /// WhatsApp was asked whether the account may start new chats: not before then, or at any
    /// time.
    Told(Option<Timestamp>),
    /// Written to the socket; the server's answer is awaited.
    Written(MessageId),
    /// It could not be written.
    NotWritten {
        /// The send.
        message: MessageId,
        /// Why.
        error: String,
    },
    /// The server answered; `None` means accepted.
    Acked {
        /// The send.
        message: MessageId,
        /// The server's error code.
        error: Option<u32>,
    },
    /// A person cancelled it; only honoured before it is in flight.
    Cancel(MessageId),
    /// Time passed; see [`Outbox::wake_at`].
    Tick,
}

/// What WhatsApp said about a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It is on WhatsApp.
    There,
    /// It is not.
    Nobody,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask WhatsApp whether the recipient is there, then report [`Input::Checked`].
    Check(MessageId),
    /// Show the other side that somebody types, until then.
    Type(MessageId, Timestamp),
    /// WhatsApp refused a new chat: new chats wait. Ask it until when, then report
    /// [`Input::Told`].
    Restricted(Restriction),
    /// Upload its file, note the pointer, then report [`Input::Uploaded`].
    Upload(MessageId),
    /// Make and store the payload, then report [`Input::Frozen`].
    Freeze(MessageId),
    /// Send the stored payload.
    Send(MessageId),
    /// Note in the store that an attempt failed.
    Retry {
        /// The send.
        message: MessageId,
        /// Failed attempts so far.
        attempts: u32,
        /// The next one is not before this.
        next_at: Timestamp,
        /// Why.
        error: String,
    },
    /// Note in the store that the server accepted it. Final.
    Accepted(MessageId),
    /// Note in the store that it failed. Final.
    Fail(MessageId, FailReason),
    /// The connection is dead although open: replace it.
    Reconnect,
}
