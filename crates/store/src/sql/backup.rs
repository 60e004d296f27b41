//! Copying the store while it runs, and starting again from a copy.
//!
//! A backup is a folder: the database as it was at one moment, the stored files it names, and a
//! description written last. A restore copies it to a new place and makes a new life of it: no
//! message key and no cursor of the old one is used again, and nothing waiting goes out by itself.

use super::events::{About, emit};
use crate::admin::backup::{
    BACKUP_BLOBS, BACKUP_DATABASE, BACKUP_FORMAT, BACKUP_MANIFEST, BACKUP_STEP_PAGES, Manifest,
    Progress, Restore, Restored,
};
use crate::blobs::blob_file;
use crate::command::Write;
use crate::config::{Database, StoreConfig};
use crate::db::sqlite;
use crate::error::StoreError;
use crate::store::{Store, new_epoch};
use crate::writer::Tx;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use waypost_engine::model::event::kind;
use waypost_engine::model::{AccountState, MessageId, Reason, Timestamp, WorkspaceId};

/// Bytes copied at a time.
const COPY_BYTES: usize = 256 * 1024;
/// Unfinished messages turned into dead letters per query.
const HOLD_BATCH: i64 = 1_000;
/// Where the dead letters of a restore say that they failed.
const STAGE: &str = "restore";
/// Ends the name of what is not whole yet.
const UNFINISHED: &str = "unfinished";

fn io(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |error| match error.kind() {
        io::ErrorKind::StorageFull => StoreError::Full,
        _ => StoreError::Io {
            what: format!("{}: {error}", path.display()),
        },
    }
}

/// The same path with `.suffix` after its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Makes a new or renamed entry of the folder durable.
fn sync_folder_of(path: &Path) -> Result<(), StoreError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io(folder))
}

struct Copied {
    bytes: u64,
    sha256: String,
}

/// Reads a file in pieces, hands them to `piece`, and says what was in it.
fn read_through(
    from: &Path,
    mut piece: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<Copied, StoreError> {
    let mut source = File::open(from).map_err(io(from))?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let read = source.read(&mut buffer).map_err(io(from))?;
        let Some(some) = buffer.get(..read).filter(|some| !some.is_empty()) else {
            break;
        };
        hash.update(some);
        piece(some)?;
        bytes += read as u64;
    }
    Ok(Copied {
        bytes,
        sha256: hex::encode(hash.finalize()),
    })
}

/// Copies a file, durably.
fn copy(from: &Path, to: &Path) -> Result<Copied, StoreError> {
    let mut target = File::create_new(to).map_err(io(to))?;
    let copied = read_through(from, |some| target.write_all(some).map_err(io(to)))?;
    target.sync_all().map_err(io(to))?;
    Ok(copied)
}

/// The names of the stored files that a database knows, in pages by their row.
fn blob_names(conn: &Connection, after: i64) -> Result<Vec<(i64, String)>, StoreError> {
    let names = conn
        .prepare_cached("SELECT id, sha256 FROM blob WHERE id > ?1 ORDER BY id LIMIT 1000")?
        .query_map([after], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(names)
}

#[derive(Debug, Default, Clone, Copy)]
struct BlobsCopied {
    files: u64,
    bytes: u64,
    missing: u64,
}

/// Copies the stored files that `conn` knows of. Ones that are there already are left; a file
/// that is gone or not what its name says is counted as missing.
fn copy_blobs(
    conn: &Connection,
    from: &Path,
    to: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<BlobsCopied, StoreError> {
    let total: i64 = conn.query_row("SELECT count(*) FROM blob", [], |row| row.get(0))?;
    let mut copied = BlobsCopied::default();
    let mut after = 0;
    loop {
        let names = blob_names(conn, after)?;
        let Some((last, _)) = names.last() else {
            return Ok(copied);
        };
        after = *last;
        for (_, name) in &names {
            match copy_blob(name, from, to)? {
                Some(bytes) => {
                    copied.files += 1;
                    copied.bytes += bytes;
                }
                None => copied.missing += 1,
            }
        }
        let done = copied.files + copied.missing;
        progress(Progress::Blobs {
            done,
            total: total.cast_unsigned(),
        });
    }
}

fn copy_blob(name: &str, from: &Path, to: &Path) -> Result<Option<u64>, StoreError> {
    let (Some(source), Some(target)) = (blob_file(from, name), blob_file(to, name)) else {
        return Err(StoreError::corrupt(format!(
            "'{name}' is not the name of a stored file"
        )));
    };
    if !source.is_file() {
        return Ok(None);
    }
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(io(folder))?;
    }
    if target.is_file() {
        return Ok(fs::metadata(&target).ok().map(|found| found.len()));
    }
    let unfinished = beside(&target, UNFINISHED);
    let _ = fs::remove_file(&unfinished);
    let copied = copy(&source, &unfinished)?;
    if copied.sha256 != name {
        fs::remove_file(&unfinished).map_err(io(&unfinished))?;
        tracing::warn!(name, "a stored file is damaged; it is left out");
        return Ok(None);
    }
    fs::rename(&unfinished, &target).map_err(io(&target))?;
    sync_folder_of(&target)?;
    Ok(Some(copied.bytes))
}

/// Copies the database page by page as it was at one moment.
fn copy_database(
    config: &StoreConfig,
    to: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<(), StoreError> {
    let source = sqlite::reading(config)?;
    // An open read keeps the moment: pages written meanwhile are not seen, and the copy never
    // starts over.
    let moment = source.unchecked_transaction()?;
    moment.query_row("SELECT count(*) FROM meta", [], |_| Ok(()))?;
    let mut target = Connection::open(to)?;
    let backup = Backup::new(&moment, &mut target)?;
    loop {
        let step = backup.step(BACKUP_STEP_PAGES)?;
        let at = backup.progress();
        let total = u64::try_from(at.pagecount).unwrap_or(0);
        let left = u64::try_from(at.remaining).unwrap_or(0);
        progress(Progress::Database {
            done: total.saturating_sub(left),
            total,
        });
        match step {
            StepResult::Done => break,
            StepResult::More => {}
            _ => return Err(StoreError::Busy),
        }
    }
    drop(backup);
    // One file without a WAL beside it.
    target.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    target
        .close()
        .map_err(|(_, error)| StoreError::from(error))?;
    File::open(to)
        .and_then(|file| file.sync_all())
        .map_err(io(to))
}

fn make_backup(
    config: &StoreConfig,
    target: &Path,
    now: Timestamp,
    progress: &mut impl FnMut(Progress),
) -> Result<Manifest, StoreError> {
    sqlite::file(config)?;
    if target.exists() {
        return Err(StoreError::conflict(format!(
            "{} exists already; name a folder that does not",
            target.display()
        )));
    }
    let folder = beside(target, UNFINISHED);
    fs::create_dir_all(&folder).map_err(io(&folder))?;
    let made = fill_backup(config, &folder, now, progress).and_then(|manifest| {
        fs::rename(&folder, target).map_err(io(target))?;
        sync_folder_of(target)?;
        Ok(manifest)
    });
    if made.is_err() {
        // The first error is the one that tells; a leftover folder is named as unfinished.
        let _ = fs::remove_dir_all(&folder);
    }
    made
}

fn fill_backup(
    config: &StoreConfig,
    folder: &Path,
    now: Timestamp,
    progress: &mut impl FnMut(Progress),
) -> Result<Manifest, StoreError> {
    let database = folder.join(BACKUP_DATABASE);
    if database.exists() {
        // Left by a backup that was killed.
        fs::remove_file(&database).map_err(io(&database))?;
    }
    copy_database(config, &database, progress)?;
    let copied = read_through(&database, |_| Ok(()))?;
    let conn = Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let blobs = copy_blobs(&conn, &config.files(), &folder.join(BACKUP_BLOBS), progress)?;
    let manifest = Manifest {
        format: BACKUP_FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: now,
        database_bytes: copied.bytes,
        database_sha256: copied.sha256,
        blobs: blobs.files,
        blob_bytes: blobs.bytes,
        blobs_missing: blobs.missing,
    };
    let path = folder.join(BACKUP_MANIFEST);
    let mut file = File::create(&path).map_err(io(&path))?;
    file.write_all(&serde_json::to_vec_pretty(&manifest)?)
        .map_err(io(&path))?;
    file.sync_all().map_err(io(&path))?;
    Ok(manifest)
}

fn read_manifest(source: &Path) -> Result<Manifest, StoreError> {
    let path = source.join(BACKUP_MANIFEST);
    let text = fs::read(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::invalid(format!(
            "{} is not a whole backup: {BACKUP_MANIFEST} is missing; choose another folder",
            source.display()
        )),
        _ => io(&path)(error),
    })?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| {
        StoreError::invalid(format!("{} cannot be read: {error}", path.display()))
    })?;
    if manifest.format != BACKUP_FORMAT {
        return Err(StoreError::invalid(format!(
            "this backup has format {}, this program reads {BACKUP_FORMAT}; use the program that made it",
            manifest.format
        )));
    }
    Ok(manifest)
}

/// The database and its companions of one path.
fn database_files(path: &Path) -> [PathBuf; 3] {
    let with = |tail: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(tail);
        PathBuf::from(name)
    };
    [path.to_owned(), with("-wal"), with("-shm")]
}

fn refuse_existing(database: &Path) -> Result<(), StoreError> {
    match database_files(database).iter().find(|file| file.exists()) {
        None => Ok(()),
        Some(file) => Err(StoreError::conflict(format!(
            "{} exists already; move it away first, nothing was changed",
            file.display()
        ))),
    }
}

/// Brings the copied files to where `unfinished` says, checked.
fn bring_files(
    restore: &Restore,
    manifest: &Manifest,
    unfinished: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<BlobsCopied, StoreError> {
    if let Some(folder) = unfinished.parent() {
        fs::create_dir_all(folder).map_err(io(folder))?;
    }
    for file in database_files(unfinished)
        .iter()
        .filter(|file| file.exists())
    {
        // Left by a restore that was killed.
        fs::remove_file(file).map_err(io(file))?;
    }
    let copied = copy(&restore.source.join(BACKUP_DATABASE), unfinished)?;
    if copied.sha256 != manifest.database_sha256 {
        return Err(StoreError::corrupt(
            "the database in this backup is not the one that was saved",
        ));
    }
    let total = copied.bytes.div_ceil(4096);
    progress(Progress::Database { done: total, total });
    let conn = Connection::open_with_flags(unfinished, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let check: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if check != "ok" {
        return Err(StoreError::corrupt(format!(
            "the database in this backup: {check}"
        )));
    }
    let blobs = restore.target.files();
    copy_blobs(&conn, &restore.source.join(BACKUP_BLOBS), &blobs, progress)
}

/// Everything of a new life that concerns no single message or account.
struct BeginAnew {
    epoch: i64,
    discard: Vec<u16>,
    made_at: Timestamp,
    now: Timestamp,
}

struct Begun {
    sessions_discarded: u64,
    sends_held: u64,
}

impl Write for BeginAnew {
    type Output = Begun;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Begun, StoreError> {
        tx.prepare("UPDATE meta SET value = ?1 WHERE name = 'epoch'")?
            .execute([self.epoch.to_be_bytes()])?;
        let mut sessions_discarded = 0;
        for space in &self.discard {
            sessions_discarded += tx
                .prepare("DELETE FROM kv WHERE space = ?1")?
                .execute([space])?;
        }
        let sends_held = tx
            .prepare("UPDATE outbox SET state = 'held' WHERE state = 'accepted'")?
            .execute([])?;
        // A sign-in that ended after the backup must not come back.
        tx.prepare("DELETE FROM sign_in")?.execute([])?;
        tx.prepare("UPDATE account SET owner_epoch = owner_epoch + 1")?
            .execute([])?;
        let workspaces: Vec<i64> = tx
            .prepare("SELECT id FROM workspace")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for workspace in workspaces {
            let about = About {
                workspace: WorkspaceId::from_raw(workspace),
                account: None,
                conversation: None,
                at: self.now,
            };
            let data = serde_json::json!({ "made_at": self.made_at, "sends_held": sends_held });
            emit(tx, about, kind::STORE_RESTORED, &data)?;
        }
        Ok(Begun {
            sessions_discarded: sessions_discarded as u64,
            sends_held: sends_held as u64,
        })
    }
}

impl Store {
    /// Copies the whole store into the new folder `target` while it goes on working: the
    /// database as it is at one moment, and the stored files it knows.
    ///
    /// The master key is not in it. [`StoreError::Conflict`] when `target` exists,
    /// [`StoreError::Invalid`] when the database is in PostgreSQL, which has its own tools.
    /// `progress` is called from another thread.
    pub async fn backup(
        &self,
        target: PathBuf,
        now: Timestamp,
        mut progress: impl FnMut(Progress) + Send + 'static,
    ) -> Result<Manifest, StoreError> {
        let config = self.shared.config.clone();
        blocking(move || make_backup(&config, &target, now, &mut progress)).await
    }

    /// Turns what was accepted and not done into dead letters: it may have been answered after
    /// the backup was made, so a person decides.
    async fn hold_unfinished(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut held = 0;
        loop {
            let some: Vec<i64> = self
                .read(|conn| {
                    let some = conn
                        .prepare_cached("SELECT message FROM pending LIMIT ?1")?
                        .query_map([HOLD_BATCH], |row| row.get(0))?
                        .collect::<Result<_, _>>()?;
                    Ok(some)
                })
                .await?;
            if some.is_empty() {
                return Ok(held);
            }
            for message in some {
                let error = "the database was restored from a backup before this was finished";
                self.bury(MessageId::from_raw(message), STAGE, error, now)
                    .await?;
                held += 1;
            }
        }
    }

    /// Says of every linked account that its session is renewed.
    async fn mark_restored(&self, now: Timestamp) -> Result<u64, StoreError> {
        let accounts = self.all_accounts().await?;
        for account in &accounts {
            let is_linked = matches!(
                account.state,
                AccountState::Connecting
                    | AccountState::Online
                    | AccountState::Degraded
                    | AccountState::Recovering
            );
            if is_linked {
                self.set_account_state(account.id, AccountState::Recovering, Reason::Restored, now)
                    .await?;
            }
        }
        Ok(accounts.len() as u64)
    }

    async fn begin_anew(
        &self,
        restore: &Restore,
        made_at: Timestamp,
        blobs: BlobsCopied,
    ) -> Result<Restored, StoreError> {
        let now = restore.now;
        let messages_held = self.hold_unfinished(now).await?;
        let accounts = self.mark_restored(now).await?;
        let discard = restore.discard_spaces.clone();
        let begun = self
            .write(BeginAnew {
                epoch: new_epoch(),
                discard,
                made_at,
                now,
            })
            .await?;
        Ok(Restored {
            made_at,
            accounts,
            sessions_discarded: begun.sessions_discarded,
            sends_held: begun.sends_held,
            messages_held,
            blobs: blobs.files,
            blobs_missing: blobs.missing,
        })
    }
}

/// Makes a copy of everything from another process than the one that writes: the store of this
/// file may be in use.
///
/// # Errors
/// As [`Store::backup`].
pub async fn backup(
    config: StoreConfig,
    target: PathBuf,
    now: Timestamp,
    mut progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Manifest, StoreError> {
    blocking(move || make_backup(&config, &target, now, &mut progress)).await
}

/// Checks a database file that no process has open for writing, or that one has: it is only read.
///
/// # Errors
/// [`StoreError::Corrupt`] with what is damaged.
pub async fn check_file(path: PathBuf) -> Result<(), StoreError> {
    blocking(move || {
        let conn = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let found: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found == "ok" {
            Ok(())
        } else {
            Err(StoreError::corrupt(&found))
        }
    })
    .await
}

/// Makes a new store out of a backup, with nothing else running on it.
///
/// Checks the backup and the master key before the database gets its name; until then nothing
/// that existed is touched. Afterwards: cursors of the old life get a resync answer, sessions in
/// `discard_spaces` are gone, waiting sends are held, unfinished messages are dead letters, and
/// everybody has to sign in again. [`StoreError::Conflict`] when there is a database already,
/// [`StoreError::Invalid`] when `source` is no whole backup, or the target is in PostgreSQL.
pub async fn restore(
    restore: Restore,
    mut progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Restored, StoreError> {
    let target = sqlite::file(&restore.target)?.to_owned();
    let unfinished = beside(&target, UNFINISHED);
    let (to, plan) = (unfinished.clone(), restore.clone());
    let (manifest, blobs) = blocking(move || {
        refuse_existing(sqlite::file(&plan.target)?)?;
        let manifest = read_manifest(&plan.source)?;
        let blobs = bring_files(&plan, &manifest, &to, &mut progress)?;
        Ok((manifest, blobs))
    })
    .await?;
    let mut config = restore.target.clone();
    config.database = Database::Sqlite {
        file: unfinished.clone(),
    };
    let store = blocking(move || Store::open(config)).await?;
    let restored = store.begin_anew(&restore, manifest.made_at, blobs).await;
    store.close().await;
    let restored = restored?;
    blocking(move || {
        // Closing moved the WAL into the database.
        refuse_existing(&target)?;
        fs::rename(&unfinished, &target).map_err(io(&target))?;
        sync_folder_of(&target)
    })
    .await?;
    Ok(restored)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StoreError::Bug {
        what: error.to_string(),
    })?
}
