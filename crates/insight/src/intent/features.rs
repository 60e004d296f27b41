//! What the intent model sees of a message: words, pairs of words, pieces of words, their meaning, and hints.

use super::Hint;
use super::vectors::vectors;
use crate::doc::{Doc, TokenKind};

/// Words of a message that the model reads.
pub(crate) const WORDS_MAX: usize = 512;
/// Lengths of the pieces of words, counted with the marks of their beginning and end.
const PIECES: std::ops::RangeInclusive<usize> = 3..=5;

/// Which features are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum FeatureSet {
    /// Words and pairs of words: the plain baseline.
    Words,
    /// Words, near and loose pairs, pieces of words, their meaning, length, and hints.
    Full,
}

/// The features of one message by block, as hashes; a feature that occurs twice is there twice.
#[derive(Debug, Default)]
pub(crate) struct Features {
    pub(crate) words: Vec<u64>,
    /// Looser pairs of words: around a word left out, and of words in another language.
    pub(crate) loose: Vec<u64>,
    pub(crate) pieces: Vec<u64>,
    /// Words whose meaning is known: their hash, and where their numbers are.
    pub(crate) meanings: Vec<(u64, u32)>,
}

/// Makes the features of a message.
pub(crate) fn features(doc: &Doc<'_>, hints: &[Hint], set: FeatureSet) -> Features {
    let words: Vec<String> = (0..doc.len())
        .filter_map(|i| word(doc, i))
        .take(WORDS_MAX)
        .collect();
    let mut features = Features::default();
    for word in &words {
        features.words.push(hash("w", word));
    }
    let with_ends = std::iter::once("^")
        .chain(words.iter().map(String::as_str))
        .chain(std::iter::once("$"));
    let all: Vec<&str> = with_ends.collect();
    let pairs = if set == FeatureSet::Full {
        &all[..]
    } else {
        &all[1..all.len() - 1]
    };
    for pair in pairs.windows(2) {
        features.words.push(hash(pair[0], pair[1]));
    }
    if set == FeatureSet::Full {
        push_loose_pairs(&all, &mut features.loose);
        for word in &words {
            push_pieces(word, &mut features.pieces);
            push_meaning(word, &mut features);
        }
        push_around_values(doc, hints, &mut features.loose);
        for hint in hints {
            features.words.push(hash("hint", hint.name));
        }
        features
            .words
            .push(hash("length", length_class(words.len())));
        if words.iter().any(|w| w == "?") {
            features.words.push(hash("asks", ""));
        }
    }
    features
}

/// Pairs that leave a word out between them, and pairs with Arabic words as their English neighbours: the same
/// thing is said with a word more, or in another language.
fn push_loose_pairs(words: &[&str], loose: &mut Vec<u64>) {
    for three in words.windows(3) {
        loose.push(hash(three[0], three[2]).rotate_left(1));
    }
    let known = vectors();
    let english: Vec<&str> = words
        .iter()
        .map(|w| known.english(w).unwrap_or(w))
        .collect();
    for (pair, typed) in english.windows(2).zip(words.windows(2)) {
        if pair != typed {
            loose.push(hash(pair[0], pair[1]));
        }
    }
}

/// A word or a mark of a message, or the kind of the value that stands there.
enum Piece {
    Word(String),
    Kind(&'static str),
}

impl Piece {
    fn name(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Kind(kind) => kind,
        }
    }
}

/// Pairs of a value's kind and what stands beside it: `transferred` before money is another thing than `offer`
/// before it, whatever the amount.
fn push_around_values(doc: &Doc<'_>, hints: &[Hint], loose: &mut Vec<u64>) {
    let pieces = pieces(doc, hints);
    let ends = |at: Option<&Piece>, end: &'static str| at.map_or(end, Piece::name).to_owned();
    for (at, piece) in pieces.iter().enumerate() {
        let Piece::Kind(kind) = piece else {
            continue;
        };
        let before = ends(at.checked_sub(1).and_then(|at| pieces.get(at)), "^");
        loose.push(hash(&before, kind).rotate_left(3));
        let after = pieces.get(at + 1);
        if !matches!(after, Some(Piece::Kind(_))) {
            loose.push(hash(kind, &ends(after, "$")).rotate_left(3));
        }
    }
}

/// The message with each value as its kind.
fn pieces(doc: &Doc<'_>, hints: &[Hint]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut inside = None;
    for i in (0..doc.len()).take(WORDS_MAX) {
        let at = doc.span(i..i + 1);
        let value = hints
            .iter()
            .position(|h| h.at.start < at.end && at.start < h.at.end);
        match value.and_then(|value| hints.get(value)) {
            Some(hint) if value != inside => pieces.push(Piece::Kind(hint.name)),
            Some(_) => {}
            None => pieces.extend(word(doc, i).map(Piece::Word)),
        }
        inside = value;
    }
    pieces
}

/// An Arabic word counts as its English neighbour too, and means what both mean.
fn push_meaning(word: &str, features: &mut Features) {
    let known = vectors();
    let english = known.english(word);
    if let Some(english) = english {
        features.words.push(hash("w", english));
    }
    for word in std::iter::once(word).chain(english) {
        if let Some(place) = known.place(word) {
            features.meanings.push((hash("w", word), place));
        }
    }
}

/// How long a message is, roughly.
fn length_class(words: usize) -> &'static str {
    match words {
        0..=1 => "1",
        2 => "2",
        3..=4 => "3",
        5..=8 => "5",
        9..=16 => "9",
        17..=32 => "17",
        _ => "33",
    }
}

/// A token as the model reads it: numbers lose their value, marks count only when they speak.
fn word(doc: &Doc<'_>, i: usize) -> Option<String> {
    match doc.kind(i)? {
        TokenKind::Digits => Some("0".repeat(doc.str(i).len().min(5))),
        TokenKind::Mark => doc
            .is_any_mark(i, "?!")
            .then(|| doc.str(i).to_owned())
            .or_else(|| emoji(doc.str(i))),
        TokenKind::Arabic => Some(arabic_stem(doc.str(i))),
        _ => Some(squeeze(doc.str(i))),
    }
}

fn emoji(mark: &str) -> Option<String> {
    mark.chars()
        .next()
        .filter(|c| *c as u32 >= 0x2600)
        .map(|c| c.to_string())
}

/// `thaaaanks` and `thaanks` are one word: three letters in a row become one.
fn squeeze(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut run = 0;
    let mut last = '\0';
    for c in word.chars().filter(|c| *c != '\'') {
        run = if c == last { run + 1 } else { 0 };
        last = c;
        if run < 2 {
            out.push(c);
        }
    }
    out
}

/// The Arabic article says nothing about what is wanted.
fn arabic_stem(word: &str) -> String {
    let bare = word
        .strip_prefix("وال")
        .or_else(|| word.strip_prefix("بال"))
        .or_else(|| word.strip_prefix("ال"));
    squeeze(bare.filter(|b| b.chars().count() >= 3).unwrap_or(word))
}

fn push_pieces(word: &str, pieces: &mut Vec<u64>) {
    let letters: Vec<char> = std::iter::once('<')
        .chain(word.chars().take(32))
        .chain(std::iter::once('>'))
        .collect();
    for length in PIECES {
        for piece in letters.windows(length) {
            pieces.push(piece.iter().fold(hash("p", ""), |h, c| step(h, *c as u64)));
        }
    }
}

fn hash(first: &str, second: &str) -> u64 {
    let first = first
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |h, b| step(h, u64::from(b)));
    second
        .bytes()
        .fold(step(first, 0x1f), |h, b| step(h, u64::from(b)))
}

fn step(hash: u64, value: u64) -> u64 {
    (hash ^ value).wrapping_mul(0x0100_0000_01b3).rotate_left(7)
}
