//! The figures of `docs/accuracy.md`, kept from falling.
//!
//! `WAYPOST_MISSES=1` prints what went wrong on the training messages, and never the test messages.

use super::ANALYZER;
use jiff::Zoned;
use jiff::tz::TimeZone;
use waypost_insight::eval::{Case, Listing, Report, evaluate, read};

fn cases(lines: &str) -> Vec<Case> {
    let default: Zoned = "2026-01-01T10:00[Asia/Dubai]".parse().unwrap();
    read(lines, &|name| TimeZone::get(name).ok(), &default).unwrap()
}

fn measure(cases: &[Case]) -> Report {
    let mut ticks = 0;
    evaluate(&ANALYZER, cases, None, Listing::Misses, &mut || {
        ticks += 1;
        ticks
    })
}

fn print(report: &Report) {
    if let Some(entities) = &report.entities {
        println!("entities {:.4} of {:?}", entities.all.f1, entities.all);
        for (kind, score) in &entities.per_kind {
            println!(
                "{kind:<14} f1 {:.3} p {:.3} r {:.3} n {} found {}",
                score.f1, score.precision, score.recall, score.expected, score.found
            );
        }
    }
    if let Some(intent) = &report.intent {
        println!(
            "intent {:.4}, refused {:?}",
            intent.accuracy, intent.out_of_scope_recall
        );
        for (name, score) in &intent.per_intent {
            println!(
                "{name:<18} f1 {:.3} p {:.3} r {:.3} n {}",
                score.f1, score.precision, score.recall, score.expected
            );
        }
    }
    if let Some(sentiment) = report.sentiment {
        println!("sentiment {:.4}", sentiment.accuracy);
    }
}

#[test]
fn the_training_messages_are_read() {
    let report = measure(&cases(waypost_insight::DEFAULT_LABELLED));
    print(&report);
    if std::env::var_os("WAYPOST_MISSES").is_some() {
        for miss in &report.misses {
            println!(
                "MISS {:<14} -{:?} +{:?} | {}",
                miss.what,
                miss.missing,
                miss.wrong,
                miss.text.replace('\n', " / ")
            );
        }
    }
    assert!(report.entities.unwrap().all.f1 >= 0.98);
}

#[test]
fn the_test_messages_are_read() {
    let report = measure(&cases(include_str!("../../../../data/insight/test.jsonl")));
    print(&report);
    assert!(report.entities.unwrap().all.f1 >= 0.92);
    let intent = report.intent.unwrap();
    assert!(intent.accuracy >= 0.81);
    assert!(intent.out_of_scope_recall.unwrap() >= 0.80);
    assert!(report.sentiment.unwrap().accuracy >= 0.815);
}

#[test]
fn switches_of_topic_are_found() {
    let at: Zoned = "2026-01-01T10:00[Asia/Dubai]".parse().unwrap();
    let lines = include_str!("../../../../data/insight/switches.jsonl");
    let conversations = waypost_insight::eval::switches::read(lines).unwrap();
    let report = waypost_insight::eval::switches::evaluate(&ANALYZER, &conversations, &at);
    println!("switches {:?}", report.switches);
    assert!(report.switches.f1 >= 0.80);
}
