//! The people who scan: each account has its own, drawn once; each attempt then draws its time.

use crate::dice::Dice;
use waypost_engine::model::Duration;

/// Nobody comes to this share of attempts.
pub const NOBODY_PERCENT: u64 = 10;
/// When those who change hands do so.
pub const CHANGE_DAY: f64 = 30.0;

/// The kinds of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The phone is at hand.
    Fast,
    /// The phone is fetched from somewhere, or the fingers are slow.
    Slow,
    /// Anything from seconds to many minutes.
    Erratic,
    /// Mostly fast; now and then the phone is somewhere else.
    Mixed,
    /// Fast for thirty days, slow afterwards.
    Changing,
}

impl Kind {
    /// The four kinds of the comparison; `Changing` has a test of its own.
    pub const FOUR: [Self; 4] = [Self::Fast, Self::Slow, Self::Erratic, Self::Mixed];

    /// As shown in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "slow",
            Self::Erratic => "erratic",
            Self::Mixed => "mixed",
            Self::Changing => "changing",
        }
    }
}

/// How an account's people scan; times in seconds.
#[derive(Debug, Clone, Copy)]
enum Pace {
    /// Gamma with shape 6.
    Gamma {
        mean: f64,
    },
    Weibull {
        scale: f64,
        shape: f64,
    },
    LogLogistic {
        median: f64,
        shape: f64,
    },
    Mixed {
        mean: f64,
        late: f64,
        spread: f64,
        late_share: f64,
    },
    Changing {
        before: f64,
        scale: f64,
        shape: f64,
    },
}

/// One account's people.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// Their kind.
    pub kind: Kind,
    pace: Pace,
    /// Attempts a day, on average.
    pub attempts_a_day: f64,
}

impl Person {
    /// Draws an account's people.
    pub fn draw(kind: Kind, dice: &mut Dice) -> Self {
        let pace = match kind {
            Kind::Fast => Pace::Gamma {
                mean: within(dice, 6.0, 18.0),
            },
            Kind::Slow => Pace::Weibull {
                scale: within(dice, 45.0, 105.0),
                shape: within(dice, 2.0, 4.5),
            },
            Kind::Erratic => Pace::LogLogistic {
                median: within(dice, 18.0, 45.0),
                shape: within(dice, 1.6, 2.6),
            },
            Kind::Mixed => Pace::Mixed {
                mean: within(dice, 8.0, 16.0),
                late: within(dice, 85.0, 150.0),
                spread: within(dice, 0.15, 0.35),
                late_share: within(dice, 0.15, 0.35),
            },
            Kind::Changing => Pace::Changing {
                before: within(dice, 6.0, 18.0),
                scale: within(dice, 60.0, 105.0),
                shape: within(dice, 2.0, 4.5),
            },
        };
        let often = [0.5, 1.0, 2.0, 3.0];
        let attempts_a_day = often[dice.below(often.len())];
        Self {
            kind,
            pace,
            attempts_a_day,
        }
    }

    /// When they would scan, counted from the attempt's first code; `None` when nobody comes.
    pub fn comes(&self, day: f64, dice: &mut Dice) -> Option<Duration> {
        let nobody = dice.percent(NOBODY_PERCENT);
        let seconds = 2.0 + self.seconds(day, dice);
        (!nobody).then_some(Duration::millis((seconds * 1_000.0) as u64))
    }

    fn seconds(&self, day: f64, dice: &mut Dice) -> f64 {
        match self.pace {
            Pace::Gamma { mean } => gamma(dice, mean),
            Pace::Weibull { scale, shape } => weibull(dice, scale, shape),
            Pace::LogLogistic { median, shape } => {
                let u = unit(dice);
                median * (u / (1.0 - u)).powf(1.0 / shape)
            }
            Pace::Mixed {
                mean,
                late,
                spread,
                late_share,
            } => {
                if unit(dice) < late_share {
                    (late * (1.0 + spread * normal(dice))).max(3.0)
                } else {
                    gamma(dice, mean)
                }
            }
            Pace::Changing { before, .. } if day < CHANGE_DAY => gamma(dice, before),
            Pace::Changing { scale, shape, .. } => weibull(dice, scale, shape),
        }
    }
}

/// Strictly between 0 and 1.
pub fn unit(dice: &mut Dice) -> f64 {
    ((dice.roll() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

fn within(dice: &mut Dice, low: f64, high: f64) -> f64 {
    low + (high - low) * unit(dice)
}

fn gamma(dice: &mut Dice, mean: f64) -> f64 {
    let sum: f64 = (0..6).map(|_| -unit(dice).ln()).sum();
    mean * sum / 6.0
}

fn weibull(dice: &mut Dice, scale: f64, shape: f64) -> f64 {
    scale * (-unit(dice).ln()).powf(1.0 / shape)
}

fn normal(dice: &mut Dice) -> f64 {
    let radius = (-2.0 * unit(dice).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(dice)).cos()
}
