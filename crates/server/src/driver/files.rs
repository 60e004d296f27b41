//! Files on their way between the store and WhatsApp. The protocol library wants real files, so
//! they pass through a folder of their own that is emptied at every start.

use crate::{clock, file_type};
use futures_util::StreamExt as _;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use waypost_engine::model::BlobId;
use waypost_store::{Store, StoreError};

/// Bytes copied at a time.
const CHUNK: usize = 256 * 1024;

fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("transit")
}

fn io(error: std::io::Error) -> StoreError {
    StoreError::Io {
        what: error.to_string(),
    }
}

/// Makes the folder, without what a killed process left in it.
pub(super) fn prepare(data_dir: &Path) -> std::io::Result<()> {
    let folder = folder(data_dir);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(folder)
}

/// An empty file to fetch into; removed when dropped.
pub(super) fn incoming(data_dir: &Path) -> Result<NamedTempFile, StoreError> {
    NamedTempFile::new_in(folder(data_dir)).map_err(io)
}

/// Puts a fetched file into the store.
pub(super) async fn copy_in(
    store: &Store,
    file: NamedTempFile,
    bytes_max: u64,
) -> Result<BlobId, StoreError> {
    let mut source = tokio::fs::File::from_std(file.reopen().map_err(io)?);
    let mut blob = store.blob_writer(bytes_max, clock::now()).await?;
    let mut chunk = vec![0; CHUNK];
    let mut mime = None;
    loop {
        let n = source.read(&mut chunk).await.map_err(io)?;
        let Some(piece) = chunk.get(..n).filter(|piece| !piece.is_empty()) else {
            break;
        };
        mime.get_or_insert_with(|| file_type::of(&piece[..n.min(file_type::HEAD_BYTES)]));
        blob.write(piece).await?;
    }
    let stored = blob
        .finish(mime.unwrap_or(file_type::UNKNOWN), clock::now())
        .await?;
    Ok(stored.id)
}

/// A copy of a stored file to send; removed when dropped.
pub(super) async fn copy_out(
    store: &Store,
    data_dir: &Path,
    blob: BlobId,
) -> Result<NamedTempFile, StoreError> {
    let copy = incoming(data_dir)?;
    let mut target = tokio::fs::File::from_std(copy.reopen().map_err(io)?);
    let mut reader = store.open_blob(blob, None).await?;
    while let Some(piece) = reader.body.next().await {
        target.write_all(&piece?).await.map_err(io)?;
    }
    target.flush().await.map_err(io)?;
    Ok(copy)
}
