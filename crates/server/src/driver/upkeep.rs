//! What must be done now and then: removing what is kept long enough, and indexing for search.

use crate::clock;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use waypost_engine::model;
use waypost_store::readings::Forgotten;
use waypost_store::{Pruned, Store};

/// How often old rows are removed.
const PRUNE_EVERY: Duration = Duration::from_secs(3_600);
/// How often new messages are made searchable.
const INDEX_EVERY: Duration = Duration::from_secs(1);

/// How many days.
#[derive(Debug, Clone, Copy)]
pub(super) struct Days(pub(super) u32);

/// Runs until told to stop.
pub(super) async fn run(store: Store, files_kept: Days, stop: CancellationToken) {
    let mut prune = tokio::time::interval(PRUNE_EVERY);
    let mut index = tokio::time::interval(INDEX_EVERY);
    index.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = prune.tick() => {
                pruned(&store, &stop).await;
                forgotten(&store, files_kept, &stop).await;
            }
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

async fn forgotten(store: &Store, kept: Days, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let now = clock::now();
        let before = now - model::Duration::hours(24 * u64::from(kept.0));
        match store.forget_files(before, now).await {
            Ok(done) if done == Forgotten::default() => return,
            Ok(done) => tracing::info!(?done, "removed files that were kept long enough"),
            Err(error) => return tracing::error!(%error, "old files cannot be removed"),
        }
    }
}
