//! Context switches within a conversation: when does it turn to something else?
//!
//! Five signs are weighed: words that say so, other things talked about, another wish, a long silence, and a
//! turn of mood. Together they make a score between 0 and 1; at [`SWITCH_AT`] the conversation has switched.

use crate::Analysis;
use crate::entity::Kind;
use crate::text::Text;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Score from which on a message begins another topic.
pub const SWITCH_AT: f32 = 0.6;
/// Silence that counts as a gap, in seconds.
pub const GAP_SECONDS: i64 = 300;
/// Topics that are remembered; the oldest is forgotten.
pub const TOPICS_MAX: usize = 50;
/// Things that one topic remembers.
pub const SUBJECTS_MAX: usize = 24;

const WEIGHT_WORDS: f32 = 0.65;
const WEIGHT_SUBJECT: f32 = 0.45;
const WEIGHT_INTENT: f32 = 0.2;
const WEIGHT_GAP: f32 = 0.2;
const WEIGHT_MOOD: f32 = 0.15;
/// A change of score between two messages that counts as a turn of mood.
const MOOD_TURN: f32 = 0.8;

/// One thing a conversation can be about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// What it is.
    pub kind: Kind,
    /// Its normal form.
    pub value: String,
}

/// What a conversation was about for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// When it began.
    pub began: Timestamp,
    /// When it was last spoken of.
    pub last: Timestamp,
    /// What was wanted first.
    pub intent: String,
    /// What was talked about, in the order it was named; at most [`SUBJECTS_MAX`].
    pub subjects: Vec<Subject>,
    /// How many messages it has.
    pub messages: u32,
}

/// A sign that a conversation turns to something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Words such as `by the way` or `another question`.
    Words,
    /// Another property, place or reference.
    Subject,
    /// Another kind of wish.
    Intent,
    /// A silence of [`GAP_SECONDS`] or more.
    Gap,
    /// From good to bad, or back.
    Mood,
}

/// What was made of one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Between 0 and 1.
    pub score: f32,
    /// Whether the conversation switched.
    pub switched: bool,
    /// What spoke for it.
    pub signs: Vec<Sign>,
}

/// The flow of one conversation. It is small and can be stored with the conversation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    topics: VecDeque<Topic>,
    last_at: Option<Timestamp>,
    last_mood: f32,
    last_intent: Option<String>,
}

impl Flow {
    /// Takes in the next message of the conversation.
    pub fn observe(&mut self, text: &str, analysis: &Analysis, at: Timestamp) -> Turn {
        let subjects = subjects(analysis);
        let turn = match self.topics.back() {
            None => Turn {
                score: 0.0,
                switched: false,
                signs: Vec::new(),
            },
            Some(topic) => self.weigh(topic, text, analysis, &subjects, at),
        };
        if turn.switched || self.topics.is_empty() {
            self.begin(analysis, at);
        }
        self.extend(subjects, at);
        self.last_at = Some(at);
        self.last_mood = analysis.sentiment.score;
        if wish(&analysis.intent.name).is_some() {
            self.last_intent = Some(analysis.intent.name.clone());
        }
        turn
    }

    /// Forgets all topics but the open one, so that it is small to store. What was observed of each message
    /// is not forgotten with them, if it is kept beside the message.
    #[must_use]
    pub fn compact(mut self) -> Self {
        let closed = self.topics.len().saturating_sub(1);
        self.topics.drain(..closed);
        self
    }

    /// The topics so far, oldest first; the last one is open.
    pub fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.iter()
    }

    fn weigh(
        &self,
        topic: &Topic,
        text: &str,
        analysis: &Analysis,
        new: &[Subject],
        at: Timestamp,
    ) -> Turn {
        let mut signs = Vec::new();
        let mut score = 0.0;
        let mut add = |sign: Sign, weight: f32, there: bool| {
            if there {
                signs.push(sign);
                score += weight;
            }
        };
        let gap = self
            .last_at
            .is_some_and(|last| at.as_second() - last.as_second() >= GAP_SECONDS);
        let wish_before = self.last_intent.as_deref().and_then(wish);
        let wish_now = wish(&analysis.intent.name);
        let other_wish =
            matches!((wish_before, wish_now), (Some(before), Some(now)) if before != now);
        let mood = (analysis.sentiment.score - self.last_mood).abs() >= MOOD_TURN
            && analysis.sentiment.score * self.last_mood < 0.0;
        add(Sign::Words, WEIGHT_WORDS, says_so(text));
        add(
            Sign::Subject,
            WEIGHT_SUBJECT,
            is_other_subject(&topic.subjects, new),
        );
        add(Sign::Intent, WEIGHT_INTENT, other_wish);
        add(Sign::Gap, WEIGHT_GAP, gap);
        add(Sign::Mood, WEIGHT_MOOD, mood);
        Turn {
            score: score.min(1.0),
            switched: score >= SWITCH_AT,
            signs,
        }
    }

    fn begin(&mut self, analysis: &Analysis, at: Timestamp) {
        if self.topics.len() == TOPICS_MAX {
            self.topics.pop_front();
        }
        self.topics.push_back(Topic {
            began: at,
            last: at,
            intent: analysis.intent.name.clone(),
            subjects: Vec::new(),
            messages: 0,
        });
    }

    fn extend(&mut self, subjects: Vec<Subject>, at: Timestamp) {
        let Some(topic) = self.topics.back_mut() else {
            return;
        };
        topic.last = at;
        topic.messages = topic.messages.saturating_add(1);
        for subject in subjects {
            if topic.subjects.len() < SUBJECTS_MAX && !topic.subjects.contains(&subject) {
                topic.subjects.push(subject);
            }
        }
    }
}

/// What a message is about: things that tell one matter from another, not dates and numbers.
pub fn subjects(analysis: &Analysis) -> Vec<Subject> {
    analysis
        .entities
        .iter()
        .filter(|e| {
            matches!(
                e.kind,
                Kind::Project
                    | Kind::Location
                    | Kind::Unit
                    | Kind::Reference
                    | Kind::PropertyType
                    | Kind::Bedrooms
            )
        })
        .map(|e| Subject {
            kind: e.kind,
            value: e.value.clone(),
        })
        .collect()
}

/// Whether something of the same kind is named, and it is another one; a unit or place named for the first
/// time only adds to the topic.
fn is_other_subject(known: &[Subject], new: &[Subject]) -> bool {
    let shared = new.iter().any(|n| known.contains(n));
    let other = new.iter().any(|n| {
        let same_kind = known.iter().any(|k| k.kind == n.kind);
        same_kind && !known.contains(n)
    });
    other && !shared
}

/// The family of a wish; none for what has no matter of its own, such as a greeting.
fn wish(intent: &str) -> Option<&'static str> {
    Some(match intent {
        "inquiry" | "property_info" | "viewing_request" | "appointment" | "question"
        | "contact_request" => "interest",
        "negotiation" | "offer" | "acceptance" => "bargain",
        "payment" | "document_request" => "papers",
        "complaint" => "complaint",
        "property_update" => "update",
        "spam" => "spam",
        _ => return None,
    })
}

/// Words that announce another matter.
fn says_so(text: &str) -> bool {
    const PHRASES: &[&str] = &[
        "by the way",
        "btw",
        "another question",
        "another thing",
        "another matter",
        "one more thing",
        "on another note",
        "different topic",
        "different question",
        "change of topic",
        "changing the subject",
        "change the subject",
        "new question",
        "new topic",
        "separate question",
        "separate issue",
        "separately",
        "also wanted to ask",
        "also i wanted to ask",
        "something else",
        "moving on",
        "unrelated",
        "speaking of",
        "regarding another",
        "about another",
        "forget about",
        "forget the",
        "instead of that",
        "lets talk about",
        "let's talk about",
        "anyway",
        "now about",
        "what about the other",
        "other than that",
        "apart from that",
        "on a different note",
        "switching to",
        "next topic",
        "بالمناسبه",
        "على فكره",
        "علي فكره",
        "موضوع ثاني",
        "موضوع اخر",
        "سؤال ثاني",
        "سوال ثاني",
        "سوال اخر",
        "شي ثاني",
        "من ناحيه اخري",
        "غير الموضوع",
        "بخصوص موضوع",
        "خلينا نحكي عن",
        "نرجع لموضوع",
        "بموضوع ثاني",
    ];
    let text = Text::new(text);
    PHRASES
        .iter()
        .any(|phrase| holds_phrase(text.folded(), phrase))
}

fn holds_phrase(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + phrase.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}
