//! How a store is opened.

use std::fmt;
use std::path::PathBuf;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The key that wraps every other key: 32 random bytes, never stored in the database.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// From its bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A new one from the operating system's random numbers.
    #[must_use]
    pub fn generate() -> Self {
        Self(crate::chance::bytes())
    }

    /// Its bytes, to be kept by whoever starts the program.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// When a commit counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// When the disk has it. A power loss loses nothing that was acknowledged.
    #[default]
    Full,
    /// When the operating system has it: a mutant, by which the crash proofs check themselves.
    #[cfg(feature = "fault-injection")]
    OffForTests,
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The database file; made when missing. Its WAL and blobs lie beside it.
    pub path: PathBuf,
    /// The key that opens it.
    pub master_key: MasterKey,
    /// This node's number (0..1024), part of every id it makes.
    pub node: u16,
    /// This cell's number, part of every cursor.
    pub cell: u16,
    /// When a commit counts as durable.
    pub synchronous: Synchronous,
    /// A registered SQLite VFS to use in place of the operating system's files.
    #[cfg(feature = "fault-injection")]
    pub vfs: Option<String>,
    /// Which deliberate faults are on.
    #[cfg(feature = "fault-injection")]
    pub mutation: Option<crate::fault::Mutation>,
}

impl StoreConfig {
    /// The store of node 0 and cell 0 in this file, durable.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, master_key: MasterKey) -> Self {
        Self {
            path: path.into(),
            master_key,
            node: 0,
            cell: 0,
            synchronous: Synchronous::Full,
            #[cfg(feature = "fault-injection")]
            vfs: None,
            #[cfg(feature = "fault-injection")]
            mutation: None,
        }
    }
}
