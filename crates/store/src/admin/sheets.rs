//! Rows for spreadsheets: connections, mappings, and how far each row has come.
//!
//! A mapping has a cursor into the event log. Passing an event and noting its row is one commit, so
//! that an event has at most one row per mapping and destination. A row is `sending` before a call
//! and `in_doubt` when nobody knows how the call ended; then it is looked up before it is tried again.

use serde::{Deserialize, Serialize};
use waypost_engine::model::{
    AccountId, Duration, Event, EventId, SheetConnectionId, SheetMappingId, Timestamp, WorkspaceId,
};

/// Most connections of a workspace; further ones are refused.
pub const CONNECTIONS_MAX: i64 = 50;
/// Most mappings of a workspace; further ones are refused.
pub const MAPPINGS_MAX: i64 = 200;
/// Rows that may wait in one mapping. At the limit its cursor stops; the event log keeps the rest.
pub const WAITING_MAX: i64 = 100_000;
/// Longest name, in bytes.
pub const NAME_MAX: usize = 200;
/// Longest error kept with a row, in bytes.
pub const ERROR_KEPT: usize = 1_024;
/// How long a row that is done is remembered, so that its event makes no second one.
pub const DONE_KEPT: Duration = Duration::hours(24 * 30);

/// Credentials as stored, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SheetConnection {
    /// Its id.
    pub id: SheetConnectionId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// Who it is for Google: a service account's address or a client's id.
    pub identity: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a mapping is; the store adds the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetMappingSpec {
    /// Where it belongs. Never changes.
    pub workspace: WorkspaceId,
    /// Who writes.
    pub connection: SheetConnectionId,
    /// What people call it.
    pub name: String,
    /// The spreadsheet's id.
    pub spreadsheet: String,
    /// The tab's title.
    pub tab: String,
    /// Only these kinds of event; all when empty, save those about sheets.
    pub kinds: Vec<String>,
    /// Only events of these accounts; all when empty.
    pub accounts: Vec<AccountId>,
    /// The columns, as the connector understands them.
    pub columns: serde_json::Value,
    /// Within this time the same content makes no second row; off when absent.
    pub window: Option<Duration>,
}

/// A mapping as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetMapping {
    /// Its id.
    pub id: SheetMappingId,
    /// What it is.
    pub spec: SheetMappingSpec,
    /// Since when a person has switched it off; absent when it is on.
    pub paused_at: Option<Timestamp>,
    /// The last event it is done with.
    pub position: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl SheetMapping {
    /// True when it wants this event. Never one about sheets: a row that fails must not make rows.
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        let spec = &self.spec;
        let kind = spec.kinds.is_empty() || spec.kinds.contains(&event.kind);
        let account = spec.accounts.is_empty()
            || event
                .account
                .is_some_and(|account| spec.accounts.contains(&account));
        event.workspace == spec.workspace && kind && account && !event.kind.starts_with("sheet.")
    }

    /// Where its rows go.
    #[must_use]
    pub fn destination(&self) -> String {
        format!("{}/{}", self.spec.spreadsheet, self.spec.tab)
    }
}

/// How far a row has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SheetWriteState {
    /// It waits for its turn.
    Pending,
    /// It is on its way.
    Sending,
    /// Nobody knows whether it is there: it is looked up before it is tried again.
    InDoubt,
    /// It is there.
    Done,
    /// It is not there and will not be tried again by itself.
    Failed,
    /// The same content was written a moment ago; it needs no row.
    Duplicate,
}

/// Whether a row may share a call with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SheetCompany {
    /// With others.
    Shared,
    /// By itself, after a shared call was refused.
    Alone,
}

/// A row to be noted.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSheetWrite {
    /// The event.
    pub event: EventId,
    /// Its place in the log.
    pub position: i64,
    /// The cells, or why there are none.
    pub row: Result<SheetRow, String>,
}

/// The cells of a row, frozen.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetRow {
    /// As JSON.
    pub cells: serde_json::Value,
    /// Which cell holds the event's id, from 0.
    pub id_column: u32,
    /// A hash of what it says.
    pub content: [u8; 32],
}

/// A step of a mapping's cursor and the rows it brings, committed at once.
#[derive(Debug, Clone, Default)]
pub struct SheetAdvance {
    /// Where the cursor was when the events were read.
    pub from: i64,
    /// Where it goes.
    pub to: i64,
    /// The rows of the events between.
    pub writes: Vec<NewSheetWrite>,
}

/// What came of a [`SheetAdvance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetAdvanced {
    /// Done.
    Done,
    /// The cursor is elsewhere: read again from where it is now.
    Moved,
    /// Too much waits; nothing was changed.
    Full,
}

/// A row as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetWrite {
    /// Its mapping.
    pub mapping: SheetMappingId,
    /// Its event.
    pub event: EventId,
    /// Where it goes: spreadsheet and tab.
    pub destination: String,
    /// The event's place in the log.
    pub position: i64,
    /// How far it has come.
    pub state: SheetWriteState,
    /// The cells as JSON; `null` when the event could not be made a row.
    pub cells: serde_json::Value,
    /// Which cell holds the event's id, from 0.
    pub id_column: u32,
    /// Whether it may share a call.
    pub company: SheetCompany,
    /// Calls it was part of.
    pub attempts: u32,
    /// When it is tried or looked up next.
    pub due_at: Timestamp,
    /// What went wrong last; empty when nothing did.
    pub last_error: String,
    /// Where it stands, when Google said so.
    pub place: Option<String>,
    /// When it was noted.
    pub created_at: Timestamp,
    /// When its state changed last.
    pub updated_at: Timestamp,
}

/// Which of the rows that were given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// All of them.
    All,
    /// The one of this event.
    Of(EventId),
}

/// How a row fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SheetOutcome {
    /// It is there.
    Done {
        /// Where, when Google said so.
        place: Option<String>,
    },
    /// It is certainly not there; it is tried again.
    Again {
        /// When.
        at: Timestamp,
        /// Whether it may share a call.
        company: SheetCompany,
        /// Whether the attempt counts.
        counted: Attempt,
        /// What went wrong.
        error: String,
    },
    /// Nobody knows.
    InDoubt {
        /// When to look.
        at: Timestamp,
        /// What went wrong.
        error: String,
    },
    /// It is certainly not there and is not tried again.
    Failed {
        /// Why.
        error: String,
    },
}

/// Whether an attempt counts against a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It was really tried.
    Counts,
    /// Nothing was sent for it.
    Free,
}

/// How many rows of a mapping are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SheetCounts {
    /// Waiting or on their way.
    pub waiting: i64,
    /// In doubt.
    pub in_doubt: i64,
    /// There, of those that are still remembered.
    pub done: i64,
    /// Given up.
    pub failed: i64,
    /// Left out as repetitions.
    pub duplicate: i64,
}

/// A breaker as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetBreaker {
    /// The spreadsheet.
    pub spreadsheet: String,
    /// As the connector wrote it.
    pub breaker: serde_json::Value,
}
