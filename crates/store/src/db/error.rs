//! What a statement can fail with, before it is known what that means for its caller.

use crate::error::StoreError;
use tokio_postgres::error::SqlState;

/// Why a statement failed.
#[derive(Debug)]
pub(crate) enum Error {
    /// There is no row where there had to be one.
    NoRows,
    /// A value is not what the program takes it for.
    Value(rusqlite::types::FromSqlError),
    Sqlite(rusqlite::Error),
    Postgres(tokio_postgres::Error),
    /// The connection was lost before the server confirmed a commit.
    Unconfirmed(String),
    /// The program and the statement do not fit together.
    Misuse(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoRows => f.write_str("the query returned no rows"),
            Self::Value(error) => error.fmt(f),
            Self::Sqlite(error) => error.fmt(f),
            Self::Postgres(error) => f.write_str(&told(error)),
            Self::Unconfirmed(what) | Self::Misuse(what) => f.write_str(what),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<rusqlite::types::FromSqlError> for Error {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        Self::Value(error)
    }
}

/// Turns "there is no row" into `None`.
pub(crate) trait OptionalExtension<T> {
    fn optional(self) -> Result<Option<T>, Error>;
}

impl<T> OptionalExtension<T> for Result<T, Error> {
    fn optional(self) -> Result<Option<T>, Error> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(Error::NoRows) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::NoRows => Self::NotFound { what: "row" },
            Error::Value(error) => Self::corrupt(error.to_string()),
            Error::Sqlite(error) => of_sqlite(error),
            Error::Postgres(error) => of_postgres(&error),
            Error::Unconfirmed(what) => Self::Unconfirmed { what },
            Error::Misuse(what) => Self::Bug { what },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        of_sqlite(error)
    }
}

fn of_sqlite(error: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode as Code;
    let what = error.to_string();
    match error {
        rusqlite::Error::QueryReturnedNoRows => StoreError::NotFound { what: "row" },
        rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
            Code::DatabaseBusy | Code::DatabaseLocked => StoreError::Busy,
            Code::DiskFull => StoreError::Full,
            Code::DatabaseCorrupt | Code::NotADatabase => StoreError::Corrupt { what },
            Code::ConstraintViolation => contradicts(&what),
            Code::SystemIoFailure
            | Code::CannotOpen
            | Code::ReadOnly
            | Code::PermissionDenied
            | Code::OutOfMemory => StoreError::Io { what },
            _ => StoreError::Bug { what },
        },
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..) => StoreError::Corrupt { what },
        _ => StoreError::Bug { what },
    }
}

fn contradicts(what: &str) -> StoreError {
    StoreError::conflict(format!("it contradicts what is stored ({what})"))
}

fn of_postgres(error: &tokio_postgres::Error) -> StoreError {
    let what = told(error);
    let Some(state) = error.code() else {
        // Without an answer of the server: the connection, or a value that we encoded wrongly.
        return if is_about_the_connection(error) {
            StoreError::Unreachable { what }
        } else {
            StoreError::Bug { what }
        };
    };
    match state {
        state if is_passing(state) => StoreError::Busy,
        state if *state == SqlState::DISK_FULL => StoreError::Full,
        state if *state == SqlState::DATA_CORRUPTED || *state == SqlState::INDEX_CORRUPTED => {
            StoreError::Corrupt { what }
        }
        state if *state == SqlState::INSUFFICIENT_PRIVILEGE => StoreError::invalid(format!(
            "PostgreSQL does not allow it: {what}; give the user all rights on the database"
        )),
        state if *state == SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::Unreachable { what },
        // PostgreSQL sorts its errors into classes by their first two characters.
        state => match state.code().get(..2) {
            Some("23") => contradicts(&what),
            // Connection exceptions, wrong sign-in, no such database, too many connections, and
            // shutting down.
            Some("08" | "28" | "3D" | "53" | "57") => StoreError::Unreachable { what },
            Some("58") => StoreError::Io { what },
            _ => StoreError::Bug { what },
        },
    }
}

/// Another transaction was in the way.
fn is_passing(state: &SqlState) -> bool {
    [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::QUERY_CANCELED,
    ]
    .contains(state)
}

fn is_about_the_connection(error: &tokio_postgres::Error) -> bool {
    let by_io = std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>());
    error.is_closed() || by_io || error.to_string().starts_with("error connecting")
}

/// The error with what the server said, in one line.
pub(super) fn told(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => match said.detail() {
            Some(detail) => format!("{} ({detail})", said.message()),
            None => said.message().to_owned(),
        },
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}
