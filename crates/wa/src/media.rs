//! Files: streamed both ways, never whole in memory.

use crate::connection::{Connection, TaskError};
use crate::jid;
use crate::limits::{MEDIA_BYTES_MAX, REUPLOAD_WAIT_MAX};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::NamedTempFile;
use wacore::download::MediaType;
use wacore::media_retry::MediaRetryResult;
use wacore::upload::{EncryptedMediaInfo, UploadSource, encrypt_media_streaming};
use waypost_engine::model::{Address, MediaKind, MediaPointer};
use whatsapp_rust::ErrorChainExt as _;
use whatsapp_rust::download::DownloadParams;
use whatsapp_rust::features::MediaReuploadRequest;

/// A file on WhatsApp's media hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Where it is and how to open it.
    pub pointer: MediaPointer,
}

/// Which message's file the phone should upload again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaKey {
    /// The message.
    pub wire_id: String,
    /// Its person or group.
    pub chat: Address,
    /// Who wrote it.
    pub author: crate::freeze::Author,
    /// Where its file was.
    pub pointer: MediaPointer,
}

/// Why a file could not be moved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The pointer has expired; ask the phone to upload the file again.
    #[error("WhatsApp no longer has this file; ask the phone to upload it again")]
    Gone,
    /// The phone does not have it either, or refuses.
    #[error("the phone could not upload the file again")]
    NotOnPhone,
    /// It is larger than [`MEDIA_BYTES_MAX`].
    #[error("the file is {0} bytes long; at most {MEDIA_BYTES_MAX} are possible")]
    TooLarge(u64),
    /// The file here could not be read or written.
    #[error("the file here could not be read or written: {0}")]
    Local(String),
    /// Nothing can be moved without a connection.
    #[error("not connected; try again when the account is online")]
    NotConnected,
    /// The transfer failed; it may work later.
    #[error("the transfer failed: {0}")]
    Transfer(String),
}

fn media_type(kind: MediaKind) -> MediaType {
    match kind {
        MediaKind::Image => MediaType::Image,
        MediaKind::Video => MediaType::Video,
        MediaKind::Voice | MediaKind::Audio => MediaType::Audio,
        MediaKind::Document => MediaType::Document,
        MediaKind::Sticker => MediaType::Sticker,
    }
}

/// The encrypted copy of a file, deleted when the upload is over.
struct Sealed {
    file: NamedTempFile,
    len: u64,
}

impl UploadSource for Sealed {
    fn len(&self) -> u64 {
        self.len
    }

    fn reader_from(&self, offset: u64) -> std::io::Result<Box<dyn Read + Send>> {
        let mut file = self.file.reopen()?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }
}

fn local(error: impl std::fmt::Display) -> MediaError {
    MediaError::Local(error.to_string())
}

fn seal(path: &Path, kind: MediaKind) -> Result<(Sealed, EncryptedMediaInfo), MediaError> {
    let plain = File::open(path).map_err(local)?;
    let len = plain.metadata().map_err(local)?.len();
    if len > MEDIA_BYTES_MAX {
        return Err(MediaError::TooLarge(len));
    }
    let sealed = NamedTempFile::new().map_err(local)?;
    let reader = std::io::BufReader::new(plain);
    let writer = std::io::BufWriter::new(sealed.as_file());
    let info = encrypt_media_streaming(reader, writer, media_type(kind)).map_err(local)?;
    let len = sealed.as_file().metadata().map_err(local)?.len();
    Ok((Sealed { file: sealed, len }, info))
}

impl From<TaskError> for MediaError {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::NotConnected => Self::NotConnected,
            other => Self::Transfer(other.to_string()),
        }
    }
}

/// What a failed download means: some answers say that the file is gone.
fn failed_download(error: &anyhow::Error) -> MediaError {
    match error.http_status() {
        Some(403 | 404 | 410) => MediaError::Gone,
        _ => MediaError::Transfer(format!("{error:#}")),
    }
}

impl Connection {
    /// Encrypts the file beside and uploads it. Memory stays constant whatever its length.
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn upload(&self, kind: MediaKind, path: PathBuf) -> Result<Uploaded, MediaError> {
        let sealing = tokio::task::spawn_blocking(move || seal(&path, kind));
        let (source, info) = sealing.await.map_err(local)??;
        let client = Arc::clone(self.client());
        let uploading = async move {
            client
                .upload_stream(source, info, media_type(kind))
                .await
                .map_err(|error| TaskError::Failed(format!("{error:#}")))
        };
        let done = self.while_up(uploading).await?;
        Ok(Uploaded {
            pointer: MediaPointer {
                direct_path: done.direct_path,
                media_key: done.media_key.to_vec(),
                file_sha256: done.file_sha256.to_vec(),
                file_enc_sha256: done.file_enc_sha256.to_vec(),
                file_length: done.file_length,
            },
        })
    }

    /// Downloads and decrypts into `to`, checked against the pointer's hashes. On an error `to` is
    /// left empty.
    ///
    /// # Errors
    /// See [`MediaError`]; [`MediaError::Gone`] asks for [`Connection::ask_reupload`].
    pub async fn download(
        &self,
        kind: MediaKind,
        pointer: &MediaPointer,
        to: File,
    ) -> Result<File, MediaError> {
        if pointer.file_length > MEDIA_BYTES_MAX {
            return Err(MediaError::TooLarge(pointer.file_length));
        }
        let params = DownloadParams::encrypted(
            pointer.direct_path.clone(),
            &pointer.media_key,
            &pointer.file_sha256,
            &pointer.file_enc_sha256,
            pointer.file_length,
            media_type(kind),
        );
        let client = Arc::clone(self.client());
        let loading = async move { Ok(client.download_from_params_to_writer(&params, to).await) };
        self.while_up(loading)
            .await?
            .map_err(|error| failed_download(&error))
    }

    /// Asks the account's phone to upload a message's file again, and returns where it is then.
    /// Waits at most [`REUPLOAD_WAIT_MAX`].
    ///
    /// # Errors
    /// See [`MediaError`].
    pub async fn ask_reupload(&self, key: &MediaKey) -> Result<MediaPointer, MediaError> {
        let invalid = || MediaError::Transfer("the chat has no address WhatsApp knows".to_owned());
        let chat = jid::jid(&key.chat).ok_or_else(invalid)?;
        let participant = match &key.author {
            crate::freeze::Author::Other(author) if key.chat.is_group() => jid::jid(author),
            _ => None,
        };
        let request = MediaReuploadRequest {
            msg_id: &key.wire_id,
            chat_jid: &chat,
            media_key: &key.pointer.media_key,
            is_from_me: key.author == crate::freeze::Author::Own,
            participant: participant.as_ref(),
        };
        let client = Arc::clone(self.client());
        let asking = async {
            let asked =
                tokio::time::timeout(REUPLOAD_WAIT_MAX, client.media_reupload().request(&request))
                    .await;
            let answer =
                asked.map_err(|_| TaskError::Failed("the phone did not answer".to_owned()))?;
            answer.map_err(|error| TaskError::Failed(error.to_string()))
        };
        match self.while_up(asking).await? {
            MediaRetryResult::Success { direct_path } => Ok(MediaPointer {
                direct_path,
                ..key.pointer.clone()
            }),
            _ => Err(MediaError::NotOnPhone),
        }
    }
}
