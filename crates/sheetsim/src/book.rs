//! The spreadsheets: titles, tabs and cells.

use crate::a1::{Range, letters, quoted};
use serde_json::Value;

/// Most cells of one spreadsheet, as Google Drive's help gives it.
pub const CELLS_MAX: usize = 10_000_000;
/// Most characters of one cell.
pub const CELL_MAX: usize = 50_000;

/// One spreadsheet.
#[derive(Debug, Clone)]
pub struct Book {
    /// Its id in addresses.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its tabs in order.
    pub tabs: Vec<Tab>,
    /// Whether the credentials of the stand-in may open it.
    pub shared: bool,
    next_tab: i64,
}

/// One tab.
#[derive(Debug, Clone)]
pub struct Tab {
    /// Its number, `sheetId`.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Cells by row; missing ones are empty.
    pub rows: Vec<Vec<Value>>,
}

/// Where something was written.
#[derive(Debug, Clone)]
pub struct Written {
    /// In A1 notation.
    pub range: String,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// Cells.
    pub cells: usize,
}

impl Book {
    /// A spreadsheet with empty tabs, shared.
    #[must_use]
    pub fn new(id: &str, title: &str, tabs: &[&str]) -> Self {
        let mut book = Self {
            id: id.to_owned(),
            title: title.to_owned(),
            tabs: Vec::new(),
            shared: true,
            next_tab: 0,
        };
        for tab in tabs {
            book.add_tab(tab);
        }
        book
    }

    /// Adds an empty tab and tells its number; `None` when the title is taken.
    pub fn add_tab(&mut self, title: &str) -> Option<i64> {
        if self.tabs.iter().any(|tab| tab.title == title) {
            return None;
        }
        let id = self.next_tab;
        self.next_tab += 1_000_003;
        self.tabs.push(Tab {
            id,
            title: title.to_owned(),
            rows: Vec::new(),
        });
        Some(id)
    }

    /// Reads a range of this spreadsheet: a bare title means all of that tab.
    #[must_use]
    pub fn range(&self, text: &str) -> Option<Range> {
        if self.tabs.iter().any(|tab| tab.title == text) {
            return Some(Range::whole(text));
        }
        crate::a1::parse(text)
    }

    /// The tab that a range names.
    pub fn tab(&mut self, range: &Range) -> Option<&mut Tab> {
        match &range.tab {
            None => self.tabs.first_mut(),
            Some(title) => self.tabs.iter_mut().find(|tab| tab.title == *title),
        }
    }
}

impl Tab {
    /// The cells of a range without empty rows and cells at the end.
    #[must_use]
    pub fn get(&self, range: &Range) -> Vec<Vec<Value>> {
        let end = range
            .row_end
            .unwrap_or(self.rows.len())
            .min(self.rows.len());
        let mut out: Vec<Vec<Value>> = self
            .rows
            .get(range.row..end)
            .unwrap_or_default()
            .iter()
            .map(|row| {
                let end = range.column_end.unwrap_or(row.len()).min(row.len());
                let mut cells = row.get(range.column..end).unwrap_or_default().to_vec();
                while cells.last().is_some_and(is_empty) {
                    cells.pop();
                }
                cells
            })
            .collect();
        while out.last().is_some_and(Vec::is_empty) {
            out.pop();
        }
        out
    }

    /// Writes from the range's first cell on. Nulls leave what is there.
    pub fn put(&mut self, range: &Range, values: &[Vec<Value>]) -> Written {
        let mut cells = 0;
        for (down, row) in values.iter().enumerate() {
            for (right, value) in row.iter().enumerate() {
                cells += 1;
                if !value.is_null() {
                    *self.cell(range.row + down, range.column + right) = value.clone();
                }
            }
        }
        let columns = values.iter().map(Vec::len).max().unwrap_or(0);
        Written {
            range: self.name(range.row, range.column, values.len(), columns),
            rows: values.len(),
            columns,
            cells,
        }
    }

    /// Appends after the table that is found in the range: the last row with anything in the
    /// table's columns, starting at the table's first column.
    pub fn append(&mut self, range: &Range, values: &[Vec<Value>]) -> Written {
        let after = self
            .rows
            .iter()
            .rposition(|row| row.iter().any(|cell| !is_empty(cell)))
            .map_or(range.row, |last| (last + 1).max(range.row));
        let at = Range {
            tab: None,
            row: after,
            column: self.table_start(range),
            row_end: None,
            column_end: None,
        };
        self.put(&at, values)
    }

    /// The first column with anything in it, at or right of the range's first.
    fn table_start(&self, range: &Range) -> usize {
        let first_filled = |row: &Vec<Value>| {
            (range.column..row.len()).find(|column| row.get(*column).is_some_and(|c| !is_empty(c)))
        };
        self.rows
            .iter()
            .filter_map(first_filled)
            .min()
            .unwrap_or(range.column)
    }

    /// Removes rows; those below move up.
    pub fn remove_rows(&mut self, from: usize, to: usize) {
        let end = to.min(self.rows.len());
        if from < end {
            self.rows.drain(from..end);
        }
    }

    fn cell(&mut self, row: usize, column: usize) -> &mut Value {
        if self.rows.len() <= row {
            self.rows.resize_with(row + 1, Vec::new);
        }
        let cells = &mut self.rows[row];
        if cells.len() <= column {
            cells.resize(column + 1, Value::String(String::new()));
        }
        &mut cells[column]
    }

    fn name(&self, row: usize, column: usize, rows: usize, columns: usize) -> String {
        let tab = quoted(&self.title);
        let from = format!("{}{}", letters(column), row + 1);
        if rows <= 1 && columns <= 1 {
            return format!("{tab}!{from}");
        }
        let last_column = letters(column + columns.max(1) - 1);
        format!("{tab}!{from}:{last_column}{}", row + rows.max(1))
    }
}

fn is_empty(cell: &Value) -> bool {
    cell.is_null() || cell.as_str() == Some("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(cells: &[&str]) -> Vec<Value> {
        cells.iter().map(|cell| json!(cell)).collect()
    }

    #[test]
    fn rows_are_appended_below_the_table_at_its_first_column() {
        let mut book = Book::new("b", "Book", &["Leads"]);
        let range = book.range("Leads!A1:C1").unwrap();
        let tab = book.tab(&range).unwrap();
        assert_eq!(
            tab.append(&range, &[row(&["id", "name"])]).range,
            "Leads!A1:B1"
        );
        let two = [row(&["1", "Ana"]), row(&["2", "Ben"])];
        assert_eq!(tab.append(&range, &two).range, "Leads!A2:B3");
        assert_eq!(tab.get(&Range::whole("Leads")).len(), 3);
        tab.remove_rows(1, 2);
        assert_eq!(tab.get(&Range::whole("Leads"))[1], row(&["2", "Ben"]));
    }

    #[test]
    fn empty_cells_at_the_end_are_not_given() {
        let mut book = Book::new("b", "Book", &["T"]);
        let range = book.range("T!A1").unwrap();
        let tab = book.tab(&range).unwrap();
        tab.put(&range, &[row(&["a", "", ""]), row(&["", ""])]);
        assert_eq!(tab.get(&Range::whole("T")), vec![row(&["a"])]);
    }
}
