//! The lists that messages are read by, as people edit them.
//!
//! A set that nobody edited is the one that comes with the program. Changing one is checked, stored and told
//! of; then a new analyser is trained in the background and put in the place of the old one. Messages are read
//! with the old one until then.

use super::TextParts;
use crate::clock;
use crate::insight::shared_analyzer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, PoisonError};
use waypost_engine::model::event::kind;
use waypost_engine::model::{EventId, NewEvent, Timestamp, WorkspaceId};
use waypost_insight::entity::{Gazetteer, Names};
use waypost_insight::intent::examples;
use waypost_insight::sentiment::Lexicon;
use waypost_insight::{Analyzer, IntentSource, Settings};
use waypost_store::StoreError;

/// Longest set, in bytes.
pub(crate) const SET_LEN_MAX: usize = 4 * 1024 * 1024;
/// Version of the data of an event about a set.
const EVENT_VERSION: u16 = 1;

/// One list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SetName {
    /// Projects, buildings, areas.
    Places,
    /// People's names.
    Names,
    /// Words and marks that say how somebody feels.
    Feelings,
    /// Intents with examples of each.
    Intents,
    /// More examples, as JSON lines.
    Labelled,
}

impl SetName {
    /// Every list.
    pub(crate) const ALL: [Self; 5] = [
        Self::Places,
        Self::Names,
        Self::Feelings,
        Self::Intents,
        Self::Labelled,
    ];

    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Places => "places",
            Self::Names => "names",
            Self::Feelings => "feelings",
            Self::Intents => "intents",
            Self::Labelled => "labelled",
        }
    }

    /// What it is written in. YAML takes JSON too.
    pub(crate) fn format(self) -> &'static str {
        match self {
            Self::Labelled => "jsonl",
            _ => "yaml",
        }
    }

    /// The one that comes with the program.
    pub(crate) fn built_in(self) -> &'static str {
        match self {
            Self::Places => waypost_insight::DEFAULT_PLACES,
            Self::Names => waypost_insight::DEFAULT_NAMES,
            Self::Feelings => waypost_insight::DEFAULT_FEELINGS,
            Self::Intents => waypost_insight::DEFAULT_INTENTS,
            Self::Labelled => waypost_insight::DEFAULT_LABELLED,
        }
    }

    /// Says what is wrong with a content, in one sentence.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn check(self, content: &str) -> Result<(), String> {
        if content.len() > SET_LEN_MAX {
            return Err(format!("a set has at most {SET_LEN_MAX} bytes"));
        }
        let read = match self {
            Self::Places => Gazetteer::from_yaml(content, []).map(drop).map_err(said),
            Self::Names => Names::from_yaml(content, []).map(drop).map_err(said),
            Self::Feelings => Lexicon::from_yaml(content).map(drop).map_err(said),
            Self::Intents => examples::from_yaml(content).map(drop).map_err(said),
            Self::Labelled => examples::from_lines(content).map(drop).map_err(said),
        };
        // What the reader shows of the text around a mistake is more than one sentence.
        read.map_err(|text| text.lines().next().unwrap_or_default().to_owned())
    }
}

fn said(error: impl fmt::Display) -> String {
    error.to_string()
}

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SetName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|set| set.name() == text);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("There is no such set; they are {names}")
        })
    }
}

/// How the analyser in use came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Training {
    /// Nobody needed one yet.
    NotYet,
    /// One is being trained since then.
    Running(Timestamp),
    /// It was ready then, after so many milliseconds.
    Done { at: Timestamp, took_ms: u64 },
    /// It could not be trained, so the one before is still in use.
    Failed { at: Timestamp, error: String },
}

/// Sets that people edited, by name.
pub(super) type Edited = BTreeMap<SetName, String>;

fn settings(edited: &Edited) -> Settings {
    let of = |name: SetName| edited.get(&name).cloned();
    let or = |name: SetName| of(name).unwrap_or_else(|| name.built_in().to_owned());
    Settings {
        places: or(SetName::Places),
        names: or(SetName::Names),
        feelings: or(SetName::Feelings),
        // The labelled messages that come with the program know its own intents only.
        labelled: match (
            of(SetName::Labelled),
            edited.contains_key(&SetName::Intents),
        ) {
            (Some(own), _) => own,
            (None, true) => String::new(),
            (None, false) => Settings::default().labelled,
        },
        intents: IntentSource::Examples(or(SetName::Intents)),
        ..Settings::default()
    }
}

impl TextParts {
    /// Reads the edited sets from the store.
    pub(super) async fn load_sets(&self) -> Result<(), StoreError> {
        let stored = self.store.insight_sets(WorkspaceId::DEFAULT).await?;
        let named = stored
            .into_iter()
            .filter_map(|set| Some((set.name.parse().ok()?, set.content)));
        *self.edited.lock().unwrap_or_else(PoisonError::into_inner) = named.collect();
        Ok(())
    }

    /// Makes an analyser of the sets as they are now. Takes seconds when they were not learnt before.
    pub(super) fn make(&self) -> Result<Arc<Analyzer>, String> {
        let edited = self
            .edited
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if edited.is_empty() {
            return shared_analyzer(&self.models).map_err(said);
        }
        let made = self.models.analyzer(settings(&edited));
        made.map(Arc::new).map_err(said)
    }

    /// How the analyser in use came to be.
    pub(crate) fn training(&self) -> Training {
        self.training
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set_training(&self, training: Training) {
        *self.training.lock().unwrap_or_else(PoisonError::into_inner) = training;
    }

    /// Trains an analyser of the stored sets in the background; the messages until then are read with
    /// the one in use. Two at once do one after the other.
    pub(crate) fn retrain(self: &Arc<Self>) {
        let parts = Arc::clone(self);
        parts.set_training(Training::Running(clock::now()));
        drop(tokio::spawn(async move {
            let _one = parts.retraining.lock().await;
            if let Err(error) = parts.load_sets().await {
                let error = error.to_string();
                return parts.set_training(Training::Failed {
                    at: clock::now(),
                    error,
                });
            }
            let begun = clock::now();
            let making = Arc::clone(&parts);
            let made = tokio::task::spawn_blocking(move || making.make()).await;
            let at = clock::now();
            match made.map_err(said).and_then(|made| made) {
                Ok(analyzer) => {
                    parts.use_analyzer(analyzer);
                    let took_ms = at.since(begun).as_millis();
                    parts.set_training(Training::Done { at, took_ms });
                    tracing::info!(took_ms, "messages are read by new lists");
                }
                Err(error) => {
                    tracing::error!(error, "an analyser could not be trained");
                    parts.set_training(Training::Failed { at, error });
                }
            }
        }));
    }

    /// Stores a set, tells of it and trains anew. `None` brings back the one of the program.
    ///
    /// # Errors
    /// When the store fails. The content was checked before.
    pub(crate) async fn change_set(
        self: &Arc<Self>,
        workspace: WorkspaceId,
        set: SetName,
        content: Option<String>,
        who: &str,
    ) -> Result<(), StoreError> {
        let at = clock::now();
        let edited = content.is_some();
        let event = NewEvent {
            id: self.store.next_id::<EventId>(at),
            workspace,
            account: None,
            conversation: None,
            kind: kind::INSIGHT_CHANGED,
            version: EVENT_VERSION,
            data: serde_json::json!({"set": set.name(), "edited": edited, "by": who}),
            at,
        };
        self.store
            .change_insight_set(workspace, set.name(), content, event)
            .await?;
        self.retrain();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_of_the_program_pass_their_own_check() {
        for set in SetName::ALL {
            assert_eq!(set.check(set.built_in()), Ok(()), "{set}");
            assert_eq!(set.name().parse(), Ok(set));
        }
    }

    #[test]
    fn a_mistake_is_told_in_one_sentence() {
        for (set, content) in [
            (SetName::Places, "locations: 3"),
            (SetName::Intents, "nlu: []"),
            (SetName::Feelings, "words: [1"),
            (SetName::Labelled, "{\"text\": 3}"),
        ] {
            let said = set.check(content).unwrap_err();
            assert!(!said.is_empty() && !said.contains('\n'), "{set}: {said:?}");
        }
        let long = "#".repeat(SET_LEN_MAX + 1);
        assert!(
            SetName::Places
                .check(&long)
                .unwrap_err()
                .contains("at most")
        );
    }

    #[test]
    fn ones_own_intents_are_learnt_without_the_examples_of_the_program() {
        let own = "nlu:\n- intent: fishing\n  examples: |\n    - which bait do you use\n    \
                   - where do trout bite\n- intent: sailing\n  examples: |\n    - is there wind \
                   today\n    - raise the sails\n";
        let edited = Edited::from([(SetName::Intents, own.to_owned())]);
        let analyzer = Analyzer::new(settings(&edited)).unwrap();
        let mut labels: Vec<&str> = analyzer
            .model()
            .labels()
            .iter()
            .map(String::as_str)
            .collect();
        labels.sort_unstable();
        labels.retain(|label| *label != "unclear");
        assert_eq!(labels, ["fishing", "sailing"]);
    }
}
