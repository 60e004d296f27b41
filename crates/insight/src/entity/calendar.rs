//! Days: `25/02`, `25th of February`, `next Friday`, `tomorrow`, `يوم الخميس`.

use super::Pass;
use super::time_of_day::Half;
use super::weekday::{weekday_at, weekday_before, weekday_name};
use crate::doc::{Doc, Gap};
use jiff::civil::Date;
use jiff::{Span, ToSpan};

/// A day at a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub(super) date: Date,
    pub(super) half: Half,
    pub(super) next: usize,
    /// Whether the time follows as part of the same ISO text: `2026-02-25T15:00`.
    pub(super) has_time: bool,
}

impl Day {
    pub(super) fn new(date: Date, next: usize) -> Self {
        Self {
            date,
            half: Half::Unsaid,
            next,
            has_time: false,
        }
    }
}

/// The day that is named at a place.
pub(super) fn day_at(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
    numeric_at(pass, i)
        .or_else(|| named_month_at(pass, i))
        .or_else(|| weekday_at(pass, i))
        .or_else(|| relative_at(pass, i))
        .or_else(|| ordinal_at(pass, i))
        .or_else(|| arabic_day_at(pass, i))
}

pub(super) fn today(pass: &Pass<'_, '_>) -> Date {
    pass.context.at.date()
}

/// `25/02/2026`, `25-2-26`, `25.02.2026`, `25/02`, `2026-02-25`.
pub(super) fn numeric_at(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
    let doc = pass.doc;
    let first = doc.digits(i)?;
    let attached = i > 0
        && doc.is_glued(i)
        && (doc.is_any_mark(i - 1, "/.,+#") && i > 1 && doc.digits(i - 2).is_some());
    if attached || !doc.is_any_mark(i + 1, "/.-") || !doc.is_glued(i + 1) || !doc.is_glued(i + 2) {
        return None;
    }
    let second = doc.digits(i + 2)?;
    let mark = doc.str(i + 1);
    let third = (doc.str(i + 3) == mark && doc.is_glued(i + 3) && doc.is_glued(i + 4))
        .then(|| doc.digits(i + 4))
        .flatten();
    match (first.len(), second.len(), third) {
        (4, 1..=2, Some(day)) if day.len() <= 2 => {
            let date = date(first.parse().ok()?, second.parse().ok()?, day.parse().ok()?)?;
            let has_time = doc.word(i + 5) == "t" && doc.is_glued(i + 5);
            Some(Day {
                has_time,
                ..Day::new(date, if has_time { i + 6 } else { i + 5 })
            })
        }
        (1..=2, 1..=2, Some(year)) if matches!(year.len(), 2 | 4) => {
            let year = full_year(year)?;
            day_first(year, first.parse().ok()?, second.parse().ok()?)
                .map(|date| Day::new(date, i + 5))
        }
        (1..=2, 1..=2, None) if mark == "/" => short_date(pass, i, first, second),
        (2, 2, None) if (mark == "." || mark == "-") && is_due(doc, i) => {
            short_date(pass, i, first, second)
        }
        _ => None,
    }
}

/// Whether a word before says that a day follows, so that `01.04` is one.
fn is_due(doc: &Doc<'_>, i: usize) -> bool {
    matches!(
        doc.word_before(i),
        "on" | "due" | "until" | "till" | "dated" | "since" | "before"
    )
}

/// `25/02`, which must not be a fraction, a range of rooms or a rate.
fn short_date(pass: &Pass<'_, '_>, i: usize, first: &str, second: &str) -> Option<Day> {
    let doc = pass.doc;
    let followed = doc.is_any_mark(i + 3, "/%") && doc.is_glued(i + 3);
    let one_digit_each = first.len() == 1 && second.len() == 1;
    let introduced = matches!(
        doc.word_before(i),
        "on" | "by"
            | "from"
            | "since"
            | "until"
            | "till"
            | "date"
            | "before"
            | "after"
            | "يوم"
            | "بتاريخ"
            | "تاريخ"
            | "في"
            | "من"
            | "dated"
            | "dt"
            | "viewing"
            | "moving"
            | "starting"
    ) || weekday_before(doc, i)
        || doc.is_mark(i + 3, '@')
        || doc.word(i + 3) == "at" && doc.digits(i + 4).is_some();
    // `8/10`: a mark.
    let mark = first.len() == 1 && second == "10";
    if followed
        || ((one_digit_each || mark) && !introduced)
        || matches!(doc.word(i + 3), "br" | "bhk" | "bed" | "hours" | "stars")
        || (first == "24" && second == "7")
    {
        return None;
    }
    let date = without_year(pass, i, first.parse().ok()?, second.parse().ok()?)?;
    Some(Day::new(date, i + 3))
}

fn full_year(digits: &str) -> Option<i16> {
    let year: i16 = digits.parse().ok()?;
    Some(if digits.len() == 2 { 2000 + year } else { year }).filter(|y| (1900..=2100).contains(y))
}

fn date(year: i16, month: i8, day: i8) -> Option<Date> {
    Date::new(year, month, day).ok()
}

/// Day first; month first only where the other way is no date.
fn day_first(year: i16, first: i8, second: i8) -> Option<Date> {
    date(year, second, first).or_else(|| date(year, first, second))
}

/// A day and month mean the next such day, unless the words or a short time say that it is past.
fn without_year(pass: &Pass<'_, '_>, i: usize, day: i8, month: i8) -> Option<Date> {
    let today = today(pass);
    let this = day_first(today.year(), day, month)?;
    let days_off = this.since(today).ok()?.get_days();
    if days_off >= 0 {
        let past = speaks_of_the_past(pass.doc, i) && days_off > 7;
        return if past {
            day_first(today.year() - 1, day, month)
        } else {
            Some(this)
        };
    }
    if speaks_of_the_past(pass.doc, i) {
        return Some(this);
    }
    day_first(today.year() + 1, day, month)
}

fn speaks_of_the_past(doc: &Doc<'_>, i: usize) -> bool {
    const PAST: &[&str] = &[
        "since",
        "invoice",
        "paid",
        "was",
        "were",
        "sent",
        "last",
        "signed",
        "expired",
        "bought",
        "received",
        "moved",
        "started",
        "transferred",
        "visited",
        "cleared",
        "left",
        "dated",
        "came",
        "had",
        "did",
        "submitted",
        "issued",
        "deposited",
        "collected",
        "arrived",
        "delivered",
        "bounced",
        "happened",
        "handed",
        "finished",
        "registered",
        "ordered",
        "called",
        "وصلني",
        "وصلتني",
        "حولت",
        "اشتريت",
        "منذ",
        "كان",
        "دفعت",
        "دفعنا",
        "ارسلت",
        "وقعت",
        "استلمت",
    ];
    // Within the same part of the sentence.
    const REACH: usize = 10;
    let part = (i.saturating_sub(REACH)..i)
        .rev()
        .take_while(|&at| !doc.is_any_mark(at, ",.?!;") || doc.is_glued(at + 1));
    part.map(|at| doc.word(at)).any(|word| PAST.contains(&word))
}

/// `25 Feb`, `Feb 25th 2026`, `the 25th of February`, `٢٥ فبراير`.
pub(super) fn named_month_at(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
    let doc = pass.doc;
    if let Some((day, after)) = day_number_at(doc, i) {
        let at = skip_small(doc, after);
        if let Some((month, _)) = shared_month(doc, after) {
            let date = without_year(pass, i, day, month).filter(|d| d.month() == month)?;
            return Some(Day::new(date, after));
        }
        let (month, end) = month_at(doc, at)?;
        return month_day(pass, i, day, month, end);
    }
    if doc.word(i) == "the" {
        return None;
    }
    let (month, after) = month_at(doc, i)?;
    let at = if doc.is_any_mark(after, ".,-") || doc.word(after) == "the" {
        after + 1
    } else {
        after
    };
    let (day, end) = day_number_at(doc, at).filter(|_| doc.gap(at) != Gap::Line)?;
    // `March 2026`, `May 10 people`: only a day that nothing else counts.
    if doc.digits(at).is_some_and(|d| d.len() > 2)
        || (doc.is_any_mark(end, ":") && doc.is_glued(end))
    {
        return None;
    }
    month_day(pass, i, day, month, end)
}

/// The month behind the second day of `2 to 5 May`.
fn shared_month(doc: &Doc<'_>, i: usize) -> Option<(i8, usize)> {
    let joined = doc.is_mark(i, '-')
        || matches!(
            doc.word(i),
            "to" | "and" | "or" | "till" | "until" | "الى" | "الي" | "او"
        );
    let (_, after) = joined.then(|| day_number_at(doc, i + 1))??;
    month_at(doc, skip_small(doc, after))
}

fn skip_small(doc: &Doc<'_>, i: usize) -> usize {
    if matches!(doc.word(i), "of" | "من" | "شهر")
        || doc.is_any_mark(i, "-/.,") && doc.is_word(i + 1)
    {
        i + 1
    } else {
        i
    }
}

fn month_day(pass: &Pass<'_, '_>, i: usize, day: i8, month: i8, end: usize) -> Option<Day> {
    let doc = pass.doc;
    let at = if doc.is_any_mark(end, ",-/'") {
        end + 1
    } else {
        end
    };
    let year = doc
        .digits(at)
        .filter(|d| {
            (d.len() == 4 || (d.len() == 2 && at > end && doc.is_any_mark(end, "-/'")))
                && doc.gap(at) != Gap::Line
        })
        .and_then(full_year)
        .filter(|y| (1950..=2100).contains(y));
    if let Some(year) = year {
        return Some(Day::new(date(year, month, day)?, at + 1));
    }
    Some(Day::new(
        without_year(pass, i, day, month).filter(|d| d.month() == month)?,
        end,
    ))
}

/// A day of the month: `25`, `25th`, `first`.
fn day_number_at(doc: &Doc<'_>, i: usize) -> Option<(i8, usize)> {
    if let Some(digits) = doc.digits(i) {
        let day: i8 = digits
            .parse()
            .ok()
            .filter(|d| (1..=31).contains(d) && digits.len() <= 2)?;
        let suffix =
            matches!(doc.word(i + 1), "st" | "nd" | "rd" | "th") && doc.gap(i + 1) != Gap::Line;
        return Some((day, if suffix { i + 2 } else { i + 1 }));
    }
    // `thirty first`, `twenty-second`
    if let Some(tens) = match doc.word(i) {
        "twenty" => Some(20),
        "thirty" => Some(30),
        _ => None,
    } {
        let at = if doc.is_mark(i + 1, '-') {
            i + 2
        } else {
            i + 1
        };
        let (ones, next) = (ordinal_word(doc.word(at))?, at + 1);
        return (ones < 10 && tens + ones <= 31).then_some((tens + ones, next));
    }
    Some((ordinal_word(doc.word(i))?, i + 1))
}

/// The day of the month that a word of order names.
fn ordinal_word(word: &str) -> Option<i8> {
    Some(match word {
        "first" | "1st" | "اول" => 1,
        "second" => 2,
        "third" => 3,
        "fourth" => 4,
        "fifth" => 5,
        "sixth" => 6,
        "seventh" => 7,
        "eighth" => 8,
        "ninth" => 9,
        "tenth" => 10,
        "eleventh" => 11,
        "twelfth" => 12,
        "thirteenth" => 13,
        "fourteenth" => 14,
        "fifteenth" => 15,
        "sixteenth" => 16,
        "seventeenth" => 17,
        "eighteenth" => 18,
        "nineteenth" => 19,
        "twentieth" => 20,
        "thirtieth" => 30,
        _ => return None,
    })
}

/// A month by name, and the token after it.
fn month_at(doc: &Doc<'_>, i: usize) -> Option<(i8, usize)> {
    let month = match doc.word(i) {
        "january" | "jan" | "يناير" => 1,
        "february" | "februry" | "feburary" | "feb" | "febuary" | "febr" | "فبراير" | "شباط" => {
            2
        }
        "march" | "mar" | "مارس" | "اذار" => 3,
        "april" | "apr" | "ابريل" | "نيسان" => 4,
        "may" | "مايو" | "ايار" => 5,
        "june" | "jun" | "يونيو" | "حزيران" => 6,
        "july" | "jul" | "يوليو" | "تموز" => 7,
        "august" | "aug" | "اغسطس" | "اب" => 8,
        "september" | "septmber" | "sep" | "sept" | "سبتمبر" | "ايلول" => 9,
        "october" | "oct" | "اكتوبر" => 10,
        "november" | "nov" | "نوفمبر" => 11,
        "december" | "dec" | "ديسمبر" => 12,
        "كانون" => return two_word_month(doc, i, 1, 12),
        "تشرين" => return two_word_month(doc, i, 11, 10),
        _ => return None,
    };
    let dotted = doc.is_mark(i + 1, '.')
        && doc.is_glued(i + 1)
        && doc.str(i).len() <= 4
        && doc.digits(i + 2).is_some();
    Some((month, if dotted { i + 2 } else { i + 1 }))
}

fn two_word_month(doc: &Doc<'_>, i: usize, second: i8, first: i8) -> Option<(i8, usize)> {
    match doc.word(i + 1) {
        "الثاني" | "ثاني" => Some((second, i + 2)),
        "الاول" | "اول" => Some((first, i + 2)),
        _ => None,
    }
}

/// `today`, `tomorrow`, `day after tomorrow`, `بكرة`.
fn relative_at(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
    let doc = pass.doc;
    let (days, next, half) = match doc.word(i) {
        "the" if doc.word(i + 1) == "day" => {
            return relative_at(pass, i + 1).filter(|d| d.next > i + 2);
        }
        "el" | "al"
            if matches!(doc.word(i + 1), "youm" | "yom" | "yoom")
                && weekday_name(doc, i + 2).is_none() =>
        {
            (0, i + 2, Half::Unsaid)
        }
        "el" | "al" if matches!(doc.word(i + 1), "leila" | "laila" | "lela") => {
            (0, i + 2, Half::Evening)
        }
        "bukra" | "bokra" | "bokrah" | "bukrah" | "bacher" | "bachir" | "bajer" => {
            (1, i + 1, Half::Unsaid)
        }
        "ams" | "embare7" | "mbare7" | "imbari7" => (-1, i + 1, Half::Unsaid),
        "day" if doc.word(i + 1) == "after" && is_tomorrow(doc.word(i + 2)) => {
            (2, i + 3, Half::Unsaid)
        }
        // `tomorrow or day after`
        "day"
            if doc.word(i + 1) == "after"
                && (i.saturating_sub(3)..i).any(|at| is_tomorrow(doc.word(at))) =>
        {
            (2, i + 2, Half::Unsaid)
        }
        "day" if doc.word(i + 1) == "before" && doc.word(i + 2) == "yesterday" => {
            (-2, i + 3, Half::Unsaid)
        }
        // A national day is no day of the talk.
        "اليوم" if matches!(doc.word(i + 1), "الوطني" | "العالمي") => {
            return None;
        }
        "today" | "elyoum" | "elyom" | "tdy" | "2day" | "todays" | "اليوم" | "today's" => {
            (0, i + 1, Half::Unsaid)
        }
        "tonight" | "tonight's" | "tonite" | "2night" | "2nite" | "الليله" | "الليلة" => {
            (0, i + 1, Half::Evening)
        }
        "this" if matches!(doc.word(i + 1), "evening" | "afternoon") => (0, i + 2, Half::Evening),
        "this" if doc.word(i + 1) == "morning" => (0, i + 2, Half::Morning),
        "yesterday" | "yesterday's" | "yesterdays" | "yest" | "ystrday" | "yesteday" | "امس"
        | "مبارح" | "امبارح" | "البارحه" => (-1, i + 1, Half::Unsaid),
        "last" if doc.word(i + 1) == "night" => (-1, i + 2, Half::Evening),
        "بعد" | "عقب"
            if matches!(
                doc.word(i + 1),
                "بكره" | "بكرا" | "غد" | "غدا" | "باكر" | "باجر"
            ) =>
        {
            (2, i + 2, Half::Unsaid)
        }
        "اول" if matches!(doc.word(i + 1), "امس" | "مبارح" | "امبارح") => {
            (-2, i + 2, Half::Unsaid)
        }
        "بكره" | "بكرا" | "غدا" | "باكر" | "باجر" | "بكرة" | "لبكره" | "لبكرا" | "الغد" | "غد" => {
            (1, i + 1, Half::Unsaid)
        }
        "هذا" if matches!(doc.word(i + 1), "المساء") => (0, i + 2, Half::Evening),
        "tom" if doc.is_capitalised(i) => return None,
        word if is_tomorrow(word) => (1, i + 1, Half::Unsaid),
        _ => {
            let two = doc.digits(i) == Some("2") && doc.is_glued(i + 1);
            match doc.word(i + 1) {
                "moro" | "morrow" | "mrw" | "mro" | "morow" if two => (1, i + 2, Half::Unsaid),
                "day" if two => (0, i + 2, Half::Unsaid),
                "nite" | "night" if two => (0, i + 2, Half::Evening),
                _ => return None,
            }
        }
    };
    let date = today(pass).checked_add(Span::new().days(days)).ok()?;
    Some(Day {
        half,
        ..Day::new(date, next)
    })
}

fn is_tomorrow(word: &str) -> bool {
    matches!(
        word,
        "tomorrow"
            | "tomorow"
            | "tommorow"
            | "tommorrow"
            | "tomorrw"
            | "tmrw"
            | "tmr"
            | "tmrow"
            | "tmw"
            | "tom"
            | "tomo"
            | "tommorw"
            | "tomm"
            | "2moro"
            | "tmrrw"
            | "tomorrows"
            | "tomorrow's"
            | "tomrw"
            | "tomrrow"
            | "tmorrow"
            | "tomoro"
            | "tomorro"
            | "tomoz"
            | "tommrow"
            | "tomarrow"
            | "tommarow"
            | "tmrrow"
            | "tomoror"
            | "tomorroww"
            | "toomorrow"
    )
}

/// `يوم ٢٥`: the next one, unless it counts what follows.
fn arabic_day_at(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
    let doc = pass.doc;
    let digits = (doc.word(i) == "يوم").then(|| doc.digits(i + 1))??;
    let follows = doc.word(i + 2);
    let ends = follows.is_empty() && !doc.is_any_mark(i + 2, "%/:.")
        || matches!(
            follows,
            "الساعه" | "في" | "من" | "ان" | "لو" | "الصبح" | "العصر" | "و" | "بعد"
        );
    let day: i8 = digits.parse().ok().filter(|d| (1..=31).contains(d))?;
    let repeats = doc.word_before(i) == "كل";
    (ends && !repeats)
        .then(|| next_day_of_month(today(pass), day).map(|date| Day::new(date, i + 2)))?
}

/// `the 25th`: the next one.
pub(super) fn ordinal_at(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
    let doc = pass.doc;
    let at = if doc.word(i) == "the" { i + 1 } else { i };
    let digits = doc.digits(at)?;
    let suffix = matches!(doc.word(at + 1), "st" | "nd" | "rd" | "th") && doc.is_glued(at + 1);
    let introduced = at > i
        || matches!(
            doc.word_before(i),
            "on" | "by"
                | "until"
                | "till"
                | "the"
                | "before"
                | "after"
                | "from"
                | "of"
                | "dated"
                | "than"
                | "since"
                | "balance"
                | "rest"
                | "due"
        )
        || weekday_before(doc, i)
        || doc.word(at + 2) == "at" && doc.digits(at + 3).is_some()
        || doc.is_mark(at + 2, '@');
    let other = matches!(
        doc.word(at + 2),
        "floor"
            | "flr"
            | "street"
            | "st"
            | "avenue"
            | "time"
            | "unit"
            | "cheque"
            | "payment"
            | "year"
            | "month"
            | "option"
            | "one"
            | "installment"
            | "century"
            | "place"
            | "phase"
            | "interchange"
            | "level"
    );
    // `flat is on 9th` in a talk about floors.
    let floor = (i.saturating_sub(8)..i)
        .any(|at| matches!(doc.word(at), "floor" | "floors" | "storey" | "storeys"))
        && doc.word_before(i) == "on";
    let of_month = doc.word(at + 2) == "of" && matches!(doc.word(at + 3), "the" | "every" | "each");
    if !suffix || !introduced || other || of_month || floor {
        return None;
    }
    let day: i8 = digits.parse().ok().filter(|d| (1..=31).contains(d))?;
    let today = today(pass);
    let month = today.first_of_month();
    if speaks_of_the_past(doc, i) {
        let this = date(month.year(), month.month(), day).filter(|d| *d <= today);
        let date = match this {
            Some(date) => date,
            None => {
                let before = month.checked_sub(1.month()).ok()?;
                date(before.year(), before.month(), day)?
            }
        };
        return Some(Day::new(date, at + 2));
    }
    next_day_of_month(today, day).map(|date| Day::new(date, at + 2))
}

/// The next day with a number, today included.
fn next_day_of_month(today: Date, day: i8) -> Option<Date> {
    let mut month = today.first_of_month();
    for _ in 0..3 {
        if let Some(date) = date(month.year(), month.month(), day).filter(|d| *d >= today) {
            return Some(date);
        }
        month = month.checked_add(1.month()).ok()?;
    }
    None
}
