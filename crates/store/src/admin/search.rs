//! Finding messages by their words.

use super::conversations::MessageView;
use crate::page::Paged;
use serde::Serialize;
use waypost_engine::model::{AccountId, ConversationId, WorkspaceId};

/// Longest text searched for, in bytes.
pub const QUERY_LEN_MAX: usize = 512;
/// Most words of a search that count; the rest is refused.
pub const TERMS_MAX: usize = 16;
/// Messages brought into the index in one command.
pub const INDEX_BATCH: u32 = 500;
/// Batches a search waits for when messages are not yet in the index; beyond that it answers
/// with what there is and says so.
pub const INDEX_ROUNDS_MAX: u32 = 8;

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    /// Where.
    pub workspace: WorkspaceId,
    /// Only in this account.
    pub account: Option<AccountId>,
    /// Only in this conversation.
    pub conversation: Option<ConversationId>,
    /// Words that must all occur; the last may be unfinished.
    pub text: String,
}

/// What was found, newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchResult {
    /// The messages.
    #[serde(flatten)]
    pub found: Paged<MessageView>,
    /// Whether every message was searched.
    pub coverage: Coverage,
}

/// Whether a search saw everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// It did.
    Complete,
    /// The newest messages are still being indexed; search again in a moment.
    Catching,
}

/// How far the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexed {
    /// Nothing is left to do.
    All,
    /// There is more; call again.
    More,
}
