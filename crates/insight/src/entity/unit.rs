//! The numbers of flats, villas, offices and shops: `unit 1203`, `villa no. 23`, `#A-1203`, `شقة رقم 504`.

use super::{Kind, Pass};
use crate::doc::{Doc, Gap};

const CONFIDENCE: f32 = 0.88;
const CONFIDENCE_BARE: f32 = 0.75;
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
            (value.len() >= 3 || !doc_noun(pass.doc, *end))
                && pass.is_free(i + 1..*end)
                && !is_measured(pass.doc, *end)
        }) else {
            return i;
        };
        pass.add(Kind::Unit, value, i + 1..end, CONFIDENCE);
        i = end;
    }
    i
}

/// Whether a word follows that a small number may count.
fn doc_noun(doc: &Doc<'_>, i: usize) -> bool {
    doc.is_word(i)
        && !matches!(
            doc.word(i),
            "can"
                | "are"
                | "is"
                | "in"
                | "at"
                | "please"
                | "pls"
                | "for"
                | "both"
                | "have"
                | "were"
                | "vacant"
        )
}

/// Finds bare door numbers such as `keys of 608` in talk about property, once all else had its turn.
pub(super) fn find_bare(pass: &mut Pass<'_, '_>) {
    const TALK: &[&str] = &[
        "key",
        "keys",
        "flat",
        "tenant",
        "rent",
        "rented",
        "vacant",
        "vacated",
        "unit",
        "units",
        "apartment",
        "floor",
        "view",
        "viewing",
        "tenancy",
        "face",
        "landlord",
        "occupied",
        "leased",
        "sold",
        "access",
        "open",
        "door",
        "lobby",
        "look",
        "price",
        "شقه",
        "الشقه",
        "مستاجر",
        "المستاجر",
        "مفتاح",
    ];
    const BEFORE: &[&str] = &[
        "of",
        "for",
        "in",
        "at",
        "open",
        "view",
        "see",
        "does",
        "is",
        "to",
        "from",
        "status",
        "keys",
        "key",
        "tenant",
        "out",
        "and",
        "access",
        "visit",
        "show",
        "floor",
        "rented",
        "leased",
        "sold",
        "about",
        "bill",
        "meter",
        "",
        "شقه",
        "في",
        "مفتاح",
    ];
    let talks = (0..pass.doc.len()).any(|i| TALK.contains(&pass.doc.word(i)));
    for i in 0..pass.doc.len() {
        let doc = pass.doc;
        let Some(digits) = doc
            .digits(i)
            .filter(|d| (3..=4).contains(&d.len()) && !d.starts_with('0'))
        else {
            continue;
        };
        let year = digits.len() == 4
            && (digits.starts_with("19") || digits.starts_with("20"))
            && matches!(doc.word_before(i), "in" | "since" | "from" | "of" | "for");
        let round = digits.ends_with("00") && digits.len() == 4 && digits != "1000";
        let glued = (i > 0 && doc.is_glued(i) && !doc.is_any_mark(i - 1, "(/#"))
            || (i + 1 < doc.len() && doc.is_glued(i + 1) && !doc.is_any_mark(i + 1, ".,?!:;)/"));
        let decimal = doc.is_any_mark(i + 1, ".,:")
            && doc.is_glued(i + 1)
            && doc.digits(i + 2).is_some()
            && doc.is_glued(i + 2);
        let counts = doc.is_word(i + 1)
            && doc.gap(i + 1) == Gap::Space
            && !FOLLOWS.contains(&doc.word(i + 1));
        if talks
            && pass.is_open(i)
            && !year
            && !round
            && !glued
            && !decimal
            && !counts
            && BEFORE.contains(&doc.word_before(i))
        {
            pass.add(Kind::Unit, digits.to_owned(), i..i + 1, CONFIDENCE_BARE);
        }
    }
}

/// Words behind a door number, which it does not count.
const FOLLOWS: &[&str] = &[
    "is",
    "has",
    "on",
    "in",
    "was",
    "today",
    "directly",
    "paid",
    "face",
    "with",
    "and",
    "by",
    "are",
    "please",
    "pls",
    "vacant",
    "for",
    "to",
    "n",
    "or",
    "at",
    "still",
    "now",
    "from",
    "will",
    "tomorrow",
    "asap",
    "got",
    "sold",
    "rented",
    "not",
    "moved",
    "yet",
    "occupied",
    "available",
    "ready",
    "tmrw",
    "again",
    "since",
    "فيها",
    "في",
    "فاضيه",
    "مع",
];

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
    let word = doc.word(i);
    let bare = word
        .strip_prefix("لل")
        .or_else(|| word.strip_prefix("بال"))
        .or_else(|| word.strip_prefix("وال"))
        .unwrap_or(word);
    let strength = match bare {
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
