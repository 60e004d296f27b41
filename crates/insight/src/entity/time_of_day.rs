//! Clock times: `3pm`, `15:30`, `half past 4`, `الساعة ٥ العصر`.

use super::Pass;
use crate::doc::{Doc, Gap};
use crate::number::{count_at, words_at};
use jiff::civil::Time;

/// Which half of the day a time belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Morning,
    Evening,
    /// Nobody said; or the time was written in 24 hours.
    Unsaid,
}

/// A time of day at a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    hour: i8,
    minute: i8,
    pub(super) half: Half,
    /// Written as 24 hours (`05:30`, `17:00`), so that nothing needs to be guessed.
    literal: bool,
    pub(super) next: usize,
}

impl Clock {
    /// The time, where a half of the day said elsewhere (`tomorrow evening`) helps.
    ///
    /// Without any word for it, people who write 1 to 7 mean the afternoon and evening, and 8 to 12 the
    /// morning and noon.
    pub(super) fn time(self, said: Half) -> Option<Time> {
        let half = if self.half == Half::Unsaid {
            said
        } else {
            self.half
        };
        let hour = match (half, self.hour) {
            (Half::Morning, 12) => 0,
            (Half::Evening, 1..=11) => self.hour + 12,
            (Half::Unsaid, 1..=7) if !self.literal => self.hour + 12,
            _ => self.hour,
        };
        Time::new(hour, self.minute, 0, 0).ok()
    }

    /// The next time after `now` that shows the same on a clock of twelve hours, unless the half of the day was
    /// said; and whether that is tomorrow.
    pub(super) fn next_after(self, now: Time) -> Option<(Time, bool)> {
        let given = self.time(Half::Unsaid)?;
        if self.half != Half::Unsaid || self.literal || !(1..=12).contains(&self.hour) {
            return Some((given, given <= now));
        }
        let early = Time::new(self.hour % 12, self.minute, 0, 0).ok()?;
        let late = Time::new(self.hour % 12 + 12, self.minute, 0, 0).ok()?;
        Some(if now < early {
            (early, false)
        } else if now < late {
            (late, false)
        } else {
            (early, true)
        })
    }

    /// The same with another half of the day, for the first time of `3 to 5 pm`.
    pub(super) fn sharing(self, other: Clock) -> Self {
        let crosses_noon =
            other.half == Half::Evening && self.hour > other.hour % 12 && self.hour != 12;
        let half = match (self.half, crosses_noon) {
            (Half::Unsaid, false) => other.half,
            (Half::Unsaid, true) => Half::Morning,
            (said, _) => said,
        };
        Self { half, ..self }
    }
}

/// A time that cannot be anything else.
pub(super) fn certain_at(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    let doc = pass.doc;
    if let Some(named) = named_at(doc, i) {
        return Some(named);
    }
    if is_arabic_clock(doc.word(i)) {
        let clock = hour_at(pass, i + 1)
            .or_else(|| ordinal_hour_at(doc, i + 1))
            .or_else(|| hour_word_at(doc, i + 1))?;
        return Some(clock);
    }
    if let Some(past) = past_or_to(pass, i) {
        return Some(past);
    }
    let clock = hour_at(pass, i).or_else(|| hour_word_at(doc, i))?;
    let written_out = clock.literal || clock.half != Half::Unsaid || clock.next > hour_end(doc, i);
    written_out.then_some(clock)
}

/// A time where one is expected: also a bare hour such as `5`.
pub(super) fn expected_at(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    certain_at(pass, i).or_else(|| {
        let clock = hour_at(pass, i).or_else(|| hour_word_at(pass.doc, i))?;
        (clock.hour >= 1 && !measures(pass, clock.next)).then_some(clock)
    })
}

fn hour_end(doc: &Doc<'_>, i: usize) -> usize {
    words_at(doc, i).map_or(i + 1, |n| n.next)
}

/// Whether a bare hour is followed by something that it counts.
fn measures(pass: &Pass<'_, '_>, i: usize) -> bool {
    let doc = pass.doc;
    if doc.gap(i) == Gap::Line {
        return false;
    }
    if doc.is_any_mark(i, ".:,")
        && doc.is_glued(i)
        && doc.digits(i + 1).is_some()
        && doc.is_glued(i + 1)
    {
        return true;
    }
    if doc.is_any_mark(i, "%$€£/+") {
        return true;
    }
    // `at 5 check the lift`, `at 5 unit 302`: the one is done, the other has a number of its own.
    if super::quantity::is_unit(doc.word(i)) && !matches!(doc.word(i), "check" | "unit" | "m") {
        return true;
    }
    !pass.is_open(i) && i < doc.len()
        || super::money::currency_at(doc, i).is_some()
        || crate::number::multiplier_at(doc, i).is_some()
        || matches!(
            doc.word(i),
            "people"
                | "persons"
                | "person"
                | "br"
                | "bed"
                | "beds"
                | "bedroom"
                | "bedrooms"
                | "bhk"
                | "days"
                | "day"
                | "weeks"
                | "months"
                | "years"
                | "hours"
                | "hrs"
                | "minutes"
                | "mins"
                | "min"
                | "units"
                | "cheques"
                | "sqft"
                | "sqm"
                | "of"
                | "viewings"
                | "options"
                | "apartments"
                | "villas"
                | "th"
                | "st"
                | "nd"
                | "rd"
                | "km"
                | "times"
                | "more"
                | "percent"
                | "others"
                | "and"
                | "floor"
                | "properties"
                | "clients"
                | "ايام"
                | "اشخاص"
                | "شقق"
                | "سنوات"
                | "شهور"
                | "اشهر"
        )
}

/// Digits as an hour, with minutes and half of the day.
fn hour_at(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    let doc = pass.doc;
    let digits = doc.digits(i)?;
    if i > 0
        && doc.is_glued(i)
        && (doc.is_any_mark(i - 1, ".:,/+#") && i > 1 && doc.digits(i - 2).is_some()
            || doc.is_word(i - 1) && doc.word(i - 1) != "t")
    {
        return None;
    }
    if let Some(military) = military_at(doc, i, digits) {
        return Some(military);
    }
    (digits.len() <= 2).then_some(())?;
    let hour: i8 = digits.parse().ok().filter(|h| *h < 24)?;
    let (minute, mut next) = minutes_at(doc, i + 1).unwrap_or((0, i + 1));
    let minutes_written = next > i + 1;
    let with_dot = minutes_written && doc.is_mark(i + 1, '.');
    let mut literal = minutes_written
        && !with_dot
        && (digits.len() == 2 || hour > 12 || hour == 0)
        && (hour < 1 || digits.starts_with('0') || hour >= 8);
    let (minute, after) = arabic_minutes(doc, next)
        .filter(|_| minute == 0)
        .unwrap_or((minute, next));
    next = after;
    let (hour, minute, after) = counted_back(doc, hour, minute, next);
    next = after;
    let mut half = Half::Unsaid;
    if let Some((said, end)) = half_at(doc, next) {
        half = said;
        next = end;
    } else if hour == 12 && matches!(doc.word(next), "noon" | "midday") {
        literal = true;
        next += 1;
    } else if let Some(end) = o_clock_end(doc, next) {
        next = end;
        if let Some((said, end)) = half_at(doc, next) {
            half = said;
            next = end;
        }
    } else if doc.word(next) == "h" && doc.is_glued(next) && hour > 12 {
        literal = true;
        next += 1;
    }
    if let Some((said, end)) = minutes_behind_h(doc, i) {
        return Some(Clock {
            hour,
            minute: said,
            half,
            literal: true,
            next: end,
        });
    }
    // `12.30` alone is a number, `12.30 sharp` is none.
    if with_dot && half == Half::Unsaid && ish(doc, next) == next {
        return None;
    }
    if half != Half::Unsaid && hour > 12 {
        half = Half::Unsaid;
        literal = true;
    }
    Some(Clock {
        hour,
        minute,
        half,
        literal,
        next: ish(doc, next),
    })
}

/// The minutes of `18h30`.
fn minutes_behind_h(doc: &Doc<'_>, i: usize) -> Option<(i8, usize)> {
    let written = doc.word(i + 1) == "h" && doc.is_glued(i + 1) && doc.is_glued(i + 2);
    let digits = written
        .then(|| doc.digits(i + 2))?
        .filter(|d| d.len() == 2)?;
    let minute = digits.parse().ok().filter(|m| *m < 60)?;
    Some((minute, i + 3))
}

/// Past `o'clock`, in all its forms, and `ish`.
fn o_clock_end(doc: &Doc<'_>, i: usize) -> Option<usize> {
    match (doc.word(i), doc.word(i + 1)) {
        ("o'clock" | "oclock" | "o'clk" | "oclk" | "ish", _) => Some(i + 1),
        ("o", "clock" | "clk") => Some(i + 2),
        _ => None,
    }
}

fn ish(doc: &Doc<'_>, i: usize) -> usize {
    match doc.word(i) {
        "ish" | "sharp" | "gst" => i + 1,
        _ => i,
    }
}

/// `1500 hrs`, `0930h`.
fn military_at(doc: &Doc<'_>, i: usize, digits: &str) -> Option<Clock> {
    let marked = matches!(doc.word(i + 1), "hrs" | "hours" | "hr" | "h");
    if digits.len() != 4 || !marked {
        return None;
    }
    let hour = digits[..2].parse().ok().filter(|h| *h < 24)?;
    let minute = digits[2..].parse().ok().filter(|m| *m < 60)?;
    Some(Clock {
        hour,
        minute,
        half: Half::Unsaid,
        literal: true,
        next: i + 2,
    })
}

fn minutes_at(doc: &Doc<'_>, i: usize) -> Option<(i8, usize)> {
    let marked = doc.is_any_mark(i, ":.") && doc.is_glued(i) && doc.is_glued(i + 1);
    let digits = marked.then(|| doc.digits(i + 1))??;
    let more = doc.is_any_mark(i + 2, ":.")
        && doc.is_glued(i + 2)
        && doc.is_glued(i + 3)
        && doc.digits(i + 3).is_some();
    if digits.len() != 2 || (more && doc.is_mark(i + 2, '.')) {
        return None;
    }
    let minute = digits.parse().ok().filter(|m| *m < 60)?;
    Some((minute, if more { i + 4 } else { i + 2 }))
}

/// `ونص`, `وربع`, `الا ربع` behind an Arabic hour. A quarter to is not counted back here.
fn arabic_minutes(doc: &Doc<'_>, i: usize) -> Option<(i8, usize)> {
    match (doc.word(i), doc.word(i + 1)) {
        ("ونص" | "ونصف", _) => Some((30, i + 1)),
        ("وربع", _) => Some((15, i + 1)),
        ("وثلث" | "وتلت", _) => Some((20, i + 1)),
        ("و", "نص" | "نصف") | ("w", "nos" | "noss" | "nus" | "nuss") => Some((30, i + 2)),
        ("و", "ربع") => Some((15, i + 2)),
        _ => None,
    }
}

/// `الا ربع`: a quarter to the hour that was said.
fn counted_back(doc: &Doc<'_>, hour: i8, minute: i8, next: usize) -> (i8, i8, usize) {
    let minutes = match (doc.word(next), doc.word(next + 1)) {
        ("الا", "ربع") => 15,
        ("الا", "ثلث" | "تلت") => 20,
        ("الا", "عشره" | "عشر") => 10,
        ("الا", "خمسه" | "خمس") => 5,
        _ => return (hour, minute, next),
    };
    if minute != 0 || !(1..=12).contains(&hour) {
        return (hour, minute, next);
    }
    let before = if hour == 1 { 12 } else { hour - 1 };
    (before, 60 - minutes, next + 2)
}

/// `الخامسة مساء` behind the word for the hour.
fn ordinal_hour_at(doc: &Doc<'_>, i: usize) -> Option<Clock> {
    let eleventh = matches!(doc.word(i + 1), "عشره" | "عشر");
    let (hour, next) = match doc.word(i) {
        "الواحده" => (1, i + 1),
        "الحاديه" if eleventh => (11, i + 2),
        "الثانيه" if eleventh => (12, i + 2),
        "الثانيه" => (2, i + 1),
        "الثالثه" => (3, i + 1),
        "الرابعه" => (4, i + 1),
        "الخامسه" => (5, i + 1),
        "السادسه" => (6, i + 1),
        "السابعه" => (7, i + 1),
        "الثامنه" => (8, i + 1),
        "التاسعه" => (9, i + 1),
        "العاشره" => (10, i + 1),
        _ => return None,
    };
    let (minute, next) = arabic_minutes(doc, next).unwrap_or((0, next));
    let (hour, minute, next) = counted_back(doc, hour, minute, next);
    let (half, next) = half_at(doc, next).unwrap_or((Half::Unsaid, next));
    Some(Clock {
        hour,
        minute,
        half,
        literal: false,
        next,
    })
}

/// `pm`, `p.m.`, `in the evening`, `مساء`, `العصر`.
pub(super) fn half_at(doc: &Doc<'_>, i: usize) -> Option<(Half, usize)> {
    if doc.gap(i) == Gap::Line {
        return None;
    }
    let letter = doc.word(i);
    if matches!(letter, "a" | "p")
        && doc.is_any_mark(i + 1, ".")
        && doc.word(i + 2) == "m"
        && doc.is_glued(i + 1)
        && doc.is_glued(i + 2)
    {
        let end = if doc.is_mark(i + 3, '.') && doc.is_glued(i + 3) {
            i + 4
        } else {
            i + 3
        };
        return Some((
            if letter == "a" {
                Half::Morning
            } else {
                Half::Evening
            },
            end,
        ));
    }
    let simple = match letter {
        "am" | "a'm" | "صباحا" | "الصبح" | "ص" | "الصباح" | "صباح" | "فجرا" | "الضحى" | "الضحي"
        | "morning" => Some(Half::Morning),
        "pm" | "p'm" | "مساء" | "المسا" | "المساء" | "العصر" | "عصرا" | "م" | "الظهر" | "ظهرا"
        | "المغرب" | "العشا" | "بالليل" | "ليلا" | "الليل" | "العشاء" | "مسا" | "مساءا"
        | "evening" | "afternoon" | "tonight" | "night" => Some(Half::Evening),
        _ => None,
    };
    if let Some(half) = simple {
        return Some((half, i + 1));
    }
    match (letter, doc.word(i + 1), doc.word(i + 2)) {
        ("in", "the", "morning") => Some((Half::Morning, i + 3)),
        ("in", "the", "evening" | "afternoon") | ("at", "the", "night") => {
            Some((Half::Evening, i + 3))
        }
        ("at", "night", _) => Some((Half::Evening, i + 2)),
        ("بعد", "الظهر" | "العصر" | "المغرب", _) => Some((Half::Evening, i + 2)),
        ("في", "المساء" | "الليل" | "المسا", _) => Some((Half::Evening, i + 2)),
        ("في", "الصباح", _) => Some((Half::Morning, i + 2)),
        ("el" | "al" | "bel" | "bil", "sob7" | "sobh" | "sabah", _) => Some((Half::Morning, i + 2)),
        (
            "el" | "al" | "bel" | "bil",
            "leil" | "masa" | "3asr" | "3aser" | "3assr" | "asr" | "aser" | "maghreb" | "maghrib"
            | "3esha" | "3isha" | "dohr" | "duhr" | "zuhr",
            _,
        ) => Some((Half::Evening, i + 2)),
        ("in", "morning", _) => Some((Half::Morning, i + 2)),
        ("in", "evening" | "afternoon", _) => Some((Half::Evening, i + 2)),
        ("قبل", "الظهر", _) => Some((Half::Morning, i + 2)),
        _ => None,
    }
}

fn named_at(doc: &Doc<'_>, i: usize) -> Option<Clock> {
    let hour = match doc.word(i) {
        "noon" | "midday" | "noontime" => 12,
        "midnight" => 0,
        _ => return None,
    };
    if matches!(doc.word_before(i), "after" | "before") {
        return None;
    }
    Some(Clock {
        hour,
        minute: 0,
        half: Half::Unsaid,
        literal: true,
        next: i + 1,
    })
}

fn is_arabic_clock(word: &str) -> bool {
    matches!(
        word,
        "الساعه" | "sa3a" | "sa3ah" | "ساعه" | "عالساعه" | "بالساعه" | "للساعه"
    ) && word != "ساعه"
}

/// `خمسة العصر`, `five pm`.
fn hour_word_at(doc: &Doc<'_>, i: usize) -> Option<Clock> {
    let number = words_at(doc, i)?;
    let hour: i8 = crate::number::plain(number.value)
        .parse()
        .ok()
        .filter(|h| (1..=12).contains(h))?;
    // `one night`, `two evenings`: a count and no hour.
    if number.next < doc.len()
        && matches!(
            doc.word(number.next),
            "night" | "evening" | "morning" | "afternoon"
        )
        && doc.word_before(i) != "at"
    {
        return None;
    }
    let (minute, next) = arabic_minutes(doc, number.next).unwrap_or((0, number.next));
    let (hour, mut minute, mut next) = counted_back(doc, hour, minute, next);
    if minute == 0
        && let Some((count, end)) = count_at(doc, next, 59).filter(|(m, _)| *m >= 10)
        && !doc.word(next).is_empty()
        && (half_at(doc, end).is_some() || count % 5 == 0 && doc.word_before(i) == "at")
    {
        // `three thirty pm`, `at three fifteen`
        minute = count as i8;
        next = end;
    }
    let half = match half_at(doc, next) {
        Some((half, end)) => {
            next = end;
            half
        }
        None => Half::Unsaid,
    };
    if half == Half::Unsaid && matches!(doc.word(next), "o'clock" | "oclock") {
        next += 1;
    }
    Some(Clock {
        hour,
        minute,
        half,
        literal: false,
        next,
    })
}

/// `half past 3`, `quarter to 5`, `10 past 4`.
fn past_or_to(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    let doc = pass.doc;
    let (minutes, at) = match doc.word(i) {
        "half" => (30, i + 1),
        "quarter" => (15, i + 1),
        _ => count_at(doc, i, 29).map(|(m, next)| (m as i8, next))?,
    };
    let to = match doc.word(at) {
        "past" => false,
        // `half 7`
        _ if doc.word(i) == "half" && at == i + 1 && doc.digits(at).is_some() => {
            let clock =
                hour_at(pass, at).filter(|c| c.minute == 0 && (1..=12).contains(&c.hour))?;
            return (!measures(pass, clock.next)).then_some(Clock {
                minute: 30,
                ..clock
            });
        }
        "to" if minutes != 30 && matches!(doc.word(i), "quarter") => true,
        _ => return None,
    };
    let clock = hour_at(pass, at + 1)
        .or_else(|| hour_word_at(doc, at + 1))
        .filter(|c| c.minute == 0)?;
    let (hour, minute) = if to {
        ((clock.hour + 11) % 12, 60 - minutes)
    } else {
        (clock.hour, minutes)
    };
    let hour = if hour == 0 { 12 } else { hour };
    Some(Clock {
        hour,
        minute,
        ..clock
    })
}

/// Hour and minutes with a full stop between, which only a day before them makes a time.
pub(super) fn with_dot_at(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    let hour: i8 = pass.doc.digits(i)?.parse().ok().filter(|h| *h < 24)?;
    let (minute, next) = minutes_at(pass.doc, i + 1)?;
    Some(Clock {
        hour,
        minute,
        half: Half::Unsaid,
        literal: hour > 12,
        next,
    })
}

/// A bare hour, whatever follows it.
pub(super) fn bare_at(pass: &Pass<'_, '_>, i: usize) -> Option<Clock> {
    hour_at(pass, i)
}
