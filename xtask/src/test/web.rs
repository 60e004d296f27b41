//! The steps that are the dashboard's.

use super::stage::Stage;
use crate::place::Place;
use crate::shell::Run;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// The browser that the tests drive.
const CHROMIUM: &str = "/usr/bin/chromium";

pub(super) fn check(place: &Place) -> Result<()> {
    for script in ["check", "test", "build"] {
        Run::npm(place, "web")
            .args(["run", script])
            .env("CI", "true")
            .go()?;
    }
    Ok(())
}

/// Builds the dashboard if need be, then the programs, and drives them in a browser. What only faults
/// bring about (an open breaker, a phone that stays away, a proxy that refuses) is played by a stand-in
/// for the server, so everything is driven on that first.
pub(super) fn browser(place: &Place) -> Result<()> {
    build_if_needed(place)?;
    Run::npm(place, "web")
        .args(["run", "e2e"])
        .env("CI", "true")
        .env("CHROMIUM", CHROMIUM)
        .go()?;
    super::rust::build_sim_program_as_tested(place)?;
    let stage = Stage::start(place)?;
    Run::npm(place, "web")
        .args(["run", "e2e"])
        .env("CI", "true")
        .env("CHROMIUM", CHROMIUM)
        .env("BASE_URL", &stage.waypost_url)
        .env("WAYPOST_URL", &stage.waypost_url)
        .env("WASIM_URL", &stage.wasim_url)
        .env("SETUP_TOKEN", &stage.setup_token)
        .go()
}

/// What the dashboard is built from.
const SOURCES: [&str; 5] = [
    "web/src",
    "web/public",
    "web/index.html",
    "web/package-lock.json",
    "web/vite.config.ts",
];

/// Builds the dashboard unless it is there and no older than what it is built from.
pub(crate) fn build_if_needed(place: &Place) -> Result<()> {
    if is_fresh(place)? {
        return Ok(());
    }
    Run::npm(place, "web").args(["run", "build"]).go()
}

fn is_fresh(place: &Place) -> Result<bool> {
    let Ok(built) = fs::metadata(place.path("web/dist/index.html")) else {
        return Ok(false);
    };
    let built = built.modified()?;
    for source in SOURCES {
        if newest(&place.path(source))? > built {
            return Ok(false);
        }
    }
    Ok(true)
}

/// When a file, or the newest in a folder, was changed.
fn newest(path: &Path) -> Result<SystemTime> {
    let about = fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
    let mut newest = about.modified()?;
    if about.is_dir() {
        for entry in fs::read_dir(path)? {
            newest = newest.max(self::newest(&entry?.path())?);
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_dashboard_older_than_its_sources_is_not_fresh() -> Result<()> {
        let root = tempfile::tempdir()?;
        let place = Place::at(root.path(), root.path());
        for folder in ["web/src/lib", "web/public", "web/dist"] {
            fs::create_dir_all(place.path(folder))?;
        }
        for file in [
            "web/index.html",
            "web/package-lock.json",
            "web/vite.config.ts",
        ] {
            fs::write(place.path(file), "")?;
        }
        assert!(!is_fresh(&place)?, "it was never built");
        let written = newest(root.path())?;
        let built = fs::File::create(place.path("web/dist/index.html"))?;
        built.set_modified(written + Duration::from_secs(60))?;
        assert!(is_fresh(&place)?);
        let source = fs::File::create(place.path("web/src/lib/a.ts"))?;
        source.set_modified(written + Duration::from_secs(120))?;
        assert!(!is_fresh(&place)?);
        Ok(())
    }
}
