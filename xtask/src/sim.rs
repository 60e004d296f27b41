//! `cargo xtask sim`: the seeded simulation.

use crate::cli::Rest;
use crate::place::Place;
use crate::shell::Run;
use crate::test;
use anyhow::Result;

/// How many crashes the test run must survive.
const CRASHES: &str = "10000";

/// Runs the simulation with the given arguments.
///
/// # Errors
/// When it finds something lost, doubled or out of order; it prints the seed that replays it.
pub(crate) fn run(place: &Place, rest: &Rest) -> Result<()> {
    // Optimised: a seed is worth what it covers in a minute.
    Run::cargo(place)
        .args(["run", "--quiet", "--release", "-p", "waypost-sim", "--"])
        .args(&rest.args)
        .interactive()
        .go()
}

/// Seeds, accounts and days of the fleet in the test run.
const FLEET: [&str; 7] = ["fleet", "--seeds", "1", "--accounts", "150", "--days", "7"];

/// The part of the test run about the fleet.
///
/// # Errors
/// When a promise of the fleet is broken; it prints which, with the seed.
pub(crate) fn fleet(place: &Place) -> Result<()> {
    as_tested(place, &FLEET)
}

/// The part of the test run.
///
/// # Errors
/// As [`run`].
pub(crate) fn crashes(place: &Place) -> Result<()> {
    as_tested(place, &["--crashes", CRASHES])
}

fn as_tested(place: &Place, args: &[&str]) -> Result<()> {
    test::build_as_tested(place)?;
    Run::new(place, place.debug("waypost-sim")).args(args).go()
}
