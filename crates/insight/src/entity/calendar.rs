//! Days: `25/02`, `25th of February`, `next Friday`, `tomorrow`, `يوم الخميس`.

use super::Pass;
use super::time_of_day::Half;
use crate::doc::{Doc, Gap};
use jiff::civil::{Date, Weekday};
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
    fn new(date: Date, next: usize) -> Self {
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
}

fn today(pass: &Pass<'_, '_>) -> Date {
    pass.context.at.date()
}

/// `25/02/2026`, `25-2-26`, `25.02.2026`, `25/02`, `2026-02-25`.
fn numeric_at(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
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
        (2, 2, None) if mark == "." && is_due(doc, i) => short_date(pass, i, first, second),
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
    );
    if followed
        || (one_digit_each && !introduced)
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
        "منذ",
        "كان",
        "دفعت",
        "دفعنا",
        "ارسلت",
        "وقعت",
        "استلمت",
    ];
    let from = i.saturating_sub(6);
    (from..i).any(|at| PAST.contains(&doc.word(at)))
}

/// `25 Feb`, `Feb 25th 2026`, `the 25th of February`, `٢٥ فبراير`.
fn named_month_at(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
    let doc = pass.doc;
    if let Some((day, after)) = day_number_at(doc, i) {
        let at = skip_small(doc, after);
        if let Some((month, _)) = shared_month(doc, after) {
            return month_day(pass, i, day, month, after);
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
    let day = match doc.word(i) {
        "first" | "1st" | "اول" => 1,
        "second" => 2,
        "third" => 3,
        "fourth" => 4,
        "fifth" => 5,
        "tenth" => 10,
        "fifteenth" => 15,
        "twentieth" => 20,
        _ => return None,
    };
    Some((day, i + 1))
}

/// A month by name, and the token after it.
fn month_at(doc: &Doc<'_>, i: usize) -> Option<(i8, usize)> {
    let month = match doc.word(i) {
        "january" | "jan" | "يناير" => 1,
        "february" | "feb" | "febuary" | "febr" | "فبراير" | "شباط" => 2,
        "march" | "mar" | "مارس" | "اذار" => 3,
        "april" | "apr" | "ابريل" | "نيسان" => 4,
        "may" | "مايو" | "ايار" => 5,
        "june" | "jun" | "يونيو" | "حزيران" => 6,
        "july" | "jul" | "يوليو" | "تموز" => 7,
        "august" | "aug" | "اغسطس" | "اب" => 8,
        "september" | "sep" | "sept" | "سبتمبر" | "ايلول" => 9,
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

/// Which week a word puts a weekday into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Week {
    /// The first such day after today.
    Coming,
    /// The week after this one, from Monday.
    Following,
    /// The last such day before today.
    Past,
}

/// `Friday`, `next Friday`, `on Friday 27 Feb`, `يوم الخميس القادم`.
fn weekday_at(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
    let doc = pass.doc;
    let (week, at) = match doc.word(i) {
        "next" | "nxt" => (Week::Following, i + 1),
        "this" | "coming" | "upcoming" => (
            Week::Coming,
            if doc.word(i + 1) == "coming" {
                i + 2
            } else {
                i + 1
            },
        ),
        "last" | "past" | "previous" => (Week::Past, i + 1),
        "يوم" | "نهار" | "ليوم" | "yom" | "youm" => {
            let week = if i > 0 && matches!(doc.word_before(i), "من" | "منذ" | "men") {
                Week::Past
            } else {
                Week::Coming
            };
            let article = usize::from(matches!(doc.word(i + 1), "el" | "al" | "il"));
            (week, i + 1 + article)
        }
        "since" => (Week::Past, i + 1),
        "el" | "al" | "il" => (Week::Coming, i + 1),
        _ => (Week::Coming, i),
    };
    let (weekday, mut end) = weekday_name(doc, at)?;
    let mut week = week;
    match doc.word(end) {
        "القادم" | "الجاي" | "المقبل" | "القادمه" | "الجايه" => {
            end += 1
        }
        "الماضي" | "اللي" | "الفايت" if doc.word(end) != "اللي" => {
            week = Week::Past;
            end += 1;
        }
        "next" if doc.word(end + 1) == "week" => {
            week = Week::Following;
            end += 2;
        }
        "week" if at > i => return None,
        _ => {}
    }
    // A date behind the weekday is what counts.
    let after = if doc.is_any_mark(end, ",-(") || matches!(doc.word(end), "the" | "on") {
        end + 1
    } else {
        end
    };
    if doc.gap(after) != Gap::Line
        && let Some(day) = numeric_at(pass, after)
            .or_else(|| named_month_at(pass, after))
            .or_else(|| ordinal_at(pass, after))
    {
        let closed = doc.is_mark(after.wrapping_sub(1), '(') && doc.is_mark(day.next, ')');
        return Some(Day {
            next: if closed { day.next + 1 } else { day.next },
            ..day
        });
    }
    let article = matches!(doc.word(i), "el" | "al" | "il");
    if article && !matches!(doc.word_before(i), "yom" | "youm" | "") && doc.word(at).len() < 5 {
        return None;
    }
    let today = today(pass);
    let date = match week {
        Week::Coming => today.nth_weekday(1, weekday).ok()?,
        Week::Past => today.nth_weekday(-1, weekday).ok()?,
        Week::Following => {
            let to_monday = i32::from(today.weekday().to_monday_zero_offset());
            let monday = today.checked_add((7 - to_monday).days()).ok()?;
            monday
                .checked_add(i32::from(weekday.to_monday_zero_offset()).days())
                .ok()?
        }
    };
    Some(Day::new(date, end))
}

fn weekday_name(doc: &Doc<'_>, i: usize) -> Option<(Weekday, usize)> {
    let word = doc.word(i);
    let weekday = match word
        .strip_prefix('و')
        .filter(|w| w.starts_with("ال"))
        .unwrap_or(word)
    {
        "monday" | "mon" | "ithnain" | "itnein" | "etnein" | "الاثنين" | "الاتنين" | "اثنين"
        | "الإثنين" => Weekday::Monday,
        "tuesday" | "thalatha" | "talat" | "tlata" | "tue" | "tues" | "teusday" | "tuseday"
        | "الثلاثاء" | "الثلاثا" | "التلات" | "الثلوث" => {
            Weekday::Tuesday
        }
        "wednesday" | "arba3a" | "arbi3a" | "wed" | "weds" | "wednsday" | "wensday"
        | "wednesay" | "الاربعاء" | "الاربعا" | "الربوع" => Weekday::Wednesday,
        "thursday" | "khamees" | "khamis" | "5amis" | "thu" | "thur" | "thurs" | "thrusday"
        | "thusday" | "الخميس" => Weekday::Thursday,
        "friday" | "jum3a" | "jom3a" | "gom3a" | "juma" | "fri" | "firday" | "الجمعه" => {
            Weekday::Friday
        }
        "saturday" | "sabt" | "sat" | "satruday" | "saterday" | "السبت" => Weekday::Saturday,
        "sunday" | "a7ad" | "el7ad" | "sun" | "sundy" | "الاحد" => Weekday::Sunday,
        _ => return None,
    };
    // Short names are words too: `sat`, `sun`, `mon` need company or a capital.
    let short = matches!(word, "sat" | "sun" | "mon" | "wed");
    let sure = !short
        || doc.is_capitalised(i)
        || matches!(
            doc.word_before(i),
            "on" | "next" | "this" | "by" | "until" | "till" | "for" | "from"
        )
        || doc.digits(i + 1).is_some()
        || matches!(doc.word(i + 1), "at" | "morning" | "evening");
    sure.then_some((weekday, i + 1))
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
        "day" if doc.word(i + 1) == "before" && doc.word(i + 2) == "yesterday" => {
            (-2, i + 3, Half::Unsaid)
        }
        "today" | "elyoum" | "elyom" | "tdy" | "2day" | "todays" | "اليوم" | "today's" => {
            (0, i + 1, Half::Unsaid)
        }
        "tonight" | "tonite" | "2nite" | "الليله" | "الليلة" => {
            (0, i + 1, Half::Evening)
        }
        "this" if matches!(doc.word(i + 1), "evening" | "afternoon") => (0, i + 2, Half::Evening),
        "this" if doc.word(i + 1) == "morning" => (0, i + 2, Half::Morning),
        "yesterday" | "yest" | "امس" | "مبارح" | "امبارح" | "البارحه" => {
            (-1, i + 1, Half::Unsaid)
        }
        "last" if doc.word(i + 1) == "night" => (-1, i + 2, Half::Evening),
        "بعد" if matches!(doc.word(i + 1), "بكره" | "بكرا" | "غد" | "غدا" | "باكر") => {
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
    )
}

/// `the 25th`: the next one.
fn ordinal_at(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
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
        )
        || weekday_before(doc, i);
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
    let of_month = doc.word(at + 2) == "of" && matches!(doc.word(at + 3), "the" | "every" | "each");
    if !suffix || !introduced || other || of_month {
        return None;
    }
    let day: i8 = digits.parse().ok().filter(|d| (1..=31).contains(d))?;
    let today = today(pass);
    let mut month = today.first_of_month();
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
    for _ in 0..3 {
        if let Some(date) = date(month.year(), month.month(), day).filter(|d| *d >= today) {
            return Some(Day::new(date, at + 2));
        }
        month = month.checked_add(1.month()).ok()?;
    }
    None
}

fn weekday_before(doc: &Doc<'_>, i: usize) -> bool {
    i > 0
        && (weekday_name(doc, i - 1).is_some()
            || doc.is_any_mark(i - 1, ",(") && i > 1 && weekday_name(doc, i - 2).is_some())
}
