//! The numbers that are left over: digits that count something, or that stand for themselves.
//!
//! What names or numbers something (years, floors, versions, codes, steps of a list) is no number, and neither
//! is a part of a ratio, a range of codes or a word.

use super::price_words::{BEHIND_BARE, NUMBERED};
use super::{Kind, Pass};
use crate::doc::{Doc, Gap};
use crate::number::{Number, amount_at, digits_at, plain};
use rust_decimal::Decimal;

const CONFIDENCE: f32 = 0.85;
/// Digits of a plain number at most; a longer one is a code.
const DIGITS_MAX: usize = 4;
/// Digits of a round number at most.
const ROUND_DIGITS_MAX: usize = 6;

/// Takes the digits that no other grammar wanted as numbers, if they say how many or how much.
pub(super) fn find(pass: &mut Pass<'_, '_>) {
    let mut i = 0;
    while i < pass.doc.len() {
        match number_at(pass, i).filter(|(_, end)| pass.is_free(i..*end)) {
            Some((value, end)) => {
                pass.add(Kind::Number, value, i..end, CONFIDENCE);
                i = end;
            }
            None => i += 1,
        }
    }
}

fn number_at(pass: &Pass<'_, '_>, i: usize) -> Option<(String, usize)> {
    let doc = pass.doc;
    doc.digits(i)?;
    // `5B` is a door, and no five billions.
    let number = amount_at(doc, i)
        .filter(|n| !n.multiplied || doc.word(n.next - 1) != "b")
        .or_else(|| digits_at(doc, i))?;
    if !stands_free(doc, i, number) || is_choice(doc, i) {
        return None;
    }
    // Four digits that count nothing are a door or a code, unless they are round.
    let code =
        doc.str(i).len() == DIGITS_MAX && number.next == i + 1 && !doc.str(i).ends_with("00");
    let spoken = counts_something(doc, number.next)
        || counts_some_of_them(doc, i, number.next)
        || !code && stands_alone(pass, i, number.next);
    spoken.then(|| (plain(number.value), number.next))
}

/// Whether digits are a number at all, and no part of a word, a code, a clock, a ratio or a list.
pub(super) fn stands_free(doc: &Doc<'_>, i: usize, number: Number) -> bool {
    let first = doc.str(i);
    // `G+8`, `A=4`
    let formula = i >= 2
        && doc.is_any_mark(i - 1, "+=")
        && doc.is_glued(i)
        && doc.is_glued(i - 1)
        && doc.is_word(i - 2);
    let attached = formula
        || (doc.is_glued(i)
            && i > 0
            && !doc.is_any_mark(i - 1, "(:*\"'~=+-,?!•/")
            && !matches!(doc.word(i - 1), "و" | "ب" | "ل"))
        || (number.next < doc.len() && doc.is_glued(number.next) && doc.is_word(number.next));
    let listed = doc.begins_line(i)
        && doc.is_any_mark(number.next, ".)-")
        && doc.is_glued(number.next)
        && number.next + 1 < doc.len();
    // `1) passport 2) visa`
    let bracketed = doc.is_mark(number.next, ')')
        && doc.is_glued(number.next)
        && first.len() <= 2
        && number.next == i + 1
        && !(i.saturating_sub(6)..i).any(|at| doc.is_mark(at, '('));
    let padded = first.len() > 1 && first.starts_with('0') && number.value > Decimal::ONE;
    let first_half = doc.is_mark(number.next, '/')
        && doc.is_glued(number.next)
        && doc.digits(number.next + 1).is_some();
    let other_half =
        i >= 2 && doc.is_mark(i - 1, '/') && doc.is_glued(i) && doc.digits(i - 2).is_some();
    !(attached
        || listed
        || bracketed
        || padded
        || first_half
        || other_half
        || is_label(doc, i, number))
}

/// `reply 1 to confirm, 2 to change`: keys to press.
fn is_choice(doc: &Doc<'_>, i: usize) -> bool {
    const REACH: usize = 16;
    let asked = (i.saturating_sub(REACH)..i)
        .any(|at| matches!(doc.word(at), "reply" | "press" | "dial" | "اضغط"));
    let purpose = matches!(doc.word(i + 1), "to" | "for") || doc.is_any_mark(i + 1, "=");
    asked && purpose && doc.str(i).len() == 1
}

/// Whether the digits are a year, a score, a code, or the number of a page, floor or tower.
fn is_label(doc: &Doc<'_>, i: usize, number: Number) -> bool {
    let next = number.next;
    let digits = doc.str(i);
    let plain_digits = next == i + 1;
    let year = plain_digits
        && digits.len() == 4
        && (digits.starts_with("19") || digits.starts_with("20"))
        && number.value < Decimal::from(2_040);
    let metered = (i.saturating_sub(3)..i).any(|at| {
        matches!(
            doc.word(at),
            "reads" | "reading" | "meter" | "قراءه" | "العداد"
        )
    });
    let round = digits.len() <= ROUND_DIGITS_MAX && digits.ends_with("00");
    let code = plain_digits && digits.len() > DIGITS_MAX && !metered && !round;
    let before = if doc.is_mark(i.wrapping_sub(1), '#') {
        i - 1
    } else {
        i
    };
    let numbered = i >= 2
        && doc.is_mark(i - 1, '.')
        && doc.is_glued(i - 1)
        && matches!(doc.word(i - 2), "no" | "nr" | "num");
    // `90 21 88`: a code in groups.
    let grouped = plain_digits
        && (doc.digits(next).is_some() && doc.gap(next) == Gap::Space
            || i > 0 && doc.digits(i - 1).is_some() && doc.gap(i) == Gap::Space);
    // `9 of 10`: a mark.
    let mark = matches!(doc.word(next), "of" | "من") && matches!(doc.str(next + 1), "5" | "10")
        || matches!(doc.word_before(i), "of" | "من")
            && matches!(digits, "5" | "10")
            && i >= 2
            && doc.digits(i - 2).is_some();
    let labelled = numbered || grouped || mark || NUMBERED.contains(doc.word_before(before));
    // `EK 203`, `Sarab 2`: the number of something with a name.
    let named = plain_digits
        && i >= 2
        && digits.len() <= 3
        && doc.gap(i) == Gap::Space
        && (doc.is_shouted(i - 1) && doc.str(i - 1).len() <= 3 && doc.gap(next) != Gap::None
            || doc.is_capitalised(i - 1)
                && doc.is_capitalised(i - 2)
                && !doc.is_shouted(i - 2)
                && doc.gap(i - 1) == Gap::Space)
        && !counts_something(doc, next);
    // `call 998`
    let dialled = digits.len() == 3 && matches!(doc.word_before(i), "call" | "dial" | "اتصل");
    let score = named
        || dialled
        || doc.word(next) == "out"
        || doc.word_before(i) == "of" && i >= 2 && doc.word(i - 2) == "out";
    let joined = |mark: usize, digits: usize| {
        doc.is_any_mark(mark, "-+x")
            && doc.is_glued(mark)
            && doc.digits(digits).is_some()
            && doc.is_glued(digits)
    };
    let chained = joined(next, next + 1)
        || (i >= 2
            && doc.is_any_mark(i - 1, "-+x")
            && doc.is_glued(i)
            && doc.is_glued(i - 1)
            && doc.digits(i - 2).is_some());
    year || code || labelled || score || chained
}

/// Whether a word follows that the number may count, and that is neither a small word nor a kind of payment.
pub(super) fn counts_something(doc: &Doc<'_>, next: usize) -> bool {
    let counted = |at: usize| {
        doc.is_word(at)
            && doc.gap(at) == Gap::Space
            && !super::price_words::UNCOUNTED.contains(doc.word(at))
    };
    // `2 extra sockets`
    let more_of = matches!(doc.word(next), "extra" | "more" | "less")
        && doc.gap(next) == Gap::Space
        && doc.word(next + 1).ends_with('s');
    counted(next) || more_of && counted(next + 1)
}

/// `4 of them`, `8 of the chairs`, `only 1 works`: some of what was named before.
fn counts_some_of_them(doc: &Doc<'_>, i: usize, next: usize) -> bool {
    let of_them = doc.word(next) == "of"
        && matches!(
            doc.word(next + 1),
            "them" | "these" | "those" | "us" | "which" | "whom"
        );
    // `8 of the 12 chairs`
    let of_all = doc.word(next) == "of"
        && matches!(
            doc.word(next + 1),
            "the" | "my" | "our" | "your" | "his" | "her" | "their"
        )
        && doc.str(i) != "1";
    // `2 of 6 spotlights`
    let of_so_many =
        doc.word(next) == "of" && doc.digits(next + 1).is_some() && counts_something(doc, next + 2);
    // `printed 500 menus, 60 have the wrong date`
    let some = (i == 0 || doc.is_any_mark(i - 1, ",.;"))
        && matches!(
            doc.word(next),
            "have" | "had" | "are" | "were" | "need" | "came" | "work" | "don't" | "didn't"
        );
    let only = doc.word_before(i) == "only"
        && matches!(
            doc.word(next),
            "work" | "works" | "worked" | "is" | "are" | "was" | "were" | "came" | "has" | "have"
        );
    of_them || of_all || of_so_many || some || only || matches!(doc.word(next), "منهم" | "منها")
}

/// Whether nothing is counted or numbered by the digits.
pub(super) fn stands_alone(pass: &Pass<'_, '_>, i: usize, next: usize) -> bool {
    let doc = pass.doc;
    let before = i == 0 || !doc.is_glued(i) || doc.is_any_mark(i - 1, "(-/~+=:");
    let decimal =
        doc.is_glued(next + 1) && doc.digits(next + 1).is_some() && doc.is_mark(next, '.');
    let ends = next >= doc.len()
        || doc.begins_line(next)
        || (doc.is_any_mark(next, ".,?!;)-/~+") && !decimal)
        || (doc.kind(next) == Some(crate::doc::TokenKind::Mark) && !doc.is_any_mark(next, "%:#@*"));
    let small = BEHIND_BARE.contains(doc.word(next)) && !doc.is_glued(next);
    before && !NUMBERED.contains(doc.word_before(i)) && (ends || small)
}
