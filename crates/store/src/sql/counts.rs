//! How much there is of everything that may pile up.

use crate::admin::counts::{AccountQueues, Counts};
use crate::error::StoreError;
use crate::store::Store;
use std::collections::BTreeMap;
use waypost_engine::model::{AccountId, WorkspaceId};

impl Store {
    /// Counts for gauges and the dashboard, over all workspaces. Every one is answered from a
    /// small table or a partial index.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.read(|conn| {
            let snapshot = conn.snapshot()?;
            let count = |sql: &str| -> Result<i64, StoreError> {
                Ok(snapshot
                    .prepare_cached(sql)?
                    .query_row([], |row| row.get(0))?)
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
                     WHERE workspace IN (SELECT id FROM workspace) AND state IN ('pending', 'manual_review')",
                )?,
                webhook_backlog: count("SELECT count(*) FROM endpoint_backlog")?,
                endpoints_disabled: count(
                    "SELECT count(*) FROM endpoint WHERE disabled IS NOT NULL",
                )?,
                messages_missing: count(
                    "SELECT CAST(coalesce(sum(missing), 0) AS BIGINT) FROM gap WHERE missing > 0",
                )?,
            })
        })
        .await
    }

    /// What waits for each account of a workspace; accounts with nothing waiting are left out.
    pub async fn account_queues(
        &self,
        workspace: WorkspaceId,
    ) -> Result<BTreeMap<AccountId, AccountQueues>, StoreError> {
        self.read(move |conn| {
            let mut queues: BTreeMap<AccountId, AccountQueues> = BTreeMap::new();
            let mut statement = conn.prepare_cached(
                "SELECT account, CAST(sum(unfinished) AS BIGINT), CAST(sum(sends) AS BIGINT),
                   CAST(sum(missing) AS BIGINT)
                 FROM (
                    SELECT account, count(*) AS unfinished, 0 AS sends, 0 AS missing
                        FROM pending GROUP BY account
                    UNION ALL
                    SELECT account, 0, count(*), 0
                        FROM outbox WHERE state = 'accepted' GROUP BY account
                    UNION ALL
                    SELECT account, 0, 0, sum(missing)
                        FROM gap WHERE missing > 0 GROUP BY account) AS waiting
                 WHERE account IN (SELECT id FROM account WHERE workspace = ?1)
                 GROUP BY account",
            )?;
            let mut rows = statement.query([workspace.raw()])?;
            while let Some(row) = rows.next()? {
                let waiting = AccountQueues {
                    unfinished: row.get(1)?,
                    sends_waiting: row.get(2)?,
                    missing: row.get(3)?,
                };
                queues.insert(AccountId::from_raw(row.get(0)?), waiting);
            }
            Ok(queues)
        })
        .await
    }
}
