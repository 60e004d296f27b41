//! Why a connection ends: the first reason reported wins, because the later ones follow from it.

use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;
use wacore::types::events::{ConnectFailureReason, LoggedOut};
use waypost_engine::fleet::down::DownReason;

/// Whether state may still be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Good,
    /// A write that must not be lost was lost: nothing later may become durable.
    Poisoned,
}

/// The reason of one connection's end, and the signal to end it.
pub(crate) struct Cause {
    state: Mutex<(Option<DownReason>, Health)>,
    ending: watch::Sender<bool>,
}

impl Cause {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new((None, Health::Good)),
            ending: watch::Sender::new(false),
        }
    }

    /// Remembers why the connection is about to end by itself.
    pub(crate) fn report(&self, reason: DownReason) {
        self.with(|(known, _)| {
            known.get_or_insert(reason);
        });
    }

    /// Ends the connection.
    pub(crate) fn end(&self, reason: DownReason) {
        self.report(reason);
        self.ending.send_replace(true);
    }

    /// Ends the connection and keeps everything after this moment from being stored.
    pub(crate) fn poison(&self, reason: DownReason) {
        self.with(|(_, health)| *health = Health::Poisoned);
        self.end(reason);
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.with(|(_, health)| *health == Health::Poisoned)
    }

    pub(crate) fn is_ending(&self) -> bool {
        *self.ending.borrow()
    }

    /// Waits until somebody ends the connection.
    pub(crate) async fn ended(&self) {
        // The sender lives in `self`, so the channel cannot close while we wait.
        let _ = self.ending.subscribe().wait_for(|ending| *ending).await;
    }

    /// The reason, or `otherwise` when nobody gave one.
    pub(crate) fn reason_or(&self, otherwise: DownReason) -> DownReason {
        self.with(|(known, _)| known.clone()).unwrap_or(otherwise)
    }

    fn with<T>(&self, act: impl FnOnce(&mut (Option<DownReason>, Health)) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a logout means. 403 is either a number WhatsApp locked (it then says something for people
/// to read) or a main device that is gone.
pub(crate) fn logged_out(event: &LoggedOut) -> DownReason {
    match event.reason {
        ConnectFailureReason::AccountLocked if event.logout_message.is_some() => {
            DownReason::Blocked
        }
        ConnectFailureReason::AccountLocked => DownReason::MainDeviceGone,
        _ => DownReason::DeviceRemoved,
    }
}

/// What a refused login means.
pub(crate) fn refused(reason: &ConnectFailureReason) -> DownReason {
    match reason {
        ConnectFailureReason::ClientOutdated | ConnectFailureReason::BadUserAgent => {
            DownReason::ClientOutdated
        }
        other => DownReason::ServerError {
            status: u32::try_from(other.code()).unwrap_or(0),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_wins_and_ends_the_connection() {
        let cause = Cause::new();
        cause.report(DownReason::ServerError { status: 503 });
        assert!(!cause.is_ending());
        cause.poison(DownReason::Backpressure);
        cause.ended().await;
        assert!(cause.is_poisoned() && cause.is_ending());
        assert_eq!(
            cause.reason_or(DownReason::Network),
            DownReason::ServerError { status: 503 }
        );
    }
}
