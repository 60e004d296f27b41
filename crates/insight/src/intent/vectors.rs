//! What words mean, as numbers: words that are used alike lie close together.
//!
//! The list is of English and Arabic words; a glossary names an English word of the same use beside words of
//! Arabic, in either script. `data/vectors` says where the numbers come from.

use crate::table::Table;
use crate::text::Text;
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
    places: Table<&'static str, u32>,
    glossary: Table<String, &'static str>,
    /// How long the numbers of each word are together.
    lengths: Vec<f32>,
}

/// What several words mean together: the sum of their numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meaning([f32; SIZE]);

impl Meaning {
    /// Whether two mean something alike, -1..1; 0 where one of them has no meaning.
    pub(crate) fn likeness(&self, other: &Self) -> f32 {
        let (mut product, mut first, mut second) = (0.0_f32, 0.0_f32, 0.0_f32);
        for (x, y) in self.0.iter().zip(&other.0) {
            product += x * y;
            first += x * x;
            second += y * y;
        }
        over_lengths(product, (first * second).sqrt())
    }
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
        let mut glossary = Table::default();
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
        let rows = NUMBERS.chunks_exact(SIZE);
        let lengths = rows.map(|row| (product(row, row) as f32).sqrt()).collect();
        Self {
            places,
            glossary,
            lengths,
        }
    }

    /// Whether two words are used alike, -1..1.
    pub(crate) fn likeness(&self, a: u32, b: u32) -> f32 {
        let length = |place: u32| self.lengths.get(place as usize).copied().unwrap_or(0.0);
        let product = product(row(a), row(b)) as f32;
        over_lengths(product, length(a) * length(b))
    }

    /// What words mean together.
    pub(crate) fn sum(&self, places: impl Iterator<Item = u32>) -> Meaning {
        let mut sum = [0.0; SIZE];
        for place in places {
            for (s, n) in sum.iter_mut().zip(numbers(place)) {
                *s += n;
            }
        }
        Meaning(sum)
    }

    /// Where the numbers of a folded word are; those of an Arabic word also without its beginning or ending.
    pub(crate) fn place(&self, word: &str) -> Option<u32> {
        let listed = |word: &str| self.places.get(word).copied();
        if word.is_ascii() {
            return listed(word);
        }
        listed(word).or_else(|| bare_forms(word).find_map(listed))
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

/// The numbers of a word as they are kept.
fn row(place: u32) -> &'static [u8] {
    let from = place as usize * SIZE;
    NUMBERS.get(from..from + SIZE).unwrap_or_default()
}

/// The sum of products of two rows, which are signed.
fn product(a: &[u8], b: &[u8]) -> i32 {
    let pairs = a.iter().zip(b);
    pairs
        .map(|(x, y)| i32::from(x.cast_signed()) * i32::from(y.cast_signed()))
        .sum()
}

/// A product of two rows for what their direction alone says.
fn over_lengths(product: f32, lengths: f32) -> f32 {
    if lengths > 0.0 {
        product / lengths
    } else {
        0.0
    }
}

/// The numbers of a word, between -1 and 1.
pub(crate) fn numbers(place: u32) -> impl Iterator<Item = f32> {
    row(place)
        .iter()
        .map(|byte| f32::from(byte.cast_signed()) / 127.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(word: &str) -> u32 {
        vectors().place(word).unwrap()
    }

    fn likeness(a: &str, b: &str) -> f32 {
        vectors().likeness(place(a), place(b))
    }

    #[test]
    fn words_together_mean_what_each_of_them_means() {
        let meaning = |words: &[&str]| vectors().sum(words.iter().map(|w| place(w)));
        let home = meaning(&["apartment", "kitchen", "bedroom"]);
        assert!((home.likeness(&home) - 1.0).abs() < 1e-5);
        let (near, far) = (meaning(&["flat", "villa"]), meaning(&["goodbye"]));
        assert!(home.likeness(&near) > home.likeness(&far));
        assert!(home.likeness(&meaning(&[])).abs() < f32::EPSILON);
        let apart = likeness("apartment", "villa");
        let together = meaning(&["apartment"]).likeness(&meaning(&["villa"]));
        assert!((apart - together).abs() < 1e-5, "{apart} {together}");
    }

    #[test]
    fn words_used_alike_lie_close_in_either_language() {
        assert_eq!(NUMBERS.len(), WORDS.lines().count() * SIZE);
        assert!(likeness("apartment", "flat") > likeness("apartment", "goodbye"));
        assert!(likeness("invoice", "payment") > likeness("invoice", "weather"));
        assert!(likeness("والشقه", "apartment") > likeness("والشقه", "goodbye"));
        assert!(likeness("فاتوره", "invoice") > likeness("فاتوره", "weather"));
        assert!((likeness("والشقه", "شقه") - 1.0).abs() < 1e-5);
        assert_eq!(vectors().english("sheek"), Some("cheque"));
        assert_eq!(vectors().place("zxcvb"), None);
    }
}
