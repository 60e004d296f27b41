//! How much there is of everything that may pile up.

use crate::admin::counts::Counts;
use crate::error::StoreError;
use crate::store::Store;

impl Store {
    /// Counts for gauges and the dashboard, over all workspaces. Every one is answered from a
    /// small table or a partial index.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.read(|conn| {
            let snapshot = conn.unchecked_transaction()?;
            let count = |sql: &str| -> Result<i64, StoreError> {
                Ok(snapshot.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
            };
            let accounts = snapshot
                .prepare_cached("SELECT state, count(*) FROM account GROUP BY state")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            Ok(Counts {
                accounts,
                unfinished: count("SELECT count(*) FROM pending")?,
                sends_waiting: count("SELECT count(*) FROM outbox WHERE state = 'accepted'")?,
                sends_held: count("SELECT count(*) FROM outbox WHERE state = 'held'")?,
                media_waiting: count(
                    "SELECT count(*) FROM media WHERE state IN ('pending', 'asked_again')",
                )?,
                dead_letters: count(
                    "SELECT count(*) FROM dead_letter
                     WHERE workspace IN (SELECT id FROM workspace) AND state = 'pending'",
                )?,
                webhook_backlog: count("SELECT count(*) FROM endpoint_backlog")?,
                endpoints_disabled: count(
                    "SELECT count(*) FROM endpoint WHERE disabled IS NOT NULL",
                )?,
            })
        })
        .await
    }
}
