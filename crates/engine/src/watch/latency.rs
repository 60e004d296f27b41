//! How long things take: quantiles over the last minutes in bounded memory, and whether the newest
//! minute is out of the ordinary.
//!
//! Durations are counted in buckets that grow by an eighth of a power of two, so a quantile is at most
//! 12.5 % too high, whatever was recorded. What is ordinary is the median of the minutes before, and how
//! far they lie from it (median absolute deviation): a few bad minutes do not make bad ordinary.

use super::trend::median;
use crate::model::time::{Duration, Timestamp};
use std::collections::VecDeque;

/// Buckets between two powers of two.
const STEPS: u32 = 8;
/// Enough for every `u32` of microseconds (71 minutes); longer ones count as that.
const BUCKETS: usize = 32 * STEPS as usize;
/// What one slice of time holds.
pub const SLICE: Duration = Duration::mins(1);
/// Slices that quantiles are computed over, the newest ones.
pub const RECENT: usize = 5;
/// Slices that say what is ordinary.
pub const ORDINARY: usize = 60;
/// Slices needed to say what is ordinary.
pub const ORDINARY_LEAST: usize = 10;
/// Durations that a slice needs to count for what is ordinary, and to be judged.
pub const SLICE_LEAST: u64 = 20;
/// A slice this many deviations above the ordinary stands out,
pub const DEVIATIONS: f64 = 3.5;
/// if it is also higher by this factor: what is steady to the microsecond must not alarm over two.
pub const FACTOR: f64 = 1.25;
/// Median absolute deviations are this much smaller than standard deviations of a normal distribution.
const MAD_TO_SIGMA: f64 = 1.4826;
/// The least deviation, as a share of the ordinary: nothing real is steadier.
const SIGMA_LEAST: f64 = 0.05;

/// Durations counted in growing buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durations {
    buckets: Vec<u32>,
    count: u64,
    longest: u32,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            count: 0,
            longest: 0,
        }
    }
}

fn bucket_of(micros: u32) -> usize {
    if micros < STEPS {
        return micros as usize;
    }
    let high = micros.ilog2();
    let behind = (micros >> (high - 3)) & (STEPS - 1);
    // Powers below STEPS are the single numbers above.
    ((high - 2) * STEPS + behind) as usize
}

/// The longest duration that falls into a bucket.
fn longest_of(bucket: usize) -> u32 {
    let bucket = u32::try_from(bucket).unwrap_or(u32::MAX);
    if bucket < STEPS {
        return bucket;
    }
    let (high, behind) = (bucket / STEPS + 2, u64::from(bucket % STEPS));
    let end = (u64::from(STEPS) + behind + 1) << (high - 3);
    u32::try_from(end - 1).unwrap_or(u32::MAX)
}

impl Durations {
    /// Counts one, in microseconds.
    pub fn record(&mut self, micros: u32) {
        if let Some(bucket) = self.buckets.get_mut(bucket_of(micros)) {
            *bucket = bucket.saturating_add(1);
            self.count += 1;
            self.longest = self.longest.max(micros);
        }
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest one.
    #[must_use]
    pub fn longest(&self) -> u32 {
        self.longest
    }

    /// The duration that this share of all does not exceed, from 0 to 100 percent; `None` of nothing.
    #[must_use]
    pub fn percentile(&self, percent: u32) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let wanted = (self.count * u64::from(percent.min(100)))
            .div_ceil(100)
            .max(1);
        let mut seen = 0;
        let place = self.buckets.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        })?;
        Some(longest_of(place).min(self.longest))
    }

    /// How many took longer than this; those in its own bucket are not counted.
    #[must_use]
    pub fn longer_than(&self, micros: u32) -> u64 {
        let beyond = self.buckets.iter().skip(bucket_of(micros) + 1);
        beyond.map(|count| u64::from(*count)).sum()
    }

    fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine = mine.saturating_add(*theirs);
        }
        self.count += other.count;
        self.longest = self.longest.max(other.longest);
    }
}

/// A slice of time that stood out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Anomaly {
    /// When the slice began.
    pub at: Timestamp,
    /// The duration that 95 % of it did not exceed, in microseconds.
    pub p95: u32,
    /// What is ordinary.
    pub ordinary: u32,
    /// How many deviations it lies above that.
    pub deviations: f64,
}

/// One thing that is measured.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// The slice being filled, by its number.
    now: Option<(i64, Durations)>,
    /// Full slices, the newest last.
    recent: VecDeque<Durations>,
    /// 95th percentiles of full slices with enough in them, the newest last.
    ordinary: VecDeque<f64>,
    anomaly: Option<Anomaly>,
}

impl Series {
    /// Counts one, in microseconds.
    pub fn record(&mut self, micros: u32, now: Timestamp) {
        let slice = slice_of(now);
        match &mut self.now {
            Some((filling, durations)) if *filling >= slice => durations.record(micros),
            _ => {
                self.close(slice);
                let mut durations = Durations::default();
                durations.record(micros);
                self.now = Some((slice, durations));
            }
        }
    }

    /// Everything of the last minutes together.
    #[must_use]
    pub fn recent(&self, now: Timestamp) -> Durations {
        let mut all = Durations::default();
        let Some((slice, durations)) = &self.now else {
            return all;
        };
        let behind = usize::try_from(slice_of(now).saturating_sub(*slice)).unwrap_or(0);
        if behind > RECENT {
            return all;
        }
        all.add(durations);
        for full in self.recent.iter().rev().take(RECENT - behind) {
            all.add(full);
        }
        all
    }

    /// The slice that stood out last, if that was one of the last minutes'.
    #[must_use]
    pub fn anomaly(&self, now: Timestamp) -> Option<Anomaly> {
        let recent =
            |anomaly: &Anomaly| slice_of(now).saturating_sub(slice_of(anomaly.at)) <= RECENT as i64;
        self.anomaly.filter(recent)
    }

    /// What is ordinary, in microseconds; `None` until enough was seen.
    #[must_use]
    pub fn ordinary(&self) -> Option<u32> {
        ordinary(&self.ordinary).map(|(middle, _)| rounded(middle))
    }

    /// Puts the slice that was filled to the full ones. Slices in which nothing happened are empty.
    fn close(&mut self, next: i64) {
        let Some((slice, durations)) = self.now.take() else {
            return;
        };
        if durations.count() >= SLICE_LEAST
            && let Some(p95) = durations.percentile(95)
        {
            self.judge(slice, p95);
            self.ordinary.push_back(f64::from(p95));
            while self.ordinary.len() > ORDINARY {
                self.ordinary.pop_front();
            }
        }
        self.recent.push_back(durations);
        let empty = usize::try_from(next.saturating_sub(slice) - 1).unwrap_or(0);
        for _ in 0..empty.min(RECENT) {
            self.recent.push_back(Durations::default());
        }
        while self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    fn judge(&mut self, slice: i64, p95: u32) {
        let Some((middle, sigma)) = ordinary(&self.ordinary) else {
            return;
        };
        let deviations = (f64::from(p95) - middle) / sigma;
        if deviations > DEVIATIONS && f64::from(p95) > middle * FACTOR {
            self.anomaly = Some(Anomaly {
                at: Timestamp(slice.saturating_mul(i64::try_from(SLICE.0).unwrap_or(i64::MAX))),
                p95,
                ordinary: rounded(middle),
                deviations,
            });
        }
    }
}

/// The middle of these and a robust deviation from it.
fn ordinary(of: &VecDeque<f64>) -> Option<(f64, f64)> {
    if of.len() < ORDINARY_LEAST {
        return None;
    }
    let mut values: Vec<f64> = of.iter().copied().collect();
    let middle = median(&mut values)?;
    for value in &mut values {
        *value = (*value - middle).abs();
    }
    let sigma = median(&mut values)? * MAD_TO_SIGMA;
    Some((middle, sigma.max(middle * SIGMA_LEAST).max(1.0)))
}

fn slice_of(at: Timestamp) -> i64 {
    at.0.div_euclid(i64::try_from(SLICE.0).unwrap_or(i64::MAX))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a median of u32 is one"
)]
fn rounded(micros: f64) -> u32 {
    micros.round().max(0.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp(1_800_000_000_000);

    /// A minute of `count` durations around `micros`, a tenth of it apart.
    fn minute(series: &mut Series, number: u64, micros: u32, count: u32) {
        for n in 0..count {
            let spread = micros / 10 * n / count;
            series.record(micros + spread, START + Duration::mins(number));
        }
    }

    #[test]
    fn quantiles_are_of_the_last_minutes_only() {
        let mut series = Series::default();
        minute(&mut series, 0, 1_000_000, 100);
        for number in 1..=6 {
            minute(&mut series, number, 1_000, 100);
        }
        let recent = series.recent(START + Duration::mins(6));
        assert_eq!(
            recent.count(),
            600,
            "five full minutes and the one being filled"
        );
        assert!(recent.longest() < 2_000);
        // An hour later nothing of it is recent.
        assert_eq!(series.recent(START + Duration::mins(66)).count(), 0);
    }

    #[test]
    fn a_quiet_minute_is_a_minute_too() {
        let mut series = Series::default();
        minute(&mut series, 0, 1_000, 50);
        minute(&mut series, 4, 1_000, 50);
        assert_eq!(series.recent(START + Duration::mins(4)).count(), 100);
        minute(&mut series, 8, 1_000, 50);
        assert_eq!(series.recent(START + Duration::mins(8)).count(), 100);
    }

    #[test]
    fn a_slow_minute_stands_out_and_is_forgotten_after_a_while() {
        let mut series = Series::default();
        for number in 0..20 {
            minute(
                &mut series,
                number,
                1_000 + 20 * (u32::try_from(number).unwrap() % 3),
                100,
            );
        }
        assert_eq!(series.anomaly(START + Duration::mins(20)), None);
        minute(&mut series, 20, 5_000, 100);
        minute(&mut series, 21, 1_000, 100);
        let anomaly = series.anomaly(START + Duration::mins(21)).unwrap();
        assert!(
            anomaly.p95 >= 5_000 && anomaly.deviations > DEVIATIONS,
            "{anomaly:?}"
        );
        assert!((1_000..1_400).contains(&anomaly.ordinary), "{anomaly:?}");
        assert_eq!(anomaly.at, START + Duration::mins(20));
        assert_eq!(series.anomaly(START + Duration::mins(40)), None);
    }

    #[test]
    fn bad_minutes_do_not_make_bad_ordinary() {
        let mut series = Series::default();
        for number in 0..40 {
            // Every fourth minute is slow.
            let micros = if number % 4 == 3 { 9_000 } else { 1_000 };
            minute(&mut series, number, micros, 100);
        }
        let ordinary = series.ordinary().unwrap();
        assert!((1_000..1_300).contains(&ordinary), "{ordinary}");
    }

    #[test]
    fn too_few_say_nothing() {
        let mut series = Series::default();
        for number in 0..30 {
            minute(&mut series, number, 1_000, 19);
        }
        minute(&mut series, 30, 900_000, 19);
        minute(&mut series, 31, 1_000, 1);
        assert_eq!(
            (
                series.ordinary(),
                series.anomaly(START + Duration::mins(31))
            ),
            (None, None)
        );
    }

    #[test]
    fn what_is_over_a_budget_is_counted() {
        let mut durations = Durations::default();
        for micros in [10, 100_000, 149_000, 200_000, 4_000_000_000] {
            durations.record(micros);
        }
        assert_eq!(durations.longer_than(150_000), 2);
        assert_eq!(durations.percentile(100), Some(4_000_000_000));
        assert_eq!(Durations::default().percentile(50), None);
    }

    proptest! {
        #[test]
        fn a_quantile_is_never_too_low_and_at_most_an_eighth_too_high(
            mut micros in proptest::collection::vec(0u32..100_000_000, 1..300), percent in 1u32..=100,
        ) {
            let mut durations = Durations::default();
            for one in &micros {
                durations.record(*one);
            }
            micros.sort_unstable();
            let rank = (micros.len() * percent as usize).div_ceil(100).max(1);
            let exact = micros[rank - 1];
            let said = durations.percentile(percent).unwrap();
            prop_assert!(said >= exact && said <= exact + exact / 8 + 1, "{said} {exact}");
        }

        #[test]
        fn every_duration_has_a_bucket(micros: u32) {
            let bucket = bucket_of(micros);
            prop_assert!(bucket < BUCKETS);
            prop_assert!(longest_of(bucket) >= micros);
            prop_assert!(bucket == 0 || longest_of(bucket - 1) < micros);
        }
    }
}
