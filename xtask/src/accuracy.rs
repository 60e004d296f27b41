//! `cargo xtask accuracy`: how well files are read.

use crate::cli::Rest;
use crate::parts::{self, Part};
use crate::place::Place;
use crate::shell::Run;
use crate::test;
use anyhow::{Result, bail};
use std::fs;
use std::path::PathBuf;

/// What it needs.
pub(crate) const PARTS: &[Part] = &[
    Part::CCompiler,
    Part::Chromium,
    Part::Fonts,
    Part::Tesseract,
    Part::Python,
    Part::FileWriters,
];
/// The writer of the files.
const MAKER: &str = "tools/media/make.py";
/// What their chats and letters say.
const MESSAGES: &str = "data/insight/train.jsonl";

/// Makes the files, if they were not made by the same writer before, and measures.
///
/// # Errors
/// When something that is needed is missing, or a file breaks off.
pub(crate) fn run(place: &Place, rest: &Rest) -> Result<()> {
    let missing = parts::missing(place, PARTS);
    if !missing.is_empty() {
        bail!(
            "this is missing; `cargo xtask test --install accuracy` installs it:\n{}",
            parts::describe(&missing)
        );
    }
    measure(place, &rest.args)
}

/// The part of the test run: fails when one of the aims of docs/accuracy.md is not reached.
///
/// # Errors
/// With the figure that is too low.
pub(crate) fn judge(place: &Place) -> Result<()> {
    measure(place, &["--judge".to_owned()])
}

fn measure(place: &Place, args: &[String]) -> Result<()> {
    let folder = made(place)?;
    test::build_as_tested(place)?;
    Run::new(place, place.debug("examples/accuracy"))
        .args([folder])
        .args(args)
        .interactive()
        .go()
}

/// The folder with the files.
fn made(place: &Place) -> Result<PathBuf> {
    let folder = place.target().join("accuracy-media");
    let (stamp, wanted) = (folder.join("made-by"), fs::read(place.path(MAKER))?);
    if fs::read(&stamp).is_ok_and(|made_by| made_by == wanted) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let python = place
        .venv_of("tools/media/requirements.txt")
        .join("bin/python");
    Run::new(place, python)
        .args([MAKER])
        .args([&folder])
        .args([MESSAGES])
        .go()?;
    fs::write(stamp, wanted)?;
    Ok(folder)
}
