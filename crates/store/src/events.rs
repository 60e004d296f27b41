//! Reading the event log.

use crate::cursor::Cursor;
use waypost_engine::model::{AccountId, Event, WorkspaceId};

/// Most events one read returns.
pub const EVENTS_MAX: usize = 1_000;
/// Most events one read looks at to find those that pass the filter.
pub const EVENTS_SCANNED_MAX: i64 = 10_000;

/// Which events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this workspace.
    pub workspace: WorkspaceId,
    /// Of this account only.
    pub account: Option<AccountId>,
    /// Of these kinds only; empty for all.
    pub kinds: Vec<String>,
}

impl EventFilter {
    /// Everything in a workspace.
    #[must_use]
    pub fn all(workspace: WorkspaceId) -> Self {
        Self {
            workspace,
            account: None,
            kinds: Vec::new(),
        }
    }
}

/// Some events, and where to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// Where the next read goes on. It has passed events that the filter left out.
    pub next: Cursor,
    /// Whether more was stored already after `next` when this was read.
    pub more: bool,
}
