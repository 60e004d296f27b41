//! The one writer: an OS thread with the only writing connection.
//!
//! It commits whatever has arrived whenever it is free. No timer: under load groups grow by
//! themselves, at rest a command is committed at once. One bad command never harms its neighbours: one
//! that fails before it has written anything is passed over; one that fails later takes the group back,
//! which then runs again without it; when the transaction itself fails, the group is replayed one
//! command per transaction. No savepoints: they would cost every command a copy of each page it
//! touches, for the few that fail. Callers hear only after the commit.
//!
//! With PostgreSQL the connection can be lost. The commands under way then fail, and so do those
//! that come until there is a new connection ([`renew`]); none is done again by itself.

mod memory;
mod renew;

use crate::command::Job;
use crate::config::StoreConfig;
use crate::db::{Connection, Statement, Step};
use crate::error::StoreError;
use crate::merges::{MergeBell, Merged};
use crate::sql::owner;
use memory::Memory;
pub(crate) use memory::People;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot, watch};
use waypost_engine::model::{AccountId, IdSource, Seq, Timestamp};

/// Commands that may wait for the writer; callers wait for a place when it is full.
pub const QUEUE_MAX: usize = 4_096;
/// Most commands in one transaction. The rest waits for the next one.
pub const GROUP_MAX: usize = 512;
/// Commands of one group that may fail late, each taking the group back, before the rest of it runs singly.
pub const FAILURES_MAX: usize = 4;
/// Pages in the WAL (of 4 KiB) at which the writer moves them into the database, after
/// answering its callers.
pub const CHECKPOINT_PAGES: i32 = 4_000;
/// Pages in the WAL at which the writer makes new readers wait, so that the WAL can start over
/// (512 MiB; only a reader that never ends lets it grow this far).
pub const CHECKPOINT_HARD_PAGES: i32 = 131_072;

pub(crate) enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// The transaction a command runs in.
pub(crate) struct Tx<'w> {
    conn: &'w Connection,
    memory: &'w mut Memory,
    ids: &'w Mutex<IdSource>,
    merges: &'w mut Vec<Merged>,
}

impl<'w> Tx<'w> {
    /// A cached statement.
    pub(crate) fn prepare(&self, sql: &str) -> Result<Statement<'w>, StoreError> {
        Ok(self.conn.prepare_cached(sql)?)
    }

    /// The connection, for reading helpers shared with queries.
    pub(crate) fn conn(&self) -> &'w Connection {
        self.conn
    }

    /// The next place in the account's order.
    pub(crate) fn next_seq(&mut self, account: AccountId) -> Result<Seq, StoreError> {
        let last = match self.memory.seqs.get(&account) {
            Some(last) => *last,
            None => self
                .prepare("SELECT coalesce(max(seq), 0) FROM message WHERE account = ?1")?
                .query_row([account.raw()], |row| row.get(0))?,
        };
        self.memory.seqs.insert(account, last + 1);
        Ok(Seq(last + 1))
    }

    /// The next place in the event log. Rises for ever: pruning always leaves the last event.
    pub(crate) fn next_position(&mut self) -> Result<i64, StoreError> {
        let last = match self.memory.position {
            Some(last) => last,
            None => head(self.conn)?,
        };
        self.memory.position = Some(last + 1);
        Ok(last + 1)
    }

    /// Who has written lately, as the tables have it.
    pub(crate) fn people(&mut self) -> &mut People {
        &mut self.memory.people
    }

    /// Notes that a conversation was poured into another; told after the commit.
    pub(crate) fn merged(&mut self, merged: Merged) {
        self.merges.push(merged);
    }

    /// A new id's integer.
    pub(crate) fn next_raw_id(&self, now: Timestamp) -> i64 {
        self.ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next_raw(now)
    }
}

/// The newest position in the event log, 0 when it is empty.
pub(crate) fn head(conn: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(position), 0) FROM event";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

pub(crate) struct Writer {
    conn: Connection,
    config: StoreConfig,
    /// As whom this process took the database.
    owner: i64,
    memory: Memory,
    ids: Arc<Mutex<IdSource>>,
    /// What the transaction under way has merged.
    merges: Vec<Merged>,
    told: Told,
    wal_pages: Arc<AtomicI32>,
}

/// Why a group was not committed.
enum Failed {
    /// This command of it failed, by its place, after it had written something.
    Command(usize),
    /// The transaction did.
    Group(StoreError),
}

impl From<crate::db::Error> for Failed {
    fn from(error: crate::db::Error) -> Self {
        Self::Group(error.into())
    }
}

/// Whom the writer tells of its commits.
pub(crate) struct Told {
    /// The newest position in the event log.
    pub(crate) head: watch::Sender<i64>,
    pub(crate) merges: MergeBell,
    /// How many transactions there were.
    pub(crate) commits: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the thread. `conn` is set up and migrated.
    pub(crate) fn start(
        mut conn: Connection,
        config: StoreConfig,
        owner: i64,
        ids: Arc<Mutex<IdSource>>,
        told: Told,
    ) -> Result<(mpsc::Sender<Message>, JoinHandle<()>), StoreError> {
        let wal_pages = Arc::new(AtomicI32::new(0));
        if let Connection::Sqlite(conn) = &mut conn {
            let pages = Arc::clone(&wal_pages);
            conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, n: i32| {
                pages.store(n, Ordering::Relaxed);
                Ok(())
            }))?;
        }
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let writer = Self {
            conn,
            config,
            owner,
            memory: Memory::default(),
            ids,
            merges: Vec::new(),
            told,
            wal_pages,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(receiver))
            .map_err(|error| StoreError::Io {
                what: error.to_string(),
            })?;
        Ok((sender, thread))
    }

    fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut arrived = Vec::with_capacity(GROUP_MAX);
        let mut closers = Vec::new();
        while queue.blocking_recv_many(&mut arrived, GROUP_MAX) > 0 {
            let mut group = Vec::with_capacity(arrived.len());
            for message in arrived.drain(..) {
                match message {
                    Message::Job(job) => group.push(job),
                    Message::Close(done) => {
                        // Nothing new gets in; what is queued is still done.
                        queue.close();
                        closers.push(done);
                    }
                }
            }
            self.commit(group);
            self.checkpoint_when_due();
            if self.conn.is_lost() {
                self.renew(&mut queue, &mut closers);
            }
        }
        if let Err(error) = self.checkpoint("TRUNCATE") {
            tracing::warn!(%error, "the last checkpoint failed; the next start reads the WAL");
        }
        drop(self);
        for done in closers {
            let _ = done.send(());
        }
    }

    fn commit(&mut self, mut group: Vec<Box<dyn Job>>) {
        for _ in 0..FAILURES_MAX {
            if group.is_empty() {
                return;
            }
            match self.attempt(&mut group) {
                Ok(()) => return group.into_iter().for_each(|job| job.reply(Ok(()))),
                // It remembers its error; the others do without it.
                Err(Failed::Command(at)) => group.remove(at).reply(Ok(())),
                // Without a connection there is nothing to replay on; and what may have been committed
                // must not be done twice.
                Err(Failed::Group(error)) if group.len() == 1 || self.conn.is_lost() => {
                    return group
                        .into_iter()
                        .for_each(|job| job.reply(Err(error.clone())));
                }
                Err(Failed::Group(error)) => {
                    tracing::warn!(%error, commands = group.len(), "a group failed; replaying it singly");
                    break;
                }
            }
        }
        for mut job in group {
            match self.attempt(std::slice::from_mut(&mut job)) {
                Ok(()) | Err(Failed::Command(_)) => job.reply(Ok(())),
                Err(Failed::Group(error)) => job.reply(Err(error)),
            }
        }
    }

    /// Runs the group in one transaction. `Err` means that nothing of it was committed, or with
    /// [`StoreError::Unconfirmed`] that nobody knows.
    fn attempt(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Failed> {
        let outcome = self.transaction(group);
        if outcome.is_err() {
            self.merges.clear();
            // SQLite may have rolled back by itself already; a server does so with the connection.
            if self.conn.is_in_transaction()
                && !self.conn.is_lost()
                && let Err(error) = self.conn.step(Step::Rollback)
            {
                tracing::error!(%error, "rolling back failed");
            }
            self.memory = Memory::default();
        } else {
            // Before the callers hear of it: what they did is part of the log they read next, and
            // they go on with the conversations as they are now.
            self.told.merges.ring(self.merges.drain(..));
            self.publish_head();
        }
        outcome
    }

    fn transaction(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Failed> {
        self.conn.step(Step::Begin)?;
        // A process that was replaced while it hung must change nothing any more.
        if owner::epoch(&self.conn).map_err(Failed::Group)? != self.owner {
            return Err(Failed::Group(StoreError::TakenOver));
        }
        for (at, job) in group.iter_mut().enumerate() {
            let written = self.conn.rows_written();
            let mut tx = Tx {
                conn: &self.conn,
                memory: &mut self.memory,
                ids: &self.ids,
                merges: &mut self.merges,
            };
            match job.run(&mut tx) {
                Ok(()) => {}
                Err(error) if error.ends_transaction() || !self.conn.is_in_transaction() => {
                    return Err(Failed::Group(error));
                }
                Err(_) if self.conn.rows_written() != written || self.conn.is_refusing() => {
                    return Err(Failed::Command(at));
                }
                // It may have counted for rows that it then never wrote.
                Err(_) => self.memory = Memory::default(),
            }
        }
        self.conn.step(Step::Commit)?;
        self.told.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn publish_head(&self) {
        let Ok(position) = self.memory.position.map_or_else(|| head(&self.conn), Ok) else {
            // The next commit publishes it.
            return;
        };
        self.told.head.send_if_modified(|head| {
            let moved = *head < position;
            *head = position.max(*head);
            moved
        });
    }

    fn checkpoint_when_due(&self) {
        let pages = self.wal_pages.load(Ordering::Relaxed);
        if pages < CHECKPOINT_PAGES {
            return;
        }
        let mode = if pages < CHECKPOINT_HARD_PAGES {
            "PASSIVE"
        } else {
            "RESTART"
        };
        if let Err(error) = self.checkpoint(mode) {
            tracing::warn!(%error, pages, "a checkpoint failed; trying again after the next commit");
        }
        self.wal_pages.store(0, Ordering::Relaxed);
    }

    fn checkpoint(&self, mode: &str) -> Result<(), StoreError> {
        if let Connection::Sqlite(conn) = &self.conn {
            conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))?;
        }
        Ok(())
    }
}
