//! Floor and plot sizes, in square feet and square metres as written.

use super::{Kind, Pass};
use crate::number::{Number, amount_at, digits_at, multiplier_at, plain};
use rust_decimal::Decimal;

const CONFIDENCE: f32 = 0.95;

/// Finds sizes.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        if let Some((value, end)) = size_at(pass, i) {
            pass.add(Kind::AreaSize, value, i..end, CONFIDENCE);
            i = end;
        } else {
            i += 1;
        }
    }
}

fn size_at(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    if let Some((unit, after)) = unit_at(pass, i)
        && doc.is_any_mark(after, ":=")
        && let Some(number) = digits_at(doc, after + 1)
        && number.value >= 50.into()
    {
        // `sqft: 1200`, as in a list of details.
        return pass
            .is_free(i..number.next)
            .then(|| (format!("{} {unit}", plain(number.value)), number.next));
    }
    let number = amount_at(doc, i)?;
    if matches!(doc.word(number.next), "متر" | "م")
        && !matches!(doc.word(number.next + 1), "مربع" | "مربعه")
    {
        // `600 متر` of a warehouse is its size; a few metres are a length.
        let floor_size = number.value >= 40.into()
            && !matches!(
                doc.word_before(i),
                "ارتفاع" | "طول" | "عرض" | "بعد" | "واجهه"
            );
        return (floor_size && pass.is_free(i..number.next + 1))
            .then(|| (format!("{} sqm", plain(number.value)), number.next + 1));
    }
    if let Some((unit, end)) = unit_at(pass, number.next) {
        return pass
            .is_free(i..end)
            .then(|| (format!("{} {unit}", plain(number.value)), end));
    }
    if let Some(end) = plain_feet(pass, number) {
        return pass
            .is_free(i..end)
            .then(|| (format!("{} sqft", plain(number.value)), end));
    }
    let (unit, second) = shared_unit(pass, number.next)?;
    let value = scaled_like(pass, number, second)?;
    pass.is_free(i..number.next)
        .then(|| (format!("{} {unit}", plain(value)), number.next))
}

/// `3,000 ft`: more feet than anything of a property is long or high.
fn plain_feet(pass: &Pass<'_, '_>, number: Number) -> Option<usize> {
    let feet = matches!(pass.doc.word(number.next), "ft" | "feet");
    (feet && number.value >= 300.into()).then_some(number.next + 1)
}

/// `between 8 and 10 thousand sqft`: the first number shares the multiplier of the second.
fn scaled_like(pass: &Pass<'_, '_>, first: Number, second: Number) -> Option<Decimal> {
    if first.multiplied || !second.multiplied || first.value >= second.value {
        return Some(first.value);
    }
    match multiplier_at(pass.doc, second.next - 1) {
        Some((factor, _)) if first.value < factor => first.value.checked_mul(factor),
        _ => Some(first.value),
    }
}

/// `1200-1500 sqft`: the first number shares the unit of the second.
fn shared_unit(pass: &Pass<'_, '_>, i: usize) -> Option<(&'static str, Number)> {
    let doc = pass.doc;
    let joined = doc.is_any_mark(i, "-/")
        || matches!(doc.word(i), "to" | "or" | "and" | "الى" | "الي" | "او");
    let number = joined.then(|| amount_at(doc, i + 1))??;
    unit_at(pass, number.next).map(|(unit, _)| (unit, number))
}

/// A unit of area, and the token after it.
fn unit_at(pass: &Pass<'_, '_>, i: usize) -> Option<(&'static str, usize)> {
    let doc = pass.doc;
    // A hyphen may join number and unit: `1200-sqft`.
    let i = if doc.is_mark(i, '-') && doc.is_word(i + 1) {
        i + 1
    } else {
        i
    };
    let square = match doc.word(i) {
        "sqft" | "sqf" | "sf" | "sft" | "sqfeet" | "sqfoot" | "sqfts" | "sqrft" => {
            return Some(("sqft", dot(pass, i + 1)));
        }
        "ft" | "feet" if is_two(pass, i + 1) => return Some(("sqft", i + 2)),
        "ft" | "feet" if matches!(doc.word(i + 1), "sq" | "square") => {
            return Some(("sqft", i + 2));
        }
        "sqm" | "sqmt" | "sqmtr" | "sqmtrs" | "sqmeter" | "sqmeters" | "sqmetre" | "sqms"
        | "sqmts" => {
            return Some(("sqm", dot(pass, i + 1)));
        }
        "m" | "mtr" if is_two(pass, i + 1) => return Some(("sqm", i + 2)),
        "قدم" | "اقدام" => {
            let square = matches!(doc.word(i + 1), "مربع" | "مربعه");
            return Some(("sqft", if square { i + 2 } else { i + 1 }));
        }
        "متر" | "امتار" | "مترا" if matches!(doc.word(i + 1), "مربع" | "مربعه") =>
        {
            return Some(("sqm", i + 2));
        }
        "م" if is_two(pass, i + 1) => return Some(("sqm", i + 2)),
        "sq" | "square" | "sqr" => dot(pass, i + 1),
        _ => return None,
    };
    let square = if doc.is_any_mark(square, "-/") {
        square + 1
    } else {
        square
    };
    match doc.word(square) {
        "ft" | "feet" | "foot" | "fts" | "f" => Some(("sqft", dot(pass, square + 1))),
        "m" | "meter" | "meters" | "metre" | "metres" | "mtr" | "mtrs" | "mt" | "mts" => {
            Some(("sqm", dot(pass, square + 1)))
        }
        _ => None,
    }
}

/// Past the full stop of an abbreviation, unless it ends the sentence.
fn dot(pass: &Pass<'_, '_>, i: usize) -> usize {
    let doc = pass.doc;
    let abbreviates = doc.is_mark(i, '.')
        && doc.is_glued(i)
        && matches!(doc.word(i + 1), "ft" | "feet" | "m" | "meter" | "f");
    if abbreviates { i + 1 } else { i }
}

fn is_two(pass: &Pass<'_, '_>, i: usize) -> bool {
    let two = pass.doc.is_glued(i) && pass.doc.digits(i) == Some("2");
    two || (pass.doc.is_mark(i, '^') && pass.doc.digits(i + 1) == Some("2"))
}
