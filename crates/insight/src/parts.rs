//! One message read part by part, so that each part can be left out and measured.

use crate::doc::Doc;
use crate::entity::{self, Entity};
use crate::intent::{Hint, Intent};
use crate::sentiment::{Sentiment, Urgency};
use crate::{Analyzer, Input, country, language};
use jiff::Zoned;

/// A message that is being read.
#[derive(Debug)]
pub struct Opened<'a> {
    analyzer: &'a Analyzer,
    doc: Doc<'a>,
    at: &'a Zoned,
    region: &'a str,
}

impl Analyzer {
    /// Splits a message into words; its parts are then asked for one by one. What they answer is what
    /// [`Analyzer::analyze`] answers.
    pub fn open<'a>(&'a self, input: &Input<'a>) -> Opened<'a> {
        Opened {
            analyzer: self,
            doc: Doc::new(input.text),
            at: input.at,
            region: input.locale.and_then(country).unwrap_or(&self.region),
        }
    }
}

impl Opened<'_> {
    /// The values it mentions, in their order.
    pub fn entities(&self) -> Vec<Entity> {
        entity::extract(&self.doc, &self.analyzer.context(self.at, self.region))
    }

    /// What it wants. The kinds of values in it speak for some intents, so pass what was found; without them
    /// the answer is a little less sure.
    pub fn intent(&self, entities: &[Entity]) -> Intent {
        let hints: Vec<Hint> = entities.iter().map(Hint::from).collect();
        self.analyzer.trained.intents.classify(&self.doc, &hints)
    }

    /// How it feels.
    pub fn sentiment(&self) -> Sentiment {
        self.analyzer.feel(&self.doc)
    }

    /// How soon it wants an answer.
    pub fn urgency(&self) -> Urgency {
        self.analyzer.lexicon.urgency(&self.doc)
    }

    /// `en`, `ar`, `mixed`, another ISO 639 code, or `und`.
    pub fn language(&self) -> String {
        language::language(&self.doc)
    }

    /// Whether it was too long to be read whole.
    pub fn truncated(&self) -> bool {
        self.doc.text().truncated()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[test]
    fn reading_part_by_part_gives_what_reading_at_once_gives() {
        let analyzer = Analyzer::new(Settings::default()).unwrap();
        let at = "2026-02-23T10:00[Asia/Dubai]".parse().unwrap();
        for text in [
            "2BR in JVC, 85k, call 050-576-0056 urgently please!!",
            "بكم الشقة في مارينا؟ ممكن معاينة بكرة الساعة 5",
            "This is terrible, nobody answers \u{1F621}",
            "",
        ] {
            let input = Input {
                text,
                at: &at,
                locale: None,
            };
            let whole = analyzer.analyze(&input);
            let opened = analyzer.open(&input);
            let entities = opened.entities();
            assert_eq!(opened.intent(&entities), whole.intent, "{text}");
            assert_eq!(entities, whole.entities, "{text}");
            assert_eq!(opened.sentiment(), whole.sentiment, "{text}");
            assert_eq!(opened.urgency(), whole.urgency, "{text}");
            assert_eq!(opened.language(), whole.language, "{text}");
            assert_eq!(opened.truncated(), whole.truncated, "{text}");
        }
    }
}
