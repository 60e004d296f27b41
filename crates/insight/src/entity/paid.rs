//! Small amounts that somebody pays, asks for or lists, told by the words around them.

use super::number::{counts_something, stands_alone, stands_free};
use super::price::{SPOKEN_REACH, is_door, names_another_thing};
use super::price_words::{PAYMENTS, PROPERTY, SMALL_GOODS};
use super::{Kind, Pass};
use crate::doc::{Doc, Gap};
use crate::number::Number;
use rust_decimal::Decimal;

/// Least amount that is money because somebody pays it.
const PAID_MIN: u32 = 10;
/// Least price in a row of goods; less may be how many there are.
const LISTED_MIN: u32 = 50;

/// A small amount that somebody pays, owes or asks for: `sent 300`, `his 900`, `500 for the fridge`.
pub(super) fn is_paid(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    let doc = pass.doc;
    let only = matches!(doc.word(number.next), "only" | "extra" | "فقط" | "بس")
        && number.value >= Decimal::ONE_HUNDRED
        && !matches!(doc.word_before(i), "in" | "since" | "for" | "from");
    if only && !names_another_thing(doc, i) && !doc.is_any_mark(i.wrapping_sub(1), "-/") {
        return true;
    }
    if is_rate_of_each(pass, i, number) {
        return true;
    }
    // `you sent 36`: cartons, and no money.
    let counted = number.value < Decimal::ONE_HUNDRED
        && !pass.has(Kind::Money)
        && matches!(
            doc.word_before(i),
            "sent" | "send" | "collected" | "collect"
        )
        && doc.has_word_near(&(i..number.next), SPOKEN_REACH, super::quantity::is_unit);
    let code = doc.is_mark(i.wrapping_sub(1), ':')
        && i >= 2
        && matches!(doc.word(i - 2), "code" | "otp" | "pin");
    if counted
        || code
        || !stands_free(doc, i, number)
        || counts_something(doc, number.next)
        || number.value < Decimal::from(PAID_MIN)
        || doc.is_mark(number.next, '%')
        || is_door(doc, i, number)
    {
        return false;
    }
    let hundreds = number.value >= Decimal::ONE_HUNDRED;
    let owned = matches!(
        doc.word_before(i),
        "my" | "his" | "her" | "their" | "your" | "our" | "another"
    ) && number.value >= Decimal::from(50)
        && stands_alone(pass, i, number.next);
    let wanted = hundreds
        && doc.word(number.next) == "for"
        && matches!(
            doc.word(number.next + 1),
            "the" | "this" | "that" | "it" | "both" | "everything" | "all"
        )
        && (i == 0
            || doc.is_any_mark(i - 1, ".,!?-:")
            || doc.begins_line(i)
            || matches!(doc.word_before(i), "asked" | "asks" | "wants" | "quoted"));
    let limited = hundreds
        && matches!(
            doc.word_before(i),
            "above" | "over" | "below" | "under" | "upto"
        )
        && pass.has(Kind::Money);
    let left_short = number.value < Decimal::from(1_000)
        && pass
            .found
            .iter()
            .any(|f| f.kind == Kind::Money && super::lean::is_cut_short(number.value, f));
    (owned
        || wanted
        || limited
        || is_listed(pass, i, number)
        || is_unit_price(pass, i, number)
        || is_rest(pass, i, number)
        || is_on_a_paper(pass, i, number)
        || follows_payment(doc, i)
        || ends_a_payment(doc, i, number))
        && !left_short
}

/// `35/hr`, `each extra hr 450`, `95 للقدم`: what one of them costs.
fn is_rate_of_each(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    let doc = pass.doc;
    let enough = number.value >= Decimal::TEN && stands_free(doc, i, number);
    let per_hour = doc.is_mark(number.next, '/')
        && doc.is_glued(number.next)
        && matches!(doc.word(number.next + 1), "hr" | "hour" | "head" | "visit");
    let each_hour = i >= 2
        && matches!(doc.word(i - 1), "hr" | "hour")
        && matches!(doc.word(i - 2), "extra" | "each" | "per" | "additional")
        && stands_alone(pass, i, number.next);
    let arabic = matches!(
        doc.word(number.next),
        "للقدم" | "للمتر" | "للشخص" | "للساعه" | "لليله" | "للحبه" | "للكرتون"
    );
    enough && (per_hour || each_hour || arabic)
}

/// `invoice PC/2291 for 880`: what a paper is about.
fn is_on_a_paper(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    i > 0
        && pass.doc.word(i - 1) == "for"
        && pass.ends_at(Kind::Reference, i - 1)
        && stands_alone(pass, i, number.next)
}

/// `fridge 900, washing machine 700`: things and their prices.
fn is_listed(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    let doc = pass.doc;
    number.value >= Decimal::from(LISTED_MIN)
        && SMALL_GOODS.contains(doc.word_before(i))
        && !doc.is_shouted(i - 1)
        && doc.gap(i) == Gap::Space
        && stands_alone(pass, i, number.next)
        && listed_again(doc, number.next)
}

/// `10 kilos of dates at 35`, but not `4 cheques at 72`.
fn is_unit_price(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    const REACH: usize = 6;
    let doc = pass.doc;
    let counts_goods = |at: usize| {
        let unit = doc.word(at + 1);
        doc.digits(at).is_some() && super::quantity::is_unit(unit) && !PROPERTY.contains(unit)
    };
    doc.word_before(i) == "at"
        && stands_alone(pass, i, number.next)
        && (i.saturating_sub(REACH)..i).any(counts_goods)
}

/// What is left of a sum, or all of it: `2,300 to the bank, rest 90`, `at 240 each, 720 total`.
fn is_rest(pass: &Pass<'_, '_>, i: usize, number: Number) -> bool {
    let doc = pass.doc;
    let rest = matches!(doc.word_before(i), "rest" | "remaining" | "الباقي")
        && !super::quantity::is_unit(doc.word(number.next));
    let total = doc.word(number.next) == "total"
        || doc.word(number.next) == "in" && doc.word(number.next + 1) == "total";
    // `bought 12 spots, total 214`
    let bought = doc.word_before(i) == "total"
        && stands_alone(pass, i, number.next)
        && (0..i).any(|at| matches!(doc.word(at), "bought" | "ordered" | "purchased"));
    bought || pass.has(Kind::Money) && (rest || total)
}

/// Whether another number stands behind a comma or at a line's end: one row of several.
fn listed_again(doc: &Doc<'_>, next: usize) -> bool {
    const REACH: usize = 6;
    let goes_on = doc.is_any_mark(next, ",/+") || doc.begins_line(next);
    goes_on && (next..next + REACH).any(|at| doc.digits(at).is_some())
}

/// `I transferred to your account yesterday 6750`: a payment, and its amount at the end of the sentence.
fn ends_a_payment(doc: &Doc<'_>, i: usize, number: Number) -> bool {
    const REACH: usize = 10;
    let ends = number.next >= doc.len()
        || doc.begins_line(number.next)
        || doc.is_any_mark(number.next, ".!?,;");
    let small = doc.word_before(i).is_empty() && !doc.is_any_mark(i.wrapping_sub(1), ":=")
        || matches!(
            doc.word_before(i),
            "for" | "of" | "in" | "at" | "by" | "unit" | "flat" | "villa" | "شقه" | "رقم"
        );
    number.value >= Decimal::ONE_HUNDRED
        && ends
        && !small
        && (i.saturating_sub(REACH)..i).any(|at| {
            matches!(
                doc.word(at),
                "transferred"
                    | "transfer"
                    | "deposited"
                    | "sent"
                    | "paid"
                    | "حولت"
                    | "حولنا"
                    | "دفعت"
                    | "جمعنا"
                    | "ارسلت"
            )
        })
}

/// Whether a payment stands before a number, over small words, a name or a colon.
fn follows_payment(doc: &Doc<'_>, i: usize) -> bool {
    // `Salary for helper: 1800`
    let colon = i > 0 && doc.is_mark(i - 1, ':');
    if colon && (i.saturating_sub(5)..i).any(|at| PAYMENTS.contains(doc.word(at))) {
        return true;
    }
    let mut names = 0;
    for at in (i.saturating_sub(4)..i).rev() {
        if PAYMENTS.contains(doc.word(at)) {
            return true;
        }
        let colon = doc.is_any_mark(at, ":=") && at + 1 == i;
        let small = matches!(
            doc.word(at),
            "is" | "was"
                | "were"
                | "about"
                | "around"
                | "only"
                | "just"
                | "me"
                | "you"
                | "him"
                | "her"
                | "us"
                | "them"
                | "the"
                | "a"
                | "another"
                | "extra"
                | "back"
                | "exactly"
                | "approx"
                | "total"
                | "ابو"
                | "ام"
                | "still"
                | "u"
                | "لك"
                | "له"
                | "لي"
                | "لها"
                | "كان"
        );
        if !colon && !small {
            names += 1;
            let name = doc.is_word(at) && doc.gap(at) != Gap::Line;
            if names > 1
                || !name
                || matches!(
                    doc.word(at),
                    "in" | "by"
                        | "on"
                        | "at"
                        | "till"
                        | "until"
                        | "before"
                        | "from"
                        | "since"
                        | "unit"
                        | "of"
                        | "for"
                        | "no"
                        | "number"
                        | "after"
                        | "within"
                )
            {
                return false;
            }
        }
    }
    false
}
