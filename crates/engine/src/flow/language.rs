//! Which language a message is written in.
//!
//! One message is often too short to tell, so the latest words of the same sender are read with it
//! until there are enough letters. Plain English is told by its smallest words; comparing a text with the
//! trigrams of forty languages takes more time than all else that is done for a message.

use super::stage::{Effect, Findings, Group, Input, LanguageFinding, Stage, StageError};
use crate::model::time::Timestamp;

/// Letters below which no language is named.
pub const LETTERS_MIN: usize = 12;
/// Letters after which nothing earlier is read.
pub const LETTERS_ENOUGH: usize = 40;
/// Words below which the smallest ones prove nothing.
const WORDS_MIN: usize = 5;
/// The share of [`SMALL_WORDS`] among all words from which on a text is English.
const SMALL_SHARE: f64 = 0.3;
/// Small words of English that are no words of the other languages in Latin script (so not "is", "in",
/// "no", "me", "do"). In alphabetical order.
const SMALL_WORDS: &[&str] = &[
    "about", "after", "and", "any", "are", "because", "been", "but", "can", "could", "did", "does",
    "for", "from", "has", "have", "he", "her", "him", "his", "how", "if", "it", "its", "just",
    "know", "much", "my", "need", "not", "now", "of", "our", "please", "send", "she", "should",
    "still", "thank", "thanks", "that", "the", "their", "them", "then", "there", "they", "this",
    "to", "want", "was", "were", "what", "when", "where", "which", "who", "why", "will", "with",
    "would", "you", "your",
];
/// Earlier messages that are read with it.
pub const RECENT_MAX: usize = 5;
/// Bytes of text that are looked at.
pub const TEXT_MAX: usize = 2_000;

/// Names the language of the conversation's latest words.
#[derive(Debug, Clone, Copy, Default)]
pub struct Language;

impl Stage for Language {
    fn name(&self) -> &'static str {
        "language"
    }

    fn group(&self) -> Group {
        Group::Conversation
    }

    fn run(
        &self,
        findings: &mut Findings,
        input: &Input,
        _now: Timestamp,
    ) -> Result<Vec<Effect>, StageError> {
        if let Some(words) = input.content.words() {
            findings.language = detect(words, &input.recent);
        }
        Ok(Vec::new())
    }
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphabetic()).count()
}

fn detect(words: &str, recent: &[String]) -> Option<LanguageFinding> {
    let mut text = words.to_owned();
    let mut known = letters(words);
    for earlier in recent.iter().take(RECENT_MAX) {
        if known >= LETTERS_ENOUGH || text.len() > TEXT_MAX {
            break;
        }
        known += letters(earlier);
        text.push('\n');
        text.push_str(earlier);
    }
    text.truncate(text.floor_char_boundary(TEXT_MAX));
    if letters(&text) < LETTERS_MIN {
        return None;
    }
    if let Some(share) = english(&text) {
        return Some(LanguageFinding {
            code: whatlang::Lang::Eng.code().to_owned(),
            confidence: share,
        });
    }
    let info = whatlang::detect(&text)?;
    let code = info.lang().code().to_owned();
    Some(LanguageFinding {
        code,
        confidence: info.confidence(),
    })
}

/// How sure it is that the text is plain English; `None` when it has to be looked at more closely.
fn english(text: &str) -> Option<f64> {
    if !text.is_ascii() {
        return None;
    }
    let (mut all, mut small) = (0_usize, 0_usize);
    for word in text.split(|c: char| !c.is_ascii_alphabetic()) {
        if word.is_empty() {
            continue;
        }
        all += 1;
        small += usize::from(is_small(word));
    }
    let share = small as f64 / all.max(1) as f64;
    (all >= WORDS_MIN && share >= SMALL_SHARE).then(|| (0.7 + share).min(1.0))
}

fn is_small(word: &str) -> bool {
    let found = SMALL_WORDS.binary_search_by(|small| {
        let lower = word.bytes().map(|b| b.to_ascii_lowercase());
        small.bytes().cmp(lower)
    });
    found.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(words: &str, recent: &[&str]) -> Option<String> {
        let recent: Vec<String> = recent.iter().map(|s| (*s).to_owned()).collect();
        detect(words, &recent).map(|l| l.code)
    }

    #[test]
    fn english_and_arabic_are_told_apart() {
        let english = "Good morning, is the apartment in the marina still available to see?";
        assert_eq!(code(english, &[]).as_deref(), Some("eng"));
        assert_eq!(
            code("صباح الخير، هل الشقة ما زالت متاحة للإيجار؟", &[]).as_deref(),
            Some("ara")
        );
    }

    #[test]
    fn a_short_word_is_read_with_what_came_before() {
        assert_eq!(code("ok", &[]), None);
        let before = ["¿Todavía está disponible el apartamento que vimos ayer por la tarde?"];
        assert_eq!(code("ok", &before).as_deref(), Some("spa"));
    }

    #[test]
    fn the_small_words_are_in_order() {
        assert!(SMALL_WORDS.is_sorted());
        assert!(is_small("You") && is_small("about") && !is_small("yo"));
    }

    #[test]
    fn other_languages_are_not_taken_for_english_by_their_small_words() {
        let others = [
            "Is de woning in het centrum nog te huur en wat is de prijs per maand?",
            "Ist die Wohnung noch frei und was kostet sie im Monat warm?",
            "Hola, me gustaria saber si el piso no se ha vendido y a que precio",
            "Oi, o apartamento ainda esta disponivel para alugar no centro?",
            "Bonjour, on voudrait visiter le studio demain si il est encore libre",
            "Magandang umaga po, available pa po ba ang unit sa Marina ngayon?",
            "Selamat pagi, apakah apartemen itu masih ada dan berapa harganya?",
            "Dzien dobry, czy to mieszkanie jest jeszcze wolne i ile kosztuje?",
        ];
        for text in others {
            assert_eq!(english(text), None, "{text}");
        }
    }

    #[test]
    fn plain_english_is_told_by_its_small_words() {
        for text in [
            "Hello, what is the price of number 12, and is it still available?",
            "pls can you send me the location",
            "I will be there in 10 min, thanks for waiting",
        ] {
            assert!(english(text).is_some_and(|sure| sure > 0.7), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(words in "\\PC{0,400}", before in "\\PC{0,4000}") {
            let _ = detect(&words, &[before]);
        }
    }
}
