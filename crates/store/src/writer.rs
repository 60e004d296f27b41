//! The one writer: an OS thread with the only writing connection.
//!
//! It commits whatever has arrived whenever it is free. No timer: under load groups grow by
//! themselves, at rest a command is committed at once. A command that fails is rolled back to its
//! own savepoint; when the transaction itself fails, the group is replayed one command per
//! transaction, so that one bad command never harms its neighbours. Callers hear only after the
//! commit.

use crate::command::Job;
use crate::error::StoreError;
use rusqlite::{CachedStatement, Connection};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot, watch};
use waypost_engine::model::{AccountId, IdSource, Seq, Timestamp};

/// Commands that may wait for the writer; callers wait for a place when it is full.
pub const QUEUE_MAX: usize = 4_096;
/// Most commands in one transaction. The rest waits for the next one.
pub const GROUP_MAX: usize = 512;
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
    counters: &'w mut Counters,
    ids: &'w Mutex<IdSource>,
}

/// Counters kept in memory and read from the tables at start and after a rollback.
#[derive(Debug, Default)]
struct Counters {
    seqs: HashMap<AccountId, i64>,
    position: Option<i64>,
}

impl<'w> Tx<'w> {
    /// A cached statement.
    pub(crate) fn prepare(&self, sql: &str) -> Result<CachedStatement<'w>, StoreError> {
        Ok(self.conn.prepare_cached(sql)?)
    }

    /// The connection, for reading helpers shared with queries.
    pub(crate) fn conn(&self) -> &'w Connection {
        self.conn
    }

    /// The next place in the account's order.
    pub(crate) fn next_seq(&mut self, account: AccountId) -> Result<Seq, StoreError> {
        let last = match self.counters.seqs.get(&account) {
            Some(last) => *last,
            None => self
                .prepare("SELECT coalesce(max(seq), 0) FROM message WHERE account = ?1")?
                .query_row([account.raw()], |row| row.get(0))?,
        };
        self.counters.seqs.insert(account, last + 1);
        Ok(Seq(last + 1))
    }

    /// The next place in the event log. Rises for ever: pruning always leaves the last event.
    pub(crate) fn next_position(&mut self) -> Result<i64, StoreError> {
        let last = match self.counters.position {
            Some(last) => last,
            None => head(self.conn)?,
        };
        self.counters.position = Some(last + 1);
        Ok(last + 1)
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
    counters: Counters,
    ids: Arc<Mutex<IdSource>>,
    head: watch::Sender<i64>,
    wal_pages: Arc<AtomicI32>,
    commits: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the thread. `conn` is set up and migrated.
    pub(crate) fn start(
        mut conn: Connection,
        ids: Arc<Mutex<IdSource>>,
        head: watch::Sender<i64>,
        commits: Arc<AtomicU64>,
    ) -> Result<(mpsc::Sender<Message>, JoinHandle<()>), StoreError> {
        conn.set_prepared_statement_cache_capacity(256);
        let wal_pages = Arc::new(AtomicI32::new(0));
        let pages = Arc::clone(&wal_pages);
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, n: i32| {
            pages.store(n, Ordering::Relaxed);
            Ok(())
        }))?;
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        let writer = Self {
            conn,
            counters: Counters::default(),
            ids,
            head,
            wal_pages,
            commits,
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
        if group.is_empty() {
            return;
        }
        match self.attempt(&mut group) {
            Ok(()) => group.into_iter().for_each(|job| job.reply(Ok(()))),
            Err(error) if group.len() == 1 => {
                group
                    .into_iter()
                    .for_each(|job| job.reply(Err(error.clone())));
            }
            Err(error) => {
                tracing::warn!(%error, commands = group.len(), "a group failed; replaying it singly");
                for job in group {
                    let mut single = vec![job];
                    let outcome = self.attempt(&mut single);
                    single
                        .into_iter()
                        .for_each(|job| job.reply(outcome.clone()));
                }
            }
        }
        self.publish_head();
    }

    /// Runs the group in one transaction. `Err` means that nothing of it was committed.
    fn attempt(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let outcome = self.transaction(group);
        if outcome.is_err() {
            // SQLite may have rolled back by itself already.
            if !self.conn.is_autocommit()
                && let Err(error) = self.conn.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "rolling back failed");
            }
            self.counters = Counters::default();
        }
        outcome
    }

    fn transaction(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        self.step("BEGIN IMMEDIATE")?;
        for job in group {
            self.step("SAVEPOINT command")?;
            let mut tx = Tx {
                conn: &self.conn,
                counters: &mut self.counters,
                ids: &self.ids,
            };
            match job.run(&mut tx) {
                Ok(()) => self.step("RELEASE command")?,
                Err(error) if error.ends_transaction() || self.conn.is_autocommit() => {
                    return Err(error);
                }
                Err(_) => {
                    self.step("ROLLBACK TO command")?;
                    self.step("RELEASE command")?;
                    self.counters = Counters::default();
                }
            }
        }
        self.step("COMMIT")?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn step(&self, sql: &str) -> Result<(), StoreError> {
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    fn publish_head(&self) {
        let Ok(position) = self.counters.position.map_or_else(|| head(&self.conn), Ok) else {
            // The next commit publishes it.
            return;
        };
        self.head.send_if_modified(|head| {
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
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        Ok(self.conn.query_row(&sql, [], |_| Ok(()))?)
    }
}
