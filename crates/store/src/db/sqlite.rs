//! SQLite: who may write, what counts as durable, how values reach a statement.

use super::{Binder, Error, Params, ToSql};
use crate::config::{StoreConfig, Synchronous};
use crate::error::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Statement};
use std::path::Path;
use std::time::Duration;

/// How long a connection waits for a lock. Only checkpoints and backups ever make one wait.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// Page cache of the writer, in KiB.
const WRITER_CACHE_KIB: i64 = 32 * 1024;
/// Statements the writer keeps prepared; the one used longest ago makes room.
const WRITER_STATEMENTS: usize = 256;
/// Statements a reader keeps prepared; the one used longest ago makes room.
const READER_STATEMENTS: usize = 128;

/// The database file of these settings; [`StoreError::Invalid`] when they name PostgreSQL.
pub(crate) fn file(config: &StoreConfig) -> Result<&Path, StoreError> {
    config.file().ok_or_else(|| {
        StoreError::invalid(
            "this database is in PostgreSQL, which has its own tools: save it with pg_dump and \
             bring it back with pg_restore, and copy the folder of stored files beside it",
        )
    })
}

fn open(config: &StoreConfig, flags: OpenFlags) -> Result<Connection, StoreError> {
    let conn = open_file(config, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Otherwise SQLite plans a kept statement anew whenever a bound value is 0 or 1, as the default
    // workspace is: a third of what the writer did.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(conn)
}

fn open_file(config: &StoreConfig, flags: OpenFlags) -> Result<Connection, StoreError> {
    let file = file(config)?;
    #[cfg(feature = "fault-injection")]
    if let Some(vfs) = &config.vfs {
        return Ok(Connection::open_with_flags_and_vfs(
            file,
            flags,
            vfs.as_str(),
        )?);
    }
    Ok(Connection::open_with_flags(file, flags)?)
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
    conn.set_prepared_statement_cache_capacity(WRITER_STATEMENTS);
    Ok(conn)
}

/// A reading connection; it cannot write whatever it is told.
pub(crate) fn reading(config: &StoreConfig) -> Result<Connection, StoreError> {
    let conn = open(config, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.busy_timeout(BUSY_WAIT)?;
    conn.pragma_update(None, "query_only", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.set_prepared_statement_cache_capacity(READER_STATEMENTS);
    Ok(conn)
}

/// Gives a statement its parameters.
pub(super) fn bind(statement: &mut Statement<'_>, params: impl Params) -> Result<(), Error> {
    let (given, wanted) = (params.count(), statement.parameter_count());
    if given != wanted {
        return Err(rusqlite::Error::InvalidParameterCount(given, wanted).into());
    }
    params.bind(&mut Places(statement))
}

struct Places<'a, 'c>(&'a mut Statement<'c>);

impl<'p> Binder<'p> for Places<'_, '_> {
    fn place(&mut self, place: usize, value: &'p (impl ToSql + ?Sized)) -> Result<(), Error> {
        Ok(self.0.raw_bind_parameter(place, value)?)
    }

    fn name(&mut self, name: &str, value: &'p (impl ToSql + ?Sized)) -> Result<(), Error> {
        let place = self.0.parameter_index(name)?;
        let place = place.ok_or_else(|| rusqlite::Error::InvalidParameterName(name.to_owned()))?;
        self.place(place, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MasterKey;
    use crate::db::migrations;
    use rusqlite::StatementStatus;

    /// A statement that every accepted message runs twice.
    const WHO: &str = "SELECT contact.id, contact.lid, contact.push_name
         FROM alias JOIN contact ON contact.id = alias.contact
         WHERE alias.workspace = ?1 AND alias.address = ?2 AND alias.valid_to IS NULL";

    #[test]
    fn a_kept_statement_is_not_planned_anew_for_every_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waypost.db");
        let config = StoreConfig::new(path, MasterKey::new([1; 32]));
        let conn = crate::db::Connection::writing(&config).unwrap();
        migrations::migrate(&conn).unwrap();
        let crate::db::Connection::Sqlite(conn) = conn else {
            panic!("a file was asked for");
        };
        let mut statement = conn.prepare(WHO).unwrap();
        for person in 0..10 {
            let found = statement.exists((1, format!("p:{person}"))).unwrap();
            assert!(!found);
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
