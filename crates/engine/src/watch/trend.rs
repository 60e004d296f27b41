//! Where a score is going: a slope that a few odd samples do not move, and what it leads to.
//!
//! The slope is the median of the slopes between all pairs of samples (Theil and Sen): up to 29 % of
//! the samples may be anything without moving it far.

use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far back samples are looked at.
pub const WINDOW: Duration = Duration::hours(6);
/// Samples used at most, the newest ones; with one every five minutes the whole window.
pub const SAMPLES_MAX: usize = 72;
/// Samples needed to speak of a trend,
pub const SAMPLES_LEAST: usize = 6;
/// that span at least this.
pub const SPAN_LEAST: Duration = Duration::mins(20);
/// A slope smaller than this, in points per hour, is no movement.
pub const STEADY_WITHIN: f64 = 1.0;
/// How far ahead is looked.
pub const AHEAD: [Duration; 3] = [Duration::hours(1), Duration::hours(6), Duration::hours(24)];

/// A score that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// From 0 to 100.
    pub score: u8,
}

/// Which way a score goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Down.
    Falling,
    /// It stays.
    Steady,
    /// Up.
    Rising,
    /// Too little is known.
    Unknown,
}

impl Direction {
    /// The name as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Falling => "falling",
            Self::Steady => "steady",
            Self::Rising => "rising",
            Self::Unknown => "unknown",
        }
    }
}

/// A score to come, if it goes on like this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projected {
    /// When.
    pub at: Timestamp,
    /// From 0 to 100.
    pub score: u8,
}

/// Where a score is going.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    /// Which way.
    pub direction: Direction,
    /// In points per hour; 0 when unknown.
    pub per_hour: f64,
    /// The score after each of [`AHEAD`]; empty when unknown.
    pub ahead: Vec<Projected>,
    /// When it falls below the given line within the last of [`AHEAD`], if it goes on like this.
    pub falls_below: Option<(u8, Timestamp)>,
}

impl Trend {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        direction: Direction::Unknown,
        per_hour: 0.0,
        ahead: Vec::new(),
        falls_below: None,
    };
}

/// The trend of these samples, oldest first, as of `now`. `lines` are the scores that would mean
/// something, highest first; the next one below the newest score is looked for.
#[must_use]
pub fn trend(samples: &[Sample], lines: &[u8], now: Timestamp) -> Trend {
    let begin = now - WINDOW;
    let first = samples.partition_point(|sample| sample.at < begin);
    let samples = &samples[first.max(samples.len().saturating_sub(SAMPLES_MAX))..];
    let (Some(oldest), Some(newest)) = (samples.first(), samples.last()) else {
        return Trend::UNKNOWN;
    };
    if samples.len() < SAMPLES_LEAST || newest.at.since(oldest.at) < SPAN_LEAST {
        return Trend::UNKNOWN;
    }
    let Some(per_hour) = slope(samples) else {
        return Trend::UNKNOWN;
    };
    let direction = if per_hour <= -STEADY_WITHIN {
        Direction::Falling
    } else if per_hour >= STEADY_WITHIN {
        Direction::Rising
    } else {
        Direction::Steady
    };
    let ahead = AHEAD
        .iter()
        .map(|after| Projected {
            at: now + *after,
            score: bounded(f64::from(newest.score) + per_hour * hours(*after)),
        })
        .collect();
    Trend {
        direction,
        per_hour,
        ahead,
        falls_below: (direction == Direction::Falling)
            .then(|| falls_below(newest.score, per_hour, lines, now))
            .flatten(),
    }
}

/// The highest score within the last hour before the newest sample, and how far below it the newest
/// is. `None` when there is nothing to compare with.
#[must_use]
pub fn drop_within_hour(samples: &[Sample]) -> Option<(u8, u8)> {
    let (newest, before) = samples.split_last()?;
    let begin = newest.at - Duration::hours(1);
    let highest = before.iter().filter(|sample| sample.at >= begin);
    let highest = highest.map(|sample| sample.score).max()?;
    Some((highest, highest.saturating_sub(newest.score)))
}

fn slope(samples: &[Sample]) -> Option<f64> {
    let mut slopes = Vec::with_capacity(samples.len() * samples.len() / 2);
    for (i, a) in samples.iter().enumerate() {
        for b in &samples[i + 1..] {
            let span = b.at.since(a.at);
            if span.0 > 0 {
                slopes.push((f64::from(b.score) - f64::from(a.score)) / hours(span));
            }
        }
    }
    median(&mut slopes)
}

/// The middle value; `None` of nothing. Reorders its input.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    Some(if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    })
}

fn falls_below(score: u8, per_hour: f64, lines: &[u8], now: Timestamp) -> Option<(u8, Timestamp)> {
    let line = *lines.iter().find(|line| **line <= score)?;
    let wait = (f64::from(score) - f64::from(line)) / -per_hour;
    let limit = AHEAD.last().copied().map_or(0.0, hours);
    (wait <= limit).then(|| (line, now + from_hours(wait)))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "spans of days are far below 2^53 milliseconds"
)]
fn hours(span: Duration) -> f64 {
    span.0 as f64 / 3_600_000.0
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most a day, and never negative"
)]
fn from_hours(hours: f64) -> Duration {
    Duration((hours.max(0.0) * 3_600_000.0) as u64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=100 just before"
)]
fn bounded(score: f64) -> u8 {
    score.round().clamp(0.0, 100.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIVE: i64 = 300_000;

    fn samples(scores: impl IntoIterator<Item = u8>) -> Vec<Sample> {
        (1i64..)
            .zip(scores)
            .map(|(n, score)| Sample {
                at: Timestamp(n * FIVE),
                score,
            })
            .collect()
    }

    fn of(scores: impl IntoIterator<Item = u8>) -> Trend {
        let samples = samples(scores);
        let now = samples.last().map_or(Timestamp(0), |last| last.at);
        trend(&samples, &[60, 40], now)
    }

    #[test]
    fn little_is_no_trend() {
        assert_eq!(of([]), Trend::UNKNOWN);
        assert_eq!(of([90, 80, 70, 60, 50]), Trend::UNKNOWN);
    }

    #[test]
    fn a_falling_score_says_when_it_will_be_poor() {
        // A point every five minutes: 12 an hour.
        let falling = of((0..13).map(|n| 90 - n));
        assert_eq!(falling.direction, Direction::Falling);
        assert!((falling.per_hour + 12.0).abs() < 1e-9);
        assert_eq!(falling.ahead[0].score, 66);
        assert_eq!(falling.ahead[2].score, 0, "a score never leaves its scale");
        let (line, at) = falling.falls_below.unwrap();
        // From 78 down to 60 at 12 an hour: an hour and a half.
        assert_eq!(line, 60);
        assert_eq!(at, Timestamp(13 * FIVE + 5_400_000));
    }

    #[test]
    fn one_odd_sample_moves_nothing() {
        let mut scores = vec![80; 12];
        scores[5] = 0;
        scores[9] = 100;
        let trend = of(scores);
        assert_eq!(trend.direction, Direction::Steady);
        assert_eq!(trend.falls_below, None);
        assert!(trend.ahead.iter().all(|ahead| ahead.score == 80));
    }

    #[test]
    fn a_rising_score_is_expected_to_fall_below_nothing() {
        let rising = of((0..20).map(|n| 50 + n));
        assert_eq!(rising.direction, Direction::Rising);
        assert_eq!(rising.falls_below, None);
        assert_eq!(rising.ahead[1].score, 100);
    }

    #[test]
    fn a_drop_within_the_hour_is_seen_and_an_older_one_is_not() {
        let mut scores = vec![90; 3];
        scores.push(79);
        assert_eq!(drop_within_hour(&samples(scores)), Some((90, 11)));
        let mut old = vec![90];
        old.extend([75; 13]);
        assert_eq!(drop_within_hour(&samples(old)), Some((75, 0)));
        assert_eq!(drop_within_hour(&samples([90])), None);
    }

    proptest! {
        #[test]
        fn odd_samples_up_to_a_quarter_do_not_turn_a_trend(
            per_sample in 1u8..4, odd in proptest::collection::vec((0usize..24, 0u8..=100), 0..6),
        ) {
            let mut scores: Vec<u8> = (0..24u8).map(|n| 100 - n * per_sample).collect();
            for (at, score) in odd {
                scores[at] = score;
            }
            prop_assert_eq!(of(scores).direction, Direction::Falling);
        }
    }
}
