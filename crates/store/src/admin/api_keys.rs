//! API keys.

use super::people::TokenHash;
use serde::Serialize;
use waypost_engine::model::{ApiKeyId, Timestamp, WorkspaceId};

/// A key is marked as used at most this often, in milliseconds.
pub const USED_EVERY_MS: i64 = 60_000;
/// Most keys a workspace has, revoked ones not counted; further ones are refused.
pub const KEYS_MAX: i64 = 1_000;

/// A key to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// The first characters of the key, shown to tell keys apart.
    pub shown: String,
    /// The hash of the key.
    pub hash: TokenHash,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A key as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// The first characters of the key.
    pub shown: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
}

impl ApiKey {
    /// True when it still opens anything at `now`.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}
