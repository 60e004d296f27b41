//! What is learned about holes, and what is to be done about them.

use super::first_history::{FirstHistory, Piece};
use super::gap::{Gap, Mark, Reference};
use crate::model::{Duration, Timestamp};

/// Waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapsConfig {
    /// How long something named or unreadable may take to come by itself.
    pub settle: Duration,
    /// How long the phone may take to answer.
    pub answer: Duration,
    /// Between two questions.
    pub pause: Duration,
    /// Before the second round of asking; later ones wait longer and longer.
    pub retry: Duration,
    /// How long the next piece of the history may take after a link.
    pub history: Duration,
}

impl Default for GapsConfig {
    fn default() -> Self {
        Self {
            settle: Duration::mins(2),
            answer: Duration::mins(1),
            pause: Duration::secs(15),
            retry: Duration::mins(1),
            history: Duration::mins(5),
        }
    }
}

/// Whether WhatsApp said that a backlog was all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backlog {
    /// It did.
    Whole,
    /// It stopped before; the connection is made anew and the rest comes again.
    Interrupted,
}

/// Which question of ours an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The one that is waited for.
    Asked,
    /// One that was given up, or somebody else's.
    Other,
}

/// What is learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A phone has just accepted this device: its history is awaited.
    Linked,
    /// A piece of that history came.
    Piece(Piece),
    /// The connection came up.
    Online,
    /// It is gone.
    Offline,
    /// Messages kept while we were away: how many were announced, how many different ones came.
    Synced {
        /// Announced.
        announced: u32,
        /// Came.
        arrived: u32,
        /// Whether that was all.
        backlog: Backlog,
    },
    /// A message arrived that nobody can decrypt.
    Unreadable(Mark),
    /// A message says something about one that is not here.
    Named {
        /// What it says.
        reference: Reference,
        /// The message that is not here.
        wire_id: String,
        /// The message that says it.
        by: Mark,
    },
    /// Messages were stored that come late: offline or back-filled.
    Stored(Vec<Mark>),
    /// Messages that were unreadable were filled. They were never among those that did not come.
    Repaired(Vec<Mark>),
    /// Somebody wrote, here and now.
    Spoke(Mark),
    /// Answers [`Effect::Check`]: whether the message is here.
    Checked {
        /// The hole.
        key: String,
        /// Whether it closed by itself.
        here: bool,
    },
    /// Answers [`Effect::Look`].
    Found {
        /// The hole.
        key: String,
        /// Messages behind it, the newest chats first.
        behind: Vec<Mark>,
    },
    /// The phone answered [`Effect::Ask`].
    Answered {
        /// Whether it is the question that is waited for; else it is an earlier one.
        question: Question,
        /// How many messages it gave.
        given: u32,
        /// The oldest of them.
        oldest: Option<Mark>,
        /// Those that were not here before.
        stored: Vec<Mark>,
    },
    /// The question could not be asked.
    NotAsked,
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write the hole down as it is now, and tell of it.
    Keep(Gap, News),
    /// It was no hole: the message is from before the link.
    Drop(Gap),
    /// See whether this message is here by now.
    Check {
        /// The hole.
        key: String,
        /// The message.
        wire_id: String,
    },
    /// Look for messages behind the hole.
    Look(Gap),
    /// Ask the phone for [`super::ASK_COUNT`] messages before this one.
    Ask(Mark),
    /// Write down what of the history that comes at linking is awaited still.
    Await(Option<FirstHistory>),
    /// Write down that everything up to here has come or is known to be missing.
    CaughtUp(Timestamp),
}

/// What is told to others about a hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Nothing.
    None,
    /// It was found.
    Found,
    /// Some of it, or all, was filled with these messages.
    Filled(Vec<String>),
}
