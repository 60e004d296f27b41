//! Copies of everything, made while running, and starting again from one.

use crate::config::StoreConfig;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use waypost_engine::model::Timestamp;

/// Version of the layout of a backup.
pub const BACKUP_FORMAT: u32 = 1;
/// The database inside a backup.
pub const BACKUP_DATABASE: &str = "waypost.db";
/// The description inside a backup; written last, so a backup without it is not whole.
pub const BACKUP_MANIFEST: &str = "backup.json";
/// The folder of stored files inside a backup.
pub const BACKUP_BLOBS: &str = "blobs";
/// Database pages copied between two reports of progress (of 4 KiB).
pub const BACKUP_STEP_PAGES: i32 = 1_024;

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`BACKUP_FORMAT`] when it was made.
    pub format: u32,
    /// The program's version.
    pub program: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// Length of the database in bytes.
    pub database_bytes: u64,
    /// SHA-256 of the database, in hex.
    pub database_sha256: String,
    /// Stored files in it.
    pub blobs: u64,
    /// Their length in bytes.
    pub blob_bytes: u64,
    /// Stored files that were gone when they should have been copied (removed meanwhile).
    pub blobs_missing: u64,
}

/// How far a backup or a restore is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The database is copied.
    Database {
        /// Pages done.
        done: u64,
        /// Pages in all.
        total: u64,
    },
    /// The stored files are copied.
    Blobs {
        /// Files done.
        done: u64,
        /// Files in all.
        total: u64,
    },
}

/// What to restore, and where to.
#[derive(Debug, Clone)]
pub struct Restore {
    /// The folder of the backup.
    pub source: PathBuf,
    /// The store to make. Its database must not exist; stored files go beside it.
    pub target: StoreConfig,
    /// Key spaces of the sessions that must not be used again: message keys that moved on since.
    pub discard_spaces: Vec<u16>,
    /// Now.
    pub now: Timestamp,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// When the backup was made.
    pub made_at: Timestamp,
    /// Accounts in it.
    pub accounts: u64,
    /// Session values thrown away.
    pub sessions_discarded: u64,
    /// Sends that wait for a person now.
    pub sends_held: u64,
    /// Received messages that were not finished; they are dead letters now, to be replayed by hand.
    pub messages_held: u64,
    /// Stored files brought back.
    pub blobs: u64,
    /// Stored files the backup should have and has not.
    pub blobs_missing: u64,
}
