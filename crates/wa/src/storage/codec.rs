//! Compact fixed layouts. The first byte is the layout's version, so that a later one can be told
//! apart.

use wacore::store::error::{Result, StoreError};

const VERSION: u8 = 1;

/// Joins texts into one key. Nothing that goes into a key may hold the separator; where it does, it
/// is left out of both writing and reading alike.
pub(super) fn join(parts: &[&str]) -> Vec<u8> {
    let mut key = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            key.push(0);
        }
        key.extend(part.bytes().filter(|byte| *byte != 0));
    }
    key
}

/// Like [`join`], ending in the separator: what every key below these parts begins with.
pub(super) fn prefix(parts: &[&str]) -> Vec<u8> {
    let mut key = join(parts);
    key.push(0);
    key
}

/// Writes a value.
pub(super) struct Pack(Vec<u8>);

impl Pack {
    pub(super) fn new() -> Self {
        Self(vec![VERSION])
    }

    pub(super) fn int(mut self, value: i64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(super) fn bytes(mut self, value: &[u8]) -> Self {
        let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&len.to_be_bytes());
        self.0.extend_from_slice(value);
        self
    }

    pub(super) fn maybe_int(self, value: Option<i64>) -> Self {
        match value {
            Some(value) => self.flag(1).int(value),
            None => self.flag(0),
        }
    }

    pub(super) fn maybe_bytes(self, value: Option<&[u8]>) -> Self {
        match value {
            Some(value) => self.flag(1).bytes(value),
            None => self.flag(0),
        }
    }

    pub(super) fn flag(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    /// The rest of the value, without a length.
    pub(super) fn tail(mut self, value: &[u8]) -> Vec<u8> {
        self.0.extend_from_slice(value);
        self.0
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Reads a value.
pub(super) struct Unpack<'a>(&'a [u8]);

impl<'a> Unpack<'a> {
    pub(super) fn new(value: &'a [u8]) -> Result<Self> {
        match value.split_first() {
            Some((&VERSION, rest)) => Ok(Self(rest)),
            _ => Err(unreadable()),
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len).ok_or_else(unreadable)?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn int(&mut self) -> Result<i64> {
        let bytes = self.take(8)?;
        Ok(i64::from_be_bytes(
            bytes.try_into().map_err(|_| unreadable())?,
        ))
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let len = self.take(4)?;
        let len = u32::from_be_bytes(len.try_into().map_err(|_| unreadable())?);
        self.take(len as usize)
    }

    pub(super) fn text(&mut self) -> Result<String> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| unreadable())
    }

    pub(super) fn flag(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn maybe_int(&mut self) -> Result<Option<i64>> {
        if self.flag()? == 0 {
            Ok(None)
        } else {
            self.int().map(Some)
        }
    }

    pub(super) fn maybe_bytes(&mut self) -> Result<Option<&'a [u8]>> {
        if self.flag()? == 0 {
            Ok(None)
        } else {
            self.bytes().map(Some)
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn tail(self) -> &'a [u8] {
        self.0
    }
}

pub(super) fn unreadable() -> StoreError {
    StoreError::Validation(
        "a stored session value is unreadable; link the account again".to_owned(),
    )
}

/// Reads the 32 bytes of a key.
pub(super) fn key32(value: &[u8]) -> Result<[u8; 32]> {
    value.try_into().map_err(|_| unreadable())
}
