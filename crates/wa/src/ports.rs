//! What this room needs from the server.

use async_trait::async_trait;
use bytes::Bytes;
use waypost_engine::model::{AccountId, Address, Inbound};

/// What a stored key belongs to. The numbers are stored; they are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Space {
    /// The device itself: identity, Noise and ADV keys, numbers, push name.
    Device = 1,
    /// Identity keys of other people's devices.
    Identity = 2,
    /// Signal sessions.
    Session = 3,
    /// One-time keys others use to write to us first.
    Prekey = 4,
    /// Signed pre-keys.
    SignedPrekey = 5,
    /// Group sender keys.
    SenderKey = 6,
    /// Keys of the app-state sync.
    SyncKey = 7,
    /// Version and hash per app-state collection.
    SyncVersion = 8,
    /// Authentication codes of app-state entries.
    SyncMac = 9,
    /// Which devices of a group already hold our sender key.
    SenderKeyDevice = 10,
    /// LID to phone number.
    LidMapping = 11,
    /// Phone number to LID.
    PhoneMapping = 12,
    /// Base keys, to notice sessions that keep failing.
    BaseKey = 13,
    /// Device lists of people.
    DeviceList = 14,
    /// Group metadata.
    Group = 15,
    /// Trusted-contact tokens.
    TcToken = 16,
    /// Decrypted messages that wait for their commit.
    PendingInbound = 17,
    /// Message secrets, for reactions, edits and votes.
    MessageSecret = 18,
    /// Copies of what the library itself sent.
    SentCopy = 19,
    /// What recipients asked to have again and may not have got yet.
    OwedRepeat = 20,
}

impl Space {
    /// Every space.
    pub const ALL: [Self; 20] = [
        Self::Device,
        Self::Identity,
        Self::Session,
        Self::Prekey,
        Self::SignedPrekey,
        Self::SenderKey,
        Self::SyncKey,
        Self::SyncVersion,
        Self::SyncMac,
        Self::SenderKeyDevice,
        Self::LidMapping,
        Self::PhoneMapping,
        Self::BaseKey,
        Self::DeviceList,
        Self::Group,
        Self::TcToken,
        Self::PendingInbound,
        Self::MessageSecret,
        Self::SentCopy,
        Self::OwedRepeat,
    ];

    /// The number it is stored under.
    #[must_use]
    pub const fn id(self) -> u16 {
        self as u16
    }
}

/// One change of an account's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyWrite {
    /// Sets a value.
    Put {
        /// Where.
        space: Space,
        /// Which.
        key: Vec<u8>,
        /// To what.
        value: Bytes,
    },
    /// Removes a key, if it is there.
    Delete {
        /// Where.
        space: Space,
        /// Which.
        key: Vec<u8>,
    },
    /// Removes every key that begins so; an empty prefix clears the space.
    DeletePrefix {
        /// Where.
        space: Space,
        /// How the keys begin.
        prefix: Vec<u8>,
    },
}

/// Why the session store could not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the session store failed: {0}")]
pub struct KeysError(pub String);

/// An ordered key-value store for the sessions of many accounts.
#[async_trait]
pub trait SessionKeys: Send + Sync {
    /// The value of a key.
    async fn get(
        &self,
        account: AccountId,
        space: Space,
        key: &[u8],
    ) -> Result<Option<Bytes>, KeysError>;

    /// The values of many keys, in their order.
    async fn get_many(
        &self,
        account: AccountId,
        space: Space,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Bytes>>, KeysError> {
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            values.push(self.get(account, space, key).await?);
        }
        Ok(values)
    }

    /// Every key that begins with `prefix`, in byte order, with its value.
    async fn scan(
        &self,
        account: AccountId,
        space: Space,
        prefix: &[u8],
    ) -> Result<Vec<(Vec<u8>, Bytes)>, KeysError>;

    /// Applies the writes in their order, all or none. Durable when it returns, and never durable
    /// before a message committed earlier.
    async fn write(&self, account: AccountId, writes: Vec<KeyWrite>) -> Result<(), KeysError>;
}

/// Why messages could not be committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// It may work in a moment.
    #[error("not committed yet: {0}")]
    Passing(String),
    /// It will not work; the connection is given up at once and nothing is acknowledged.
    #[error("not committed: {0}")]
    Final(String),
}

/// Where messages are committed.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Commits the messages, in their order, all or none. Durable on `Ok`: WhatsApp is told right
    /// after. The same messages may come again and must be recognised by chat, sender and id.
    async fn commit(&self, account: AccountId, messages: Vec<Inbound>) -> Result<(), CommitError>;

    /// Whether a message was committed, and with its content: a placeholder does not count. An
    /// unsure "no" costs one more delivery of the message; a wrong "yes" loses it.
    async fn has(
        &self,
        account: AccountId,
        sender: &Address,
        wire_id: &str,
    ) -> Result<bool, KeysError>;

    /// The frozen payload of a message we sent, to answer a device that could not decrypt it. Kept
    /// for 30 days and never taken away by asking.
    async fn frozen(
        &self,
        account: AccountId,
        chat: &Address,
        wire_id: &str,
    ) -> Result<Option<Vec<u8>>, KeysError>;
}
