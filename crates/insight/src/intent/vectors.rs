//! What words mean, as numbers: words that are used alike lie close together.
//!
//! The list is English; words of Arabic, in either script, lend the meaning of an English word through a
//! glossary. `data/vectors` says where the numbers come from.

use crate::text::Text;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Numbers of one word.
pub(crate) const SIZE: usize = 64;

pub(crate) const WORDS: &str = include_str!("../../data/vectors/words.txt");
pub(crate) const NUMBERS: &[u8] = include_bytes!("../../data/vectors/numbers.bin");
pub(crate) const GLOSSARY: &str = include_str!("../../data/glossary.txt");

/// Arabic beginnings and endings that are taken off while a word is looked up, longest first.
const BEGINNINGS: &[&str] = &["وال", "بال", "لل", "فال", "ال", "و", "ب", "ل", "ف"];
const ENDINGS: &[&str] = &[
    "كم", "هم", "ها", "نا", "ين", "ون", "ات", "تي", "ي", "ك", "ه", "ت",
];

/// The words whose meaning is known.
#[derive(Debug)]
pub(crate) struct Vectors {
    places: HashMap<&'static str, u32>,
    glossary: HashMap<String, &'static str>,
}

/// The list that comes with the program.
pub(crate) fn vectors() -> &'static Vectors {
    static VECTORS: LazyLock<Vectors> = LazyLock::new(Vectors::read);
    &VECTORS
}

impl Vectors {
    fn read() -> Self {
        let places = WORDS
            .lines()
            .zip(0_u32..)
            .take(NUMBERS.len() / SIZE)
            .collect();
        let mut glossary = HashMap::new();
        for line in GLOSSARY.lines().filter(|l| !l.starts_with('#')) {
            let mut words = line.split_whitespace();
            let Some(english) = words.next() else {
                continue;
            };
            for word in words {
                glossary
                    .entry(Text::new(word).folded().to_owned())
                    .or_insert(english);
            }
        }
        Self { places, glossary }
    }

    /// Where the numbers of a folded word are.
    pub(crate) fn place(&self, word: &str) -> Option<u32> {
        self.places
            .get(word)
            .or_else(|| self.places.get(self.english(word)?))
            .copied()
    }

    /// The English word beside a folded word of Arabic.
    pub(crate) fn english(&self, word: &str) -> Option<&'static str> {
        if let Some(english) = self.glossary.get(word) {
            return Some(english);
        }
        if word.is_ascii() {
            return None;
        }
        bare_forms(word).find_map(|bare| self.glossary.get(bare).copied())
    }
}

/// An Arabic word without a beginning, without an ending, and without both.
fn bare_forms(word: &str) -> impl Iterator<Item = &str> {
    let heads =
        std::iter::once(word).chain(BEGINNINGS.iter().filter_map(move |b| word.strip_prefix(b)));
    heads
        .flat_map(|head| {
            std::iter::once(head).chain(ENDINGS.iter().filter_map(move |e| head.strip_suffix(e)))
        })
        .filter(|bare| bare.chars().count() >= 3)
}

/// The numbers of a word, between -1 and 1.
pub(crate) fn numbers(place: u32) -> impl Iterator<Item = f32> {
    let from = place as usize * SIZE;
    NUMBERS
        .get(from..from + SIZE)
        .unwrap_or_default()
        .iter()
        .map(|byte| f32::from(byte.cast_signed()) / 127.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(a: &str, b: &str) -> f32 {
        let row = |word| -> Vec<f32> { numbers(vectors().place(word).unwrap()).collect() };
        let (a, b) = (row(a), row(b));
        let product = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(p, q)| p * q).sum::<f32>();
        product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
    }

    #[test]
    fn words_used_alike_lie_close_in_either_language() {
        assert_eq!(NUMBERS.len(), WORDS.lines().count() * SIZE);
        assert!(likeness("apartment", "flat") > likeness("apartment", "goodbye"));
        assert!(likeness("invoice", "payment") > likeness("invoice", "weather"));
        assert!((likeness("والشقه", "apartment") - 1.0).abs() < 1e-5);
        assert_eq!(vectors().english("sheek"), Some("cheque"));
        assert_eq!(vectors().place("zxcvb"), None);
    }
}
