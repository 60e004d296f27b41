//! When to leave a spreadsheet alone: a circuit breaker, pure.
//!
//! Closed, every call goes. It opens after [`FAILURES`] in a row, or when [`SHARE_PERCENT`] of the
//! last calls failed. Open, nothing goes for [`OPEN_FOR`]. Then it is half open: one probe at a
//! time, and [`SUCCESSES`] of them close it; one failure opens it again.

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use waypost_engine::model::{Duration, Timestamp};

/// Failures in a row that open it.
pub const FAILURES: u32 = 5;
/// Share of failures among the last calls that opens it, in percent.
pub const SHARE_PERCENT: usize = 50;
/// How many of the last calls count for the share.
pub const WINDOW: usize = 20;
/// Fewer calls than this have no share.
pub const WINDOW_MIN: usize = 10;
/// How long it stays open.
pub const OPEN_FOR: Duration = Duration::secs(60);
/// Probes that must succeed to close it.
pub const SUCCESSES: u32 = 3;
/// After this long a probe without an answer counts as lost, and the next may go.
pub const PROBE_LOST: Duration = Duration::mins(5);

/// One breaker. Stored as JSON, so that a restart does not forget.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Breaker {
    state: State,
    in_a_row: u32,
    /// The last calls, oldest first; true for a success.
    recent: VecDeque<bool>,
}

/// What it lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Everything.
    #[default]
    Closed,
    /// Nothing.
    Open {
        /// When a probe may go.
        until: Timestamp,
    },
    /// One probe at a time.
    HalfOpen {
        /// Probes that succeeded so far.
        successes: u32,
        /// When the probe under way went, if one is.
        probe: Option<Timestamp>,
    },
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// It got through.
    Well,
    /// The other side is to blame.
    Badly,
    /// It says nothing about the other side, for example when it was refused for its own fault.
    Neither,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Nothing goes from now on.
    Opened,
    /// Probes go.
    HalfOpened,
    /// Everything goes again.
    Closed,
}

impl Breaker {
    /// Its state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether a call may go now. The caller reports how it went with [`Self::record`].
    ///
    /// # Errors
    /// When to ask again.
    pub fn permit(&mut self, now: Timestamp) -> Result<Option<Change>, Timestamp> {
        match self.state {
            State::Closed => Ok(None),
            State::Open { until } if now < until => Err(until),
            State::Open { .. } => {
                self.state = State::HalfOpen {
                    successes: 0,
                    probe: Some(now),
                };
                Ok(Some(Change::HalfOpened))
            }
            State::HalfOpen {
                probe: Some(since), ..
            } if now.since(since) < PROBE_LOST => Err(since + PROBE_LOST),
            State::HalfOpen { successes, .. } => {
                self.state = State::HalfOpen {
                    successes,
                    probe: Some(now),
                };
                Ok(None)
            }
        }
    }

    /// Takes down how a permitted call went.
    pub fn record(&mut self, went: Went, now: Timestamp) -> Option<Change> {
        match (self.state, went) {
            (State::HalfOpen { successes, .. }, Went::Well) if successes + 1 >= SUCCESSES => {
                *self = Self::default();
                Some(Change::Closed)
            }
            (State::HalfOpen { successes, .. }, went) => {
                if went == Went::Badly {
                    return Some(self.open(now));
                }
                self.state = State::HalfOpen {
                    successes: successes + u32::from(went == Went::Well),
                    probe: None,
                };
                None
            }
            // A call that went before it opened; what it says is known already.
            (State::Open { .. }, _) | (State::Closed, Went::Neither) => None,
            (State::Closed, went) => {
                self.note(went);
                self.is_too_much().then(|| self.open(now))
            }
        }
    }

    /// After a restart: no probe is under way.
    pub fn restart(&mut self) {
        if let State::HalfOpen { successes, .. } = self.state {
            self.state = State::HalfOpen {
                successes,
                probe: None,
            };
        }
    }

    /// Closes it, because a person says so.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    fn note(&mut self, went: Went) {
        let well = went == Went::Well;
        self.in_a_row = if well { 0 } else { self.in_a_row + 1 };
        self.recent.push_back(well);
        if self.recent.len() > WINDOW {
            self.recent.pop_front();
        }
    }

    fn is_too_much(&self) -> bool {
        let failed = self.recent.iter().filter(|well| !**well).count();
        let share = failed * 100 >= self.recent.len() * SHARE_PERCENT;
        self.in_a_row >= FAILURES || (self.recent.len() >= WINDOW_MIN && share)
    }

    fn open(&mut self, now: Timestamp) -> Change {
        *self = Self {
            state: State::Open {
                until: now + OPEN_FOR,
            },
            ..Self::default()
        };
        Change::Opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Timestamp = Timestamp(1_000_000);

    fn later(ms: u64) -> Timestamp {
        T + Duration::millis(ms)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            breaker.record(Went::Badly, T);
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_for_a_minute() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            assert_eq!(breaker.record(Went::Badly, T), None);
        }
        assert_eq!(breaker.record(Went::Badly, T), Some(Change::Opened));
        assert_eq!(breaker.permit(later(59_999)), Err(later(60_000)));
        assert_eq!(breaker.permit(later(60_000)), Ok(Some(Change::HalfOpened)));
    }

    #[test]
    fn half_of_the_last_calls_failing_opens_it() {
        let mut breaker = Breaker::default();
        let mut changes = Vec::new();
        for call in 0..10 {
            let went = if call % 2 == 0 {
                Went::Well
            } else {
                Went::Badly
            };
            changes.push(breaker.record(went, T));
        }
        assert_eq!(changes.pop(), Some(Some(Change::Opened)));
        assert!(changes.iter().all(Option::is_none), "{changes:?}");
    }

    #[test]
    fn probes_go_one_at_a_time_and_three_close_it() {
        let mut breaker = opened();
        let mut now = later(60_000);
        for probe in 0..SUCCESSES {
            assert!(breaker.permit(now).is_ok());
            assert!(breaker.permit(now).is_err(), "one probe at a time");
            now = now + Duration::secs(1);
            let closed = (probe + 1 == SUCCESSES).then_some(Change::Closed);
            assert_eq!(breaker.record(Went::Well, now), closed);
        }
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn a_probe_that_fails_opens_it_again_and_a_lost_one_is_replaced() {
        let mut breaker = opened();
        assert!(breaker.permit(later(60_000)).is_ok());
        assert!(breaker.permit(later(60_000) + PROBE_LOST).is_ok());
        let change = breaker.record(Went::Badly, later(400_000));
        assert_eq!(change, Some(Change::Opened));
        assert!(breaker.permit(later(459_999)).is_err());
    }

    #[test]
    fn what_says_nothing_about_the_other_side_changes_nothing() {
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            assert_eq!(breaker.record(Went::Neither, T), None);
        }
        assert_eq!(breaker.state(), State::Closed);
    }

    #[test]
    fn a_restart_keeps_it_open() {
        let text = serde_json::to_string(&opened()).unwrap();
        let mut back: Breaker = serde_json::from_str(&text).unwrap();
        back.restart();
        assert_eq!(back.permit(later(1)), Err(later(60_000)));
    }
}
