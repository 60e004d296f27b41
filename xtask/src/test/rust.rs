//! The steps that are cargo's.

use crate::place::Place;
use crate::postgres::Postgres;
use crate::shell::Run;
use crate::tidy;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::PathBuf;

/// The features under which everything is tested. The shipped program has none of them.
pub(crate) const TEST_FEATURES: &str =
    "waypost-server/sim,waypost-server/failpoints,waypost-store/fault-injection";

/// The feature of the WhatsApp library that trusts any certificate.
const TRUSTS_ANYONE: &str = "danger-skip-cert-chain-verify";

pub(super) fn formatted(place: &Place) -> Result<()> {
    Run::cargo(place).args(["fmt", "--all", "--check"]).go()?;
    // A workspace of its own.
    Run::cargo(place)
        .args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])
        .go()
}

pub(super) fn linted(place: &Place) -> Result<()> {
    Run::cargo(place)
        .args([
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--features",
            TEST_FEATURES,
        ])
        .args(["--", "-D", "warnings"])
        .go()
}

/// Licences, bans and sources always; the list of known holes where it can be fetched.
pub(super) fn dependencies(place: &Place) -> Result<()> {
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        Run::cargo(place)
            .args(["deny", "--manifest-path", manifest])
            .args(["--config", "deny.toml"])
            .args(["check", "licenses", "bans", "sources"])
            .go()?;
    }
    if !Run::cargo(place).args(["deny", "fetch", "db"]).succeeds() {
        println!(
            "NOT CHECKED: known holes in dependencies. The list of advisories could not be fetched \
             from here; run `cargo deny check advisories` where the network allows it."
        );
        return Ok(());
    }
    Run::cargo(place)
        .args(["deny", "check", "--disable-fetch", "advisories"])
        .go()
}

/// Builds the program as it ships and checks the commands that the documents name.
pub(super) fn strict(place: &Place) -> Result<()> {
    build_strict_program(place)?;
    tidy::check_program_commands(place)
}

/// Builds the program without any feature and keeps it apart: later builds, with features, must
/// not take its place.
pub(super) fn build_strict_program(place: &Place) -> Result<()> {
    if trusts_anyone(place, &[])? {
        bail!("the shipped program would be built with `{TRUSTS_ANYONE}`; find who turns it on");
    }
    Run::cargo(place)
        .args(["build", "-p", "waypost-server", "--bin", "waypost"])
        .go()?;
    keep(place, place.strict_program())
}

/// Whether the program, built like this, would take any certificate for WhatsApp's.
fn trusts_anyone(place: &Place, how: &[&str]) -> Result<bool> {
    let tree = Run::cargo(place)
        .args([
            "tree",
            "-p",
            "waypost-server",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .args(["-f", "{p} {f}"])
        .args(how)
        .read()?;
    let mut library = tree
        .lines()
        .filter(|line| line.starts_with("whatsapp-rust v"))
        .peekable();
    if library.peek().is_none() {
        bail!("cargo does not say with which features the WhatsApp library is built");
    }
    Ok(library.any(|line| line.contains(TRUSTS_ANYONE)))
}

/// Builds the simulator and the program that can talk to it, and keeps the latter apart.
pub(crate) fn build_sim_program(place: &Place) -> Result<()> {
    // Both at once: apart they would be built against differently equipped dependencies.
    Run::cargo(place)
        .args(["build", "-p", "waypost-server", "-p", "wasim", "--bins"])
        .args(["--features", "waypost-server/sim"])
        .go()?;
    keep(place, place.sim_program())
}

/// The same from what the Rust tests were built from, which saves building it all again.
pub(crate) fn build_sim_program_as_tested(place: &Place) -> Result<()> {
    build_as_tested(place)?;
    keep(place, place.sim_program())
}

/// Every program, example and test of the workspace, as the Rust tests need them.
pub(crate) fn build_as_tested(place: &Place) -> Result<()> {
    Run::cargo(place)
        .args([
            "build",
            "--workspace",
            "--all-targets",
            "--features",
            TEST_FEATURES,
        ])
        .go()
}

fn keep(place: &Place, to: PathBuf) -> Result<()> {
    let from = place.target().join("debug").join("waypost");
    let folder = to.parent().context("the program has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    // Not over a program that may be running: beside it, then into its place.
    let beside = to.with_extension("new");
    fs::copy(&from, &beside).with_context(|| format!("cannot copy {}", from.display()))?;
    fs::rename(&beside, &to).with_context(|| format!("cannot put {} in place", to.display()))
}

pub(super) fn examples(place: &Place) -> Result<()> {
    Run::cargo(place)
        .args([
            "test",
            "--quiet",
            "--workspace",
            "--doc",
            "--features",
            TEST_FEATURES,
        ])
        .go()
}

/// The Rust tests, with a PostgreSQL of their own and the strict program beside them.
pub(super) fn tests(place: &Place, filters: &[String]) -> Result<()> {
    build_strict_program(place)?;
    if let Err(e) = fs::remove_file(junit(place))
        && e.kind() != std::io::ErrorKind::NotFound
    {
        return Err(e).context("cannot remove the last run's results");
    }
    let postgres = Postgres::start(place)?;
    Run::cargo(place)
        .args([
            "nextest",
            "run",
            "--workspace",
            "--profile",
            "ci",
            "--features",
            TEST_FEATURES,
        ])
        .args(filters)
        .env("WAYPOST_STRICT_BIN", place.strict_program())
        .env("WAYPOST_TEST_POSTGRES_URL", postgres.url())
        .env("BAILEYS_DIR", place.path("crates/wasim/baileys"))
        .env("WAYPOST_TEST_PYTHON", place.venv().join("bin/python"))
        .go()
}

/// How the Rust tests went, from the results that the runner wrote.
pub(super) fn counts(place: &Place) -> Option<String> {
    summary(&fs::read_to_string(junit(place)).ok()?)
}

/// The runner keeps its results in the checkout, wherever builds go.
fn junit(place: &Place) -> PathBuf {
    place.path("target/nextest/ci/junit.xml")
}

fn summary(junit: &str) -> Option<String> {
    let start = junit.find("<testsuites ")?;
    let head = junit.get(start..)?.split('>').next()?;
    let number = |name: &str| -> Option<u64> {
        let (_, rest) = head.split_once(&format!(" {name}=\""))?;
        rest.split('"').next()?.parse().ok()
    };
    let (tests, failed) = (number("tests")?, number("failures")? + number("errors")?);
    Some(format!(
        "Rust tests: {} passed, {failed} failed",
        tests.saturating_sub(failed)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_build_for_the_simulator_trusts_any_certificate() -> Result<()> {
        let place = Place::find()?;
        assert!(!trusts_anyone(&place, &[])?);
        assert!(trusts_anyone(&place, &["--features", "sim"])?);
        Ok(())
    }

    #[test]
    fn the_counts_come_from_the_runners_own_results() {
        let xml = r#"<?xml version="1.0"?><testsuites name="ci" tests="12" failures="2" errors="1" uuid="x">
            <testsuite name="a" tests="12" failures="2" errors="1"></testsuite></testsuites>"#;
        assert_eq!(
            summary(xml).as_deref(),
            Some("Rust tests: 9 passed, 3 failed")
        );
        assert_eq!(summary("<html>"), None);
    }
}
