//! Ranges in A1 notation, as far as the stand-in is asked for them.

/// A range: which tab, and which cells of it, counted from 0; ends are exclusive and may be open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Range {
    /// The tab's title; the first tab when none is named.
    pub tab: Option<String>,
    /// First row.
    pub row: usize,
    /// First column.
    pub column: usize,
    /// Row after the last; open when `None`.
    pub row_end: Option<usize>,
    /// Column after the last; open when `None`.
    pub column_end: Option<usize>,
}

/// Reads a range; `None` when it is not one. A text without cells that is a tab's title means all
/// of that tab, which only the caller can know: see [`Range::whole`].
#[must_use]
pub fn parse(text: &str) -> Option<Range> {
    let (tab, cells) = split_tab(text)?;
    let mut range = parse_cells(cells)?;
    range.tab = tab;
    Some(range)
}

impl Range {
    /// All of one tab.
    #[must_use]
    pub fn whole(tab: &str) -> Self {
        Self {
            tab: Some(tab.to_owned()),
            ..Self::default()
        }
    }
}

fn split_tab(text: &str) -> Option<(Option<String>, &str)> {
    let Some(quoted) = text.strip_prefix('\'') else {
        return Some(match text.rsplit_once('!') {
            Some((tab, cells)) => (Some(tab.to_owned()), cells),
            None => (None, text),
        });
    };
    let mut title = String::new();
    let mut rest = quoted;
    loop {
        let (before, after) = rest.split_once('\'')?;
        title.push_str(before);
        if let Some(more) = after.strip_prefix('\'') {
            title.push('\'');
            rest = more;
            continue;
        }
        return match after.strip_prefix('!') {
            Some(cells) => Some((Some(title), cells)),
            None if after.is_empty() => Some((Some(title), "")),
            None => None,
        };
    }
}

fn parse_cells(cells: &str) -> Option<Range> {
    if cells.is_empty() {
        return Some(Range::default());
    }
    let (from, to) = match cells.split_once(':') {
        Some((from, to)) => (cell(from)?, cell(to)?),
        None => {
            let one = cell(cells)?;
            // One cell, not a column or a row alone.
            (one.0.is_some() && one.1.is_some()).then_some((one, one))?
        }
    };
    Some(Range {
        tab: None,
        row: from.1.unwrap_or(0),
        column: from.0.unwrap_or(0),
        row_end: to.1.map(|row| row + 1),
        column_end: to.0.map(|column| column + 1),
    })
}

/// Column and row of `B7`, `B` or `7`, from 0.
fn cell(text: &str) -> Option<(Option<usize>, Option<usize>)> {
    let digits_at = text
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(text.len());
    let (letters, digits) = text.split_at(digits_at);
    if text.is_empty() || letters.len() > 3 || digits.len() > 8 {
        return None;
    }
    let mut column = 0;
    for letter in letters.bytes() {
        let letter = letter.to_ascii_uppercase();
        letter.is_ascii_uppercase().then_some(())?;
        column = column * 26 + usize::from(letter - b'A') + 1;
    }
    let row = match digits {
        "" => None,
        digits => Some(digits.parse::<usize>().ok()?.checked_sub(1)?),
    };
    Some((column.checked_sub(1), row))
}

/// The letters of a column counted from 0.
#[must_use]
pub fn letters(mut column: usize) -> String {
    let mut out = String::new();
    loop {
        out.insert(0, char::from(b'A' + u8::try_from(column % 26).unwrap_or(0)));
        match (column / 26).checked_sub(1) {
            Some(left) => column = left,
            None => return out,
        }
    }
}

/// A tab's title as it stands in a range: in quotes unless it is a plain word.
#[must_use]
pub fn quoted(tab: &str) -> String {
    let plain = tab.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && tab.starts_with(|c: char| c.is_ascii_alphabetic())
        && cell(tab).is_none();
    if plain {
        tab.to_owned()
    } else {
        format!("'{}'", tab.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_google_writes_them() {
        let read = |text| parse(text).map(|r| (r.tab, r.row, r.column, r.row_end, r.column_end));
        let leads = || Some("Leads".to_owned());
        for (text, range) in [
            ("Leads!A1:C3", Some((leads(), 0, 0, Some(3), Some(3)))),
            (
                "'It''s'!B2",
                Some((Some("It's".into()), 1, 1, Some(2), Some(2))),
            ),
            ("'Leads'", Some((leads(), 0, 0, None, None))),
            ("Leads!A:A", Some((leads(), 0, 0, None, Some(1)))),
            ("Leads!2:3", Some((leads(), 1, 0, Some(3), None))),
            ("AA10", Some((None, 9, 26, Some(10), Some(27)))),
            ("Leads!A0", None),
            ("Leads!A", None),
            ("'Leads", None),
            ("Leads!A1:", None),
        ] {
            assert_eq!(read(text), range, "{text}");
        }
    }

    #[test]
    fn columns_have_letters() {
        for (column, text) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")] {
            assert_eq!(letters(column), text);
        }
    }
}
