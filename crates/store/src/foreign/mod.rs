//! Databases of other programs, read once so that their accounts can move in.
//!
//! They are only read. What is read is handed on as plain rows: what they mean is known elsewhere.

pub mod whatsmeow;

use crate::config::DatabaseUrl;
use crate::db::{Connection, Dialect, ValueRef, postgres};
use crate::error::StoreError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rusqlite::OpenFlags;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most rows read of one table; more is refused.
pub const FOREIGN_ROWS_MAX: usize = 1_000_000;

/// Rows by table; each a JSON object of its columns, with bytes in base64.
pub type Tables = BTreeMap<String, Vec<Value>>;

/// Where the database of another program is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForeignDatabase {
    /// An SQLite file.
    File(PathBuf),
    /// A PostgreSQL database.
    Server(DatabaseUrl),
}

/// A table and the columns of it that are wanted.
struct Wanted {
    table: &'static str,
    columns: &'static [&'static str],
}

fn connect(database: &ForeignDatabase) -> Result<Connection, StoreError> {
    match database {
        ForeignDatabase::File(path) => open(path).map(Connection::Sqlite),
        ForeignDatabase::Server(url) => postgres::reading(url).map(Connection::from),
    }
}

/// Opens a file that stays as it is. A log that was not folded into it is read too.
fn open(path: &Path) -> Result<rusqlite::Connection, StoreError> {
    let unreadable = |error: rusqlite::Error| StoreError::Invalid {
        what: format!(
            "{} cannot be read as an SQLite database ({error}); name the file, and copy it to a \
             folder that can be written if it lies in one that cannot",
            path.display()
        ),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = rusqlite::Connection::open_with_flags(path, flags).map_err(unreadable)?;
    // The file is looked at only now.
    conn.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
        .map_err(unreadable)?;
    Ok(conn)
}

/// The columns that a table has; none when there is no such table.
fn columns(conn: &Connection, table: &str) -> Result<Vec<String>, StoreError> {
    let sql = match conn.dialect() {
        Dialect::Sqlite => "SELECT name FROM pragma_table_info(?1)",
        Dialect::Postgres => {
            "SELECT CAST(attname AS text) FROM pg_attribute
             WHERE attrelid = to_regclass(CAST(?1 AS text)) AND attnum > 0 AND NOT attisdropped"
        }
    };
    let mut statement = conn.prepare_cached(sql)?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// Every row of a table, with those of the wanted columns that this version of it has.
fn rows(conn: &Connection, wanted: &Wanted) -> Result<Vec<Value>, StoreError> {
    let there = columns(conn, wanted.table)?;
    let known = wanted.columns.iter().copied();
    let columns: Vec<&str> = known
        .filter(|name| there.iter().any(|c| c == name))
        .collect();
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("SELECT {} FROM {}", columns.join(", "), wanted.table);
    let mut statement = conn.prepare_cached(&sql)?;
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        if rows.len() == FOREIGN_ROWS_MAX {
            return Err(StoreError::invalid(format!(
                "{} has more than {FOREIGN_ROWS_MAX} rows; that is more than can be taken over",
                wanted.table
            )));
        }
        let mut fields = Map::with_capacity(columns.len());
        for (at, name) in columns.iter().enumerate() {
            fields.insert((*name).to_owned(), json(row.get_ref(at)?));
        }
        rows.push(Value::Object(fields));
    }
    Ok(rows)
}

fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Blob(bytes) => BASE64_STANDARD.encode(bytes).into(),
    }
}
