//! Days counted from the day of the message.

use super::hours::time_after;
use super::{CONFIDENCE, Named, Pass, Step, moment, only_day};
use crate::doc::Gap;
use crate::entity::calendar::day_at;
use crate::entity::duration::{Length, TimeUnit, length_at};
use crate::entity::time_of_day::Half;
use jiff::{Span, ToSpan};
use rust_decimal::prelude::ToPrimitive;

/// `in 2 hours`, `3 days ago`, `after two weeks`, `بعد يومين`.
pub(super) fn offset_at(pass: &Pass<'_, '_>, i: usize) -> Option<Step> {
    let doc = pass.doc;
    let forward = matches!(doc.word(i), "in" | "بعد" | "after");
    let at = if forward { i + 1 } else { i };
    let at = if forward
        && matches!(
            doc.word(at),
            "about" | "around" | "another" | "next" | "like" | "حوالي" | "the"
        ) {
        at + 1
    } else {
        at
    };
    let past_first = matches!(doc.word(i), "قبل" | "من") && i + 1 < doc.len();
    let at = if past_first { i + 1 } else { at };
    let length = offset_length(pass, at, forward || past_first)?;
    let had = doc.word(i) == "in"
        && (i.saturating_sub(4)..i)
            .any(|at| matches!(doc.word(at), "had" | "got" | "did" | "took" | "lost"));
    if doc.word(i) == "after" && tells_what_happened(pass, i) || had {
        // `peeling after 3 weeks`: how long it took.
        return None;
    }
    let (sign, end) = match (doc.word(length.next), doc.word(length.next + 1)) {
        // `90 days before expiry` is how long before.
        ("before", next) if !forward && !next.is_empty() => return None,
        ("ago" | "back" | "before", _) if !forward => (-1, length.next + 1),
        ("from", "now" | "today") => (1, length.next + 2),
        ("later", _) if forward => (1, length.next + 1),
        ("time", _) | ("times", _) if forward => (1, length.next + 1),
        ("من", "الان" | "اليوم" | "الحين") => (1, length.next + 2),
        _ if past_first => (-1, length.next),
        _ if forward => (1, length.next),
        _ => return None,
    };
    moved(pass, length, sign, i, end)
}

/// Whether the sentence before a place speaks of what has happened.
fn tells_what_happened(pass: &Pass<'_, '_>, i: usize) -> bool {
    (i.saturating_sub(10)..i)
        .rev()
        .map(|at| pass.doc.word(at))
        .any(|word| {
            (word.len() > 4 && word.ends_with("ed"))
                || matches!(
                    word,
                    "got"
                        | "came"
                        | "was"
                        | "were"
                        | "did"
                        | "broke"
                        | "stopped"
                        | "still"
                        | "gave"
                        | "took"
                        | "sent"
                        | "peeling"
                        | "leaking"
                        | "even"
                        | "only"
                )
        })
}

/// The length of an offset: also `سنة` or `اسبوع` alone behind `بعد`.
fn offset_length(pass: &Pass<'_, '_>, at: usize, introduced: bool) -> Option<Length> {
    length_at(pass, at).or_else(|| {
        let unit = match pass.doc.word(at) {
            "ساعه" => TimeUnit::Hour,
            // `من يوم الخميس`: the day itself comes next.
            "يوم" if day_at(pass, at).is_none() => TimeUnit::Day,
            "اسبوع" => TimeUnit::Week,
            "شهر" => TimeUnit::Month,
            "سنه" => TimeUnit::Year,
            _ => return None,
        };
        introduced.then_some(Length {
            count: 1.into(),
            unit,
            next: at + 1,
        })
    })
}

fn moved(pass: &Pass<'_, '_>, length: Length, sign: i64, i: usize, end: usize) -> Option<Step> {
    let doc = pass.doc;
    let now = pass.context.at;
    let halves = (length.count * rust_decimal::Decimal::from(2))
        .to_i64()
        .filter(|n| *n <= 20_000)?;
    let count = halves / 2 * sign;
    let is_half = halves % 2 == 1;
    let span: Span = match length.unit {
        TimeUnit::Year if is_half => (halves * 6 * sign).months(),
        TimeUnit::Year => count.years(),
        TimeUnit::Month => count.months(),
        TimeUnit::Week => count.weeks(),
        TimeUnit::Day => count.days(),
        TimeUnit::Hour => (halves * 30 * sign).minutes(),
        TimeUnit::Minute => count.minutes(),
        TimeUnit::Second => return None,
    };
    if matches!(length.unit, TimeUnit::Hour | TimeUnit::Minute) {
        // `in 20 min` is a length of time; the moment is as vague as what was said.
        return None;
    }
    let then = now.checked_add(span).ok()?;
    let named = Named::new(then.date(), Half::Unsaid);
    if let Some((clock, half)) = time_after(pass, end).filter(|_| doc.gap(end) != Gap::Line) {
        return Some(Step::one(
            moment(then.date(), clock.time(half)?, i, clock.next, CONFIDENCE),
            Some(named),
        ));
    }
    Some(Step::one(only_day(then.date(), i, end), Some(named)))
}
