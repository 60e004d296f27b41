//! Sending limits: how many at once, and how far apart after that.

use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// A limit: `burst` at once, then one every `gap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many may go at once after a quiet time. Zero counts as one.
    pub burst: u32,
    /// One more after each gap; zero means no limit.
    pub gap: Duration,
}

impl Rate {
    /// No limit.
    pub const UNLIMITED: Self = Self {
        burst: 1,
        gap: Duration(0),
    };

    fn slack(self) -> i64 {
        let spare = u64::from(self.burst.max(1) - 1);
        i64::try_from(spare.saturating_mul(self.gap.0)).unwrap_or(i64::MAX)
    }
}

/// One limited thing: an account, or a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bucket {
    /// When the bucket is full again, as if sends had been spread evenly.
    full_at: i64,
}

impl Bucket {
    /// When the next one may go; not after `now` means at once.
    #[must_use]
    pub fn free_at(&self, rate: Rate, now: Timestamp) -> Timestamp {
        // A clock that was set back must not stop sending for as long as it moved.
        let most = now
            .0
            .saturating_add(rate.slack())
            .saturating_add_unsigned(rate.gap.0);
        Timestamp(self.full_at.min(most).saturating_sub(rate.slack()))
    }

    /// Counts one that goes now.
    pub fn take(&mut self, rate: Rate, now: Timestamp) {
        let most = now
            .0
            .saturating_add(rate.slack())
            .saturating_add_unsigned(rate.gap.0);
        self.full_at = self
            .full_at
            .max(now.0)
            .saturating_add_unsigned(rate.gap.0)
            .min(most);
    }

    /// True when nothing is remembered that still matters.
    #[must_use]
    pub fn is_full(&self, now: Timestamp) -> bool {
        self.full_at <= now.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BATCH: Rate = Rate {
        burst: 5,
        gap: Duration(500),
    };

    #[test]
    fn five_go_at_once_and_then_one_every_half_second() {
        let mut bucket = Bucket::default();
        let mut sent = Vec::new();
        for now in (1_000_000..1_003_000).step_by(100).map(Timestamp) {
            while bucket.free_at(BATCH, now) <= now {
                bucket.take(BATCH, now);
                sent.push(now.0 - 1_000_000);
            }
        }
        assert_eq!(sent, [0, 0, 0, 0, 0, 500, 1_000, 1_500, 2_000, 2_500]);
    }

    #[test]
    fn a_clock_set_back_an_hour_stops_nothing() {
        let mut bucket = Bucket::default();
        for _ in 0..5 {
            bucket.take(BATCH, Timestamp(10_000_000));
        }
        let earlier = Timestamp(10_000_000 - 3_600_000);
        assert!(bucket.free_at(BATCH, earlier) <= earlier + BATCH.gap);
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_allowed(
            burst in 1u32..8, gap in 1u64..500, waits in prop::collection::vec(0i64..300, 1..80),
        ) {
            let rate = Rate { burst, gap: Duration(gap) };
            let (mut bucket, mut now, mut sent) = (Bucket::default(), 1_000i64, Vec::new());
            for wait in waits {
                now += wait;
                if bucket.free_at(rate, Timestamp(now)).0 <= now {
                    bucket.take(rate, Timestamp(now));
                    sent.push(now);
                }
            }
            for (i, start) in sent.iter().enumerate() {
                for (j, end) in sent.iter().enumerate().skip(i) {
                    let allowed = i64::from(burst) + (end - start) / i64::try_from(gap).unwrap();
                    prop_assert!((j - i + 1) as i64 <= allowed);
                }
            }
        }
    }
}
