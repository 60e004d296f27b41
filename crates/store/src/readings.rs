//! What was read of the files that messages carry.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use waypost_engine::model::{
    AccountId, BlobId, ConversationId, Duration, MediaKind, MessageId, Timestamp, WorkspaceId,
};

/// Attempts to read one file; then it counts as failed.
pub const READING_ATTEMPTS_MAX: u32 = 5;
/// Pictures of an account that a new one is compared with, the newest first.
pub const LOOKS_MAX: usize = 2_000;
/// How long a file that no message carries is kept: an upload that was never sent.
pub const UNUSED_KEPT: Duration = Duration::hours(7 * 24);
/// How long what is left of a file that broke off is kept after it was last written to.
pub const UNFINISHED_KEPT: Duration = Duration::hours(24);
/// Files forgotten by one command.
pub const FORGET_MAX: i64 = 500;
/// Characters of the text that an event tells; the reading has all.
pub const EVENT_TEXT_CHARS_MAX: usize = 2_000;
/// Characters of the text that the gallery shows of each file.
pub const GALLERY_TEXT_CHARS_MAX: usize = 300;

/// What kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingKind {
    /// A picture or sticker.
    Picture,
    /// A document.
    Document,
    /// A voice note or other sound.
    Audio,
}

impl ReadingKind {
    /// What a message's file counts as; `None` for what is not read.
    #[must_use]
    pub fn of(kind: MediaKind) -> Option<Self> {
        match kind {
            MediaKind::Image | MediaKind::Sticker => Some(Self::Picture),
            MediaKind::Document => Some(Self::Document),
            MediaKind::Voice | MediaKind::Audio => Some(Self::Audio),
            MediaKind::Video => None,
        }
    }
}

/// How far the reading of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingState {
    /// It has not been read yet.
    Pending,
    /// It has.
    Done,
    /// It cannot be read.
    Failed,
    /// Nobody wants such files to be read.
    Skipped,
}

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingJob {
    /// The message that carries it.
    pub message: MessageId,
    /// Its account.
    pub account: AccountId,
    /// The file.
    pub blob: BlobId,
    /// Its length.
    pub bytes: u64,
    /// What kind of file its sender says it is.
    pub kind: ReadingKind,
    /// What its sender calls it. Outsiders' text.
    pub file_name: Option<String>,
    /// When the message was sent: what `tomorrow` in the file is counted from.
    pub sent_at: Timestamp,
    /// Failed attempts so far.
    pub attempts: u32,
}

/// What was found in a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileText {
    /// Its text.
    pub text: String,
    /// Its tables, as JSON `[{name, rows}]`.
    pub tables: Option<Value>,
    /// What its text says, as JSON.
    pub entities: Option<Value>,
    /// The language of its text.
    pub language: Option<String>,
    /// Whether there is more in it.
    pub truncated: bool,
    /// How sure text recognition is, of 100.
    pub confidence: Option<u8>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Points across and down.
    pub size: Option<(u32, u32)>,
    /// What it looks like.
    pub look: Option<String>,
    /// An earlier message with the same picture.
    pub same_as: Option<MessageId>,
    /// A small JPEG.
    pub thumbnail: Option<Vec<u8>>,
}

/// What became of an attempt to read a file.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadingOutcome {
    /// It was read.
    Done(Box<FileText>),
    /// It cannot be read.
    Failed {
        /// Why, for a person.
        reason: String,
    },
    /// It is not to be read.
    Skipped {
        /// Why, for a person.
        reason: String,
    },
    /// Not this time.
    Later {
        /// Why, for a person.
        reason: String,
        /// When to try again.
        next_at: Timestamp,
    },
}

/// A reading, as shown.
#[derive(Debug, Clone, PartialEq)]
pub struct FileReading {
    /// The message.
    pub message: MessageId,
    /// How far it is.
    pub state: ReadingState,
    /// What kind of file.
    pub kind: ReadingKind,
    /// What was found; all empty until it is done. Without look and thumbnail.
    pub found: FileText,
    /// Why it failed, was skipped or is tried again.
    pub error: Option<String>,
    /// Whether there is a thumbnail.
    pub has_thumbnail: bool,
    /// When it was read.
    pub at: Timestamp,
}

/// What was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Messages that lost their file, with what was read of it.
    pub messages: usize,
    /// Files removed from the folder.
    pub files: usize,
}

/// A picture to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLook {
    /// The first message with it.
    pub same_as: MessageId,
    /// What it looks like.
    pub look: String,
}

/// Which files to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GalleryQuery {
    /// Where.
    pub workspace: WorkspaceId,
    /// Only of this account.
    pub account: Option<AccountId>,
    /// Only of this conversation.
    pub conversation: Option<ConversationId>,
    /// Only of this kind.
    pub kind: Option<ReadingKind>,
    /// Only with these words, in the message or in the file.
    pub text: Option<String>,
    /// Every copy of this picture, instead of the newest of each.
    pub copies_of: Option<MessageId>,
}

/// A file of the gallery.
#[derive(Debug, Clone, PartialEq)]
pub struct GalleryItem {
    /// The message that carries it.
    pub message: MessageId,
    /// Its account.
    pub account: AccountId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Who sent it, as they call themselves or as we call them.
    pub sender_name: Option<String>,
    /// What it is called. Outsiders' text.
    pub file_name: Option<String>,
    /// What it is.
    pub mime: Option<String>,
    /// Its length in bytes.
    pub bytes: u64,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// What kind of file.
    pub kind: ReadingKind,
    /// How far its reading is.
    pub state: ReadingState,
    /// The beginning of its text.
    pub text: String,
    /// Points across and down.
    pub size: Option<(u32, u32)>,
    /// Whether there is a thumbnail.
    pub has_thumbnail: bool,
    /// The first message with the same picture.
    pub same_as: MessageId,
    /// How often the picture came, this time included.
    pub copies: u32,
}
