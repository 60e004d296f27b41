//! A breaker per account: after enough errors it lets nothing through for a while, then one trial.
//!
//! Errors that a backoff answers (an outage of the network) do not count until the backoff's tries
//! are used up; see [`super::connect`].

use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// Errors in a row that open it.
pub const ERRORS_MAX: u32 = 5;
/// How long it stays open, the first time and each time after; the last one repeats.
pub const COOLDOWNS: [Duration; 4] = [
    Duration::secs(60),
    Duration::secs(300),
    Duration::secs(900),
    Duration::secs(1_800),
];

/// How a breaker is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Errors in a row that open it.
    pub errors_max: u32,
    /// How long it stays open, each time after the other; the last one repeats.
    pub cooldowns: [Duration; 4],
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            errors_max: ERRORS_MAX,
            cooldowns: COOLDOWNS,
        }
    }
}

/// Whether it lets attempts through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum BreakerState {
    /// Yes.
    #[default]
    Closed,
    /// Not before then.
    Open {
        /// When one trial may go.
        until: Timestamp,
    },
    /// One trial is under way.
    HalfOpen,
}

/// One account's breaker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Breaker {
    errors: u32,
    openings: u32,
    state: BreakerState,
}

impl Breaker {
    /// Notes an error. Says until when nothing may be tried, if it is open now.
    pub fn failed(&mut self, config: &BreakerConfig, now: Timestamp) -> Option<Timestamp> {
        self.errors = self.errors.saturating_add(1);
        if self.state != BreakerState::HalfOpen && self.errors < config.errors_max {
            return None;
        }
        let nth = usize::try_from(self.openings).unwrap_or(usize::MAX);
        let until = now + config.cooldowns[nth.min(config.cooldowns.len() - 1)];
        self.openings = self.openings.saturating_add(1);
        self.state = BreakerState::Open { until };
        Some(until)
    }

    /// An attempt begins: through an open breaker it is the one trial.
    pub fn tried(&mut self) {
        if let BreakerState::Open { .. } = self.state {
            self.state = BreakerState::HalfOpen;
        }
    }

    /// It works again: everything is forgotten.
    pub fn worked(&mut self) {
        *self = Self::default();
    }

    /// Whether it lets attempts through.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Errors since it last worked.
    #[must_use]
    pub fn errors(&self) -> u32 {
        self.errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_errors_open_it_and_each_failed_trial_keeps_it_open_for_longer() {
        let (mut breaker, config) = (Breaker::default(), BreakerConfig::default());
        let now = Timestamp(0);
        for _ in 0..4 {
            assert_eq!(breaker.failed(&config, now), None);
            breaker.tried();
            assert_eq!(breaker.state(), BreakerState::Closed);
        }
        let mut cooldowns = Vec::new();
        for _ in 0..5 {
            let until = breaker.failed(&config, now).expect("it is open");
            cooldowns.push(until.since(now).0 / 1_000);
            breaker.tried();
            assert_eq!(breaker.state(), BreakerState::HalfOpen, "one trial");
        }
        assert_eq!(cooldowns, [60, 300, 900, 1_800, 1_800]);
        breaker.worked();
        assert_eq!(breaker, Breaker::default());
    }
}
