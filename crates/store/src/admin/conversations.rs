//! Conversations and their messages, as people see them.

use super::groups::Joined;
use serde::{Deserialize, Serialize};
use waypost_engine::model::{
    AccountId, Address, ContactId, Content, ConversationId, Direction, FailReason, MediaState,
    MessageId, Origin, SendOrigin, SendState, Seq, Timestamp, WorkspaceId,
};

/// Longest preview of a last message, in characters.
pub const PREVIEW_CHARS: usize = 160;
/// Most messages that one marking as read names for read receipts; WhatsApp takes the newest as
/// standing for all before it.
pub const READ_RECEIPTS_MAX: i64 = 200;

/// Which conversations are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationFilter {
    /// Where.
    pub workspace: WorkspaceId,
    /// Only those of this account.
    pub account: Option<AccountId>,
    /// Only those with this text in a name or an address.
    pub text: Option<String>,
    /// Whether read ones are left out.
    pub show: Show,
}

impl ConversationFilter {
    /// All conversations of a workspace.
    #[must_use]
    pub fn all(workspace: WorkspaceId) -> Self {
        Self {
            workspace,
            account: None,
            text: None,
            show: Show::All,
        }
    }
}

/// Read and unread, or unread only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Show {
    /// All.
    #[default]
    All,
    /// Only those with unread messages.
    Unread,
}

/// Who a conversation is with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "with", rename_all = "snake_case")]
pub enum Party {
    /// One person.
    Contact {
        /// Who.
        contact: ContactId,
        /// Their number, when known.
        phone: Option<Address>,
        /// Their LID, when known.
        lid: Option<Address>,
    },
    /// A group, or another kind of chat.
    Chat {
        /// Its address.
        address: Address,
        /// Whether the account is still in it, when the group is known.
        joined: Option<Joined>,
    },
}

/// A conversation in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConversationView {
    /// Its id.
    pub id: ConversationId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// Our side.
    pub account: AccountId,
    /// What to call it.
    pub title: String,
    /// The other side.
    pub party: Party,
    /// Unread messages.
    pub unread: i64,
    /// When something was last said.
    pub last_at: Timestamp,
    /// The last message.
    pub last: Option<Preview>,
    /// When it began.
    pub created_at: Timestamp,
}

/// The last message of a conversation in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preview {
    /// Its id.
    pub message: MessageId,
    /// Which way it went.
    pub direction: Direction,
    /// The kind of its content.
    pub kind: String,
    /// Its first words; none when it has no words or was deleted.
    pub text: Option<String>,
    /// Who wrote it, in a group.
    pub sender_name: Option<String>,
    /// How far it came, when it was sent from here.
    pub state: Option<SendState>,
}

/// Where in a conversation to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Around {
    /// The newest messages.
    Newest,
    /// What came before this place.
    Before(Place),
    /// What came after this place.
    After(Place),
}

/// A place in a conversation as it is shown: by time sent, then by the account's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Time sent.
    pub sent_at: Timestamp,
    /// The account's order.
    pub seq: Seq,
}

/// Some messages of a conversation, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<MessageView>,
    /// Where older ones are; absent at the beginning.
    pub older: Option<Place>,
    /// Where newer ones may be; absent when there were none.
    pub newer: Option<Place>,
}

/// A message with everything that happened to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageView {
    /// Its id.
    pub id: MessageId,
    /// Our side.
    pub account: AccountId,
    /// Where it was said.
    pub conversation: ConversationId,
    /// Its place in the account's order.
    pub seq: Seq,
    /// Which way it went.
    pub direction: Direction,
    /// How it came to be known.
    pub origin: Origin,
    /// WhatsApp's id of it.
    pub wire_id: String,
    /// The chat's address as it was written.
    pub chat: Address,
    /// Who wrote it; absent for the account itself.
    pub sender: Option<ContactId>,
    /// The sender's address as it was written.
    pub sender_address: Option<Address>,
    /// What the sender is called.
    pub sender_name: Option<String>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it reached us.
    pub received_at: Timestamp,
    /// What it says; keys of files are left out.
    pub content: Content,
    /// How far it came, when it was sent from here.
    pub send: Option<SendView>,
    /// Its file.
    pub media: Option<MediaView>,
    /// Reactions to it, one per person.
    pub reactions: Vec<Reaction>,
    /// Its newest wording, when it was edited.
    pub edited: Option<Edited>,
    /// When it was deleted for everyone.
    pub revoked_at: Option<Timestamp>,
    /// What the stages found out about it.
    pub findings: Option<serde_json::Value>,
}

/// How far a sent message came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SendView {
    /// Its state.
    pub state: SendState,
    /// Why it failed.
    pub fail: Option<FailReason>,
    /// Attempts so far.
    pub attempts: u32,
    /// The last error, while it is still tried.
    pub last_error: Option<String>,
    /// When the server accepted it.
    pub server_at: Option<Timestamp>,
    /// When it reached the recipient.
    pub delivered_at: Option<Timestamp>,
    /// When it was read.
    pub read_at: Option<Timestamp>,
    /// What caused it.
    pub cause: SendOrigin,
    /// What the rule that caused it is called now; absent when no rule did, or it was deleted.
    pub rule_name: Option<String>,
}

/// A message's file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MediaView {
    /// Where it is.
    #[serde(flatten)]
    pub state: MediaState,
    /// Its MIME type as found in the file itself, once it is stored.
    pub mime: Option<String>,
}

/// A reaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reaction {
    /// Whose; absent for the account itself.
    pub contact: Option<ContactId>,
    /// The emoji.
    pub emoji: String,
    /// When.
    pub at: Timestamp,
}

/// An edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edited {
    /// The words now.
    pub body: String,
    /// When.
    pub at: Timestamp,
}

/// A message to send a read receipt for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadReceipt {
    /// WhatsApp's id of it.
    pub wire_id: String,
    /// The chat as it was written.
    pub chat: Address,
    /// The sender as it was written.
    pub sender: Option<Address>,
}

/// What marking a conversation as read did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedRead {
    /// Our side.
    pub account: AccountId,
    /// The messages that were unread, newest first.
    pub receipts: Vec<ReadReceipt>,
}

/// What came of messages being read on another device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadElsewhere {
    /// The conversation has fewer unread messages now.
    Marked {
        /// How many are left.
        unread: i64,
    },
    /// They were read before.
    Already,
    /// None of the messages is stored, or not yet.
    Unknown,
}
