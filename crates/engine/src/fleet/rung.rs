//! The rungs by which a lost account is brought back, and what a person is shown of them.

use super::breaker::BreakerState;
use crate::model::account::Reason;
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A rung of the recovery ladder, the gentlest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// 1: ask the open connection whether it is alive.
    Probe,
    /// 2: a new socket for the same session.
    Reconnect,
    /// 3: the session read anew from the store, and checked.
    Restore,
    /// 4: everything held in memory for the account dropped and built anew.
    Rebuild,
    /// 5: a new link by QR code; only a person starts it.
    RelinkQr,
    /// 6: a new link by pairing code.
    RelinkCode,
    /// 7: a person must act.
    Person,
}

impl Rung {
    /// Every rung, in their order.
    pub const ALL: [Self; 7] = [
        Self::Probe,
        Self::Reconnect,
        Self::Restore,
        Self::Rebuild,
        Self::RelinkQr,
        Self::RelinkCode,
        Self::Person,
    ];

    /// The name as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Reconnect => "reconnect",
            Self::Restore => "restore",
            Self::Rebuild => "rebuild",
            Self::RelinkQr => "relink_qr",
            Self::RelinkCode => "relink_code",
            Self::Person => "person",
        }
    }

    /// Its place on the ladder, from 1.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Probe => 1,
            Self::Reconnect => 2,
            Self::Restore => 3,
            Self::Rebuild => 4,
            Self::RelinkQr => 5,
            Self::RelinkCode => 6,
            Self::Person => 7,
        }
    }

    /// What happens on it, for a person.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::Probe => "Asking the open connection whether it is alive.",
            Self::Reconnect => "Connecting again with the same session.",
            Self::Restore => "Reading the session anew from the store and connecting.",
            Self::Rebuild => "Building everything anew from the store and connecting.",
            Self::RelinkQr => "Link the account again by QR code; a person must start it.",
            Self::RelinkCode => "Type the pairing code on the phone.",
            Self::Person => "A person must act.",
        }
    }
}

/// The kind of trouble an account is in; decides which rungs may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The way to WhatsApp, or WhatsApp's servers: wait and try again.
    Network,
    /// The session or the number: nothing automatic beyond offering a new link.
    Auth,
    /// What was said makes no sense any more: build anew.
    Protocol,
    /// Another owner holds the session: never fight over it.
    Lock,
    /// Anything else.
    Unknown,
}

impl ErrorClass {
    /// The name as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Auth => "auth",
            Self::Protocol => "protocol",
            Self::Lock => "lock",
            Self::Unknown => "unknown",
        }
    }
}

/// What the current rung is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "doing", rename_all = "snake_case")]
pub enum Doing {
    /// Waiting before it begins.
    Waiting {
        /// When it begins.
        at: Timestamp,
    },
    /// Waiting for its turn among the accounts that connect.
    Queued,
    /// Under way.
    Trying {
        /// When it is given up.
        until: Timestamp,
    },
    /// Waiting for an answer of the open connection.
    Asking,
    /// Waiting for a person.
    Offered,
}

impl Doing {
    /// The name as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Queued => "queued",
            Self::Trying { .. } => "trying",
            Self::Asking => "asking",
            Self::Offered => "offered",
        }
    }

    /// When the next thing happens by itself, where that is known.
    #[must_use]
    pub fn at(self) -> Option<Timestamp> {
        match self {
            Self::Waiting { at } => Some(at),
            Self::Trying { until } => Some(until),
            Self::Queued | Self::Asking | Self::Offered => None,
        }
    }
}

/// Whether somebody was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Nobody is needed yet.
    #[default]
    NotNeeded,
    /// A person is called. What can be tried without them goes on.
    Made,
}

/// How an account that is not well is being brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The rung it is on.
    pub rung: Rung,
    /// What that rung is doing.
    pub doing: Doing,
    /// The rung after it, should it fail; the last one repeats.
    pub then: Rung,
    /// Why.
    pub reason: Reason,
    /// The kind of trouble.
    pub class: ErrorClass,
    /// Since when.
    pub since: Timestamp,
    /// Attempts that failed since it was last stable.
    pub failures: u32,
    /// Whether its breaker lets attempts through.
    pub breaker: BreakerState,
    /// Errors that its breaker counts.
    pub breaker_errors: u32,
    /// Whether a person was called.
    pub call: Call,
}
