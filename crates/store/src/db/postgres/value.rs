//! Values on their way to PostgreSQL and back.
//!
//! PostgreSQL's text cannot hold NUL (U+0000), and what outsiders write can. It is written as the
//! noncharacter U+10FFFF and a `0`; a U+10FFFF itself as one and an `e`. Whatever is read comes
//! back as it was given.

use crate::db::Error;
use bytes::{BufMut as _, BytesMut};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use std::borrow::Cow;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type Refusal = Box<dyn std::error::Error + Sync + Send>;

/// Begins what stands for another character.
const ESCAPE: char = '\u{10FFFF}';
const NUL: &str = "\u{10FFFF}0";
const ITSELF: &str = "\u{10FFFF}e";
/// The first byte of [`ESCAPE`] in UTF-8, which few texts contain.
const ESCAPE_BYTE: u8 = 0xF4;

fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(ESCAPE, ITSELF).replace('\0', NUL))
}

fn unescaped(text: &str) -> String {
    text.replace(NUL, "\0").replace(ITSELF, "\u{10FFFF}")
}

/// A value of a parameter.
#[derive(Debug, Clone)]
pub(super) struct Bound<'p>(pub(super) ToSqlOutput<'p>);

impl ToSql for Bound<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Refusal> {
        let value = match &self.0 {
            ToSqlOutput::Borrowed(value) => *value,
            ToSqlOutput::Owned(value) => ValueRef::from(value),
            _ => return Err("a value of no kind that is stored".into()),
        };
        match (value, kind) {
            (ValueRef::Null, _) => return Ok(IsNull::Yes),
            (ValueRef::Integer(number), &Type::INT8) => out.put_i64(number),
            (ValueRef::Integer(number), &Type::INT4) => out.put_i32(number.try_into()?),
            (ValueRef::Integer(number), &Type::BOOL) => out.put_u8(u8::from(number != 0)),
            (ValueRef::Real(number), &Type::FLOAT8) => out.put_f64(number),
            (ValueRef::Text(text), &Type::TEXT) => {
                out.put_slice(escaped(std::str::from_utf8(text)?).as_bytes());
            }
            (ValueRef::Blob(bytes), &Type::BYTEA) => out.put_slice(bytes),
            (value, kind) => {
                let given = value.data_type();
                return Err(format!("a parameter of type {kind} was given {given}").into());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        // Looked at together with the value.
        true
    }

    to_sql_checked!();
}

/// A value of a row, as it lies in the answer.
struct Found<'r>(ValueRef<'r>);

impl<'r> FromSql<'r> for Found<'r> {
    fn from_sql(kind: &Type, raw: &'r [u8]) -> Result<Self, Refusal> {
        Ok(Self(match *kind {
            Type::BOOL => ValueRef::Integer(bool::from_sql(kind, raw)?.into()),
            Type::INT4 => ValueRef::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => ValueRef::Integer(i64::from_sql(kind, raw)?),
            Type::OID => ValueRef::Integer(u32::from_sql(kind, raw)?.into()),
            Type::FLOAT8 => ValueRef::Real(f64::from_sql(kind, raw)?),
            Type::TEXT | Type::NAME | Type::VARCHAR => ValueRef::Text(raw),
            Type::BYTEA => ValueRef::Blob(raw),
            _ => return Err(format!("a column of type {kind} is not read").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Refusal> {
        Ok(Self(ValueRef::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// One row.
pub(crate) struct Row {
    answer: tokio_postgres::Row,
    /// The row's values when one of its texts had to be unescaped.
    plain: Option<Vec<Value>>,
}

impl Row {
    pub(super) fn new(answer: tokio_postgres::Row) -> Result<Self, Error> {
        let mut row = Self {
            answer,
            plain: None,
        };
        if row.has_escapes()? {
            row.plain = Some(row.unescaped()?);
        }
        Ok(row)
    }

    fn has_escapes(&self) -> Result<bool, Error> {
        for at in 0..self.answer.len() {
            if let ValueRef::Text(text) = self.value(at)?
                && text.contains(&ESCAPE_BYTE)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn unescaped(&self) -> Result<Vec<Value>, Error> {
        let value = |at| {
            Ok(match self.value(at)? {
                ValueRef::Text(text) => Value::Text(unescaped(&String::from_utf8_lossy(text))),
                other => Value::try_from(other)?,
            })
        };
        (0..self.answer.len()).map(value).collect()
    }

    /// The value in a column, counted from 0.
    pub(in crate::db) fn value(&self, at: usize) -> Result<ValueRef<'_>, Error> {
        if let Some(plain) = &self.plain {
            let value = plain.get(at).map(ValueRef::from);
            return value.ok_or_else(|| Error::Misuse(format!("there is no column {at}")));
        }
        Ok(self.answer.try_get::<_, Found<'_>>(at)?.0)
    }

    /// Where the column with this name is.
    pub(in crate::db) fn place_of(&self, name: &str) -> Result<usize, Error> {
        let columns = self.answer.columns();
        let at = columns.iter().position(|column| column.name() == name);
        at.ok_or_else(|| Error::Misuse(format!("there is no column '{name}'")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_comes_back_and_never_holds_nul(text in "[\0a0e\u{10FFFF}é]{0,12}") {
            let stored = escaped(&text).into_owned();
            prop_assert!(!stored.contains('\0'));
            prop_assert_eq!(unescaped(&stored), text);
        }

        #[test]
        fn two_texts_are_equal_when_they_were(a in "[\0a0e\u{10FFFF}]{0,5}", b in "[\0a0e\u{10FFFF}]{0,5}") {
            prop_assert_eq!(escaped(&a) == escaped(&b), a == b);
        }
    }
}
