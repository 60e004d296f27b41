//! What repeats, which is no day and no moment.

use super::hours::{bare_range, clock_range, skip_between, time_after};
use super::{Pass, Step};
use crate::entity::time_of_day::expected_at;

/// `every Friday at 5`, `daily at 9am`: what repeats is no day and no moment.
pub(super) fn repeated_at(pass: &Pass<'_, '_>, i: usize) -> Option<Step> {
    let doc = pass.doc;
    if let Some(end) = workdays_at(doc, i).or_else(|| hours_of_workdays(pass, i)) {
        return Some(without_times(pass, end));
    }
    let day = match doc.word(i) {
        "every" | "each" | "كل" => i + 1,
        "daily" | "everyday" | "يوميا" => i,
        _ => return None,
    };
    let end = match crate::entity::weekday::weekday_name(doc, day) {
        Some((_, end)) => end,
        None if day == i
            || matches!(
                doc.word(day),
                "day" | "morning" | "evening" | "night" | "يوم"
            ) =>
        {
            day + 1
        }
        None => return None,
    };
    Some(without_times(pass, end))
}

/// `mon-fri`, `Sunday to Thursday`: days on which something is done each week.
fn workdays_at(doc: &crate::doc::Doc<'_>, i: usize) -> Option<usize> {
    let day = |at: usize| doc.word(at).get(..3).filter(|_| doc.word(at).is_ascii());
    let joined =
        doc.is_mark(i + 1, '-') || matches!(doc.word(i + 1), "to" | "till" | "thru" | "through");
    let week = matches!(
        (day(i)?, joined.then(|| day(i + 2))??),
        ("mon", "fri" | "sat" | "thu" | "sun") | ("sun", "thu" | "fri") | ("sat", "thu")
    );
    let named = |at: usize| {
        matches!(
            doc.word(at),
            "mon" | "fri" | "sat" | "thu" | "thur" | "thurs" | "sun"
        ) || doc.word(at).ends_with("day")
    };
    (week && named(i) && named(i + 2) && !matches!(doc.word_before(i), "from" | "moved" | "move"))
        .then_some(i + 3)
}

/// `9 to 6 Sat to Thu`: opening hours and the days behind them.
fn hours_of_workdays(pass: &Pass<'_, '_>, i: usize) -> Option<usize> {
    let doc = pass.doc;
    let first = expected_at(pass, i)?;
    let joined =
        doc.is_mark(first.next, '-') || matches!(doc.word(first.next), "to" | "till" | "until");
    let second = joined.then(|| expected_at(pass, first.next + 1))??;
    workdays_at(doc, second.next)
}

/// What repeats up to a token, with the time behind it.
fn without_times(pass: &Pass<'_, '_>, end: usize) -> Step {
    let at = skip_between(pass, end).0;
    let end = match clock_range(pass, at) {
        Some((_, second, _)) => second.next,
        None => bare_range(pass, at)
            .map(|(_, second, _)| second.next)
            .or_else(|| time_after(pass, end).map(|(clock, _)| clock.next))
            .unwrap_or(end),
    };
    Step {
        values: Vec::new(),
        end,
        day: None,
    }
}
