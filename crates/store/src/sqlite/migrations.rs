//! Migrations: numbered, embedded, forward only. `PRAGMA user_version` holds the last one done.

use crate::error::StoreError;
use rusqlite::{Connection, TransactionBehavior};

/// Every migration in order; number N is the N-th. Never change one that was released.
const ALL: &[&str] = &[
    include_str!("migrations/0001_core.sql"),
    include_str!("migrations/0002_admin.sql"),
];

/// Brings the database to the newest schema. Refuses one that is newer than this program.
pub(crate) fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    let known = i64::try_from(ALL.len()).unwrap_or(i64::MAX);
    let found: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    for (number, sql) in (1i64..).zip(ALL).filter(|(number, _)| *number > found) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", number)?;
        tx.commit()?;
        tracing::info!(number, "database migrated");
    }
    Ok(())
}
