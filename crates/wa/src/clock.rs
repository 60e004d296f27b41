//! The only place of this room that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};
use waypost_engine::model::Timestamp;

/// Now. A clock set before 1970 reads as 1970.
#[allow(clippy::disallowed_methods)] // The one adapter.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
