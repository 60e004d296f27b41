//! What a message says, as the text parts found it.
//!
//! The parts themselves are outside: they are handed in as a [`Reading`], made by whoever holds the
//! lists and models. [`Meaning`] is the stage that takes it into the findings, so that everything after it
//! can go by what was said.

use super::parts::{Part, Standing};
use super::stage::{Effect, Findings, Group, Input, Stage, StageError};
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// Writes a share with four digits after the point: more says nothing, and a single-precision number in a
/// double-precision one reads 0.949999988.
fn short<S: Serializer>(of: &f32, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((f64::from(*of) * 1e4).round() / 1e4)
}

/// A value that a message mentions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueFinding {
    /// `phone`, `money`, `location`, ...
    pub kind: String,
    /// Its normal form.
    pub value: String,
    /// What was typed. Outsiders' text.
    pub text: String,
    /// First character, counted in Unicode code points from 0.
    pub start: u32,
    /// The character after the last.
    pub end: u32,
    /// From 0 to 1.
    #[serde(serialize_with = "short")]
    pub confidence: f32,
    /// `rule`, `model`, `gazetteer` or `llm`.
    pub source: String,
}

/// What a message wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntentFinding {
    /// The name of the intent; `unclear` when the model abstained.
    pub name: String,
    /// From 0 to 1.
    #[serde(serialize_with = "short")]
    pub confidence: f32,
}

/// A feeling in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feeling {
    /// Good.
    Positive,
    /// Neither.
    Neutral,
    /// Bad.
    Negative,
}

/// How soon somebody wants an answer. What is more urgent is greater.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Nothing says that it is urgent.
    #[default]
    Normal,
    /// Said or shouted once.
    High,
    /// Said more than once, or an emergency.
    Critical,
}

/// How a message feels, and how soon it wants an answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SentimentFinding {
    /// From -1, very bad, to 1, very good.
    #[serde(serialize_with = "short")]
    pub score: f32,
    /// The score in one word.
    pub label: Feeling,
    /// How soon.
    pub urgency: Urgency,
}

/// Whether the conversation turned to something else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnFinding {
    /// From 0 to 1.
    #[serde(serialize_with = "short")]
    pub score: f32,
    /// Whether it turned.
    pub switched: bool,
    /// What spoke for it: `words`, `subject`, `intent`, `gap`, `mood`.
    pub signs: Vec<String>,
}

/// How a message came to its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Joined {
    /// It opened the thread.
    Opened,
    /// It goes on with what was spoken of last.
    Continued,
    /// It comes back to an earlier matter that it names.
    Returned,
}

/// Which matter of the conversation a message belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadFinding {
    /// The thread's number within the conversation, from 1.
    pub number: u64,
    /// How the message came to it.
    pub how: Joined,
}

/// What became of a part's work on one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartOutcome {
    /// It found something.
    Found,
    /// It looked and found nothing.
    Nothing,
    /// The message has no words, or none that anybody reads.
    NoText,
    /// Somebody switched it off.
    Off,
    /// Somebody switched its stage off.
    StageOff,
    /// It rested; the work is put off.
    Shed,
    /// It broke; the message went on without it.
    Failed,
}

impl PartOutcome {
    /// Why a part did not run; `None` when it runs or is not there.
    #[must_use]
    pub fn skipped(standing: Standing) -> Option<Self> {
        match standing {
            Standing::On => None,
            Standing::PartOff => Some(Self::Off),
            Standing::StageOff => Some(Self::StageOff),
            Standing::Shed => Some(Self::Shed),
        }
    }

    /// As it is counted.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Nothing => "nothing",
            Self::NoText => "no_text",
            Self::Off => "off",
            Self::StageOff => "stage_off",
            Self::Shed => "shed",
            Self::Failed => "failed",
        }
    }

    /// One sentence for people.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::Found => "It found something.",
            Self::Nothing => "It looked and found nothing.",
            Self::NoText => "The message has no words to read.",
            Self::Off => "It was switched off.",
            Self::StageOff => "Its stage was switched off.",
            Self::Shed => "The machine was short of breath; the work is put off.",
            Self::Failed => "It broke on this message, which went on without it.",
        }
    }
}

/// What came of asking a language model about a message that the parts here did not understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Some of its answer could be proved, and was taken.
    Taken,
    /// Nothing of its answer could be taken.
    Nothing,
    /// It was not asked: it was often enough in this minute.
    Limited,
    /// It did not answer in time.
    TimedOut,
    /// It could not be reached, or would not answer.
    Failed,
    /// Its answer was not of the form that was asked for.
    Refused,
}

impl Asked {
    /// As it is counted.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Nothing => "nothing",
            Self::Limited => "limited",
            Self::TimedOut => "timed_out",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }

    /// One sentence for people.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::Taken => "The language model was asked, and what it could prove was taken.",
            Self::Nothing => "The language model was asked, and said nothing that could be taken.",
            Self::Limited => "The language model was asked too often to be asked again.",
            Self::TimedOut => "The language model did not answer in time.",
            Self::Failed => "The language model could not be asked.",
            Self::Refused => "The language model answered with something else than was asked for.",
        }
    }
}

/// What one part did about one message. Kept beside the findings, for people who ask why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The part.
    pub part: Part,
    /// What became of it.
    pub outcome: PartOutcome,
    /// How long it took, in microseconds; 0 when it did not run.
    pub took_us: u32,
    /// What came of asking a language model, when one was to be asked. It is noted with the intent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

/// What the text parts found in one message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Reading {
    /// The values it mentions, in their order.
    pub values: Vec<ValueFinding>,
    /// What it wants.
    pub intent: Option<IntentFinding>,
    /// How it feels.
    pub sentiment: Option<SentimentFinding>,
    /// Whether the conversation turned.
    pub turn: Option<TurnFinding>,
    /// Its thread.
    pub thread: Option<ThreadFinding>,
    /// Whether the message was too long to be read whole.
    pub truncated: bool,
    /// What each part did.
    pub traces: Vec<Trace>,
}

impl Reading {
    /// A message that no part read, and why.
    #[must_use]
    pub fn unread(why: impl Fn(Part) -> PartOutcome) -> Self {
        let trace = |part: &Part| Trace {
            part: *part,
            outcome: why(*part),
            took_us: 0,
            asked: None,
        };
        Self {
            traces: Part::TEXT.iter().map(trace).collect(),
            ..Self::default()
        }
    }

    /// The parts whose work is still to be done.
    pub fn put_off(&self) -> impl Iterator<Item = Part> + '_ {
        let open =
            |trace: &&Trace| matches!(trace.outcome, PartOutcome::Shed | PartOutcome::Failed);
        self.traces.iter().filter(open).map(|trace| trace.part)
    }
}

/// Takes what the text parts found into the findings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meaning;

impl Stage for Meaning {
    fn name(&self) -> &'static str {
        "meaning"
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
        if let Some(reading) = &input.reading {
            findings.take(reading);
        }
        Ok(Vec::new())
    }
}

impl Findings {
    /// Replaces what the text parts said; everything else stays.
    pub fn take(&mut self, reading: &Reading) {
        self.values.clone_from(&reading.values);
        self.intent.clone_from(&reading.intent);
        self.sentiment = reading.sentiment;
        self.turn.clone_from(&reading.turn);
        self.thread.clone_from(&reading.thread);
        self.truncated = reading.truncated;
        self.partial = reading.put_off().collect();
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::{Pipeline, text_from};
    use super::*;
    use std::sync::Arc;

    fn reading() -> Reading {
        Reading {
            intent: Some(IntentFinding {
                name: "viewing_request".into(),
                confidence: 0.9,
            }),
            traces: vec![
                Trace {
                    part: Part::Intent,
                    outcome: PartOutcome::Found,
                    took_us: 40,
                    asked: None,
                },
                Trace {
                    part: Part::Sentiment,
                    outcome: PartOutcome::Shed,
                    took_us: 0,
                    asked: None,
                },
            ],
            ..Reading::default()
        }
    }

    #[test]
    fn what_was_read_is_found_and_what_was_put_off_is_said() {
        let mut input = text_from("1", "can I see it tomorrow?");
        input.reading = Some(Arc::new(reading()));
        let found = Pipeline::default()
            .process(&input, Timestamp(0))
            .unwrap()
            .findings;
        assert_eq!(found.intent.unwrap().name, "viewing_request");
        assert_eq!(found.partial, [Part::Sentiment]);
    }

    #[test]
    fn reading_again_replaces_what_was_said_and_keeps_the_reply() {
        let mut findings = Findings {
            reply: Some(super::super::stage::ReplyFinding::NoMatch),
            partial: vec![Part::Intent],
            ..Findings::default()
        };
        findings.take(&reading());
        assert_eq!(findings.partial, [Part::Sentiment]);
        assert!(findings.reply.is_some());
    }
}
