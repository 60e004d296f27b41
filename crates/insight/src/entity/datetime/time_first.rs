//! A time that stands before its day, or without one.

use super::hours::{
    bare_hour, clock_range, dotted_alone_at, dotted_before_a_day, half_after, is_b4, stands_alone,
};
use super::{CONFIDENCE, CONFIDENCE_BARE, Named, Pass, Step, midnight_day, moment};
use crate::doc::Gap;
use crate::entity::calendar::{Day, day_at};
use crate::entity::moment::Value;
use crate::entity::time_of_day::{Clock, Half, certain_at};

/// Small words between a time and its day at most.
const BETWEEN_MAX: usize = 3;

/// A time, with the day behind it, or the day named before, or its next occurrence.
pub(super) fn time_and_day(pass: &Pass<'_, '_>, i: usize, named: Option<Named>) -> Option<Step> {
    let doc = pass.doc;
    let introduced = matches!(
        doc.word_before(i),
        "at" | "around" | "by" | "after" | "before" | "till" | "until" | "@"
    ) || doc.is_mark(i.wrapping_sub(1), '@')
        || is_b4(doc, i)
        || matches!(doc.word_before(i), "بعد" | "قبل")
            && doc.digits(i).is_some()
            && stands_alone(pass, i + 1);
    if let Some(range) = clock_range(pass, i) {
        return times_and_day(pass, i, named, range);
    }
    let clock = certain_at(pass, i)
        .map(|clock| (clock, CONFIDENCE))
        .or_else(|| {
            introduced
                .then(|| bare_hour(pass, i).or_else(|| dotted_alone_at(pass, i)))
                .flatten()
                .or_else(|| dotted_before_a_day(pass, i))
                .map(|clock| (clock, CONFIDENCE_BARE))
        });
    let (clock, confidence) = clock?;
    // `noise starts 6am daily`
    if matches!(doc.word(clock.next), "daily" | "everyday" | "يوميا") {
        return Some(Step {
            values: Vec::new(),
            end: clock.next + 1,
            day: None,
        });
    }
    if let Some(day) = day_behind(pass, clock.next) {
        let half = if day.half == Half::Unsaid {
            half_after(pass, day.next)
        } else {
            day.half
        };
        let time = clock.time(half)?;
        let date = midnight_day(day.date, time, half);
        return Some(Step::one(
            moment(date, time, i, day.next, CONFIDENCE),
            Some(Named::new(date, half)),
        ));
    }
    of_a_known_day(pass, (i, clock, confidence), named)
}

/// A time of the day named before, or its next occurrence.
fn of_a_known_day(
    pass: &Pass<'_, '_>,
    (i, clock, confidence): (usize, Clock, f32),
    named: Option<Named>,
) -> Option<Step> {
    let Some(day) = named else {
        let now = pass.context.at.datetime();
        let (time, is_tomorrow) = clock.next_after(now.time())?;
        let date = if is_tomorrow {
            now.date().tomorrow().ok()?
        } else {
            now.date()
        };
        return Some(Step::one(
            moment(date, time, i, clock.next, confidence).of_another_day(),
            None,
        ));
    };
    let time = clock.time(day.half)?;
    Some(Step::one(
        moment(day.date, time, i, clock.next, confidence).of_another_day(),
        None,
    ))
}

/// Two times, with the day behind them, or the day named before.
fn times_and_day(
    pass: &Pass<'_, '_>,
    i: usize,
    named: Option<Named>,
    (first, second, second_from): (Clock, Clock, usize),
) -> Option<Step> {
    let behind = day_behind(pass, second.next);
    let (day, end) = match behind {
        Some(day) => (Named::new(day.date, day.half), day.next),
        None => (named.unwrap_or_else(|| today(pass, first)), second.next),
    };
    let from = moment(day.date, first.time(day.half)?, i, first.next, CONFIDENCE);
    let to = moment(
        day.date,
        second.time(day.half)?,
        second_from,
        end,
        CONFIDENCE,
    );
    let values = match behind {
        Some(_) => vec![from, to],
        None => vec![from.of_another_day(), to.of_another_day()],
    };
    Some(Step {
        values,
        end,
        day: behind.map(|_| day),
    })
}

/// `can't do 3pm, what about 4?`, `5pm works, 4 doesn't`: an hour beside one that was named.
pub(super) fn another_time_at(
    pass: &Pass<'_, '_>,
    i: usize,
    named: Option<&Value>,
) -> Option<Step> {
    let doc = pass.doc;
    let named = named.filter(|value| value.time.is_some())?;
    let clock = bare_hour(pass, i)?;
    let asked =
        doc.word_before(i) == "about" && i >= 2 && matches!(doc.word(i - 2), "what" | "how");
    let offered = (asked || doc.word_before(i) == "rather") && stands_alone(pass, clock.next);
    let judged = matches!(
        doc.word(clock.next),
        "doesn't" | "works" | "suits" | "won't"
    );
    (offered || judged).then_some(())?;
    let evening = named.time.is_some_and(|time| time.hour() >= 12);
    let half = if evening {
        Half::Evening
    } else {
        Half::Morning
    };
    let value = moment(
        named.date,
        clock.time(half)?,
        i,
        clock.next,
        CONFIDENCE_BARE,
    );
    Some(Step::one(value.of_another_day(), None))
}

/// The day on which a time comes next.
fn today(pass: &Pass<'_, '_>, clock: Clock) -> Named {
    let now = pass.context.at.datetime();
    let date = match clock.time(Half::Unsaid) {
        Some(time) if time <= now.time() => now.date().tomorrow().unwrap_or(now.date()),
        _ => now.date(),
    };
    Named::new(date, Half::Unsaid)
}

/// `3pm on Friday`, `10:30 tomorrow`, `الساعة 5 يوم الخميس`.
pub(super) fn day_behind(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
    let doc = pass.doc;
    let mut at = i;
    for _ in 0..BETWEEN_MAX {
        let skip = matches!(
            doc.word(at),
            "on" | "of" | "this" | "the" | "for" | "في" | "from" | "coming"
        ) || doc.is_any_mark(at, ",-(");
        if let Some(day) =
            day_at(pass, at).filter(|day| !day.has_time && pass.is_free(at..day.next))
        {
            return Some(day);
        }
        if !skip || doc.gap(at) == Gap::Line {
            return None;
        }
        at += 1;
    }
    day_at(pass, at).filter(|day| !day.has_time)
}
