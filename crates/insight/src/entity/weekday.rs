//! Days of the week: `Friday`, `next Friday`, `on Friday 27 Feb`, `يوم الخميس القادم`.

use super::Pass;
use super::calendar::{Day, named_month_at, numeric_at, ordinal_at, today};
use crate::doc::{Doc, Gap};
use jiff::ToSpan;
use jiff::civil::Weekday;

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
pub(super) fn weekday_at(pass: &Pass<'_, '_>, i: usize) -> Option<Day> {
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
            let since = i > 0 && matches!(doc.word_before(i), "من" | "منذ" | "men");
            let week = if since && !begins_a_length(doc, i) {
                Week::Past
            } else {
                Week::Coming
            };
            let article = usize::from(matches!(doc.word(i + 1), "el" | "al" | "il"));
            (week, i + 1 + article)
        }
        "since" => (Week::Past, i + 1),
        // `next week Wednesday`
        _ if doc.word_before(i) == "week"
            && i >= 2
            && matches!(doc.word(i - 2), "next" | "nxt") =>
        {
            (Week::Following, i)
        }
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
        // `Wednesday week`: the Wednesday after the coming one.
        "week" if at == i && week == Week::Coming && !doc.word(end + 1).starts_with("end") => {
            let date = today(pass).nth_weekday(2, weekday).ok()?;
            return Some(Day::new(date, end + 1));
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

pub(super) fn weekday_name(doc: &Doc<'_>, i: usize) -> Option<(Weekday, usize)> {
    let word = doc.word(i);
    // `للخميس`, `بالجمعة`: to, on.
    let stripped = word.strip_prefix("لل").map(|rest| format!("ال{rest}"));
    let bare = stripped.as_deref().unwrap_or_else(|| {
        word.strip_prefix(['و', 'ب'])
            .filter(|w| w.starts_with("ال"))
            .unwrap_or(word)
    });
    let weekday = match bare {
        "monday" | "mon" | "ithnain" | "itnein" | "etnein" | "الاثنين" | "الاتنين" | "اثنين"
        | "الإثنين" => Weekday::Monday,
        "tuesday" | "tusday" | "tuesdy" | "thalatha" | "talat" | "tlata" | "tue" | "tues"
        | "teusday" | "tuseday" | "الثلاثاء" | "الثلاثا" | "التلات" | "الثلوث" => {
            Weekday::Tuesday
        }
        "wednesday" | "wedensday" | "wendesday" | "wednessday" | "arba3a" | "arbi3a" | "wed"
        | "weds" | "wednsday" | "wensday" | "wednesay" | "الاربعاء" | "الاربعا" | "الربوع" => {
            Weekday::Wednesday
        }
        "thursday" | "thirsday" | "thurday" | "thursady" | "khamees" | "khamis" | "5amis"
        | "thu" | "thur" | "thurs" | "thrusday" | "thusday" | "الخميس" => Weekday::Thursday,
        "friday" | "frday" | "fryday" | "jum3a" | "jom3a" | "gom3a" | "juma" | "fri" | "firday"
        | "الجمعه" => Weekday::Friday,
        "saturday" | "saterdy" | "satuday" | "sabt" | "sat" | "satruday" | "saterday" | "السبت" => {
            Weekday::Saturday
        }
        "sunday" | "a7ad" | "el7ad" | "sun" | "sundy" | "الاحد" => Weekday::Sunday,
        _ => return None,
    };
    // Short names are words too: `sat`, `sun`, `mon` need company or a capital.
    let short = matches!(word, "sat" | "sun" | "mon" | "wed");
    // In Latin letters the names of days are numbers as well: `thalatha` is three.
    let arabizi = matches!(
        word,
        "thalatha"
            | "talat"
            | "tlata"
            | "khamees"
            | "khamis"
            | "5amis"
            | "sabt"
            | "arba3a"
            | "arbi3a"
    );
    if arabizi
        && !matches!(
            doc.word_before(i),
            "yom" | "youm" | "yoom" | "el" | "al" | "il" | "nhar"
        )
    {
        return None;
    }
    let sure = !short
        || doc.is_capitalised(i)
        || matches!(
            doc.word_before(i),
            "on" | "next" | "this" | "by" | "until" | "till" | "for" | "from"
        )
        || doc.digits(i + 1).is_some()
        || matches!(
            doc.word(i + 1),
            "at" | "morning"
                | "evening"
                | "afternoon"
                | "night"
                | "noon"
                | "between"
                | "around"
                | "after"
                | "before"
                | "anytime"
        )
        || doc.is_mark(i + 1, '@');
    sure.then_some((weekday, i + 1))
}

/// Whether a day of the week stands right before a place.
pub(super) fn weekday_before(doc: &Doc<'_>, i: usize) -> bool {
    i > 0
        && (weekday_name(doc, i - 1).is_some()
            || doc.is_any_mark(i - 1, ",(") && i > 1 && weekday_name(doc, i - 2).is_some())
}

/// `لمدة ٣ أيام من يوم الأربعاء`: the length begins on that day, which is to come.
fn begins_a_length(doc: &Doc<'_>, i: usize) -> bool {
    const REACH: usize = 5;
    (i.saturating_sub(REACH)..i).any(|at| matches!(doc.word(at), "لمده" | "المده"))
}
