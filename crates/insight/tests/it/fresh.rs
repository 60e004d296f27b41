//! Messages that were written, with their values, before anybody looked at how they are read.
//!
//! `tables/fresh-*.txt` have the form of the other tables; `\n` is a new line. Rows that are still read wrong are
//! left in them, so that their share is known and kept from growing. `WAYPOST_MISSES=1` prints them.

use super::{ANALYZER, monday};
use waypost_insight::eval::{Case, Expected, Listing, Record, evaluate};

fn case(line: &str) -> Case {
    let (text, wanted) = line.split_once(" =>").expect("a row has `=>`");
    let wanted = wanted.split(" | ").map(str::trim).filter(|v| !v.is_empty());
    let entities = wanted.map(|value| {
        let (kind, value) = value.split_once(' ').expect("a kind and a value");
        Expected {
            kind: serde_json::from_value(kind.into()).expect("a kind"),
            value: value.to_owned(),
        }
    });
    Case {
        record: Record {
            text: text.replace("\\n", "\n"),
            at: None,
            timezone: None,
            locale: None,
            entities: Some(entities.collect()),
            intent: None,
            sentiment: None,
            rating: None,
        },
        at: monday(),
    }
}

#[track_caller]
fn is_read(table: &str, f1_min: f64) {
    let rows = table
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("# "));
    let cases: Vec<Case> = rows.map(case).collect();
    let report = evaluate(&ANALYZER, &cases, None, Listing::Misses, &mut || 0);
    let entities = report.entities.expect("rows have values");
    println!("{} messages, {:.4?}", cases.len(), entities.all);
    for (kind, score) in &entities.per_kind {
        println!("{kind:<14} {score:.3?}");
    }
    if std::env::var_os("WAYPOST_MISSES").is_some() {
        for miss in &report.misses {
            println!(
                "MISS {:<13} -{:?} +{:?} | {}",
                miss.what,
                miss.missing,
                miss.wrong,
                miss.text.replace('\n', " / ")
            );
        }
    }
    assert!(
        entities.all.f1 >= f1_min,
        "F1 {:.4} is below {f1_min}",
        entities.all.f1
    );
}

#[test]
fn the_first_unseen_messages_are_read() {
    is_read(include_str!("tables/fresh-1.txt"), 0.985);
}

#[test]
fn the_second_unseen_messages_are_read() {
    is_read(include_str!("tables/fresh-2.txt"), 0.965);
}

#[test]
fn the_third_unseen_messages_are_read() {
    is_read(include_str!("tables/fresh-3.txt"), 0.96);
}

#[test]
fn the_fourth_unseen_messages_are_read() {
    is_read(include_str!("tables/fresh-4.txt"), 0.96);
}

#[test]
fn the_fifth_unseen_messages_are_read() {
    is_read(include_str!("tables/fresh-5.txt"), 0.97);
}

#[test]
fn the_sixth_unseen_messages_are_read() {
    is_read(include_str!("tables/fresh-6.txt"), 0.985);
}

#[test]
fn the_seventh_unseen_messages_are_read() {
    is_read(include_str!("tables/fresh-7.txt"), 0.95);
}

#[test]
fn the_eighth_unseen_messages_are_read() {
    is_read(include_str!("tables/fresh-8.txt"), 0.94);
}

#[test]
fn the_ninth_unseen_messages_are_read() {
    is_read(include_str!("tables/fresh-9.txt"), 0.93);
}
