//! Completes what was put off under load, once the load has fallen.

use super::context::Context;
use crate::parts::again::Late;
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
                Ok(Round::Over) => break,
                Ok(Round::GoesOn) => {}
                Err(error) => {
                    tracing::error!(%error, "what was put off cannot be completed");
                    break;
                }
            }
        }
    }
}

/// Whether there may be more to read at once.
enum Round {
    GoesOn,
    Over,
}

/// Reads a few, in their order. What cannot be done now ends the round: those behind it may be of the same
/// conversation.
async fn some(context: &Context) -> Result<Round, StoreError> {
    let waiting = context.store.deferred(AT_ONCE).await?;
    if waiting.is_empty() {
        return Ok(Round::Over);
    }
    for (workspace, message) in waiting {
        match context.text.catch_up(workspace, message).await {
            Ok(Late::Done) => {}
            Ok(Late::NotNow) => return Ok(Round::Over),
            // It was deleted with its account.
            Err(StoreError::NotFound { .. }) => {
                context.store.settle_deferred(vec![message]).await?;
            }
            Err(error) => return Err(error),
        }
        metrics::counter!("waypost_deferred_completed_total").increment(1);
    }
    Ok(Round::GoesOn)
}
