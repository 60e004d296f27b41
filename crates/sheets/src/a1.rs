//! Names: spreadsheets, tabs, columns, ranges.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest id of a spreadsheet that is taken.
const ID_MAX: usize = 128;
/// Longest title of a tab, as Sheets allows.
pub const TAB_MAX: usize = 100;
/// Longest range that is taken, in bytes.
const RANGE_MAX: usize = 512;
/// Most columns of a tab, as Sheets allows.
const COLUMNS_MAX: usize = 18_278;

/// A spreadsheet's id, as it stands in its address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpreadsheetId(String);

impl SpreadsheetId {
    /// From an id or the address in the browser.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is neither.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let id = match text.split_once("/spreadsheets/d/") {
            Some((_, rest)) => rest.split(['/', '?', '#']).next().unwrap_or_default(),
            None => text,
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if id.is_empty() || id.len() > ID_MAX || !id.bytes().all(plain) {
            return Err(Error::Invalid(
                "this is not a spreadsheet's id; copy the address from the browser".to_owned(),
            ));
        }
        Ok(Self(id.to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SpreadsheetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for SpreadsheetId {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for SpreadsheetId {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<SpreadsheetId> for String {
    fn from(id: SpreadsheetId) -> Self {
        id.0
    }
}

/// A range in A1 notation. Google decides whether it exists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Range(String);

impl Range {
    /// A range as a person wrote it.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it cannot be one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let odd = text.chars().any(char::is_control) || text.chars().all(|c| c == '.');
        if odd || text.is_empty() || text.len() > RANGE_MAX {
            return Err(Error::Invalid(
                "this is not a range; write it like Leads!A1:D20".to_owned(),
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// All of a tab.
    #[must_use]
    pub fn tab(tab: &TabName) -> Self {
        Self(tab.quoted())
    }

    /// One column of a tab, counted from 0.
    #[must_use]
    pub fn column(tab: &TabName, column: usize) -> Self {
        let letters = letters(column);
        Self(format!("{}!{letters}:{letters}", tab.quoted()))
    }

    /// The first `columns` cells of a row counted from 1.
    #[must_use]
    pub fn row(tab: &TabName, row: usize, columns: usize) -> Self {
        let last = letters(columns.max(1) - 1);
        Self(format!("{}!A{row}:{last}{row}", tab.quoted()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Range {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<Range> for String {
    fn from(range: Range) -> Self {
        range.0
    }
}

/// A tab's title.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TabName(String);

impl TabName {
    /// A title as a person wrote it.
    ///
    /// # Errors
    /// [`Error::Invalid`] when no tab can be called so.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let too_long = text.chars().count() > TAB_MAX;
        if text.is_empty() || too_long || text.chars().any(char::is_control) {
            return Err(Error::Invalid(format!(
                "a tab's title has 1 to {TAB_MAX} characters"
            )));
        }
        Ok(Self(text.to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it stands in a range: always in quotes, so that no title can be taken for cells.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("'{}'", self.0.replace('\'', "''"))
    }
}

impl TryFrom<String> for TabName {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<TabName> for String {
    fn from(tab: TabName) -> Self {
        tab.0
    }
}

/// The letters of a column counted from 0; those of the last possible one for more.
#[must_use]
pub fn letters(column: usize) -> String {
    let mut column = column.min(COLUMNS_MAX - 1);
    let mut out = Vec::new();
    loop {
        out.push(b'A' + u8::try_from(column % 26).unwrap_or(0));
        match (column / 26).checked_sub(1) {
            Some(left) => column = left,
            None => break,
        }
    }
    out.iter().rev().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_is_known_by_id_or_address() {
        for text in [
            "1AbC_d-9",
            " https://docs.google.com/spreadsheets/d/1AbC_d-9/edit?gid=0#gid=0 ",
            "https://docs.google.com/spreadsheets/d/1AbC_d-9",
        ] {
            assert_eq!(SpreadsheetId::parse(text).unwrap().as_str(), "1AbC_d-9");
        }
        for text in ["", "a/b", "..", "https://example.com/x", "a b", "a%2Fb"] {
            assert!(SpreadsheetId::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_are_written_so_that_no_title_is_mistaken() {
        let tab = TabName::parse("It's A1").unwrap();
        assert_eq!(Range::column(&tab, 26).as_str(), "'It''s A1'!AA:AA");
        assert_eq!(Range::row(&tab, 1, 3).as_str(), "'It''s A1'!A1:C1");
        assert_eq!(Range::tab(&tab).as_str(), "'It''s A1'");
        for text in ["", "..", "a\nb"] {
            assert!(Range::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn columns_have_letters() {
        for (column, text) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")] {
            assert_eq!(letters(column), text);
        }
    }
}
