//! The handle: opening, closing, and the two ways in, [`Store::write`] and [`Store::read`].

use crate::command::{Pending, Write};
use crate::config::{Database, StoreConfig};
use crate::db::{Connection, OptionalExtension as _, migrations};
use crate::error::StoreError;
use crate::id::IdKind;
use crate::merges::{MergeBell, Merged};
use crate::reader::Readers;
use crate::seal::{KeyOwner, Sealer, WrappedKey};
use crate::sql::owner;
use crate::writer::{Message, Told, Writer, head};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot, watch};
use waypost_engine::model::{IdSource, Timestamp};

/// What every clone of a [`Store`] shares.
pub(crate) struct Shared {
    pub(crate) config: StoreConfig,
    pub(crate) sealer: Sealer,
    /// Begins anew with every restore from a backup.
    pub(crate) epoch: i64,
    queue: mpsc::Sender<Message>,
    readers: Readers,
    ids: Arc<Mutex<IdSource>>,
    head: watch::Receiver<i64>,
    merges: MergeBell,
    commits: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Held while a stored file gets its name or loses it, with its row.
    pub(crate) files: tokio::sync::Mutex<()>,
}

/// The store of this process. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("database", &self.shared.config.database)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database, creating or migrating it as needed, and starts the writer.
    ///
    /// Blocks for a moment. Fails with [`StoreError::NewerSchema`] or [`StoreError::WrongKey`]
    /// before anything is changed; with PostgreSQL also with [`StoreError::InUse`] when another
    /// process writes to the database and was heard within [`StoreConfig::stale_after`], and
    /// [`StoreError::Unreachable`].
    pub fn open(config: StoreConfig) -> Result<Self, StoreError> {
        match config.database {
            Database::Sqlite { .. } => Self::open_here(config),
            // Waiting for a server is refused on a thread that runs asynchronous work.
            Database::Postgres { .. } => std::thread::Builder::new()
                .name("store-open".to_owned())
                .spawn(move || Self::open_here(config))
                .map_err(|error| StoreError::Io {
                    what: error.to_string(),
                })?
                .join()
                .unwrap_or_else(|_| {
                    Err(StoreError::Bug {
                        what: "opening the store panicked".to_owned(),
                    })
                }),
        }
    }

    fn open_here(config: StoreConfig) -> Result<Self, StoreError> {
        let conn = match Connection::writing(&config) {
            Err(StoreError::InUse) => owner::take_over(&config)?,
            other => other?,
        };
        migrations::migrate(&conn)?;
        let owner = owner::claim(&conn)?;
        let sealer = Sealer::new(&config.master_key);
        load_keys(&conn, &sealer)?;
        let epoch = load_epoch(&conn)?;
        let mut ids = IdSource::new(config.node);
        ids.resume_after(last_id(&conn)?);
        let ids = Arc::new(Mutex::new(ids));
        let (head_in, head_out) = watch::channel(head(&conn)?);
        let readers = Readers::open(config.clone())?;
        let merges = MergeBell::default();
        let commits = Arc::new(AtomicU64::new(0));
        let told = Told {
            head: head_in,
            merges: merges.clone(),
            commits: Arc::clone(&commits),
        };
        let (queue, thread) = Writer::start(conn, config.clone(), owner, Arc::clone(&ids), told)?;
        let thread = Mutex::new(Some(thread));
        let shared = Shared {
            config,
            sealer,
            epoch,
            queue,
            readers,
            ids,
            head: head_out,
            merges,
            commits,
            thread,
            files: tokio::sync::Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Stops: what was sent to the writer is still committed, then SQLite's WAL is moved into the
    /// database. Later calls fail with [`StoreError::Closed`].
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        self.shared.readers.close().await;
        if self.shared.queue.send(Message::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
        let thread = self
            .shared
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    /// A new id, unique across every node and cell.
    #[must_use]
    pub fn next_id<T: IdKind>(&self, now: Timestamp) -> T {
        let mut ids = self
            .shared
            .ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        T::from_raw_id(ids.next_raw(now))
    }

    /// Transactions committed since the store was opened. Under load it grows more slowly than the
    /// commands, because whatever has arrived is committed together.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// Sends a command to the writer and waits for its commit. Dropping the future does not
    /// take the command back.
    pub(crate) async fn write<W: Write>(&self, command: W) -> Result<W::Output, StoreError> {
        let (to, reply) = oneshot::channel();
        let job = Message::Job(Box::new(Pending::new(command, to)));
        self.shared
            .queue
            .send(job)
            .await
            .map_err(|_| StoreError::Closed)?;
        reply.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs a short query on a blocking thread.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.shared.readers.read(query).await
    }

    /// Whether a deliberate fault is on.
    #[cfg(feature = "fault-injection")]
    pub(crate) fn mutated(&self, mutation: crate::fault::Mutation) -> bool {
        self.shared.config.mutation == Some(mutation)
    }

    /// Calls `listener` for every two conversations that become one, after the commit and before
    /// anybody hears of what was committed with it. It runs on the writer's thread: it must be
    /// quick and must not wait for the store. The first listener stays.
    pub fn on_merge(&self, listener: impl Fn(Merged) + Send + Sync + 'static) {
        self.shared.merges.listen(Box::new(listener));
    }

    /// The newest committed position of the event log, and a bell that rings when it moves.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        self.shared.head.clone()
    }
}

fn load_keys(conn: &Connection, sealer: &Sealer) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached("SELECT owner, key_id, wrapped FROM data_key")?;
    let stored = statement.query_map([], |row| {
        let owner = KeyOwner::from_raw(row.get(0)?);
        Ok(WrappedKey {
            owner,
            key_id: row.get(1)?,
            wrapped: row.get(2)?,
        })
    })?;
    let mut has_own = false;
    for key in stored {
        let key = key?;
        has_own |= key.owner == KeyOwner::Store;
        sealer.install(&key)?;
    }
    if !has_own {
        let key = sealer.new_key(KeyOwner::Store)?;
        put_key(conn, &key)?;
        sealer.install(&key)?;
    }
    Ok(())
}

/// Stores a wrapped data key.
pub(crate) fn put_key(conn: &Connection, key: &WrappedKey) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT INTO data_key (owner, key_id, wrapped) VALUES (?1, ?2, ?3)")?
        .execute((key.owner.raw(), key.key_id, &key.wrapped))?;
    Ok(())
}

fn load_epoch(conn: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT value FROM meta WHERE name = 'epoch'";
    let stored: Option<Vec<u8>> = conn.query_row(sql, [], |row| row.get(0)).optional()?;
    if let Some(bytes) = stored {
        let bytes = bytes
            .try_into()
            .map_err(|_| StoreError::corrupt("the store epoch"))?;
        return Ok(i64::from_be_bytes(bytes));
    }
    let epoch = new_epoch();
    conn.execute(
        "INSERT INTO meta (name, value) VALUES ('epoch', ?1)",
        [epoch.to_be_bytes()],
    )?;
    Ok(epoch)
}

/// A store epoch nobody had before: random, so that two restores of one backup differ.
pub(crate) fn new_epoch() -> i64 {
    i64::from_be_bytes(crate::chance::bytes()) & i64::MAX
}

/// The newest id that is stored: new ones go on behind it, even if the clock stepped back
/// meanwhile.
pub(crate) fn last_id(conn: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT max(id) FROM (
        SELECT coalesce(max(id), 0) AS id FROM message
        UNION ALL SELECT coalesce(max(id), 0) FROM account
        UNION ALL SELECT coalesce(max(id), 0) FROM contact
        UNION ALL SELECT coalesce(max(id), 0) FROM conversation
        UNION ALL SELECT coalesce(max(id), 0) FROM dead_letter
        UNION ALL SELECT coalesce(max(id), 0) FROM blob
        UNION ALL SELECT coalesce((SELECT id FROM event ORDER BY position DESC LIMIT 1), 0)
        ) AS newest";
    Ok(conn.query_row(sql, [], |row| row.get(0))?)
}
