//! The database as the rooms of `sql` see it: one connection, statements, rows, whichever of the
//! two databases is behind it.
//!
//! It has the shape of rusqlite, of which it uses the traits for values too. SQL is written once,
//! in the dialect both have in common; parameters are `?1` or `:name`. What PostgreSQL says
//! differently is in one place each: types in its migrations, parameters and `LIKE` in
//! [`translate`], what is left in a `match` on [`Connection::dialect`].
//!
//! It finds out a parameter's type from the first place that has one, so `?1 IS NULL` stands behind
//! `x = ?1`, and a parameter without such a place is written `CAST(?1 AS BIGINT)`.

mod error;
pub(crate) mod migrations;
mod params;
pub(crate) mod postgres;
pub(crate) mod sqlite;
mod translate;

pub(crate) use error::{Error, OptionalExtension};
pub(crate) use params::{Binder, Params};
pub(crate) use rusqlite::types::{FromSql, ToSql, ValueRef};
pub(crate) use rusqlite::{named_params, params};

use crate::config::{Database, StoreConfig};
use std::ops::Deref;

/// Which database is behind a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// A query for the items of the JSON list of strings in a parameter. They must not contain
    /// NUL: PostgreSQL does not read it in JSON.
    pub(crate) fn texts_in_json(self, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("SELECT value FROM json_each({parameter})"),
            Self::Postgres => {
                format!(
                    "SELECT jsonb_array_elements_text(CAST(CAST({parameter} AS text) AS jsonb))"
                )
            }
        }
    }

    /// The same for a list of integers.
    pub(crate) fn integers_in_json(self, parameter: &str) -> String {
        match self {
            Self::Sqlite => self.texts_in_json(parameter),
            Self::Postgres => format!(
                "SELECT CAST(item AS BIGINT)
                 FROM jsonb_array_elements_text(CAST(CAST({parameter} AS text) AS jsonb)) AS items (item)"
            ),
        }
    }
}

/// A connection. It belongs to one thread at a time.
pub(crate) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Box<postgres::Session>),
}

impl From<postgres::Session> for Connection {
    fn from(session: postgres::Session) -> Self {
        Self::Postgres(Box::new(session))
    }
}

/// Steps of the writer's transactions. The words are the same in both databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Begins the transaction of a group.
    Begin,
    /// Makes the group durable.
    Commit,
    /// Takes the whole group back.
    Rollback,
}

impl Connection {
    /// The connection that writes; with PostgreSQL, it holds the lock of the one writer.
    pub(crate) fn writing(config: &StoreConfig) -> Result<Self, crate::StoreError> {
        match &config.database {
            Database::Sqlite { .. } => sqlite::writing(config).map(Self::Sqlite),
            Database::Postgres { url, .. } => {
                postgres::writing(url, config.synchronous).map(Self::from)
            }
        }
    }

    /// A connection that only reads, whatever it is told.
    pub(crate) fn reading(config: &StoreConfig) -> Result<Self, crate::StoreError> {
        match &config.database {
            Database::Sqlite { .. } => sqlite::reading(config).map(Self::Sqlite),
            Database::Postgres { url, .. } => postgres::reading(url).map(Self::from),
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// A statement that stays prepared for the next time.
    pub(crate) fn prepare_cached(&self, sql: &str) -> Result<Statement<'_>, Error> {
        match self {
            Self::Sqlite(conn) => Ok(Statement::Sqlite(conn.prepare_cached(sql)?)),
            Self::Postgres(session) => Ok(Statement::Postgres(session.prepare_cached(sql)?)),
        }
    }

    /// Runs a statement; the number of rows it changed.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<usize, Error> {
        self.prepare_cached(sql)?.execute(params)
    }

    /// The first row of a query; [`Error::NoRows`] when there is none.
    pub(crate) fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        make: impl FnOnce(&Row<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.prepare_cached(sql)?.query_row(params, make)
    }

    /// What is read until it is dropped is of one moment.
    pub(crate) fn snapshot(&self) -> Result<Snapshot<'_>, Error> {
        match self {
            Self::Sqlite(conn) => conn.execute_batch("BEGIN DEFERRED")?,
            Self::Postgres(session) => session.begin_snapshot(),
        }
        Ok(Snapshot(self))
    }

    /// Takes a step. With PostgreSQL it travels with the next statement, and only
    /// [`Step::Commit`] and [`Step::Rollback`] are waited for.
    pub(crate) fn step(&self, step: Step) -> Result<(), Error> {
        match self {
            Self::Sqlite(conn) => {
                // Immediate: a transaction that reads first could not begin to write later.
                let sql = match step {
                    Step::Begin => "BEGIN IMMEDIATE",
                    other => other.words(),
                };
                conn.prepare_cached(sql)?.execute([])?;
                Ok(())
            }
            Self::Postgres(session) => session.step(step),
        }
    }

    /// Whether a transaction is open, as far as it can be known from here.
    pub(crate) fn is_in_transaction(&self) -> bool {
        match self {
            Self::Sqlite(conn) => !conn.is_autocommit(),
            Self::Postgres(session) => session.is_in_transaction(),
        }
    }

    /// Rows inserted, updated and deleted over this connection since it was opened.
    pub(crate) fn rows_written(&self) -> u64 {
        match self {
            Self::Sqlite(conn) => conn.total_changes(),
            Self::Postgres(session) => session.rows_written(),
        }
    }

    /// Whether the open transaction takes no further statement, since one of it failed. SQLite's always
    /// does.
    pub(crate) fn is_refusing(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(session) => session.is_refusing(),
        }
    }

    /// Whether it can never be used again. An SQLite connection always can.
    pub(crate) fn is_lost(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(session) => session.is_lost(),
        }
    }
}

impl Step {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Rollback => "ROLLBACK",
        }
    }
}

/// A connection that reads as of one moment; see [`Connection::snapshot`].
pub(crate) struct Snapshot<'c>(&'c Connection);

impl Deref for Snapshot<'_> {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        self.0
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        let ended = match self.0 {
            Connection::Sqlite(conn) => conn.execute_batch("ROLLBACK").map_err(Error::from),
            Connection::Postgres(session) => session.step(Step::Rollback),
        };
        if let Err(error) = ended {
            tracing::warn!(%error, "a reading transaction could not be ended");
        }
    }
}

/// A prepared statement.
pub(crate) enum Statement<'c> {
    Sqlite(rusqlite::CachedStatement<'c>),
    Postgres(postgres::Prepared<'c>),
}

impl Statement<'_> {
    /// Runs it; the number of rows it changed.
    pub(crate) fn execute(&mut self, params: impl Params) -> Result<usize, Error> {
        match self {
            Self::Sqlite(statement) => {
                sqlite::bind(statement, params)?;
                Ok(statement.raw_execute()?)
            }
            Self::Postgres(statement) => statement.execute(params),
        }
    }

    /// Runs it for its rows.
    pub(crate) fn query(&mut self, params: impl Params) -> Result<Rows<'_>, Error> {
        match self {
            Self::Sqlite(statement) => {
                sqlite::bind(statement, params)?;
                Ok(Rows::Sqlite(statement.raw_query()))
            }
            Self::Postgres(statement) => Ok(Rows::Postgres(statement.query(params)?)),
        }
    }

    /// The first row; [`Error::NoRows`] when there is none.
    pub(crate) fn query_row<T>(
        &mut self,
        params: impl Params,
        make: impl FnOnce(&Row<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut rows = self.query(params)?;
        let row = rows.next()?.ok_or(Error::NoRows)?;
        make(&row)
    }

    /// The rows as `make` reads them.
    pub(crate) fn query_map<T, F>(
        &mut self,
        params: impl Params,
        make: F,
    ) -> Result<Made<'_, F>, Error>
    where
        F: FnMut(&Row<'_>) -> Result<T, Error>,
    {
        self.query_and_then(params, make)
    }

    /// The rows as `make` reads them, which may fail in ways of its own.
    pub(crate) fn query_and_then<T, E, F>(
        &mut self,
        params: impl Params,
        make: F,
    ) -> Result<Made<'_, F>, Error>
    where
        E: From<Error>,
        F: FnMut(&Row<'_>) -> Result<T, E>,
    {
        let rows = self.query(params)?;
        Ok(Made { rows, make })
    }
}

/// The rows of a query.
pub(crate) enum Rows<'s> {
    Sqlite(rusqlite::Rows<'s>),
    Postgres(postgres::Rows),
}

impl Rows<'_> {
    /// The next row, while there is one.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, Error> {
        match self {
            Self::Sqlite(rows) => Ok(rows.next()?.map(Row::Sqlite)),
            Self::Postgres(rows) => Ok(rows.next().map(Row::Postgres)),
        }
    }
}

/// Rows turned into something; see [`Statement::query_and_then`].
pub(crate) struct Made<'s, F> {
    rows: Rows<'s>,
    make: F,
}

impl<T, E, F> Iterator for Made<'_, F>
where
    E: From<Error>,
    F: FnMut(&Row<'_>) -> Result<T, E>,
{
    type Item = Result<T, E>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.next() {
            Ok(row) => row.map(|row| (self.make)(&row)),
            Err(error) => Some(Err(error.into())),
        }
    }
}

/// One row.
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r postgres::Row),
}

impl Row<'_> {
    /// The value of a column.
    pub(crate) fn get<C: Column, T: FromSql>(&self, column: C) -> Result<T, Error> {
        match self {
            Self::Sqlite(row) => Ok(row.get(column)?),
            Self::Postgres(row) => {
                let value = row.value(column.place_in(row)?)?;
                Ok(T::column_result(value)?)
            }
        }
    }

    /// The value of a column as it lies there.
    pub(crate) fn get_ref(&self, column: impl Column) -> Result<ValueRef<'_>, Error> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?),
            Self::Postgres(row) => row.value(column.place_in(row)?),
        }
    }
}

/// What a column is named by: its place from 0, or its name.
pub(crate) trait Column: rusqlite::RowIndex {
    fn place_in(&self, row: &postgres::Row) -> Result<usize, Error>;
}

impl Column for usize {
    fn place_in(&self, _: &postgres::Row) -> Result<usize, Error> {
        Ok(*self)
    }
}

impl Column for &str {
    fn place_in(&self, row: &postgres::Row) -> Result<usize, Error> {
        row.place_of(self)
    }
}
