//! What must be done now and then: removing what is kept long enough, and indexing for search.

use crate::clock;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use waypost_store::{Pruned, Store};

/// How often old rows are removed.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// How often new messages are made searchable.
const INDEX_EVERY: Duration = Duration::from_secs(1);

/// Runs until told to stop.
pub(super) async fn run(store: Store, stop: CancellationToken) {
    let mut prune = tokio::time::interval(PRUNE_EVERY);
    let mut index = tokio::time::interval(INDEX_EVERY);
    index.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = prune.tick() => pruned(&store, &stop).await,
            _ = index.tick() => {
                if let Err(error) = store.index_messages().await {
                    tracing::error!(%error, "messages cannot be made searchable");
                }
            }
            () = stop.cancelled() => return,
        }
    }
}

async fn pruned(store: &Store, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match store.prune(clock::now()).await {
            Ok(done) if done == Pruned::default() => return,
            Ok(done) => tracing::info!(?done, "removed what was kept long enough"),
            Err(error) => return tracing::error!(%error, "old rows cannot be removed"),
        }
    }
}
