//! Amounts without a currency, which a multiplier, a price word or a rate makes money.
//!
//! They are in the account's currency, or in the one other currency that the message names.

use super::money::spread;
use super::number::{counts_something, stands_alone, stands_free};
use super::paid::is_paid;
use super::price_words::{BEFORE, BETWEEN, MONEY_TALK, NEAR, PAYMENTS, PROPERTY, SMALL_GOODS};
use super::{Kind, Pass};
use crate::doc::{Doc, Gap};
use crate::number::{Number, Written, amount_at, plain};
use rust_decimal::Decimal;

const CONFIDENCE: f32 = 0.85;
/// Tokens before and after an amount that may make it a price.
const REACH: usize = 6;
/// Least amount behind a price word that may be thousands cut short: `rent 85`.
const WHOLE_MIN: u32 = 500;

/// Finds amounts that only their surroundings make money.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let (spoken, from) = spoken_currency(pass);
    let mut i = 0;
    while i < pass.doc.len() {
        match likely_at(pass, i).filter(|(_, end)| pass.is_free(i..*end)) {
            Some((amount, end)) => {
                let currency = if i > from {
                    spoken.as_str()
                } else {
                    pass.context.currency
                };
                let value = format!("{currency} {}", plain(amount));
                pass.add(Kind::Money, value, i..end, CONFIDENCE);
                i = end;
            }
            None => i += 1,
        }
    }
}

/// Least amount that is money because its sentence speaks of it.
const SPOKEN_MIN: u32 = 500;
/// Tokens before and after an amount that are searched for talk of money.
pub(super) const SPOKEN_REACH: usize = 14;

/// Finds amounts that stand alone in talk about money, once doors and comparisons had their turn: `the carpenter
/// wants 350`.
pub(super) fn find_spoken(pass: &mut Pass<'_, '_>) {
    let (spoken, _) = spoken_currency(pass);
    for i in 0..pass.doc.len() {
        let Some(number) = amount_at(pass.doc, i).filter(|n| pass.is_free(i..n.next)) else {
            continue;
        };
        if number.written == Written::Digits && is_spoken_sum(pass, i, number) {
            let value = format!("{spoken} {}", plain(number.value));
            pass.add(Kind::Money, value, i..number.next, CONFIDENCE);
        }
    }
}

/// `how about 3800?`, `only 30000 in hand`: a round sum of four to six digits that stands alone and names nothing.
fn is_round_sum(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    let doc = pass.doc;
    let digits = doc.str(i);
    let round = (4..=6).contains(&digits.len()) && digits.ends_with("00") && number.next == i + 1;
    let year = matches!(digits, "1900" | "2000")
        && matches!(
            doc.word_before(i),
            "in" | "since" | "from" | "year" | "سنه" | "عام" | "في"
        );
    let clock = number.value < Decimal::from(2_400)
        && matches!(
            doc.word_before(i),
            "at" | "by" | "till" | "until" | "before" | "after" | "to" | "from"
        );
    round
        && !year
        && !clock
        && !names_another_thing(doc, i)
        && !pass.has(Kind::AreaSize)
        && stands_free(doc, i, number)
        && (stands_alone(pass, i, number.next)
            || matches!(
                doc.word(number.next),
                "mein" | "me" | "tak" | "lang" | "قبل" | "final" | "last"
            ))
}

fn is_spoken_sum(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    if is_round_sum(pass, i, number) {
        return true;
    }
    let doc = pass.doc;
    let door = (3..=4).contains(&doc.str(i).len())
        && number.next == i + 1
        && !doc.str(i).ends_with("00")
        && !doc.str(i).ends_with("50");
    let named = matches!(
        doc.word_before(i),
        "in" | "of" | "from" | "at" | "since" | "to" | "until" | "on" | "no" | "and" | "or"
    );
    let near = |words: &crate::table::Set<&str>| {
        doc.has_word_near(&(i..number.next), SPOKEN_REACH, |word| words.contains(word))
    };
    let whole = number.value >= Decimal::from(SPOKEN_MIN)
        || number.value >= Decimal::ONE_HUNDRED && near(&PAYMENTS);
    // `sold 35 tickets, 15 left`: tickets as well.
    let rest = matches!(doc.word(number.next), "left" | "remaining");
    let cheap = number.value >= Decimal::TEN
        && !rest
        && near(&SMALL_GOODS)
        && !(0..doc.len()).any(|at| PROPERTY.contains(doc.word(at)));
    let named = named && !(cheap && doc.word_before(i) == "at");
    (whole || cheap)
        && !named
        && !names_another_thing(doc, i)
        && stands_free(doc, i, number)
        && stands_alone(pass, i, number.next)
        && (!door || doc.word_before(i) == "only")
        && near(&MONEY_TALK)
}

/// The one currency that the message names, and the token from which on it is meant; or the account's.
fn spoken_currency(pass: &Pass<'_, '_>) -> (String, usize) {
    let mut named = pass
        .found
        .iter()
        .filter(|f| f.kind == Kind::Money)
        .filter_map(|f| Some((f.value.get(..3)?, f.tokens.start)));
    match named.next() {
        Some((first, from)) if named.all(|(code, _)| code == first) => (first.to_owned(), from),
        _ => (pass.context.currency.to_owned(), 0),
    }
}

fn likely_at(pass: &Pass<'_, '_>, i: usize) -> Option<(Decimal, usize)> {
    let doc = pass.doc;
    // `ب٧٥ الف`: a preposition written onto the digits.
    let preposition = matches!(doc.word_before(i), "ب" | "ل" | "و");
    if i > 0
        && doc.is_glued(i)
        && (doc.is_any_mark(i - 1, "#_@") || doc.is_word(i - 1) && !preposition)
    {
        return None;
    }
    // The `85` of `1.85` is no number of its own.
    let decimals = i >= 2
        && doc.is_glued(i)
        && doc.is_glued(i - 1)
        && doc.is_any_mark(i - 1, ".,")
        && doc.digits(i - 2).is_some();
    if decimals {
        return None;
    }
    let number = amount_at(doc, i)?;
    // `service charges 2024: 21,300`
    let year = doc.str(i).starts_with("20")
        && doc.str(i).len() == 4
        && number.next == i + 1
        && doc.is_mark(i + 1, ':');
    if year && doc.digits(i + 2).is_some() {
        return None;
    }
    let value = spread(doc, number)?;
    let multiplied = number.multiplied || value != number.value;
    if measures_another_thing(doc, number.next) || !multiplied && names_another_thing(doc, i) {
        return None;
    }
    let is_money = if multiplied {
        multiplied_amount(pass, i, Number { value, ..number })
    } else {
        number.written == Written::Digits && plain_amount(pass, i, number)
    };
    is_money.then_some((value, number.next))
}

/// Whether digits without a multiplier are money.
fn plain_amount(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    let doc = pass.doc;
    let separated = number.next > i + 1;
    let grouped = separated && doc.is_mark(i + 1, ',') && number.value >= Decimal::from(1_000);
    if is_each(pass, number.next) || is_named_sum(doc, number) || is_price_of_one(doc, i) {
        return true;
    }
    // `4% + 4200`: a fee on top of a share or a sum.
    let on_top = i >= 1
        && (doc.is_mark(i - 1, '+') || matches!(doc.word_before(i), "plus" | "minus" | "less"))
        && (pass.ends_at(Kind::Percentage, i - 1) || pass.ends_at(Kind::Money, i - 1));
    if on_top
        && number.value >= Decimal::ONE_HUNDRED
        && (!counts_something(doc, number.next) || doc.is_word(i - 1))
        && doc.gap(number.next) != Gap::None
    {
        return true;
    }
    // `1,204 sqft instead of 1,188`: a size that another size is compared with.
    let compared = pass.has(Kind::AreaSize) && matches!(doc.word_before(i), "of" | "than");
    if grouped && !compared && !counts_something(doc, number.next) {
        return true;
    }
    let rate = is_rate(pass, number.next);
    if number.value >= Decimal::from(100) && (rate || follows_price_word(pass, i)) {
        let whole = separated || number.value >= Decimal::from(WHOLE_MIN);
        if (whole || rate) && !is_door(doc, i, number) {
            return true;
        }
    }
    // `1,500,000` in a talk about property is a price.
    let round = separated || doc.str(i).ends_with("00");
    let large =
        round && number.value >= Decimal::from(10_000) && number.value == number.value.trunc();
    large && talks_of_price(pass, i, number.next) || is_paid(pass, i, number)
}

/// `rent for 2110`, `keys of 804`: what is paid for is a door.
pub(super) fn is_door(doc: &Doc<'_>, i: usize, number: Number) -> bool {
    let digits = doc.str(i);
    let plain_digits = number.next == i + 1 && (3..=4).contains(&digits.len());
    let noun = i >= 2
        && matches!(
            doc.word(i - 2),
            "rent"
                | "deposit"
                | "cheque"
                | "cheques"
                | "fee"
                | "payment"
                | "charges"
                | "bill"
                | "invoice"
                | "transfer"
                | "ejari"
                | "cash"
                | "commission"
        );
    plain_digits
        && noun
        && matches!(doc.word_before(i), "for" | "of" | "from" | "in")
        && !digits.ends_with("00")
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
        && !doc.has_word_near(&(i..number.next), REACH, |word| {
            NEAR.contains(word) || is_offered(word)
        });
    let glued_metres = unit == "m"
        && !doc.is_capitalised(number.next - 1)
        && doc.has_word_near(&(i..number.next), 1, is_dimension);
    // `120 m of pipe`
    let of_a_thing = unit == "m" && doc.word(number.next) == "of" && number.next == i + 2;
    if metres || glued_metres || of_a_thing || is_layout(doc, i) {
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
        // `مليون` or `الف` alone: only with a price word right before, or as `بمليون`.
        let about = matches!(doc.word_before(i), "بحدود" | "حدود" | "حوالي");
        return doc.word(i).starts_with('ب') || about || follows_price_word(pass, i);
    }
    true
}

/// Kinds of property that are offered with a price and no measure behind them: `townhouse 4.2 m`.
fn is_offered(word: &str) -> bool {
    matches!(
        word,
        "townhouse"
            | "villa"
            | "apartment"
            | "flat"
            | "penthouse"
            | "duplex"
            | "mansion"
            | "br"
            | "bhk"
    )
}

/// Words of what metres measure, right beside them.
fn is_dimension(word: &str) -> bool {
    matches!(
        word,
        "height"
            | "high"
            | "wide"
            | "width"
            | "long"
            | "length"
            | "deep"
            | "depth"
            | "ceiling"
            | "distance"
            | "away"
            | "frontage"
            | "pool"
            | "tall"
    )
}

/// `type 4M`: the name of a layout.
fn is_layout(doc: &Doc<'_>, i: usize) -> bool {
    matches!(doc.word_before(i), "type" | "layout" | "model" | "block")
}

/// Whether a word behind a number says that it measures something else.
fn measures_another_thing(doc: &Doc<'_>, next: usize) -> bool {
    matches!(
        doc.word(next),
        "followers"
            | "views"
            | "users"
            | "people"
            | "steps"
            | "km"
            | "kms"
            | "miles"
            | "sqft"
            | "sq"
            | "sqm"
            | "visitors"
            | "likes"
            | "subscribers"
            | "employees"
            | "members"
            | "leads"
            | "messages"
            | "units"
            | "residents"
            | "contacts"
            | "clients"
            | "customers"
            | "properties"
            | "agents"
            | "walk"
            | "run"
            | "away"
            | "investors"
            | "hni"
            | "buyers"
            | "numbers"
            | "records"
            | "مشترك"
            | "متابع"
            | "شخص"
            | "مشاهده"
            | "كيلو"
            | "كيلومتر"
            | "كم"
    )
}

/// Whether a word before a number says that it names something else.
pub(super) fn names_another_thing(doc: &Doc<'_>, i: usize) -> bool {
    matches!(
        doc.word_before(i),
        "unit"
            | "flat"
            | "apartment"
            | "apt"
            | "villa"
            | "room"
            | "po"
            | "box"
            | "page"
            | "floor"
            | "top"
            | "plot"
            | "bua"
            | "size"
            | "area"
            | "makani"
            | "extension"
            | "ext"
    )
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
    // `+ 50 knowledge fee`
    let described = doc.is_word(number.next)
        && matches!(
            doc.word(number.next + 1),
            "fee" | "fees" | "charges" | "deposit"
        )
        && doc.gap(number.next + 1) == Gap::Space;
    number.written == Written::Digits
        && number.value >= Decimal::from(20)
        && (described
            || matches!(
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
                    | "admin"
                    | "processing"
                    | "trustee"
                    | "salary"
                    | "rent"
                    | "tip"
                    | "fine"
                    | "bill"
            ))
}

/// `14.25 per kg`, `75 each`, `18 psf`: the price of one.
fn is_each(pass: &Pass<'_, '_>, next: usize) -> bool {
    let doc = pass.doc;
    const TIMES: &[&str] = &[
        "day", "week", "month", "year", "hour", "night", "person", "weekday", "annum",
    ];
    match doc.word(next) {
        "psf" | "each" | "apiece" | "pp" => true,
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
    let from_a_door = next >= 2 && matches!(doc.word(next - 2), "from" | "in" | "of" | "at");
    match doc.word(next) {
        // `noise from 903 every night` is a door.
        "every" if from_a_door => false,
        "per" | "a" | "each" | "every" | "في" => period(next + 1),
        "an" => doc.word(next + 1) == "hour",
        "yearly" | "monthly" | "annually" | "annual" | "pa" | "pm" | "سنوي" | "سنويا" | "شهري"
        | "شهريا" | "بالسنه" | "بالشهر" | "cash" | "net" | "negotiable" | "نقدا" | "كاش" => {
            true
        }
        _ => false,
    }
}

/// `سعر المتر ٣٤٠`: the price of one.
fn is_price_of_one(doc: &Doc<'_>, i: usize) -> bool {
    matches!(
        doc.word_before(i),
        "المتر" | "القدم" | "الكيلو" | "الحبه" | "القطعه" | "الكرتون" | "الليله"
    ) && i >= 2
        && matches!(doc.word(i - 2), "سعر" | "بسعر")
}

fn talks_of_price(pass: &Pass<'_, '_>, i: usize, next: usize) -> bool {
    let near = pass
        .doc
        .has_word_near(&(i..next), REACH, |word| NEAR.contains(word));
    near || pass.has(Kind::Bedrooms) || pass.has(Kind::AreaSize) || pass.has(Kind::Money)
}
