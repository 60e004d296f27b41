//! The numbers of flats, villas, offices and shops: `unit 1203`, `villa no. 23`, `#A-1203`, `شقة رقم 504`.

use super::price_words::{BEFORE_A_DOOR, BEHIND_A_DOOR, DOOR_TALK};
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
                | "and"
                | "or"
                | "n"
                | "و"
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

/// Finds bare door numbers such as `keys of 608`, `1203 Marina Gate` or `A-1204` in talk about property, once
/// prices had their turn.
pub(super) fn find_bare(pass: &mut Pass<'_, '_>) {
    let talks = talks_of_doors(pass);
    let mut i = 0;
    while i < pass.doc.len() {
        let found = door_of_project(pass, i)
            .or_else(|| door_in_tower(pass, i))
            .or_else(|| talks.then(|| lettered_door(pass, i)).flatten())
            .or_else(|| talks.then(|| door_with_letter(pass, i)).flatten())
            .or_else(|| talks.then(|| bare_door(pass, i)).flatten())
            .or_else(|| where_somebody_lives(pass, i))
            .filter(|(_, end)| pass.is_free(i..*end));
        match found {
            Some((value, end)) => {
                pass.add(Kind::Unit, value, i..end, CONFIDENCE_BARE);
                i = end;
            }
            None => i += 1,
        }
    }
    find_joined(pass);
}

/// `2906 or 2909`, `1203 & 1207`: a number of as many digits before a door.
fn find_joined(pass: &mut Pass<'_, '_>) {
    for i in (0..pass.doc.len()).rev() {
        let doc = pass.doc;
        let joined =
            doc.is_mark(i + 1, '&') || matches!(doc.word(i + 1), "or" | "and" | "not" | "n");
        let Some(digits) = doc
            .digits(i)
            .filter(|d| joined && (3..=4).contains(&d.len()))
        else {
            continue;
        };
        let door = pass.found.iter().any(|f| {
            f.kind == Kind::Unit && f.tokens.start == i + 2 && f.value.len() == digits.len()
        });
        if door && !digits.starts_with('0') && is_detached(doc, i, i + 1) && pass.is_open(i) {
            pass.add(Kind::Unit, digits.to_owned(), i..i + 1, CONFIDENCE_BARE);
        }
    }
}

/// Whether the message speaks of flats and who lives in them.
fn talks_of_doors(pass: &Pass<'_, '_>) -> bool {
    pass.has(Kind::Unit) || (0..pass.doc.len()).any(|i| DOOR_TALK.contains(pass.doc.word(i)))
}

/// Whether nothing touches a number but the marks of a sentence.
fn is_detached(doc: &Doc<'_>, i: usize, end: usize) -> bool {
    let inside = i >= 2 && doc.is_glued(i) && doc.is_glued(i - 1) && doc.digits(i - 2).is_some();
    let before = !inside && (i == 0 || !doc.is_glued(i) || doc.is_any_mark(i - 1, "(/#,:-*"));
    let decimal = doc.is_any_mark(end, ".,:")
        && doc.is_glued(end)
        && doc.digits(end + 1).is_some()
        && doc.is_glued(end + 1);
    let after = end >= doc.len() || !doc.is_glued(end) || doc.is_any_mark(end, ".,?!:;)/'*");
    before && after && !decimal
}

/// `1203 Marina Gate`: a number right before a building.
fn door_of_project(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    let (value, end) = number_at(pass, i)?;
    let at = if doc.is_any_mark(end, ",-") || matches!(doc.word(end), "in" | "at") {
        end + 1
    } else {
        end
    };
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let building = pass
        .found
        .iter()
        .any(|f| f.kind == Kind::Project && f.tokens.start == at);
    let year = value.starts_with("20") && value.len() == 4 && at == end + 1;
    let fits = (3..=4).contains(&digits) && !year && !value.ends_with("000");
    (building && fits && is_detached(doc, i, end)).then_some((value, end))
}

/// `Princess Tower 3402`, `tower B 1204`: a number right behind a building.
fn door_in_tower(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    let digits = doc.digits(i).filter(|d| (3..=4).contains(&d.len()))?;
    let year = digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"));
    let letter = i >= 2
        && doc.word(i - 1).len() == 1
        && matches!(doc.word(i - 2), "tower" | "block" | "building" | "bldg");
    // `Murjan 5, 906`
    let listed = doc.is_mark(i.wrapping_sub(1), ',')
        && pass.ends_at(Kind::Project, i - 1)
        && !digits.ends_with('0')
        && (i + 1 >= doc.len() || doc.begins_line(i + 1) || doc.is_any_mark(i + 1, ",.?!"));
    let behind = letter || listed || pass.ends_at(Kind::Project, i);
    // `T2 1105`
    let tower = i >= 2
        && doc.digits(i - 1).is_some_and(|d| d.len() == 1)
        && doc.is_glued(i - 1)
        && doc.word(i - 2) == "t"
        && doc.is_capitalised(i - 2);
    let fits = (behind || tower)
        && !year
        && !digits.ends_with("00")
        && doc.gap(i) == Gap::Space
        && is_detached(doc, i, i + 1)
        && !is_measured(doc, i + 1);
    fits.then(|| (digits.to_owned(), i + 1))
}

/// `A-1204`, `B1203`: a letter and three digits or more.
fn lettered_door(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    let letter = doc.word(i);
    let lettered = letter.len() == 1 && letter.is_ascii() && doc.is_capitalised(i) && letter != "e";
    let (value, end) = lettered.then(|| number_at(pass, i))??;
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let least = if doc.is_mark(i + 1, '-') { 2 } else { 3 };
    let fits = (least..=4).contains(&digits) && is_detached(doc, i, end) && !is_measured(doc, end);
    fits.then_some((value, end))
}

/// `the tenant in 4B`: a number and a letter behind a word of place.
fn door_with_letter(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    let lettered = doc.is_glued(i + 1) && doc.is_capitalised(i + 1);
    let letter = matches!(doc.word(i + 1), "a" | "b" | "c" | "e" | "f" | "g" | "h");
    let placed = matches!(
        doc.word_before(i),
        "in" | "of" | "from" | "at" | "to" | "tenant" | "owner"
    );
    let (value, end) = (lettered && letter && placed).then(|| number_at(pass, i))??;
    (end == i + 2 && is_detached(doc, i, end)).then_some((value, end))
}

/// `the tenant of 608`, `1207 has no water`.
fn bare_door(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    let digits = doc.digits(i).filter(|d| !d.starts_with('0'))?;
    let keys = i >= 2
        && matches!(doc.word_before(i), "for" | "of" | "to")
        && matches!(doc.word(i - 2), "key" | "keys" | "fob" | "fobs");
    let long_enough = (3..=4).contains(&digits.len()) || keys && digits.len() == 2;
    if !long_enough {
        return None;
    }
    let spoken_year = matches!(
        doc.word_before(i),
        "in" | "since" | "from" | "of" | "for" | "until" | "till" | "year"
    );
    let year = spoken_year
        && digits.len() == 4
        && digits
            .parse::<u16>()
            .is_ok_and(|y| (1950..2040).contains(&y));
    let round = digits.ends_with("00") && digits.len() == 4 && digits != "1000";
    // `1207 tenant says` begins with a door; `12 tenants say` counts.
    // Four digits that are not round seldom count anything.
    let odd = digits.len() == 4 && !digits.ends_with('0') && doc.word(i + 1).is_ascii();
    let several = !(begins_sentence(doc, i) || odd) || doc.word(i + 1).ends_with('s');
    let counts = several
        && !is_behind_its_people(doc, i)
        && doc.is_word(i + 1)
        && doc.gap(i + 1) == Gap::Space
        && !BEHIND_A_DOOR.contains(doc.word(i + 1));
    // `4 bedrooms for 250`: what they go for.
    let priced = i >= 1 && doc.word(i - 1) == "for" && pass.ends_at(Kind::Bedrooms, i - 1);
    let stands = !priced && (BEFORE_A_DOOR.contains(doc.word_before(i)) || begins_sentence(doc, i));
    (stands && !year && !round && !counts && is_detached(doc, i, i + 1) && !is_measured(doc, i + 1))
        .then(|| (digits.to_owned(), i + 1))
}

/// `landlord of 906 refuses`, `ساكن في 304 والجيران`: a number that looks like a door, behind those who live there.
fn is_behind_its_people(doc: &Doc<'_>, i: usize) -> bool {
    let digits = doc.str(i);
    let (floor, door) = digits.split_at(digits.len().saturating_sub(2));
    let looks = floor != "0" && door.parse::<u8>().is_ok_and(|d| (1..=40).contains(&d));
    let introduced = matches!(
        doc.word_before(i),
        "of" | "in"
            | "from"
            | "for"
            | "tenant"
            | "owner"
            | "مستاجر"
            | "المستاجر"
            | "ساكن"
            | "في"
            | "من"
    );
    looks && introduced && !super::quantity::is_unit(doc.word(i + 1))
}

/// `Mrs. Pinto from 703`: a number that is not round, behind `from` and at the end of what is said.
fn where_somebody_lives(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    let digits = doc.digits(i).filter(|d| (3..=4).contains(&d.len()))?;
    let round = digits.ends_with('0') || digits.starts_with('0');
    let year = digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"));
    let from = matches!(doc.word_before(i), "from" | "in")
        && i >= 2
        && doc.is_word(i - 2)
        && !pass.has(Kind::Money);
    let ends = i + 1 >= doc.len() || doc.begins_line(i + 1) || doc.is_any_mark(i + 1, ",!?");
    let fits = from && ends && !round && !year && is_detached(doc, i, i + 1);
    fits.then(|| (digits.to_owned(), i + 1))
}

fn begins_sentence(doc: &Doc<'_>, i: usize) -> bool {
    i == 0 || doc.begins_line(i) || doc.is_any_mark(i - 1, ".!?,:-(/|&•")
}

fn introduced_at(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize, usize)> {
    let doc = pass.doc;
    let (mut at, strength) = intro_end(pass, i)?;
    let mut explicit = strength == Intro::Number;
    for _ in 0..3 {
        let skip = match doc.word(at) {
            "no" | "number" | "numbers" | "nos" | "num" | "nr" | "nbr" | "raqam" | "raqm"
            | "رقم" | "رقمها" => true,
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
    let several = matches!(
        doc.word(i),
        "flats" | "apartments" | "villas" | "units" | "apts" | "الوحدات"
    );
    let small = value.len() < 3
        && !doc.is_any_mark(end, ",&/")
        && !matches!(doc.word(end), "and" | "or" | "و");
    // `3al share3` is a word, and `a flat 118` a price.
    let word_begins = doc.is_glued(end) && doc.is_word(end);
    let flat_rate = doc.word(i) == "flat" && doc.word_before(i) == "a";
    if is_measured(doc, end)
        || word_begins
        || flat_rate
        || (strength == Intro::Weak && !explicit)
        || (several && small)
        || is_rating(doc, at)
    {
        return None;
    }
    Some((value, at, end))
}

/// `flat 5/5`: a mark out of five or ten.
fn is_rating(doc: &Doc<'_>, i: usize) -> bool {
    doc.is_mark(i + 1, '/')
        && matches!(doc.digits(i + 2), Some("5" | "10"))
        && doc.digits(i).is_some_and(|d| d.len() <= 2)
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
        | "الفيلا" | "وحده" | "الوحده" | "مكتب" | "محل" | "الوحدات" | "فله" | "مستودع" | "شقتي"
        | "شقته" | "شقتها" | "شقتنا" | "الشقق" | "شقق" | "الشقتين" | "studio" | "sha2a"
        | "sha22a" | "shaqa" | "sha2at" => Intro::Strong,
        "المحل" | "المكتب" | "المستودع" | "maktab" | "makteb" => Intro::Strong,
        // `a 2 door 5 seater` is a car.
        "door" | "bab" if doc.digits(i.wrapping_sub(1)).is_none() => Intro::Strong,
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
    } else if doc.is_mark(end, '-')
        && doc.is_glued(end)
        && doc.is_glued(end + 1)
        && doc.word(end + 1).len() == 1
        && doc.is_capitalised(end + 1)
    {
        end += 2;
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
            | "room"
            | "rooms"
            | "ft"
            | "cheques"
            | "chqs"
            | "units"
            | "people"
            | "persons"
            | "floors"
            | "model"
            | "master"
            | "masters"
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
