//! How right the answers are, on labelled messages.
//!
//! A value counts when its kind and normal form are equal; a message that says something twice must be found
//! to say it twice. Places are compared by what they stand for, so that a label `JVC` and an answer
//! `Jumeirah Village Circle` are equal.

pub mod datasets;
pub mod switches;
pub mod training;

use crate::entity::Kind;
use crate::intent::UNCLEAR;
use crate::{Analysis, Analyzer, Input};
use jiff::Zoned;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Misses that are listed at most.
pub const MISSES_MAX: usize = 2_000;

/// One labelled message, as a line of JSON.
#[derive(Debug, Clone, Deserialize)]
pub struct Record {
    /// The message.
    pub text: String,
    /// When it was written.
    #[serde(default)]
    pub at: Option<String>,
    /// The contact's zone, an IANA name.
    #[serde(default)]
    pub timezone: Option<String>,
    /// The contact's locale.
    #[serde(default)]
    pub locale: Option<String>,
    /// All values in it; none means that the message says nothing about them.
    #[serde(default)]
    pub entities: Option<Vec<Expected>>,
    /// What it wants.
    #[serde(default)]
    pub intent: Option<String>,
    /// -1, 0 or 1.
    #[serde(default)]
    pub sentiment: Option<i8>,
    /// How people rated it, on any scale, for a correlation.
    #[serde(default)]
    pub rating: Option<f64>,
}

/// A value that should be found.
#[derive(Debug, Clone, Deserialize)]
pub struct Expected {
    /// Its kind.
    pub kind: Kind,
    /// Its normal form.
    pub value: String,
}

/// Why a line could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The line is no such JSON.
    #[error("line {line} is no labelled message: {reason}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The time or zone of a line cannot be read.
    #[error("line {line} has a time or zone that cannot be read")]
    Time {
        /// The line, from 1.
        line: usize,
    },
}

/// A labelled message, ready to be analysed.
#[derive(Debug, Clone)]
pub struct Case {
    /// The labels.
    pub record: Record,
    /// When it was written, in the contact's zone.
    pub at: Zoned,
}

/// Reads labelled messages, one a line. `zone` finds a time zone by its name; `default` is the moment of lines
/// without one.
///
/// # Errors
/// With the number of the first line that cannot be used.
pub fn read(
    lines: &str,
    zone: &dyn Fn(&str) -> Option<TimeZone>,
    default: &Zoned,
) -> Result<Vec<Case>, RecordError> {
    let mut cases = Vec::new();
    for (at, line) in lines
        .lines()
        .enumerate()
        .filter(|(_, l)| !l.trim().is_empty())
    {
        let line_number = at + 1;
        let record: Record = serde_json::from_str(line).map_err(|e| RecordError::Json {
            line: line_number,
            reason: e.to_string(),
        })?;
        let moment = place_in_time(
            record.at.as_deref(),
            record.timezone.as_deref(),
            zone,
            default,
        )
        .ok_or(RecordError::Time { line: line_number })?;
        cases.push(Case { record, at: moment });
    }
    Ok(cases)
}

/// The moment of a message from its written time and zone.
pub fn place_in_time(
    at: Option<&str>,
    zone_name: Option<&str>,
    zone: &dyn Fn(&str) -> Option<TimeZone>,
    default: &Zoned,
) -> Option<Zoned> {
    let zone = match zone_name {
        Some(name) => zone(name)?,
        None => default.time_zone().clone(),
    };
    match at {
        Some(written) => crate::time::moment(written, &zone),
        None => Some(default.with_time_zone(zone)),
    }
}

/// Right, missing and wrong values of one kind.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Score {
    /// Share of what was found that is right.
    pub precision: f64,
    /// Share of what is there that was found.
    pub recall: f64,
    /// Their harmonic mean.
    pub f1: f64,
    /// How many there are.
    pub expected: usize,
    /// How many were found.
    pub found: usize,
}

/// Counts from which a score is made.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    right: usize,
    expected: usize,
    found: usize,
}

impl Tally {
    fn score(self) -> Score {
        let share = |part: usize, whole: usize| {
            if whole == 0 {
                0.0
            } else {
                part as f64 / whole as f64
            }
        };
        let (precision, recall) = (
            share(self.right, self.found),
            share(self.right, self.expected),
        );
        let f1 = if precision + recall > 0.0 {
            2.0 * precision * recall / (precision + recall)
        } else {
            0.0
        };
        Score {
            precision,
            recall,
            f1,
            expected: self.expected,
            found: self.found,
        }
    }
}

/// Scores of values.
#[derive(Debug, Clone, Serialize)]
pub struct EntityReport {
    /// Over all kinds.
    #[serde(flatten)]
    pub all: Score,
    /// By kind.
    pub per_kind: BTreeMap<&'static str, Score>,
}

/// Scores of intents.
#[derive(Debug, Clone, Serialize)]
pub struct IntentReport {
    /// Share of labelled messages with the right intent; with a label for out of scope, of those in scope.
    pub accuracy: f64,
    /// By intent.
    pub per_intent: BTreeMap<String, Score>,
    /// Share of messages out of scope that were refused; none when there are none.
    pub out_of_scope_recall: Option<f64>,
}

/// Scores of sentiment.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct SentimentReport {
    /// Share of labelled messages with the right sign.
    pub accuracy: f64,
    /// Pearson's correlation of scores with ratings, where messages carry ratings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<f64>,
}

/// One answer that was not the expected one.
#[derive(Debug, Clone, Serialize)]
pub struct Miss {
    /// The message.
    pub text: String,
    /// What it is about: a kind, `intent` or `sentiment`.
    pub what: String,
    /// What was expected and not found.
    pub missing: Vec<String>,
    /// What was found and not expected.
    pub wrong: Vec<String>,
}

/// How right the answers are.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Scores of values; none when no message is labelled with any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entities: Option<EntityReport>,
    /// Scores of intents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<IntentReport>,
    /// Scores of sentiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<SentimentReport>,
    /// How many messages were read.
    pub messages: usize,
    /// Microseconds within which 99 of 100 messages were analysed.
    pub p99_us: u64,
    /// The answers that were not the expected ones, when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub misses: Vec<Miss>,
}

/// Whether misses are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// Only the figures.
    Figures,
    /// The misses too.
    Misses,
}

/// Analyses labelled messages and compares. `microseconds` reads a stopwatch.
pub fn evaluate(
    analyzer: &Analyzer,
    cases: &[Case],
    oos_label: Option<&str>,
    listing: Listing,
    microseconds: &mut dyn FnMut() -> u64,
) -> Report {
    let mut times = Vec::with_capacity(cases.len());
    let mut kinds: BTreeMap<Kind, Tally> = BTreeMap::new();
    let mut intents: Vec<(String, String)> = Vec::new();
    let mut signs: Vec<(i8, i8)> = Vec::new();
    let mut ratings: Vec<(f64, f64)> = Vec::new();
    let mut misses = Vec::new();
    for case in cases {
        let from = microseconds();
        let input = Input {
            text: &case.record.text,
            at: &case.at,
            locale: case.record.locale.as_deref(),
        };
        let analysis = analyzer.analyze(&input);
        times.push(microseconds().saturating_sub(from));
        compare_entities(analyzer, case, &analysis, &mut kinds, &mut misses);
        if let Some(intent) = &case.record.intent {
            if *intent != analysis.intent.name {
                misses.push(miss(case, "intent", intent, &analysis.intent.name));
            }
            intents.push((intent.clone(), analysis.intent.name.clone()));
        }
        if let Some(sign) = case.record.sentiment {
            let said = analysis.sentiment.label.sign();
            if sign != said {
                misses.push(miss(
                    case,
                    "sentiment",
                    &sign.to_string(),
                    &said.to_string(),
                ));
            }
            signs.push((sign, said));
        }
        ratings.extend(
            case.record
                .rating
                .map(|r| (r, f64::from(analysis.sentiment.score))),
        );
    }
    misses.truncate(if listing == Listing::Misses {
        MISSES_MAX
    } else {
        0
    });
    Report {
        entities: entity_report(&kinds, cases),
        intent: intent_report(&intents, oos_label),
        sentiment: sentiment_report(&signs, &ratings),
        messages: cases.len(),
        p99_us: p99(&mut times),
        misses,
    }
}

fn miss(case: &Case, what: &str, expected: &str, said: &str) -> Miss {
    Miss {
        text: case.record.text.clone(),
        what: what.to_owned(),
        missing: vec![expected.to_owned()],
        wrong: vec![said.to_owned()],
    }
}

fn compare_entities(
    analyzer: &Analyzer,
    case: &Case,
    analysis: &Analysis,
    kinds: &mut BTreeMap<Kind, Tally>,
    misses: &mut Vec<Miss>,
) {
    let Some(expected) = &case.record.entities else {
        return;
    };
    let mut open: BTreeMap<Kind, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for value in expected {
        open.entry(value.kind)
            .or_default()
            .0
            .push(canonical(analyzer, value.kind, &value.value));
    }
    for value in &analysis.entities {
        open.entry(value.kind)
            .or_default()
            .1
            .push(canonical(analyzer, value.kind, &value.value));
    }
    for (kind, (mut missing, mut wrong)) in open {
        let tally = kinds.entry(kind).or_default();
        tally.expected += missing.len();
        tally.found += wrong.len();
        missing.retain(|value| match wrong.iter().position(|w| w == value) {
            Some(at) => {
                wrong.swap_remove(at);
                tally.right += 1;
                false
            }
            None => true,
        });
        if !missing.is_empty() || !wrong.is_empty() {
            misses.push(Miss {
                text: case.record.text.clone(),
                what: kind.name().to_owned(),
                missing,
                wrong,
            });
        }
    }
}

/// The normal form by which values are compared.
fn canonical(analyzer: &Analyzer, kind: Kind, value: &str) -> String {
    match kind {
        Kind::Project | Kind::Location => analyzer
            .places()
            .look_up(value)
            .map_or(value, |(_, name)| name)
            .to_owned(),
        _ => value.to_owned(),
    }
}

fn entity_report(kinds: &BTreeMap<Kind, Tally>, cases: &[Case]) -> Option<EntityReport> {
    cases.iter().any(|c| c.record.entities.is_some()).then(|| {
        let all = kinds.values().fold(Tally::default(), |sum, t| Tally {
            right: sum.right + t.right,
            expected: sum.expected + t.expected,
            found: sum.found + t.found,
        });
        EntityReport {
            all: all.score(),
            per_kind: kinds
                .iter()
                .map(|(kind, tally)| (kind.name(), tally.score()))
                .collect(),
        }
    })
}

/// Scores of pairs of expected and given intents.
pub(crate) fn intent_report(
    pairs: &[(String, String)],
    oos_label: Option<&str>,
) -> Option<IntentReport> {
    if pairs.is_empty() {
        return None;
    }
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for (expected, said) in pairs {
        tallies.entry(expected.clone()).or_default().expected += 1;
        tallies.entry(said.clone()).or_default().found += 1;
        if expected == said {
            tallies.entry(said.clone()).or_default().right += 1;
        }
    }
    let outside = tallies
        .get(oos_label.unwrap_or(UNCLEAR))
        .copied()
        .unwrap_or_default();
    let inside: Vec<_> = pairs
        .iter()
        .filter(|(expected, _)| Some(expected.as_str()) != oos_label)
        .collect();
    let right = inside
        .iter()
        .filter(|(expected, said)| expected == said)
        .count();
    Some(IntentReport {
        accuracy: right as f64 / inside.len().max(1) as f64,
        per_intent: tallies
            .iter()
            .map(|(name, tally)| (name.clone(), tally.score()))
            .collect(),
        out_of_scope_recall: (outside.expected > 0).then(|| outside.score().recall),
    })
}

fn sentiment_report(signs: &[(i8, i8)], ratings: &[(f64, f64)]) -> Option<SentimentReport> {
    if signs.is_empty() && ratings.is_empty() {
        return None;
    }
    let right = signs
        .iter()
        .filter(|(expected, said)| expected == said)
        .count();
    Some(SentimentReport {
        accuracy: right as f64 / signs.len().max(1) as f64,
        correlation: correlation(ratings),
    })
}

fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let count = pairs.len() as f64;
    let mean = |pick: fn(&(f64, f64)) -> f64| pairs.iter().map(pick).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|p| p.0), mean(|p| p.1));
    let sum = |f: &dyn Fn(f64, f64) -> f64| {
        pairs
            .iter()
            .map(|(x, y)| f(x - mean_x, y - mean_y))
            .sum::<f64>()
    };
    let spread = (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt();
    (spread > 0.0).then(|| sum(&|x, y| x * y) / spread)
}

/// The time within which 99 of 100 were done.
pub(crate) fn p99(times: &mut [u64]) -> u64 {
    times.sort_unstable();
    times
        .get((times.len() * 99 / 100).min(times.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0)
}
