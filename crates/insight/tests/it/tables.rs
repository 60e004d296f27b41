//! What people write about each kind of value, one line a message, and all values that it holds.
//!
//! The lines are in `tables/*.txt`: `text => kind value | kind value`, with nothing behind `=>` where there is no
//! value. They were written on Monday, 23 February 2026, at ten in the morning in Dubai.

use super::values;

struct Row<'t> {
    text: &'t str,
    wanted: Vec<String>,
}

fn rows(table: &str) -> Vec<Row<'_>> {
    table
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with("# "))
        .map(|line| {
            let (text, wanted) = line.split_once(" =>").expect("a row has `=>`");
            let mut wanted: Vec<String> = wanted
                .split(" | ")
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
                .collect();
            wanted.sort();
            Row { text, wanted }
        })
        .collect()
}

/// All rows must hold; those that do not are printed together.
#[track_caller]
fn holds(table: &str) {
    let rows = rows(table);
    assert!(rows.len() >= 25, "a table of {} rows is none", rows.len());
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let mut found = values(row.text);
            found.sort();
            (found != row.wanted).then(|| {
                format!(
                    "{}\n   wanted {:?}\n   found  {found:?}",
                    row.text, row.wanted
                )
            })
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} wrong:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}

#[test]
fn money_in_many_words() {
    holds(include_str!("tables/money.txt"));
}

#[test]
fn days_in_many_words() {
    holds(include_str!("tables/dates.txt"));
}

#[test]
fn moments_in_many_words() {
    holds(include_str!("tables/datetimes.txt"));
}

#[test]
fn lengths_of_time_in_many_words() {
    holds(include_str!("tables/durations.txt"));
}

#[test]
fn sizes_rooms_and_shares_in_many_words() {
    holds(include_str!("tables/sizes.txt"));
}

#[test]
fn counts_and_measures_in_many_words() {
    holds(include_str!("tables/counts.txt"));
}

#[test]
fn doors_and_papers_in_many_words() {
    holds(include_str!("tables/units.txt"));
}

#[test]
fn people_in_many_words() {
    holds(include_str!("tables/people.txt"));
}

#[test]
fn places_in_many_words() {
    holds(include_str!("tables/places.txt"));
}

#[test]
fn ways_to_reach_somebody_in_many_words() {
    holds(include_str!("tables/contacts.txt"));
}

#[test]
fn kinds_of_property_in_many_words() {
    holds(include_str!("tables/kinds.txt"));
}

#[test]
fn whole_messages_in_many_words() {
    holds(include_str!("tables/messages.txt"));
}

#[test]
fn what_is_written_day_by_day() {
    holds(include_str!("tables/daily.txt"));
}

#[test]
fn numbers_lean_on_what_they_are_compared_with() {
    holds(include_str!("tables/leaning.txt"));
}
