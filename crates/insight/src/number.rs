//! Numbers as people write them, in digits and in words, exactly.

use crate::doc::{Doc, Gap};
use rust_decimal::Decimal;

/// Digits of the longest run that is read as a number; a longer one is a reference or noise.
pub(crate) const DIGITS_MAX: usize = 15;
/// Number words that make up one number at most.
const WORDS_MAX: usize = 12;

/// How a number was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// `1,500` or `1500`.
    Digits,
    /// `two hundred`.
    Words,
}

/// A number at a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    pub(crate) value: Decimal,
    /// The token after it.
    pub(crate) next: usize,
    pub(crate) written: Written,
    /// Whether a multiplier (`k`, `million`, `lakh`) belongs to it.
    pub(crate) multiplied: bool,
}

/// A decimal without needless zeros, never in exponent form.
pub(crate) fn plain(value: Decimal) -> String {
    value.normalize().to_string()
}

/// The digits at `i`, with thousands and decimals: `1,500.25`, `1.500.000`, `2,5`.
pub(crate) fn digits_at(doc: &Doc<'_>, i: usize) -> Option<Number> {
    let first = doc.digits(i)?;
    if first.len() > DIGITS_MAX {
        return None;
    }
    let mut text = first.to_owned();
    let mut next = i + 1;
    if first.len() <= 3 {
        for mark in [',', '.', '\''] {
            let groups = groups_at(doc, next, mark, 3);
            let enough = if mark == '.' { 2 } else { 1 };
            if groups >= enough {
                next = append_groups(doc, next, groups, &mut text);
                break;
            }
        }
    }
    if let Some(decimals) = decimals_at(doc, next, '.') {
        text.push('.');
        text.push_str(decimals);
        next += 2;
    } else if next == i + 1
        && let Some(decimals) = decimals_at(doc, next, ',').filter(|d| d.len() <= 2)
        && multiplier_at(doc, next + 2).is_some()
    {
        // `1,5 million`: a decimal comma, which only a multiplier makes certain.
        text.push('.');
        text.push_str(decimals);
        next += 2;
    }
    let value = text.parse().ok()?;
    Some(Number {
        value,
        next,
        written: Written::Digits,
        multiplied: false,
    })
}

/// Groups of `size` digits that follow, each after the mark and touching it.
fn groups_at(doc: &Doc<'_>, from: usize, mark: char, size: usize) -> usize {
    let mut groups = 0;
    let mut i = from;
    while doc.is_mark(i, mark)
        && doc.is_glued(i)
        && doc.is_glued(i + 1)
        && doc.digits(i + 1).is_some_and(|d| d.len() == size)
        && groups < 4
    {
        groups += 1;
        i += 2;
    }
    groups
}

fn append_groups(doc: &Doc<'_>, from: usize, groups: usize, text: &mut String) -> usize {
    for group in 0..groups {
        text.push_str(doc.str(from + group * 2 + 1));
    }
    from + groups * 2
}

fn decimals_at<'d>(doc: &'d Doc<'_>, i: usize, mark: char) -> Option<&'d str> {
    (doc.is_mark(i, mark) && doc.is_glued(i) && doc.is_glued(i + 1))
        .then(|| doc.digits(i + 1))?
        .filter(|d| d.len() <= 9 && !is_dotted_date(doc, i + 2, mark))
}

/// Whether another mark and digits touch what follows: `25.02.2026` is no decimal.
fn is_dotted_date(doc: &Doc<'_>, i: usize, mark: char) -> bool {
    doc.is_mark(i, mark) && doc.is_glued(i) && doc.is_glued(i + 1) && doc.digits(i + 1).is_some()
}

/// Digits in groups of three with spaces: `1 500 000`. Only a currency makes sure that it is one number.
pub(crate) fn spaced_digits_at(doc: &Doc<'_>, i: usize) -> Option<Number> {
    let first = doc.digits(i).filter(|d| d.len() <= 3)?;
    let mut text = first.to_owned();
    let mut next = i + 1;
    while doc.gap(next) == Gap::Space
        && doc.digits(next).is_some_and(|d| d.len() == 3)
        && next < i + 4
    {
        text.push_str(doc.str(next));
        next += 1;
    }
    (next > i + 1).then_some(())?;
    let value = text.parse().ok()?;
    Some(Number {
        value,
        next,
        written: Written::Digits,
        multiplied: false,
    })
}

/// A multiplier at a place: `k`, `million`, `lakh`, `الف`. Returns it and the token after it.
pub(crate) fn multiplier_at(doc: &Doc<'_>, i: usize) -> Option<(Decimal, usize)> {
    let word = doc.word(i);
    let factor: i64 = match word {
        "k" | "alf" | "alaf" | "aalaf" | "thousand" | "thousands" | "grand" | "thsnd" | "thou"
        | "hazar" | "hazaar" | "hajar" | "الف" | "الاف" | "الفا" => 1_000,
        "m" | "mn" | "mil" | "mill" | "mio" | "mm" | "million" | "millions" | "milion"
        | "millon" | "mln" | "مليون" | "ملايين" | "مليونا" => 1_000_000,
        "b" | "bn" | "billion" | "billions" | "مليار" | "بليون" => 1_000_000_000,
        "lakh" | "lakhs" | "lac" | "lacs" | "lkh" => 100_000,
        "crore" | "crores" | "cr" | "crs" => 10_000_000,
        _ => return None,
    };
    // A letter alone stands for a factor only right behind the digits or one space away.
    let square_metres = word == "m"
        && doc.is_glued(i + 1)
        && (doc.digits(i + 1) == Some("2") || doc.is_mark(i + 1, '^'));
    if doc.gap(i) == Gap::Line || square_metres {
        return None;
    }
    Some((Decimal::from(factor), i + 1))
}

/// A whole amount: digits or words, multiplier, and what is added (`1 million 250k`, `مليون ونص`).
pub(crate) fn amount_at(doc: &Doc<'_>, i: usize) -> Option<Number> {
    let first = term_at(doc, i)?;
    let mut total = first;
    let mut least = last_factor(doc, first);
    while total.multiplied && total.next < i + WORDS_MAX {
        if let Some((part, next)) = fraction_after(doc, total.next) {
            let unit = least.checked_mul(part)?;
            total.value = total.value.checked_add(unit)?;
            total.next = next;
            break;
        }
        let at = skip_and(doc, total.next);
        let fits = |n: &Number| {
            let joined = doc.word(total.next) == "و" && n.value < Decimal::ONE_THOUSAND;
            let hundreds =
                (n.written == Written::Words || joined) && n.value >= Decimal::ONE_HUNDRED;
            n.value < least && (n.multiplied || hundreds)
        };
        let Some(more) = term_at(doc, at).filter(fits) else {
            break;
        };
        // `مليون وميتين` is a million and two hundred thousand: hundreds behind a million are said of thousands.
        let spoken = !more.multiplied && least == Decimal::from(1_000_000);
        let arabic = !doc.word(at).is_ascii() || doc.word(total.next) == "و";
        let value = if spoken && arabic {
            more.value.checked_mul(Decimal::from(1_000))?
        } else {
            more.value
        };
        total.value = total.value.checked_add(value)?;
        total.next = more.next;
        least = last_factor(doc, more);
    }
    Some(total)
}

/// The multiplier that a number ends with, or the largest one below it.
fn last_factor(doc: &Doc<'_>, number: Number) -> Decimal {
    if let Some((factor, _)) = multiplier_at(doc, number.next.saturating_sub(1)) {
        return factor;
    }
    [1_000_000_000_i64, 1_000_000, 1_000]
        .into_iter()
        .map(Decimal::from)
        .find(|factor| number.value >= *factor)
        .unwrap_or(Decimal::ONE)
}

fn skip_and(doc: &Doc<'_>, i: usize) -> usize {
    if matches!(doc.word(i), "and" | "و") {
        i + 1
    } else {
        i
    }
}

/// `and a half`, `ونص`, `و ربع` behind an amount.
fn fraction_after(doc: &Doc<'_>, i: usize) -> Option<(Decimal, usize)> {
    match doc.word(i) {
        "ونص" | "ونصف" => Some((half(), i + 1)),
        "وربع" => Some((quarter(), i + 1)),
        "و" => match doc.word(i + 1) {
            "نص" | "نصف" => Some((half(), i + 2)),
            "ربع" => Some((quarter(), i + 2)),
            _ => None,
        },
        "and" => {
            let at = if doc.word(i + 1) == "a" { i + 2 } else { i + 1 };
            match doc.word(at) {
                "half" => Some((half(), at + 1)),
                "quarter" => Some((quarter(), at + 1)),
                _ => None,
            }
        }
        _ => None,
    }
}

fn half() -> Decimal {
    Decimal::new(5, 1)
}

fn quarter() -> Decimal {
    Decimal::new(25, 2)
}

/// One number with its multiplier.
fn term_at(doc: &Doc<'_>, i: usize) -> Option<Number> {
    let mut number = digits_at(doc, i)
        .or_else(|| broken_words_at(doc, i))
        .or_else(|| words_at(doc, i))
        .or_else(|| bare_multiplier_at(doc, i))?;
    if !number.multiplied
        && let Some((factor, next)) = multiplier_at(doc, number.next)
    {
        number.value = number.value.checked_mul(factor)?;
        number.next = next;
        number.multiplied = true;
    }
    Some(number)
}

/// `one point five` and `two and a half`, which only a multiplier behind them makes a number.
fn broken_words_at(doc: &Doc<'_>, i: usize) -> Option<Number> {
    let whole = words_at(doc, i)?;
    let (part, next) = if doc.word(whole.next) == "point" {
        let digits = words_at(doc, whole.next + 1)
            .filter(|n| n.value < Decimal::ONE_HUNDRED)
            .or_else(|| digits_at(doc, whole.next + 1))?;
        let places = if digits.value < Decimal::TEN { 10 } else { 100 };
        (
            digits.value.checked_div(Decimal::from(places))?,
            digits.next,
        )
    } else {
        fraction_after(doc, whole.next)?
    };
    multiplier_at(doc, next)?;
    Some(Number {
        value: whole.value.checked_add(part)?,
        next,
        ..whole
    })
}

/// `half a million`, `نص مليون`, `مليونين`, and `مليون` alone.
fn bare_multiplier_at(doc: &Doc<'_>, i: usize) -> Option<Number> {
    let word = doc.word(i);
    // `بمليون`: for a million, written as one word.
    let word = word
        .strip_prefix(['ب', 'ل', 'و'])
        .filter(|rest| {
            multiplier_word(rest).is_some() || matches!(*rest, "مليونين" | "الفين" | "نص")
        })
        .unwrap_or(word);
    let (value, next) = match word {
        "half" if doc.word(i + 1) == "a" => scaled(doc, half(), i + 2)?,
        "quarter" if doc.word(i + 1) == "of" && doc.word(i + 2) == "a" => {
            scaled(doc, quarter(), i + 3)?
        }
        "half" | "نص" | "نصف" => scaled(doc, half(), i + 1)?,
        "ربع" => scaled(doc, quarter(), i + 1)?,
        "مليونين" | "مليونان" => (Decimal::from(2_000_000), i + 1),
        "الفين" | "الفان" => (Decimal::from(2_000), i + 1),
        "مليون" | "الف" | "مليار" => (Decimal::from(multiplier_word(word)?), i + 1),
        _ => return None,
    };
    Some(Number {
        value,
        next,
        written: Written::Words,
        multiplied: true,
    })
}

/// The Arabic multipliers that stand for one of themselves.
fn multiplier_word(word: &str) -> Option<i64> {
    match word {
        "مليون" => Some(1_000_000),
        "الف" => Some(1_000),
        "مليار" => Some(1_000_000_000),
        _ => None,
    }
}

fn scaled(doc: &Doc<'_>, part: Decimal, i: usize) -> Option<(Decimal, usize)> {
    let (factor, next) = multiplier_at(doc, i)?;
    (factor >= Decimal::from(1_000)).then_some((factor.checked_mul(part)?, next))
}

/// A number in English or Arabic words, without its large multiplier: `two hundred and fifty`.
pub(crate) fn words_at(doc: &Doc<'_>, i: usize) -> Option<Number> {
    let mut total: u32 = 0;
    let mut next = i;
    let mut last_scale = 1_000;
    while next < i + WORDS_MAX {
        let word = doc.word(next);
        if matches!(word, "hundred" | "hundreds") && total > 0 && total < 100 {
            total *= 100;
            last_scale = 100;
        } else if let Some(value) = word_value(word)
            .or_else(|| joined_value(word, next > i))
            .or_else(|| clinging_value(word))
        {
            let scale = if value >= 100 {
                100
            } else if value >= 20 {
                10
            } else {
                1
            };
            let fits = if is_arabic(word) {
                value != total
            } else {
                scale < last_scale
            };
            if next > i && !fits {
                break;
            }
            total += value;
            last_scale = scale;
        } else if next > i
            && (matches!(word, "and" | "و") || doc.is_mark(next, '-'))
            && word_value(doc.word(next + 1)).is_some()
            && total >= 20
        {
            next += 1;
            continue;
        } else {
            break;
        }
        next += 1;
    }
    (next > i).then_some(Number {
        value: Decimal::from(total),
        next,
        written: Written::Words,
        multiplied: false,
    })
}

fn is_arabic(word: &str) -> bool {
    !word.is_ascii()
}

/// `بأربع`, `لستة`: a number with the preposition that is written onto it.
fn clinging_value(word: &str) -> Option<u32> {
    let bare = word.strip_prefix(['ب', 'ل', 'و'])?;
    (bare.chars().count() >= 3).then(|| word_value(bare))?
}

/// `وخمسين`: and fifty, written as one word.
fn joined_value(word: &str, continues: bool) -> Option<u32> {
    continues
        .then(|| word.strip_prefix('و'))?
        .and_then(word_value)
}

/// What one number word is worth.
pub(crate) fn word_value(word: &str) -> Option<u32> {
    Some(match word {
        "zero" | "صفر" => 0,
        "one" | "واحد" | "واحده" | "وحده" => 1,
        "two" | "couple" | "اثنين" | "اثنان" | "اتنين" | "ثنتين" | "تنتين" | "اثنتين" => {
            2
        }
        "three" | "ثلاثه" | "ثلاث" | "تلاته" | "تلات" | "ثلاثة" => 3,
        "four" | "اربعه" | "اربع" => 4,
        "five" | "خمسه" | "خمس" => 5,
        "six" | "سته" | "ست" => 6,
        "seven" | "سبعه" | "سبع" => 7,
        "eight" | "ثمانيه" | "ثمان" | "ثماني" | "تمانيه" | "تمن" => 8,
        "nine" | "تسعه" | "تسع" => 9,
        "ten" | "عشره" | "عشر" => 10,
        "eleven" | "احدعش" | "حداشر" | "حدعش" => 11,
        "twelve" | "dozen" | "اثنعش" | "اتناشر" | "اثناعش" => 12,
        "thirteen" | "ثلاثطعش" | "تلتاشر" => 13,
        "fourteen" | "اربعطعش" | "اربعتاشر" => 14,
        "fifteen" | "خمسطعش" | "خمستاشر" => 15,
        "sixteen" | "ستطعش" | "ستاشر" => 16,
        "seventeen" | "سبعطعش" | "سبعتاشر" => 17,
        "eighteen" | "ثمنطعش" | "تمنتاشر" => 18,
        "nineteen" | "تسعطعش" | "تسعتاشر" => 19,
        "twenty" | "twnty" | "عشرين" | "عشرون" => 20,
        "thirty" | "ثلاثين" | "ثلاثون" | "تلاتين" => 30,
        "forty" | "fourty" | "اربعين" | "اربعون" => 40,
        "fifty" | "خمسين" | "خمسون" => 50,
        "sixty" | "ستين" | "ستون" => 60,
        "seventy" | "سبعين" | "سبعون" => 70,
        "eighty" | "ثمانين" | "ثمانون" | "تمانين" => 80,
        "ninety" | "تسعين" | "تسعون" => 90,
        "ميه" | "مايه" | "ماءه" | "مئه" | "مييه" => 100,
        "ميتين" | "مايتين" | "مئتين" | "مءتين" => 200,
        "ثلاثميه" | "تلتميه" | "ثلاثمايه" => 300,
        "اربعميه" | "اربعمايه" => 400,
        "خمسميه" | "خمسمايه" => 500,
        "ستميه" | "ستمايه" => 600,
        "سبعميه" | "سبعمايه" => 700,
        "ثمانميه" | "تمنميه" | "ثمانمايه" => 800,
        "تسعميه" | "تسعمايه" => 900,
        _ => return None,
    })
}

/// A small whole number in digits or one or two words, for grammars that count.
pub(crate) fn count_at(doc: &Doc<'_>, i: usize, max: u32) -> Option<(u32, usize)> {
    let number = digits_at(doc, i).or_else(|| words_at(doc, i))?;
    let value: u32 = plain(number.value).parse().ok()?;
    (value <= max).then_some((value, number.next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(typed: &str) -> Option<(String, usize)> {
        let doc = Doc::new(typed);
        let number = amount_at(&doc, 0)?;
        Some((plain(number.value), doc.len() - number.next))
    }

    #[test]
    fn amounts_are_exact_in_every_form() {
        for (typed, expected) in [
            ("1,500,000", "1500000"),
            ("1.500.000", "1500000"),
            ("1.5M", "1500000"),
            ("1,5 million", "1500000"),
            ("85k", "85000"),
            ("85 K", "85000"),
            ("0.1", "0.1"),
            ("1.20", "1.2"),
            ("2.75 mn", "2750000"),
            ("3 lakhs", "300000"),
            ("1.2 crore", "12000000"),
            ("half a million", "500000"),
            ("two hundred and fifty thousand", "250000"),
            ("one million two hundred thousand", "1200000"),
            ("1 million and a half", "1500000"),
            ("1m 250k", "1250000"),
            ("one hundred thousand", "100000"),
            ("twenty five", "25"),
            ("twenty-five", "25"),
            ("مليون ونص", "1500000"),
            ("مليون و نصف", "1500000"),
            ("مليونين", "2000000"),
            ("نص مليون", "500000"),
            ("٨٥ ألف", "85000"),
            ("مليون و 200 الف", "1200000"),
            ("مية وخمسين الف", "150000"),
            ("خمسة وثمانين الف", "85000"),
        ] {
            assert_eq!(amount(typed), Some((expected.to_owned(), 0)), "{typed}");
        }
    }

    #[test]
    fn a_dotted_date_is_no_decimal() {
        let doc = Doc::new("25.02.2026");
        assert_eq!(digits_at(&doc, 0).unwrap().next, 1);
    }
}
