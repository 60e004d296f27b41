//! The record of attempts to link an account.

use serde::{Deserialize, Serialize};
use waypost_engine::fleet::window;
use waypost_engine::model::{AccountId, Duration, Timestamp};

/// Attempts kept per account; older ones are dropped first.
pub const ATTEMPTS_KEPT: i64 = 1_000;
/// How long an attempt is kept: as long as it teaches how long people take.
pub const ATTEMPTS_KEPT_FOR: Duration = window::KEEP;
/// Attempts of all accounts read at once; the newest ones.
pub const ATTEMPTS_READ_MAX: i64 = 50_000;

/// How an account is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkMethod {
    /// By QR code.
    Qr,
    /// By pairing code.
    Code,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkOutcome {
    /// The account is linked.
    Linked,
    /// Nobody scanned or typed in time.
    Expired,
    /// A person stopped it.
    Cancelled,
    /// The phone wants a passkey.
    Passkey,
    /// It failed for another reason.
    Failed,
}

/// One attempt, from the first code to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkAttempt {
    /// The account.
    pub account: AccountId,
    /// When the first code was shown.
    pub started_at: Timestamp,
    /// How it ended up being linked, or was last tried.
    pub method: LinkMethod,
    /// Codes shown.
    pub codes_shown: u32,
    /// New sets of codes after a window closed.
    pub regenerations: u32,
    /// When the phone scanned or typed, if it did.
    pub scanned_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How it ended.
    pub outcome: LinkOutcome,
}
