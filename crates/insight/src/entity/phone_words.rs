//! Phone numbers in words, as dictated messages spell them: `zero five zero one double two`.

use super::phone::{emirati_international, emirati_national};
use super::{Kind, Pass};
use crate::doc::{Doc, Gap};

/// Digits of a number in words: fewer are no number, more are two.
const DIGITS: std::ops::RangeInclusive<usize> = 9..=14;
const CONFIDENCE: f32 = 0.90;

/// Finds phone numbers in words.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        let (digits, end) = run_at(pass.doc, i);
        let spelled = DIGITS.contains(&digits.len()) && pass.is_free(i..end);
        let value = spelled
            .then(|| {
                let international = digits.strip_prefix("00").unwrap_or(&digits);
                emirati_national(&digits).or_else(|| emirati_international(international))
            })
            .flatten();
        if let Some(value) = value {
            pass.add(Kind::Phone, value, i..end, CONFIDENCE);
        }
        i = end.max(i + 1);
    }
}

/// The digits that words spell from a place on, and the token after them.
fn run_at(doc: &Doc<'_>, from: usize) -> (String, usize) {
    let mut digits = String::new();
    let mut i = from;
    while digits.len() <= *DIGITS.end() {
        let times = match doc.word(i) {
            "double" => 2,
            "triple" => 3,
            _ => 1,
        };
        let at = if times > 1 { i + 1 } else { i };
        let Some(digit) = digit(doc.word(at)).filter(|_| at == from || doc.gap(at) != Gap::Line)
        else {
            break;
        };
        digits.extend(std::iter::repeat_n(digit, times));
        i = at + 1;
        if doc.is_any_mark(i, ",-") && digit_follows(doc, i + 1) {
            i += 1;
        }
    }
    (digits, i)
}

fn digit_follows(doc: &Doc<'_>, i: usize) -> bool {
    matches!(doc.word(i), "double" | "triple") || digit(doc.word(i)).is_some()
}

fn digit(word: &str) -> Option<char> {
    Some(match word {
        "zero" | "oh" | "o" | "صفر" => '0',
        "one" | "واحد" => '1',
        "two" | "اثنين" => '2',
        "three" | "ثلاثه" => '3',
        "four" | "اربعه" => '4',
        "five" | "خمسه" => '5',
        "six" | "سته" => '6',
        "seven" | "سبعه" => '7',
        "eight" | "ثمانيه" => '8',
        "nine" | "تسعه" => '9',
        _ => return None,
    })
}
