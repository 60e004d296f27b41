//! Columns that hold more than numbers and words: names of enums, JSON, flags, hashes.

use crate::db::Row;
use crate::error::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as NameError, StrDeserializer};
use waypost_engine::model::Timestamp;

/// The name under which a unit-only enum is stored: the one serde gives it.
pub(crate) fn name_of<T: Serialize>(value: &T) -> Result<String, StoreError> {
    match serde_json::to_value(value)? {
        serde_json::Value::String(name) => Ok(name),
        other => Err(StoreError::Bug {
            what: format!("{other} has no name to store"),
        }),
    }
}

/// The enum stored under a name.
pub(crate) fn named<T: DeserializeOwned>(name: &str) -> Result<T, StoreError> {
    let text: StrDeserializer<'_, NameError> = name.into_deserializer();
    T::deserialize(text).map_err(|error| StoreError::corrupt(error.to_string()))
}

/// The enum in the column `at`.
pub(crate) fn name_at<T: DeserializeOwned>(row: &Row<'_>, at: &str) -> Result<T, StoreError> {
    named(
        row.get_ref(at)?
            .as_str()
            .map_err(|error| StoreError::corrupt(error.to_string()))?,
    )
}

/// The enum in the column `at`, when there is one.
pub(crate) fn name_or_null_at<T: DeserializeOwned>(
    row: &Row<'_>,
    at: &str,
) -> Result<Option<T>, StoreError> {
    row.get::<_, Option<String>>(at)?
        .map(|name| named(&name))
        .transpose()
}

/// The value in the JSON column `at`.
pub(crate) fn json_at<T: DeserializeOwned>(row: &Row<'_>, at: &str) -> Result<T, StoreError> {
    let text = row
        .get_ref(at)?
        .as_str()
        .map_err(|error| StoreError::corrupt(error.to_string()))?;
    Ok(serde_json::from_str(text)?)
}

/// The value in the JSON column `at`, when there is one.
pub(crate) fn json_or_null_at<T: DeserializeOwned>(
    row: &Row<'_>,
    at: &str,
) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.get(at)?;
    Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
}

/// What `FromStr` makes of the column `at`, e.g. an address.
pub(crate) fn parsed_at<T>(row: &Row<'_>, at: &str) -> Result<T, StoreError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let text = row
        .get_ref(at)?
        .as_str()
        .map_err(|error| StoreError::corrupt(error.to_string()))?;
    text.parse()
        .map_err(|error: T::Err| StoreError::corrupt(error.to_string()))
}

/// What `FromStr` makes of the column `at`, when there is something.
pub(crate) fn parsed_or_null_at<T>(row: &Row<'_>, at: &str) -> Result<Option<T>, StoreError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let text: Option<String> = row.get(at)?;
    text.map(|text| text.parse())
        .transpose()
        .map_err(|error: T::Err| StoreError::corrupt(error.to_string()))
}

/// The time in the column `at`.
pub(crate) fn time_at(row: &Row<'_>, at: &str) -> Result<Timestamp, StoreError> {
    Ok(Timestamp(row.get(at)?))
}

/// The time in the column `at`, when there is one.
pub(crate) fn time_or_null_at(row: &Row<'_>, at: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.get::<_, Option<i64>>(at)?.map(Timestamp))
}

/// A pattern for `LIKE ... ESCAPE '\'` that finds `text` anywhere; its own wildcards are plain.
pub(crate) fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// The beginning of `text` in at most `max` bytes, cut between characters.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
