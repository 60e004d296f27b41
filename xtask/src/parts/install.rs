//! Putting it there.

use super::{Part, Source};
use crate::place::Place;
use crate::shell::Run;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// The test runner's version: the newest that our compiler builds.
pub(super) const NEXTEST_VERSION: &str = "0.9.151";
/// The dependency checker's version: the newest that our compiler builds.
pub(super) const DENY_VERSION: &str = "0.20.2";

/// Installs all Debian packages at once.
pub(super) fn apt(place: &Place, parts: &[Part]) -> Result<()> {
    let packages: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part.source() {
            Source::Apt(packages) => Some(packages),
            _ => None,
        })
        .flatten()
        .copied()
        .collect();
    if packages.is_empty() {
        return Ok(());
    }
    let apt_get = || -> Run {
        let run = if is_root(place) {
            Run::new(place, "apt-get")
        } else {
            Run::new(place, "sudo").args(["-n", "apt-get"])
        };
        run.env("DEBIAN_FRONTEND", "noninteractive")
    };
    let done = apt_get().args(["update", "-q"]).go().and_then(|()| {
        apt_get()
            .args(["install", "-q", "-y", "--no-install-recommends"])
            .args(&packages)
            .go()
    });
    done.with_context(|| format!("install by hand: apt-get install {}", packages.join(" ")))
}

/// Installs one part; Debian packages are there already.
pub(super) fn one(place: &Place, part: Part) -> Result<()> {
    match part.source() {
        Source::Apt(_) => Ok(()),
        // A build folder of its own: it neither waits for nor disturbs a build under way.
        Source::Cargo(name, version) => Run::cargo(place)
            .args(["install", name, "--version", version, "--locked"])
            .env("CARGO_TARGET_DIR", place.target().join("tools"))
            .go(),
        Source::Npm(folder) => npm(place, folder),
        Source::Venv(file) => venv(place, file),
        Source::Person(how) => bail!("{} is missing: {how}", part.name()),
    }
}

pub(crate) fn is_root(place: &Place) -> bool {
    Run::new(place, "id")
        .args(["-u"])
        .read()
        .is_ok_and(|id| id.trim() == "0")
}

fn npm(place: &Place, folder: &str) -> Result<()> {
    let lock = place.path(folder).join("package-lock.json");
    let wanted = fs::read(&lock).with_context(|| format!("{folder} has no package-lock.json"))?;
    Run::npm(place, folder)
        .args(["ci", "--no-audit", "--no-fund"])
        .go()?;
    fs::write(npm_stamp(&place.path(folder)), wanted).context("cannot write into node_modules")
}

/// Whether `npm ci` was done here for the lock file as it is now.
pub(super) fn npm_is_current(folder: &Path) -> bool {
    let lock = fs::read(folder.join("package-lock.json"));
    let stamp = fs::read(npm_stamp(folder));
    matches!((lock, stamp), (Ok(lock), Ok(stamp)) if lock == stamp)
}

/// A copy of the lock file that was installed; `npm ci` removes it with the rest of the folder.
fn npm_stamp(folder: &Path) -> PathBuf {
    folder
        .join("node_modules")
        .join(".installed-package-lock.json")
}

fn venv(place: &Place, file: &str) -> Result<()> {
    let wanted = fs::read(place.path(file)).with_context(|| format!("{file} is missing"))?;
    Run::new(place, "python3")
        .args(["-m", "venv", "--clear"])
        .args([place.venv_of(file)])
        .go()?;
    Run::new(place, place.venv_of(file).join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            file,
        ])
        .go()?;
    fs::write(venv_stamp(place, file), wanted).context("cannot write into the Python environment")
}

/// Whether the environment was made for the requirements as they are now.
pub(super) fn venv_is_current(place: &Place, file: &str) -> bool {
    let wanted = fs::read(place.path(file));
    let stamp = fs::read(venv_stamp(place, file));
    matches!((wanted, stamp), (Ok(wanted), Ok(stamp)) if wanted == stamp)
}

fn venv_stamp(place: &Place, file: &str) -> PathBuf {
    place.venv_of(file).join("installed-requirements.txt")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_lock_file_means_installing_again() -> Result<()> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("package-lock.json"), "{}")?;
        assert!(!npm_is_current(folder.path()), "nothing installed yet");
        fs::create_dir(folder.path().join("node_modules"))?;
        fs::write(npm_stamp(folder.path()), "{}")?;
        assert!(npm_is_current(folder.path()));
        fs::write(folder.path().join("package-lock.json"), "{ }")?;
        assert!(!npm_is_current(folder.path()));
        Ok(())
    }
}
