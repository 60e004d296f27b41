//! One message's way through the store: accepted, worked on, completed.

use crate::accounts::OwnerEpoch;
use waypost_engine::model::{
    AccountId, Address, ContactId, Content, ConversationId, Draft, Inbound, MessageId, NewEvent,
    Origin, Seq, Timestamp,
};

/// Messages accepted in one transaction; longer lists are committed in several.
pub const ACCEPT_ITEMS_MAX: usize = 256;
/// Longest name a sender may show, in characters; longer ones are cut.
pub const SENDER_NAME_MAX: usize = 128;
/// Longest wire id, in bytes; a message with a longer one is refused.
pub const WIRE_ID_MAX: usize = 256;

/// Messages a channel hands over.
#[derive(Debug, Clone)]
pub struct Accept {
    /// Whose messages.
    pub account: AccountId,
    /// As whom this process took the account.
    pub owner: OwnerEpoch,
    /// Now.
    pub now: Timestamp,
    /// The messages, in the order they arrived.
    pub items: Vec<Inbound>,
}

/// What became of one accepted message.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    /// Stored, and to be worked on. A placeholder holds its conversation up until its `next_at`.
    New(Box<Work>),
    /// A placeholder was filled, and is to be worked on now.
    Repaired(Box<Work>),
    /// Stored; nothing is to be done about it (history, own messages).
    Stored {
        /// The message.
        message: MessageId,
        /// Its conversation.
        conversation: ConversationId,
        /// Its place in the account's order.
        seq: Seq,
    },
    /// It was stored before.
    Duplicate {
        /// The message as stored.
        message: MessageId,
    },
}

impl Accepted {
    /// The message's id.
    #[must_use]
    pub fn message(&self) -> MessageId {
        match self {
            Self::New(work) | Self::Repaired(work) => work.message,
            Self::Stored { message, .. } | Self::Duplicate { message } => *message,
        }
    }
}

/// A message that was accepted and is not done.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// The message.
    pub message: MessageId,
    /// Its account.
    pub account: AccountId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its place in the account's order.
    pub seq: Seq,
    /// Failed attempts so far.
    pub attempt: u32,
    /// How it came.
    pub origin: Origin,
    /// What it says.
    pub content: Content,
    /// Where an answer goes.
    pub chat: Address,
    /// Whether the conversation is a group.
    pub is_group: bool,
    /// Who wrote it; `None` for the account itself.
    pub sender: Option<ContactId>,
    /// The name the sender shows. Outsiders' text.
    pub sender_name: Option<String>,
    /// When the sender's side says it was sent.
    pub sent_at: Timestamp,
    /// When it reached us.
    pub received_at: Timestamp,
    /// Not to be worked on before.
    pub next_at: Timestamp,
}

/// Newest messages of an account looked through for [`crate::Store::rule_answers_since`].
pub const ANSWERS_READ_MAX: i64 = 5_000;

/// The outcome of a message's stages, committed as one.
#[derive(Debug, Clone)]
pub struct Complete {
    /// The message.
    pub message: MessageId,
    /// Its account.
    pub account: AccountId,
    /// As whom this process took the account.
    pub owner: OwnerEpoch,
    /// Now.
    pub now: Timestamp,
    /// What the stages found out.
    pub findings: serde_json::Value,
    /// What reading it changed; absent when nothing read it.
    pub read: Option<Box<crate::reading::Read>>,
    /// What is sent because of it.
    pub sends: Vec<Draft>,
    /// Events beside the one that says that it was processed.
    pub events: Vec<NewEvent>,
}

/// What became of a completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completed {
    /// Committed. The sends are in the outbox.
    Done {
        /// Where each of the sends is now, in their order.
        sends: Vec<crate::sending::Queued>,
    },
    /// It was done already; nothing was written.
    AlreadyDone,
    /// Another process owns the account now; nothing was written.
    NotOwner,
}
