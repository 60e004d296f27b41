//! The one place of this crate where the wall clock is read.

use waypost_engine::model::Timestamp;

/// Now, in UTC milliseconds.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the adapter through which time enters"
)]
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A moment of the clock that never steps, for measuring how long something takes.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the adapter through which time enters"
)]
pub fn monotonic() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

/// Microseconds since a moment of [`monotonic`].
#[must_use]
pub fn micros_since(begun: tokio::time::Instant) -> u32 {
    let passed = monotonic().saturating_duration_since(begun);
    u32::try_from(passed.as_micros()).unwrap_or(u32::MAX)
}

/// ISO 8601 in UTC with milliseconds, as the API shows times.
#[must_use]
pub fn iso(at: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(t) => format!("{t:.3}"),
        Err(_) => String::from("1970-01-01T00:00:00.000Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_utc_with_milliseconds() {
        assert_eq!(
            iso(Timestamp(1_763_716_245_007)),
            "2025-11-21T09:10:45.007Z"
        );
        assert_eq!(iso(Timestamp(0)), "1970-01-01T00:00:00.000Z");
    }
}
