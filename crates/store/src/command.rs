//! Writes as data.
//!
//! A command is a struct that holds everything a write needs, encoded and sealed already. The
//! set is closed: [`Write`] is private to this crate. The writer runs a command inside a
//! transaction it shares with others, and may run it again after a rollback; so `apply` takes
//! `&self` and touches nothing but the [`Tx`].
//!
//! # Adding a command
//! ```ignore
//! struct RenameContact { contact: ContactId, name: String, now: Timestamp }
//!
//! impl Write for RenameContact {
//!     type Output = ();
//!     fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
//!         let changed = tx
//!             .prepare("UPDATE contact SET name = ?2, updated_at = ?3 WHERE id = ?1")?
//!             .execute((self.contact.raw(), &self.name, self.now.0))?;
//!         found(changed, "contact")
//!     }
//! }
//!
//! impl Store {
//!     pub async fn rename_contact(&self, contact: ContactId, name: String, now: Timestamp)
//!         -> Result<(), StoreError> {
//!         self.write(RenameContact { contact, name, now }).await
//!     }
//! }
//! ```
//! Returning `Err` takes back what this command wrote and leaves its neighbours alone. Best find out
//! before anything is written: later, its whole group runs again without it.
//!
//! # Adding a query
//! ```ignore
//! self.read(move |conn| { conn.prepare_cached("SELECT ...")?.query_row(...) }).await
//! ```
//! The closure runs on a blocking thread with a connection that cannot write. Keep it short: a long
//! read holds SQLite's WAL back.

use crate::error::StoreError;
use crate::writer::Tx;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

/// A write as data. See the module's documentation for how to add one.
pub(crate) trait Write: Send + 'static {
    /// What the caller gets after the commit.
    type Output: Send + 'static;

    /// Does the write inside `tx`. May be called again after a rollback.
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Self::Output, StoreError>;
}

/// A command on its way through the writer, its type erased.
pub(crate) trait Job: Send {
    /// Runs the command and remembers what came of it.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError>;
    /// Tells the caller. `Err` overrides what `run` remembered: the commit failed.
    fn reply(self: Box<Self>, committed: Result<(), StoreError>);
}

pub(crate) struct Pending<W: Write> {
    command: W,
    outcome: Option<Result<W::Output, StoreError>>,
    to: oneshot::Sender<Result<W::Output, StoreError>>,
}

impl<W: Write> Pending<W> {
    pub(crate) fn new(command: W, to: oneshot::Sender<Result<W::Output, StoreError>>) -> Self {
        Self {
            command,
            outcome: None,
            to,
        }
    }
}

impl<W: Write> Job for Pending<W> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let ran = catch_unwind(AssertUnwindSafe(|| self.command.apply(tx)));
        let outcome = ran.unwrap_or_else(|panic| {
            Err(StoreError::Bug {
                what: words(&*panic),
            })
        });
        let result = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        self.outcome = Some(outcome);
        result
    }

    fn reply(self: Box<Self>, committed: Result<(), StoreError>) {
        let outcome = match (committed, self.outcome) {
            (Err(error), _) => Err(error),
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(StoreError::Closed),
        };
        // The caller may have gone away; the write stands all the same.
        let _ = self.to.send(outcome);
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic".to_owned())
}

/// `Err(NotFound)` when an update or delete met no row.
pub(crate) fn found(changed: usize, what: &'static str) -> Result<(), StoreError> {
    if changed == 0 {
        Err(StoreError::NotFound { what })
    } else {
        Ok(())
    }
}
