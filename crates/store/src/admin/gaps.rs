//! Messages that never came.

use serde::Serialize;
use waypost_engine::fleet::gaps::{Gap, GapState};
use waypost_engine::model::Duration;

/// Holes kept per account; older ones are dropped first, filled ones before all others.
pub const GAPS_KEPT: i64 = 2_000;
/// How far back holes are taken up again after a restart.
pub const TAKEN_UP_FOR: Duration = Duration::hours(30 * 24);

/// How many messages of an account are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct GapCounts {
    /// Messages known to be missing.
    pub missing: i64,
    /// Messages that were missing and came after all.
    pub filled: i64,
    /// Holes that may be from before the link.
    pub doubtful: i64,
}

/// A hole as it is written down, with what is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapNote {
    /// The hole.
    pub gap: Gap,
    /// The kind of event that tells of it, and which messages came.
    pub event: Option<(&'static str, Vec<String>)>,
}

impl GapNote {
    /// Whether the hole is over.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.gap.state == GapState::Filled
    }
}
