//! Prices, rents, budgets and fees, exactly, with their currency.
//!
//! A currency makes an amount certain. Without one, an amount with a multiplier or right behind a price
//! word is read as money in the account's currency; the surroundings decide.

use super::price_words::{BEFORE, BETWEEN, NEAR, UNCOUNTED};
use super::{Kind, Pass};
use crate::doc::{Doc, Gap};
use crate::number::{
    Number, Written, amount_at, digits_at, multiplier_at, plain, spaced_digits_at,
};
use rust_decimal::Decimal;

const CONFIDENCE: f32 = 0.92;
const CONFIDENCE_LIKELY: f32 = 0.85;
/// Tokens before and after an amount that may make it a price.
const REACH: usize = 6;

/// Finds amounts with a currency.
pub(super) fn find_certain(pass: &mut Pass<'_, '_>) {
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
    if doc.word(number.next) == "fils" {
        return Some((
            "AED",
            number.value.checked_div(Decimal::ONE_HUNDRED)?,
            number.next + 1,
        ));
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
    let number = amount_at(doc, at).filter(|n| n.written == Written::Digits || n.multiplied)?;
    let ranged = spread(doc, number)?;
    Some(Number {
        value: ranged,
        ..number
    })
}

/// `1-1.5M`, `80 to 100k`: the first number shares the multiplier of the second when it is smaller.
fn spread(doc: &Doc<'_>, number: Number) -> Option<Decimal> {
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
        "inr" | "rs" | "rupee" | "rupees" | "روبيه" => "INR",
        "sar" | "riyal" | "riyals" | "ريال" => "SAR",
        "qar" => "QAR",
        "kwd" | "دينار" => "KWD",
        "bhd" => "BHD",
        "omr" => "OMR",
        "pkr" => "PKR",
        "egp" | "جنيه" => "EGP",
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

/// Finds bare numbers that another amount of the message gives its scale: `95 is too much, next door went for
/// 82k`.
pub(super) fn find_compared(pass: &mut Pass<'_, '_>) {
    let scaled = pass
        .found
        .iter()
        .filter(|f| f.kind == Kind::Money)
        .find_map(|f| {
            let (code, amount) = f.value.split_once(' ')?;
            let amount: Decimal = amount.parse().ok()?;
            let last = pass.doc.word(f.tokens.end.checked_sub(1)?);
            let thousands = matches!(last, "k" | "thousand" | "الف" | "الاف");
            let millions = matches!(last, "m" | "mn" | "million" | "mil" | "مليون");
            let written = (f.tokens.clone()).any(|t| {
                matches!(
                    pass.doc.word(t),
                    "k" | "m" | "mn" | "million" | "الف" | "مليون"
                )
            });
            let scale = if thousands || written && amount < Decimal::from(1_000_000) {
                Decimal::from(1_000)
            } else if millions || written {
                Decimal::from(1_000_000)
            } else {
                Decimal::ONE
            };
            Some((code.to_owned(), scale, amount))
        });
    let Some((code, scale, other)) = scaled else {
        return;
    };
    for i in 0..pass.doc.len() {
        let Some(number) = digits_at(pass.doc, i).filter(|n| pass.is_free(i..n.next)) else {
            continue;
        };
        let Some(value) = number.value.checked_mul(scale) else {
            continue;
        };
        let reach = Decimal::from(if scale == Decimal::ONE { 2 } else { 3 });
        let alike = value * reach >= other && value <= other * reach;
        if alike && number.value < Decimal::from(1_000) && stands_alone(pass, i, number.next) {
            pass.add(
                Kind::Money,
                format!("{code} {}", plain(value)),
                i..number.next,
                0.8,
            );
        }
    }
}

/// Whether nothing is counted or numbered by the digits.
pub(super) fn stands_alone(pass: &Pass<'_, '_>, i: usize, next: usize) -> bool {
    const AFTER: &[&str] = &[
        "is",
        "if",
        "and",
        "or",
        "but",
        "was",
        "would",
        "max",
        "final",
        "cash",
        "for",
        "in",
        "with",
        "from",
        "to",
        "too",
        "only",
        "not",
        "can",
        "at",
        "now",
        "all",
        "ok",
        "okay",
        "then",
        "please",
        "pls",
        "because",
        "when",
        "instead",
        "n",
        "شامل",
        "كاش",
        "نهائي",
        "او",
        "و",
        "بس",
        "مع",
        "حلو",
        "كثير",
        "وايد",
        "though",
        "today",
        "it",
        "as",
        "max",
        "last",
        "including",
        "incl",
        "including",
        "via",
    ];
    let doc = pass.doc;
    let before = i == 0 || !doc.is_glued(i) || doc.is_any_mark(i - 1, "(-/~");
    let label = matches!(
        doc.word_before(i),
        "unit"
            | "villa"
            | "flat"
            | "floor"
            | "phase"
            | "tower"
            | "block"
            | "no"
            | "option"
            | "building"
            | "plot"
            | "shop"
            | "office"
            | "year"
            | "step"
    );
    let after = next >= doc.len()
        || doc.begins_line(next)
        || (doc.is_any_mark(next, ".,?!;)-/~")
            && !(doc.is_glued(next + 1)
                && doc.digits(next + 1).is_some()
                && doc.is_mark(next, '.')))
        || AFTER.contains(&doc.word(next)) && !doc.is_glued(next);
    before && !label && after
}

/// Finds amounts that only their surroundings make money.
pub(super) fn find_likely(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        match likely_at(pass, i).filter(|(_, end, _)| pass.is_free(i..*end)) {
            Some((amount, end, confidence)) => {
                let value = format!("{} {}", pass.context.currency, plain(amount));
                pass.add(Kind::Money, value, i..end, confidence);
                i = end;
            }
            None => i += 1,
        }
    }
}

fn likely_at(pass: &Pass<'_, '_>, i: usize) -> Option<(Decimal, usize, f32)> {
    let doc = pass.doc;
    if i > 0 && doc.is_glued(i) && (doc.is_any_mark(i - 1, "#_@") || doc.is_word(i - 1)) {
        return None;
    }
    let number = amount_at(doc, i)?;
    let value = spread(doc, number)?;
    let multiplied = number.multiplied || value != number.value;
    if is_other_measure(pass, i, number.next) {
        return None;
    }
    if !multiplied && number.written == Written::Digits && is_each(pass, number.next) {
        return Some((value, number.next, CONFIDENCE_LIKELY));
    }
    let grouped =
        number.next > i + 1 && doc.is_any_mark(i + 1, ",") && value >= Decimal::from(1_000);
    if !multiplied && (grouped && !counts_something(doc, number.next) || is_named_sum(doc, number))
    {
        return Some((value, number.next, CONFIDENCE_LIKELY));
    }
    if multiplied {
        return multiplied_amount(pass, i, Number { value, ..number }).then_some((
            value,
            number.next,
            CONFIDENCE_LIKELY,
        ));
    }
    let worth = value >= Decimal::from(100) && number.written == Written::Digits;
    let grouped = number.next > i + 1;
    if worth && (follows_price_word(pass, i) || is_rate(pass, number.next)) {
        let enough = grouped || value >= Decimal::from(500) || is_rate(pass, number.next);
        return enough.then_some((value, number.next, CONFIDENCE_LIKELY));
    }
    // `1,500,000` in a talk about property is a price.
    let large = grouped && value >= Decimal::from(10_000) && value == value.trunc();
    (large && talks_of_price(pass, i, number.next)).then_some((
        value,
        number.next,
        CONFIDENCE_LIKELY,
    ))
}

/// Whether an amount with a multiplier is money.
fn multiplied_amount(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    let doc = pass.doc;
    let unit = doc.word(number.next - 1);
    if number.value < Decimal::from(1_000) {
        return false;
    }
    let spaced = doc.gap(number.next - 1) != Gap::None && !doc.is_shouted(number.next - 1);
    let metres = unit == "m"
        && spaced
        && !doc.is_capitalised(number.next - 1)
        && !doc.has_word_near(&(i..number.next), REACH, |word| NEAR.contains(word));
    if metres {
        return false;
    }
    // `5m` may be metres, and `2 m` a word cut short: the surroundings must speak of prices.
    if unit == "m" && number.value >= Decimal::from(100_000_000) {
        return follows_price_word(pass, i);
    }
    if matches!(unit, "b" | "cr" | "mm" | "grand") {
        return talks_of_price(pass, i, number.next);
    }
    if number.written == Written::Words && number.next == i + 1 {
        // `مليون` or `الف` alone: only with a price word right before.
        return follows_price_word(pass, i);
    }
    true
}

/// Words behind a number which say that it measures something else.
fn is_other_measure(pass: &Pass<'_, '_>, i: usize, next: usize) -> bool {
    const AFTER: &[&str] = &[
        "followers",
        "views",
        "users",
        "people",
        "steps",
        "km",
        "kms",
        "miles",
        "sqft",
        "sq",
        "sqm",
        "visitors",
        "likes",
        "subscribers",
        "employees",
        "members",
        "leads",
        "messages",
        "units",
        "residents",
        "contacts",
        "clients",
        "customers",
        "properties",
        "agents",
        "walk",
        "run",
        "away",
        "مشترك",
        "متابع",
        "شخص",
        "مشاهده",
    ];
    const BEFORE: &[&str] = &[
        "unit",
        "flat",
        "apartment",
        "apt",
        "villa",
        "room",
        "po",
        "box",
        "page",
        "floor",
        "top",
    ];
    AFTER.contains(&pass.doc.word(next)) || BEFORE.contains(&pass.doc.word_before(i))
}

/// Words that stand right before an amount of money, apart from small words between.
fn follows_price_word(pass: &Pass<'_, '_>, i: usize) -> bool {
    let doc = pass.doc;
    let mut at = i;
    for _ in 0..5 {
        let Some(before) = at.checked_sub(1) else {
            return false;
        };
        at = before;
        if doc.is_any_mark(at, ":=~-<>*💰💵")
            || BETWEEN.contains(doc.word(at)) && !BEFORE.contains(doc.word(at))
        {
            continue;
        }
        return BEFORE.contains(doc.word(at));
    }
    false
}

/// `580 fee`, `1050 vat`, `150 overtime`: what is paid is named behind the number.
fn is_named_sum(doc: &Doc<'_>, number: Number) -> bool {
    number.written == Written::Digits
        && number.value >= Decimal::from(20)
        && matches!(
            doc.word(number.next),
            "fee"
                | "fees"
                | "vat"
                | "deposit"
                | "commission"
                | "overtime"
                | "cash"
                | "tax"
                | "refund"
                | "deducted"
                | "incl"
                | "salary"
        )
}

/// Whether a word follows that the number may count, and that is neither a small word nor a kind of payment.
pub(super) fn counts_something(doc: &Doc<'_>, next: usize) -> bool {
    doc.is_word(next) && doc.gap(next) == Gap::Space && !UNCOUNTED.contains(doc.word(next))
}

/// `14.25 per kg`, `75 each`, `18 psf`: the price of one.
fn is_each(pass: &Pass<'_, '_>, next: usize) -> bool {
    let doc = pass.doc;
    const TIMES: &[&str] = &[
        "day", "week", "month", "year", "hour", "night", "person", "weekday", "annum",
    ];
    match doc.word(next) {
        "psf" | "each" | "apiece" => true,
        "per" => doc.is_word(next + 1) && !TIMES.contains(&doc.word(next + 1)),
        _ => {
            doc.is_mark(next, '/')
                && matches!(
                    doc.word(next + 1),
                    "sqft"
                        | "sqm"
                        | "kg"
                        | "pc"
                        | "pcs"
                        | "piece"
                        | "box"
                        | "bag"
                        | "sq"
                        | "unit"
                        | "ton"
                        | "sf"
                        | "ft"
                )
        }
    }
}

/// `85,000 per year`, `85000/year`, `7500 monthly`.
fn is_rate(pass: &Pass<'_, '_>, next: usize) -> bool {
    let doc = pass.doc;
    let period = |i: usize| {
        matches!(
            doc.word(i),
            "year"
                | "yr"
                | "month"
                | "mo"
                | "mth"
                | "annum"
                | "yearly"
                | "monthly"
                | "annually"
                | "night"
                | "week"
                | "day"
                | "sqft"
                | "sq"
                | "cheque"
                | "cheques"
                | "chq"
                | "السنه"
                | "الشهر"
        )
    };
    if doc.is_mark(next, '/') {
        return period(next + 1);
    }
    match doc.word(next) {
        "per" | "a" | "each" | "every" | "في" => period(next + 1),
        "yearly" | "monthly" | "annually" | "annual" | "pa" | "pm" | "سنوي" | "سنويا" | "شهري"
        | "شهريا" | "بالسنه" | "بالشهر" | "cash" | "net" | "negotiable" | "نقدا" | "كاش" => {
            true
        }
        _ => false,
    }
}

fn talks_of_price(pass: &Pass<'_, '_>, i: usize, next: usize) -> bool {
    let near = pass
        .doc
        .has_word_near(&(i..next), REACH, |word| NEAR.contains(word));
    near || pass.has(Kind::Bedrooms) || pass.has(Kind::AreaSize) || pass.has(Kind::Money)
}
