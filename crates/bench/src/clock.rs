//! The only place that asks for the time.

use std::time::{Duration, Instant};
use waypost_engine::model::Timestamp;

/// Now, for measuring.
#[expect(clippy::disallowed_methods, reason = "the clock of this crate")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Now, as a message says it.
pub(crate) fn wall() -> Timestamp {
    waypost_server::clock::now()
}

/// Waits until `look` finds something, looking every `pause`, at most `limit`.
///
/// # Errors
/// When it was not seen in time, or looking fails.
pub(crate) async fn until<T>(
    what: &str,
    (pause, limit): (Duration, Duration),
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = now();
    loop {
        if let Some(seen) = look().await? {
            return Ok(seen);
        }
        if started.elapsed() > limit {
            anyhow::bail!("waited {} s for {what}", limit.as_secs());
        }
        tokio::time::sleep(pause).await;
    }
}
