//! `cargo xtask demo`: Waypost at work on a WhatsApp network of its own.

use crate::cli::Rest;
use crate::parts::{self, Part};
use crate::place::Place;
use crate::shell::Run;
use crate::test;
use anyhow::Result;

/// What the dashboard needs to be built.
const WEB_PARTS: &[Part] = &[Part::Node, Part::WebPackages];

/// Builds what is missing and hands over to the show; its arguments are the show's own
/// (`--headless --seconds N` runs it unattended and ends with one line of JSON).
///
/// # Errors
/// When something cannot be built, or the show fails.
pub(crate) fn run(place: &Place, rest: &Rest) -> Result<()> {
    build_dashboard(place)?;
    test::build_sim_program(place)?;
    show(place, rest)
}

fn build_dashboard(place: &Place) -> Result<()> {
    if !place.path("web/dist/index.html").exists() {
        parts::install(place, &parts::missing(place, WEB_PARTS))?;
    }
    test::build_dashboard_if_needed(place)
}

fn show(place: &Place, rest: &Rest) -> Result<()> {
    Run::cargo(place)
        .args([
            "run",
            "--quiet",
            "-p",
            "waypost-server",
            "--features",
            "sim",
        ])
        .args(["--example", "demo", "--"])
        .args(&rest.args)
        .env("PROGRAM_WAYPOST", place.sim_program())
        .env("PROGRAM_WASIM", place.wasim_program())
        .interactive()
        .go()
}
