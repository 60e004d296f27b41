//! How much there is of everything that may pile up.

use serde::Serialize;
use std::collections::BTreeMap;

/// Counts for gauges and the dashboard, all cheap to make.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Accounts by state.
    pub accounts: BTreeMap<String, i64>,
    /// Messages accepted and not done.
    pub unfinished: i64,
    /// Sends waiting for the server's acceptance.
    pub sends_waiting: i64,
    /// Sends held for a person after a restore.
    pub sends_held: i64,
    /// Files still to be fetched.
    pub media_waiting: i64,
    /// Dead letters that nobody has dealt with.
    pub dead_letters: i64,
    /// Events waiting behind a failed webhook delivery.
    pub webhook_backlog: i64,
    /// Webhook endpoints that are switched off.
    pub endpoints_disabled: i64,
    /// Messages known to be missing.
    pub messages_missing: i64,
}

/// What waits for one account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct AccountQueues {
    /// Messages accepted and not done.
    pub unfinished: i64,
    /// Sends waiting for the server's acceptance.
    pub sends_waiting: i64,
    /// Messages known to be missing.
    pub missing: i64,
}
