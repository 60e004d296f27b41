//! What can go wrong in the store.

/// Why the store did not do what it was asked. Nothing was changed when a write returns one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database stayed locked, or every reader was busy for too long.
    #[error("the database is busy; try again in a moment")]
    Busy,
    /// It contradicts what is stored, e.g. a name that is taken.
    #[error("{what}")]
    Conflict {
        /// What contradicts what, for a person.
        what: String,
    },
    /// There is no such thing.
    #[error("there is no such {what}; check the id")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
    },
    /// Another process has taken the account over since.
    #[error("this process no longer owns the account; another one has taken it over")]
    NotOwner,
    /// The cursor cannot be continued from: start again from the current head.
    #[error(
        "the cursor cannot be continued ({why}); read the current state and start from the newest cursor"
    )]
    Resync {
        /// Why not.
        why: ResyncReason,
    },
    /// A value that cannot be stored.
    #[error("{what}")]
    Invalid {
        /// What is wrong with it, for a person.
        what: String,
    },
    /// Something stored cannot be read back.
    #[error("the database is damaged: {what}; restore it from a backup")]
    Corrupt {
        /// What is damaged.
        what: String,
    },
    /// The master key does not open this database.
    #[error("the master key does not fit this database; start with the key it was created with")]
    WrongKey,
    /// The database was written by a newer version.
    #[error(
        "the database has schema version {found}, this program knows versions up to {known}; start the newer program, or restore a backup from before the upgrade"
    )]
    NewerSchema {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// The disk is full.
    #[error("the disk is full; free some space, nothing was acknowledged")]
    Full,
    /// Reading or writing failed.
    #[error("reading or writing the database failed: {what}; check the disk")]
    Io {
        /// What failed.
        what: String,
    },
    /// The store was closed.
    #[error("the store is closed because the program is stopping")]
    Closed,
    /// A fault of this program; the command was rolled back.
    #[error("a fault in the program stopped this command: {what}; please report it")]
    Bug {
        /// What happened.
        what: String,
    },
}

/// Why a cursor cannot be continued from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResyncReason {
    /// It was made by another cell.
    #[error("it belongs to another installation")]
    Cell,
    /// The database was restored from a backup since.
    #[error("the database was restored from a backup since")]
    Epoch,
    /// The events after it have been removed.
    #[error("the events after it have been removed because they were too old")]
    Pruned,
    /// It is ahead of everything stored.
    #[error("it is ahead of everything stored")]
    Future,
    /// It is not a cursor.
    #[error("it is not a cursor of this program")]
    Unreadable,
}

impl StoreError {
    /// True when the fault lies with the database or disk as a whole, so that the transaction
    /// cannot go on and a retry of the same command may work later.
    pub(crate) fn ends_transaction(&self) -> bool {
        matches!(
            self,
            Self::Full | Self::Io { .. } | Self::Corrupt { .. } | Self::Busy
        )
    }

    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid { what: what.into() }
    }

    pub(crate) fn conflict(what: impl Into<String>) -> Self {
        Self::Conflict { what: what.into() }
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let what = error.to_string();
        match error {
            rusqlite::Error::QueryReturnedNoRows => Self::NotFound { what: "row" },
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                Code::DatabaseBusy | Code::DatabaseLocked => Self::Busy,
                Code::DiskFull => Self::Full,
                Code::DatabaseCorrupt | Code::NotADatabase => Self::Corrupt { what },
                Code::ConstraintViolation => Self::Conflict {
                    what: format!("it contradicts what is stored ({what})"),
                },
                Code::SystemIoFailure
                | Code::CannotOpen
                | Code::ReadOnly
                | Code::PermissionDenied
                | Code::OutOfMemory => Self::Io { what },
                _ => Self::Bug { what },
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..) => Self::Corrupt { what },
            _ => Self::Bug { what },
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt {
            what: format!("stored JSON cannot be read: {error}"),
        }
    }
}
