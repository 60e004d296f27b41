//! Rows for spreadsheets: every mapping that is on has a task of its own.
//!
//! - [`connectors`]: one connector per connection, made from its sealed key file when it is needed.
//! - [`letter`]: an event as mappings see it.
//! - [`desk`]: one mapping's work: note rows, send them together, look up what nobody knows.

mod connectors;
mod desk;
mod letter;

pub(crate) use connectors::{Connectors, SheetsError};
pub(crate) use letter::document;

use crate::clock;
use crate::config;
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use waypost_engine::model::{Duration as Span, SheetMappingId, Timestamp};
use waypost_store::admin::sheets::{SheetBreaker, SheetMapping};
use waypost_store::{Store, StoreError};

/// How soon a new or resumed mapping is noticed at the latest.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often rows that were done long ago are forgotten.
const FORGET_EVERY: Span = Span::mins(10);

/// Writes rows until it is told to stop.
#[derive(Debug)]
pub(crate) struct Worker {
    task: JoinHandle<()>,
}

impl Worker {
    /// Starts writing for every mapping that is on, now or later.
    #[must_use]
    pub(crate) fn start(
        config: &config::Sheets,
        connectors: Connectors,
        store: Store,
        stop: CancellationToken,
    ) -> Self {
        let office = Office {
            connectors,
            store,
            stop,
            linger: Span::millis(config.linger_ms),
            settled_after: Span::secs(config.settled_after_s),
        };
        Self {
            task: tokio::spawn(office.run()),
        }
    }

    /// Waits until the calls under way are done. Tell it to stop first.
    pub(crate) async fn drain(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "writing to sheets ended with a fault");
        }
    }
}

/// What every mapping's task needs.
#[derive(Debug, Clone)]
struct Office {
    store: Store,
    connectors: Connectors,
    stop: CancellationToken,
    /// How long rows gather before they go in one call.
    linger: Span,
    /// How long after a call it is settled whether it was done.
    settled_after: Span,
}

impl Office {
    async fn run(self) {
        let mut tasks: HashMap<SheetMappingId, JoinHandle<()>> = HashMap::new();
        let mut forgot_at = Timestamp(0);
        // Nothing is sent before it is known what was on its way when the program ended.
        let mut is_ready = false;
        while !self.stop.is_cancelled() {
            let done = self.look(&mut tasks, &mut is_ready, &mut forgot_at).await;
            match done {
                Ok(()) => {}
                Err(StoreError::Closed) => break,
                Err(error) => tracing::warn!(%error, "writing to sheets waits for the store"),
            }
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        for task in tasks.into_values() {
            let _ = task.await;
        }
        if let Err(error) = self.keep_breakers().await {
            tracing::warn!(%error, "the breakers of sheets were not stored");
        }
    }

    async fn look(
        &self,
        tasks: &mut HashMap<SheetMappingId, JoinHandle<()>>,
        is_ready: &mut bool,
        forgot_at: &mut Timestamp,
    ) -> Result<(), StoreError> {
        if !*is_ready {
            let doubted = self.store.doubt_sheet_writes().await?;
            if doubted > 0 {
                tracing::info!(doubted, "rows that were on their way will be looked up");
            }
            *is_ready = true;
        }
        self.serve(self.store.sheet_mappings_on().await?, tasks);
        self.keep_breakers().await?;
        self.connectors.measure();
        if clock::now().since(*forgot_at) >= FORGET_EVERY {
            self.store.forget_sheet_writes(clock::now()).await?;
            *forgot_at = clock::now();
        }
        Ok(())
    }

    fn serve(
        &self,
        mappings: Vec<SheetMapping>,
        tasks: &mut HashMap<SheetMappingId, JoinHandle<()>>,
    ) {
        tasks.retain(|_, task| !task.is_finished());
        for mapping in mappings {
            tasks
                .entry(mapping.id)
                .or_insert_with(|| tokio::spawn(desk::Desk::new(self.clone(), &mapping).run()));
        }
    }

    /// Stores the breakers that changed, with an event each.
    async fn keep_breakers(&self) -> Result<(), StoreError> {
        for (workspace, connection, changed) in self.connectors.take_changes() {
            let change = match changed.change {
                waypost_sheets::breaker::Change::Opened => "opened",
                waypost_sheets::breaker::Change::HalfOpened => "half_opened",
                waypost_sheets::breaker::Change::Closed => "closed",
            };
            metrics::counter!("waypost_sheet_breaker_changes_total", "change" => change)
                .increment(1);
            tracing::warn!(%connection, spreadsheet = %changed.book, change, "a sheet's breaker");
            let breaker = SheetBreaker {
                spreadsheet: changed.book.to_string(),
                breaker: serde_json::to_value(&changed.breaker).unwrap_or_default(),
            };
            let kept = self
                .store
                .put_sheet_breaker(workspace, connection, breaker, change.into(), clock::now())
                .await;
            match kept {
                // The connection was deleted meanwhile.
                Ok(()) | Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
