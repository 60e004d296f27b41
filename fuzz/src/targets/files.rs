//! What must hold for whatever is read of a file, and the containers that files come in.

use std::io::{Cursor, Write as _};
use waypost_media::limits::{
    CELL_CHARS_MAX, CELLS_MAX, COLUMNS_MAX, ROWS_MAX, TABLES_MAX, TEXT_BYTES_MAX,
};
use waypost_media::{Format, ReadError, Reading, documents};
use zip::write::SimpleFileOptions;

/// Longest sentence about a file that cannot be read, in bytes: people read it.
const SENTENCE_MAX: usize = 2_000;

/// Reads a document; what comes of it is within the limits.
pub(super) fn document(format: Format, bytes: &[u8]) {
    match documents::read(format, bytes) {
        Ok(reading) => within(&reading),
        Err(error) => sentence(&error),
    }
}

/// Parts of a document as they come, or in a container of their own: a line of zeros ends each part.
pub(super) fn packed(bytes: &[u8], names: &[&str], around: &[(&str, &str)]) {
    if bytes.starts_with(b"PK") {
        return document(Format::Zip, bytes);
    }
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, part: &[u8]| {
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer
            .start_file(name, stored)
            .and_then(|()| Ok(writer.write_all(part)?))
    };
    let parts = names.iter().zip(bytes.split(|byte| *byte == 0));
    let written = around
        .iter()
        .map(|(name, part)| (*name, part.as_bytes()))
        .chain(parts.map(|(name, part)| (*name, part)))
        .try_for_each(|(name, part)| add(name, part));
    written.expect("a container in memory can be written");
    let packed = writer.finish().expect("and ended").into_inner();
    document(Format::Zip, &packed);
}

/// It says in a sentence what is wrong.
pub(super) fn sentence(error: &ReadError) {
    let said = error.to_string();
    assert!(!said.trim().is_empty());
    assert!(said.len() <= SENTENCE_MAX, "{} bytes: {said}", said.len());
}

fn within(reading: &Reading) {
    assert!(reading.text.len() <= TEXT_BYTES_MAX);
    assert!(reading.tables.len() <= TABLES_MAX);
    let mut cells = 0;
    for table in &reading.tables {
        assert!(table.rows.len() <= ROWS_MAX);
        for row in &table.rows {
            assert!(row.len() <= COLUMNS_MAX);
            cells += row.len();
            let is_short = |cell: &String| cell.chars().count() <= CELL_CHARS_MAX;
            assert!(row.iter().all(is_short));
        }
    }
    assert!(cells <= CELLS_MAX, "{cells}");
    // It goes over a pipe as JSON.
    serde_json::to_string(reading).expect("a reading can be written");
}
