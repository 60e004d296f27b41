//! The one place where wasim reads the machine's clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seconds since 1970, as stanzas carry them.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulated network lives in real time, as its clients do"
)]
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}

/// A monotonic clock that starts with the network; the ledger's times come from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that shows zero now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that starts the network's clock"
    )]
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// Time since the network started.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }
}
