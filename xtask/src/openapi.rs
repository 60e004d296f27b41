//! `cargo xtask openapi`: the API's document, from the program itself, and the dashboard's types.

use crate::cli::OpenapiArgs;
use crate::parts::{self, Part};
use crate::place::Place;
use crate::shell::Run;
use anyhow::{Context as _, Result, bail};
use std::fs;

/// Where the document is kept.
pub(crate) const DOCUMENT: &str = "docs/openapi.json";

/// Writes the document and the dashboard's types, or only compares.
///
/// # Errors
/// When the program cannot be built, or, comparing, when the document is out of date.
pub(crate) fn run(place: &Place, args: &OpenapiArgs) -> Result<()> {
    if args.check {
        return check(place);
    }
    let said = ask_program(place)?;
    fs::write(place.path(DOCUMENT), said).with_context(|| format!("cannot write {DOCUMENT}"))?;
    println!("wrote {DOCUMENT}");
    parts::install(
        place,
        &parts::missing(place, &[Part::Node, Part::WebPackages]),
    )?;
    Run::npm(place, "web").args(["run", "api-types"]).go()
}

/// Compares the document with what the program says.
///
/// # Errors
/// When they differ.
pub(crate) fn check(place: &Place) -> Result<()> {
    let kept = fs::read_to_string(place.path(DOCUMENT))
        .with_context(|| format!("{DOCUMENT} is missing; run `cargo xtask openapi`"))?;
    if let Some(line) = first_difference(&kept, &ask_program(place)?) {
        bail!("{DOCUMENT} is out of date from line {line} on; run `cargo xtask openapi`");
    }
    Ok(())
}

fn ask_program(place: &Place) -> Result<String> {
    let said = Run::cargo(place)
        .args([
            "run",
            "--quiet",
            "-p",
            "waypost-server",
            "--bin",
            "waypost",
            "--",
            "openapi",
        ])
        .read()?;
    Ok(format!("{}\n", said.trim_end()))
}

/// The first line (from 1) in which two texts differ.
fn first_difference(a: &str, b: &str) -> Option<usize> {
    if a == b {
        return None;
    }
    let same = a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
    Some(same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_by_its_line() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(first_difference("a\nb\n", "a\nc\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
    }
}
