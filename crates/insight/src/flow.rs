//! Context switches within a conversation: when does it turn to something else?
//!
//! Signs are weighed: words that say so, other things talked about, another wish, a long silence, a turn of
//! mood, and how the message leans on what was said before. Their weights are learnt from labelled
//! conversations (`data/insight/switches-train.jsonl`). Together they make a score between 0 and 1; at
//! [`SWITCH_AT`] the conversation has switched.

mod signs;
mod weights;

pub(crate) use signs::COUNT as SIGNS;

use crate::Analysis;
use crate::doc::Doc;
use crate::entity::Kind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use signs::Seen;
use std::collections::VecDeque;

/// Score from which on a message begins another topic.
pub const SWITCH_AT: f32 = 0.6;
/// Silence that counts as a gap, in seconds.
pub const GAP_SECONDS: i64 = 300;
/// Topics that are remembered; the oldest is forgotten.
pub const TOPICS_MAX: usize = 50;
/// Things that one topic remembers.
pub const SUBJECTS_MAX: usize = 24;

/// Words that one topic remembers; the oldest are forgotten.
pub const WORDS_MAX: usize = 60;
/// Newness of a message's words from which on people are told that other things are talked about.
const NEW_SUBJECT: f32 = 0.6;

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The other side.
    Contact,
    /// This side.
    Me,
}

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
    /// Words that say what it is about, latest last; at most [`WORDS_MAX`].
    #[serde(default)]
    pub words: Vec<String>,
}

impl Topic {
    /// Whether anything was said that it could be about; a greeting is nothing.
    fn has_matter(&self) -> bool {
        !self.words.is_empty() || !self.subjects.is_empty()
    }
}

/// A sign that a conversation turns to something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Words such as `by the way` or `another question`.
    Words,
    /// Another property, place or reference, or words far from what was talked about.
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
    /// Whether this side asked something last.
    #[serde(default)]
    was_asked: bool,
    /// Whether the contact's last message rounded a matter off.
    #[serde(default)]
    was_closed: bool,
}

impl Flow {
    /// Takes in the contact's next message.
    pub fn observe(&mut self, text: &str, analysis: &Analysis, at: Timestamp) -> Turn {
        self.observe_from(Author::Contact, text, analysis, at)
    }

    /// Takes in the next message of the conversation, from either side.
    pub fn observe_from(
        &mut self,
        author: Author,
        text: &str,
        analysis: &Analysis,
        at: Timestamp,
    ) -> Turn {
        let doc = Doc::new(text);
        let subjects = subjects(analysis);
        let seen = Seen {
            content: signs::content(&doc),
            doc: &doc,
            analysis,
            subjects: &subjects,
            at,
            is_own: author == Author::Me,
        };
        let turn = match self.topics.back() {
            // What comes after a mere greeting is the first matter, and no other one.
            Some(topic) if topic.has_matter() => told(&signs::signs(self, topic, &seen)),
            _ => Turn {
                score: 0.0,
                switched: false,
                signs: Vec::new(),
            },
        };
        self.take(seen, turn.switched);
        turn
    }

    /// The signs of the next message, then taking it in as labelled: for learning the weights.
    pub(crate) fn learn_from(
        &mut self,
        author: Author,
        text: &str,
        analysis: &Analysis,
        at: Timestamp,
        switched: bool,
    ) -> Option<[f32; SIGNS]> {
        let doc = Doc::new(text);
        let subjects = subjects(analysis);
        let seen = Seen {
            content: signs::content(&doc),
            doc: &doc,
            analysis,
            subjects: &subjects,
            at,
            is_own: author == Author::Me,
        };
        let signs = self
            .topics
            .back()
            .filter(|topic| topic.has_matter())
            .map(|topic| signs::signs(self, topic, &seen));
        self.take(seen, switched);
        signs
    }

    fn take(&mut self, seen: Seen<'_>, switched: bool) {
        if switched || self.topics.is_empty() {
            self.begin(seen.analysis, seen.at);
        }
        self.last_at = Some(seen.at);
        self.last_mood = seen.analysis.sentiment.score;
        if wish(&seen.analysis.intent.name).is_some() {
            self.last_intent = Some(seen.analysis.intent.name.clone());
        }
        let asks = (0..seen.doc.len()).any(|i| seen.doc.is_mark(i, '?'));
        if seen.is_own {
            self.was_asked = asks;
        } else {
            self.was_asked = false;
            self.was_closed = !asks && rounds_off(seen.doc);
        }
        self.extend(seen);
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
            words: Vec::new(),
        });
    }

    fn extend(&mut self, seen: Seen<'_>) {
        let Some(topic) = self.topics.back_mut() else {
            return;
        };
        topic.last = seen.at;
        topic.messages = topic.messages.saturating_add(1);
        for subject in seen.subjects {
            if topic.subjects.len() < SUBJECTS_MAX && !topic.subjects.contains(subject) {
                topic.subjects.push(subject.clone());
            }
        }
        for word in seen.content {
            topic.words.retain(|w| *w != word);
            topic.words.push(word);
        }
        let over = topic.words.len().saturating_sub(WORDS_MAX);
        topic.words.drain(..over);
    }
}

/// The score of signs, and the signs that people are told about.
fn told(signs: &[f32; SIGNS]) -> Turn {
    let score = weights::score(signs);
    let table = [
        (signs::ANNOUNCED, Sign::Words, 0.5),
        (signs::OTHER_SUBJECT, Sign::Subject, 0.5),
        (signs::OTHER_WISH, Sign::Intent, 0.01),
        (signs::GAP, Sign::Gap, 0.5),
        (signs::MOOD_TURN, Sign::Mood, 0.5),
        (signs::NOVELTY, Sign::Subject, NEW_SUBJECT),
    ];
    let mut named = Vec::new();
    for (at, sign, least) in table {
        if signs[at] >= least && !named.contains(&sign) {
            named.push(sign);
        }
    }
    Turn {
        score,
        switched: score >= SWITCH_AT,
        signs: named,
    }
}

/// `ok`, `thanks`, `great, see you`: nothing is left open.
fn rounds_off(doc: &Doc<'_>) -> bool {
    const WORDS: &[&str] = &[
        "ok",
        "okay",
        "thanks",
        "thank",
        "thx",
        "great",
        "perfect",
        "good",
        "fine",
        "noted",
        "deal",
        "done",
        "super",
        "nice",
        "wonderful",
        "cool",
        "agreed",
        "confirmed",
        "sure",
        "yes",
        "got",
        "received",
        "تمام",
        "شكرا",
        "مشكور",
        "زين",
        "اوكي",
        "تم",
        "طيب",
        "حلو",
        "خلاص",
        "موافق",
        "mashi",
        "tamam",
        "shukran",
        "zain",
    ];
    (0..doc.len().min(3)).any(|i| WORDS.contains(&doc.word(i)))
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
fn says_so(folded: &str) -> bool {
    const PHRASES: &[&str] = &[
        "by the way",
        "btw",
        "another question",
        "another thing",
        "another matter",
        "one more thing",
        "one last thing",
        "another one",
        "quick question",
        "before i forget",
        "i forgot",
        "forgot to",
        "while i have you",
        "different matter",
        "back to",
        "coming back to",
        "on top of that",
        "as for",
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
        "نسيت",
        "وبالنسبه",
        "بالنسبه",
        "بخصوص",
        "وبخصوص",
        "رجوعا",
        "نرجع",
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
    PHRASES.iter().any(|phrase| holds_phrase(folded, phrase))
}

fn holds_phrase(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + phrase.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}
