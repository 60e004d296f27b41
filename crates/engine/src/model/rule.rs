//! Reply rules: what is answered without a person.

use super::id::{AccountId, RuleId, WorkspaceId};
use super::time::{Duration, Timestamp};
use crate::flow::meaning::{Feeling, Urgency};
use serde::{Deserialize, Serialize};

/// How old a message may be and still be answered, unless the rule says otherwise.
pub const MAX_AGE_DEFAULT: Duration = Duration::mins(10);

/// What a rule looks for in the words of a message. Case is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "snake_case")]
pub enum Match {
    /// Every message that has words.
    Any,
    /// The whole text is this.
    Equals {
        /// The text.
        text: String,
    },
    /// The text contains this.
    Contains {
        /// The text.
        text: String,
    },
    /// The text starts with this.
    StartsWith {
        /// The text.
        text: String,
    },
    /// One of these words occurs as a whole word.
    AnyWord {
        /// The words.
        words: Vec<String>,
    },
}

/// Whether a rule looks into the files of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileWords {
    /// Only what was typed counts.
    #[default]
    Ignored,
    /// What a picture, a document or a voice note says counts too. A conversation waits for it, within a limit.
    Read,
}

impl FileWords {
    /// True when files are not looked into.
    #[must_use]
    pub fn are_ignored(&self) -> bool {
        *self == Self::Ignored
    }
}

/// What a message must mean for a rule to answer, besides what it must say. Everything that is given must
/// hold; nothing given always holds. A message that nobody read, because a part is switched off, means nothing:
/// only a rule without conditions answers it. While the machine is short of breath, the parts that a rule goes by
/// do not rest for the messages whose words it looks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conditions {
    /// It wants one of these; any when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub intents: Vec<String>,
    /// It mentions a value of one of these kinds; none is needed when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// It feels like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feeling: Option<Feeling>,
    /// It is at least this urgent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Urgency>,
    /// Whether what its file says is part of what it says.
    #[serde(skip_serializing_if = "FileWords::are_ignored")]
    pub files: FileWords,
}

impl Conditions {
    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Whether a rule applies to conversations with one person, to groups, or to both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Conversations with one person.
    #[default]
    Direct,
    /// Groups.
    Groups,
    /// Both.
    Everywhere,
}

/// A reply rule. Rules are tried by rising `position`; the first that matches answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// Who it belongs to.
    pub workspace: WorkspaceId,
    /// Only for this account; for all when absent.
    pub account: Option<AccountId>,
    /// What people call it.
    pub name: String,
    /// Lower is tried first.
    pub position: i32,
    /// What it looks for.
    pub matches: Match,
    /// What the message must mean.
    #[serde(default)]
    pub conditions: Conditions,
    /// Where it applies.
    #[serde(default)]
    pub scope: Scope,
    /// What it answers. `{text}` stands for the words received, `{name}` for the sender's name;
    /// both are inserted as they are and never read as a template themselves.
    pub answer: String,
    /// Messages older than this when processed are not answered.
    pub max_age: Duration,
    /// Switched off rules are skipped.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Rule {
    /// True when these words are what this rule looks for.
    #[must_use]
    pub fn matches(&self, words: &str) -> bool {
        let text = words.trim().to_lowercase();
        match &self.matches {
            Match::Any => !text.is_empty(),
            Match::Equals { text: t } => text == t.trim().to_lowercase(),
            Match::Contains { text: t } => text.contains(&t.to_lowercase()),
            Match::StartsWith { text: t } => text.starts_with(&t.to_lowercase()),
            Match::AnyWord { words } => {
                let wanted: Vec<String> = words.iter().map(|w| w.to_lowercase()).collect();
                text.split(|c: char| !c.is_alphanumeric())
                    .any(|w| !w.is_empty() && wanted.iter().any(|x| x == w))
            }
        }
    }

    /// The answer to these words from this sender.
    #[must_use]
    pub fn render(&self, text: &str, name: &str) -> String {
        // One pass, so that a message saying "{name}" is not expanded in turn.
        let mut out = String::with_capacity(self.answer.len() + text.len());
        let mut rest = self.answer.as_str();
        while let Some(at) = rest.find('{') {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(tail) = rest.strip_prefix("{text}") {
                out.push_str(text);
                rest = tail;
            } else if let Some(tail) = rest.strip_prefix("{name}") {
                out.push_str(name);
                rest = tail;
            } else {
                out.push('{');
                rest = &rest[1..];
            }
        }
        out.push_str(rest);
        out
    }
}
