//! Migrations: numbered, embedded, forward only. SQLite's `user_version`, or PostgreSQL's table
//! `waypost_schema`, holds the last one done.

use super::{Connection, Error, OptionalExtension as _, Step};
use crate::error::StoreError;

/// Every migration in order; number N is the N-th. Never change one that was released. Both
/// databases have the same numbers.
const COUNT: usize = 8;
const SQLITE: [&str; COUNT] = [
    include_str!("migrations/sqlite/0001_core.sql"),
    include_str!("migrations/sqlite/0002_admin.sql"),
    include_str!("migrations/sqlite/0003_media.sql"),
    include_str!("migrations/sqlite/0004_sheets.sql"),
    include_str!("migrations/sqlite/0005_insight.sql"),
    include_str!("migrations/sqlite/0006_health.sql"),
    include_str!("migrations/sqlite/0007_gaps.sql"),
    include_str!("migrations/sqlite/0008_turns.sql"),
];
const POSTGRES: [&str; COUNT] = [
    include_str!("migrations/postgres/0001_core.sql"),
    include_str!("migrations/postgres/0002_admin.sql"),
    include_str!("migrations/postgres/0003_media.sql"),
    include_str!("migrations/postgres/0004_sheets.sql"),
    include_str!("migrations/postgres/0005_insight.sql"),
    include_str!("migrations/postgres/0006_health.sql"),
    include_str!("migrations/postgres/0007_gaps.sql"),
    include_str!("migrations/postgres/0008_turns.sql"),
];

/// Brings the database to the newest schema. Refuses one that is newer than this program.
pub(crate) fn migrate(conn: &Connection) -> Result<(), StoreError> {
    let known = i64::try_from(COUNT).unwrap_or(i64::MAX);
    let found = conn.schema_version()?;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    let all = match conn {
        Connection::Sqlite(_) => SQLITE,
        Connection::Postgres(_) => POSTGRES,
    };
    for (number, sql) in (1i64..).zip(all).filter(|(number, _)| *number > found) {
        if let Err(error) = migrate_to(conn, number, sql) {
            if conn.is_in_transaction() {
                conn.step(Step::Rollback)?;
            }
            return Err(error.into());
        }
        tracing::info!(number, "database migrated");
    }
    Ok(())
}

fn migrate_to(conn: &Connection, number: i64, sql: &str) -> Result<(), Error> {
    conn.step(Step::Begin)?;
    conn.run_script(sql)?;
    conn.set_schema_version(number)?;
    conn.step(Step::Commit)
}

impl Connection {
    fn schema_version(&self) -> Result<i64, Error> {
        match self {
            Self::Sqlite(_) => self.query_row("PRAGMA user_version", [], |row| row.get(0)),
            Self::Postgres(_) => {
                let is_there = "SELECT to_regclass('waypost_schema') IS NOT NULL";
                if !self.query_row(is_there, [], |row| row.get(0))? {
                    return Ok(0);
                }
                let sql = "SELECT version FROM waypost_schema";
                let found = self.query_row(sql, [], |row| row.get(0)).optional()?;
                Ok(found.unwrap_or(0))
            }
        }
    }

    fn set_schema_version(&self, number: i64) -> Result<(), Error> {
        match self {
            Self::Sqlite(conn) => Ok(conn.pragma_update(None, "user_version", number)?),
            Self::Postgres(session) => session.run(&format!(
                "CREATE TABLE IF NOT EXISTS waypost_schema (version BIGINT NOT NULL);
                 DELETE FROM waypost_schema; INSERT INTO waypost_schema VALUES ({number})"
            )),
        }
    }

    fn run_script(&self, sql: &str) -> Result<(), Error> {
        match self {
            Self::Sqlite(conn) => Ok(conn.execute_batch(sql)?),
            Self::Postgres(session) => session.run(sql),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{MasterKey, StoreConfig};

    #[test]
    fn what_was_put_off_before_turns_were_known_is_still_put_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("waypost.db");
        let config = StoreConfig::new(path, MasterKey::new([1; 32]));
        let conn = Connection::writing(&config).unwrap();
        for (number, sql) in (1..=7).zip(SQLITE) {
            migrate_to(&conn, number, sql).unwrap();
        }
        let old = "INSERT INTO deferred (message, account, at) VALUES (11, 1, 5), (12, 1, 6)";
        conn.run_script(old).unwrap();
        migrate(&conn).unwrap();
        let sql = "SELECT count(*) FROM deferred WHERE conversation IS NULL";
        let waiting: i64 = conn.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(waiting, 2);
    }
}
