//! What a message says: who, what, where, when, how much; what it wants; and how it feels.
//!
//! Everything here is local and pure: text, time and lists go in, findings come out. There is no network, no
//! file, no clock and no randomness, so the same message always gives the same answer. Grammars come first
//! ([`entity`]), a trained model decides what is wanted ([`intent`]), and lists that users edit name the
//! places and feelings of their trade.
//!
//! ```
//! use waypost_insight::{Analyzer, Input, Settings};
//!
//! let analyzer = Analyzer::new(Settings::default())?;
//! let at = "2026-02-23T10:00[Asia/Dubai]".parse()?;
//! let analysis = analyzer.analyze(&Input { text: "2BR in JVC, 85k, call 050-576-0056", at: &at, locale: None });
//! assert!(analysis.entities.iter().any(|e| e.value == "+971505760056"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod doc;
pub mod entity;
pub mod eval;
pub mod flow;
pub mod intent;
pub mod kept;
mod language;
pub mod llm;
mod number;
mod parts;
pub mod places;
mod resolve;
pub mod sentiment;
mod table;
pub mod text;
pub mod threads;
pub mod time;

pub use doc::Doc;
pub use kept::{Fingerprint, KeptError, Trained};
pub use parts::Opened;

use crate::table::Set;
use entity::{Context, Entity, Gazetteer, GazetteerError, Names};
use intent::{ExamplesError, Hint, Intent, IntentModel, Labelled, TrainOptions, examples};
use jiff::Zoned;
use sentiment::{Lexicon, LexiconError, Mood, Sentiment, Urgency};
use serde::{Deserialize, Serialize};

/// The places that are known when nobody edited the list.
pub const DEFAULT_PLACES: &str = include_str!("../data/places.yaml");
/// The names that are known when nobody edited the list.
pub const DEFAULT_NAMES: &str = include_str!("../data/names.yaml");
/// The intents that are known when nobody edited them.
pub const DEFAULT_INTENTS: &str = include_str!("../data/intents.yaml");
/// Labelled messages that the default intents are learnt from as well; see `data/insight`.
pub const DEFAULT_LABELLED: &str = include_str!("../../../data/insight/train.jsonl");
/// More messages, labelled with intent and feeling only; the default intents are learnt from them as well.
pub const DEFAULT_EXAMPLES: &str = include_str!("../../../data/insight/examples.jsonl");
/// The feelings that are known when nobody edited the list.
pub const DEFAULT_FEELINGS: &str = include_str!("../data/sentiment.yaml");
/// Ordinary words that are no one's name and no misspelt place.
const COMMON_WORDS: &str = include_str!("../data/words.txt");

/// What an analyser is made of. The default knows property in the Emirates.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Places in YAML.
    pub places: String,
    /// People's names in YAML.
    pub names: String,
    /// Feelings in YAML.
    pub feelings: String,
    /// Where the intent model comes from.
    pub intents: IntentSource,
    /// More examples as JSON lines `{"text", "intent", "sentiment"}`, one a line; may be empty.
    pub labelled: String,
    /// ISO 4217 code of amounts without a currency.
    pub currency: String,
    /// Country whose national phone numbers are read, when the locale names none.
    pub region: String,
}

/// Where the intent model comes from.
#[derive(Debug, Clone)]
pub enum IntentSource {
    /// Examples in YAML, to train from.
    Examples(String),
    /// A model that was trained before.
    Trained(Box<IntentModel>),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            places: DEFAULT_PLACES.to_owned(),
            names: DEFAULT_NAMES.to_owned(),
            feelings: DEFAULT_FEELINGS.to_owned(),
            intents: IntentSource::Examples(DEFAULT_INTENTS.to_owned()),
            labelled: format!("{DEFAULT_LABELLED}\n{DEFAULT_EXAMPLES}"),
            currency: "AED".to_owned(),
            region: "AE".to_owned(),
        }
    }
}

/// Why an analyser could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The places or names were refused.
    #[error(transparent)]
    Places(#[from] GazetteerError),
    /// The intents were refused.
    #[error(transparent)]
    Intents(#[from] ExamplesError),
    /// The feelings were refused.
    #[error(transparent)]
    Feelings(#[from] LexiconError),
}

/// One message to analyse.
#[derive(Debug, Clone, Copy)]
pub struct Input<'i> {
    /// The message. Its first [`text::CHARS_MAX`] characters are read.
    pub text: &'i str,
    /// When it was written, in the contact's zone.
    pub at: &'i Zoned,
    /// The contact's locale, such as `en-GB`: its country's phone numbers are read.
    pub locale: Option<&'i str>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// The values it mentions, in their order.
    pub entities: Vec<Entity>,
    /// What it wants.
    pub intent: Intent,
    /// How it feels.
    pub sentiment: Sentiment,
    /// How soon it wants an answer.
    pub urgency: Urgency,
    /// `en`, `ar`, `mixed`, another ISO 639 code, or `und`.
    pub language: String,
    /// Whether the message was too long to be read whole.
    pub truncated: bool,
}

impl Analysis {
    /// The same with the positions of values counted in characters (Unicode code points) instead of bytes, as
    /// programs in most languages count them. `text` is the message that was analysed.
    #[must_use]
    pub fn in_characters(mut self, text: &str) -> Self {
        let mut positions = Vec::new();
        for entity in &mut self.entities {
            positions.push(&mut entity.start);
            positions.push(&mut entity.end);
        }
        positions.sort();
        let (mut bytes, mut characters) = (0, 0);
        for position in positions {
            let piece = text.get(bytes..*position).unwrap_or_default();
            characters += piece.chars().count();
            bytes = *position;
            *position = characters;
        }
        self
    }
}

/// Reads messages. Making one trains models, which takes seconds: keep it, or what it learnt ([`kept`]).
#[derive(Debug)]
pub struct Analyzer {
    places: Gazetteer,
    names: Names,
    lexicon: Lexicon,
    trained: Trained,
    currency: String,
    region: String,
}

impl Analyzer {
    /// Makes an analyser, training the intent model when only examples are given.
    ///
    /// # Errors
    /// When a list cannot be read, with a sentence that says which.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let untrained = Trained {
            intents: IntentModel::train(&[], &[], &TrainOptions::default()),
            mood: None,
        };
        let mut analyzer = Self::with_trained(&settings, untrained)?;
        analyzer.trained.intents = match settings.intents {
            IntentSource::Trained(model) => *model,
            IntentSource::Examples(yaml) => {
                let mut examples = examples::from_yaml(&yaml)?;
                examples.extend(examples::from_lines(&settings.labelled)?);
                analyzer.train(&examples, &[], &TrainOptions::default())
            }
        };
        let mut felt = examples::feelings_from_lines(&settings.labelled)?;
        if felt.len() < sentiment::EXAMPLES_MIN {
            // A set of intents of one's own says nothing about feelings.
            felt = examples::feelings_from_lines(DEFAULT_LABELLED)?;
            felt.extend(examples::feelings_from_lines(DEFAULT_EXAMPLES)?);
        }
        analyzer.trained.mood =
            Mood::train(&felt, &|text| analyzer.lexicon.sentiment(&Doc::new(text)));
        Ok(analyzer)
    }

    /// Makes an analyser of what one with the same settings learnt before; nothing is learnt.
    ///
    /// # Errors
    /// As [`Analyzer::new`].
    pub fn with_trained(settings: &Settings, trained: Trained) -> Result<Self, SettingsError> {
        let common = common_words();
        let names = Names::from_yaml(&settings.names, words_in_use(common.clone()))?;
        // A name is no slip for a place: `Sharma` is not `Sharja`.
        let typed_right = common.into_iter().chain(names.sure().map(str::to_owned));
        Ok(Self {
            places: Gazetteer::from_yaml(&settings.places, typed_right)?,
            names,
            lexicon: Lexicon::from_yaml(&settings.feelings)?,
            trained,
            currency: settings.currency.clone(),
            region: settings.region.clone(),
        })
    }

    /// What it learnt.
    pub fn trained(&self) -> &Trained {
        &self.trained
    }

    /// Trains an intent model on examples, for this analyser's places and names.
    pub fn train(
        &self,
        examples: &[intent::Example],
        validation: &[intent::Example],
        options: &TrainOptions,
    ) -> IntentModel {
        let label = |set: &[intent::Example]| -> Vec<Labelled> {
            set.iter()
                .map(|e| Labelled {
                    text: e.text.clone(),
                    label: e.intent.clone(),
                    hints: self.hints(&e.text),
                })
                .collect()
        };
        IntentModel::train(&label(examples), &label(validation), options)
    }

    /// The same analyser with another intent model.
    #[must_use]
    pub fn with_model(mut self, model: IntentModel) -> Self {
        self.trained.intents = model;
        self
    }

    /// The intent model.
    pub fn model(&self) -> &IntentModel {
        &self.trained.intents
    }

    /// The places that it knows.
    pub fn places(&self) -> &Gazetteer {
        &self.places
    }

    /// Reads one message.
    pub fn analyze(&self, input: &Input<'_>) -> Analysis {
        let doc = Doc::new(input.text);
        let region = input.locale.and_then(country).unwrap_or(&self.region);
        let entities = entity::extract(&doc, &self.context(input.at, region));
        let hints: Vec<Hint> = entities.iter().map(Hint::from).collect();
        Analysis {
            intent: self.trained.intents.classify(&doc, &hints),
            sentiment: self.feel(&doc),
            urgency: self.lexicon.urgency(&doc),
            language: language::language(&doc),
            truncated: doc.text().truncated(),
            entities,
        }
    }

    /// How a message feels, without anything else.
    pub fn sentiment(&self, text: &str) -> Sentiment {
        self.feel(&Doc::new(text))
    }

    fn feel(&self, doc: &Doc<'_>) -> Sentiment {
        let list = self.lexicon.sentiment(doc);
        match &self.trained.mood {
            Some(mood) => mood.feel(doc, list),
            None => list,
        }
    }

    fn hints(&self, text: &str) -> Vec<Hint> {
        let doc = Doc::new(text);
        let at = Zoned::default();
        entity::extract(&doc, &self.context(&at, &self.region))
            .iter()
            .map(Hint::from)
            .collect()
    }

    fn context<'c>(&'c self, at: &'c Zoned, region: &'c str) -> Context<'c> {
        Context {
            at,
            currency: &self.currency,
            region,
            places: &self.places,
            names: &self.names,
        }
    }
}

fn common_words() -> Set<String> {
    COMMON_WORDS
        .split_whitespace()
        .map(|w| text::Text::new(w).folded().to_owned())
        .collect()
}

/// Ordinary words and all that the default examples write in small letters.
fn words_in_use(mut words: Set<String>) -> Set<String> {
    for text in [DEFAULT_INTENTS, DEFAULT_LABELLED] {
        let small = text
            .split(|c: char| !c.is_alphabetic())
            .filter(|w| w.len() > 2 && !w.starts_with(char::is_uppercase));
        words.extend(small.map(|w| text::Text::new(w).folded().to_owned()));
    }
    words
}

/// The country of a locale: `GB` of `en-GB`.
fn country(locale: &str) -> Option<&str> {
    locale
        .split(['-', '_'])
        .skip(1)
        .find(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_uppercase()))
}
