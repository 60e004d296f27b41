//! Signing in to PostgreSQL, and the lock that keeps a second writer out.

use super::tls::Tls;
use super::{Driver, Session};
use crate::config::{DatabaseUrl, Synchronous};
use crate::db::{Connection, OptionalExtension as _};
use crate::error::StoreError;
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};

/// How long signing in may take, unless the URL says otherwise (`connect_timeout`).
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// How long a statement waits for somebody else's lock, in milliseconds. Only people at work in
/// the same database make one wait.
const LOCK_WAIT_MS: u32 = 10_000;
/// How long a new writer waits for the one before to go, in milliseconds. The server notices a
/// killed process at once.
const WRITER_WAIT_MS: u32 = 3_000;
/// A silent connection is asked for a sign of life after this time, and given up soon after; the
/// server does the same from its side.
const SILENCE: Duration = Duration::from_secs(15);
/// Between two such questions.
const SILENCE_AGAIN: Duration = Duration::from_secs(5);
/// Questions left unanswered before the connection is given up.
const SILENCE_RETRIES: u32 = 3;
/// What was sent and never confirmed by the other machine ends the connection after this time.
const UNANSWERED: Duration = Duration::from_secs(30);
/// The upper half of the lock's number; the lower half is the number of the schema.
const LOCK_CLASS: i64 = 0x5741_5950;
/// The oldest server that is supported, as it numbers itself.
const SERVER_MIN: i64 = 150_000;

/// A session that writes. [`StoreError::InUse`] when another process has one on this schema.
pub(crate) fn writing(url: &DatabaseUrl, synchronous: Synchronous) -> Result<Session, StoreError> {
    let name = format!("waypost-{}", hex::encode(crate::chance::bytes::<8>()));
    let session = connect(url, name)?;
    let session = check(session)?;
    begin_to_write(session, synchronous)
}

/// A session in place of one that was lost, under the same name. Should the server still think
/// that the old one lives, it is ended first: it holds the lock.
pub(crate) fn writing_again(
    url: &DatabaseUrl,
    synchronous: Synchronous,
    name: &str,
) -> Result<Session, StoreError> {
    let session = Connection::from(connect(url, name.to_owned())?);
    session
        .query_row(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE application_name = ?1 AND pid <> pg_backend_pid()",
            [name],
            |row| row.get::<_, i64>(0),
        )
        .map_err(StoreError::from)?;
    begin_to_write(into_session(session)?, synchronous)
}

/// A session in place of another process's, which is ended first.
pub(crate) fn writing_instead_of(
    url: &DatabaseUrl,
    synchronous: Synchronous,
    other: &str,
) -> Result<Session, StoreError> {
    let name = format!("waypost-{}", hex::encode(crate::chance::bytes::<8>()));
    let session = Connection::from(connect(url, name)?);
    session
        .query_row(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE application_name = ?1 AND pid <> pg_backend_pid()",
            [other],
            |row| row.get::<_, i64>(0),
        )
        .map_err(StoreError::from)?;
    begin_to_write(into_session(session)?, synchronous)
}

/// Checks that a PostgreSQL server can be reached and is one the store can be in. It is only read.
///
/// Blocks until the server answers, or for as long as signing in may take.
///
/// # Errors
/// [`StoreError::Unreachable`], or [`StoreError::Invalid`] for a server that is too old or a
/// database that does not store every character.
pub fn check_server(url: &DatabaseUrl) -> Result<(), StoreError> {
    let session = reading(url)?;
    check(session).map(drop)
}

/// A session that only reads.
pub(crate) fn reading(url: &DatabaseUrl) -> Result<Session, StoreError> {
    let session = connect(url, "waypost-reader".to_owned())?;
    session.run("SET default_transaction_read_only = on")?;
    Ok(session)
}

fn connect(url: &DatabaseUrl, name: String) -> Result<Session, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| StoreError::Io {
            what: error.to_string(),
        })?;
    let mut config = url.config().clone();
    config.application_name(&name);
    config.keepalives_idle(SILENCE);
    config.keepalives_interval(SILENCE_AGAIN);
    config.keepalives_retries(SILENCE_RETRIES);
    config.tcp_user_timeout(UNANSWERED);
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_WAIT);
    }
    let (client, driver) = runtime.block_on(sign_in(&config, url))?;
    let session = Session::new(runtime, client, driver, name);
    // One schema only: tables of the same names in another one must not be taken for ours.
    session.run(&format!(
        "SET client_min_messages = warning; SET lock_timeout = {LOCK_WAIT_MS};
         SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
         SET tcp_keepalives_idle = {}; SET tcp_keepalives_interval = {};
         SET tcp_keepalives_count = {SILENCE_RETRIES};
         SELECT set_config('search_path', quote_ident(current_schema()), false)
         WHERE current_schema() IS NOT NULL",
        SILENCE.as_secs(),
        SILENCE_AGAIN.as_secs(),
    ))?;
    Ok(session)
}

async fn sign_in(config: &Config, url: &DatabaseUrl) -> Result<(Client, Driver), StoreError> {
    let away = |error| StoreError::Unreachable {
        what: format!("{url}: {}", crate::db::error::told(&error)),
    };
    if config.get_ssl_mode() == SslMode::Require {
        let (client, connection) = config.connect(Tls::of(url)?).await.map_err(away)?;
        Ok((client, Box::pin(connection)))
    } else {
        let (client, connection) = config.connect(NoTls).await.map_err(away)?;
        Ok((client, Box::pin(connection)))
    }
}

fn into_session(connection: Connection) -> Result<Session, StoreError> {
    match connection {
        Connection::Postgres(session) => Ok(*session),
        Connection::Sqlite(_) => Err(StoreError::Bug {
            what: "an SQLite connection where a PostgreSQL one was made".to_owned(),
        }),
    }
}

/// Refuses a server that is too old or does not store every character.
fn check(session: Session) -> Result<Session, StoreError> {
    let session = Connection::from(session);
    let (version, encoding): (i64, String) = session
        .query_row(
            "SELECT CAST(current_setting('server_version_num') AS BIGINT),
                current_setting('server_encoding')",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(StoreError::from)?;
    if version < SERVER_MIN {
        return Err(StoreError::invalid(format!(
            "this PostgreSQL is version {}; Waypost needs {} or newer",
            version / 10_000,
            SERVER_MIN / 10_000
        )));
    }
    if encoding != "UTF8" {
        return Err(StoreError::invalid(format!(
            "this PostgreSQL database stores {encoding}; make one with ENCODING 'UTF8'"
        )));
    }
    into_session(session)
}

/// Takes the lock of the one writer and makes its commits durable.
fn begin_to_write(session: Session, synchronous: Synchronous) -> Result<Session, StoreError> {
    let durable = match synchronous {
        // Whatever is safer than `on` (a copy that confirms too) stays as the server has it.
        Synchronous::Full => {
            "SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') IN ('off', 'local')"
        }
        #[cfg(feature = "fault-injection")]
        Synchronous::OffForTests => "SET synchronous_commit = off",
    };
    session.run(durable)?;
    session.run(&format!("SET lock_timeout = {WRITER_WAIT_MS}"))?;
    let session = Connection::from(session);
    take_lock(&session)?;
    let session = into_session(session)?;
    session.run(&format!("SET lock_timeout = {LOCK_WAIT_MS}"))?;
    Ok(session)
}

fn take_lock(session: &Connection) -> Result<(), StoreError> {
    let schema: Option<i64> = session
        .query_row(
            "SELECT CAST(oid AS BIGINT) FROM pg_namespace WHERE nspname = current_schema()",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let schema = schema.ok_or_else(|| {
        StoreError::invalid(
            "the PostgreSQL database has no schema to use; create the one that search_path names",
        )
    })?;
    let locked = session.query_row(
        "SELECT pg_advisory_lock(?1) IS NULL",
        [(LOCK_CLASS << 32) | schema],
        |row| row.get::<_, bool>(0),
    );
    match locked {
        Ok(_) => Ok(()),
        Err(error) => match StoreError::from(error) {
            StoreError::Busy => Err(StoreError::InUse),
            other => Err(other),
        },
    }
}
