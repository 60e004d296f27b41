//! Days and moments: absolute, relative and mixed, in English and Arabic.
//!
//! A date and a time next to each other are one moment. A time alone means its next occurrence, or a time
//! of the day that was named just before. Days come first in `25/02` and `05/06`.

use super::Pass;
use super::calendar::{Day, day_at};
use super::duration::{TimeUnit, length_at};
use super::moment::{Value, is_one_sentence, joined};
use super::time_of_day::{Clock, Half, certain_at, expected_at, half_at};
use crate::doc::Gap;
use jiff::civil::{Date, Time};
use jiff::{Span, ToSpan};
use rust_decimal::prelude::ToPrimitive;

const CONFIDENCE: f32 = 0.92;
const CONFIDENCE_BARE: f32 = 0.82;
/// Small words between a date and its time at most.
const BETWEEN_MAX: usize = 3;

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

/// `every Friday at 5`, `daily at 9am`: what repeats is no day and no moment.
fn repeated_at(pass: &Pass<'_, '_>, i: usize) -> Option<Step> {
    let doc = pass.doc;
    if let Some(end) = workdays_at(doc, i) {
        return Some(without_times(pass, end));
    }
    let day = match doc.word(i) {
        "every" | "each" | "كل" => i + 1,
        "daily" | "everyday" | "يوميا" => i,
        _ => return None,
    };
    let end = match super::weekday::weekday_name(doc, day) {
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

/// Two times joined by `to`, `-` or `and`, of which at least one is certain.
fn clock_range(pass: &Pass<'_, '_>, i: usize) -> Option<(Clock, Clock, usize)> {
    let doc = pass.doc;
    // `at gate 2 till 6:30`
    let numbered = matches!(
        doc.word_before(i),
        "gate"
            | "tower"
            | "lift"
            | "phase"
            | "building"
            | "bldg"
            | "block"
            | "level"
            | "floor"
            | "exit"
            | "room"
    );
    if numbered {
        return None;
    }
    let first = expected_at(pass, i).or_else(|| bare_before_and(pass, i))?;
    let joined = doc.is_any_mark(first.next, "-/")
        || matches!(
            doc.word(first.next),
            "to" | "and"
                | "till"
                | "until"
                | "or"
                | "الى"
                | "الي"
                | "او"
                | "و"
                | "ل"
                | "لـ"
                | "لين"
                | "لحد"
                | "لغايه"
        );
    let instead = doc.word(first.next) == "instead" && doc.word(first.next + 1) == "of";
    let from = first.next + if instead { 2 } else { 1 };
    let second = (joined || instead).then(|| expected_at(pass, from))??;
    let certain = certain_at(pass, i).is_some()
        || certain_at(pass, from).is_some()
        || instead && day_behind(pass, second.next).is_some();
    let introduced = matches!(doc.word_before(i), "between" | "from" | "بين" | "من");
    (certain || introduced).then_some((first.sharing(second), second, from))
}

/// `Sat 10-12`: two hours behind a day, and nothing that they could count.
fn bare_range(pass: &Pass<'_, '_>, i: usize) -> Option<(Clock, Clock, usize)> {
    let doc = pass.doc;
    let hour = |at: usize| super::time_of_day::bare_at(pass, at).filter(|c| c.next == at + 1);
    let first = hour(i)?;
    let joined = doc.is_mark(first.next, '-') || doc.word(first.next) == "to";
    let second = joined.then(|| hour(first.next + 1))??;
    let dated = doc.is_glued(second.next) && doc.is_mark(second.next, '-');
    let follows = matches!(
        doc.word(second.next),
        "for" | "please" | "pls" | "only" | "because" | "then" | "is" | "works" | "ok"
    );
    ((follows || stands_alone(pass, second.next)) && !dated).then_some((
        first,
        second,
        first.next + 1,
    ))
}

/// The `3` of `3 and 5 pm`.
fn bare_before_and(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    let after = pass.doc.digits(i).filter(|d| d.len() <= 2).map(|_| i + 1)?;
    matches!(pass.doc.word(after), "and" | "or" | "و").then_some(())?;
    let between = matches!(pass.doc.word_before(i), "between" | "بين" | "btw" | "btwn");
    if !between {
        certain_at(pass, after + 1)?;
    }
    super::time_of_day::bare_at(pass, i)
}

/// The time behind a day, over `at`, `@`, `,`, `around`, `evening`.
fn time_after(pass: &Pass<'_, '_>, i: usize) -> Option<(Clock, Half)> {
    let (at, half, expected) = skip_between(pass, i);
    if pass.doc.gap(at) == Gap::Line && at > i {
        return None;
    }
    // `26/2/26 10.00 at the bank`: right behind a day as well.
    let awaited = expected || at == i && pass.doc.gap(at) == Gap::Space && !speaks_of_money(pass);
    let dotted = || dotted_at(pass, at).or_else(|| awaited.then(|| quarter_at(pass, at)).flatten());
    let clock = match certain_at(pass, at).or_else(dotted) {
        Some(clock) => clock,
        None if expected => expected_at(pass, at)?,
        None => expected_at(pass, at).filter(|c| stands_alone(pass, c.next) && at == i)?,
    };
    (pass.doc.gap(i) != Gap::Line || expected).then_some((clock, half))
}

/// `12.15` behind a day, if it shows a quarter of an hour and nothing follows that it counts.
fn dotted_at(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    quarter_at(pass, i).filter(|clock| stands_alone(pass, clock.next))
}

/// `12.15`, `9.30`: a quarter of an hour, with nothing behind it that it measures.
fn quarter_at(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    let doc = pass.doc;
    let quarter = doc.is_mark(i + 1, '.')
        && doc.is_glued(i + 1)
        && matches!(doc.digits(i + 2), Some("00" | "15" | "30" | "45"));
    let clock = quarter.then(|| super::time_of_day::with_dot_at(pass, i))??;
    let measured = doc.is_mark(clock.next, '%')
        || crate::number::multiplier_at(doc, clock.next).is_some()
        || super::money::currency_at(doc, clock.next).is_some()
        || super::quantity::is_unit(doc.word(clock.next));
    (!measured).then_some(clock)
}

/// `open the flat at 5.30`: behind `at` and the like, where nothing speaks of prices.
fn dotted_alone_at(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    let clock = dotted_at(pass, i)?;
    (!speaks_of_money(pass)).then_some(clock)
}

/// `9.30 Thursday`: a quarter of an hour and the day that it belongs to.
fn dotted_before_a_day(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    let clock = quarter_at(pass, i)?;
    (day_behind(pass, clock.next).is_some() && !speaks_of_money(pass)).then_some(clock)
}

fn speaks_of_money(pass: &Pass<'_, '_>) -> bool {
    use super::price_words::MONEY_TALK;
    pass.has(super::Kind::Money)
        || pass.has(super::Kind::Percentage)
        || (0..pass.doc.len()).any(|at| MONEY_TALK.contains(pass.doc.word(at)))
}

/// Whether nothing follows that a bare hour could count.
fn stands_alone(pass: &Pass<'_, '_>, i: usize) -> bool {
    i >= pass.doc.len()
        || pass.doc.begins_line(i)
        || pass.doc.is_any_mark(i, "?.!,)")
        || half_at(pass.doc, i).is_some()
}

/// Skips small words; says which half of the day they named and whether a time must follow.
fn skip_between(pass: &Pass<'_, '_>, mut i: usize) -> (usize, Half, bool) {
    let doc = pass.doc;
    let mut half = Half::Unsaid;
    let mut expected = false;
    for _ in 0..BETWEEN_MAX + 1 {
        if let Some((said, end)) = half_at(doc, i) {
            half = said;
            i = end;
            continue;
        }
        match doc.word(i) {
            "at" | "el" | "around" | "about" | "by" | "after" | "before" | "between" | "from"
            | "approx" | "till" | "until" | "time" | "الساعه" | "عالساعه" | "بعد" | "قبل"
            | "حوالي" | "بين" | "على" | "علي" | "من" | "past" | "بحدود" | "ع" => {
                expected = true
            }
            "sometime" | "maybe" | "preferably" | "say" | "في" | "تمام" | "the" => {}
            _ if doc.is_mark(i, '@') => expected = true,
            _ if doc.is_any_mark(i, ",-(|") => {}
            _ => break,
        }
        i += 1;
    }
    (i, half, expected)
}

/// A time, with the day behind it, or the day named before, or its next occurrence.
fn time_and_day(pass: &Pass<'_, '_>, i: usize, named: Option<Named>) -> Option<Step> {
    let doc = pass.doc;
    let introduced = matches!(
        doc.word_before(i),
        "at" | "around" | "by" | "after" | "before" | "till" | "until" | "@"
    ) || doc.is_mark(i.wrapping_sub(1), '@')
        || is_b4(doc, i)
        || matches!(doc.word_before(i), "بعد" | "قبل")
            && doc.digits(i).is_some()
            && stands_alone(pass, i + 1);
    if let Some((first, second, second_from)) = clock_range(pass, i) {
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
        return Some(Step {
            values,
            end,
            day: behind.map(|_| day),
        });
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

/// `can't do 3pm, what about 4?`, `5pm works, 4 doesn't`: an hour beside one that was named.
fn another_time_at(pass: &Pass<'_, '_>, i: usize, named: Option<&Value>) -> Option<Step> {
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

/// `b4 6`: before.
fn is_b4(doc: &crate::doc::Doc<'_>, i: usize) -> bool {
    i >= 2 && doc.digits(i - 1) == Some("4") && doc.is_glued(i - 1) && doc.word(i - 2) == "b"
}

fn half_after(pass: &Pass<'_, '_>, i: usize) -> Half {
    half_at(pass.doc, i).map_or(Half::Unsaid, |(half, _)| half)
}

/// `at 5`: an hour that only `at` makes a time.
fn bare_hour(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    expected_at(pass, i)
        .filter(|clock| clock.next >= pass.doc.len() || !pass.doc.is_mark(clock.next, '-'))
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
fn day_behind(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
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

/// `in 2 hours`, `3 days ago`, `after two weeks`, `بعد يومين`.
fn offset_at(pass: &Pass<'_, '_>, i: usize) -> Option<Step> {
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
fn offset_length(
    pass: &Pass<'_, '_>,
    at: usize,
    introduced: bool,
) -> Option<super::duration::Length> {
    length_at(pass, at).or_else(|| {
        let unit = match pass.doc.word(at) {
            "ساعه" => TimeUnit::Hour,
            // `من يوم الخميس`: the day itself comes next.
            "يوم" if super::calendar::day_at(pass, at).is_none() => TimeUnit::Day,
            "اسبوع" => TimeUnit::Week,
            "شهر" => TimeUnit::Month,
            "سنه" => TimeUnit::Year,
            _ => return None,
        };
        introduced.then_some(super::duration::Length {
            count: 1.into(),
            unit,
            next: at + 1,
        })
    })
}

fn moved(
    pass: &Pass<'_, '_>,
    length: super::duration::Length,
    sign: i64,
    i: usize,
    end: usize,
) -> Option<Step> {
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
