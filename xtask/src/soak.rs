//! `cargo xtask soak`: many accounts of the real program through days of traffic and faults, compressed.

use crate::bench::build_release;
use crate::cli::SoakArgs;
use crate::place::Place;
use crate::service::Service;
use crate::shell::Run;
use crate::test;
use anyhow::{Context as _, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

/// The document that holds the newest report.
const DOCUMENT: &str = "docs/soak.md";
/// The report stands between these two lines of it.
const MARKS: [&str; 2] = ["<!-- report -->", "<!-- end of report -->"];
/// What two cores carry unoptimised, beside everything else.
const BRIEF: SoakArgs = SoakArgs {
    accounts: 24,
    minutes: 5,
    seed: 1,
    debug: true,
    write: false,
};

/// Runs it.
///
/// # Errors
/// When a promise is broken or something cannot be built.
pub(crate) fn run(place: &Place, args: &SoakArgs) -> Result<()> {
    if args.debug {
        test::build_sim_program_as_tested(place)?;
    } else {
        build_release(place)?;
    }
    let [bench, arguments @ ..] = &*program(place, args) else {
        bail!("there is no program for a soak run");
    };
    Run::new(place, bench).args(arguments).go()?;
    if args.write {
        write(place)?;
    }
    Ok(())
}

/// Begins the part of the test run: few accounts for five minutes, with what the tests were built from.
///
/// # Errors
/// When something cannot be built or started.
pub(crate) fn begin(place: &Place) -> Result<Service> {
    test::build_sim_program_as_tested(place)?;
    let program = program(place, &BRIEF);
    Service::start(place, "soak", |run| run.args(program))
}

fn results(place: &Place) -> PathBuf {
    place.target().join("waypost-bench/soak")
}

/// The benchmark's program with its arguments.
fn program(place: &Place, args: &SoakArgs) -> Vec<OsString> {
    let release = |name: &str| place.target().join("release").join(name);
    let (bench, waypost, wasim) = if args.debug {
        let bench = place.debug("waypost-bench");
        (bench, place.sim_program(), place.wasim_program())
    } else {
        (
            release("waypost-bench"),
            release("waypost"),
            release("wasim"),
        )
    };
    let mut words = vec![bench.into_os_string(), "soak".into()];
    for (option, path) in [
        ("--waypost", waypost),
        ("--wasim", wasim),
        ("--results", results(place)),
        ("--cache", place.target().join("waypost-bench")),
    ] {
        words.extend([option.into(), path.into_os_string()]);
    }
    for (option, number) in [
        ("--accounts", u64::from(args.accounts)),
        ("--minutes", u64::from(args.minutes)),
        ("--seed", args.seed),
    ] {
        words.extend([option.into(), number.to_string().into()]);
    }
    words
}

/// Puts the newest report into the document.
fn write(place: &Place) -> Result<()> {
    let report = results(place).join("soak.md");
    let report =
        fs::read_to_string(&report).with_context(|| format!("cannot read {}", report.display()))?;
    let path = place.path(DOCUMENT);
    let old = fs::read_to_string(&path).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let new = replaced(&old, &report)?;
    fs::write(&path, new).with_context(|| format!("cannot write {DOCUMENT}"))?;
    println!("wrote {DOCUMENT}");
    Ok(())
}

fn replaced(document: &str, report: &str) -> Result<String> {
    let [begin, end] = MARKS;
    let (before, rest) = document
        .split_once(begin)
        .with_context(|| format!("{DOCUMENT} has no line {begin}"))?;
    let (_, after) = rest
        .split_once(end)
        .with_context(|| format!("{DOCUMENT} has no line {end}"))?;
    Ok(format!(
        "{before}{begin}\n\n{}\n\n{end}{after}",
        report.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_takes_the_place_of_the_one_before() {
        let old = format!("# Soak\n\n{}\n\nold\n\n{}\n\nMore.\n", MARKS[0], MARKS[1]);
        let new = replaced(&old, "new\n").unwrap();
        assert!(new.contains("new") && !new.contains("old") && new.ends_with("More.\n"));
        assert!(replaced("# Soak", "new").is_err());
    }
}
