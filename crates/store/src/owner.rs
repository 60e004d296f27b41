//! Which process a database belongs to.
//!
//! A lock says so as long as the process and the way to it are healthy: that of the data folder, and
//! PostgreSQL's own. A process that hangs keeps its lock and does nothing, so the owner also says now
//! and then that it lives ([`crate::Store::beat`]). Who has not for [`STALE_AFTER`] may be replaced. The one
//! that was replaced may wake up later: every commit checks that the database is still its own, so it
//! changes nothing any more and hears [`crate::StoreError::TakenOver`].

use waypost_engine::model::Duration;

/// How long an owner may be silent before another process may take its place, unless set otherwise.
pub const STALE_AFTER: Duration = Duration::secs(30);

/// The owner of a database, as another process sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerSeen {
    /// What it calls itself.
    pub holder: String,
    /// How long ago it said that it lives, by the database's clock.
    pub silent_for: Duration,
}
