//! An account's health as a score from 0 to 100, and what lowered it.
//!
//! Five factors are measured, each against four marks worth 100, 80, 50 and 20 points, and weighed
//! ([`Factor`]). What was not measured is neutral: it counts [`NEUTRAL`] points and says so. As long as
//! less than [`KNOWN_LEAST`] percent of the weight is known there is a score but no judgement:
//! [`Rating::Unknown`], which is neither ill nor well.

use serde::{Deserialize, Serialize};

/// Points of a factor that nothing is known about.
pub const NEUTRAL: u8 = 50;
/// Points for reaching the first, second, third and fourth mark of a factor; below it there are none.
pub const BAND_POINTS: [u8; 4] = [100, 80, 50, 20];
/// Percent of the weight that must be known before an account is judged.
pub const KNOWN_LEAST: u32 = 30;
/// A score below this wants a diagnosis.
pub const DIAGNOSE_BELOW: u8 = 70;

/// What the score is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// Percent of the wanted time that the account was online.
    Uptime,
    /// New sets of QR codes made because nobody scanned, in percent of the codes shown.
    QrQuality,
    /// Attempts to process, send or connect that failed, in percent.
    ErrorRate,
    /// Seconds from a message, or from being asked to send one, to WhatsApp's acceptance of the send.
    Response,
    /// Messages that came through, in percent; the rest failed for good.
    MessageSuccess,
}

/// Which end of a scale is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Good {
    High,
    Low,
}

impl Factor {
    /// All of them, heaviest first.
    pub const ALL: [Self; 5] = [
        Self::Uptime,
        Self::QrQuality,
        Self::ErrorRate,
        Self::Response,
        Self::MessageSuccess,
    ];

    /// Its share of the score, in percent; all together are 100.
    #[must_use]
    pub fn weight(self) -> u32 {
        match self {
            Self::Uptime => 30,
            Self::QrQuality => 25,
            Self::ErrorRate => 20,
            Self::Response => 15,
            Self::MessageSuccess => 10,
        }
    }

    /// The name as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uptime => "uptime",
            Self::QrQuality => "qr_quality",
            Self::ErrorRate => "error_rate",
            Self::Response => "response",
            Self::MessageSuccess => "message_success",
        }
    }

    /// What its figure is counted in.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Response => "seconds",
            _ => "percent",
        }
    }

    /// The four marks, best first, in its unit.
    #[must_use]
    pub fn marks(self) -> [f64; 4] {
        match self {
            Self::Uptime => [99.9, 99.0, 95.0, 90.0],
            Self::QrQuality => [1.0, 5.0, 10.0, 15.0],
            Self::ErrorRate => [0.1, 1.0, 5.0, 10.0],
            Self::Response => [5.0, 10.0, 30.0, 60.0],
            Self::MessageSuccess => [99.0, 95.0, 90.0, 85.0],
        }
    }

    /// True when a new connection could better it. Nobody scans sooner for being reconnected.
    #[must_use]
    pub fn is_of_connection(self) -> bool {
        self != Self::QrQuality
    }

    fn good(self) -> Good {
        match self {
            Self::Uptime | Self::MessageSuccess => Good::High,
            Self::QrQuality | Self::ErrorRate | Self::Response => Good::Low,
        }
    }

    /// The points for a figure.
    #[must_use]
    pub fn points(self, value: f64) -> u8 {
        let reached = |mark: &f64| match self.good() {
            Good::High => value >= *mark,
            Good::Low => value <= *mark,
        };
        let band = self.marks().iter().position(reached);
        band.map_or(0, |band| BAND_POINTS[band])
    }

    /// One sentence about its figure.
    fn explain(self, figure: Option<Figure>) -> String {
        let Some(Figure { value, of }) = figure else {
            return match self {
                Self::Uptime => "The account has not been online long enough to say.",
                Self::QrQuality => "No QR code was shown lately.",
                Self::ErrorRate => "Too little was done lately to speak of errors.",
                Self::Response => "Too few messages were sent lately to say how fast.",
                Self::MessageSuccess => "Too few messages went through lately to say.",
            }
            .to_owned();
        };
        let best = self.marks()[0];
        match self {
            Self::Uptime => format!(
                "Online {value:.2} % of the {of} minutes that it should have been; \
                 full marks from {best} %."
            ),
            Self::QrQuality => format!(
                "Of {of} codes shown, {value:.1} % were new sets because nobody scanned; \
                 full marks up to {best} %."
            ),
            Self::ErrorRate => format!(
                "Of {of} attempts to process, send or connect {value:.2} % failed; \
                 full marks up to {best} %."
            ),
            Self::Response => format!(
                "{of} messages were accepted by WhatsApp after {value:.1} s on average; \
                 full marks up to {best} s."
            ),
            Self::MessageSuccess => {
                format!("Of {of} messages {value:.2} % came through; full marks from {best} %.")
            }
        }
    }
}

/// Something measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// In the factor's unit.
    pub value: f64,
    /// On how many things (minutes, codes, attempts, messages).
    pub of: u64,
}

impl Figure {
    /// A share in percent; `None` of fewer than `least`.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of a day are far below 2^53"
    )]
    pub fn percent(part: u64, of: u64, least: u64) -> Option<Self> {
        (of >= least.max(1)).then(|| Self {
            value: part.min(of) as f64 * 100.0 / of as f64,
            of,
        })
    }
}

/// What was measured of an account; `None` is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Figures {
    /// For [`Factor::Uptime`].
    pub uptime: Option<Figure>,
    /// For [`Factor::QrQuality`].
    pub qr_quality: Option<Figure>,
    /// For [`Factor::ErrorRate`].
    pub error_rate: Option<Figure>,
    /// For [`Factor::Response`].
    pub response: Option<Figure>,
    /// For [`Factor::MessageSuccess`].
    pub message_success: Option<Figure>,
}

impl Figures {
    /// What was measured for a factor.
    #[must_use]
    pub fn of(&self, factor: Factor) -> Option<Figure> {
        match factor {
            Factor::Uptime => self.uptime,
            Factor::QrQuality => self.qr_quality,
            Factor::ErrorRate => self.error_rate,
            Factor::Response => self.response,
            Factor::MessageSuccess => self.message_success,
        }
    }
}

/// A factor's part in a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessed {
    /// Which.
    pub factor: Factor,
    /// What was measured.
    pub figure: Option<Figure>,
    /// From 0 to 100.
    pub points: u8,
    /// How much of the score it cost, in points of the score. What is unknown lowers nothing.
    pub lowered: f64,
    /// The same as a sentence.
    pub text: String,
}

/// A score in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    /// 90 and more.
    Excellent,
    /// 75 and more.
    Good,
    /// 60 and more.
    Fair,
    /// 40 and more.
    Poor,
    /// Less.
    Critical,
    /// Too little is known to judge.
    Unknown,
}

impl Rating {
    /// All of them, best first.
    pub const ALL: [Self; 6] = [
        Self::Excellent,
        Self::Good,
        Self::Fair,
        Self::Poor,
        Self::Critical,
        Self::Unknown,
    ];

    /// The word for a score of which enough is known.
    #[must_use]
    pub fn of(score: u8) -> Self {
        match score {
            90.. => Self::Excellent,
            75.. => Self::Good,
            60.. => Self::Fair,
            40.. => Self::Poor,
            _ => Self::Critical,
        }
    }

    /// The name as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Excellent => "excellent",
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Poor => "poor",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }
}

/// An account's health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// From 0 to 100.
    pub score: u8,
    /// In one word.
    pub rating: Rating,
    /// How much of the weight is known, in percent.
    pub known: u32,
    /// Every factor, heaviest first.
    pub factors: Vec<Assessed>,
}

impl Health {
    /// Scores what was measured.
    #[must_use]
    pub fn of(figures: &Figures) -> Self {
        let factors: Vec<Assessed> = Factor::ALL
            .iter()
            .map(|factor| assess(*factor, figures.of(*factor)))
            .collect();
        let known = factors.iter().filter(|f| f.figure.is_some());
        let known: u32 = known.map(|f| f.factor.weight()).sum();
        let hundredths = |f: &Assessed| u32::from(f.points) * f.factor.weight();
        let sum: u32 = factors.iter().map(hundredths).sum();
        let score = u8::try_from((sum + 50) / 100).unwrap_or(100);
        Self {
            score,
            rating: if known < KNOWN_LEAST {
                Rating::Unknown
            } else {
                Rating::of(score)
            },
            known,
            factors,
        }
    }

    /// What lowered the score, worst first.
    #[must_use]
    pub fn lowered_by(&self) -> Vec<&Assessed> {
        let mut lowered: Vec<&Assessed> = self.factors.iter().filter(|f| f.lowered > 0.0).collect();
        lowered.sort_by(|a, b| b.lowered.total_cmp(&a.lowered));
        lowered
    }

    /// Whether somebody should look for the cause.
    #[must_use]
    pub fn wants_diagnosis(&self) -> bool {
        self.rating != Rating::Unknown && self.score < DIAGNOSE_BELOW
    }
}

fn assess(factor: Factor, figure: Option<Figure>) -> Assessed {
    let points = figure.map_or(NEUTRAL, |figure| factor.points(figure.value));
    let missing = 100u32.saturating_sub(points.into()) * factor.weight();
    Assessed {
        factor,
        figure,
        points,
        lowered: if figure.is_some() {
            f64::from(missing) / 100.0
        } else {
            0.0
        },
        text: factor.explain(figure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn figure(value: f64) -> Option<Figure> {
        Some(Figure { value, of: 1_000 })
    }

    fn perfect() -> Figures {
        Figures {
            uptime: figure(100.0),
            qr_quality: figure(0.0),
            error_rate: figure(0.0),
            response: figure(1.2),
            message_success: figure(100.0),
        }
    }

    #[test]
    fn the_weights_are_a_whole() {
        let sum: u32 = Factor::ALL.iter().map(|factor| factor.weight()).sum();
        assert_eq!(sum, 100);
    }

    #[test]
    fn every_mark_belongs_to_its_band() {
        for factor in Factor::ALL {
            for (mark, points) in factor.marks().into_iter().zip(BAND_POINTS) {
                assert_eq!(factor.points(mark), points, "{} {mark}", factor.as_str());
            }
        }
        // Just beyond each mark the next band begins.
        assert_eq!(Factor::Uptime.points(99.89), 80);
        assert_eq!(Factor::Uptime.points(98.9), 50);
        assert_eq!(Factor::Uptime.points(94.9), 20);
        assert_eq!(Factor::Uptime.points(89.9), 0);
        assert_eq!(Factor::QrQuality.points(15.1), 0);
        assert_eq!(Factor::ErrorRate.points(0.11), 80);
        assert_eq!(Factor::Response.points(60.1), 0);
        assert_eq!(Factor::MessageSuccess.points(84.9), 0);
    }

    #[test]
    fn a_new_account_is_neither_ill_nor_well() {
        let health = Health::of(&Figures::default());
        assert_eq!((health.score, health.known), (50, 0));
        assert_eq!(health.rating, Rating::Unknown);
        assert!(!health.wants_diagnosis());
        assert!(health.lowered_by().is_empty(), "nothing lowered it");
        assert_eq!(
            health.factors[1].text, "No QR code was shown lately.",
            "and it says why nothing is known"
        );
        // One good link alone proves nothing yet.
        let linked = Figures {
            qr_quality: figure(0.0),
            ..Figures::default()
        };
        assert_eq!(Health::of(&linked).rating, Rating::Unknown);
    }

    #[test]
    fn a_score_names_what_lowered_it_worst_first() {
        let figures = Figures {
            uptime: figure(99.5),
            error_rate: figure(7.0),
            ..perfect()
        };
        let health = Health::of(&figures);
        // 0.30 * 80 + 0.25 * 100 + 0.20 * 20 + 0.15 * 100 + 0.10 * 100
        assert_eq!((health.score, health.rating), (78, Rating::Good));
        let lowered: Vec<_> = health
            .lowered_by()
            .iter()
            .map(|f| (f.factor, f.lowered))
            .collect();
        assert_eq!(lowered, [(Factor::ErrorRate, 16.0), (Factor::Uptime, 6.0)]);
        assert!(health.lowered_by()[0].text.contains("7.00 % failed"));
    }

    #[test]
    fn what_is_unknown_is_neutral_and_says_so() {
        let figures = Figures {
            response: None,
            ..perfect()
        };
        let health = Health::of(&figures);
        // 92.5, rounded.
        assert_eq!((health.score, health.known), (93, 85));
        assert!(health.lowered_by().is_empty());
    }

    #[test]
    fn ratings_begin_where_they_say() {
        let words: Vec<_> = [100, 90, 89, 75, 74, 60, 59, 40, 39, 0]
            .map(|score| Rating::of(score).as_str())
            .into();
        assert_eq!(
            words,
            [
                "excellent",
                "excellent",
                "good",
                "good",
                "fair",
                "fair",
                "poor",
                "poor",
                "critical",
                "critical"
            ]
        );
    }

    #[test]
    fn too_few_things_are_no_share() {
        assert_eq!(Figure::percent(0, 0, 0), None);
        assert_eq!(Figure::percent(1, 9, 10), None);
        assert_eq!(
            Figure::percent(1, 10, 10),
            Some(Figure {
                value: 10.0,
                of: 10
            })
        );
    }

    proptest! {
        #[test]
        fn better_figures_never_lower_a_score(
            uptime in 0.0f64..100.0, qr in 0.0f64..40.0, errors in 0.0f64..40.0,
            response in 0.0f64..120.0, success in 0.0f64..100.0,
        ) {
            let worse = Figures {
                uptime: figure(uptime), qr_quality: figure(qr), error_rate: figure(errors),
                response: figure(response), message_success: figure(success),
            };
            let better = Figures {
                uptime: figure(uptime + 1.0), qr_quality: figure(qr / 2.0),
                error_rate: figure(errors / 2.0), response: figure(response / 2.0),
                message_success: figure(success + 1.0),
            };
            let (worse, better) = (Health::of(&worse), Health::of(&better));
            prop_assert!(better.score >= worse.score);
            prop_assert!(better.score <= 100);
            // What is missing to 100 is exactly what the factors name, but for rounding.
            let named: f64 = worse.factors.iter().map(|f| f.lowered).sum();
            prop_assert!((100.0 - named - f64::from(worse.score)).abs() <= 0.5);
        }
    }
}
