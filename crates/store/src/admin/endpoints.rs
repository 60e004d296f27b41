//! Webhook endpoints: where events go, and how far each endpoint has come.
//!
//! An endpoint has one cursor into the event log. When a delivery fails, only its conversation is
//! blocked: the cursor moves on, and the events of that conversation wait in the endpoint's
//! backlog, in order, until its head gets through. Events without a conversation share one lane.

use super::deliveries::NewDelivery;
use serde::Serialize;
use waypost_engine::model::event::is_detail;
use waypost_engine::model::{AccountId, ConversationId, EndpointId, Event, Timestamp, WorkspaceId};

/// Most endpoints of a workspace; further ones are refused.
pub const ENDPOINTS_MAX: i64 = 100;
/// Events that may wait in one endpoint's backlog. At the limit the cursor stops until the
/// backlog shrinks; the event log keeps the rest.
pub const BACKLOG_MAX: i64 = 100_000;
/// Longest address of an endpoint, in bytes.
pub const URL_LEN_MAX: usize = 2_048;
/// Longest error kept with a blocked conversation, in bytes.
pub const ERROR_KEPT: usize = 1_024;

/// What an endpoint is; the store adds the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSpec {
    /// Where it belongs. Never changes.
    pub workspace: WorkspaceId,
    /// Where to post to.
    pub url: String,
    /// What people call it.
    pub description: String,
    /// Only these kinds of event; when empty, all but those that tell of single steps.
    pub kinds: Vec<String>,
    /// Only events of these accounts; all when empty.
    pub accounts: Vec<AccountId>,
}

/// Why an endpoint gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// A person switched it off.
    Person,
    /// It answered 410 Gone.
    Gone,
    /// Everything failed for too long.
    Failing,
}

/// An endpoint as stored, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// Where to post to.
    pub url: String,
    /// What people call it.
    pub description: String,
    /// Only these kinds of event; when empty, all but those that tell of single steps.
    pub kinds: Vec<String>,
    /// Only events of these accounts; all when empty.
    pub accounts: Vec<AccountId>,
    /// Why it gets nothing; absent when it is on.
    pub disabled: Option<DisabledReason>,
    /// The last event it is done with, or that waits in its backlog.
    pub position: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When the last delivery succeeded.
    pub succeeded_at: Option<Timestamp>,
    /// Since when nothing has succeeded; absent while all is well.
    pub failing_since: Option<Timestamp>,
    /// Until when the secret before the current one is still used beside it.
    pub previous_secret_until: Option<Timestamp>,
}

impl Endpoint {
    /// True when it wants this event.
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        let all = self.kinds.is_empty() && !is_detail(&event.kind);
        let kind = all || self.kinds.contains(&event.kind);
        let account = self.accounts.is_empty()
            || event
                .account
                .is_some_and(|account| self.accounts.contains(&account));
        event.workspace == self.workspace && kind && account
    }
}

/// The secrets to sign with.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The current one.
    pub current: Vec<u8>,
    /// The one before, while it is still valid.
    pub previous: Option<Vec<u8>>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

/// A step of an endpoint's cursor, all of which is committed at once.
#[derive(Debug, Clone, Default)]
pub struct Advance {
    /// Where the cursor was when the events were read. Nothing is done when it has moved since.
    pub from: i64,
    /// Where it goes.
    pub to: i64,
    /// First failures: these conversations are blocked from here on.
    pub blocked: Vec<NewBlock>,
    /// Events skipped because their conversation is blocked: lane and position.
    pub deferred: Vec<(Lane, i64)>,
    /// Attempts to log.
    pub log: Vec<NewDelivery>,
}

/// The queue an event waits in: its conversation, or the one for events without any.
pub type Lane = Option<ConversationId>;

/// A conversation that becomes blocked at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBlock {
    /// The lane.
    pub lane: Lane,
    /// The event that failed.
    pub position: i64,
    /// The body as it was sent; the same on every further attempt.
    pub body: Vec<u8>,
    /// When to try again.
    pub next_at: Timestamp,
    /// What went wrong.
    pub error: String,
}

/// What came of an [`Advance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advanced {
    /// Done.
    Done,
    /// The cursor was moved meanwhile, e.g. by a recovery: read again from where it is now.
    Moved,
    /// The backlog is full; nothing was changed. Work it off first.
    BacklogFull,
}

/// The head of a blocked conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocked {
    /// The lane.
    pub lane: Lane,
    /// The event to deliver next.
    pub event: Event,
    /// The body of the first attempt; `None` when there was none yet.
    pub body: Option<Vec<u8>>,
    /// Failed attempts of this event so far.
    pub attempts: u32,
    /// When to try again.
    pub next_at: Timestamp,
    /// When the event's first attempt failed, or when it came to the head.
    pub since: Timestamp,
    /// The last error.
    pub last_error: String,
}

/// A blocked conversation, for people to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlockSummary {
    /// The conversation; absent for events without one.
    pub conversation: Lane,
    /// Events waiting.
    pub waiting: i64,
    /// Failed attempts of the first of them.
    pub attempts: u32,
    /// When to try again.
    pub next_at: Timestamp,
    /// The last error.
    pub last_error: String,
}

/// What came of an attempt at a blocked conversation's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadOutcome {
    /// It got through.
    Delivered,
    /// It failed too often and is left out; the log of deliveries shows it.
    GivenUp,
    /// It failed again.
    Failed {
        /// The body as it was sent.
        body: Vec<u8>,
        /// When to try again.
        next_at: Timestamp,
        /// What went wrong.
        error: String,
    },
}

/// From where an endpoint gets events again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoverSince {
    /// From the first event at or after this time that is still stored.
    Time(Timestamp),
    /// From the event after this position.
    Position(i64),
}
