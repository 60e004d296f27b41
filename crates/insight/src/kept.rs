//! What an analyser learnt, as bytes that can be kept, and how to tell whether they may be used again.
//!
//! Learning takes seconds and gives the same from the same, so it need be done once only. A [`Fingerprint`] names
//! all that the learning depends on; bytes are taken back under the fingerprint they were made with and no other.
//! They end in a checksum: what is damaged, cut off or foreign is refused as a whole, and learnt anew.
//!
//! ```text
//! WPLEARNT | version: u32 | fingerprint: 32 bytes | intents | feelings | SHA-256 of all before
//! ```
//!
//! Numbers are little-endian, rows and texts begin with their length.

mod bytes;
mod fingerprint;

pub(crate) use bytes::{Reader, Writer};
pub use fingerprint::Fingerprint;

use crate::intent::IntentModel;
use crate::sentiment::Mood;
use sha2::{Digest, Sha256};

/// Most bytes that are read back. A model that needs more is not worth keeping.
pub const BYTES_MAX: usize = 64 * 1024 * 1024;
/// How the bytes begin.
const MAGIC: &[u8; 8] = b"WPLEARNT";
/// The version of their form.
const VERSION: u32 = 1;
/// Bytes of the checksum.
const SUM_LEN: usize = 32;

/// What an analyser learnt from examples: what messages want, and how they feel.
#[derive(Debug, Clone)]
pub struct Trained {
    pub(crate) intents: IntentModel,
    pub(crate) mood: Option<Mood>,
}

/// Why bytes were not taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeptError {
    /// More than [`BYTES_MAX`].
    #[error("it is longer than {BYTES_MAX} bytes")]
    TooLong,
    /// No such bytes at all, or of another version of their form.
    #[error("it is something else, or from another version")]
    Foreign,
    /// Learnt from something else.
    #[error("it was learnt from other lists or by another version")]
    OtherSource,
    /// Damaged or cut off.
    #[error("it is damaged")]
    Damaged,
}

impl Trained {
    /// As bytes, under the fingerprint of the settings that it was learnt from.
    pub fn to_bytes(&self, of: &Fingerprint) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.raw(MAGIC);
        writer.u32(VERSION);
        writer.raw(of.as_bytes());
        self.intents.write(&mut writer);
        writer.flag(self.mood.is_some());
        if let Some(mood) = &self.mood {
            mood.write(&mut writer);
        }
        let mut bytes = writer.into_bytes();
        let sum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&sum);
        bytes
    }

    /// From bytes that were made under this fingerprint.
    ///
    /// # Errors
    /// When they are too long, not of this form, made under another fingerprint, or damaged.
    pub fn from_bytes(bytes: &[u8], of: &Fingerprint) -> Result<Self, KeptError> {
        if bytes.len() > BYTES_MAX {
            return Err(KeptError::TooLong);
        }
        let (content, sum) = bytes
            .split_last_chunk::<SUM_LEN>()
            .ok_or(KeptError::Foreign)?;
        let mut reader = Reader::new(content);
        if reader.raw() != Some(*MAGIC) || reader.u32() != Some(VERSION) {
            return Err(KeptError::Foreign);
        }
        let made_under = reader.raw().ok_or(KeptError::Damaged)?;
        if Sha256::digest(content)[..] != sum[..] {
            return Err(KeptError::Damaged);
        }
        if made_under != *of.as_bytes() {
            return Err(KeptError::OtherSource);
        }
        Self::read(&mut reader)
            .filter(|_| reader.is_done())
            .ok_or(KeptError::Damaged)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let intents = IntentModel::read(reader)?;
        let mood = match reader.flag()? {
            true => Some(Mood::read(reader)?),
            false => None,
        };
        Some(Self { intents, mood })
    }
}

#[cfg(test)]
mod tests;
