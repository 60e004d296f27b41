//! PDF: its pages, one after the other. [`super::pdf_page`] draws them, [`super::pdf_layout`] makes
//! lines and tables of what was drawn.

use super::pdf_page::Drawing;
use crate::error::ReadError;
use crate::limits::{PAGES_MAX, PDF_STREAM_MAX};
use crate::reading::{Collector, Reading};
use lopdf::{Document, Error, LoadOptions};

pub(super) fn read(bytes: &[u8]) -> Result<Reading, ReadError> {
    let options = LoadOptions {
        max_decompressed_size: Some(PDF_STREAM_MAX),
        ..LoadOptions::default()
    };
    let mut document = Document::load_mem_with_options(bytes, options).map_err(trouble)?;
    if document.is_encrypted() {
        document.decrypt("").map_err(|_| ReadError::Locked)?;
    }
    let pages: Vec<_> = document.page_iter().take(PAGES_MAX + 1).collect();
    if pages.is_empty() {
        return Err(ReadError::damaged("it has no pages"));
    }
    let mut out = Collector::default();
    let mut drawing = Drawing::new(&document);
    for (number, page) in pages.into_iter().enumerate() {
        if number >= PAGES_MAX || out.is_full() {
            out.truncate();
            break;
        }
        // A page that cannot be drawn to its end keeps what came before.
        if drawing.draw(page).is_err() {
            out.truncate();
        }
        drawing.take_page().put_into(&mut out);
    }
    Ok(out.finish())
}

fn trouble(error: Error) -> ReadError {
    match error {
        Error::Decryption(_) | Error::InvalidPassword => ReadError::Locked,
        other => ReadError::damaged(other),
    }
}
