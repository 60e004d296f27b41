//! Documents: their text, and their tables cell by cell.
//!
//! To be called in the walled process only.

pub mod csv;
mod docx;
mod docx_text;
mod package;
mod pdf;
mod pdf_font;
mod pdf_layout;
mod pdf_page;
mod pdf_tables;
mod text;
mod xlsx;
mod xlsx_parts;

use crate::error::ReadError;
use crate::format::Format;
use crate::reading::Reading;

/// Reads a document.
///
/// # Errors
/// When it cannot be read, with a sentence for its sender.
pub fn read(format: Format, bytes: &[u8]) -> Result<Reading, ReadError> {
    match format {
        Format::Pdf => pdf::read(bytes),
        Format::Zip => package::read(bytes),
        Format::Csv => csv::read(bytes),
        Format::Text => csv::read_text(bytes),
        Format::Picture | Format::OggOpus | Format::OtherAudio | Format::Other => {
            Err(ReadError::Unsupported)
        }
    }
}
