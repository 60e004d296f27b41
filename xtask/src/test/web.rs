//! The steps that are the dashboard's.

use super::stage::Stage;
use crate::place::Place;
use crate::shell::Run;
use anyhow::Result;

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

/// Builds the dashboard if it was never built, then the programs, and drives them in a browser.
pub(super) fn browser(place: &Place) -> Result<()> {
    build_if_needed(place)?;
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

/// Builds the dashboard unless it is there.
pub(crate) fn build_if_needed(place: &Place) -> Result<()> {
    if place.path("web/dist/index.html").exists() {
        return Ok(());
    }
    Run::npm(place, "web").args(["run", "build"]).go()
}
