//! Messages on their way out.

use super::address::Address;
use super::content::Content;
use super::id::{AccountId, ConversationId, MessageId, RuleId};
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a sent message has come. Only moves forward, and `Failed` is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendState {
    /// Committed here, not yet accepted by WhatsApp.
    Accepted,
    /// WhatsApp's server accepted it. From here on the send is final.
    Server,
    /// It reached a device of the recipient.
    Delivered,
    /// The recipient opened it.
    Read,
    /// It was refused or given up; see the reason.
    Failed,
    /// Held for a person after a restore from backup: nobody knows whether it went out.
    Held,
}

/// Why a send failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum FailReason {
    /// The server refused it with this code.
    Refused {
        /// WhatsApp's error code.
        status: u32,
    },
    /// The account may not start new chats for now (463).
    Restricted,
    /// There is nobody on WhatsApp under this number.
    #[serde(rename = "not_on_whatsapp")]
    NotOnWhatsApp,
    /// Every attempt failed; the last error is kept.
    Exhausted {
        /// The last error, for a person.
        error: String,
    },
    /// The content cannot be sent over this channel.
    Unsupported {
        /// What cannot be sent.
        what: String,
    },
    /// The file to send is missing or could not be uploaded.
    Media {
        /// What went wrong.
        error: String,
    },
    /// A person cancelled it.
    Cancelled,
}

/// What caused a send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum SendOrigin {
    /// A person or program, through the API.
    Api,
    /// A reply rule.
    Rule {
        /// The rule.
        rule: RuleId,
        /// The message it answers.
        answers: MessageId,
    },
}

/// A send as decided, before it is committed. Its ids never change afterwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Our id.
    pub id: MessageId,
    /// The sending account.
    pub account: AccountId,
    /// Known when it answers an existing conversation; otherwise found or made from `to`.
    pub conversation: Option<ConversationId>,
    /// The recipient.
    pub to: Address,
    /// The id WhatsApp will see. The same on every attempt, so that a recipient's app drops doubles.
    pub wire_id: String,
    /// What it says.
    pub content: Content,
    /// The finished payload, when it could be made at once (everything but files to upload).
    pub frozen: Option<Vec<u8>>,
    /// What caused it.
    pub origin: SendOrigin,
    /// When it was decided.
    pub created_at: Timestamp,
}
