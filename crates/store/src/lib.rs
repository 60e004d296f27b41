//! What is remembered.
//!
//! The only crate with SQL. Writes are data: a closed set of commands sent to one writer thread,
//! which commits whatever has arrived whenever it is free ([`writer`]); reads use a few separate
//! connections. Everything is `async` on the outside: `store.accept(..).await` returns after the
//! commit is durable.
//!
//! To add a command or a query, see [`command`]. Types live beside this file, SQL in `sql/`: each
//! file there adds its methods to [`Store`]. It is written once for both databases, SQLite and
//! PostgreSQL; [`db`] is where they differ.
//!
//! Times are always handed in by the caller. Ids come from [`Store::next_id`].

pub mod accounts;
pub mod admin;
pub mod blobs;
mod chance;
pub(crate) mod command;
pub mod config;
pub mod cursor;
pub(crate) mod db;
pub mod dead_letters;
pub mod error;
pub mod events;
#[cfg(feature = "fault-injection")]
pub mod fault;
pub mod flow;
pub mod foreign;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod id;
pub mod imports;
pub mod keys;
pub mod media;
pub mod merges;
pub mod owner;
pub mod page;
#[cfg(feature = "raw-loop")]
pub mod raw_loop;
mod reader;
pub mod reading;
pub mod readings;
pub(crate) mod seal;
pub mod sending;
mod sql;
mod step;
mod store;
pub mod writer;

pub use accounts::{AccountPatch, NewAccount, OwnerEpoch, StateSet};
pub use config::{Database, DatabaseUrl, MasterKey, StoreConfig, Synchronous};
pub use cursor::Cursor;
pub use db::postgres::check_server;
pub use dead_letters::{DeadLetter, DeadLetterState, Replay};
pub use error::{ResyncReason, StoreError};
pub use events::{EventFilter, EventPage};
pub use flow::{Accept, Accepted, Complete, Completed, Work};
pub use id::IdKind;
pub use imports::{ImportAccount, ImportInto};
pub use keys::{KeyValue, KeyWrite};
pub use media::{MediaJob, MediaOutcome};
pub use merges::Merged;
pub use owner::OwnerSeen;
pub use page::{Page, Paged};
pub use sending::{
    Confirmation, Enqueued, Idempotency, Moved, OutboxItem, Pruned, Queued, Receipt, SendStatus,
    Standing,
};
pub use sql::Author;
pub use sql::backup::{backup, check_file, restore};
pub use sql::blobs::{BlobReader, BlobWriter};
pub use store::Store;
