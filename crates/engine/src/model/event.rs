//! The event log: what happened, never rewritten.

use super::id::{AccountId, ConversationId, EventId, WorkspaceId};
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The kinds of event. New ones may be added; a meaning is never changed.
pub mod kind {
    /// A message was stored.
    pub const MESSAGE_RECEIVED: &str = "message.received";
    /// A stored message has gone through every stage.
    pub const MESSAGE_PROCESSED: &str = "message.processed";
    /// A placeholder was filled.
    pub const MESSAGE_REPAIRED: &str = "message.repaired";
    /// A send was committed.
    pub const MESSAGE_ACCEPTED: &str = "message.accepted";
    /// A send changed its state.
    pub const MESSAGE_STATE: &str = "message.state";
    /// A message was edited, deleted or reacted to.
    pub const MESSAGE_CHANGED: &str = "message.changed";
    /// A file arrived or could not be had.
    pub const MEDIA_STATE: &str = "media.state";
    /// A file was read, or cannot be.
    pub const MEDIA_READ: &str = "media.read";
    /// An account changed its state.
    pub const ACCOUNT_STATE: &str = "account.state";
    /// WhatsApp bars an account from starting new chats.
    pub const ACCOUNT_RESTRICTED: &str = "account.restricted";
    /// An account that is not well is being brought back another way, or a person is called.
    pub const ACCOUNT_RECOVERY: &str = "account.recovery";
    /// An account and everything that hung on it was deleted.
    pub const ACCOUNT_DELETED: &str = "account.deleted";
    /// A new code to show while linking.
    pub const LINK_CODE: &str = "link.code";
    /// A message went to the dead letters.
    pub const DEAD_LETTER: &str = "dead_letter.added";
    /// Two contacts turned out to be one person.
    pub const CONTACT_MERGED: &str = "contact.merged";
    /// Somebody is typing or stopped.
    pub const TYPING: &str = "conversation.typing";
    /// A conversation was marked as read.
    pub const CONVERSATION_READ: &str = "conversation.read";
    /// The database came back from a backup: whatever happened after it was made is not here.
    pub const STORE_RESTORED: &str = "store.restored";
    /// A webhook endpoint was disabled.
    pub const ENDPOINT_DISABLED: &str = "endpoint.disabled";
}

/// An event to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Its id.
    pub id: EventId,
    /// Who may see it.
    pub workspace: WorkspaceId,
    /// The account it is about.
    pub account: Option<AccountId>,
    /// The conversation it is about.
    pub conversation: Option<ConversationId>,
    /// One of [`kind`].
    pub kind: &'static str,
    /// Version of `data`'s shape.
    pub version: u16,
    /// What happened.
    pub data: serde_json::Value,
    /// When.
    pub at: Timestamp,
}

/// An event as read back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Its place in the log, assigned after commit; rises without ever being skipped by a reader.
    pub position: i64,
    /// Who may see it.
    pub workspace: WorkspaceId,
    /// The account it is about.
    pub account: Option<AccountId>,
    /// The conversation it is about.
    pub conversation: Option<ConversationId>,
    /// One of [`kind`].
    pub kind: String,
    /// Version of `data`'s shape.
    pub version: u16,
    /// What happened.
    pub data: serde_json::Value,
    /// When.
    pub at: Timestamp,
}
