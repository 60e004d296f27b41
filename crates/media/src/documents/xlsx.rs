//! XLSX workbooks: every sheet a table, read cell by cell. What a sheet says of its own size is not
//! believed.

use super::package::{Package, part};
use super::xlsx_parts::{Book, attribute};
use crate::error::ReadError;
use crate::limits::{COLUMNS_MAX, ROWS_MAX};
use crate::reading::{Collector, Reading};
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};

/// Empty rows kept between two rows with values; a longer gap is shortened to it.
const GAP_ROWS_MAX: usize = 100;

pub(super) fn read(package: &mut Package<'_>) -> Result<Reading, ReadError> {
    let book = Book::read(package)?;
    let mut out = Collector::default();
    for (name, path) in &book.sheets {
        if out.is_full() || !out.begin_table(name.clone()) {
            out.truncate();
            break;
        }
        if let Some(xml) = part(package, path)? {
            let mut sheet = Sheet::default();
            read_sheet(&xml, &book, &mut sheet, &mut out)?;
            sheet.finish(&mut out);
        }
    }
    Ok(out.finish())
}

/// A cell under way.
#[derive(Default)]
struct Cell {
    row: usize,
    column: usize,
    style: usize,
    kind: String,
    value: String,
}

fn read_sheet(
    xml: &[u8],
    book: &Book,
    sheet: &mut Sheet,
    out: &mut Collector,
) -> Result<(), ReadError> {
    let mut reader = Reader::from_reader(xml);
    let mut buffer = Vec::new();
    let (mut row, mut next) = (0_usize, 0_usize);
    let mut cell: Option<Cell> = None;
    let mut in_value = false;
    loop {
        buffer.clear();
        match reader
            .read_event_into(&mut buffer)
            .map_err(ReadError::damaged)?
        {
            Event::Start(element) => match element.local_name().as_ref() {
                "row" => {
                    row = row_number(&element).unwrap_or(row + 1);
                    next = 0;
                }
                "c" => cell = Some(begin(&element, row, next)),
                "v" | "t" => in_value = true,
                // How a word is pronounced, and the formula behind the value.
                "rPh" | "f" => in_value = false,
                _ => {}
            },
            Event::Empty(element) => match element.local_name().as_ref() {
                "row" => row = row_number(&element).unwrap_or(row + 1),
                "c" => next = begin(&element, row, next).column + 1,
                _ => {}
            },
            Event::End(element) => match element.local_name().as_ref() {
                "v" | "t" => in_value = false,
                "c" => {
                    if let Some(done) = cell.take() {
                        next = done.column + 1;
                        if !sheet.put(
                            done.row,
                            done.column,
                            book.text_of(&done.kind, done.style, done.value),
                            out,
                        ) {
                            return Ok(());
                        }
                    }
                }
                "sheetData" => return Ok(()),
                _ => {}
            },
            Event::Text(text) => push(&mut cell, in_value, &text.xml10_content()),
            Event::CData(text) => push(&mut cell, in_value, &text.xml10_content()),
            Event::GeneralRef(entity) => {
                match entity.resolve_char_ref().map_err(ReadError::damaged)? {
                    Some(c) => push(&mut cell, in_value, c.encode_utf8(&mut [0; 4])),
                    None => push(
                        &mut cell,
                        in_value,
                        resolve_xml_entity(entity.as_ref()).unwrap_or_default(),
                    ),
                }
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn push(cell: &mut Option<Cell>, in_value: bool, words: &str) {
    if let (Some(cell), true) = (cell, in_value) {
        cell.value.push_str(words);
    }
}

fn row_number(element: &BytesStart<'_>) -> Option<usize> {
    attribute(element, "r")?.parse().ok()
}

fn begin(element: &BytesStart<'_>, row: usize, next: usize) -> Cell {
    let place = attribute(element, "r").and_then(|r| place(&r));
    let (row, column) = place.unwrap_or((row, next));
    Cell {
        row,
        column,
        style: attribute(element, "s")
            .and_then(|s| s.parse().ok())
            .unwrap_or(0),
        kind: attribute(element, "t").unwrap_or_default(),
        value: String::new(),
    }
}

/// `B7` as row 7 and column 1; columns count from 0.
fn place(name: &str) -> Option<(usize, usize)> {
    let split = name.find(|c: char| c.is_ascii_digit())?;
    let (letters, row) = name.split_at(split);
    let mut column = 0_usize;
    for letter in letters.bytes() {
        if !letter.is_ascii_uppercase() || column > COLUMNS_MAX * 1_000 {
            return None;
        }
        column = column * 26 + usize::from(letter - b'A') + 1;
    }
    Some((row.parse().ok()?, column.checked_sub(1)?))
}

/// The rows of a sheet. The first with a value is the first kept, and columns begin at the first that
/// has a value in it.
#[derive(Default)]
struct Sheet {
    row: usize,
    cells: Vec<String>,
    rows: Vec<Vec<String>>,
    is_begun: bool,
    kept: usize,
}

impl Sheet {
    /// Takes a value; false when there are too many rows.
    fn put(&mut self, row: usize, column: usize, value: String, out: &mut Collector) -> bool {
        if value.is_empty() {
            return true;
        }
        if column >= COLUMNS_MAX {
            out.truncate();
            return true;
        }
        if self.is_begun && row != self.row {
            self.rows.push(std::mem::take(&mut self.cells));
            let gap = row.saturating_sub(self.row + 1).min(GAP_ROWS_MAX);
            self.rows.extend((0..gap).map(|_| Vec::new()));
        }
        self.kept += 1;
        if self.rows.len() >= ROWS_MAX || self.kept > crate::limits::CELLS_MAX {
            out.truncate();
            return false;
        }
        (self.is_begun, self.row) = (true, row);
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        self.cells[column] = value;
        true
    }

    /// All rows as wide as the widest, without the empty columns before the first value.
    fn finish(mut self, out: &mut Collector) {
        if !self.cells.is_empty() {
            self.rows.push(self.cells);
        }
        let filled = |row: &Vec<String>| row.iter().position(|cell| !cell.is_empty());
        let left = self.rows.iter().filter_map(filled).min().unwrap_or(0);
        let width = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        for mut row in self.rows {
            row.resize(width, String::new());
            row.drain(..left);
            out.line(row.join("\t").trim_end());
            if !out.row(row) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_by_their_names() {
        assert_eq!(place("A1"), Some((1, 0)));
        assert_eq!(place("AA10"), Some((10, 26)));
        assert_eq!(place("XFD1048576"), Some((1_048_576, 16_383)));
        assert_eq!(place("7"), None);
        assert_eq!(place("a1"), None);
        assert_eq!(place(&"Z".repeat(500)), None);
    }
}
