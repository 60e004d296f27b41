//! Forgetting what is old: a little at a time.

use crate::admin::health::{SCORES_KEPT, TALLIES_KEPT};
use crate::admin::link_attempts::ATTEMPTS_KEPT_FOR;
use crate::command::Write;
use crate::dead_letters::DEAD_LETTERS_KEPT;
use crate::error::StoreError;
use crate::sending::{EVENTS_KEPT, FROZEN_KEPT, IDEMPOTENCY_KEPT, PRUNE_MAX, Pruned};
use crate::sql::events;
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::Timestamp;

struct Prune {
    now: Timestamp,
}

impl Write for Prune {
    type Output = Pruned;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Pruned, StoreError> {
        let run = |sql: &str, before: Timestamp| -> Result<usize, StoreError> {
            Ok(tx.prepare(sql)?.execute((before.0, PRUNE_MAX))?)
        };
        let set_aside = tx
            .prepare(
                "UPDATE dead_letter SET state = 'archived', updated_at = ?1 WHERE id IN
                 (SELECT id FROM dead_letter WHERE updated_at < ?2
                  AND state IN ('pending', 'manual_review') LIMIT ?3)",
            )?
            .execute((self.now.0, (self.now - DEAD_LETTERS_KEPT).0, PRUNE_MAX))?;
        Ok(Pruned {
            dead_letters_archived: set_aside,
            // A payload is kept while it may still be sent.
            frozen: run(
                "DELETE FROM frozen WHERE message IN
                 (SELECT f.message FROM frozen f JOIN outbox o ON o.message = f.message
                  WHERE f.at < ?1 AND o.state NOT IN ('accepted', 'held') LIMIT ?2)",
                self.now - FROZEN_KEPT,
            )?,
            idempotency: run(
                "DELETE FROM idempotency WHERE (workspace, key) IN
                 (SELECT workspace, key FROM idempotency WHERE created_at < ?1 LIMIT ?2)",
                self.now - IDEMPOTENCY_KEPT,
            )?,
            events: events::prune(tx, self.now - EVENTS_KEPT, PRUNE_MAX)?,
            dead_letters: run(
                "DELETE FROM dead_letter WHERE id IN
                 (SELECT id FROM dead_letter WHERE updated_at < ?1
                  AND state IN ('resolved', 'archived') LIMIT ?2)",
                self.now - DEAD_LETTERS_KEPT,
            )?,
            link_attempts: run(
                "DELETE FROM link_attempt WHERE (account, number) IN
                 (SELECT account, number FROM link_attempt WHERE ended_at < ?1 LIMIT ?2)",
                self.now - ATTEMPTS_KEPT_FOR,
            )?,
            health: run(
                "DELETE FROM health WHERE (account, at) IN
                 (SELECT account, at FROM health WHERE at < ?1 LIMIT ?2)",
                self.now - SCORES_KEPT,
            )? + run(
                "DELETE FROM health_tally WHERE (account, slice) IN
                 (SELECT account, slice FROM health_tally WHERE slice < ?1 LIMIT ?2)",
                self.now - TALLIES_KEPT,
            )?,
        })
    }
}

impl Store {
    /// Removes what is older than it is kept: frozen payloads of final sends, idempotency keys,
    /// events, settled dead letters, attempts to link, scores. At most [`PRUNE_MAX`] rows of each; call it again while it
    /// removes that many.
    pub async fn prune(&self, now: Timestamp) -> Result<Pruned, StoreError> {
        self.write(Prune { now }).await
    }
}
