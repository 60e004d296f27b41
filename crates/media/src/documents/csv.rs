//! Values separated by commas, semicolons, tabs or bars; and plain text, which may be such a table.

use super::text::decode;
use crate::error::ReadError;
use crate::reading::{Collector, Reading};

/// What may separate the cells, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Rows that are looked at to find out.
const SAMPLE_ROWS: usize = 100;
/// Rows that plain text must have, all of the same width, to count as a table.
const TEXT_ROWS_MIN: usize = 2;

/// Reads a file that is called CSV.
///
/// # Errors
/// None so far: any text is a table, if only of one column.
pub fn read(bytes: &[u8]) -> Result<Reading, ReadError> {
    let text = decode(bytes);
    let (delimiter, body) = told_delimiter(&text)
        .unwrap_or_else(|| (best(&text).map_or(b',', |found| found.delimiter), &text));
    Ok(table(body, delimiter))
}

/// Reads plain text, as a table when all its lines have the same number of cells.
///
/// # Errors
/// None so far.
pub fn read_text(bytes: &[u8]) -> Result<Reading, ReadError> {
    let text = decode(bytes);
    match best(&text) {
        Some(found) if found.is_even && found.rows >= TEXT_ROWS_MIN => {
            Ok(table(&text, found.delimiter))
        }
        _ => {
            let mut out = Collector::default();
            for line in text.lines() {
                out.line(line);
            }
            Ok(out.finish())
        }
    }
}

/// Spreadsheets write a first line `sep=;` to say it.
fn told_delimiter(text: &str) -> Option<(u8, &str)> {
    let (first, rest) = text.split_once('\n')?;
    match first.trim_end().strip_prefix("sep=")?.as_bytes() {
        [delimiter] => Some((*delimiter, rest)),
        _ => None,
    }
}

struct Guess {
    delimiter: u8,
    rows: usize,
    columns: usize,
    /// Of a hundred rows, those that have the usual width.
    share: usize,
    is_even: bool,
}

/// The delimiter that makes most rows equally wide; `None` when none makes two columns.
fn best(text: &str) -> Option<Guess> {
    DELIMITERS
        .iter()
        .filter_map(|delimiter| judge(text, *delimiter))
        .max_by_key(|guess| {
            let order = DELIMITERS
                .iter()
                .position(|d| *d == guess.delimiter)
                .unwrap_or(0);
            (guess.share, guess.columns, DELIMITERS.len() - order)
        })
}

fn judge(text: &str, delimiter: u8) -> Option<Guess> {
    let widths: Vec<usize> = reader(text, delimiter)
        .records()
        .take(SAMPLE_ROWS)
        .filter_map(Result::ok)
        .map(|record| record.len())
        .collect();
    let columns = most_frequent(&widths)?;
    if columns < 2 {
        return None;
    }
    let usual = widths.iter().filter(|w| **w == columns).count();
    Some(Guess {
        delimiter,
        rows: widths.len(),
        columns,
        share: usual * 100 / widths.len(),
        is_even: usual == widths.len(),
    })
}

fn most_frequent(widths: &[usize]) -> Option<usize> {
    let count = |width: usize| widths.iter().filter(|w| **w == width).count();
    widths
        .iter()
        .copied()
        .max_by_key(|width| (count(*width), *width))
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
}

fn table(text: &str, delimiter: u8) -> Reading {
    let mut out = Collector::default();
    out.begin_table("Table 1".into());
    for record in reader(text, delimiter).records() {
        let Ok(record) = record else { continue };
        let row: Vec<String> = record.iter().map(str::to_owned).collect();
        out.line(row.join("\t").trim_end());
        if !out.row(row) {
            break;
        }
    }
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
        read(bytes).unwrap().tables.remove(0).rows
    }

    #[test]
    fn the_delimiter_is_found_whatever_the_country() {
        for file in [
            "name,price\nAna,1.5\nBob,2",
            "name;price\nAna;1.5\nBob;2",
            "name\tprice\nAna\t1.5\nBob\t2",
            "name|price\nAna|1.5\nBob|2",
            "sep=;\r\nname;price\r\nAna;1.5\r\nBob;2\r\n",
        ] {
            assert_eq!(
                rows(file.as_bytes()),
                [["name", "price"], ["Ana", "1.5"], ["Bob", "2"]],
                "{file}"
            );
        }
        assert_eq!(rows(b"name;price\nAna;1,5\nBob;2,75")[1], ["Ana", "1,5"]);
    }

    #[test]
    fn quotes_hold_delimiters_line_breaks_and_quotes() {
        assert_eq!(
            rows(b"a,b\n\"x, y\",\"he said \"\"no\"\"\"\n\"two\nlines\",3\n"),
            [["a", "b"], ["x, y", "he said \"no\""], ["two\nlines", "3"]]
        );
    }

    #[test]
    fn rows_keep_their_own_width() {
        assert_eq!(
            rows(b"a,b,c\n1,2\n3,4,5\n"),
            [vec!["a", "b", "c"], vec!["1", "2"], vec!["3", "4", "5"]]
        );
    }

    #[test]
    fn prose_is_no_table() {
        let reading =
            read_text(b"Dear Ana,\nthe flat is ready, keys are at the desk, call me.\nBob")
                .unwrap();
        assert!(reading.tables.is_empty());
        assert!(reading.text.ends_with("call me.\nBob"));
    }

    #[test]
    fn what_is_over_the_limits_is_left_out_and_said() {
        let file = "1,2\n".repeat(crate::limits::ROWS_MAX + 5);
        let reading = read(file.as_bytes()).unwrap();
        assert_eq!(reading.tables[0].rows.len(), crate::limits::ROWS_MAX);
        assert!(reading.truncated);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            let reading = read(&bytes).unwrap();
            proptest::prop_assert!(reading.tables.len() <= 1);
            read_text(&bytes).unwrap();
        }

        #[test]
        fn what_was_written_is_read_back(
            rows in proptest::collection::vec(
                proptest::collection::vec("[a-zA-Z0-9 ,.\"é\n]{0,12}", 3), 2..20)
        ) {
            let mut writer = ::csv::WriterBuilder::new()
                .quote_style(::csv::QuoteStyle::Always).from_writer(Vec::new());
            for row in &rows { writer.write_record(row).unwrap(); }
            let bytes = writer.into_inner().unwrap();
            proptest::prop_assert_eq!(&read(&bytes).unwrap().tables[0].rows, &rows);
        }
    }
}
