//! Messages whose reading is not whole: parts of it rested because the machine was overloaded.

use crate::command::Write;
use crate::error::StoreError;
use crate::store::Store;
use crate::writer::Tx;
use serde_json::Value;
use waypost_engine::model::{AccountId, MessageId, Timestamp, WorkspaceId};

/// Whether findings say that something of them is still to be done.
pub(super) fn is_partial(findings: &Value) -> bool {
    findings["partial"]
        .as_array()
        .is_some_and(|parts| !parts.is_empty())
}

/// Notes that a message is to be read again.
pub(super) fn note(
    tx: &Tx<'_>,
    account: AccountId,
    message: MessageId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO deferred (message, account, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (message) DO NOTHING",
    )?
    .execute((message.raw(), account.raw(), now.0))?;
    Ok(())
}

struct Settle(Vec<MessageId>);

impl Write for Settle {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        for message in &self.0 {
            tx.prepare("DELETE FROM deferred WHERE message = ?1")?
                .execute([message.raw()])?;
        }
        Ok(())
    }
}

impl Store {
    /// Messages whose reading was put off, the longest waiting first, at most `limit`, with their
    /// workspaces.
    pub async fn deferred(&self, limit: u16) -> Result<Vec<(WorkspaceId, MessageId)>, StoreError> {
        self.read(move |conn| {
            conn.prepare_cached(
                "SELECT a.workspace, d.message FROM deferred d JOIN account a ON a.id = d.account
                 ORDER BY d.at, d.message LIMIT ?1",
            )?
            .query_and_then([i64::from(limit)], |row| -> Result<_, StoreError> {
                let workspace = WorkspaceId::from_raw(row.get(0)?);
                Ok((workspace, MessageId::from_raw(row.get(1)?)))
            })?
            .collect()
        })
        .await
    }

    /// How many messages wait for their reading to be completed.
    pub async fn deferred_count(&self) -> Result<i64, StoreError> {
        self.read(|conn| {
            let sql = "SELECT count(*) FROM deferred";
            Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
        })
        .await
    }

    /// What was put off of these messages is done.
    pub async fn settle_deferred(&self, messages: Vec<MessageId>) -> Result<(), StoreError> {
        self.write(Settle(messages)).await
    }
}
