//! The session storage: an ordered key-value space per account.

/// Longest key, in bytes.
pub const KEY_MAX: usize = 1_024;
/// Longest value, in bytes.
pub const VALUE_MAX: usize = 16 * 1024 * 1024;
/// Most writes in one [`crate::Store::key_write`]; they are atomic together.
pub const KEY_WRITES_MAX: usize = 16_384;
/// Most pairs one scan returns.
pub const SCAN_MAX: usize = 100_000;

/// Spaces from here on hold the account's settings: they outlive its session, and go only with the
/// account.
pub const SETTINGS_FROM: u16 = 2_000;

/// One change of the session storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyWrite {
    /// Sets a value.
    Put {
        /// The space the key is in.
        space: u16,
        /// The key.
        key: Vec<u8>,
        /// The value; stored sealed.
        value: Vec<u8>,
    },
    /// Removes a key, if it is there.
    Delete {
        /// The space the key is in.
        space: u16,
        /// The key.
        key: Vec<u8>,
    },
    /// Removes every key that starts so. An empty prefix clears the space.
    DeletePrefix {
        /// The space the keys are in.
        space: u16,
        /// How they start.
        prefix: Vec<u8>,
    },
    /// Removes everything the account has, but for its settings ([`SETTINGS_FROM`]).
    ClearAll,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The key.
    pub key: Vec<u8>,
    /// The value, opened.
    pub value: Vec<u8>,
}
