//! Lengths of time: `2 years`, `an hour and a half`, `6-month`, `سنتين`.

use super::{Kind, Pass};
use crate::doc::Gap;
use crate::number::{digits_at, words_at};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

const CONFIDENCE: f32 = 0.90;

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimeUnit {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
}

/// A length of time, as counts of minutes or months so that halves stay exact.
#[derive(Debug, Clone, Copy)]
pub(super) struct Length {
    pub(super) count: Decimal,
    pub(super) unit: TimeUnit,
    pub(super) next: usize,
}

/// Finds lengths of time.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        match duration_at(pass, i).filter(|(_, end)| pass.is_free(i..*end)) {
            Some((value, end)) => {
                pass.add(Kind::Duration, value, i..end, CONFIDENCE);
                i = end;
            }
            None => i += 1,
        }
    }
}

fn duration_at(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    if let Some(end) = shared_unit(pass, i) {
        return Some(end);
    }
    let first = length_at(pass, i).or_else(|| bare_arabic(pass, i))?;
    if first.unit == TimeUnit::Second && first.count == Decimal::ONE {
        return None;
    }
    if is_rate(pass, i, first) {
        return None;
    }
    let mut parts = vec![(first.count, first.unit)];
    let mut end = first.next;
    while let Some(more) = continued(pass, end, parts[parts.len() - 1].1) {
        parts.push((more.count, more.unit));
        end = more.next;
    }
    Some((iso(&parts)?, end))
}

/// `2-3 months`: the first number shares the unit of the second.
fn shared_unit(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    let number = digits_at(doc, i).or_else(|| words_at(doc, i))?;
    let joined = doc.is_any_mark(number.next, "-/+")
        || matches!(
            doc.word(number.next),
            "to" | "or" | "and" | "till" | "او" | "الى" | "الي"
        );
    let second = joined.then(|| length_at(pass, number.next + 1))??;
    let small = number.value < Decimal::from(100);
    small.then(|| Some((iso(&[(number.value, second.unit)])?, number.next)))?
}

/// `سنة كاملة`, `خلال أسبوع`, `شهر مجاني`: a unit alone that other words make a length.
fn bare_arabic(pass: &Pass<'_, '_>, i: usize) -> Option<Length> {
    let doc = pass.doc;
    let bare = doc
        .word(i)
        .strip_prefix('ل')
        .filter(|w| unit(w).is_some())
        .unwrap_or(doc.word(i));
    let unit = unit(bare).filter(|_| !bare.is_ascii())?;
    let before = matches!(
        doc.word_before(i),
        "لمده" | "خلال" | "قبل" | "مده" | "كمان" | "بعد" | "اقل" | "تاخير" | "عقد"
    );
    let after = matches!(
        doc.word(i + 1),
        "كامل"
            | "كامله"
            | "ثانيه"
            | "واحد"
            | "واحده"
            | "وحده"
            | "مجاني"
            | "مجانا"
            | "اضافي"
            | "اضافيه"
            | "ونص"
            | "ونصف"
            | "وربع"
            | "زياده"
    );
    (before || after).then(|| {
        let next = if matches!(doc.word(i + 1), "واحد" | "واحده" | "وحده") {
            i + 2
        } else {
            i + 1
        };
        Length {
            count: Decimal::ONE,
            unit,
            next,
        }
    })
}

fn continued(pass: &Pass<'_, '_>, i: usize, larger: TimeUnit) -> Option<Length> {
    let doc = pass.doc;
    let at = if matches!(doc.word(i), "and" | "و") || doc.is_mark(i, ',') {
        i + 1
    } else {
        i
    };
    let half = match doc.word(at) {
        "ونص" | "ونصف" | "نص" if at == i || doc.word(i) == "و" => Some(at + 1),
        "half" if at > i => Some(at + 1),
        "a" if at > i && doc.word(at + 1) == "half" => Some(at + 2),
        _ => None,
    };
    if let Some(next) = half {
        let (count, unit) = match larger {
            TimeUnit::Year => (Decimal::from(6), TimeUnit::Month),
            TimeUnit::Hour => (Decimal::from(30), TimeUnit::Minute),
            TimeUnit::Day => (Decimal::from(12), TimeUnit::Hour),
            _ => return None,
        };
        return Some(Length { count, unit, next });
    }
    // `1 hr 40`
    if larger == TimeUnit::Hour
        && at == i
        && doc.gap(i) == Gap::Space
        && let Some(minutes) = doc.digits(i).filter(|d| d.len() == 2)
        && let Some(count) = minutes
            .parse()
            .ok()
            .filter(|m: &Decimal| *m < Decimal::from(60))
        && !super::number::counts_something(doc, i + 1)
        && !doc.is_glued(i + 1)
        && unit(doc.word(i + 1)).is_none()
    {
        return Some(Length {
            count,
            unit: TimeUnit::Minute,
            next: i + 1,
        });
    }
    // `2h 15m`
    if larger == TimeUnit::Hour
        && let Some(minutes) = digits_at(doc, at).filter(|n| n.value < Decimal::from(60))
        && doc.word(minutes.next) == "m"
        && doc.is_glued(minutes.next)
    {
        return Some(Length {
            count: minutes.value,
            unit: TimeUnit::Minute,
            next: minutes.next + 1,
        });
    }
    length_at(pass, at).filter(|more| more.unit > larger && pass.is_free(i..more.next))
}

/// A count and a unit at a place.
pub(super) fn length_at(pass: &Pass<'_, '_>, i: usize) -> Option<Length> {
    let doc = pass.doc;
    if let Some((count, unit)) = arabic_pair(doc.word(i)) {
        return Some(Length {
            count: Decimal::from(count),
            unit,
            next: i + 1,
        });
    }
    if let Some(length) = quarters_at(pass, i) {
        return Some(length);
    }
    if matches!(doc.word(i), "half" | "نص" | "نصف" | "nos" | "nus" | "noss") {
        let at = if matches!(doc.word(i + 1), "a" | "an") {
            i + 2
        } else {
            i + 1
        };
        let unit = unit(doc.word(at))
            .filter(|u| matches!(u, TimeUnit::Hour | TimeUnit::Year | TimeUnit::Day))?;
        return Some(Length {
            count: Decimal::new(5, 1),
            unit,
            next: at + 1,
        });
    }
    let (mut count, at) = match doc.word(i) {
        "a" | "an" => (Decimal::ONE, i + 1),
        _ => {
            let number = digits_at(doc, i).or_else(|| words_at(doc, i))?;
            (number.value, number.next)
        }
    };
    let mut at = at;
    if doc.word(at) == "and" && matches!(doc.word(at + 1), "a" | "half") {
        // `one and a half years`
        let half = if doc.word(at + 1) == "a" {
            at + 2
        } else {
            at + 1
        };
        if doc.word(half) == "half" {
            count += Decimal::new(5, 1);
            at = half + 1;
        }
    }
    if matches!(
        doc.word(at),
        "of" | "full"
            | "more"
            | "working"
            | "business"
            | "calendar"
            | "whole"
            | "good"
            | "consecutive"
    ) {
        at += 1;
    }
    if doc.is_any_mark(at, "-+") && doc.is_word(at + 1) {
        at += 1;
    }
    let unit = unit(doc.word(at)).or_else(|| short_unit(pass, at))?;
    (count < Decimal::from(10_000)).then_some(Length {
        count,
        unit,
        next: at + 1,
    })
}

/// `a quarter of an hour`, `three quarters of an hour`, `ربع ساعة`, `ثلث ساعة`.
fn quarters_at(pass: &Pass<'_, '_>, i: usize) -> Option<Length> {
    let doc = pass.doc;
    let arabic = |share: i64| {
        let hour = matches!(doc.word(i + 1), "ساعه" | "sa3a");
        hour.then_some((share, i + 2))
    };
    let (minutes, next) = match doc.word(i) {
        "ربع" | "rob3" | "rub3" => arabic(15)?,
        "ثلث" | "تلت" => arabic(20)?,
        "a" if doc.word(i + 1) == "quarter" => of_an_hour(pass, i + 2, 15)?,
        "quarter" => of_an_hour(pass, i + 1, 15)?,
        "three" if matches!(doc.word(i + 1), "quarter" | "quarters") => {
            of_an_hour(pass, i + 2, 45)?
        }
        _ => return None,
    };
    Some(Length {
        count: Decimal::from(minutes),
        unit: TimeUnit::Minute,
        next,
    })
}

fn of_an_hour(pass: &Pass<'_, '_>, i: usize, minutes: i64) -> Option<(i64, usize)> {
    let words = [pass.doc.word(i), pass.doc.word(i + 1), pass.doc.word(i + 2)];
    match words {
        ["of", "an", "hour"] => Some((minutes, i + 3)),
        ["hour", ..] => Some((minutes, i + 1)),
        _ => None,
    }
}

fn unit(word: &str) -> Option<TimeUnit> {
    Some(match word {
        "year" | "years" | "yr" | "yrs" | "yearz" | "yeas" | "yers" | "sana" | "sanawat"
        | "snin" | "سنه" | "سنوات" | "سنين" | "عام" | "اعوام" | "saal" | "taon" => {
            TimeUnit::Year
        }
        "month" | "months" | "monts" | "moths" | "mounths" | "shahr" | "shhor" | "shohoor"
        | "mth" | "mths" | "mnths" | "mnth" | "mos" | "شهر" | "شهور" | "اشهر" | "شهرا"
        | "mahina" | "mahine" | "maheene" | "buwan" => TimeUnit::Month,
        "week" | "weeks" | "wk" | "wks" | "weks" | "osbo3" | "usbu3" | "hafta" | "hafte"
        | "linggo" | "اسبوع" | "اسابيع" => TimeUnit::Week,
        "day" | "days" | "يوم" | "ايام" | "يوما" | "night" | "nights" | "din" | "araw" | "ayam"
        | "ayyam" => TimeUnit::Day,
        "hour" | "hours" | "hr" | "hrs" | "hours'" | "sa3a" | "sa3at" | "ghanta" | "ghante"
        | "oras" | "ساعه" | "ساعات" => TimeUnit::Hour,
        "minute" | "minutes" | "minits" | "da2i2a" | "daqeeqa" | "daqiqa" | "d2i2a" | "d2ee2a"
        | "da2aye2" | "d2ay2" | "d2aye2" | "da2aya2" | "daqayeq" | "min" | "mins" | "minuts"
        | "دقيقه" | "دقايق" | "دقاييق" | "دقائق" => TimeUnit::Minute,
        "second" | "seconds" | "sec" | "secs" | "ثانيه" | "ثواني" => TimeUnit::Second,
        _ => return None,
    })
}

/// `2h`, `3d`, `1y`: one letter right behind the digits.
fn short_unit(pass: &Pass<'_, '_>, i: usize) -> Option<TimeUnit> {
    if !pass.doc.is_glued(i)
        || matches!(
            pass.doc.word(i + 1),
            "tour" | "plan" | "print" | "model" | "view"
        )
    {
        return None;
    }
    match pass.doc.word(i) {
        "h" => Some(TimeUnit::Hour),
        // `3D tour`, `2D plan` are typed with a capital.
        "d" if !pass.doc.is_capitalised(i) => Some(TimeUnit::Day),
        "y" => Some(TimeUnit::Year),
        "w" => Some(TimeUnit::Week),
        _ => None,
    }
}

/// `سنتين` and the like, which count two by themselves.
fn arabic_pair(word: &str) -> Option<(u32, TimeUnit)> {
    let bare = word
        .strip_prefix('ل')
        .or_else(|| word.strip_prefix('ب'))
        .unwrap_or(word);
    Some(match bare {
        "سنتين" | "عامين" => (2, TimeUnit::Year),
        "شهرين" => (2, TimeUnit::Month),
        "اسبوعين" => (2, TimeUnit::Week),
        "يومين" => (2, TimeUnit::Day),
        "ساعتين" | "sa3tein" | "sa3teen" => (2, TimeUnit::Hour),
        "youmein" | "yomein" | "yomen" => (2, TimeUnit::Day),
        "osbo3ein" | "usbu3ain" => (2, TimeUnit::Week),
        "shahrein" | "shahren" => (2, TimeUnit::Month),
        "santein" | "santen" => (2, TimeUnit::Year),
        "دقيقتين" => (2, TimeUnit::Minute),
        _ => return None,
    })
}

/// `85k a year`, `5000 a month`: a rate and no length.
fn is_rate(pass: &Pass<'_, '_>, i: usize, length: Length) -> bool {
    let doc = pass.doc;
    if !matches!(doc.word(i), "a" | "an") {
        return length.count.is_zero();
    }
    let after_number = i > 0
        && (doc.digits(i - 1).is_some()
            || crate::number::multiplier_at(doc, i - 1).is_some()
            || !pass.is_open(i - 1)
            || matches!(
                doc.word(i - 1),
                "times" | "once" | "twice" | "such" | "quite" | "aed" | "dhs"
            ));
    let idiom = matches!(doc.word(length.next), "ago" | "later");
    let good_day =
        length.unit == TimeUnit::Day || matches!(doc.word_before(i), "have" | "what" | "per");
    after_number || idiom || good_day
}

/// ISO 8601, with halves carried into the next smaller unit.
fn iso(parts: &[(Decimal, TimeUnit)]) -> Option<String> {
    let mut counts = [0_u32; 7];
    for &(count, unit) in parts {
        let whole = count.trunc();
        counts[unit as usize] = counts[unit as usize].checked_add(whole.to_u32()?)?;
        let rest = count - whole;
        if !rest.is_zero() {
            let (smaller, each) = match unit {
                TimeUnit::Year => (TimeUnit::Month, 12),
                TimeUnit::Month => (TimeUnit::Day, 30),
                TimeUnit::Week => (TimeUnit::Day, 7),
                TimeUnit::Day => (TimeUnit::Hour, 24),
                TimeUnit::Hour => (TimeUnit::Minute, 60),
                TimeUnit::Minute | TimeUnit::Second => (TimeUnit::Second, 60),
            };
            let carried = (rest * Decimal::from(each)).round().to_u32()?;
            counts[smaller as usize] = counts[smaller as usize].checked_add(carried)?;
        }
    }
    let mut text = String::from("P");
    for (count, sign) in counts[..4].iter().zip(["Y", "M", "W", "D"]) {
        if *count > 0 {
            text.push_str(&format!("{count}{sign}"));
        }
    }
    if counts[4..].iter().any(|count| *count > 0) {
        text.push('T');
        for (count, sign) in counts[4..].iter().zip(["H", "M", "S"]) {
            if *count > 0 {
                text.push_str(&format!("{count}{sign}"));
            }
        }
    }
    (text.len() > 1).then_some(text)
}
