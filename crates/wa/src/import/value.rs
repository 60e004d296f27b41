//! Values in what other clients stored, each with its place, so that a mistake can be named.

use super::ImportError;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

/// Base64 as lenient as the clients that wrote it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Decodes base64 with or without its padding.
pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// Writes base64.
#[cfg(test)]
pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// A value and where it was found.
#[derive(Clone)]
pub(super) struct At<'a> {
    place: String,
    value: &'a Value,
}

impl<'a> At<'a> {
    pub(super) fn new(place: impl Into<String>, value: &'a Value) -> Self {
        Self {
            place: place.into(),
            value,
        }
    }

    /// Where it was found.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn is_true(&self) -> bool {
        self.value == &Value::Bool(true)
    }

    pub(super) fn wrong(&self, what: impl Into<String>) -> ImportError {
        ImportError::new(&self.place, what)
    }

    /// A field that may be absent or null.
    pub(super) fn maybe(&self, field: &str) -> Option<Self> {
        let value = self.value.get(field).filter(|value| !value.is_null())?;
        Some(Self {
            place: format!("{} → {field}", self.place),
            value,
        })
    }

    pub(super) fn get(&self, field: &str) -> Result<Self, ImportError> {
        self.maybe(field)
            .ok_or_else(|| self.wrong(format!("'{field}' is missing")))
    }

    pub(super) fn object(&self) -> Result<&'a Map<String, Value>, ImportError> {
        self.value
            .as_object()
            .ok_or_else(|| self.wrong("an object is expected here"))
    }

    /// The fields of an object.
    pub(super) fn entries(&self) -> Result<impl Iterator<Item = (&'a str, Self)>, ImportError> {
        let place = self.place.clone();
        let fields = self.object()?.iter();
        Ok(fields.map(move |(name, value)| {
            let place = format!("{place} → {name}");
            (name.as_str(), Self { place, value })
        }))
    }

    pub(super) fn items(&self) -> Result<impl Iterator<Item = Self> + use<'a>, ImportError> {
        let items = self
            .value
            .as_array()
            .ok_or_else(|| self.wrong("a list is expected here"))?;
        let place = self.place.clone();
        Ok(items.iter().enumerate().map(move |(i, value)| Self {
            place: format!("{place}, entry {}", i + 1),
            value,
        }))
    }

    pub(super) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    pub(super) fn text(&self) -> Result<&'a str, ImportError> {
        self.value
            .as_str()
            .ok_or_else(|| self.wrong("a text is expected here"))
    }

    /// A whole number; some clients write large ones as texts, or as two halves.
    pub(super) fn int(&self) -> Result<i64, ImportError> {
        let number = match self.value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            Value::Object(halves) => halves
                .get("low")
                .and_then(Value::as_i64)
                .zip(halves.get("high").and_then(Value::as_i64))
                .map(|(low, high)| (high << 32) | (low & 0xffff_ffff)),
            _ => None,
        };
        number.ok_or_else(|| self.wrong("a whole number is expected here"))
    }

    pub(super) fn int_of<T: TryFrom<i64>>(&self) -> Result<T, ImportError> {
        let number = self.int()?;
        T::try_from(number).map_err(|_| self.wrong(format!("{number} is out of range")))
    }

    /// Bytes in any of the forms that JavaScript's buffers take in JSON: base64, a list of numbers,
    /// an object with numbered fields, or `{"type": "Buffer", "data": …}` around one of these.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, ImportError> {
        bytes_of(self.value).ok_or_else(|| self.wrong("bytes are expected here"))
    }

    pub(super) fn array<const N: usize>(&self) -> Result<[u8; N], ImportError> {
        let bytes = self.bytes()?;
        let found = bytes.len();
        bytes
            .try_into()
            .map_err(|_| self.wrong(format!("{N} bytes are expected here, not {found}")))
    }
}

fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => unbase64(text),
        Value::Array(items) => items.iter().map(byte).collect(),
        Value::Object(fields) if fields.get("type").is_some_and(|kind| kind == "Buffer") => {
            bytes_of(fields.get("data")?)
        }
        Value::Object(fields) => numbered(fields),
        _ => None,
    }
}

fn byte(value: &Value) -> Option<u8> {
    value.as_u64().and_then(|byte| u8::try_from(byte).ok())
}

/// `{"0": 5, "1": 7}`; the fields stand in the order of their texts.
fn numbered(fields: &Map<String, Value>) -> Option<Vec<u8>> {
    let mut bytes = vec![0; fields.len()];
    for (index, value) in fields {
        *bytes.get_mut(index.parse::<usize>().ok()?)? = byte(value)?;
    }
    Some(bytes)
}
