//! Prices, rents, budgets and fees, exactly, with their currency.
//!
//! Here are the amounts that a currency makes certain. Those that only their surroundings make money are in
//! [`super::price`], and those that lean on another amount in [`super::lean`].

use super::{Kind, Pass};
use crate::doc::{Doc, Gap};
use crate::number::{
    Number, Written, amount_at, digits_at, multiplier_at, plain, spaced_digits_at,
};
use rust_decimal::Decimal;

const CONFIDENCE: f32 = 0.92;

/// Finds amounts with a currency.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        match certain_at(pass, i).filter(|(_, _, end)| pass.is_free(i..*end)) {
            Some((code, amount, end)) => {
                pass.add(
                    Kind::Money,
                    format!("{code} {}", plain(amount)),
                    i..end,
                    CONFIDENCE,
                );
                i = end;
            }
            None => i += 1,
        }
    }
}

fn certain_at(pass: &Pass<'_, '_>, i: usize) -> Option<(&'static str, Decimal, usize)> {
    let doc = pass.doc;
    if let Some((code, after)) = currency_at(doc, i)
        && let Some(number) = number_after_currency(pass, after)
        && !(doc.word(i) == "sar" && super::duration::length_at(pass, after).is_some())
    {
        // `AED 500 AED` names it twice.
        let end = currency_at(doc, number.next)
            .filter(|(again, _)| *again == code)
            .map_or(number.next, |(_, end)| end);
        return Some((code, number.value, end));
    }
    let number = spaced_digits_at(doc, i)
        .filter(|n| currency_at(doc, n.next).is_some())
        .or_else(|| amount_at(doc, i))?;
    if matches!(doc.word(number.next), "fils" | "فلس" | "فلسا" | "فلوس") {
        return Some((
            "AED",
            number.value.checked_div(Decimal::ONE_HUNDRED)?,
            number.next + 1,
        ));
    }
    // `BLDG 112`, and `AED 42,000` in the next line.
    let of_the_next_line = doc.begins_line(number.next)
        && currency_at(doc, number.next).is_some_and(|(_, end)| doc.digits(end).is_some());
    if of_the_next_line {
        return None;
    }
    if let Some((code, end)) = currency_at(doc, number.next).filter(|_| !follows_currency(doc, i)) {
        return with_fils(doc, code, number.value, end);
    }
    let code = shared_currency(doc, number)?;
    Some((code, spread(doc, number)?, number.next))
}

/// A number behind its currency, over `:` or `.`: `Rs. 500`, `AED: 500`.
fn number_after_currency(pass: &Pass<'_, '_>, i: usize) -> Option<Number> {
    let doc = pass.doc;
    let at = if doc.is_any_mark(i, ".:") { i + 1 } else { i };
    if doc.gap(at) == Gap::Line {
        return None;
    }
    let number = amount_at(doc, at)
        .map(|n| dotted_thousands(doc, at, n))
        .filter(|n| n.written == Written::Digits || n.multiplied)?;
    let ranged = spread(doc, number)?;
    Some(Number {
        value: ranged,
        ..number
    })
}

/// `EUR 350.000`: three digits behind a full stop are thousands, since no price has so many decimals.
fn dotted_thousands(doc: &Doc<'_>, i: usize, number: Number) -> Number {
    let three = number.next == i + 3
        && doc.is_mark(i + 1, '.')
        && doc.digits(i + 2).is_some_and(|d| d.len() == 3)
        && doc.digits(i).is_some_and(|d| d.len() <= 3 && d != "0");
    let value = number.value.checked_mul(Decimal::from(1_000));
    match value {
        Some(value) if three && !number.multiplied => Number { value, ..number },
        _ => number,
    }
}

/// `1-1.5M`, `80 to 100k`: the first number shares the multiplier of the second when it is smaller.
pub(super) fn spread(doc: &Doc<'_>, number: Number) -> Option<Decimal> {
    if number.multiplied || number.value >= Decimal::from(1_000) {
        return Some(number.value);
    }
    let Some(second) = range_end(doc, number.next).filter(|n| n.multiplied) else {
        return Some(number.value);
    };
    let (factor, _) = multiplier_at(doc, second.next - 1)?;
    number.value.checked_mul(factor)
}

/// The second number of a range.
fn range_end(doc: &Doc<'_>, i: usize) -> Option<Number> {
    let joined = doc.is_any_mark(i, "-/~")
        || matches!(
            doc.word(i),
            "to" | "or" | "and" | "till" | "الى" | "الي" | "او" | "لـ" | "ل"
        );
    joined.then(|| amount_at(doc, i + 1))?
}

/// The currency behind the second number of a range holds for the first.
fn shared_currency(doc: &Doc<'_>, number: Number) -> Option<&'static str> {
    let second = range_end(doc, number.next)?;
    currency_at(doc, second.next).map(|(code, _)| code)
}

fn follows_currency(doc: &Doc<'_>, i: usize) -> bool {
    i > 0 && currency_at(doc, i - 1).is_some_and(|(_, end)| end == i)
}

/// `10 dirhams and 50 fils`.
fn with_fils(
    doc: &Doc<'_>,
    code: &'static str,
    value: Decimal,
    end: usize,
) -> Option<(&'static str, Decimal, usize)> {
    let at = if doc.word(end) == "and" { end + 1 } else { end };
    if code == "AED"
        && let Some(coins) = digits_at(doc, at)
        && matches!(doc.word(coins.next), "fils" | "فلس")
    {
        let fils = coins.value.checked_div(Decimal::ONE_HUNDRED)?;
        return Some((code, value.checked_add(fils)?, coins.next + 1));
    }
    Some((code, value, end))
}

/// A currency at a place, with the token after it.
pub(super) fn currency_at(doc: &Doc<'_>, i: usize) -> Option<(&'static str, usize)> {
    let word = doc.word(i);
    if let Some(code) = currency_word(word) {
        let dotted =
            doc.is_mark(i + 1, '.') && matches!(word, "dh" | "dhs" | "rs") && doc.is_glued(i + 1);
        return Some((
            code,
            if dotted && doc.digits(i + 2).is_some() {
                i + 2
            } else {
                i + 1
            },
        ));
    }
    // د.إ
    if word == "د" && doc.is_mark(i + 1, '.') && doc.word(i + 2) == "ا" {
        return Some((
            "AED",
            if doc.is_mark(i + 3, '.') {
                i + 4
            } else {
                i + 3
            },
        ));
    }
    if word == "us" && doc.is_mark(i + 1, '$') {
        return Some(("USD", i + 2));
    }
    let code = match doc.str(i) {
        "$" => "USD",
        "€" => "EUR",
        "£" => "GBP",
        "₹" => "INR",
        "¥" => "JPY",
        "₽" => "RUB",
        "₺" => "TRY",
        "₱" => "PHP",
        "\u{20C3}" => "AED",
        "\u{20C1}" => "SAR",
        _ => return None,
    };
    Some((code, i + 1))
}

fn currency_word(word: &str) -> Option<&'static str> {
    Some(match word {
        "aed" | "dhs" | "dh" | "dhm" | "dhms" | "dirham" | "dirhams" | "dirhem" | "dirhems"
        | "derham" | "derhams" | "aeds" | "drhm" | "درهم" | "دراهم" | "درهما" | "الدرهم"
        | "درهمين" => "AED",
        "usd" | "dollar" | "dollars" | "bucks" | "دولار" | "دولارات" => "USD",
        "eur" | "euro" | "euros" | "يورو" => "EUR",
        "gbp" | "pound" | "pounds" | "quid" | "sterling" => "GBP",
        "inr" | "rs" | "rupee" | "rupees" | "روبيه" | "روبيات" => "INR",
        "sar" | "riyal" | "riyals" | "ريال" | "ريالات" => "SAR",
        "qar" => "QAR",
        "kwd" | "دينار" | "دنانير" => "KWD",
        "bhd" => "BHD",
        "omr" => "OMR",
        "pkr" => "PKR",
        "egp" | "جنيه" | "جنيهات" => "EGP",
        "rub" | "rubles" | "roubles" | "ruble" => "RUB",
        "cny" | "rmb" | "yuan" => "CNY",
        "jpy" | "yen" => "JPY",
        "chf" | "francs" => "CHF",
        "cad" => "CAD",
        "aud" => "AUD",
        "sgd" => "SGD",
        "jod" => "JOD",
        "php" => "PHP",
        "zar" => "ZAR",
        _ => return None,
    })
}
