//! Files that were kept long enough, and files that no message needs any more.
//!
//! A row goes before its file: the transaction that removes the row notes the file's name, and the
//! name is forgotten only when the file is gone. Killed in between, the next call goes on there. A
//! file that comes again meanwhile is left alone: it has a row again. A new file is noted in the same
//! way until it has its row, and what was never written to its end goes after a day.

use crate::blobs::{INCOMING, blob_key, file_error};
use crate::command::Write;
use crate::error::StoreError;
use crate::readings::{FORGET_MAX, Forgotten, UNFINISHED_KEPT, UNUSED_KEPT};
use crate::step::passed;
use crate::store::Store;
use crate::writer::Tx;
use object_store::ObjectStoreExt as _;
use object_store::path::Path as Key;
use std::fs::DirEntry;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use waypost_engine::model::{AccountId, BlobId, MessageId, Timestamp};

/// Why a message has no file any more.
const EXPIRED: &str = "it was kept as long as the settings say, and then removed";

/// Notes that one of our messages needs a stored file, in the transaction that stores the message.
pub(super) fn note_use(
    tx: &Tx<'_>,
    account: AccountId,
    message: MessageId,
    blob: BlobId,
) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO blob_use (blob, message, account) VALUES (?1, ?2, ?3)
         ON CONFLICT (blob, message) DO NOTHING",
    )?
    .execute((blob.to_string(), message.raw(), account.raw()))?;
    Ok(())
}

struct Forget {
    /// Files of messages that are older go.
    before: Timestamp,
    now: Timestamp,
}

impl Forget {
    /// Takes the files from received messages, with what was read of them.
    fn received(&self, tx: &Tx<'_>) -> Result<usize, StoreError> {
        let old: Vec<i64> = tx
            .prepare(
                "SELECT f.message FROM media f JOIN message m ON m.id = f.message
                 WHERE f.state = 'stored' AND m.received_at < ?1 LIMIT ?2",
            )?
            .query_map((self.before.0, FORGET_MAX), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for message in &old {
            tx.prepare(
                "UPDATE media SET state = 'failed', blob = NULL, reason = ?2 WHERE message = ?1",
            )?
            .execute((message, EXPIRED))?;
            tx.prepare("DELETE FROM media_reading WHERE message = ?1")?
                .execute([message])?;
            tx.prepare(
                "INSERT INTO searchable_again (message) VALUES (?1) ON CONFLICT (message) DO NOTHING",
            )?
            .execute([message])?;
        }
        Ok(old.len())
    }

    /// Takes the files from sent messages that are final.
    fn sent(&self, tx: &Tx<'_>) -> Result<usize, StoreError> {
        Ok(tx
            .prepare(
                "DELETE FROM blob_use WHERE message IN
                 (SELECT u.message FROM blob_use u JOIN message m ON m.id = u.message
                  LEFT JOIN outbox o ON o.message = u.message
                  WHERE m.received_at < ?1
                    AND (o.state IS NULL OR o.state NOT IN ('accepted', 'held')) LIMIT ?2)",
            )?
            .execute((self.before.0, FORGET_MAX))?)
    }

    /// Removes the rows of files that nobody needs, and notes the files.
    fn unused(&self, tx: &Tx<'_>) -> Result<usize, StoreError> {
        let candidates: Vec<(i64, String)> = tx
            .prepare(
                "SELECT b.id, b.sha256 FROM blob b WHERE b.created_at < ?1
                    AND NOT EXISTS (SELECT 1 FROM media f WHERE f.blob = b.id)",
            )?
            .query_map([(self.now - UNUSED_KEPT).0], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        let mut gone = 0;
        for (id, sha256) in candidates {
            let name = BlobId::from_raw(id).to_string();
            let used: bool = tx
                .prepare("SELECT EXISTS (SELECT 1 FROM blob_use WHERE blob = ?1)")?
                .query_row([name], |row| row.get(0))?;
            if used {
                continue;
            }
            tx.prepare("DELETE FROM blob WHERE id = ?1")?
                .execute([id])?;
            note_gone(tx, &sha256)?;
            gone += 1;
            if gone >= usize::try_from(FORGET_MAX).unwrap_or(usize::MAX) {
                break;
            }
        }
        Ok(gone)
    }
}

impl Write for Forget {
    type Output = usize;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<usize, StoreError> {
        let messages = self.received(tx)? + self.sent(tx)?;
        self.unused(tx)?;
        Ok(messages)
    }
}

struct Removed(String);

impl Write for Removed {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        forget_gone(tx, &self.0)
    }
}

/// Notes a file that has no row, or none yet.
pub(super) fn note_gone(tx: &Tx<'_>, sha256: &str) -> Result<(), StoreError> {
    tx.prepare("INSERT INTO blob_gone (sha256) VALUES (?1) ON CONFLICT (sha256) DO NOTHING")?
        .execute([sha256])?;
    Ok(())
}

/// Takes the note back: the file is gone, or has its row.
pub(super) fn forget_gone(tx: &Tx<'_>, sha256: &str) -> Result<(), StoreError> {
    tx.prepare("DELETE FROM blob_gone WHERE sha256 = ?1")?
        .execute([sha256])?;
    Ok(())
}

/// Removes what is left of files that nobody writes to any more; answers how many. `before` is in the time of
/// the machine.
fn remove_unfinished(incoming: &Path, before: SystemTime) -> std::io::Result<usize> {
    let entries = match std::fs::read_dir(incoming) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut removed = 0;
    for entry in entries {
        match remove_if_older(&entry?, before) {
            Ok(is_removed) => removed += usize::from(is_removed),
            // It came to its end meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

fn remove_if_older(entry: &DirEntry, before: SystemTime) -> std::io::Result<bool> {
    let is_old = entry.metadata()?.modified()? < before;
    if is_old {
        std::fs::remove_file(entry.path())?;
    }
    Ok(is_old)
}

impl Store {
    /// Forgets the files of messages received or sent before `before`, with what was read of them, and
    /// removes every file that no message carries ([`UNUSED_KEPT`] after it was stored), and what is left of
    /// files that were never stored ([`UNFINISHED_KEPT`] after they were last written to). At most
    /// [`FORGET_MAX`] of each; call it again while it forgets that many.
    pub async fn forget_files(
        &self,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<Forgotten, StoreError> {
        let messages = self.write(Forget { before, now }).await?;
        passed("files_noted");
        let noted: Vec<String> = self
            .read(|conn| {
                let names = conn
                    .prepare_cached("SELECT sha256 FROM blob_gone LIMIT ?1")?
                    .query_map([FORGET_MAX], |row| row.get(0))?
                    .collect::<Result<_, _>>()?;
                Ok(names)
            })
            .await?;
        let mut files = self.remove_unfinished(now - UNFINISHED_KEPT).await?;
        for sha256 in noted {
            files += usize::from(self.remove_file(sha256).await?);
        }
        Ok(Forgotten { messages, files })
    }

    async fn remove_unfinished(&self, before: Timestamp) -> Result<usize, StoreError> {
        let folder = self.shared.config.files().join(INCOMING);
        let before = UNIX_EPOCH + Duration::from_millis(before.0.max(0).cast_unsigned());
        let removed = tokio::task::spawn_blocking(move || remove_unfinished(&folder, before)).await;
        removed
            .map_err(|_| StoreError::Closed)?
            .map_err(|error| StoreError::Io {
                what: error.to_string(),
            })
    }

    /// Removes a file whose row is gone; not when it has come again.
    async fn remove_file(&self, sha256: String) -> Result<bool, StoreError> {
        let _calm = self.shared.files.lock().await;
        let name = sha256.clone();
        let is_needed: bool = self
            .read(move |conn| {
                let sql = "SELECT EXISTS (SELECT 1 FROM blob WHERE sha256 = ?1)";
                Ok(conn
                    .prepare_cached(sql)?
                    .query_row([name], |row| row.get(0))?)
            })
            .await?;
        if let (false, Some(key)) = (is_needed, blob_key(&sha256)) {
            match self.blob_files()?.delete(&Key::from(key)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(file_error(error)),
            }
        }
        passed("file_removed");
        self.write(Removed(sha256)).await?;
        Ok(!is_needed)
    }
}
