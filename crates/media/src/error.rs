//! Why a file was not read.

use serde::{Deserialize, Serialize};

/// Why a file was not read, in a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum ReadError {
    /// It cannot be what it says it is.
    #[error("the file is damaged, or not what it claims to be: {what}")]
    Damaged {
        /// What was found.
        what: String,
    },
    /// It has too many bytes.
    #[error("the file has {bytes} bytes, more than the {limit} that are read")]
    TooLarge {
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// It would unfold to too much.
    #[error("the file is refused: {what}")]
    Refused {
        /// What it would unfold to, and the limit.
        what: String,
    },
    /// It is locked with a password.
    #[error("the file is locked with a password; ask for an open copy")]
    Locked,
    /// Nothing here reads such files.
    #[error(
        "files of this kind are not read; pictures, PDF, XLSX, CSV, DOCX, text and Ogg/Opus are"
    )]
    Unsupported,
    /// A program is not installed.
    #[error(
        "the program '{program}' is not there; install it ({install}) or set media.ocr = false"
    )]
    NoProgram {
        /// Which.
        program: String,
        /// How to install it.
        install: String,
    },
    /// A program that was asked for help failed.
    #[error("'{program}' failed: {what}")]
    Program {
        /// Which.
        program: String,
        /// What it said.
        what: String,
    },
    /// It took too long.
    #[error("reading the file took longer than {seconds} s and was ended")]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// It needed too much memory.
    #[error("reading the file needed more than the {megabytes} MB of memory that are allowed")]
    OutOfMemory {
        /// The limit.
        megabytes: u64,
    },
    /// The process that read it died of it.
    #[error("the file broke the program that read it, which was ended: {what}")]
    Crashed {
        /// How it died.
        what: String,
    },
    /// Too many files wait already.
    #[error("too many files are waiting to be read; try again in a minute")]
    Busy,
    /// The reading process could not be started, walled in or understood.
    #[error("files cannot be read here: {what}")]
    Worker {
        /// Why.
        what: String,
    },
}

impl ReadError {
    /// [`Self::Damaged`], in the words of the parser.
    pub(crate) fn damaged(what: impl std::fmt::Display) -> Self {
        let mut what = what.to_string();
        if let Some((at, _)) = what.char_indices().nth(200) {
            what.truncate(at);
        }
        Self::Damaged { what }
    }

    /// Whether the same file may be read another time: the reason lies here, not in the file.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Busy | Self::Worker { .. })
    }
}
