//! The process that reads files, seen from both sides.
//!
//! [`Workers`] starts a process for each file and ends it; [`inside`] is what that process does,
//! after [`walls`] has taken everything from it that it does not need. They talk over its input and
//! output: a line of JSON each ([`Job`], [`Answer`]) and the bytes after it.

pub mod inside;
mod pool;
mod walls;

pub use pool::{Workers, WorkersConfig};
pub use walls::Walls;

use crate::ocr::OcrOptions;
use crate::reading::Reading;
use serde::{Deserialize, Serialize};

/// The argument that makes the program `waypost` a worker.
pub const SUBCOMMAND: &str = "media-worker";

/// What is to be done with the file that follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What.
    pub task: Task,
    /// What its sender calls the file.
    pub name: Option<String>,
    /// Bytes of address space it may have.
    pub memory: u64,
    /// Seconds it may take.
    pub seconds: u64,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Read a picture or document. The thumbnail of a picture follows the answer.
    Read {
        /// How to recognise text in pictures; not at all when absent.
        ocr: Option<OcrOptions>,
        /// Whether documents are read.
        documents: bool,
    },
    /// Decode a voice note. A WAV file follows the answer.
    Sound,
}

/// What came of it. The bytes of a file may follow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What was found.
    pub reading: Reading,
    /// How long the sound is, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sound_ms: Option<u64>,
    /// Bytes that follow.
    #[serde(default)]
    pub attachment: usize,
    /// Which walls stood.
    #[serde(default)]
    pub walls: Walls,
}
