//! How well switches of topic are found, on labelled conversations.

use super::{RecordError, Score, Tally};
use crate::flow::{Author, Flow, SIGNS};
use crate::{Analyzer, Input};
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

/// One labelled conversation, as a line of JSON.
#[derive(Debug, Clone, Deserialize)]
pub struct Conversation {
    /// Its name.
    pub id: String,
    /// Its messages in their order.
    pub messages: Vec<Message>,
    /// Which messages begin another topic, counted from 0; the first of all is never listed.
    pub switches: Vec<usize>,
}

/// One message of a conversation.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// When it was sent.
    pub at: Timestamp,
    /// Who wrote it; the contact, when it is not said.
    #[serde(default, rename = "from")]
    pub author: Side,
    /// What was written.
    pub text: String,
}

/// The two sides of a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The other side.
    #[default]
    Contact,
    /// This side.
    Me,
}

impl Side {
    fn author(self) -> Author {
        match self {
            Self::Contact => Author::Contact,
            Self::Me => Author::Me,
        }
    }
}

/// How well the switches were found.
#[derive(Debug, Clone, Serialize)]
pub struct SwitchReport {
    /// Precision, recall and F1 over all messages but the first of each conversation.
    pub switches: Score,
    /// How many conversations there were.
    pub conversations: usize,
    /// Conversations with a switch too many or too few, when asked for: name, expected, found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub misses: Vec<(String, Vec<usize>, Vec<usize>)>,
}

/// Reads labelled conversations, one a line.
///
/// # Errors
/// With the number of the first line that cannot be used.
pub fn read(lines: &str) -> Result<Vec<Conversation>, RecordError> {
    lines
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|e| RecordError::Json {
                line: at + 1,
                reason: e.to_string(),
            })
        })
        .collect()
}

/// Follows conversations and compares. Times are read in the zone of `default`.
pub fn evaluate(
    analyzer: &Analyzer,
    conversations: &[Conversation],
    default: &Zoned,
) -> SwitchReport {
    let mut tally = Tally::default();
    let mut misses = Vec::new();
    for conversation in conversations {
        let found = follow(analyzer, conversation, default);
        tally.expected += conversation.switches.len();
        tally.found += found.len();
        tally.right += found
            .iter()
            .filter(|i| conversation.switches.contains(i))
            .count();
        if found != conversation.switches {
            misses.push((
                conversation.id.clone(),
                conversation.switches.clone(),
                found,
            ));
        }
    }
    SwitchReport {
        switches: tally.score(),
        conversations: conversations.len(),
        misses,
    }
}

fn follow(analyzer: &Analyzer, conversation: &Conversation, default: &Zoned) -> Vec<usize> {
    let mut flow = Flow::default();
    let mut found = Vec::new();
    for (index, message) in conversation.messages.iter().enumerate() {
        let at = message.at.to_zoned(default.time_zone().clone());
        let analysis = analyzer.analyze(&Input {
            text: &message.text,
            at: &at,
            locale: None,
        });
        let author = message.author.author();
        if flow
            .observe_from(author, &message.text, &analysis, message.at)
            .switched
        {
            found.push(index);
        }
    }
    found
}

/// What a conversation teaches: the signs of each message after the first, and whether it begins a topic.
pub fn lessons(
    analyzer: &Analyzer,
    conversation: &Conversation,
    default: &Zoned,
) -> Vec<([f32; SIGNS], bool)> {
    let mut flow = Flow::default();
    let mut lessons = Vec::new();
    for (index, message) in conversation.messages.iter().enumerate() {
        let at = message.at.to_zoned(default.time_zone().clone());
        let analysis = analyzer.analyze(&Input {
            text: &message.text,
            at: &at,
            locale: None,
        });
        let switched = conversation.switches.contains(&index);
        let author = message.author.author();
        let signs = flow.learn_from(author, &message.text, &analysis, message.at, switched);
        lessons.extend(signs.map(|signs| (signs, switched)));
    }
    lessons
}
