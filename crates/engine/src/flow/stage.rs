//! The stages a message goes through, and what comes of it.
//!
//! Stages run in the order of their groups: session, conversation, media, resilience, performance.
//! Each may add to the [`Findings`] and return effects. They are pure: whatever they need to know
//! is in the [`Input`]. A stage that fails sends the message to the retry policy; it never passes
//! half of its results on.

use super::language::Language;
use super::meaning::{
    IntentFinding, Meaning, Reading, SentimentFinding, ThreadFinding, TurnFinding, ValueFinding,
};
use super::parts::Part;
use super::reply::Reply;
use crate::model::content::Content;
use crate::model::id::{AccountId, ConversationId, MessageId, RuleId};
use crate::model::message::Origin;
use crate::model::rule::Rule;
use crate::model::time::Timestamp;
use crate::model::{Address, Seq};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Version of the shape of [`Findings`] as stored. Version 1 had language and reply only.
pub const FINDINGS_VERSION: u16 = 2;

/// Everything the stages may know about one message.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The message.
    pub message: MessageId,
    /// The account it came to.
    pub account: AccountId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its place in the account's order.
    pub seq: Seq,
    /// How it came.
    pub origin: Origin,
    /// What it says.
    pub content: Content,
    /// The person or group it belongs to; answers go there.
    pub chat: Address,
    /// The name its sender chose to show. Outsiders' text.
    pub sender_name: Option<String>,
    /// When its sender's side says it was sent.
    pub sent_at: Timestamp,
    /// Words of the latest earlier messages of the same sender here, newest first.
    pub recent: Vec<String>,
    /// When rules last answered in this conversation, any order; the last minute suffices.
    pub answered_at: Vec<Timestamp>,
    /// The enabled rules that apply to the account, in any order.
    pub rules: Arc<Vec<Rule>>,
    /// What the text parts found; absent when none ran.
    pub reading: Option<Arc<Reading>>,
    /// What its file says, when a rule wants to know and it was read in time. Outsiders' text.
    pub file_text: Option<Arc<str>>,
}

/// What was found out about a message. Stored as JSON beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Version of this shape.
    pub version: u16,
    /// The language it is written in; absent when it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub language: Option<LanguageFinding>,
    /// The values it mentions, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub values: Vec<ValueFinding>,
    /// What it wants.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub intent: Option<IntentFinding>,
    /// How it feels, and how soon it wants an answer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sentiment: Option<SentimentFinding>,
    /// Whether the conversation turned to something else.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub turn: Option<TurnFinding>,
    /// Which matter of the conversation it belongs to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub thread: Option<ThreadFinding>,
    /// Whether it was too long to be read whole.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub truncated: bool,
    /// Parts whose work is still to be done: the findings are not whole yet.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub partial: Vec<Part>,
    /// What the reply rules made of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reply: Option<ReplyFinding>,
}

impl Findings {
    /// Findings as they were stored, whatever their version.
    ///
    /// # Errors
    /// When they are of a newer version or no findings at all.
    pub fn from_stored(stored: serde_json::Value) -> Result<Self, FindingsError> {
        let mut findings: Self = serde_json::from_value(stored)
            .map_err(|error| FindingsError::Unreadable(error.to_string()))?;
        if findings.version > FINDINGS_VERSION {
            return Err(FindingsError::Newer(findings.version));
        }
        // What version 1 did not know is absent, as it is where no part ran.
        findings.version = FINDINGS_VERSION;
        Ok(findings)
    }
}

/// Stored findings that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindingsError {
    /// A newer program wrote them.
    #[error("the findings are of version {0}, which a newer Waypost wrote; update this one")]
    Newer(u16),
    /// They are damaged.
    #[error("the findings cannot be read: {0}")]
    Unreadable(String),
}

impl Default for Findings {
    fn default() -> Self {
        Self {
            version: FINDINGS_VERSION,
            language: None,
            values: Vec::new(),
            intent: None,
            sentiment: None,
            turn: None,
            thread: None,
            truncated: false,
            partial: Vec::new(),
            reply: None,
        }
    }
}

/// The language of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LanguageFinding {
    /// ISO 639-3 code, e.g. `eng`, `ara`.
    pub code: String,
    /// From 0 to 1.
    pub confidence: f64,
}

/// What the reply rules made of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum ReplyFinding {
    /// A rule answered.
    Answered {
        /// The rule.
        rule: RuleId,
    },
    /// No rule looks for this.
    NoMatch,
    /// A rule matched, but the message was older than it allows.
    TooOld {
        /// The rule.
        rule: RuleId,
    },
    /// A rule matched, but rules have answered here too often within a minute: perhaps another
    /// program is answering us.
    LoopGuard {
        /// The rule.
        rule: RuleId,
        /// Answers within the last minute.
        answers: u32,
    },
    /// It is history, the account's own, or something nobody answers.
    NotActedOn,
}

/// What a stage wants done. Committed together with the findings, or not at all.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send this.
    Send {
        /// What.
        content: Content,
        /// To whom.
        to: Address,
        /// The rule that says so.
        rule: RuleId,
    },
}

/// A stage could not do its work. The message is retried, then goes to the dead letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stage '{stage}' failed: {error}")]
pub struct StageError {
    /// The stage.
    pub stage: &'static str,
    /// What went wrong, for a person.
    pub error: String,
}

/// The five groups, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Locks, queues, session state.
    Session,
    /// What is said, and what to answer.
    Conversation,
    /// Files and what is in them.
    Media,
    /// Breakers, order, degradation.
    Resilience,
    /// Caches, batching, measuring.
    Performance,
}

impl Group {
    /// All five, in their order.
    pub const ALL: [Self; 5] = [
        Self::Session,
        Self::Conversation,
        Self::Media,
        Self::Resilience,
        Self::Performance,
    ];

    /// Its name, as switched, measured and shown.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Conversation => "conversation",
            Self::Media => "media",
            Self::Resilience => "resilience",
            Self::Performance => "performance",
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One step of the way.
pub trait Stage: std::fmt::Debug + Send + Sync {
    /// Its name, as switched on and off and shown.
    fn name(&self) -> &'static str;
    /// Where it runs.
    fn group(&self) -> Group;
    /// Does its work. Only what it returns and adds to `findings` has an effect.
    ///
    /// # Errors
    /// When the message cannot be processed by this stage; the policy is in [`super::retry`].
    fn run(
        &self,
        findings: &mut Findings,
        input: &Input,
        now: Timestamp,
    ) -> Result<Vec<Effect>, StageError>;
}

/// What came of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What was found out.
    pub findings: Findings,
    /// What is to be done.
    pub effects: Vec<Effect>,
}

/// The stages in their order.
#[derive(Debug)]
pub struct Pipeline {
    stages: Vec<Box<dyn Stage>>,
}

impl Default for Pipeline {
    /// Every stage there is.
    fn default() -> Self {
        Self::answering(Reply::default())
    }
}

impl Pipeline {
    /// Every stage there is, with rules that answer like this.
    #[must_use]
    pub fn answering(reply: Reply) -> Self {
        Self::new(vec![Box::new(Language), Box::new(Meaning), Box::new(reply)])
    }

    /// These stages; within a group they keep the order given.
    #[must_use]
    pub fn new(mut stages: Vec<Box<dyn Stage>>) -> Self {
        stages.sort_by_key(|stage| stage.group());
        Self { stages }
    }

    /// Without the stages of these names.
    #[must_use]
    pub fn without(mut self, names: &BTreeSet<String>) -> Self {
        self.stages.retain(|stage| !names.contains(stage.name()));
        self
    }

    /// The names of its stages, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.stages.iter().map(|stage| stage.name())
    }

    /// Takes a message through every stage.
    ///
    /// # Errors
    /// The first failing stage's. Nothing of the others' work is kept.
    pub fn process(&self, input: &Input, now: Timestamp) -> Result<Outcome, StageError> {
        let mut outcome = Outcome {
            findings: Findings::default(),
            effects: Vec::new(),
        };
        for stage in &self.stages {
            outcome
                .effects
                .extend(stage.run(&mut outcome.findings, input, now)?);
        }
        Ok(outcome)
    }
}

#[cfg(test)]
pub(crate) fn text_from(person: &str, body: &str) -> Input {
    Input {
        message: MessageId::from_raw(1),
        account: AccountId::from_raw(2),
        conversation: ConversationId::from_raw(3),
        seq: Seq(1),
        origin: Origin::Live,
        content: Content::text(body),
        chat: Address::lid(person),
        sender_name: Some("Ana".into()),
        sent_at: Timestamp(1_000),
        recent: Vec::new(),
        answered_at: Vec::new(),
        rules: Arc::new(Vec::new()),
        reading: None,
        file_text: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Broken;

    impl Stage for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }
        fn group(&self) -> Group {
            Group::Media
        }
        fn run(
            &self,
            _: &mut Findings,
            _: &Input,
            _: Timestamp,
        ) -> Result<Vec<Effect>, StageError> {
            Err(StageError {
                stage: "broken",
                error: "always".into(),
            })
        }
    }

    #[test]
    fn stages_run_by_group_and_can_be_switched_off() {
        let pipeline = Pipeline::new(vec![Box::new(Broken), Box::new(Language)]);
        assert_eq!(pipeline.names().collect::<Vec<_>>(), ["language", "broken"]);
        let error = pipeline
            .process(&text_from("1", "hi"), Timestamp(0))
            .unwrap_err();
        assert_eq!(error.to_string(), "stage 'broken' failed: always");
        let healed = pipeline.without(&BTreeSet::from(["broken".to_owned()]));
        assert!(healed.process(&text_from("1", "hi"), Timestamp(0)).is_ok());
    }

    #[test]
    fn findings_read_back_as_they_were_stored() {
        let findings = Findings {
            reply: Some(ReplyFinding::LoopGuard {
                rule: RuleId::from_raw(5),
                answers: 20,
            }),
            ..Findings::default()
        };
        let json = serde_json::to_value(&findings).unwrap();
        assert_eq!(json["version"], 2);
        assert_eq!(json["reply"]["reply"], "loop_guard");
        assert_eq!(serde_json::from_value::<Findings>(json).unwrap(), findings);
    }

    #[test]
    fn findings_of_the_first_version_are_still_read() {
        let old = serde_json::json!({
            "version": 1,
            "language": {"code": "eng", "confidence": 0.9},
            "reply": {"reply": "no_match"},
        });
        let findings = Findings::from_stored(old).unwrap();
        assert_eq!(findings.version, FINDINGS_VERSION);
        assert_eq!(findings.reply, Some(ReplyFinding::NoMatch));
        assert!(findings.values.is_empty() && findings.intent.is_none());
        let newer = serde_json::json!({"version": 9});
        assert_eq!(Findings::from_stored(newer), Err(FindingsError::Newer(9)));
    }
}
