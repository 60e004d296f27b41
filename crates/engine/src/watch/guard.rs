//! What is told and done about an account's score.
//!
//! A watchdog must not make things worse: it only asks for a new connection when the score suffers
//! from something that a connection can better, only for an account that is connected (everything
//! else is being brought back already, or needs a person), and each time that did not help it waits
//! twice as long.

use super::health::{Health, Rating};
use super::trend::{Direction, Sample, Trend, drop_within_hour};
use crate::flow::retry::doubled;
use crate::model::account::AccountState;
use crate::model::time::{Duration, Timestamp};

/// How often a score is computed, beside when something changed.
pub const SCORE_EVERY: Duration = Duration::mins(5);
/// A drop by this much within an hour is told.
pub const DROP: u8 = 10;
/// Below this an account is brought back.
pub const RECOVER_BELOW: u8 = 40;
/// Below this it is, too, when the score is falling.
pub const RECOVER_EARLY_BELOW: u8 = 60;
/// A change of the score by this much is told, even if the rating stays.
pub const TELL_STEP: u8 = 5;
/// Wait between two recoveries of an account; doubled as long as they do not help,
pub const RECOVER_GAP: Duration = Duration::mins(30);
/// up to this.
pub const RECOVER_GAP_CAP: Duration = Duration::hours(6);

/// Why an account is brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Below [`RECOVER_EARLY_BELOW`] and falling.
    Early,
    /// Below [`RECOVER_BELOW`].
    Now,
}

impl Urgency {
    /// The name as shown and counted.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Now => "now",
        }
    }
}

/// What follows from a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthEffect {
    /// It changed so much that others want to hear of it.
    Tell,
    /// It dropped by [`DROP`] or more within an hour. Told once per drop.
    Dropped {
        /// The highest score of the hour.
        from: u8,
    },
    /// The account is to be brought back by a new connection.
    Recover(Urgency),
}

/// What is remembered of one account's score.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HealthGuard {
    told: Option<(u8, Rating)>,
    /// The highest score of the hour, while the drop from it lasts.
    dropped_from: Option<u8>,
    recovered_at: Option<Timestamp>,
    /// Recoveries since the score was last good enough.
    in_vain: u32,
}

impl HealthGuard {
    /// Goes on from what an earlier process had told last.
    #[must_use]
    pub fn resumed(score: u8, rating: Rating) -> Self {
        Self {
            told: Some((score, rating)),
            ..Self::default()
        }
    }

    /// Takes a new score. `samples` are the latest ones, oldest first, this one last.
    pub fn step(
        &mut self,
        health: &Health,
        trend: &Trend,
        samples: &[Sample],
        state: AccountState,
        now: Timestamp,
    ) -> Vec<HealthEffect> {
        let mut effects = Vec::new();
        let dropped_from = dropped_from(health, samples);
        if let Some(from) = dropped_from.filter(|_| self.dropped_from.is_none()) {
            effects.push(HealthEffect::Dropped { from });
        }
        self.dropped_from = dropped_from;
        if let Some(urgency) = self.recovery(health, trend, state, now) {
            self.recovered_at = Some(now);
            self.in_vain = self.in_vain.saturating_add(1);
            effects.push(HealthEffect::Recover(urgency));
        }
        if self.is_news(health) || !effects.is_empty() {
            self.told = Some((health.score, health.rating));
            effects.push(HealthEffect::Tell);
        }
        effects
    }

    /// The highest score of the last hour, while the score is much below it.
    #[must_use]
    pub fn dropped_from(&self) -> Option<u8> {
        self.dropped_from
    }

    fn is_news(&self, health: &Health) -> bool {
        self.told.is_none_or(|(score, rating)| {
            rating != health.rating || score.abs_diff(health.score) >= TELL_STEP
        })
    }

    fn recovery(
        &mut self,
        health: &Health,
        trend: &Trend,
        state: AccountState,
        now: Timestamp,
    ) -> Option<Urgency> {
        if health.rating == Rating::Unknown {
            return None;
        }
        if health.score >= RECOVER_EARLY_BELOW {
            self.in_vain = 0;
            return None;
        }
        let urgency = if health.score < RECOVER_BELOW {
            Urgency::Now
        } else if trend.direction == Direction::Falling {
            Urgency::Early
        } else {
            return None;
        };
        let connected = matches!(state, AccountState::Online | AccountState::Degraded);
        let helps = health
            .lowered_by()
            .iter()
            .any(|f| f.factor.is_of_connection());
        (connected && helps && self.may_recover(now)).then_some(urgency)
    }

    fn may_recover(&self, now: Timestamp) -> bool {
        let gap = doubled(RECOVER_GAP, self.in_vain.saturating_sub(1), RECOVER_GAP_CAP);
        self.recovered_at.is_none_or(|at| now.since(at) >= gap)
    }
}

/// A score also sinks when something is not known any more; that is no drop, so what was measured must
/// account for it.
fn dropped_from(health: &Health, samples: &[Sample]) -> Option<u8> {
    if health.rating == Rating::Unknown {
        return None;
    }
    let (from, _) = drop_within_hour(samples).filter(|(_, by)| *by >= DROP)?;
    let lowered: f64 = health.factors.iter().map(|f| f.lowered).sum();
    (lowered >= f64::from(DROP)).then_some(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::health::{Figure, Figures};
    use crate::watch::trend::trend;

    const START: Timestamp = Timestamp(1_800_000_000_000);

    /// An account whose errors and uptime are as given; the rest is well.
    fn health(uptime: f64, errors: f64) -> Health {
        let figure = |value| Some(Figure { value, of: 100 });
        Health::of(&Figures {
            uptime: figure(uptime),
            error_rate: figure(errors),
            response: figure(90.0),
            message_success: figure(80.0),
            qr_quality: figure(0.0),
        })
    }

    /// A guard with its samples, stepped every five minutes.
    struct Watch {
        guard: HealthGuard,
        samples: Vec<Sample>,
        now: Timestamp,
    }

    impl Watch {
        fn new() -> Self {
            Self {
                guard: HealthGuard::default(),
                samples: Vec::new(),
                now: START,
            }
        }

        fn step(&mut self, health: &Health, state: AccountState) -> Vec<HealthEffect> {
            self.now = self.now + SCORE_EVERY;
            self.samples.push(Sample {
                at: self.now,
                score: health.score,
            });
            let trend = trend(&self.samples, &[60, 40], self.now);
            self.guard
                .step(health, &trend, &self.samples, state, self.now)
        }
    }

    #[test]
    fn a_steady_score_is_told_once() {
        let mut watch = Watch::new();
        let fine = Health::of(&Figures {
            uptime: Some(Figure {
                value: 100.0,
                of: 1,
            }),
            ..Figures::default()
        });
        assert_eq!(
            watch.step(&fine, AccountState::Online),
            [HealthEffect::Tell]
        );
        for _ in 0..20 {
            assert_eq!(watch.step(&fine, AccountState::Online), []);
        }
    }

    #[test]
    fn a_critical_score_recovers_and_waits_longer_while_that_does_not_help() {
        let ill = health(80.0, 20.0);
        assert!(ill.score < RECOVER_BELOW, "{}", ill.score);
        let mut watch = Watch::new();
        let mut recovered = Vec::new();
        for step in 0..72 {
            let effects = watch.step(&ill, AccountState::Online);
            if effects.contains(&HealthEffect::Recover(Urgency::Now)) {
                recovered.push(step * 5);
            }
        }
        // At once, then after 30, 60, 120 minutes.
        assert_eq!(recovered, [0, 30, 90, 210]);
    }

    #[test]
    fn only_a_connected_account_is_given_a_new_connection() {
        let ill = health(80.0, 20.0);
        for state in AccountState::ALL {
            let mut watch = Watch::new();
            let effects = watch.step(&ill, state);
            let recovers = effects.contains(&HealthEffect::Recover(Urgency::Now));
            let connected = matches!(state, AccountState::Online | AccountState::Degraded);
            assert_eq!(recovers, connected, "{state}");
        }
    }

    #[test]
    fn a_falling_score_recovers_early_and_a_steady_one_does_not() {
        // 55: poor, and nothing but that.
        let poor = health(99.95, 20.0);
        assert_eq!(poor.score, 55);
        let mut steady = Watch::new();
        for _ in 0..20 {
            let effects = steady.step(&poor, AccountState::Online);
            assert!(
                !effects
                    .iter()
                    .any(|e| matches!(e, HealthEffect::Recover(_)))
            );
        }
        let mut falling = Watch::new();
        for score in (60..90).rev() {
            falling.now = falling.now + SCORE_EVERY;
            let at = falling.now;
            falling.samples.push(Sample { at, score });
        }
        let effects = falling.step(&poor, AccountState::Online);
        assert!(effects.contains(&HealthEffect::Recover(Urgency::Early)));
    }

    #[test]
    fn slow_scanning_alone_never_ends_a_connection() {
        let figure = |value| Some(Figure { value, of: 100 });
        let slow = Health::of(&Figures {
            qr_quality: figure(60.0),
            uptime: None,
            ..Figures::default()
        });
        let mut watch = Watch::new();
        for _ in 0..20 {
            let effects = watch.step(&slow, AccountState::Online);
            assert!(
                !effects
                    .iter()
                    .any(|e| matches!(e, HealthEffect::Recover(_)))
            );
        }
    }

    #[test]
    fn a_drop_is_told_once_until_it_is_over() {
        let (well, worse) = (health(99.95, 0.0), health(99.95, 20.0));
        assert_eq!(well.score - worse.score, 20);
        let mut watch = Watch::new();
        watch.step(&well, AccountState::Online);
        let from = well.score;
        let first = watch.step(&worse, AccountState::Online);
        assert!(first.contains(&HealthEffect::Dropped { from }));
        assert!(first.contains(&HealthEffect::Tell));
        for _ in 0..20 {
            let later = watch.step(&worse, AccountState::Online);
            assert!(
                !later
                    .iter()
                    .any(|e| matches!(e, HealthEffect::Dropped { .. }))
            );
        }
        for _ in 0..13 {
            watch.step(&well, AccountState::Online);
        }
        let again = watch.step(&worse, AccountState::Online);
        assert!(again.contains(&HealthEffect::Dropped { from }));
    }
}
