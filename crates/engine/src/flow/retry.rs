//! How long to wait before another try, and when to stop trying.
//!
//! Randomness is handed in as [`Jitter`], so that a seeded run repeats exactly.

use crate::model::time::Duration;

/// Retries of a message that fails in the stages; then it goes to the dead letters.
pub const PROCESS_RETRIES_MAX: u32 = 3;
/// Wait before the first of them; doubled each time (about 1, 2 and 4 minutes).
pub const PROCESS_RETRY_BASE: Duration = Duration::mins(1);
/// How long a conversation waits for the content of a message that could not be decrypted, so that
/// what follows is not answered first. A repair that comes later is worked on when it comes.
pub const REPAIR_WAIT: Duration = Duration::secs(10);
/// Share of a wait that jitter may add, in percent.
pub const JITTER_PERCENT: u64 = 10;

/// A random share, drawn by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Jitter(u16);

impl Jitter {
    /// No jitter at all.
    pub const NONE: Self = Self(0);

    /// From any random number; its lowest 16 bits count.
    #[must_use]
    pub fn from_random(raw: u64) -> Self {
        Self((raw & 0xFFFF) as u16)
    }

    /// A share of `span`, from nothing up to just below all of it.
    #[must_use]
    pub fn of(self, span: Duration) -> Duration {
        let share = (u128::from(span.0) * u128::from(self.0)) >> 16;
        Duration(u64::try_from(share).unwrap_or(span.0))
    }

    /// `wait` with up to [`JITTER_PERCENT`] of itself added.
    #[must_use]
    pub fn spread(self, wait: Duration) -> Duration {
        let room = Duration(wait.0 / 100 * JITTER_PERCENT);
        Duration(wait.0.saturating_add(self.of(room).0))
    }
}

/// `base * 2^n`, at most `cap`. `n` counts from 0.
#[must_use]
pub fn doubled(base: Duration, n: u32, cap: Duration) -> Duration {
    let wait = 1u64
        .checked_shl(n)
        .and_then(|factor| base.0.checked_mul(factor));
    Duration(wait.unwrap_or(cap.0).min(cap.0))
}

/// What becomes of a message that failed in the stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again after this long; meanwhile its conversation waits and others go on.
    Again {
        /// How long.
        after: Duration,
    },
    /// To the dead letters, payload kept; its conversation goes on without it.
    Bury,
}

/// Judges the `failures`th failure (from 1) of a message in the stages.
#[must_use]
pub fn after_failure(failures: u32, jitter: Jitter) -> Verdict {
    if failures > PROCESS_RETRIES_MAX {
        return Verdict::Bury;
    }
    let wait = doubled(
        PROCESS_RETRY_BASE,
        failures.saturating_sub(1),
        Duration(u64::MAX),
    );
    Verdict::Again {
        after: jitter.spread(wait),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_poison_message_is_tried_after_1_2_and_4_minutes_and_then_buried() {
        let plain = |failures| after_failure(failures, Jitter::NONE);
        assert_eq!(
            plain(1),
            Verdict::Again {
                after: Duration::mins(1)
            }
        );
        assert_eq!(
            plain(2),
            Verdict::Again {
                after: Duration::mins(2)
            }
        );
        assert_eq!(
            plain(3),
            Verdict::Again {
                after: Duration::mins(4)
            }
        );
        assert_eq!(plain(4), Verdict::Bury);
        assert_eq!(plain(u32::MAX), Verdict::Bury);
    }

    proptest! {
        #[test]
        fn jitter_adds_at_most_a_tenth(raw: u64, wait in 0u64..10_000_000_000) {
            let spread = Jitter::from_random(raw).spread(Duration(wait)).0;
            prop_assert!(spread >= wait && spread <= wait + wait / 10);
        }

        #[test]
        fn doubling_never_passes_its_cap(base in 1u64..1_000_000, n: u32, cap in 1u64..1_000_000_000) {
            let wait = doubled(Duration(base), n, Duration(cap)).0;
            prop_assert!(wait <= cap);
            prop_assert!(wait >= base.min(cap));
        }
    }
}
