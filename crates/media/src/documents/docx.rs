//! DOCX: paragraphs and tables of the body, with headers, footers and notes around it.

use super::docx_text::Walk;
use super::package::{Package, part};
use crate::error::ReadError;
use crate::reading::{Collector, Reading};

/// Headers and footers that are looked for.
const EDGES_MAX: usize = 9;

pub(super) fn read(package: &mut Package<'_>) -> Result<Reading, ReadError> {
    let mut out = Collector::default();
    for number in 1..=EDGES_MAX {
        walk(package, &format!("word/header{number}.xml"), &mut out)?;
    }
    walk(package, "word/document.xml", &mut out)?;
    walk(package, "word/footnotes.xml", &mut out)?;
    walk(package, "word/endnotes.xml", &mut out)?;
    for number in 1..=EDGES_MAX {
        walk(package, &format!("word/footer{number}.xml"), &mut out)?;
    }
    Ok(out.finish())
}

fn walk(package: &mut Package<'_>, name: &str, out: &mut Collector) -> Result<(), ReadError> {
    match part(package, name)? {
        Some(xml) => Walk::new(out).through(&xml),
        None => Ok(()),
    }
}
