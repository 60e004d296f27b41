//! What speaks for and against a new topic, as numbers.

use super::{Flow, GAP_SECONDS, Subject, Topic};
use crate::Analysis;
use crate::doc::Doc;
use crate::intent::vectors::{Meaning, vectors};
use jiff::Timestamp;

/// How many signs are weighed.
pub(crate) const COUNT: usize = 29;
/// Words with a meaning of their own that are compared, of one message.
const CONTENT_MAX: usize = 24;

/// Where the signs stand that people are told about.
pub(crate) const ANNOUNCED: usize = 0;
pub(crate) const OTHER_SUBJECT: usize = 3;
pub(crate) const OTHER_WISH: usize = 5;
pub(crate) const GAP: usize = 7;
pub(crate) const MOOD_TURN: usize = 9;
pub(crate) const NOVELTY: usize = 19;

/// A change of score between two messages that counts as a turn of mood.
const MOOD_CHANGE: f32 = 0.8;

/// One message as the flow sees it.
#[derive(Debug)]
pub(crate) struct Seen<'m> {
    pub(crate) doc: &'m Doc<'m>,
    pub(crate) analysis: &'m Analysis,
    pub(crate) subjects: &'m [Subject],
    pub(crate) content: Vec<String>,
    pub(crate) at: Timestamp,
    pub(crate) is_own: bool,
}

/// The signs of a message, beside the topic that is spoken of.
pub(crate) fn signs(flow: &Flow, topic: &Topic, seen: &Seen<'_>) -> [f32; COUNT] {
    let doc = seen.doc;
    let flag = |there: bool| f32::from(u8::from(there));
    let words = (0..doc.len()).filter(|&i| doc.is_word(i)).count();
    let start = first_of_matter(doc);
    let silence = flow
        .last_at
        .map_or(0, |last| seen.at.as_second() - last.as_second());
    let wish_before = flow.last_intent.as_deref().and_then(super::wish);
    let wish_now = super::wish(&seen.analysis.intent.name);
    let other_wish = matches!((wish_before, wish_now), (Some(b), Some(n)) if b != n);
    let other_intent = wish_now.is_some()
        && flow
            .last_intent
            .as_deref()
            .is_some_and(|last| last != seen.analysis.intent.name);
    let mood = seen.analysis.sentiment.score;
    let mood_turn = (mood - flow.last_mood).abs() >= MOOD_CHANGE && mood * flow.last_mood < 0.0;
    let (now, said) = (Words::of(&seen.content), Words::of(&topic.words));
    let novelty = now.novelty(&said);
    let overlap = overlap(&seen.content, &topic.words);
    let closeness = now.meaning().likeness(&said.meaning());
    let earlier = flow
        .topics
        .iter()
        .rev()
        .skip(1)
        .map(|t| self::overlap(&seen.content, &t.words))
        .fold(0.0_f32, f32::max);
    let opens = opens_matter(doc, start);
    let content = seen.content.len();
    [
        flag(super::says_so(doc.text().folded())),
        flag(adds(doc)),
        flag(points_at(doc, start)),
        flag(super::is_other_subject(&topic.subjects, seen.subjects)),
        flag(seen.subjects.iter().any(|s| topic.subjects.contains(s))),
        flag(other_wish) * seen.analysis.intent.confidence,
        flag(other_intent),
        flag(silence >= GAP_SECONDS),
        ((silence.max(0) as f32 / GAP_SECONDS as f32).ln_1p() / 5.0).min(1.0),
        flag(mood_turn),
        flag(seen.is_own),
        flag(words <= 2),
        flag((3..=4).contains(&words)),
        flag(words >= 9),
        flag(is_courtesy(&seen.analysis.intent.name)),
        flag(flow.was_asked),
        flag(flow.was_closed),
        flag(topic.messages <= 2),
        flag(leans_back(doc)),
        novelty,
        overlap,
        closeness,
        flag(opens),
        flag(leans_on(doc)),
        (content as f32).ln_1p() / 3.0,
        novelty * flag(opens && content >= 2),
        novelty * flag(flow.was_closed),
        (earlier - overlap).max(0.0),
        flag(is_opening(&seen.analysis.intent.name)) * novelty,
    ]
}

/// The words that say what a message is about, Arabic ones by their English neighbour where it is known.
pub(crate) fn content(doc: &Doc<'_>) -> Vec<String> {
    (0..doc.len())
        .filter(|&i| doc.is_word(i))
        .filter_map(|i| {
            let word = doc.word(i);
            let known = vectors().english(word).unwrap_or(word);
            let is_content = known.chars().count() >= 3 && !is_small(known);
            is_content.then(|| singular(known).to_owned())
        })
        .take(CONTENT_MAX)
        .collect()
}

fn singular(word: &str) -> &str {
    match word.strip_suffix('s') {
        Some(one) if one.len() >= 3 && !one.ends_with('s') => one,
        _ => word,
    }
}

/// Words, each with the place of its meaning where that is known.
struct Words<'w>(Vec<(&'w str, Option<u32>)>);

impl<'w> Words<'w> {
    fn of(words: &'w [String]) -> Self {
        let known = vectors();
        let placed = words.iter().map(|w| (w.as_str(), known.place(w)));
        Self(placed.collect())
    }

    /// How far these words are from all that was said, 0..1.
    fn novelty(&self, said: &Self) -> f32 {
        if self.0.is_empty() {
            return 0.0;
        }
        let nearest = |word| said.0.iter().map(|s| alike(word, *s)).fold(0.0, f32::max);
        let far: f32 = self.0.iter().map(|word| 1.0 - nearest(*word)).sum();
        far / self.0.len() as f32
    }

    /// What they mean together.
    fn meaning(&self) -> Meaning {
        let known = vectors();
        let places = self.0.iter().filter_map(|(_, place)| *place);
        known.sum(places)
    }
}

/// The share of a message's words that was said before, 0..1.
fn overlap(content: &[String], said: &[String]) -> f32 {
    let same = content.iter().filter(|word| said.contains(word)).count();
    same as f32 / content.len().max(1) as f32
}

/// Whether two words are used alike, 0..1.
fn alike((a, here): (&str, Option<u32>), (b, there): (&str, Option<u32>)) -> f32 {
    if a == b {
        return 1.0;
    }
    match (here, there) {
        (Some(here), Some(there)) => vectors().likeness(here, there).max(0.0),
        _ => {
            let shared = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
            if shared >= 4 { 0.7 } else { 0.0 }
        }
    }
}

/// The first word that is no `ok`, `and` or other filler.
fn first_of_matter(doc: &Doc<'_>) -> usize {
    const FILLERS: &[&str] = &[
        "ok", "okay", "and", "so", "well", "ah", "oh", "hi", "hello", "hey", "great", "thanks",
        "good", "perfect", "fine", "now", "then", "طيب", "زين", "و", "اوكي", "تمام",
    ];
    (0..doc.len().min(6))
        .find(|&i| doc.is_word(i) && !FILLERS.contains(&doc.word(i)))
        .unwrap_or(0)
}

/// `also`, `another`, `plus`: something is added.
fn adds(doc: &Doc<'_>) -> bool {
    const WORDS: &[&str] = &[
        "also",
        "another",
        "plus",
        "besides",
        "additionally",
        "furthermore",
        "meanwhile",
        "btw",
        "separately",
        "forgot",
        "remembered",
        "other",
        "else",
        "ايضا",
        "كمان",
        "بعد",
        "نسيت",
        "غير",
        "ثاني",
        "ثانيه",
        "kaman",
        "ba3d",
    ];
    (0..doc.len().min(8)).any(|i| WORDS.contains(&doc.word(i)))
}

/// `for the gate`, `about villa 9`, `back to the sofa`: the matter is named first.
fn points_at(doc: &Doc<'_>, start: usize) -> bool {
    const WORDS: &[&str] = &[
        "for",
        "about",
        "regarding",
        "as",
        "back",
        "concerning",
        "on",
        "re",
        "with",
        "بخصوص",
        "بالنسبه",
        "عن",
        "موضوع",
        "وبخصوص",
        "وبالنسبه",
        "bel",
        "bekhsoos",
    ];
    WORDS.contains(&doc.word(start))
}

/// Words that only make sense with what was said before.
fn leans_back(doc: &Doc<'_>) -> bool {
    const WORDS: &[&str] = &[
        "it",
        "its",
        "it's",
        "that",
        "that's",
        "this",
        "they",
        "them",
        "he",
        "she",
        "him",
        "her",
        "his",
        "there",
        "one",
        "same",
        "those",
        "these",
        "both",
        "هو",
        "هي",
        "هذا",
        "هذه",
        "نفس",
        "فيها",
        "فيه",
        "عليها",
        "عليه",
    ];
    (0..doc.len()).any(|i| WORDS.contains(&doc.word(i)))
}

/// `and the price?`, `what about parking`: another detail.
fn leans_on(doc: &Doc<'_>) -> bool {
    matches!(doc.word(0), "and" | "then" | "or" | "but" | "so" | "و")
}

/// Whether it begins as a request or question that can stand alone.
fn opens_matter(doc: &Doc<'_>, start: usize) -> bool {
    const WORDS: &[&str] = &[
        "can",
        "could",
        "do",
        "does",
        "did",
        "is",
        "are",
        "how",
        "what",
        "when",
        "where",
        "who",
        "which",
        "please",
        "pls",
        "i",
        "i'm",
        "i'd",
        "i've",
        "we",
        "my",
        "our",
        "need",
        "any",
        "have",
        "has",
        "will",
        "would",
        "may",
        "the",
        "your",
        "you",
        "there",
        "send",
        "هل",
        "متي",
        "وين",
        "كم",
        "ممكن",
        "ابغي",
        "ابي",
        "اريد",
        "عندكم",
        "عندي",
        "شو",
        "كيف",
        "محتاج",
        "لو",
    ];
    WORDS.contains(&doc.word(start))
}

fn is_courtesy(intent: &str) -> bool {
    matches!(
        intent,
        "thanks" | "farewell" | "greeting" | "unclear" | "acceptance"
    )
}

fn is_opening(intent: &str) -> bool {
    matches!(
        intent,
        "inquiry"
            | "complaint"
            | "viewing_request"
            | "document_request"
            | "question"
            | "appointment"
            | "follow_up"
            | "contact_request"
            | "payment"
            | "property_update"
    )
}

/// Words that say nothing about the matter.
fn is_small(word: &str) -> bool {
    const SMALL: &[&str] = &[
        "about",
        "after",
        "again",
        "all",
        "also",
        "and",
        "any",
        "anything",
        "are",
        "back",
        "because",
        "been",
        "before",
        "both",
        "but",
        "can",
        "could",
        "day",
        "did",
        "does",
        "doing",
        "don't",
        "done",
        "each",
        "else",
        "even",
        "ever",
        "every",
        "for",
        "from",
        "get",
        "give",
        "going",
        "good",
        "got",
        "great",
        "had",
        "has",
        "have",
        "hello",
        "her",
        "here",
        "him",
        "his",
        "how",
        "its",
        "just",
        "know",
        "last",
        "let",
        "like",
        "made",
        "make",
        "many",
        "may",
        "more",
        "most",
        "much",
        "must",
        "need",
        "new",
        "next",
        "not",
        "now",
        "off",
        "okay",
        "once",
        "one",
        "only",
        "other",
        "our",
        "out",
        "over",
        "perfect",
        "please",
        "pls",
        "really",
        "right",
        "same",
        "say",
        "says",
        "see",
        "send",
        "she",
        "should",
        "some",
        "soon",
        "still",
        "sure",
        "take",
        "tell",
        "than",
        "thank",
        "thanks",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "thing",
        "think",
        "this",
        "those",
        "time",
        "today",
        "tomorrow",
        "too",
        "two",
        "until",
        "very",
        "want",
        "was",
        "way",
        "week",
        "well",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "why",
        "will",
        "with",
        "would",
        "yes",
        "yesterday",
        "yet",
        "you",
        "your",
        "fine",
        "how",
        "possible",
        "i'm",
        "i'd",
        "it's",
        "that's",
        "morning",
        "evening",
        "هذا",
        "هذه",
        "اللي",
        "الي",
        "علي",
        "من",
        "في",
        "عن",
        "مع",
        "كان",
        "لكن",
        "بس",
        "شي",
    ];
    SMALL.contains(&word)
}
