//! Stored files, named by the SHA-256 of what is in them.
//!
//! They lie beside the database as `blobs/<first two digits>/<sha256>`. A file is written whole
//! and durable before the database has a row of it, so a row never points to nothing. It is noted
//! before it is there, and removed when it never gets a row.

use crate::error::StoreError;
use serde::Serialize;
use std::path::{Path, PathBuf};
use waypost_engine::model::{BlobId, Timestamp};

/// Longest file that can be stored, in bytes (2 GiB: WhatsApp's own limit for documents).
pub const BLOB_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes written to disk at a time, and so about what one upload keeps in memory.
pub const BLOB_CHUNK: usize = 1024 * 1024;
/// The folder of files on their way in, among the stored ones.
pub(crate) const INCOMING: &str = "incoming";
/// Longest MIME type kept, in bytes; a longer one is stored as [`MIME_UNKNOWN`].
pub const MIME_LEN_MAX: usize = 255;
/// The MIME type of what could be anything.
pub const MIME_UNKNOWN: &str = "application/octet-stream";

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blob {
    /// Its id.
    pub id: BlobId,
    /// SHA-256 of what is in it, in hex.
    pub sha256: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// What it is, as found in the file itself by whoever stored it first.
    pub mime: String,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// The folder of stored files that belongs to a database.
#[must_use]
pub fn blobs_folder(database: &Path) -> PathBuf {
    database.with_file_name("blobs")
}

/// Where in that folder the file with this name lies; `None` for what is no name of ours.
pub(crate) fn blob_key(sha256: &str) -> Option<String> {
    let is_name = sha256.len() == 64
        && sha256
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_name.then(|| format!("{}/{sha256}", &sha256[..2]))
}

/// The path of a stored file.
pub(crate) fn blob_file(folder: &Path, sha256: &str) -> Option<PathBuf> {
    blob_key(sha256).map(|key| folder.join(key))
}

pub(crate) fn file_error(error: object_store::Error) -> StoreError {
    match error {
        object_store::Error::NotFound { .. } => StoreError::NotFound {
            what: "stored file",
        },
        other => StoreError::Io {
            what: other.to_string(),
        },
    }
}
