//! Opening connections: who may write, and what counts as durable.

use crate::config::{StoreConfig, Synchronous};
use crate::error::StoreError;
use rusqlite::{Connection, OpenFlags};
use std::time::Duration;

/// How long a connection waits for a lock. Only checkpoints and backups ever make one wait.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// Page cache of the writer, in KiB.
const WRITER_CACHE_KIB: i64 = 32 * 1024;

fn open(config: &StoreConfig, flags: OpenFlags) -> Result<Connection, StoreError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
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
