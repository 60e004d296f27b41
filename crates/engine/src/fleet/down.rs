//! Why a connection ended, and what kind of trouble that is.
//!
//! Channels report a [`DownReason`]; [`DownReason::remedy`] says what may be done about it. An
//! unlink and an outage are never confused, and nobody matches on a channel's own error codes.

use super::rung::ErrorClass;
use crate::model::account::{AccountState, Reason};
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a connection ended. After it nothing of that connection lives on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "down", rename_all = "snake_case")]
pub enum DownReason {
    /// The network failed, or the socket closed without a word.
    Network,
    /// WhatsApp's server answered with this stream or connect error (e.g. 500, 503).
    ServerError {
        /// WhatsApp's code.
        status: u32,
    },
    /// Another client took over this session.
    StreamReplaced,
    /// The device was removed on the phone.
    DeviceRemoved,
    /// The account's main device is gone.
    MainDeviceGone,
    /// The number is banned for a while.
    TemporaryBan {
        /// WhatsApp's reason code.
        ban: u32,
        /// When it ends.
        until: Timestamp,
    },
    /// WhatsApp refuses the number for good.
    Blocked,
    /// WhatsApp wants a newer client version.
    ClientOutdated,
    /// The socket was open, but probes went unanswered.
    KeepaliveTimeout,
    /// Messages kept while away stopped arriving before all were here.
    OfflineSyncInterrupted,
    /// More work was in flight than allowed; we disconnected so that WhatsApp keeps the rest.
    Backpressure,
    /// The store could not commit. Nothing was acknowledged; caches must be dropped.
    StoreFailed {
        /// What happened, for a person.
        error: String,
    },
    /// The account's proxy gives no way to WhatsApp. Nothing was sent another way.
    ProxyUnreachable {
        /// What happened, for a person.
        error: String,
    },
    /// The account's proxy does not take the user and password. Nothing was sent another way.
    ProxyRefused {
        /// What happened, for a person.
        error: String,
    },
    /// WhatsApp answered probes, but took no message and gave none.
    NotServed,
    /// Messages of several people could not be decrypted for a while, and none could.
    DecryptFailing,
    /// The account's health score is so low that a new connection is tried.
    Unwell {
        /// The score, from 0 to 100.
        score: u8,
    },
    /// Something that nobody foresaw.
    Unexpected {
        /// What happened, for a person.
        error: String,
    },
    /// The stored session is missing or unreadable.
    SessionInvalid,
    /// We closed it on purpose.
    Closed,
}

/// What may be done about the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// The same session over a new socket, after a backoff.
    Reconnect,
    /// A client built afresh from the store, because its caches may be wrong; then as above.
    Rebuild,
    /// Wait until the ban ends, then reconnect.
    WaitUntil(Timestamp),
    /// The session is over: only a new link helps, and only a person starts one.
    Relink,
    /// A person must act before another attempt makes sense.
    Person,
    /// WhatsApp refuses the number; a person must clear that up on the phone.
    Refused,
    /// Nothing: it was asked for.
    Stay,
}

impl DownReason {
    /// What may be done about it.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Network
            | Self::ServerError { .. }
            | Self::KeepaliveTimeout
            | Self::NotServed
            | Self::Unwell { .. }
            | Self::ProxyUnreachable { .. } => Remedy::Reconnect,
            Self::OfflineSyncInterrupted
            | Self::Backpressure
            | Self::StoreFailed { .. }
            | Self::DecryptFailing
            | Self::Unexpected { .. } => Remedy::Rebuild,
            Self::TemporaryBan { until, .. } => Remedy::WaitUntil(*until),
            Self::DeviceRemoved | Self::MainDeviceGone | Self::SessionInvalid => Remedy::Relink,
            Self::StreamReplaced | Self::ClientOutdated | Self::ProxyRefused { .. } => {
                Remedy::Person
            }
            Self::Blocked => Remedy::Refused,
            Self::Closed => Remedy::Stay,
        }
    }

    /// The same, as the reason code an account shows.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Network => Reason::ConnectionLost,
            Self::ServerError { status } => Reason::ServerError { status: *status },
            Self::StreamReplaced => Reason::StreamReplaced,
            Self::DeviceRemoved => Reason::DeviceRemoved,
            Self::MainDeviceGone => Reason::MainDeviceGone,
            Self::TemporaryBan { ban, until } => Reason::TemporaryBan {
                ban: *ban,
                until: *until,
            },
            Self::Blocked => Reason::Blocked,
            Self::ClientOutdated => Reason::ClientOutdated,
            Self::KeepaliveTimeout => Reason::KeepaliveTimeout,
            Self::OfflineSyncInterrupted => Reason::OfflineSyncInterrupted,
            Self::Backpressure => Reason::Backpressure,
            Self::StoreFailed { error } => Reason::StoreFailed {
                error: error.clone(),
            },
            Self::ProxyUnreachable { error } => Reason::ProxyUnreachable {
                error: error.clone(),
            },
            Self::ProxyRefused { error } => Reason::ProxyRefused {
                error: error.clone(),
            },
            Self::NotServed => Reason::NotServed,
            Self::DecryptFailing => Reason::DecryptFailing,
            Self::Unwell { score } => Reason::Unwell { score: *score },
            Self::Unexpected { error } => Reason::Unexpected {
                error: error.clone(),
            },
            Self::SessionInvalid => Reason::SessionInvalid,
            Self::Closed => Reason::Requested,
        }
    }

    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Network
            | Self::ServerError { .. }
            | Self::KeepaliveTimeout
            | Self::NotServed
            | Self::ProxyUnreachable { .. }
            | Self::ProxyRefused { .. } => ErrorClass::Network,
            Self::DeviceRemoved
            | Self::MainDeviceGone
            | Self::SessionInvalid
            | Self::TemporaryBan { .. }
            | Self::Blocked => ErrorClass::Auth,
            Self::ClientOutdated
            | Self::OfflineSyncInterrupted
            | Self::Backpressure
            | Self::DecryptFailing => ErrorClass::Protocol,
            Self::StreamReplaced => ErrorClass::Lock,
            Self::Unwell { .. }
            | Self::StoreFailed { .. }
            | Self::Unexpected { .. }
            | Self::Closed => ErrorClass::Unknown,
        }
    }

    /// The state an account is in after it.
    #[must_use]
    pub fn state(&self) -> AccountState {
        match self {
            Self::Backpressure => AccountState::Degraded,
            Self::Closed => AccountState::Disabled,
            // The phone did not unlink it: our own copy is gone.
            Self::SessionInvalid => AccountState::NeedsAttention,
            _ => match self.remedy() {
                Remedy::Reconnect | Remedy::Rebuild => AccountState::Recovering,
                Remedy::WaitUntil(_) | Remedy::Refused => AccountState::Banned,
                Remedy::Relink => AccountState::LoggedOut,
                Remedy::Person => AccountState::NeedsAttention,
                Remedy::Stay => AccountState::Disabled,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unlink_and_an_outage_are_never_confused() {
        let check = |down: DownReason, state: AccountState| assert_eq!(down.state(), state);
        check(DownReason::Network, AccountState::Recovering);
        check(
            DownReason::ServerError { status: 503 },
            AccountState::Recovering,
        );
        check(DownReason::KeepaliveTimeout, AccountState::Recovering);
        check(DownReason::OfflineSyncInterrupted, AccountState::Recovering);
        check(
            DownReason::StoreFailed {
                error: "disk full".into(),
            },
            AccountState::Recovering,
        );
        let error = || "407".to_owned();
        check(
            DownReason::ProxyUnreachable { error: error() },
            AccountState::Recovering,
        );
        check(
            DownReason::ProxyRefused { error: error() },
            AccountState::NeedsAttention,
        );
        check(DownReason::Backpressure, AccountState::Degraded);
        check(DownReason::DeviceRemoved, AccountState::LoggedOut);
        check(DownReason::MainDeviceGone, AccountState::LoggedOut);
        check(DownReason::StreamReplaced, AccountState::NeedsAttention);
        check(DownReason::ClientOutdated, AccountState::NeedsAttention);
        check(DownReason::Blocked, AccountState::Banned);
        check(
            DownReason::TemporaryBan {
                ban: 101,
                until: Timestamp(9),
            },
            AccountState::Banned,
        );
        check(DownReason::Closed, AccountState::Disabled);
        check(DownReason::NotServed, AccountState::Recovering);
        check(DownReason::DecryptFailing, AccountState::Recovering);
        check(DownReason::Unwell { score: 31 }, AccountState::Recovering);
        check(DownReason::SessionInvalid, AccountState::NeedsAttention);
    }

    #[test]
    fn only_trouble_with_the_way_there_is_answered_by_waiting_alone() {
        for (down, class) in [
            (DownReason::Network, ErrorClass::Network),
            (DownReason::ServerError { status: 503 }, ErrorClass::Network),
            (DownReason::KeepaliveTimeout, ErrorClass::Network),
            (DownReason::DeviceRemoved, ErrorClass::Auth),
            (DownReason::Blocked, ErrorClass::Auth),
            (DownReason::StreamReplaced, ErrorClass::Lock),
            (DownReason::OfflineSyncInterrupted, ErrorClass::Protocol),
            (
                DownReason::Unexpected { error: "?".into() },
                ErrorClass::Unknown,
            ),
        ] {
            assert_eq!(down.class(), class, "{down:?}");
        }
    }

    #[test]
    fn a_reason_survives_being_written_down() {
        let down = DownReason::TemporaryBan {
            ban: 101,
            until: Timestamp(77),
        };
        let text = serde_json::to_string(&down).unwrap();
        assert_eq!(serde_json::from_str::<DownReason>(&text).unwrap(), down);
        assert_eq!(
            down.reason(),
            Reason::TemporaryBan {
                ban: 101,
                until: Timestamp(77)
            }
        );
    }
}
