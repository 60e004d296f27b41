//! `cargo xtask fuzz`: the parsers that face outsiders, on inputs that grow by what they reach.
//!
//! libFuzzer drives the program in `fuzz/`, which is built with coverage counters: it keeps every input
//! that reaches new code and changes it further. Samples are kept in `fuzz/corpus/<target>`; what a
//! run finds beyond them stays in the build folder, where the next run begins with it.

use crate::cli::FuzzArgs;
use crate::place::Place;
use crate::shell::Run;
use anyhow::{Context as _, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Seconds that the test run spends on all targets together.
const SECONDS_IN_TESTS: u32 = 46;
/// Longest time for one input, in seconds; more is a finding. Wide, because machines that run tests
/// are busy.
const INPUT_SECONDS_MAX: u32 = 25;
/// Most memory a target may use, in MiB; more is a finding.
const MEMORY_MIB_MAX: u32 = 2_048;
/// Longest input made, in bytes.
const INPUT_BYTES_MAX: u32 = 16_384;
/// Lines of the fuzzer's words that are shown when it fails.
const LINES_SHOWN: usize = 60;
/// Where the samples are.
const CORPUS: &str = "fuzz/corpus";

/// How the compiler is told to count what is reached. Stable, and without a sanitizer.
const COUNTERS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Runs one target or all of them, or repeats one input.
///
/// # Errors
/// When a target is unknown or has no samples, the program cannot be built, or something was found:
/// then with the input's path and the command that repeats it.
pub(crate) fn run(place: &Place, args: &FuzzArgs) -> Result<()> {
    let known = targets(place)?;
    if args.list {
        known.iter().for_each(|name| println!("{name}"));
        return Ok(());
    }
    let wanted: Vec<&String> = match &args.target {
        Some(name) => known.iter().filter(|target| *target == name).collect(),
        None => known.iter().collect(),
    };
    if wanted.is_empty() {
        bail!(
            "there is no target of that name; there are: {}",
            known.join(", ")
        );
    }
    let program = build(place)?;
    if let (Some(name), Some(input)) = (&args.target, &args.input) {
        return repeat(place, &program, name, input);
    }
    for name in wanted {
        explore(place, &program, name, args.seconds)?;
    }
    Ok(())
}

/// The part of the test run: a short time for every target.
///
/// # Errors
/// As [`run`].
pub(crate) fn briefly(place: &Place) -> Result<()> {
    let known = targets(place)?;
    let program = build(place)?;
    let each = SECONDS_IN_TESTS / u32::try_from(known.len())?;
    for name in &known {
        explore(place, &program, name, each.max(1))?;
    }
    Ok(())
}

/// The targets, by their folders of samples.
fn targets(place: &Place) -> Result<Vec<String>> {
    let folder = place.path(CORPUS);
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("{CORPUS} cannot be read"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    if names.is_empty() {
        bail!("{CORPUS} has no samples; every target begins with some");
    }
    names.sort();
    Ok(names)
}

/// Builds the program, apart from all others: its counters make other artefacts of the same code.
fn build(place: &Place) -> Result<PathBuf> {
    let host = host(place)?;
    let builds = place.target().join("fuzz");
    Run::cargo(place)
        .args(["build", "--manifest-path", "fuzz/Cargo.toml"])
        // Named, so that build scripts and macros get no counters.
        .args(["--target", &host])
        .env("CARGO_TARGET_DIR", &builds)
        .env("CARGO_ENCODED_RUSTFLAGS", COUNTERS.join("\u{1f}"))
        .go()?;
    Ok(builds.join(host).join("debug").join("waypost-fuzz"))
}

/// What the compiler calls this machine.
fn host(place: &Place) -> Result<String> {
    let said = Run::new(place, "rustc").args(["-vV"]).read()?;
    said.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc does not say for which machine it compiles")
}

/// Runs a target for some seconds, beginning with its samples.
fn explore(place: &Place, program: &Path, name: &str, seconds: u32) -> Result<()> {
    let grown = place.target().join("fuzz-corpus").join(name);
    let found = place.target().join("fuzz-found").join(name);
    for folder in [&grown, &found] {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let log = found.join("log.txt");
    let run = target(place, program, name)
        .args([format!("-max_total_time={seconds}")])
        .args([format!("-timeout={INPUT_SECONDS_MAX}")])
        .args([format!("-rss_limit_mb={MEMORY_MIB_MAX}")])
        .args([format!("-max_len={INPUT_BYTES_MAX}")])
        .args(["-print_final_stats=1"])
        .args([format!("-artifact_prefix={}/", found.display())])
        // New inputs go to the first folder.
        .args([&grown, &place.path(CORPUS).join(name)]);
    let out = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let status = run
        .into_command()
        .stdout(Stdio::null())
        .stderr(out)
        .status()
        .with_context(|| format!("{} could not be started", program.display()))?;
    let bytes = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let said = String::from_utf8_lossy(&bytes);
    if !status.success() {
        println!("{}", last_lines(&said, LINES_SHOWN));
        bail!("{}", finding(name, &said, &log));
    }
    let Some(seen) = Seen::read(&said) else {
        bail!(
            "the fuzzer does not say what it did with `{name}`; see {}",
            log.display()
        );
    };
    println!(
        "{name:<16} {:>10} inputs, {:>6} places reached",
        seen.inputs, seen.places
    );
    if seen.places < PLACES_MIN {
        bail!(
            "`{name}` runs without coverage counters, so it only guesses; see {}",
            log.display()
        );
    }
    Ok(())
}

/// Fewer places than this are what libFuzzer reports when nothing is counted.
const PLACES_MIN: u64 = 20;

/// Runs one input again, in full view.
fn repeat(place: &Place, program: &Path, name: &str, input: &Path) -> Result<()> {
    let input = std::path::absolute(input).context("the input's path cannot be told")?;
    if !input.is_file() {
        bail!("there is no input {}", input.display());
    }
    target(place, program, name).args([input]).go()
}

fn target(place: &Place, program: &Path, name: &str) -> Run {
    Run::new(place, program).env("WAYPOST_FUZZ", name)
}

/// What libFuzzer says of a run.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    inputs: u64,
    places: u64,
}

impl Seen {
    fn read(said: &str) -> Option<Self> {
        let inputs = said
            .lines()
            .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
        let places = said.lines().rev().find_map(|line| {
            line.split_once(" cov: ")?
                .1
                .split_whitespace()
                .next()?
                .parse()
                .ok()
        })?;
        Some(Self {
            inputs: inputs.trim().parse().ok()?,
            places,
        })
    }
}

/// What was found, and how to see it again.
fn finding(name: &str, said: &str, log: &Path) -> String {
    let written = |line: &str| {
        Some(
            line.split_once("Test unit written to ")?
                .1
                .trim()
                .to_owned(),
        )
    };
    match said.lines().find_map(written) {
        Some(input) => format!(
            "`{name}` found something. The input is {input}; repeat it with\n  \
             cargo xtask fuzz {name} --input {input}\n\
             Once it is repaired, keep the input in {CORPUS}/{name}."
        ),
        None => format!(
            "`{name}` ended without naming an input; see {}",
            log.display()
        ),
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_samples_and_every_sample_a_target() -> Result<()> {
        let place = Place::find()?;
        let list = fs::read_to_string(place.path("fuzz/src/targets/mod.rs"))?;
        let mut listed: Vec<&str> = list
            .split("name: \"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        listed.sort_unstable();
        assert!(listed.len() > 5, "{listed:?}");
        assert_eq!(targets(&place)?, listed);
        for name in listed {
            let samples = fs::read_dir(place.path(CORPUS).join(name))?.count();
            assert!(samples > 0, "{name} has no samples");
        }
        Ok(())
    }

    #[test]
    fn what_was_done_is_read_from_the_fuzzers_words() {
        let said = "#2\tINITED cov: 90 ft: 91 corp: 1/1b\n#64\tDONE   cov: 118 ft: 125 corp: 7/9b\n\
                    stat::number_of_executed_units: 64\nstat::average_exec_per_sec: 0\n";
        let seen = Seen {
            inputs: 64,
            places: 118,
        };
        assert_eq!(Seen::read(said), Some(seen));
        assert_eq!(Seen::read("INFO: Seed: 1"), None);
    }

    #[test]
    fn a_finding_says_how_to_see_it_again() {
        let said = "x\nartifact_prefix='/t/'; Test unit written to /t/crash-1\nBase64: AA==\n";
        let text = finding("address", said, Path::new("/t/log.txt"));
        assert!(
            text.contains("cargo xtask fuzz address --input /t/crash-1"),
            "{text}"
        );
        assert!(finding("address", "", Path::new("/t/log.txt")).contains("/t/log.txt"));
    }

    #[test]
    fn the_end_of_a_log_is_shown() {
        assert_eq!(last_lines("a\nb\nc", 2), "b\nc");
        assert_eq!(last_lines("a", 9), "a");
    }
}
