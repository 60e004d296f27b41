//! The share of time that an account was online, from the history of its states.

use super::health::Figure;
use crate::model::account::{AccountState, Reason, StateChange};
use crate::model::time::{Duration, Timestamp};

/// How far back it is looked at.
pub const WINDOW: Duration = Duration::hours(24);
/// Wanted time needed to speak of a share.
pub const LEAST: Duration = Duration::mins(5);

/// What a span of time counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// Serving.
    Up,
    /// It should have been.
    Down,
    /// Nobody wanted it online: not linked yet, linking, or switched off.
    Not,
}

fn counts_as(state: AccountState, reason: &Reason) -> Counts {
    match state {
        AccountState::Online => Counts::Up,
        // Connected and serving, although something else is wrong.
        AccountState::Degraded => match reason {
            Reason::PhoneOffline { .. } | Reason::Restricted | Reason::OfflineSyncInterrupted => {
                Counts::Up
            }
            _ => Counts::Down,
        },
        AccountState::New | AccountState::Linking | AccountState::Disabled => Counts::Not,
        AccountState::LoggedOut | AccountState::NeedsAttention => match reason {
            Reason::Requested
            | Reason::LinkExpired
            | Reason::LinkCancelled
            | Reason::LinkFailed { .. }
            | Reason::PasskeyRequired => Counts::Not,
            _ => Counts::Down,
        },
        AccountState::Connecting | AccountState::Recovering | AccountState::Banned => Counts::Down,
    }
}

/// The share of wanted time within [`WINDOW`] that the account was online, in percent. `changes` are
/// its changes of state, oldest first; what was before the first of them is not known and not
/// counted, nor is anything before the account was online for the first time in them.
///
/// `None` when less than [`LEAST`] was wanted. The figure is of whole minutes.
#[must_use]
pub fn uptime(changes: &[StateChange], now: Timestamp) -> Option<Figure> {
    let begin = now - WINDOW;
    let first_up = changes
        .iter()
        .position(|change| counts_as(change.to, &change.reason) == Counts::Up)?;
    let changes = &changes[first_up..];
    let ends = changes.iter().skip(1).map(|change| change.at).chain([now]);
    let (mut up, mut wanted) = (0u64, 0u64);
    for (change, end) in changes.iter().zip(ends) {
        let span = end.since(change.at.max(begin)).0;
        match counts_as(change.to, &change.reason) {
            Counts::Up => {
                up += span;
                wanted += span;
            }
            Counts::Down => wanted += span,
            Counts::Not => {}
        }
    }
    let share = Figure::percent(up, wanted, LEAST.0)?;
    Some(Figure {
        of: wanted / Duration::mins(1).0,
        ..share
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use AccountState::{Connecting, Degraded, Disabled, LoggedOut, NeedsAttention, New};
    use AccountState::{Linking, Online, Recovering};

    const MINUTE: i64 = 60_000;
    /// Two days after the epoch.
    const NOW: Timestamp = Timestamp(2 * 24 * 60 * MINUTE);

    /// A history of (minutes ago, state, reason).
    fn history(changes: &[(i64, AccountState, Reason)]) -> Vec<StateChange> {
        let mut from = New;
        changes
            .iter()
            .map(|(ago, to, reason)| {
                let change = StateChange {
                    from,
                    to: *to,
                    reason: reason.clone(),
                    at: Timestamp(NOW.0 - ago * MINUTE),
                };
                from = *to;
                change
            })
            .collect()
    }

    fn share(changes: &[(i64, AccountState, Reason)]) -> Option<(f64, u64)> {
        uptime(&history(changes), NOW).map(|figure| (figure.value, figure.of))
    }

    #[test]
    fn nothing_is_known_of_an_account_that_was_never_online() {
        assert_eq!(share(&[]), None);
        let linking = [
            (60, Linking, Reason::AwaitingScan),
            (50, NeedsAttention, Reason::LinkExpired),
        ];
        assert_eq!(share(&linking), None);
        // Nor of one that was for a minute.
        let fresh = [
            (2, Connecting, Reason::Linked),
            (1, Online, Reason::Connected),
        ];
        assert_eq!(share(&fresh), None);
    }

    #[test]
    fn linking_for_the_first_time_is_no_downtime() {
        let linked = [
            (300, Linking, Reason::AwaitingScan),
            (250, Connecting, Reason::Linked),
            (200, Online, Reason::Connected),
        ];
        assert_eq!(share(&linked), Some((100.0, 200)));
    }

    #[test]
    fn an_outage_counts_and_a_pause_does_not() {
        let outage = [
            (200, Online, Reason::Connected),
            (100, Recovering, Reason::ConnectionLost),
            (80, Online, Reason::Connected),
            (60, Disabled, Reason::Requested),
            (20, Connecting, Reason::Requested),
            (20, Online, Reason::Connected),
        ];
        // 140 of 160 wanted minutes.
        assert_eq!(share(&outage), Some((87.5, 160)));
    }

    #[test]
    fn only_the_last_day_counts() {
        let long_ago = [
            (40 * 60, Online, Reason::Connected),
            (30 * 60, Recovering, Reason::ConnectionLost),
            (25 * 60, Online, Reason::Connected),
        ];
        assert_eq!(share(&long_ago), Some((100.0, 24 * 60)));
    }

    #[test]
    fn being_unlinked_on_the_phone_is_an_outage_and_on_purpose_is_not() {
        let lost = [
            (200, Online, Reason::Connected),
            (100, LoggedOut, Reason::DeviceRemoved),
        ];
        assert_eq!(share(&lost), Some((50.0, 200)));
        let left = [
            (200, Online, Reason::Connected),
            (100, LoggedOut, Reason::Requested),
        ];
        assert_eq!(share(&left), Some((100.0, 100)));
    }

    #[test]
    fn an_absent_phone_is_not_downtime_but_a_dead_connection_is() {
        let away = Reason::PhoneOffline {
            since: Timestamp(0),
            until: NOW,
        };
        let degraded = [
            (200, Online, Reason::Connected),
            (100, Degraded, away),
            (50, Degraded, Reason::KeepaliveTimeout),
        ];
        assert_eq!(share(&degraded), Some((75.0, 200)));
    }
}
