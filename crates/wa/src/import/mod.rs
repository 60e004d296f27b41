//! Moving in: the sessions of other clients, read so that nobody has to scan a code again.
//!
//! A linked device is its keys. [`baileys`] and [`whatsmeow`] read them from what
//! these libraries store, check them, and give back a [`Moved`] device: everything that [`crate::SessionKeys`] must
//! hold for a connection to go on where the old client stopped, ratchets included. Nothing is
//! written here; whoever calls stores [`Moved::writes`] in one transaction.
//!
//! The old client must have stopped for good: two clients with one session undo each other's
//! ratchets, and WhatsApp closes the connection of one whenever the other comes online.
//!
//! # What comes over, and what does not
//!
//! Keys, sessions, sender keys, one-time keys, app-state keys with their versions, the pairs of
//! numbers and LIDs, and the tokens of known contacts come over. Device lists, group metadata and
//! which group members hold our sender key are asked for or sent again, so they are left where they
//! are; messages are not part of a session. [`Moved::left_out`] names what was seen and left.

mod baileys;
mod gathered;
mod peer;
mod sender_keys;
mod sessions;
#[cfg(test)]
mod tests;
mod value;
mod whatsmeow;

pub use baileys::baileys;
pub use whatsmeow::whatsmeow;

use crate::ports::KeyWrite;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use waypost_engine::model::Address;

/// What an old client stored, by name: the files of a Baileys folder (`creds.json`,
/// `session-….json`), or the tables of a whatsmeow database, each an array of rows.
pub type Parts = BTreeMap<String, Value>;

/// Most keys that one device may bring. More is refused: no real device comes near it.
pub const IMPORT_KEYS_MAX: usize = 500_000;

/// A part that cannot be taken over. Nothing of the device is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct ImportError {
    /// The file or table, and the field or row in it.
    pub place: String,
    /// What is wrong with it, and what to do where that helps.
    pub what: String,
}

impl ImportError {
    pub(super) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
        }
    }
}

/// How much a device brings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Brought {
    /// Conversations' ratchets: one for each device of each person.
    pub sessions: usize,
    /// Identity keys of other people's devices.
    pub identities: usize,
    /// One-time keys that others may still use to write first.
    pub one_time_keys: usize,
    /// Group keys, ours and other people's.
    pub sender_keys: usize,
    /// Keys of the app-state sync.
    pub sync_keys: usize,
    /// App-state collections that go on from their version.
    pub sync_collections: usize,
    /// Pairs of phone number and LID.
    pub address_pairs: usize,
    /// Tokens that let us write to known contacts.
    pub contact_tokens: usize,
    /// Secrets that decrypt later reactions, edits and votes.
    pub message_secrets: usize,
}

/// Something that was seen and stays behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What it is.
    pub what: String,
    /// How many of them.
    pub count: usize,
    /// Why that does no harm, or what it costs.
    pub why: String,
}

/// A device that was read and can be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// Its phone number.
    pub phone: Address,
    /// Its LID, when the old client knew it.
    pub lid: Option<Address>,
    /// Which of the phone's linked devices it is.
    pub device: u16,
    /// The name that others see; empty when the old client did not know it.
    pub push_name: String,
    /// How much it brings.
    pub brought: Brought,
    /// What stays behind.
    pub left_out: Vec<LeftOut>,
    /// What to store for it, all or nothing, in an account without a session.
    pub writes: Vec<KeyWrite>,
}
