//! Putting stored files in and getting them out, a piece at a time.

use super::column::time_at;
use super::forgetting::{forget_gone, note_gone};
use crate::blobs::{
    BLOB_BYTES_MAX, BLOB_CHUNK, Blob, INCOMING, MIME_LEN_MAX, MIME_UNKNOWN, blob_key, file_error,
};
use crate::command::Write;
use crate::db::{Connection, Row};
use crate::error::StoreError;
use crate::step::passed;
use crate::store::Store;
use crate::writer::Tx;
use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{
    GetOptions, GetRange, MultipartUpload, ObjectStore as _, ObjectStoreExt as _, PutPayload,
};
use sha2::{Digest as _, Sha256};
use std::ops::Range;
use std::sync::Arc;
use waypost_engine::model::{BlobId, Timestamp};

fn blob(row: &Row<'_>) -> Result<Blob, StoreError> {
    Ok(Blob {
        id: BlobId::from_raw(row.get("id")?),
        sha256: row.get("sha256")?,
        bytes: row.get::<_, i64>("bytes")?.cast_unsigned(),
        mime: row.get("mime")?,
        created_at: time_at(row, "created_at")?,
    })
}

fn by_sha256(conn: &Connection, sha256: &str) -> Result<Option<Blob>, StoreError> {
    conn.prepare_cached("SELECT * FROM blob WHERE sha256 = ?1")?
        .query_and_then([sha256], blob)?
        .next()
        .transpose()
}

/// Notes a file that is about to be there without a row: what a death leaves of it is removed by
/// [`Store::forget_files`].
struct Coming(String);

impl Write for Coming {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        note_gone(tx, &self.0)
    }
}

struct PutBlob(Blob);

impl Write for PutBlob {
    type Output = Blob;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Blob, StoreError> {
        let Self(new) = self;
        tx.prepare(
            "INSERT INTO blob (id, sha256, bytes, mime, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (sha256) DO UPDATE SET created_at = excluded.created_at",
        )?
        .execute((
            new.id.raw(),
            &new.sha256,
            new.bytes.cast_signed(),
            &new.mime,
            new.created_at.0,
        ))?;
        forget_gone(tx, &new.sha256)?;
        by_sha256(tx.conn(), &new.sha256)?.ok_or(StoreError::NotFound {
            what: "stored file",
        })
    }
}

/// A file on its way into the store. Dropped unfinished, it leaves nothing.
pub struct BlobWriter {
    store: Store,
    files: Arc<LocalFileSystem>,
    incoming: Key,
    upload: Option<Box<dyn MultipartUpload>>,
    buffer: BytesMut,
    hash: Sha256,
    bytes: u64,
    limit: u64,
}

impl std::fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobWriter")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl BlobWriter {
    /// Adds a piece. [`StoreError::Invalid`] when the file grows past its limit.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        self.bytes += piece.len() as u64;
        if self.bytes > self.limit {
            return Err(StoreError::invalid(format!(
                "the file is larger than the {} bytes allowed; send a smaller one",
                self.limit
            )));
        }
        self.hash.update(piece);
        self.buffer.extend_from_slice(piece);
        while self.buffer.len() >= BLOB_CHUNK {
            let chunk = self.buffer.split_to(BLOB_CHUNK).freeze();
            self.send(chunk).await?;
        }
        Ok(())
    }

    /// How many bytes were written so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    async fn send(&mut self, chunk: Bytes) -> Result<(), StoreError> {
        let upload = self.upload.as_mut().ok_or(StoreError::Closed)?;
        upload
            .put_part(PutPayload::from_bytes(chunk))
            .await
            .map_err(file_error)
    }

    /// Makes the file durable, then known. The same bytes stored twice are one file, which keeps
    /// its first `mime`.
    pub async fn finish(mut self, mime: &str, now: Timestamp) -> Result<Blob, StoreError> {
        let rest = self.buffer.split().freeze();
        if !rest.is_empty() {
            self.send(rest).await?;
        }
        let mut upload = self.upload.take().ok_or(StoreError::Closed)?;
        upload.complete().await.map_err(file_error)?;
        let sha256 = hex::encode(std::mem::take(&mut self.hash).finalize());
        let key = blob_key(&sha256).ok_or(StoreError::NotFound {
            what: "stored file",
        })?;
        // Nobody may remove a file of this name between here and the moment its row is there.
        let store = self.store.clone();
        let _calm = store.shared.files.lock().await;
        self.store.write(Coming(sha256.clone())).await?;
        self.files
            .rename(&self.incoming, &Key::from(key))
            .await
            .map_err(file_error)?;
        passed("file_placed");
        let id = self.store.next_id(now);
        let is_odd = mime.is_empty() || mime.len() > MIME_LEN_MAX || !mime.is_ascii();
        let mime = if is_odd { MIME_UNKNOWN } else { mime }.to_owned();
        let new = Blob {
            id,
            sha256,
            bytes: self.bytes,
            mime,
            created_at: now,
        };
        self.store.write(PutBlob(new)).await
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        let (Some(mut upload), Ok(runtime)) =
            (self.upload.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = upload.abort().await {
                tracing::warn!(%error, "an unfinished file could not be removed");
            }
        });
    }
}

/// A stored file and what is in it.
pub struct BlobReader {
    /// The file.
    pub blob: Blob,
    /// What is in it, in order.
    pub body: BoxStream<'static, Result<Bytes, StoreError>>,
}

impl std::fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobReader")
            .field("blob", &self.blob)
            .finish_non_exhaustive()
    }
}

impl Store {
    pub(super) fn blob_files(&self) -> Result<Arc<LocalFileSystem>, StoreError> {
        let folder = self.shared.config.files();
        std::fs::create_dir_all(&folder).map_err(|error| StoreError::Io {
            what: format!("{}: {error}", folder.display()),
        })?;
        let files = LocalFileSystem::new_with_prefix(folder).map_err(file_error)?;
        Ok(Arc::new(files.with_fsync(true)))
    }

    /// Starts storing a file of at most `limit` bytes ([`BLOB_BYTES_MAX`] at the most).
    pub async fn blob_writer(&self, limit: u64, now: Timestamp) -> Result<BlobWriter, StoreError> {
        let files = self.blob_files()?;
        let unique: BlobId = self.next_id(now);
        let incoming = Key::from(format!("{INCOMING}/{unique}"));
        let upload = files.put_multipart(&incoming).await.map_err(file_error)?;
        Ok(BlobWriter {
            store: self.clone(),
            files,
            incoming,
            upload: Some(upload),
            buffer: BytesMut::with_capacity(BLOB_CHUNK),
            hash: Sha256::new(),
            bytes: 0,
            limit: limit.min(BLOB_BYTES_MAX),
        })
    }

    /// Stores a file of at most `limit` bytes from a stream. [`StoreError::Invalid`] when it is
    /// longer, [`StoreError::Io`] when the stream fails; nothing stays then.
    pub async fn put_blob<S>(
        &self,
        body: S,
        mime: &str,
        limit: u64,
        now: Timestamp,
    ) -> Result<Blob, StoreError>
    where
        S: Stream<Item = Result<Bytes, std::io::Error>> + Send,
    {
        let mut writer = self.blob_writer(limit, now).await?;
        let mut body = std::pin::pin!(body);
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| StoreError::Io {
                what: error.to_string(),
            })?;
            writer.write(&piece).await?;
        }
        writer.finish(mime, now).await
    }

    /// Stores a small file that is in memory.
    pub async fn put_small_blob(
        &self,
        bytes: &[u8],
        mime: &str,
        now: Timestamp,
    ) -> Result<Blob, StoreError> {
        let mut writer = self.blob_writer(BLOB_BYTES_MAX, now).await?;
        writer.write(bytes).await?;
        writer.finish(mime, now).await
    }

    /// What is known of a stored file.
    pub async fn blob(&self, id: BlobId) -> Result<Blob, StoreError> {
        self.read(move |conn| {
            conn.prepare_cached("SELECT * FROM blob WHERE id = ?1")?
                .query_and_then([id.raw()], blob)?
                .next()
                .unwrap_or(Err(StoreError::NotFound {
                    what: "stored file",
                }))
        })
        .await
    }

    /// Opens a stored file, or the given bytes of it, for reading. [`StoreError::Invalid`] for a
    /// range outside of it; [`StoreError::NotFound`] when there is no such file, or when its
    /// bytes are gone from the folder.
    pub async fn open_blob(
        &self,
        id: BlobId,
        range: Option<Range<u64>>,
    ) -> Result<BlobReader, StoreError> {
        let blob = self.blob(id).await?;
        if range
            .as_ref()
            .is_some_and(|range| range.is_empty() || range.end > blob.bytes)
        {
            return Err(StoreError::invalid(format!(
                "the range lies outside of the file, which has {} bytes",
                blob.bytes
            )));
        }
        let key = blob_key(&blob.sha256)
            .ok_or_else(|| StoreError::corrupt("a stored file has an impossible name"))?;
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        let found = self.blob_files()?.get_opts(&Key::from(key), options).await;
        let body = found.map_err(file_error)?.into_stream();
        Ok(BlobReader {
            blob,
            body: body.map(|piece| piece.map_err(file_error)).boxed(),
        })
    }
}
