//! What reading messages leaves behind: threads of conversations, and what each part did.

use waypost_engine::model::{Address, ConversationId, MessageId, Timestamp, WorkspaceId};

/// Threads of one conversation that are open at once.
pub const OPEN_THREADS_MAX: usize = 10;
/// Longest list of one thread's subjects, in bytes of JSON.
pub const SUBJECTS_LEN_MAX: usize = 16_384;

/// Longest edited set, in bytes.
pub const SET_LEN_MAX: usize = 4 * 1024 * 1024;

/// A list that people put in place of the one that comes with the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsightSet {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub content: String,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// What reading one message changed, committed with its findings.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The conversation it was read in. When its messages were poured into another one meanwhile, its
    /// thread is not kept.
    pub conversation: ConversationId,
    /// What each part did, as JSON.
    pub traces: String,
    /// What the conversation is about now, as JSON; `None` leaves it as it is.
    pub topic: Option<String>,
    /// The message's thread; `None` when it has none.
    pub thread: Option<ThreadChange>,
}

/// A thread after a message joined it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadChange {
    /// Its number within the conversation, from 1.
    pub number: u64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was last spoken of.
    pub last_at: Timestamp,
    /// How many messages it has.
    pub messages: u32,
    /// What it is about, as a JSON list.
    pub subjects: String,
    /// Threads that ended with this.
    pub closed: Vec<u64>,
}

/// A stored thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Its number within the conversation, from 1.
    pub number: u64,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was last spoken of.
    pub last_at: Timestamp,
    /// When it ended; absent while it is open.
    pub closed_at: Option<Timestamp>,
    /// How many messages it has.
    pub messages: u32,
    /// The message that opened it.
    pub first_message: MessageId,
    /// The newest message in it.
    pub last_message: MessageId,
    /// What it is about.
    pub subjects: serde_json::Value,
}

/// What must be known of a conversation to read its next message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConversationReading {
    /// What it is about, as it was committed with its last read message.
    pub topic: Option<serde_json::Value>,
    /// Its open threads, oldest first, at most [`OPEN_THREADS_MAX`].
    pub open: Vec<Thread>,
    /// The highest number any of its threads had.
    pub last_number: u64,
    /// The phone number of the person it is with, when it is known.
    pub phone: Option<Address>,
    /// Whether the turn of an earlier message is still to be found, so that those of later ones must wait.
    pub is_behind: bool,
}

/// What was found of a message after it was put off.
#[derive(Debug, Clone, PartialEq)]
pub struct LateReading {
    /// Whose.
    pub workspace: WorkspaceId,
    /// The message.
    pub message: MessageId,
    /// What is known of it now.
    pub findings: serde_json::Value,
    /// What reading it changed.
    pub read: Read,
    /// The conversation as it was when its turn was found; `None` when only what it says by itself was open.
    pub before: Option<ConversationReading>,
    /// Now.
    pub now: Timestamp,
}

/// What became of a [`LateReading`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaughtUp {
    /// It is kept, and the message is off the list.
    Done,
    /// The message was not on the list; nothing was written.
    Already,
    /// The conversation became another one meanwhile; nothing was written, and the message is to be read again.
    NotNow,
}

/// Everything that is kept about how a message was processed.
#[derive(Debug, Clone, PartialEq)]
pub struct Processed {
    /// What the stages found out.
    pub findings: serde_json::Value,
    /// What each part did; absent for messages that were processed before parts were traced.
    pub traces: Option<serde_json::Value>,
    /// The number of its thread within its conversation, as it is now.
    pub thread: Option<u64>,
    /// When.
    pub at: Timestamp,
}
