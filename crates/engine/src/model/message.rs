//! Messages on their way in.

use super::address::Address;
use super::content::Content;
use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A position in one account's order, fixed when the message was committed. Starts at 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub i64);

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To us.
    In,
    /// From us: sent here, or from the account's own phone.
    Out,
}

/// How a message came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It arrived while we were connected.
    Live,
    /// WhatsApp kept it while we were away.
    Offline,
    /// It came with a history sync: stored and searchable, never acted on.
    History,
    /// It was missing, and the account's phone gave it later: stored at its place, never acted on.
    Backfill,
    /// The account's owner sent it from another device: stored, never acted on.
    Own,
    /// A retry of something that could not be decrypted before.
    Repair,
    /// Sent through Waypost.
    Sent,
}

impl Origin {
    /// True when rules may answer it. History and own messages are only remembered.
    #[must_use]
    pub fn may_act(self) -> bool {
        matches!(self, Self::Live | Self::Offline | Self::Repair)
    }

    /// True for what a phone gives long after it was said. Nobody is told of it as of something new.
    #[must_use]
    pub fn is_past(self) -> bool {
        matches!(self, Self::History | Self::Backfill)
    }
}

/// A message as a channel hands it over, before it is committed.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// The id WhatsApp gave it. Unique only together with chat and sender.
    pub wire_id: String,
    /// The person or group it belongs to.
    pub chat: Address,
    /// The chat's other address, when the stanza names it.
    pub chat_alt: Option<Address>,
    /// Who wrote it. Equal to `chat` in a conversation with one person, unless `from_me`.
    pub sender: Address,
    /// The sender's other address, when the stanza names it.
    pub sender_alt: Option<Address>,
    /// Written by the account itself on another of its devices.
    pub from_me: bool,
    /// The name the sender chose to show. Outsiders' text.
    pub push_name: Option<String>,
    /// How it came.
    pub origin: Origin,
    /// When the sender's side says it was sent.
    pub sent_at: Timestamp,
    /// When it reached us.
    pub received_at: Timestamp,
    /// The normal form.
    pub content: Content,
    /// The raw protobuf; empty for a placeholder.
    pub raw: Vec<u8>,
}

impl Inbound {
    /// Stands for a message of somebody else's until it can be read. It was sent and received at `at`, as far
    /// as is known.
    #[must_use]
    pub fn placeholder(
        wire_id: String,
        chat: Address,
        sender: Address,
        origin: Origin,
        at: Timestamp,
    ) -> Self {
        Self {
            wire_id,
            chat,
            chat_alt: None,
            sender,
            sender_alt: None,
            from_me: false,
            push_name: None,
            origin,
            sent_at: at,
            received_at: at,
            content: Content::Placeholder,
            raw: Vec::new(),
        }
    }
}
