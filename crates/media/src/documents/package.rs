//! ZIP containers: looked at from outside before anything in them is unfolded.

use super::{docx, xlsx};
use crate::error::ReadError;
use crate::limits::{ZIP_ENTRIES_MAX, ZIP_UNFOLDED_MAX};
use crate::reading::Reading;
use std::io::{Cursor, Read as _};
use zip::ZipArchive;

/// An opened container.
pub(super) type Package<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// How an encrypted Office document begins: it is no ZIP at all.
const OLE_MAGIC: &[u8] = b"\xd0\xcf\x11\xe0";

pub(super) fn read(bytes: &[u8]) -> Result<Reading, ReadError> {
    if bytes.starts_with(OLE_MAGIC) {
        return Err(ReadError::Locked);
    }
    let mut package = ZipArchive::new(Cursor::new(bytes)).map_err(ReadError::damaged)?;
    check(&mut package)?;
    let has = |part: &str| package.index_for_name(part).is_some();
    if has("xl/workbook.xml") {
        return xlsx::read(&mut package);
    }
    if has("word/document.xml") {
        return docx::read(&mut package);
    }
    Err(ReadError::Unsupported)
}

/// Counts what the container says it unfolds to. A container that lies about it is stopped by
/// [`part`], or by the limits of the process.
fn check(package: &mut Package<'_>) -> Result<(), ReadError> {
    if package.len() > ZIP_ENTRIES_MAX {
        let what = format!(
            "it holds {} files, more than the {ZIP_ENTRIES_MAX} allowed",
            package.len()
        );
        return Err(ReadError::Refused { what });
    }
    let mut unfolded = 0_u64;
    for index in 0..package.len() {
        let entry = package.by_index_raw(index).map_err(ReadError::damaged)?;
        if entry.encrypted() {
            return Err(ReadError::Locked);
        }
        unfolded = unfolded.saturating_add(entry.size());
    }
    if unfolded > ZIP_UNFOLDED_MAX {
        return Err(too_much(unfolded));
    }
    Ok(())
}

fn too_much(bytes: u64) -> ReadError {
    ReadError::Refused {
        what: format!(
            "it would unfold to {} MB or more, and {} MB are allowed",
            bytes / (1024 * 1024),
            ZIP_UNFOLDED_MAX / (1024 * 1024)
        ),
    }
}

/// The bytes of one part; `None` when it is not there.
pub(super) fn part(package: &mut Package<'_>, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
    if package.index_for_name(name).is_none() {
        return Ok(None);
    }
    let entry = package.by_name(name).map_err(ReadError::damaged)?;
    let mut bytes = Vec::new();
    entry
        .take(ZIP_UNFOLDED_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(ReadError::damaged)?;
    if bytes.len() as u64 > ZIP_UNFOLDED_MAX {
        return Err(too_much(bytes.len() as u64));
    }
    Ok(Some(bytes))
}
