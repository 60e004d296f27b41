//! The one place of this crate where the wall clock is read.

use waypost_engine::model::Timestamp;

/// Now, in UTC milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the adapter through which time enters"
)]
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
