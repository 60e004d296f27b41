//! An event as the cells of a row, pure.

use crate::cell::{Cell, Row};
use crate::error::Error;
use jiff::Timestamp as Moment;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;

/// Most columns of a mapping.
pub const COLUMNS_MAX: usize = 100;
/// Longest header, literal or path, in characters.
pub const TEXT_MAX: usize = 500;
/// How a time is written unless the column says otherwise.
const TIME_FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// Which columns a row has, from the first on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Column>", into = "Vec<Column>")]
pub struct Mapping {
    columns: Vec<Column>,
    id_column: usize,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// What stands above it.
    pub header: String,
    /// What stands in it.
    #[serde(flatten)]
    pub source: Source,
    /// What to do when the event does not have it.
    #[serde(default)]
    pub missing: Missing,
}

/// Where a cell comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Source {
    /// The event's id. Exactly one column has it: by it a row is found again.
    EventId,
    /// A value of the event.
    Path {
        /// A JSON pointer (RFC 6901), for example `/data/text`.
        path: String,
    },
    /// Always the same.
    Literal {
        /// The text.
        text: String,
    },
    /// A time of the event.
    Time {
        /// A JSON pointer to ISO 8601 or milliseconds since 1970; the event's own time is `/at`.
        path: String,
        /// As in `strftime`; `2026-02-25 15:00:00` unless set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        format: Option<String>,
        /// An IANA zone; UTC unless set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
}

/// What to do when the event lacks a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Leave the cell blank.
    #[default]
    Blank,
    /// Write no row, and say so.
    Refuse,
}

impl TryFrom<Vec<Column>> for Mapping {
    type Error = Error;
    fn try_from(columns: Vec<Column>) -> Result<Self, Error> {
        Self::new(columns)
    }
}

impl From<Mapping> for Vec<Column> {
    fn from(mapping: Mapping) -> Self {
        mapping.columns
    }
}

impl Mapping {
    /// Checks the columns.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the column and what is wrong with it.
    pub fn new(columns: Vec<Column>) -> Result<Self, Error> {
        if columns.is_empty() || columns.len() > COLUMNS_MAX {
            return Err(Error::Invalid(format!(
                "a mapping has 1 to {COLUMNS_MAX} columns"
            )));
        }
        let mut headers = HashSet::new();
        for column in &columns {
            column.check()?;
            if !headers.insert(column.header.trim().to_lowercase()) {
                return Err(Error::Invalid(format!(
                    "two columns are called {}",
                    column.header
                )));
            }
        }
        let mut ids = (0..)
            .zip(&columns)
            .filter(|(_, c)| c.source == Source::EventId);
        let (Some((id_column, _)), None) = (ids.next(), ids.next()) else {
            return Err(Error::Invalid(
                "exactly one column holds the event's id; by it a row is found again".to_owned(),
            ));
        };
        Ok(Self { columns, id_column })
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Which column holds the event's id, from 0.
    #[must_use]
    pub fn id_column(&self) -> usize {
        self.id_column
    }

    /// The first row.
    #[must_use]
    pub fn headers(&self) -> Row {
        self.columns.iter().map(|c| Cell::text(&c.header)).collect()
    }

    /// An event as a row. `event` is the event as webhooks see it, `id` what identifies it.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a value is missing that must be there.
    pub fn row(&self, id: &str, event: &Value) -> Result<Row, Error> {
        let cell = |column: &Column| column.cell(id, event);
        self.columns.iter().map(cell).collect()
    }

    /// What a row says, whichever event said it: SHA-256 over all cells but the event's id.
    #[must_use]
    pub fn content(&self, row: &[Cell]) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (index, cell) in row.iter().enumerate() {
            if index != self.id_column {
                let text = cell.shown();
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text.as_bytes());
            }
        }
        hash.finalize().into()
    }
}

impl Column {
    fn check(&self) -> Result<(), Error> {
        let wrong = |what: &str| Err(Error::Invalid(format!("column {}: {what}", self.header)));
        if self.header.trim().is_empty() {
            return Err(Error::Invalid("every column needs a header".to_owned()));
        }
        let long = |text: &str| text.chars().count() > TEXT_MAX;
        if long(&self.header) {
            return wrong("the header is too long");
        }
        match &self.source {
            Source::EventId => Ok(()),
            Source::Literal { text } if long(text) => wrong("the text is too long"),
            Source::Literal { .. } => Ok(()),
            Source::Path { path } | Source::Time { path, .. }
                if !path.starts_with('/') || long(path) =>
            {
                wrong("a path begins with a slash, like /data/text")
            }
            Source::Path { .. } => Ok(()),
            Source::Time { format, zone, .. } => match zone_of(zone.as_deref()) {
                Some(zone) if written(Moment::UNIX_EPOCH, format.as_deref(), &zone).is_some() => {
                    Ok(())
                }
                Some(_) => wrong("the time format is not one; write it like %Y-%m-%d %H:%M"),
                None => wrong("the time zone is not known; write it like Asia/Dubai"),
            },
        }
    }

    fn cell(&self, id: &str, event: &Value) -> Result<Cell, Error> {
        let found = match &self.source {
            Source::EventId => return Ok(Cell::text(id)),
            Source::Literal { text } => return Ok(Cell::text(text)),
            Source::Path { path } => event.pointer(path).filter(|v| !v.is_null()).map(Cell::of),
            Source::Time { path, format, zone } => event
                .pointer(path)
                .and_then(moment)
                .zip(zone_of(zone.as_deref()))
                .and_then(|(at, zone)| written(at, format.as_deref(), &zone))
                .map(|text| Cell::text(&text)),
        };
        match (found, self.missing) {
            (Some(cell), _) => Ok(cell),
            (None, Missing::Blank) => Ok(Cell::text("")),
            (None, Missing::Refuse) => Err(Error::Invalid(format!(
                "the event has nothing for the column {}, which must not be blank",
                self.header
            ))),
        }
    }
}

fn zone_of(name: Option<&str>) -> Option<TimeZone> {
    match name.map(str::trim) {
        None | Some("" | "UTC") => Some(TimeZone::UTC),
        Some(name) => TimeZone::get(name).ok(),
    }
}

fn moment(value: &Value) -> Option<Moment> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => Moment::from_millisecond(number.as_i64()?).ok(),
        _ => None,
    }
}

fn written(at: Moment, format: Option<&str>, zone: &TimeZone) -> Option<String> {
    let format = format.unwrap_or(TIME_FORMAT);
    let at = at.to_zoned(zone.clone());
    jiff::fmt::strtime::format(format, &at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn columns() -> Vec<Column> {
        serde_json::from_value(json!([
            {"header": "Id", "from": "event_id"},
            {"header": "When", "from": "time", "path": "/at", "zone": "Asia/Dubai"},
            {"header": "Text", "from": "path", "path": "/data/text", "missing": "refuse"},
            {"header": "Kind", "from": "literal", "text": "lead"},
            {"header": "Price", "from": "path", "path": "/data/price"},
        ]))
        .unwrap()
    }

    fn shown(row: &[Cell]) -> Vec<String> {
        row.iter().map(Cell::shown).collect()
    }

    #[test]
    fn an_event_becomes_a_row() {
        let mapping = Mapping::new(columns()).unwrap();
        let event = json!({
            "at": "2026-02-25T20:30:00.000Z", "data": {"text": "=HYPERLINK(\"x\")", "price": 1500000},
        });
        let row = mapping.row("evt_1", &event).unwrap();
        assert_eq!(
            shown(&row),
            [
                "evt_1",
                "2026-02-26 00:30:00",
                "=HYPERLINK(\"x\")",
                "lead",
                "1500000"
            ]
        );
        assert_eq!(
            shown(&mapping.headers()),
            ["Id", "When", "Text", "Kind", "Price"]
        );
    }

    #[test]
    fn what_is_missing_is_blank_or_refused_as_the_column_says() {
        let mapping = Mapping::new(columns()).unwrap();
        let row = mapping.row("e", &json!({"data": {"text": "hi"}})).unwrap();
        assert_eq!(shown(&row), ["e", "", "hi", "lead", ""]);
        let error = mapping
            .row("e", &json!({"data": {"text": null}}))
            .unwrap_err();
        assert!(error.to_string().contains("Text"), "{error}");
    }

    #[test]
    fn the_content_of_a_row_does_not_depend_on_its_event() {
        let mapping = Mapping::new(columns()).unwrap();
        let row = |id, text| mapping.row(id, &json!({"data": {"text": text}})).unwrap();
        let content = |id, text| mapping.content(&row(id, text));
        assert_eq!(content("a", "hi"), content("b", "hi"));
        assert_ne!(content("a", "hi"), content("a", "ho"));
    }

    #[test]
    fn wrong_columns_are_named() {
        let with = |change: fn(&mut Vec<Column>)| {
            let mut columns = columns();
            change(&mut columns);
            Mapping::new(columns).unwrap_err().to_string()
        };
        assert!(with(|c| c.truncate(0)).contains("1 to 100"));
        assert!(with(|c| drop(c.remove(0))).contains("event's id"));
        assert!(with(|c| c[3].source = Source::EventId).contains("event's id"));
        assert!(with(|c| c[1].header = "text".into()).contains("two columns"));
        let bad_zone = |c: &mut Vec<Column>| {
            c[1].source = Source::Time {
                path: "/at".into(),
                format: None,
                zone: Some("Asia/Nowhere".into()),
            };
        };
        assert!(with(bad_zone).contains("time zone"));
        let bad_path = |c: &mut Vec<Column>| {
            c[2].source = Source::Path {
                path: "data".into(),
            }
        };
        assert!(with(bad_path).contains("slash"));
    }

    proptest! {
        #[test]
        fn whatever_a_stranger_writes_is_a_text_and_no_panic(text in ".{0,200}") {
            let mapping = Mapping::new(columns()).unwrap();
            let row = mapping.row("e", &json!({"at": text, "data": {"text": text}})).unwrap();
            prop_assert_eq!(&row[2], &Cell::Text(text));
        }

        #[test]
        fn no_time_format_panics(format in ".{0,30}") {
            let source = Source::Time { path: "/at".into(), format: Some(format), zone: None };
            let time = Column { header: "T".into(), source, missing: Missing::Blank };
            let id = Column { header: "I".into(), source: Source::EventId, missing: Missing::Blank };
            if let Ok(mapping) = Mapping::new(vec![id, time]) {
                let _ = mapping.row("e", &json!({"at": 1_700_000_000_000_i64}));
            }
        }
    }
}
