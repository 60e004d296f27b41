//! Days and times that one sentence tells apart, brought together.
//!
//! A time that took its day from a date leaves no date beside it (`Saturday only, can they come at 8 am?`), and a
//! time before a date takes that day (`4:30 pm Cairo time Thursday`).

use super::{Kind, Pass};
use jiff::civil::{Date, DateTime, Time};

/// Tokens of a sentence between a day and its time at most.
const SENTENCE_MAX: usize = 12;

/// A day or a moment on its way.
pub(super) struct Value {
    pub(super) date: Date,
    pub(super) time: Option<Time>,
    /// Whether the day was said together with the time.
    pub(super) own_day: bool,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) confidence: f32,
}

impl Value {
    /// The kind, and the day or the minute in ISO 8601.
    pub(super) fn normal_form(&self) -> (Kind, String) {
        match self.time {
            Some(time) => {
                let at = DateTime::from_parts(self.date, time);
                (Kind::Datetime, at.strftime("%Y-%m-%dT%H:%M").to_string())
            }
            None => (Kind::Date, self.date.to_string()),
        }
    }

    /// The same time, whose day was said elsewhere.
    pub(super) fn of_another_day(self) -> Self {
        Self {
            own_day: false,
            ..self
        }
    }
}

/// Whether no sentence ends between two places that are not far from each other.
pub(super) fn is_one_sentence(pass: &Pass<'_, '_>, from: usize, to: usize) -> bool {
    let ends = |i: usize| {
        pass.doc.begins_line(i)
            || pass.doc.is_any_mark(i, "?!;")
            || pass.doc.is_mark(i, '.') && !pass.doc.is_glued(i + 1)
    };
    from <= to && to - from <= SENTENCE_MAX && !(from..to).any(ends) && !pass.doc.begins_line(to)
}

/// Days and times that a sentence tells apart, brought together: a time that took its day from a date leaves no
/// date beside it, and a time before a date takes that day.
pub(super) fn joined(pass: &mut Pass<'_, '_>, mut values: Vec<Value>) -> Vec<Value> {
    for i in 0..values.len() {
        same_time(pass, &mut values, i);
    }
    let mut absorbed = vec![false; values.len()];
    for i in 0..values.len() {
        if values[i].time.is_some() {
            continue;
        }
        // `Saturday only, shall I book them for 8 am?`
        let later = values.get(i + 1).is_some_and(|next| {
            next.time.is_some() && !next.own_day && next.date == values[i].date
        });
        if later
            && (is_one_sentence(pass, values[i].to, values[i + 1].from)
                || is_labelled(pass, values[i].to, values[i + 1].from))
        {
            absorbed[i] = true;
            continue;
        }
        // `4:30 pm cairo time thurs`
        let mut first = i;
        while first > 0
            && values[first - 1].time.is_some()
            && !values[first - 1].own_day
            && is_one_sentence(pass, values[first - 1].to, values[first].from)
        {
            first -= 1;
        }
        if first < i && !is_parted(pass, values[i - 1].to, values[i].from) {
            let date = values[i].date;
            for value in &mut values[first..i] {
                value.date = date;
            }
            absorbed[i] = true;
        }
    }
    let mut kept = Vec::with_capacity(values.len());
    for (value, gone) in values.into_iter().zip(absorbed) {
        if gone {
            pass.claim(value.from..value.to);
        } else {
            kept.push(value);
        }
    }
    kept
}

/// `moved to Thursday same time`: the time that was named before.
fn same_time(pass: &Pass<'_, '_>, values: &mut [Value], i: usize) {
    let to = values[i].to;
    let says_so = pass.doc.word(to) == "same" && matches!(pass.doc.word(to + 1), "time" | "timing")
        || pass.doc.word(to) == "نفس" && matches!(pass.doc.word(to + 1), "الوقت" | "الموعد");
    let before = values[..i].iter().rev().find_map(|value| value.time);
    if says_so && values[i].time.is_none() && before.is_some() {
        values[i].time = before;
        values[i].own_day = true;
    }
}

/// `Viewing: Tuesday`, and `Time: 17:00` in the next line; `Wednesday:`, and times in the lines below.
fn is_labelled(pass: &Pass<'_, '_>, from: usize, to: usize) -> bool {
    const GAP_MAX: usize = 4;
    let label = |i: usize| matches!(pass.doc.word(i), "time" | "timing" | "الوقت" | "الساعه");
    let heading = to == from + 1 && pass.doc.is_mark(from, ':');
    from < to && to - from <= GAP_MAX && ((from..to).any(label) || heading)
}

/// Whether words between a time and a day part the two: `at 5 or tomorrow`.
fn is_parted(pass: &Pass<'_, '_>, from: usize, to: usize) -> bool {
    const GAP_MAX: usize = 4;
    let parts = |i: usize| {
        pass.doc.is_mark(i, ',') && !matches!(pass.doc.word(i + 1), "all" | "on" | "this")
            || matches!(
                pass.doc.word(i),
                "or" | "and"
                    | "but"
                    | "then"
                    | "moved"
                    | "instead"
                    | "until"
                    | "till"
                    | "from"
                    | "since"
                    | "if"
                    | "not"
                    | "to"
                    | "او"
                    | "و"
                    | "بدل"
                    | "by"
                    | "before"
            )
    };
    from > to || to - from > GAP_MAX || (from..to).any(parts)
}
