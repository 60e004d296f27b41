//! Opening connections: who may write, and what counts as durable.

use crate::config::{StoreConfig, Synchronous};
use crate::error::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::time::Duration;

/// How long a connection waits for a lock. Only checkpoints and backups ever make one wait.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// Page cache of the writer, in KiB.
const WRITER_CACHE_KIB: i64 = 32 * 1024;

fn open(config: &StoreConfig, flags: OpenFlags) -> Result<Connection, StoreError> {
    let conn = open_file(config, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Otherwise SQLite plans a kept statement anew whenever a bound value is 0 or 1, as the default
    // workspace is: a third of what the writer did.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(conn)
}

fn open_file(config: &StoreConfig, flags: OpenFlags) -> Result<Connection, StoreError> {
    #[cfg(feature = "fault-injection")]
    if let Some(vfs) = &config.vfs {
        return Ok(Connection::open_with_flags_and_vfs(
            &config.path,
            flags,
            vfs.as_str(),
        )?);
    }
    Ok(Connection::open_with_flags(&config.path, flags)?)
}

/// The writing connection. The writer does its own checkpoints.
pub(crate) fn writing(config: &StoreConfig) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let conn = open(config, flags)?;
    conn.busy_timeout(BUSY_WAIT)?;
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let synchronous = match config.synchronous {
        Synchronous::Full => "FULL",
        #[cfg(feature = "fault-injection")]
        Synchronous::OffForTests => "OFF",
    };
    conn.pragma_update(None, "synchronous", synchronous)?;
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(conn)
}

/// A reading connection; it cannot write whatever it is told.
pub(crate) fn reading(config: &StoreConfig) -> Result<Connection, StoreError> {
    let conn = open(config, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.busy_timeout(BUSY_WAIT)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.set_prepared_statement_cache_capacity(128);
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MasterKey;
    use crate::sqlite::migrations;
    use rusqlite::StatementStatus;

    /// A statement that every accepted message runs twice.
    const WHO: &str = "SELECT contact.id, contact.lid, contact.push_name
         FROM alias JOIN contact ON contact.id = alias.contact
         WHERE alias.workspace = ?1 AND alias.address = ?2 AND alias.valid_to IS NULL";

    #[test]
    fn a_kept_statement_is_not_planned_anew_for_every_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waypost.db");
        let mut conn = writing(&StoreConfig::new(path, MasterKey::new([1; 32]))).unwrap();
        migrations::migrate(&mut conn).unwrap();
        let mut statement = conn.prepare(WHO).unwrap();
        for person in 0..10 {
            let found = statement.exists((1, format!("p:{person}"))).unwrap();
            assert!(!found);
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
