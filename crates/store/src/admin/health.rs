//! How accounts do: scores as they were, and the counts behind them.

use serde::{Deserialize, Serialize};
use waypost_engine::model::{AccountId, Duration, Timestamp};
use waypost_engine::watch::health::{Factor, Rating};
use waypost_engine::watch::tally::Tally;

/// How long scores are kept.
pub const SCORES_KEPT: Duration = Duration::hours(90 * 24);
/// How long counts are kept, by the hour.
pub const TALLIES_KEPT: Duration = Duration::hours(8 * 24);
/// Scores read at once; the newest ones. Three days of one every five minutes.
pub const SCORES_READ_MAX: i64 = 1_000;

/// An account's score as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// The account.
    pub account: AccountId,
    /// When it was computed.
    pub at: Timestamp,
    /// From 0 to 100.
    pub score: u8,
    /// In one word.
    pub rating: Rating,
    /// The points of each factor, in the order of [`Factor::ALL`]; `None` where nothing was known.
    pub points: [Option<u8>; Factor::ALL.len()],
}

/// What was counted of an account within one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The account.
    pub account: AccountId,
    /// When the hour began.
    pub slice: Timestamp,
    /// What was counted since it was written last.
    pub tally: Tally,
}
