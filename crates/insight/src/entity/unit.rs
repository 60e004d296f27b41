//! The numbers of flats, villas, offices and shops: `unit 1203`, `villa no. 23`, `#A-1203`, `شقة رقم 504`.

use super::{Kind, Pass};
use crate::doc::{Doc, Gap};

const CONFIDENCE: f32 = 0.88;
/// Digits of a unit number at most.
const DIGITS_MAX: usize = 5;

/// Finds unit numbers.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        match introduced_at(pass, i) {
            Some((value, from, end)) if pass.is_free(from..end) => {
                pass.add(Kind::Unit, value, from..end, CONFIDENCE);
                i = more(pass, end);
            }
            _ => i += 1,
        }
    }
}

/// `units 1203 and 1204`: more numbers behind the first.
fn more(pass: &mut Pass<'_, '_>, mut i: usize) -> usize {
    for _ in 0..8 {
        let joined =
            pass.doc.is_any_mark(i, ",&/") || matches!(pass.doc.word(i), "and" | "or" | "و");
        if !joined {
            return i;
        }
        let Some((value, end)) = number_at(pass, i + 1).filter(|(value, end)| {
            value.len() >= 3 && pass.is_free(i + 1..*end) && !is_measured(pass.doc, *end)
        }) else {
            return i;
        };
        pass.add(Kind::Unit, value, i + 1..end, CONFIDENCE);
        i = end;
    }
    i
}

fn introduced_at(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize, usize)> {
    let doc = pass.doc;
    let (mut at, strength) = intro_end(pass, i)?;
    let mut explicit = strength == Intro::Number;
    for _ in 0..3 {
        let skip = match doc.word(at) {
            "no" | "number" | "num" | "nr" | "nbr" | "رقم" | "رقمها" => true,
            "is" if explicit => true,
            _ => {
                doc.is_mark(at, '#')
                    || (explicit && doc.is_any_mark(at, ".:"))
                    || doc.is_mark(at, ':')
            }
        };
        if !skip {
            break;
        }
        explicit = true;
        at += 1;
    }
    if doc.gap(at) == Gap::Line {
        return None;
    }
    let (value, end) = number_at(pass, at)?;
    if is_measured(doc, end) || (strength == Intro::Weak && !explicit) {
        return None;
    }
    Some((value, at, end))
}

/// How much a word says about the number behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intro {
    /// It names a unit: the number behind it is one.
    Strong,
    /// It needs `no` or `#` between.
    Weak,
    /// It is itself the sign of a number.
    Number,
}

fn intro_end(pass: &Pass<'_, '_>, i: usize) -> Option<(usize, Intro)> {
    let doc = pass.doc;
    if doc.is_mark(i, '#') {
        let three = doc.digits(i + 1).is_some_and(|d| d.len() >= 3);
        let lettered = doc.word(i + 1).len() == 1;
        return (three || lettered).then_some((i + 1, Intro::Number));
    }
    let strength = match doc.word(i) {
        "unit" | "units" | "apt" | "apts" | "apartment" | "flat" | "villa" | "office" | "shop"
        | "townhouse" | "penthouse" | "th" | "suite" | "warehouse" | "plot" | "apartments"
        | "flats" | "villas" | "unt" | "aprt" | "appt" | "apartmnt" | "شقه" | "الشقه" | "فيلا"
        | "الفيلا" | "وحده" | "الوحده" | "مكتب" | "محل" | "الوحدات" | "فله" | "مستودع"
        | "studio" => Intro::Strong,
        "room" | "door" | "property" | "house" | "home" | "غرفه" | "بيت" => Intro::Weak,
        _ => return None,
    };
    Some((
        if doc.is_mark(i + 1, '.') && doc.is_glued(i + 1) {
            i + 2
        } else {
            i + 1
        },
        strength,
    ))
}

/// `1203`, `A-1203`, `1203A`, `A1203`, `12B`, `B-12-3`.
fn number_at(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    let mut end = i;
    let mut digits = 0;
    if doc.word(i).len() <= 2 && !doc.word(i).is_empty() && doc.word(i).is_ascii() {
        end += 1;
        if doc.is_any_mark(end, "-/") && doc.is_glued(end) {
            end += 1;
        }
        if !doc.is_glued(end) {
            return None;
        }
    }
    let first = doc.digits(end)?;
    if first.len() > DIGITS_MAX {
        return None;
    }
    digits += first.len();
    end += 1;
    if doc.is_any_mark(end, "-/")
        && doc.is_glued(end)
        && doc.is_glued(end + 1)
        && let Some(second) = doc.digits(end + 1).filter(|d| d.len() <= DIGITS_MAX)
    {
        digits += second.len();
        end += 2;
    }
    let letter = doc.word(end);
    if letter.len() == 1 && doc.is_glued(end) && letter != "m" && letter != "k" {
        end += 1;
    }
    (digits > 0).then(|| (doc.typed(i..end).to_uppercase_ascii_digits(), end))
}

/// The number as written, with Western digits.
trait WesternDigits {
    fn to_uppercase_ascii_digits(&self) -> String;
}

impl WesternDigits for str {
    fn to_uppercase_ascii_digits(&self) -> String {
        crate::text::Text::new(self).folded().to_ascii_uppercase()
    }
}

/// Whether the number measures or counts something, so that it names no unit.
fn is_measured(doc: &Doc<'_>, end: usize) -> bool {
    if doc.is_any_mark(end, "%+$€£") && doc.is_glued(end) {
        return true;
    }
    if doc.is_any_mark(end, ".,:")
        && doc.is_glued(end)
        && doc.is_glued(end + 1)
        && doc.digits(end + 1).is_some()
    {
        return true;
    }
    matches!(
        doc.word(end),
        "br" | "bhk"
            | "bed"
            | "beds"
            | "bedroom"
            | "bedrooms"
            | "bath"
            | "baths"
            | "bathroom"
            | "sqft"
            | "sq"
            | "sqm"
            | "k"
            | "m"
            | "million"
            | "mn"
            | "mil"
            | "aed"
            | "dhs"
            | "dh"
            | "dirham"
            | "dirhams"
            | "thousand"
            | "lakh"
            | "cr"
            | "crore"
            | "years"
            | "year"
            | "months"
            | "month"
            | "days"
            | "day"
            | "weeks"
            | "km"
            | "min"
            | "mins"
            | "minutes"
            | "pm"
            | "am"
            | "square"
            | "ft"
            | "cheques"
            | "chqs"
            | "units"
            | "people"
            | "persons"
            | "floors"
            | "usd"
            | "bd"
            | "bdr"
            | "غرف"
            | "غرفه"
            | "الف"
            | "مليون"
            | "درهم"
            | "متر"
            | "قدم"
            | "شهر"
            | "سنه"
            | "ايام"
    )
}
