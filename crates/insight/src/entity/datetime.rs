//! Days and moments: absolute, relative and mixed, in English and Arabic.
//!
//! A date and a time next to each other are one moment. A time alone means its next occurrence, or a time
//! of the day that was named just before. Days come first in `25/02` and `05/06`.

mod hours;
mod offset;
mod repeated;
mod time_first;

use self::hours::{bare_range, clock_range, skip_between, time_after};
use self::offset::offset_at;
use self::repeated::repeated_at;
use self::time_first::{another_time_at, time_and_day};
use super::Pass;
use super::calendar::day_at;
use super::moment::{Value, is_one_sentence, joined};
use super::time_of_day::{Half, certain_at, half_at};
use jiff::civil::{Date, Time};

const CONFIDENCE: f32 = 0.92;
const CONFIDENCE_BARE: f32 = 0.82;

/// Finds days and moments.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    // The day that a later time belongs to: `tomorrow between 3 and 5`.
    let mut named_day: Option<Named> = None;
    let mut values: Vec<Value> = Vec::new();
    while i < pass.doc.len() && values.len() < super::ENTITIES_MAX {
        if !pass.is_open(i) {
            i += 1;
            continue;
        }
        let day = named_day.filter(|day| !is_past(pass, day) || is_one_sentence(pass, day.to, i));
        let step = repeated_at(pass, i)
            .or_else(|| offset_at(pass, i))
            .or_else(|| day_and_time(pass, i))
            .or_else(|| time_and_day(pass, i, day))
            .or_else(|| another_time_at(pass, i, values.last()));
        match step.filter(|step| pass.is_free(i..step.end)) {
            Some(step) => {
                named_day = step
                    .day
                    .map(|day| Named {
                        to: step.end,
                        ..day
                    })
                    .or(named_day);
                if step.values.is_empty() {
                    pass.claim(i..step.end);
                }
                i = step.end;
                values.extend(step.values);
            }
            None => i += 1,
        }
    }
    for value in joined(pass, values) {
        let (kind, text) = value.normal_form();
        pass.add(kind, text, value.from..value.to, value.confidence);
    }
}

fn is_past(pass: &Pass<'_, '_>, day: &Named) -> bool {
    day.date < pass.context.at.date()
}

/// A day that was named, with the half of it.
#[derive(Debug, Clone, Copy)]
struct Named {
    date: Date,
    half: Half,
    /// The token after it.
    to: usize,
}

impl Named {
    fn new(date: Date, half: Half) -> Self {
        Self { date, half, to: 0 }
    }
}

struct Step {
    values: Vec<Value>,
    end: usize,
    day: Option<Named>,
}

impl Step {
    fn one(value: Value, day: Option<Named>) -> Self {
        Self {
            end: value.to,
            values: vec![value],
            day,
        }
    }
}

fn moment(date: Date, time: Time, from: usize, to: usize, confidence: f32) -> Value {
    Value {
        date,
        time: Some(time),
        own_day: true,
        from,
        to,
        confidence,
    }
}

fn only_day(date: Date, from: usize, to: usize) -> Value {
    Value {
        date,
        time: None,
        own_day: true,
        from,
        to,
        confidence: CONFIDENCE,
    }
}

/// A day, and the time behind it if there is one.
fn day_and_time(pass: &Pass<'_, '_>, i: usize) -> Option<Step> {
    let day = day_at(pass, i)?;
    let mut half = day.half;
    let mut end = day.next;
    if let Some((said, after)) = half_at(pass.doc, end).filter(|_| half == Half::Unsaid) {
        half = said;
        end = after;
    }
    let named = Named::new(day.date, half);
    if day.has_time
        && let Some(clock) = certain_at(pass, end)
        && let Some(time) = clock.time(half)
    {
        return Some(Step::one(
            moment(day.date, time, i, clock.next, CONFIDENCE),
            Some(named),
        ));
    }
    if let Some(step) = range_after(pass, i, end, named) {
        return Some(step);
    }
    if let Some((clock, said)) = time_after(pass, end) {
        let half = if said == Half::Unsaid { half } else { said };
        if let Some(time) = clock.time(half) {
            let date = midnight_day(day.date, time, half);
            return Some(Step::one(
                moment(date, time, i, clock.next, CONFIDENCE),
                Some(Named::new(date, half)),
            ));
        }
    }
    // `went out this morning` tells when, and names no day; a time may still lean on it.
    if pass.doc.word(i) == "this" && pass.doc.word(i + 1) == "morning" {
        return Some(Step {
            values: Vec::new(),
            end,
            day: Some(named),
        });
    }
    Some(Step::one(only_day(day.date, i, end), Some(named)))
}

/// The night's midnight belongs to the day after.
fn midnight_day(date: Date, time: Time, half: Half) -> Date {
    if time.hour() == 0 && time.minute() == 0 && half == Half::Evening {
        date.tomorrow().unwrap_or(date)
    } else {
        date
    }
}

/// `between 3 and 5 pm`, `3-5pm`, `from 10 to 12` behind a day.
fn range_after(pass: &Pass<'_, '_>, from: usize, i: usize, day: Named) -> Option<Step> {
    let at = skip_between(pass, i).0;
    let (first, second, second_from) = clock_range(pass, at).or_else(|| bare_range(pass, at))?;
    let values = vec![
        moment(
            day.date,
            first.time(day.half)?,
            from,
            first.next,
            CONFIDENCE,
        ),
        moment(
            day.date,
            second.time(day.half)?,
            second_from,
            second.next,
            CONFIDENCE,
        ),
    ];
    Some(Step {
        values,
        end: second.next,
        day: Some(day),
    })
}
