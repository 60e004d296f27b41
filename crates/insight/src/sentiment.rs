//! How somebody feels, by a list of words and marks, and whether it cannot wait.
//!
//! Values of words are turned by negation, strengthened and softened by the words before them, and weighed
//! after a `but`; the sum is brought into -1..1. Every message is one pass over its words.

mod mood;

pub(crate) use mood::{EXAMPLES_MIN, Mood};

use crate::doc::{Doc, TokenKind};
use crate::table::{Set, Table};
use crate::text::Text;
use serde::{Deserialize, Serialize};

/// Single English words with their mean ratings.
pub(crate) const ENGLISH: &str = include_str!("../data/feelings-en.txt");

/// Scores beyond which a message is positive or negative.
pub const NEUTRAL_BELOW: f32 = 0.15;
/// Words before a valued word that may turn it or change its strength.
const REACH: usize = 3;
/// How strongly a negation turns a value.
const NEGATED: f32 = -0.74;
/// How much one strengthening word adds.
const BOOST: f32 = 0.29;
/// How much of a value counts before a `but`, and behind it.
const BEFORE_CONTRAST: f32 = 0.5;
const AFTER_CONTRAST: f32 = 1.5;
/// The sum that is brought to about one half.
const SPREAD: f32 = 10.0;

/// How a message feels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    /// From -1, very bad, to 1, very good.
    pub score: f32,
    /// The score in one word.
    pub label: Feeling,
}

/// A score in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Feeling {
    /// Good.
    Positive,
    /// Neither.
    Neutral,
    /// Bad.
    Negative,
}

impl Feeling {
    /// -1, 0 or 1.
    pub fn sign(self) -> i8 {
        match self {
            Self::Positive => 1,
            Self::Neutral => 0,
            Self::Negative => -1,
        }
    }
}

/// How soon somebody wants an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Nothing says that it is urgent.
    Normal,
    /// Said or shouted once.
    High,
    /// Said more than once, or an emergency.
    Critical,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    words: Vec<WordGroup>,
    negations: Vec<String>,
    boosters: Vec<String>,
    dampeners: Vec<String>,
    contrasts: Vec<String>,
    urgent: Vec<String>,
    greetings: Vec<String>,
    emoji: Vec<EmojiGroup>,
}

#[derive(Deserialize)]
struct WordGroup {
    value: f32,
    words: String,
}

#[derive(Deserialize)]
struct EmojiGroup {
    value: f32,
    marks: String,
}

/// Why a list of words was refused.
#[derive(Debug, thiserror::Error)]
#[error("the list of feelings could not be read: {0}")]
pub struct LexiconError(String);

/// The list of words and marks.
#[derive(Debug, Default)]
pub struct Lexicon {
    words: Table<String, f32>,
    emoji: Table<char, f32>,
    negations: Set<String>,
    boosters: Set<String>,
    dampeners: Set<String>,
    contrasts: Set<String>,
    urgent: Set<String>,
    /// Idioms of two or three words that say nothing about feelings.
    idioms: Set<String>,
}

impl Lexicon {
    /// Reads a list in YAML.
    ///
    /// # Errors
    /// When the YAML is no such list.
    pub fn from_yaml(yaml: &str) -> Result<Self, LexiconError> {
        let file: File = serde_saphyr::from_str(yaml).map_err(|e| LexiconError(e.to_string()))?;
        let mut lexicon = Self {
            negations: fold(&file.negations),
            boosters: fold(&file.boosters),
            dampeners: fold(&file.dampeners),
            contrasts: fold(&file.contrasts),
            urgent: fold(&file.urgent),
            idioms: fold(&file.greetings),
            ..Self::default()
        };
        for group in &file.words {
            for word in group.words.split_whitespace() {
                lexicon.words.entry(folded(word)).or_insert(group.value);
            }
        }
        for (value, word) in english_words() {
            lexicon.words.entry(word.to_owned()).or_insert(value);
        }
        for group in &file.emoji {
            lexicon.emoji.extend(
                group
                    .marks
                    .chars()
                    .filter(|c| !c.is_ascii())
                    .map(|c| (c, group.value)),
            );
        }
        Ok(lexicon)
    }

    /// How a message feels.
    pub fn sentiment(&self, doc: &Doc<'_>) -> Sentiment {
        let mut values = self.values(doc);
        self.weigh_contrast(doc, &mut values);
        let mut sum: f32 = values.iter().map(|(_, v)| v).sum();
        sum += exclamations(doc) * sum.signum() * f32::from(u8::from(sum != 0.0));
        let score = sum / (sum * sum + SPREAD).sqrt();
        Sentiment {
            score,
            label: label(score),
        }
    }

    fn values(&self, doc: &Doc<'_>) -> Vec<(usize, f32)> {
        let mut values = Vec::new();
        let mut marks = 0;
        let mut i = 0;
        while i < doc.len() {
            if let Some(skip) = self.idiom_at(doc, i) {
                i += skip;
                continue;
            }
            if doc.kind(i) == Some(TokenKind::Mark) {
                // A row of the same emoji is one feeling, a little stronger.
                if let Some(value) = doc.str(i).chars().next().and_then(|c| self.emoji.get(&c)) {
                    marks += 1;
                    let repeated = i > 0 && doc.str(i) == doc.str(i - 1);
                    values.push((i, if repeated { value * 0.2 } else { *value }));
                } else if let Some(value) = smiley(doc, i) {
                    values.push((i, value));
                }
            } else if let Some(value) = self.word_value(doc.word(i)).filter(|_| marks < 64) {
                values.push((i, self.in_context(doc, i, value)));
            }
            i += 1;
        }
        values
    }

    fn idiom_at(&self, doc: &Doc<'_>, i: usize) -> Option<usize> {
        let first = doc.word(i);
        if first.is_empty() {
            return None;
        }
        let two = format!("{first} {}", doc.word(i + 1));
        if self.idioms.contains(&format!("{two} {}", doc.word(i + 2))) {
            return Some(3);
        }
        self.idioms.contains(&two).then_some(2)
    }

    fn word_value(&self, word: &str) -> Option<f32> {
        if word.is_empty() {
            return None;
        }
        self.words
            .get(word)
            .copied()
            .or_else(|| self.words.get(&squeezed(word)).copied())
            .or_else(|| {
                let bare = word.strip_prefix('و').or_else(|| word.strip_prefix("ال"))?;
                self.words.get(bare).copied()
            })
    }

    fn in_context(&self, doc: &Doc<'_>, i: usize, value: f32) -> f32 {
        let mut value = value;
        if doc.is_shouted(i) && !shouts_throughout(doc) {
            value += BOOST * 2.0 * value.signum();
        }
        let mut negated = false;
        for distance in 1..=REACH.min(i) {
            let at = i - distance;
            if doc.is_any_mark(at, ".!?,;") || doc.begins_line(at + 1) {
                break;
            }
            let before = doc.word(at);
            let fading = 1.0 - 0.05 * (distance - 1) as f32;
            if self.boosters.contains(before) {
                value += BOOST * 2.0 * fading * value.signum();
            } else if self.dampeners.contains(before) {
                value -= BOOST * 2.0 * fading * value.signum();
            } else if self.negations.contains(before) {
                negated = true;
            }
        }
        if negated { value * NEGATED } else { value }
    }

    fn weigh_contrast(&self, doc: &Doc<'_>, values: &mut [(usize, f32)]) {
        let Some(at) = (0..doc.len())
            .rev()
            .find(|&i| self.contrasts.contains(doc.word(i)) && i > 0)
        else {
            return;
        };
        for (i, value) in values {
            *value *= if *i < at {
                BEFORE_CONTRAST
            } else {
                AFTER_CONTRAST
            };
        }
    }

    /// How soon somebody wants an answer.
    pub fn urgency(&self, doc: &Doc<'_>) -> Urgency {
        const WEAK: &[&str] = &["today", "tonight", "now", "quickly", "الحين"];
        let said = (0..doc.len())
            .filter(|&i| self.urgent.contains(doc.word(i)) && !WEAK.contains(&doc.word(i)))
            .filter(|&i| !matches!(doc.word_before(i), "not" | "no" | "مو" | "مش" | "isn't"))
            .count();
        let emergency =
            (0..doc.len()).any(|i| matches!(doc.word(i), "emergency" | "طارئ" | "طواريء" | "طاري"));
        let pressing = (0..doc.len()).any(|i| {
            matches!(
                (doc.word(i), doc.word(i + 1)),
                ("right", "away" | "now") | ("as", "soon") | ("في", "اسرع") | ("باسرع", "وقت")
            )
        });
        match said + usize::from(pressing) {
            0 => Urgency::Normal,
            1 if !emergency => Urgency::High,
            _ => Urgency::Critical,
        }
    }
}

fn label(score: f32) -> Feeling {
    label_at(score, NEUTRAL_BELOW)
}

fn label_at(score: f32, neutral_below: f32) -> Feeling {
    if score >= neutral_below {
        Feeling::Positive
    } else if score <= -neutral_below {
        Feeling::Negative
    } else {
        Feeling::Neutral
    }
}

fn english_words() -> impl Iterator<Item = (f32, &'static str)> {
    ENGLISH
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(value, words)| Some((value.parse().ok()?, words)))
        .flat_map(|(value, words): (f32, &str)| {
            words.split_whitespace().map(move |word| (value, word))
        })
}

fn folded(word: &str) -> String {
    Text::new(word).folded().to_owned()
}

fn fold(words: &[String]) -> Set<String> {
    words.iter().map(|w| folded(w)).collect()
}

/// `sooo goood` is `so good`: rows of a letter become one or two.
fn squeezed(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let (mut last, mut run) = ('\0', 0);
    for c in word.chars() {
        run = if c == last { run + 1 } else { 1 };
        last = c;
        if run <= 2 {
            out.push(c);
        }
    }
    out
}

/// `:)` and `:(`.
fn smiley(doc: &Doc<'_>, i: usize) -> Option<f32> {
    if !doc.is_any_mark(i, ":;=") {
        return None;
    }
    let at = if doc.is_mark(i + 1, '-') {
        i + 2
    } else {
        i + 1
    };
    if !doc.is_glued(at) {
        return None;
    }
    if doc.is_mark(at, ')') || matches!(doc.word(at), "d" | "p") && i > 0 && !doc.is_glued(i) {
        Some(2.0)
    } else if doc.is_mark(at, '(') {
        Some(-2.0)
    } else {
        None
    }
}

/// What up to four exclamation marks add.
fn exclamations(doc: &Doc<'_>) -> f32 {
    let count = (0..doc.len())
        .filter(|&i| doc.is_mark(i, '!'))
        .count()
        .min(4);
    count as f32 * BOOST
}

fn shouts_throughout(doc: &Doc<'_>) -> bool {
    let words =
        (0..doc.len()).filter(|&i| doc.kind(i) == Some(TokenKind::Latin) && doc.str(i).len() > 1);
    let (shouted, all) = words.fold((0, 0), |(s, a), i| {
        (s + usize::from(doc.is_shouted(i)), a + 1)
    });
    all > 0 && shouted == all
}
