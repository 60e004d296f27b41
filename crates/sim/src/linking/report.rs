//! The comparison as text and pictures.

use super::people::Kind;
use super::plot::{Labels, Series, bars, curves};
use super::trial::{DAYS, LEARNED_DAY, Population, Result, Rule, Sum, run};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What everything is compared with.
const USUAL: Rule = Rule::Fixed(120);
/// The rules that are compared kind by kind.
const MAIN: [Rule; 3] = [USUAL, Rule::Blend, Rule::Survival];
/// Every fixed window of the trade-off.
const FIXED: [u64; 6] = [60, 80, 100, 120, 140, 160];
/// Shorter ones are so much worse that the picture would show nothing else.
const SHOWN_FROM: u64 = 100;
/// Days that are one point of the picture over time.
const STRIDE: u32 = 5;
/// By this day people who changed have had a few attempts to be known by.
const KNOWN_DAY: u32 = LEARNED_DAY + 5;
/// What stands around the figures in the document.
const BEGIN: &str = "<!-- figures: written by `cargo xtask sim window --write docs` -->";
const END: &str = "<!-- end of figures -->";

/// Four kinds in equal parts.
#[must_use]
pub fn even(accounts_per_kind: usize) -> Population {
    Population {
        name: "even",
        accounts: Kind::FOUR.map(|kind| (kind, accounts_per_kind)).to_vec(),
    }
}

fn mostly_fast() -> Population {
    let accounts = vec![
        (Kind::Fast, 144),
        (Kind::Slow, 48),
        (Kind::Erratic, 24),
        (Kind::Mixed, 24),
    ];
    Population {
        name: "mostly fast",
        accounts,
    }
}

fn changing() -> Population {
    Population {
        name: "changing hands",
        accounts: vec![(Kind::Changing, 120)],
    }
}

/// The results of every rule over every seed, and of every seed alone.
pub struct Comparison {
    seeds: Vec<u64>,
    even: BTreeMap<Rule, Vec<Result>>,
    fast: BTreeMap<Rule, Vec<Result>>,
    changing: BTreeMap<Rule, Vec<Result>>,
}

fn trials(seeds: &[u64], population: &Population, rules: &[Rule]) -> BTreeMap<Rule, Vec<Result>> {
    let each = |rule: &Rule| {
        seeds
            .iter()
            .map(|seed| run(*seed, population, *rule))
            .collect()
    };
    rules.iter().map(|rule| (*rule, each(rule))).collect()
}

/// Needless regenerations spared against the fixed window, in percent.
#[must_use]
pub fn saved(usual: Sum, other: Sum) -> f64 {
    100.0 * (1.0 - other.per_mille(other.needless) / usual.per_mille(usual.needless).max(1e-9))
}

fn joined(results: &[Result]) -> Result {
    let mut all = Result::default();
    for result in results {
        all.join(result);
    }
    all
}

impl Comparison {
    /// Runs it all.
    #[must_use]
    pub fn run(seeds: &[u64], accounts_per_kind: usize) -> Self {
        let fixed = FIXED.map(Rule::Fixed);
        let all: Vec<Rule> = fixed
            .into_iter()
            .chain([Rule::Blend, Rule::Survival])
            .collect();
        Self {
            seeds: seeds.to_vec(),
            even: trials(seeds, &even(accounts_per_kind), &all),
            fast: trials(seeds, &mostly_fast(), &MAIN),
            changing: trials(seeds, &changing(), &MAIN),
        }
    }

    fn attempts(&self) -> u64 {
        self.even
            .get(&USUAL)
            .map_or(0, |results| joined(results).total().attempts)
    }

    /// The tables, in Markdown.
    #[must_use]
    pub fn tables(&self) -> String {
        let mut out = String::new();
        let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
        let attempts = self.attempts();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "Seeds {}; {attempts} attempts over {DAYS} days per strategy, the days of learning included.\n",
            seeds.join(", ")
        );
        self.all_rules(&mut out);
        self.by_kind(&mut out);
        self.elsewhere(&mut out);
        out
    }

    fn all_rules(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "| strategy | needless per 1,000 attempts | fewer than fixed 120 s | spread over seeds | \
             interrupted within 30 s of a scan, per 1,000 | codes used up, per 1,000 | open for nobody | \
             came too late, per 1,000 | mean window |\n|---|---|---|---|---|---|---|---|---|"
        );
        let Some(usual) = self.even.get(&USUAL) else {
            return;
        };
        for (rule, results) in &self.even {
            let sum = joined(results).total();
            let each: Vec<f64> = results
                .iter()
                .zip(usual)
                .map(|(other, usual)| saved(usual.total(), other.total()))
                .collect();
            let least = each.iter().copied().fold(f64::INFINITY, f64::min);
            let most = each.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let _ = writeln!(
                out,
                "| {} | {:.1} | {:.0} % | {least:.0} to {most:.0} % | {:.1} | {:.1} | {:.0} s | {:.1} | {:.0} s |",
                rule.name(),
                sum.per_mille(sum.needless),
                saved(joined(usual).total(), sum),
                sum.per_mille(sum.interrupted),
                sum.per_mille(sum.renewals),
                sum.deserted_s(),
                sum.per_mille(sum.missed),
                sum.mean_window_s(),
            );
        }
    }

    fn by_kind(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "\n| people | fixed 120 s | blend | survival | fewer by survival | its mean window |\n|---|---|---|---|---|---|"
        );
        for kind in Kind::FOUR {
            let sums = MAIN.map(|rule| self.of(rule, |k, _| k == kind));
            let [usual, _, survival] = sums;
            let cells = sums.map(|sum| format!("{:.1}", sum.per_mille(sum.needless)));
            let fewer = if usual.needless == 0 {
                "nothing to save".to_owned()
            } else {
                format!("{:.0} %", saved(usual, survival))
            };
            let _ = writeln!(
                out,
                "| {} | {} | {fewer} | {:.0} s |",
                kind.as_str(),
                cells.join(" | "),
                survival.mean_window_s()
            );
        }
    }

    fn elsewhere(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "\n| who and when | blend: fewer | survival: fewer (over seeds) | open for nobody: fixed 120 s | blend | survival |\n|---|---|---|---|---|---|"
        );
        let rows = [
            ("even, all days", &self.even, 0),
            ("even, after 30 days", &self.even, LEARNED_DAY),
            ("mostly fast (6:2:1:1), all days", &self.fast, 0),
            ("mostly fast, after 30 days", &self.fast, LEARNED_DAY),
            (
                "changing from fast to slow, after the change",
                &self.changing,
                LEARNED_DAY,
            ),
            (
                "the same, from five days after it",
                &self.changing,
                KNOWN_DAY,
            ),
        ];
        for (name, results, from) in rows {
            let sums = MAIN.map(|rule| of(results, rule, |_, day| day >= from));
            let [usual, blend, survival] = sums;
            let _ = writeln!(
                out,
                "| {name} | {:.0} % | {:.0} % ({}) | {:.0} s | {:.0} s | {:.0} s |",
                saved(usual, blend),
                saved(usual, survival),
                spread(results, |_, day| day >= from),
                usual.deserted_s(),
                blend.deserted_s(),
                survival.deserted_s()
            );
        }
    }

    fn of(&self, rule: Rule, wanted: impl Fn(Kind, u32) -> bool) -> Sum {
        of(&self.even, rule, wanted)
    }

    /// The pictures, by file name.
    #[must_use]
    pub fn pictures(&self) -> [(&'static str, String); 3] {
        [
            ("trade-off.svg", self.trade_off()),
            ("by-kind.svg", self.kinds_picture()),
            ("over-time.svg", self.over_time()),
        ]
    }

    fn trade_off(&self) -> String {
        let point = |rule: Rule, label: &str| {
            let sum = self.of(rule, |_, _| true);
            (
                sum.deserted_s(),
                sum.per_mille(sum.needless),
                label.to_owned(),
            )
        };
        let shown = FIXED.into_iter().filter(|seconds| *seconds >= SHOWN_FROM);
        let fixed = shown.map(|s| point(Rule::Fixed(s), &format!("{s} s")));
        let one = |rule: Rule| Series {
            name: rule.name(),
            points: vec![point(rule, "")],
        };
        let series = [
            Series {
                name: "fixed windows".into(),
                points: fixed.collect(),
            },
            one(Rule::Blend),
            one(Rule::Survival),
        ];
        let labels = Labels {
            title: "What is gained, and what it costs",
            x: "seconds that an attempt nobody scans stays open",
            y: "needless regenerations per 1,000 attempts",
        };
        curves(labels, &series)
    }

    fn kinds_picture(&self) -> String {
        let groups = Kind::FOUR.map(|kind| {
            let value = |rule| {
                let sum = self.of(rule, |k, _| k == kind);
                sum.per_mille(sum.needless)
            };
            (kind.as_str().to_owned(), MAIN.map(value).to_vec())
        });
        let labels = Labels {
            title: "Needless regenerations by kind of people",
            x: "",
            y: "per 1,000 attempts",
        };
        bars(labels, &MAIN.map(Rule::name), &groups)
    }

    fn over_time(&self) -> String {
        let series = MAIN.map(|rule| {
            let point = |start: u32| {
                let sum = self.of(rule, |_, day| (start..start + STRIDE).contains(&day));
                let middle = f64::from(start) + f64::from(STRIDE) / 2.0;
                (middle, sum.per_mille(sum.needless), String::new())
            };
            let starts = (0..DAYS).step_by(STRIDE as usize);
            Series {
                name: rule.name(),
                points: starts.map(point).collect(),
            }
        });
        let labels = Labels {
            title: "Learning: needless regenerations over two months",
            x: "days since the first attempt",
            y: "per 1,000 attempts",
        };
        curves(labels, &series)
    }

    /// `document` with the figures in their place; `None` when it has no such place.
    #[must_use]
    pub fn into_document(&self, document: &str) -> Option<String> {
        let (before, rest) = document.split_once(BEGIN)?;
        let (_, after) = rest.split_once(END)?;
        Some(format!(
            "{before}{BEGIN}\n\n{}\n{END}{after}",
            self.tables()
        ))
    }
}

/// The least and the most that the default spares, over the seeds.
fn spread(results: &BTreeMap<Rule, Vec<Result>>, wanted: impl Fn(Kind, u32) -> bool) -> String {
    let (Some(usual), Some(learned)) = (results.get(&USUAL), results.get(&Rule::Survival)) else {
        return String::new();
    };
    let pairs = usual.iter().zip(learned);
    let each = pairs.map(|(usual, learned)| saved(usual.sum(&wanted), learned.sum(&wanted)));
    let (least, most) = each.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), one| {
        (least.min(one), most.max(one))
    });
    format!("{least:.0} to {most:.0}")
}

fn of(
    results: &BTreeMap<Rule, Vec<Result>>,
    rule: Rule,
    wanted: impl Fn(Kind, u32) -> bool,
) -> Sum {
    results
        .get(&rule)
        .map_or_else(Sum::default, |each| joined(each).sum(wanted))
}
