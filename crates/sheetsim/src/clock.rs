//! The one place of this crate where the wall clock is read.

/// Now, in seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the adapter through which time enters"
)]
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
