//! What was found in a file.

use crate::limits;
use serde::{Deserialize, Serialize};

/// What kind of file was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A picture.
    Picture,
    /// A document.
    Document,
    /// A voice note or other sound.
    Audio,
}

/// A table of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The sheet's name, or `Table 1` and so on in reading order.
    pub name: String,
    /// Its rows, each with its cells as text. Numbers are plain decimals, dates ISO 8601, truth
    /// values TRUE and FALSE; rows may differ in length.
    pub rows: Vec<Vec<String>>,
}

/// What is known of a picture beside its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFacts {
    /// Points across, as it is meant to be seen.
    pub width: u32,
    /// Points down.
    pub height: u32,
    /// What it looks like, in hex; see [`crate::pictures::Look`].
    pub look: String,
}

/// What was found in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What kind of file it is.
    pub kind: Option<Kind>,
    /// Its text, lines separated by line feeds.
    pub text: String,
    /// Its tables.
    #[serde(default)]
    pub tables: Vec<Table>,
    /// True when there was more than the limits allow.
    #[serde(default)]
    pub truncated: bool,
    /// What it looks like, if it is a picture.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub picture: Option<PictureFacts>,
    /// How sure text recognition is, from 0 to 100; absent where nothing was recognised.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confidence: Option<u8>,
}

/// Collects text and tables within the limits.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    text: String,
    tables: Vec<Table>,
    cells: usize,
    truncated: bool,
}

impl Collector {
    /// Whether nothing more is taken.
    pub(crate) fn is_full(&self) -> bool {
        self.cells >= limits::CELLS_MAX || self.text.len() >= limits::TEXT_BYTES_MAX
    }

    /// Something had to be left out.
    pub(crate) fn truncate(&mut self) {
        self.truncated = true;
    }

    /// Adds a line of text.
    pub(crate) fn line(&mut self, line: &str) {
        if self.text.len() + line.len() > limits::TEXT_BYTES_MAX {
            self.truncated = true;
            return;
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Begins a table; false when there are too many already.
    pub(crate) fn begin_table(&mut self, name: String) -> bool {
        if self.tables.len() >= limits::TABLES_MAX {
            self.truncated = true;
            return false;
        }
        self.tables.push(Table {
            name,
            rows: Vec::new(),
        });
        true
    }

    /// Adds a row to the table begun last; false when it or the document is full.
    pub(crate) fn row(&mut self, mut row: Vec<String>) -> bool {
        let Some(table) = self.tables.last_mut() else {
            return false;
        };
        if table.rows.len() >= limits::ROWS_MAX || self.cells + row.len() > limits::CELLS_MAX {
            self.truncated = true;
            return false;
        }
        if row.len() > limits::COLUMNS_MAX {
            row.truncate(limits::COLUMNS_MAX);
            self.truncated = true;
        }
        for cell in &mut row {
            if let Some((at, _)) = cell.char_indices().nth(limits::CELL_CHARS_MAX) {
                cell.truncate(at);
                self.truncated = true;
            }
        }
        self.cells += row.len();
        table.rows.push(row);
        true
    }

    /// Adds a whole table, and its rows as lines of the text.
    pub(crate) fn table(&mut self, name: String, rows: Vec<Vec<String>>) {
        if !self.begin_table(name) {
            return;
        }
        for row in rows {
            self.line(row.join("\t").trim_end());
            if !self.row(row) {
                return;
            }
        }
    }

    /// How many tables there are.
    pub(crate) fn tables(&self) -> usize {
        self.tables.len()
    }

    /// What came together.
    pub(crate) fn finish(self) -> Reading {
        Reading {
            kind: Some(Kind::Document),
            text: self.text.trim_end().to_owned(),
            tables: self.tables,
            truncated: self.truncated,
            ..Reading::default()
        }
    }
}
