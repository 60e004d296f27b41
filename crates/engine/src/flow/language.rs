//! Which language a message is written in.
//!
//! One message is often too short to tell, so the latest words of the same sender are read with it.

use super::stage::{Effect, Findings, Group, Input, LanguageFinding, Stage, StageError};
use crate::model::time::Timestamp;

/// Letters below which no language is named.
pub const LETTERS_MIN: usize = 12;
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

fn detect(words: &str, recent: &[String]) -> Option<LanguageFinding> {
    let mut text = words.to_owned();
    for earlier in recent.iter().take(RECENT_MAX) {
        if text.len() > TEXT_MAX {
            break;
        }
        text.push('\n');
        text.push_str(earlier);
    }
    text.truncate(text.floor_char_boundary(TEXT_MAX));
    if text.chars().filter(|c| c.is_alphabetic()).count() < LETTERS_MIN {
        return None;
    }
    let info = whatlang::detect(&text)?;
    let code = info.lang().code().to_owned();
    Some(LanguageFinding {
        code,
        confidence: info.confidence(),
    })
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

    proptest! {
        #[test]
        fn no_text_breaks_it(words in "\\PC{0,400}", before in "\\PC{0,4000}") {
            let _ = detect(&words, &[before]);
        }
    }
}
