//! What can go wrong in the store.

/// Why the store did not do what it was asked. Nothing was changed when a write returns one, except
/// with [`StoreError::Unconfirmed`], which leaves it open.
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
    /// The database server cannot be reached, or ended the connection. Nothing was done; the same
    /// may work in a moment, since the store goes on connecting.
    #[error(
        "the database cannot be reached: {what}; check that PostgreSQL runs and can be reached"
    )]
    Unreachable {
        /// What went wrong.
        what: String,
    },
    /// The connection to the server was lost during a commit, so that it is not known whether it
    /// counts. Everything that is safe to ask for twice can be asked for again.
    #[error(
        "the connection to the database was lost while it committed ({what}); look whether it was done before doing it again"
    )]
    Unconfirmed {
        /// What went wrong.
        what: String,
    },
    /// Another process writes to the same database.
    #[error("another Waypost uses this database already; stop that one, or name another database")]
    InUse,
    /// Another process has taken the database because this one was silent for too long.
    #[error(
        "another Waypost has taken this database over, because this one did not move for long; this one must stop"
    )]
    TakenOver,
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
            Self::Full
                | Self::Io { .. }
                | Self::Corrupt { .. }
                | Self::Busy
                | Self::Unreachable { .. }
                | Self::Unconfirmed { .. }
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

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt {
            what: format!("stored JSON cannot be read: {error}"),
        }
    }
}
