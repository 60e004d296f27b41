//! One XML part of a DOCX, element by element. Entities that a file declares are never expanded.

use crate::error::ReadError;
use crate::limits::{CELLS_MAX, COLUMNS_MAX, TEXT_BYTES_MAX, XML_DEPTH_MAX};
use crate::reading::Collector;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// A table under way.
#[derive(Default)]
struct Grid {
    rows: Vec<Vec<String>>,
    /// Cells that the current one spans.
    span: usize,
}

/// The walk through one part.
pub(super) struct Walk<'a> {
    out: &'a mut Collector,
    /// Tables around this place, the outermost first.
    grids: Vec<Grid>,
    /// Paragraphs of the cells around this place, one for each table.
    cells: Vec<String>,
    paragraph: String,
    in_text: bool,
    /// Depth inside of something whose words are not shown.
    hidden: usize,
    cells_seen: usize,
    bytes_seen: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(out: &'a mut Collector) -> Self {
        Self {
            out,
            grids: Vec::new(),
            cells: Vec::new(),
            paragraph: String::new(),
            in_text: false,
            hidden: 0,
            cells_seen: 0,
            bytes_seen: 0,
        }
    }

    pub(super) fn through(mut self, xml: &[u8]) -> Result<(), ReadError> {
        let mut reader = Reader::from_reader(xml);
        let mut buffer = Vec::new();
        let mut depth = 0_usize;
        loop {
            buffer.clear();
            match reader
                .read_event_into(&mut buffer)
                .map_err(ReadError::damaged)?
            {
                Event::Start(element) => {
                    depth += 1;
                    if depth > XML_DEPTH_MAX {
                        let what =
                            format!("its elements are nested more than {XML_DEPTH_MAX} deep");
                        return Err(ReadError::Refused { what });
                    }
                    self.open(&element, true);
                }
                Event::Empty(element) => self.open(&element, false),
                Event::End(element) => {
                    depth = depth.saturating_sub(1);
                    self.close(element.local_name().as_ref());
                }
                Event::Text(text) => self.words(&text.xml10_content()),
                Event::CData(text) => self.words(&text.xml10_content()),
                Event::GeneralRef(entity) => self.entity(&entity)?,
                Event::Eof => return Ok(()),
                _ => {}
            }
            if self.bytes_seen > TEXT_BYTES_MAX || self.cells_seen > CELLS_MAX {
                self.out.truncate();
                self.close_all();
                return Ok(());
            }
        }
    }

    fn open(&mut self, element: &BytesStart<'_>, has_end: bool) {
        match element.local_name().as_ref() {
            // The fallback of a drawing repeats its words.
            "Fallback" | "instrText" | "delText" if has_end => self.hidden += 1,
            "t" => self.in_text = has_end,
            "tab" if !self.paragraph.is_empty() => self.paragraph.push('\t'),
            "br" | "cr" => self.paragraph.push('\n'),
            "noBreakHyphen" => self.paragraph.push('-'),
            "tbl" if has_end => {
                self.end_paragraph();
                self.grids.push(Grid::default());
            }
            "tr" if has_end => {
                if let Some(grid) = self.grids.last_mut() {
                    grid.rows.push(Vec::new());
                }
            }
            "tc" if has_end => self.open_cell(),
            "gridSpan" => {
                let span = attribute(element, "val").and_then(|v| v.parse::<usize>().ok());
                if let (Some(grid), Some(span)) = (self.grids.last_mut(), span) {
                    grid.span = span.clamp(1, COLUMNS_MAX);
                }
            }
            _ => {}
        }
    }

    fn open_cell(&mut self) {
        self.cells.push(String::new());
        self.cells_seen += 1;
        if let Some(grid) = self.grids.last_mut() {
            grid.span = 1;
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "Fallback" | "instrText" | "delText" => self.hidden = self.hidden.saturating_sub(1),
            "t" => self.in_text = false,
            "p" => self.end_paragraph(),
            "tc" => self.close_cell(),
            "tbl" => self.close_table(),
            _ => {}
        }
    }

    fn words(&mut self, words: &str) {
        if self.in_text && self.hidden == 0 {
            self.bytes_seen += words.len();
            self.paragraph.push_str(words);
        }
    }

    fn entity(&mut self, entity: &BytesRef<'_>) -> Result<(), ReadError> {
        if let Some(c) = entity.resolve_char_ref().map_err(ReadError::damaged)? {
            self.words(c.encode_utf8(&mut [0; 4]));
            return Ok(());
        }
        match resolve_xml_entity(entity.as_ref()) {
            Some(text) => {
                self.words(text);
                Ok(())
            }
            None => Err(ReadError::damaged("it uses an entity of its own")),
        }
    }

    fn end_paragraph(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        match self.cells.last_mut() {
            Some(cell) => {
                if !cell.is_empty() && !paragraph.is_empty() {
                    cell.push('\n');
                }
                cell.push_str(&paragraph);
            }
            None if !paragraph.is_empty() => self.out.line(&paragraph),
            None => {}
        }
    }

    fn close_cell(&mut self) {
        self.end_paragraph();
        let Some(text) = self.cells.pop() else { return };
        let Some(grid) = self.grids.last_mut() else {
            return;
        };
        let span = grid.span;
        if grid.rows.is_empty() {
            grid.rows.push(Vec::new());
        }
        if let Some(row) = grid.rows.last_mut() {
            row.push(text);
            row.extend((1..span).map(|_| String::new()));
        }
    }

    /// A table in a cell becomes lines of that cell.
    fn close_table(&mut self) {
        let Some(grid) = self.grids.pop() else { return };
        match self.cells.last_mut() {
            Some(cell) => {
                for row in grid.rows {
                    if !cell.is_empty() {
                        cell.push('\n');
                    }
                    cell.push_str(&row.join("\t"));
                }
            }
            None => {
                let name = format!("Table {}", self.out.tables() + 1);
                self.out.table(name, grid.rows);
            }
        }
    }

    /// Keeps what there is of a document that ends before its end.
    fn close_all(&mut self) {
        while !self.grids.is_empty() {
            self.close_cell();
            self.close_table();
        }
        self.end_paragraph();
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    element
        .attributes()
        .filter_map(Result::ok)
        .find(|a| a.key.local_name().as_ref() == name)
        .map(|a| a.value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Reading;

    fn read(body: &str) -> Result<Reading, ReadError> {
        let mut out = Collector::default();
        Walk::new(&mut out).through(body.as_bytes())?;
        Ok(out.finish())
    }

    #[test]
    fn a_spanning_cell_keeps_the_columns_in_line() {
        let reading = read(
            "<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val=\"2\"/></w:tcPr><w:p><w:r><w:t>Both</w:t></w:r></w:p></w:tc>\
             <w:tc><w:p><w:r><w:t>Third &amp; last</w:t></w:r></w:p></w:tc></w:tr></w:tbl>",
        )
        .unwrap();
        assert_eq!(reading.tables[0].rows, [["Both", "", "Third & last"]]);
    }

    #[test]
    fn a_table_in_a_cell_stays_in_that_cell() {
        let inner = "<w:tbl><w:tr><w:tc><w:p><w:t>x</w:t></w:p></w:tc><w:tc><w:p><w:t>y</w:t></w:p></w:tc></w:tr></w:tbl>";
        let reading = read(&format!(
            "<w:tbl><w:tr><w:tc><w:p><w:t>out</w:t></w:p>{inner}</w:tc><w:tc><w:p><w:t>side</w:t></w:p></w:tc></w:tr></w:tbl>"
        ))
        .unwrap();
        assert_eq!(reading.tables[0].rows, [["out\nx\ty", "side"]]);
        assert_eq!(reading.tables.len(), 1);
    }

    #[test]
    fn entities_of_the_files_own_are_refused_not_expanded() {
        let error = read(
            "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><w:p><w:t>&b;</w:t></w:p>",
        )
        .unwrap_err();
        assert!(error.to_string().contains("entity"), "{error}");
    }

    #[test]
    fn depth_has_a_limit() {
        let deep = "<w:a>".repeat(5_000);
        assert!(matches!(read(&deep), Err(ReadError::Refused { .. })));
    }
}
