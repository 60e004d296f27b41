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
    /// Work on a message began. Only told when somebody switched it on.
    pub const MESSAGE_STARTED: &str = "message.started";
    /// A stage is done with a message. Only told when somebody switched it on.
    pub const STAGE_COMPLETED: &str = "stage.completed";
    /// Every stage is done with a message. Only told when somebody switched it on; it comes with
    /// [`MESSAGE_PROCESSED`], which says what was found.
    pub const MESSAGE_COMPLETED: &str = "message.completed";
    /// Work on a message failed and is tried again. The last failure is a [`DEAD_LETTER`].
    pub const MESSAGE_FAILED: &str = "message.failed";
    /// A stored message was read again: what was found out about it is replaced.
    pub const MESSAGE_REREAD: &str = "message.reread";
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
    /// An account's proxy gives no way to WhatsApp, or gives one again.
    pub const ACCOUNT_PROXY: &str = "account.proxy";
    /// An account's health score changed much, dropped, or made it be brought back.
    pub const ACCOUNT_HEALTH: &str = "account.health";
    /// Work is put off because the machine is overloaded, or taken up again.
    pub const SYSTEM_LOAD: &str = "system.load";
    /// An account and everything that hung on it was deleted.
    pub const ACCOUNT_DELETED: &str = "account.deleted";
    /// Messages are missing.
    pub const GAP_FOUND: &str = "gap.found";
    /// Messages that were missing came after all.
    pub const GAP_FILLED: &str = "gap.filled";
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
    /// Somebody switched parts of the pipeline.
    pub const PIPELINE_CHANGED: &str = "pipeline.changed";
    /// Somebody edited a list that messages are read by.
    pub const INSIGHT_CHANGED: &str = "insight.changed";
    /// A webhook endpoint was disabled.
    pub const ENDPOINT_DISABLED: &str = "endpoint.disabled";
    /// A spreadsheet failed too often and is left alone, is tried again, or works again.
    pub const SHEET_BREAKER: &str = "sheet.breaker";
    /// A row could not be written for good.
    pub const SHEET_ROW_FAILED: &str = "sheet.row_failed";
}

/// True for kinds that tell of single steps and come many to a message: only who names them gets them.
#[must_use]
pub fn is_detail(kind: &str) -> bool {
    kind.starts_with("stage.") || matches!(kind, kind::MESSAGE_STARTED | kind::MESSAGE_COMPLETED)
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
