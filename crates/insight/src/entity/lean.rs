//! Bare numbers that lean on a value of the same message: `3 keys billed, I got 2`, `10% is too much, 7?`,
//! `95 is too much, next door went for 82k`.
//!
//! A number that counts nothing itself takes the unit of the nearest value that it may be compared with, if the
//! two are of like size. With nothing to lean on it stays a number.

use super::number::{counts_something, stands_alone, stands_free};
use super::{Found, Kind, Pass};
use crate::number::{Number, digits_at, multiplier_at, plain};
use rust_decimal::Decimal;

const CONFIDENCE: f32 = 0.80;
/// How many times larger or smaller a number may be than what it leans on.
const RATIO_MAX: u32 = 3;
/// The same between two amounts without a multiplier, and between sizes: they are closer in one talk.
const RATIO_CLOSE_MAX: u32 = 2;
/// Values that are tried for one number, nearest first.
const SUPPORTS_MAX: usize = 32;
/// Tokens between a number and what it leans on, unless that is money.
const REACH: usize = 16;

/// Finds numbers that lean on another value.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    for i in 0..pass.doc.len() {
        let Some(number) = digits_at(pass.doc, i).filter(|n| pass.is_free(i..n.next)) else {
            continue;
        };
        if !may_lean(pass, i, number) {
            continue;
        }
        if let Some((kind, value)) = leaned(pass, i, number) {
            pass.add(kind, value, i..number.next, CONFIDENCE);
        }
    }
}

fn may_lean(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    // `1% a month x 60`
    if pass.doc.word_before(i) == "x" {
        return false;
    }
    let range = is_range(pass, i, number) && number.value >= Decimal::ONE_HUNDRED;
    let free = stands_free(pass.doc, i, number) || range;
    free && (stands_alone(pass, i, number.next) || !counts_something(pass.doc, number.next))
}

/// Whether a hyphen joins the number with another one.
fn is_range(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    let doc = pass.doc;
    doc.is_mark(number.next, '-') && doc.digits(number.next + 1).is_some()
        || i >= 2 && doc.is_mark(i - 1, '-') && doc.digits(i - 2).is_some()
}

/// The kind and value that a number takes from the nearest value that is like it.
fn leaned(pass: &Pass<'_, '_>, i: usize, number: Number) -> Option<(Kind, String)> {
    let mut support: Vec<&Found> = pass.found.iter().collect();
    support.sort_by_key(|f| distance(f, i));
    support
        .into_iter()
        .take(SUPPORTS_MAX)
        .find_map(|f| lean_on(pass, f, i, number).map(|value| (f.kind, value)))
}

/// Tokens between a value and a place; what comes before is nearer than what comes after.
fn distance(found: &Found, i: usize) -> usize {
    if found.tokens.end <= i {
        (i - found.tokens.end) * 2
    } else {
        (found.tokens.start.saturating_sub(i)) * 2 + REACH
    }
}

fn lean_on(pass: &Pass<'_, '_>, found: &Found, i: usize, number: Number) -> Option<String> {
    let before = found.tokens.end <= i;
    let near = before && i - found.tokens.end <= REACH;
    match found.kind {
        Kind::Money => money(pass, found, i, number),
        Kind::Percentage if near => {
            let other: Decimal = found.value.parse().ok()?;
            let fits =
                number.value <= Decimal::ONE_HUNDRED && alike(number.value, other, RATIO_MAX);
            (fits && compares(pass, i, number)).then(|| plain(number.value))
        }
        Kind::AreaSize if near => {
            let (other, unit) = found.value.split_once(' ')?;
            let other: Decimal = other.parse().ok()?;
            let fits =
                number.value >= Decimal::from(50) && alike(number.value, other, RATIO_CLOSE_MAX);
            (fits && compares(pass, i, number)).then(|| format!("{} {unit}", plain(number.value)))
        }
        Kind::Quantity if near => {
            let (other, unit) = found.value.split_once(' ')?;
            let other: Decimal = other.parse().ok()?;
            let counted_in = pass.doc.word_before(i) == "in";
            (alike(number.value, other, RATIO_MAX) && (compares(pass, i, number) || counted_in))
                .then(|| super::quantity::normal_form(number.value, unit))
        }
        // `90 minutes at 180`: no length of time comes behind `at`.
        Kind::Duration if near && pass.doc.word_before(i) != "at" => {
            duration(&found.value, number).filter(|_| compares(pass, i, number))
        }
        _ => None,
    }
}

/// Whether the surroundings compare: a question, another choice, a limit, an answer.
fn compares(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    let doc = pass.doc;
    let before = matches!(
        doc.word_before(i),
        "or" | "and"
            | "n"
            | "than"
            | "only"
            | "max"
            | "min"
            | "got"
            | "accept"
            | "take"
            | "make"
            | "do"
            | "want"
            | "wanted"
            | "need"
            | "not"
            | "just"
            | "to"
            | "at"
            | "give"
            | "offer"
            | "ordered"
            | "received"
            | "asked"
            | "say"
            | "says"
            | "try"
            | "would"
            | "wants"
            | "asks"
            | "asking"
            | "is"
            | "was"
            | "maybe"
            | "even"
            | "have"
            | "walla"
            | "wala"
            | "او"
            | "و"
            | "بس"
            | "مش"
            | "مو"
            | "بدل"
    ) || i > 0 && doc.is_any_mark(i - 1, "+/")
        || doc.word_before(i) == "of" && i >= 2 && doc.word(i - 2) == "instead";
    let after = matches!(
        doc.word(number.next),
        "if" | "instead"
            | "max"
            | "min"
            | "only"
            | "otherwise"
            | "or"
            | "is"
            | "at"
            | "without"
            | "for"
            | "with"
    ) || doc.is_mark(number.next, '?')
        || doc.is_mark(number.next, ',')
            && matches!(doc.word(number.next + 1), "not" | "max" | "no");
    before || after
}

fn alike(a: Decimal, b: Decimal, ratio: u32) -> bool {
    let ratio = Decimal::from(ratio);
    let within = |x: Decimal, y: Decimal| x.checked_mul(ratio).is_some_and(|most| y <= most);
    within(a, b) && within(b, a)
}

/// A number takes currency and scale of an amount: `82k` makes `95` 95000.
fn money(pass: &Pass<'_, '_>, found: &Found, i: usize, number: Number) -> Option<String> {
    let (code, amount) = found.value.split_once(' ')?;
    let amount: Decimal = amount.parse().ok()?;
    let scale = scale(pass, found);
    let plain_scale = scale == Decimal::ONE;
    if plain_scale
        && (compares(pass, i, number) || stands_alone(pass, i, number.next))
        && let Some(value) = cut_short(number.value, amount)
    {
        return Some(format!("{code} {}", plain(value)));
    }
    let value = number.value.checked_mul(scale)?;
    let fits = if plain_scale {
        number.value >= Decimal::TEN
            && alike(value, amount, RATIO_CLOSE_MAX)
            && (compares(pass, i, number)
                || is_range(pass, i, number)
                || number.value >= Decimal::ONE_HUNDRED && pass.doc.is_mark(i.wrapping_sub(1), ',')
                || is_next_item(pass, found, i, number))
            || is_next_sum(pass, found, i, number)
    } else if is_next_sum(pass, found, i, number) && !alike(value, amount, RATIO_MAX) {
        return Some(format!("{code} {}", plain(number.value)));
    } else {
        number.value < Decimal::from(1_000) && alike(value, amount, RATIO_MAX)
    };
    fits.then(|| format!("{code} {}", plain(value)))
}

/// `car wash 35 aed, suv 45`: the next item of a list of prices.
fn is_next_item(pass: &Pass<'_, '_>, found: &Found, i: usize, number: Number) -> bool {
    let named = i >= 2 && pass.doc.is_word(i - 1) && pass.doc.is_mark(i - 2, ',');
    named && found.tokens.end == i - 2 && stands_alone(pass, i, number.next)
}

/// `2k for movers, 500 for packing`: a round sum behind another one and a comma or `and`.
fn is_next_sum(pass: &Pass<'_, '_>, found: &Found, i: usize, number: Number) -> bool {
    const GAP_MAX: usize = 5;
    let doc = pass.doc;
    let joins = |at: usize| {
        doc.is_any_mark(at, ",+&") || matches!(doc.word(at), "and" | "plus" | "n" | "و")
    };
    let near = found.tokens.end < i && i - found.tokens.end <= GAP_MAX;
    let tens = number.value % Decimal::TEN == Decimal::ZERO;
    let round = tens && number.value < Decimal::ONE_THOUSAND || doc.str(i).ends_with("00");
    near && round
        && number.value >= Decimal::from(50)
        && number.next == i + 1
        && stands_alone(pass, i, number.next)
        && (found.tokens.end..i).any(joins)
}

/// Whether a number is an amount that left out the thousands or millions of a known one.
pub(super) fn is_cut_short(number: Decimal, known: &Found) -> bool {
    let amount = known
        .value
        .split_once(' ')
        .and_then(|(_, a)| a.parse().ok());
    amount.is_some_and(|amount| cut_short(number, amount).is_some())
}

/// `118,000? Owner wants 125`: thousands or millions that were left unsaid.
fn cut_short(number: Decimal, amount: Decimal) -> Option<Decimal> {
    let million = Decimal::from(1_000_000);
    let thousand = Decimal::from(1_000);
    let factor = if amount >= million && number < Decimal::ONE_HUNDRED {
        million
    } else if amount >= Decimal::from(10_000) && number < thousand {
        thousand
    } else {
        return None;
    };
    let value = number.checked_mul(factor)?;
    alike(value, amount, RATIO_CLOSE_MAX).then_some(value)
}

/// The multiplier that an amount was written with.
fn scale(pass: &Pass<'_, '_>, found: &Found) -> Decimal {
    found
        .tokens
        .clone()
        .rev()
        .find_map(|t| multiplier_at(pass.doc, t))
        .map_or(Decimal::ONE, |(factor, _)| factor)
}

/// `3 months notice, I can accept 2`: the same unit, if there is only one.
fn duration(other: &str, number: Number) -> Option<String> {
    let unit = other.strip_prefix('P')?;
    let (sign, unit) = match unit.strip_prefix('T') {
        Some(rest) => ("PT", rest),
        None => ("P", unit),
    };
    let letter = unit.chars().next_back()?;
    let count: Decimal = unit.strip_suffix(letter)?.parse().ok()?;
    let whole = number.value == number.value.trunc() && !number.value.is_zero();
    (whole && alike(number.value, count, RATIO_MAX))
        .then(|| format!("{sign}{}{letter}", plain(number.value)))
}

/// `taxi 47, printing 18.75, water 12, total 77.75`: numbers that add up to the last of them are money.
pub(super) fn add_up(pass: &mut Pass<'_, '_>) {
    let total_named = (0..pass.doc.len()).any(|i| {
        matches!(
            pass.doc.word(i),
            "total" | "sum" | "altogether" | "المجموع" | "الاجمالي" | "مجموع"
        ) || pass.doc.is_mark(i, '=')
    });
    if !total_named {
        return;
    }
    let mut numbers: Vec<(usize, Number)> = Vec::new();
    let mut i = 0;
    while i < pass.doc.len() && numbers.len() < 64 {
        match digits_at(pass.doc, i).filter(|n| pass.is_free(i..n.next)) {
            Some(number) => {
                numbers.push((i, number));
                i = number.next;
            }
            None => i += 1,
        }
    }
    let Some(((_, total), parts)) = numbers.split_last() else {
        return;
    };
    let mut sum = Decimal::ZERO;
    for (_, part) in parts {
        let Some(more) = sum.checked_add(part.value) else {
            return;
        };
        sum = more;
    }
    if parts.len() < 2 || sum != total.value {
        return;
    }
    for (i, number) in &numbers {
        let value = format!("{} {}", pass.context.currency, plain(number.value));
        pass.add(Kind::Money, value, *i..number.next, CONFIDENCE);
    }
}
