//! Completes what was put off under load, once the load has fallen.

use super::context::Context;
use tokio_util::sync::CancellationToken;
use waypost_engine::flow::parts::ShedLevel;
use waypost_store::StoreError;

/// How often it is looked whether something was put off.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(2);
/// Messages read between two looks at the load.
const AT_ONCE: u16 = 32;

/// Reads what was put off, the longest waiting first, until told to stop.
pub(super) async fn run(context: &Context, stop: &CancellationToken) {
    let mut due = tokio::time::interval(LOOK_EVERY);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = stop.cancelled() => return,
        }
        while !stop.is_cancelled() && context.load.level() == ShedLevel::None {
            match some(context).await {
                Ok(0) => break,
                Ok(done) => {
                    metrics::counter!("waypost_deferred_completed_total").increment(done);
                }
                Err(error) => {
                    tracing::error!(%error, "what was put off cannot be completed");
                    break;
                }
            }
        }
    }
}

/// Reads a few; answers how many.
async fn some(context: &Context) -> Result<u64, StoreError> {
    let waiting = context.store.deferred(AT_ONCE).await?;
    let mut done = Vec::with_capacity(waiting.len());
    let mut failed = None;
    for (workspace, message) in waiting {
        match context.text.read_again(workspace, message).await {
            // What cannot be read is not there any more, or cannot be read ever.
            Ok(_) | Err(StoreError::NotFound { .. }) => done.push(message),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    let count = u64::try_from(done.len()).unwrap_or(u64::MAX);
    context.store.settle_deferred(done).await?;
    failed.map_or(Ok(count), Err)
}
