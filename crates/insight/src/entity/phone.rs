//! Phone numbers, in every form people type, to E.164.
//!
//! The Emirates' own numbering plan is written out here, because most numbers are theirs and are typed in
//! the most ways; all other countries go through the numbering plans of libphonenumber.
//! Source of the plan: ITU-T E.164 national numbering plan of the United Arab Emirates (TDRA).

use super::{Kind, Pass};
use crate::doc::{Doc, Gap};
use phonenumber::country;

/// Digits of an international number at most (E.164).
const DIGITS_MAX: usize = 15;
/// Tokens of one number at most.
const TOKENS_MAX: usize = 24;
/// Numbers of a message that are looked up in other countries' plans.
const LOOKUPS_MAX: usize = 32;
const CONFIDENCE: f32 = 0.95;

/// Words right before digits which say that they are no phone number.
const NOT_A_PHONE: &[&str] = &[
    "ref",
    "reference",
    "permit",
    "invoice",
    "order",
    "ticket",
    "iban",
    "account",
    "acc",
    "eid",
    "passport",
    "deed",
    "rera",
    "orn",
    "brn",
    "trn",
    "booking",
    "id",
    "listing",
    "case",
    "aed",
    "usd",
    "dhs",
    "licence",
    "license",
    "contract",
    "txn",
    "transaction",
    "cheque",
    "makani",
    "dewa",
    "premise",
];

/// Finds phone numbers.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    let mut lookups = 0;
    while i < pass.doc.len() {
        match number_at(pass, i, &mut lookups) {
            Some((value, end)) => {
                pass.add(Kind::Phone, value, i..end, CONFIDENCE);
                i = end;
            }
            None => i += 1,
        }
    }
}

/// How the digits began.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    Plus,
    None,
}

struct Run {
    digits: String,
    /// The token after each digit group, with how many digits there are by then.
    ends: Vec<(usize, usize)>,
    has_comma: bool,
}

fn number_at(pass: &Pass<'_, '_>, i: usize, lookups: &mut usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    let (lead, from) = lead_at(doc, i)?;
    if !pass.is_open(i)
        || (i > 0
            && doc.is_glued(i)
            && !pass.ends_at(Kind::Phone, i - 1)
            && touches_a_longer_run(doc, i))
    {
        return None;
    }
    let before = if doc.is_any_mark(i.wrapping_sub(1), ":#.") {
        i - 1
    } else {
        i
    };
    // `premise number is 541123456`
    let before = if doc.word_before(before) == "is" {
        before - 1
    } else {
        before
    };
    let introduced = NOT_A_PHONE.contains(&doc.word_before(before))
        || (matches!(doc.word_before(before), "no" | "number" | "num")
            && before >= 2
            && NOT_A_PHONE.contains(&doc.word(before - 2)));
    if introduced && lead == Lead::None {
        return None;
    }
    let run = run_at(pass, from, lead)?;
    // The longest piece that is a number of some plan; what follows it may be a price.
    if let Some(value) = short_toll_free(doc, i, &run) {
        return Some(value);
    }
    for &(end, digits) in run.ends.iter().rev() {
        if digits < 7 {
            break;
        }
        if lead == Lead::None && super::money::currency_at(doc, end).is_some() {
            return None;
        }
        if end < doc.len() && doc.is_glued(end) && (doc.is_word(end) || doc.is_mark(end, '%')) {
            continue;
        }
        if let Some(value) = normal_form(&run.digits[..digits], lead, pass, lookups, &run) {
            return Some((value, end));
        }
    }
    None
}

/// `call 800900`: a short toll-free number, which only the words before it tell from a price.
fn short_toll_free(doc: &Doc<'_>, i: usize, run: &Run) -> Option<(String, usize)> {
    let called = (i.saturating_sub(2)..i).any(|at| {
        matches!(
            doc.word(at),
            "call" | "dial" | "free" | "hotline" | "phone" | "tel" | "اتصل" | "الرقم"
        )
    });
    let whole = run.ends.len() <= 2 && run.digits.len() == 6 && run.digits.starts_with("800");
    let end = run.ends.last().map(|(end, _)| *end)?;
    (called && whole).then(|| (format!("+971{}", run.digits), end))
}

fn lead_at(doc: &Doc<'_>, i: usize) -> Option<(Lead, usize)> {
    if doc.is_mark(i, '+') {
        let next = i + 1;
        let from = if doc.is_mark(next, '(') || doc.is_mark(next, '-') {
            next + 1
        } else {
            next
        };
        return doc.digits(from).map(|_| (Lead::Plus, from));
    }
    if doc.is_mark(i, '(') && doc.is_mark(i + 1, '+') {
        return doc.digits(i + 2).map(|_| (Lead::Plus, i + 2));
    }
    if doc.is_mark(i, '(') {
        return doc
            .digits(i + 1)
            .filter(|d| d.starts_with('0') || d.len() >= 3)
            .map(|_| (Lead::None, i + 1));
    }
    doc.digits(i).map(|_| (Lead::None, i))
}

fn touches_a_longer_run(doc: &Doc<'_>, i: usize) -> bool {
    doc.digits(i - 1).is_some()
        || doc.is_any_mark(i - 1, "./-,_=")
            && i >= 2
            && doc.digits(i - 2).is_some()
            && doc.is_glued(i - 1)
        || doc.kind(i - 1) == Some(crate::doc::TokenKind::Latin) && doc.word(i - 1).len() == 1
}

/// The digits from a place on, over the marks that people put between groups.
fn run_at(pass: &Pass<'_, '_>, from: usize, lead: Lead) -> Option<Run> {
    let doc = pass.doc;
    let mut run = Run {
        digits: String::new(),
        ends: Vec::new(),
        has_comma: false,
    };
    let mut i = from;
    let max = if lead == Lead::Plus {
        DIGITS_MAX + 1
    } else {
        DIGITS_MAX + 2
    };
    while i < from + TOKENS_MAX && pass.is_open(i) {
        let digits = doc.digits(i)?;
        if run.digits.len() + digits.len() > max {
            break;
        }
        run.digits.push_str(digits);
        i += 1;
        run.ends.push((i, run.digits.len()));
        let Some(next) = next_group(doc, i) else {
            break;
        };
        run.has_comma |= (i..next).any(|t| doc.is_mark(t, ','));
        i = next;
    }
    (run.digits.len() >= 6).then_some(run)
}

/// The token of the next digit group, over at most three marks such as `) - `.
fn next_group(doc: &Doc<'_>, i: usize) -> Option<usize> {
    (i..i + 4)
        .take_while(|&at| at == i || doc.is_any_mark(at - 1, "-.() /\u{2022}_"))
        .find(|&at| doc.digits(at).is_some())
        .filter(|&at| (i..=at).all(|t| doc.gap(t) != Gap::Line))
}

fn normal_form(
    digits: &str,
    lead: Lead,
    pass: &Pass<'_, '_>,
    lookups: &mut usize,
    run: &Run,
) -> Option<String> {
    if lead == Lead::None && run.has_comma {
        return None;
    }
    let international = match lead {
        Lead::Plus => Some(digits.strip_prefix("00").unwrap_or(digits)),
        Lead::None => digits.strip_prefix("00"),
    };
    if let Some(number) = international {
        return emirati_international(number)
            .or_else(|| foreign(number, lookups))
            .or_else(|| possible(number, lookups));
    }
    if pass.context.region == "AE" {
        if let Some(value) = emirati_national(digits) {
            return Some(value);
        }
    } else if let Some(value) = national(digits, pass.context.region, lookups) {
        return Some(value);
    }
    emirati_international(digits).or_else(|| {
        // Without a plus, only a run without gaps is a foreign number.
        let mobile_length = (11..=13).contains(&digits.len()) && !digits.starts_with('0');
        (mobile_length && run.ends.len() <= 4 && !looks_round(digits))
            .then(|| foreign(digits, lookups))?
    })
}

fn looks_round(digits: &str) -> bool {
    digits.ends_with("00000")
}

/// `971...`, also with the national 0 left in.
pub(super) fn emirati_international(digits: &str) -> Option<String> {
    let national = digits.strip_prefix("971")?;
    let national = national.strip_prefix('0').unwrap_or(national);
    is_emirati(national).then(|| format!("+971{national}"))
}

/// `050...`, `04...`, `800...`, and a mobile without its 0.
pub(super) fn emirati_national(digits: &str) -> Option<String> {
    let national = match digits.strip_prefix('0') {
        Some(rest) => rest,
        None if digits.starts_with('5') && digits.len() == 9 => digits,
        None if is_service(digits) => digits,
        None => return None,
    };
    is_emirati(national).then(|| format!("+971{national}"))
}

/// Whether a national number, without its 0, has the form of one in the Emirates' plan. Blocks that are not
/// handed out yet count as well: a number is what somebody wants to be called at, and not ours to doubt.
fn is_emirati(national: &str) -> bool {
    let mut digits = national.bytes();
    match (digits.next(), digits.next()) {
        (Some(b'5'), Some(b'0'..=b'9')) => national.len() == 9,
        (Some(b'2' | b'3' | b'4' | b'6' | b'7' | b'9'), Some(b'1'..=b'9')) => national.len() == 8,
        _ => is_service(national),
    }
}

/// Toll-free and shared-cost numbers.
fn is_service(digits: &str) -> bool {
    (digits.starts_with("800") && (7..=10).contains(&digits.len()) && !digits.ends_with("0000"))
        || (digits.starts_with("600") && digits.len() == 9 && !digits.ends_with("00000"))
}

fn foreign(digits: &str, lookups: &mut usize) -> Option<String> {
    if !(8..=DIGITS_MAX).contains(&digits.len()) || digits.starts_with('0') {
        return None;
    }
    look_up(None, &format!("+{digits}"), lookups)
}

/// A number behind a plus that no plan confirms, if its country exists and its length is possible.
fn possible(digits: &str, lookups: &mut usize) -> Option<String> {
    if !(10..=DIGITS_MAX).contains(&digits.len()) || *lookups >= LOOKUPS_MAX {
        return None;
    }
    *lookups += 1;
    let number = phonenumber::parse(None, format!("+{digits}")).ok()?;
    let national = number.national().value().to_string().len();
    (8..=12)
        .contains(&national)
        .then(|| number.format().mode(phonenumber::Mode::E164).to_string())
}

fn national(digits: &str, region: &str, lookups: &mut usize) -> Option<String> {
    let country: country::Id = region.parse().ok()?;
    look_up(Some(country), digits, lookups)
}

fn look_up(country: Option<country::Id>, typed: &str, lookups: &mut usize) -> Option<String> {
    if *lookups >= LOOKUPS_MAX {
        return None;
    }
    *lookups += 1;
    let number = phonenumber::parse(country, typed).ok()?;
    number
        .is_valid()
        .then(|| number.format().mode(phonenumber::Mode::E164).to_string())
}
