//! What is in the files that people send: text out of pictures, documents and voice notes.
//!
//! This crate exists to keep parsers of hostile files away from everything else
//! (`docs/adr/0008-files-are-read-in-a-walled-process.md`). The parsers in [`documents`],
//! [`pictures`], [`ocr`] and [`audio`] run in a process of their own, which [`worker::inside`]
//! walls in before it looks at a single byte; the rest of Waypost only ever talks to
//! [`worker::Workers`].

pub mod audio;
pub mod documents;
pub mod error;
pub mod format;
pub mod limits;
pub mod ocr;
pub mod pictures;
pub mod reading;
pub mod speech;
pub mod worker;

pub use error::ReadError;
pub use format::Format;
pub use reading::{Kind, PictureFacts, Reading, Table};
