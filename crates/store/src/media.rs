//! Files that messages carry, on their way here.

use waypost_engine::model::{
    AccountId, Address, BlobId, MediaKind, MediaPointer, MessageId, Timestamp,
};

/// A file to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaJob {
    /// The message that carries it.
    pub message: MessageId,
    /// Its account.
    pub account: AccountId,
    /// What kind of file.
    pub kind: MediaKind,
    /// Where WhatsApp keeps it.
    pub pointer: MediaPointer,
    /// The message's wire id, for asking the phone to upload it again.
    pub wire_id: String,
    /// The message's chat, for the same.
    pub chat: Address,
    /// Who sent it, in a group.
    pub sender: Option<Address>,
    /// Whether the account itself sent it, from another device.
    pub from_me: bool,
    /// Attempts so far.
    pub attempts: u32,
    /// True once the phone was asked to upload it again.
    pub asked_again: bool,
}

/// What became of an attempt to fetch a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaOutcome {
    /// The blob is stored.
    Stored {
        /// The blob.
        blob: BlobId,
    },
    /// Not this time; try again then.
    Later {
        /// Why, for a person.
        reason: String,
        /// When.
        next_at: Timestamp,
    },
    /// The phone was asked to upload it again; look again then.
    AskedAgain {
        /// When.
        next_at: Timestamp,
    },
    /// The phone uploaded it again: this is where.
    Moved {
        /// Where WhatsApp keeps it now.
        pointer: MediaPointer,
        /// When to fetch it.
        next_at: Timestamp,
    },
    /// It cannot be had.
    Failed {
        /// Why, for a person.
        reason: String,
    },
}
