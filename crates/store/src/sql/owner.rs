//! Which process the database belongs to.

use crate::command::Write;
use crate::config::{Database, StoreConfig};
use crate::db::{Connection, Dialect, Step, postgres};
use crate::error::StoreError;
use crate::owner::OwnerSeen;
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::Duration;

impl Dialect {
    /// The database's clock, in UTC milliseconds: the one clock that all its processes share.
    fn now_ms(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Self::Postgres => "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }
}

/// Takes the database for this process; answers the number by which its commits are known.
pub(crate) fn claim(conn: &Connection) -> Result<i64, StoreError> {
    let holder = match conn {
        Connection::Sqlite(_) => format!("process {}", std::process::id()),
        Connection::Postgres(session) => session.name().to_owned(),
    };
    let now = conn.dialect().now_ms();
    conn.step(Step::Begin)?;
    let claimed = conn
        .execute(
            &format!("UPDATE store_owner SET epoch = epoch + 1, holder = ?1, beat_at = {now}"),
            [&holder],
        )
        .map_err(StoreError::from)
        .and_then(|_| epoch(conn));
    match claimed {
        Ok(epoch) => {
            conn.step(Step::Commit)?;
            Ok(epoch)
        }
        Err(error) => {
            if conn.is_in_transaction() {
                conn.step(Step::Rollback)?;
            }
            Err(error)
        }
    }
}

/// The number of the present owner.
pub(crate) fn epoch(conn: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT epoch FROM store_owner";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// The writing connection in place of an owner that has been silent for too long.
pub(crate) fn take_over(config: &StoreConfig) -> Result<Connection, StoreError> {
    let Database::Postgres { url, .. } = &config.database else {
        return Err(StoreError::InUse);
    };
    match seen(config) {
        Ok(Some(seen)) if seen.silent_for >= config.stale_after => {
            tracing::warn!(
                holder = seen.holder,
                silent_ms = seen.silent_for.as_millis(),
                "the owner of the database is silent; it is replaced"
            );
            postgres::writing_instead_of(url, config.synchronous, &seen.holder)
                .map(Connection::from)
        }
        _ => Err(StoreError::InUse),
    }
}

fn seen(config: &StoreConfig) -> Result<Option<OwnerSeen>, StoreError> {
    let conn = Connection::reading(config)?;
    let now = conn.dialect().now_ms();
    let sql = format!("SELECT holder, {now} - beat_at FROM store_owner WHERE epoch > 0");
    let Ok(mut statement) = conn.prepare_cached(&sql) else {
        // A database that an older program made knows no owners.
        return Ok(None);
    };
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let silent: i64 = row.get(1)?;
    Ok(Some(OwnerSeen {
        holder: row.get(0)?,
        silent_for: Duration(u64::try_from(silent).unwrap_or(0)),
    }))
}

struct Beat;

impl Write for Beat {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let now = tx.conn().dialect().now_ms();
        tx.prepare(&format!("UPDATE store_owner SET beat_at = {now}"))?
            .execute([])?;
        Ok(())
    }
}

impl Store {
    /// Says that this process lives and commits.
    ///
    /// # Errors
    /// [`StoreError::TakenOver`] when another process has the database now: this one must end.
    pub async fn beat(&self) -> Result<(), StoreError> {
        self.write(Beat).await
    }

    /// Whom the database belongs to; `None` when it never belonged to anybody or is not there. Blocks
    /// for a moment.
    pub fn owner(config: &StoreConfig) -> Result<Option<OwnerSeen>, StoreError> {
        if config.file().is_some_and(|file| !file.exists()) {
            return Ok(None);
        }
        seen(config)
    }
}
