//! Whether the database still belongs to this process.

use std::time::Duration;
use tokio_util::sync::CancellationToken;
use waypost_engine::model;
use waypost_store::{Store, StoreError};

/// The owner says that it lives so often within the time after which it may be replaced.
const BEATS: u32 = 6;

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The program was told to stop.
    Stopped,
    /// Another process has the database now.
    TakenOver,
}

/// Says now and then that this process lives, until told to stop. Stops everything when another process
/// has taken the database: it works on the same accounts, and nothing that this one does would be kept.
pub(crate) async fn keep(store: Store, stale: model::Duration, stop: CancellationToken) -> End {
    let mut due = tokio::time::interval(Duration::from(stale) / BEATS);
    due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = due.tick() => {}
            () = stop.cancelled() => return End::Stopped,
        }
        match store.beat().await {
            Ok(()) => {}
            Err(error @ StoreError::TakenOver) => {
                tracing::error!(%error, "stopping at once");
                stop.cancel();
                return End::TakenOver;
            }
            Err(error) => tracing::warn!(%error, "nobody hears that this process lives"),
        }
    }
}
