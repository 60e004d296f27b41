//! Is it there?

use super::{Part, Source, install};
use crate::place::Place;
use crate::shell::Run;
use std::path::{Path, PathBuf};

/// The oldest Node that the dashboard's tools run on.
const NODE_MIN: &str = "20.19";

/// The oldest PostgreSQL that the store is tested on.
const POSTGRES_MIN: u32 = 15;

pub(super) fn is_present(part: Part, place: &Place) -> bool {
    match (part, part.source()) {
        (Part::CCompiler, _) => Run::new(place, "cc").args(["--version"]).succeeds(),
        (Part::CppCompiler, _) => Run::new(place, "c++").args(["--version"]).succeeds(),
        (Part::Node, _) => node_is_new_enough(place),
        (Part::Postgres, _) => postgres_bin().is_some(),
        (Part::Proxies, _) => ["tinyproxy", "microsocks"]
            .iter()
            .all(|name| Path::new("/usr/bin").join(name).exists()),
        (Part::Chromium, _) => Path::new("/usr/bin/chromium").exists(),
        (Part::Fonts, _) => Path::new("/usr/share/fonts/truetype/noto").is_dir(),
        (Part::Tesseract, _) => Run::new(place, "tesseract")
            .args(["--list-langs"])
            .read()
            .is_ok_and(|said| ["eng", "ara"].iter().all(|l| said.lines().any(|s| s == *l))),
        (Part::Python, _) => Run::new(place, "python3")
            .args(["-c", "import ensurepip"])
            .succeeds(),
        (_, Source::Npm(folder)) => install::npm_is_current(&place.path(folder)),
        (_, Source::Cargo(name, version)) => cargo_tool(place, name, version),
        (_, Source::Venv(file)) => install::venv_is_current(place, file),
        (_, Source::Apt(_) | Source::Person(_)) => false,
    }
}

fn node_is_new_enough(place: &Place) -> bool {
    let version = Run::new(place, "node").args(["--version"]).read();
    version.is_ok_and(|v| at_least(v.trim_start_matches('v'), NODE_MIN))
        && Run::new(place, "npm").args(["--version"]).succeeds()
}

/// A newer tool than the one we would install will do; its settings files are read by it alike.
fn cargo_tool(place: &Place, name: &str, version: &str) -> bool {
    let Some(job) = name.strip_prefix("cargo-") else {
        return false;
    };
    Run::cargo(place)
        .args([job, "--version"])
        .read()
        .is_ok_and(|said| at_least(&said, version))
}

fn at_least(said: &str, wanted: &str) -> bool {
    let Some(found) = said
        .split_whitespace()
        .find(|w| w.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return false;
    };
    let numbers =
        |v: &str| -> Vec<u32> { v.trim().split('.').map_while(|n| n.parse().ok()).collect() };
    numbers(found) >= numbers(wanted)
}

/// The folder with the newest PostgreSQL's programs (`initdb`, `postgres`, `pg_ctl`), if any is
/// new enough.
pub(crate) fn postgres_bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .flatten()
        .filter_map(|entry| {
            let major: u32 = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            (major >= POSTGRES_MIN && bin.join("initdb").exists()).then_some((major, bin))
        })
        .max_by_key(|(major, _)| *major)
        .map(|(_, bin)| bin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(at_least("cargo-nextest 0.9.110 (abc 2025-01-01)", "0.9.99"));
        assert!(!at_least("cargo-nextest 0.9.98", "0.9.99"));
        assert!(!at_least("no such command", "0.1.0"));
        assert!(at_least("20.20.2\n", NODE_MIN) && !at_least("20.9.0\n", NODE_MIN));
    }
}
