//! Percentages: `2.5%`, `5 percent`, `٪٥`, `5 بالمية`.

use super::{Kind, Pass};
use crate::number::{digits_at, plain, words_at};

const CONFIDENCE: f32 = 0.95;

/// Finds percentages.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        let next = percentage_at(pass, i);
        if let Some((value, end)) = next {
            pass.add(Kind::Percentage, value, i..end, CONFIDENCE);
            i = end;
        } else {
            i += 1;
        }
    }
}

fn percentage_at(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    if doc.is_mark(i, '%') {
        // `%5`, as it is often typed in Arabic.
        let number = digits_at(doc, i + 1).filter(|_| doc.is_glued(i + 1))?;
        let free = i == 0 || doc.digits(i - 1).is_none();
        return (free && pass.is_free(i..number.next)).then(|| (plain(number.value), number.next));
    }
    if doc.word(i) == "half"
        && let Some(end) = sign_end(pass, if doc.word(i + 1) == "a" { i + 2 } else { i + 1 })
    {
        return Some(("0.5".to_owned(), end));
    }
    if let Some(found) = with_comma(pass, i) {
        return Some(found);
    }
    let number = digits_at(doc, i).or_else(|| words_at(doc, i))?;
    let end = sign_end(pass, number.next).or_else(|| shared_sign(pass, number.next))?;
    pass.is_free(i..end).then(|| (plain(number.value), end))
}

/// `7,5%`: a decimal comma, if nothing but one digit stands between it and the sign.
fn with_comma(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    let whole = doc.digits(i).filter(|d| d.len() <= 2)?;
    let tenths = doc.digits(i + 2).filter(|d| d.len() == 1)?;
    let written_together = (i + 1..=i + 3).all(|at| doc.is_glued(at));
    let fits = written_together
        && !(i > 0 && doc.is_glued(i))
        && doc.is_mark(i + 1, ',')
        && doc.is_mark(i + 3, '%')
        && pass.is_free(i..i + 4);
    fits.then(|| (format!("{whole}.{tenths}"), i + 4))
}

/// The token after a sign of percentage.
fn sign_end(pass: &Pass<'_, '_>, i: usize) -> Option<usize> {
    let doc = pass.doc;
    if doc.is_mark(i, '%') {
        return Some(i + 1);
    }
    match doc.word(i) {
        "percent" | "pct" | "percentage" | "prcnt" | "بالميه" | "بالمئه" | "بالمايه" | "بالمءه" => {
            Some(i + 1)
        }
        "per" if doc.word(i + 1) == "cent" => Some(i + 2),
        "في" | "ب" | "فى" if matches!(doc.word(i + 1), "الميه" | "المئه" | "المايه" | "المءه") => {
            Some(i + 2)
        }
        _ => None,
    }
}

/// `5-7%` and `5 to 7%`: the first number shares the sign of the second.
fn shared_sign(pass: &Pass<'_, '_>, i: usize) -> Option<usize> {
    let doc = pass.doc;
    let joined = doc.is_any_mark(i, "-/") || matches!(doc.word(i), "to" | "or" | "and");
    let number = joined.then(|| digits_at(doc, i + 1))??;
    sign_end(pass, number.next).map(|_| i)
}
