//! How right intents and feelings are on messages that the model has not learnt from: every fifth of
//! `data/insight/train.jsonl` in turn, with all else learnt, and what is taken for what. Last, all of them by a model
//! that learnt the other messages alone: how far it carries to another hand.
//!
//! `cargo run --release -p waypost-insight --example folds -- data/insight/train.jsonl data/insight/examples.jsonl`;
//! anything after the two files has the misses printed too.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;
use waypost_insight::eval::{Listing, evaluate, read};
use waypost_insight::{Analyzer, Input, Settings, SettingsError};

/// Parts that the messages are split into.
const FOLDS: usize = 5;
/// Confusions that are printed.
const SHOWN: usize = 30;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let judged = std::fs::read_to_string(args.next().ok_or("name the messages to be judged")?)?;
    let beside = match args.next() {
        Some(path) => std::fs::read_to_string(path)?,
        None => String::new(),
    };
    let misses = args.next().is_some();
    let lines: Vec<&str> = judged.lines().filter(|l| !l.trim().is_empty()).collect();
    let default: jiff::Zoned = "2026-01-01T10:00[Asia/Dubai]".parse()?;
    let zone = |name: &str| jiff::tz::TimeZone::get(name).ok();
    let mut confusions: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (mut intents, mut refused, mut feelings) = (0.0, 0.0, 0.0);
    for fold in 0..FOLDS {
        let part = |held: bool| -> Vec<&str> {
            let in_part = |at: usize| (at % FOLDS == fold) == held;
            let numbered = lines.iter().enumerate();
            numbered
                .filter(|(at, _)| in_part(*at))
                .map(|(_, l)| *l)
                .collect()
        };
        let started = Instant::now();
        let analyzer = learnt_from(format!("{}\n{beside}", part(false).join("\n")))?;
        let took = started.elapsed().as_millis();
        let cases = read(&part(true).join("\n"), &zone, &default)?;
        let report = evaluate(&analyzer, &cases, None, Listing::Figures, &mut || 0);
        let (Some(intent), Some(sentiment)) = (report.intent, report.sentiment) else {
            return Err("the messages have no intents or feelings".into());
        };
        let outside = intent.out_of_scope_recall.unwrap_or(0.0);
        println!(
            "fold {fold}: intents {:.3}, refused {outside:.3}, feelings {:.3}, learnt in {took} ms",
            intent.accuracy, sentiment.accuracy
        );
        intents += intent.accuracy / FOLDS as f64;
        refused += outside / FOLDS as f64;
        feelings += sentiment.accuracy / FOLDS as f64;
        for case in &cases {
            let input = Input {
                text: &case.record.text,
                at: &case.at,
                locale: case.record.locale.as_deref(),
            };
            let said = analyzer.analyze(&input).intent;
            if let Some(wanted) = case.record.intent.clone().filter(|w| *w != said.name) {
                if misses {
                    println!(
                        "{wanted} > {} {:.2}: {}",
                        said.name, said.confidence, input.text
                    );
                }
                *confusions.entry((wanted, said.name)).or_default() += 1;
            }
        }
    }
    println!("intents {intents:.4}, refused {refused:.4}, feelings {feelings:.4}");
    let mut sorted: Vec<_> = confusions.into_iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for ((wanted, said), count) in sorted.into_iter().take(SHOWN) {
        println!("{count:>3} {wanted} taken for {said}");
    }
    if !beside.is_empty() {
        let cases = read(&judged, &zone, &default)?;
        let analyzer = learnt_from(beside)?;
        let report = evaluate(&analyzer, &cases, None, Listing::Figures, &mut || 0);
        if let (Some(intent), Some(sentiment)) = (report.intent, report.sentiment) {
            let outside = intent.out_of_scope_recall.unwrap_or(0.0);
            println!(
                "the other messages alone: intents {:.4}, refused {outside:.4}, feelings {:.4}",
                intent.accuracy, sentiment.accuracy
            );
        }
    }
    Ok(())
}

fn learnt_from(labelled: String) -> Result<Analyzer, SettingsError> {
    Analyzer::new(Settings {
        labelled,
        ..Settings::default()
    })
}
