//! `cargo xtask bench`: the benchmarks, one after the other, and docs/benchmarks.md from what they
//! find.

mod document;

use crate::cli::BenchArgs;
use crate::parts::{self, Part};
use crate::place::Place;
use crate::shell::Run;
use crate::test;
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// One benchmark: a subcommand of `waypost-bench`.
struct Bench {
    name: &'static str,
    what: &'static str,
}

/// All benchmarks, in the order in which they run and stand in the document.
const BENCHES: &[Bench] = &[
    Bench {
        name: "store",
        what: "messages through accept, stages and commit, beside a plain loop",
    },
    Bench {
        name: "e2e",
        what: "from a contact's app to the webhook and back, through wasim",
    },
    Bench {
        name: "fleet",
        what: "many accounts: memory, cold start, cost per message; beside Baileys",
    },
    Bench {
        name: "memory",
        what: "what stays in memory after many people wrote once",
    },
];

/// What the benchmarks need beside a Rust compiler.
pub(crate) const PARTS: &[Part] = &[Part::CCompiler, Part::Node, Part::BaileysPackages];
/// The document that holds the figures.
const DOCUMENT: &str = "docs/benchmarks.md";

/// Runs the benchmarks, alone on the machine, and writes their figures into the document; with
/// `--quick` only sees that they work.
///
/// # Errors
/// When a name is unknown, a part cannot be installed or a benchmark fails.
pub(crate) fn run(place: &Place, args: &BenchArgs) -> Result<()> {
    let benches = chosen(&args.names)?;
    if args.list {
        for bench in benches {
            println!("{:<8} {}", bench.name, bench.what);
        }
        return Ok(());
    }
    parts::install(place, &parts::missing(place, PARTS))?;
    if args.quick {
        test::build_sim_program(place)?;
        Run::cargo(place)
            .args(["build", "-p", "waypost-bench"])
            .go()?;
        return Programs::debug(place).run_all(place, &benches);
    }
    build_release(place)?;
    let programs = Programs::release(place);
    programs.run_all(place, &benches)?;
    let date = match &args.date {
        Some(date) => date.clone(),
        None => said(Run::new(place, "date").args(["-u", "+%F"]))?,
    };
    for bench in &benches {
        stamp(place, &programs.results.join(file(bench)), &date)?;
    }
    write_document(place, &programs.results)
}

/// Sees that every benchmark works, with the programs that the tests were built from.
///
/// # Errors
/// When one does not.
pub(crate) fn smoke(place: &Place) -> Result<()> {
    test::build_sim_program_as_tested(place)?;
    Programs::debug(place).run_all(place, &chosen(&[])?)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Bench>> {
    if let Some(name) = names
        .iter()
        .find(|n| !BENCHES.iter().any(|b| b.name == **n))
    {
        let known: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
        bail!(
            "there is no benchmark `{name}`; there are: {}",
            known.join(", ")
        );
    }
    let wanted = |b: &&Bench| names.is_empty() || names.iter().any(|n| n == b.name);
    Ok(BENCHES.iter().filter(wanted).collect())
}

/// As released but without link-time optimisation, which takes longer than all benchmarks.
///
/// # Errors
/// When something cannot be built.
pub(crate) fn build_release(place: &Place) -> Result<()> {
    Run::cargo(place)
        .args(["build", "--release", "-p", "waypost-server", "-p", "wasim"])
        .args(["-p", "waypost-bench", "--features", "waypost-server/sim"])
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .go()
}

fn file(bench: &Bench) -> String {
    format!("{}.json", bench.name)
}

/// The programs that are measured, and where their results go.
struct Programs {
    bench: PathBuf,
    waypost: PathBuf,
    wasim: PathBuf,
    results: PathBuf,
    quick: bool,
}

impl Programs {
    fn release(place: &Place) -> Self {
        let program = |name| place.target().join("release").join(name);
        Self {
            bench: program("waypost-bench"),
            waypost: program("waypost"),
            wasim: program("wasim"),
            results: place.target().join("waypost-bench/results"),
            quick: false,
        }
    }

    fn debug(place: &Place) -> Self {
        Self {
            bench: place.target().join("debug/waypost-bench"),
            waypost: place.sim_program(),
            wasim: place.wasim_program(),
            results: place.target().join("waypost-bench/quick"),
            quick: true,
        }
    }

    fn run_all(&self, place: &Place, benches: &[&Bench]) -> Result<()> {
        for bench in benches {
            println!("\n== {}: {}", bench.name, bench.what);
            let mut run = Run::new(place, &self.bench).args([bench.name]);
            for (option, path) in [
                ("--waypost", &self.waypost),
                ("--wasim", &self.wasim),
                ("--results", &self.results),
                ("--cache", &place.target().join("waypost-bench")),
            ] {
                run = run.args([option.as_ref(), path.as_os_str()]);
            }
            if self.quick {
                run = run.args(["--quick"]);
            }
            if std::env::var_os("BAILEYS_DIR").is_none() {
                run = run.env("BAILEYS_DIR", place.path("crates/wasim/baileys"));
            }
            run.go()?;
        }
        Ok(())
    }
}

/// Notes in a result what it was measured on and when.
fn stamp(place: &Place, path: &Path, date: &str) -> Result<()> {
    let mut result = read(path)?;
    let commit = said(Run::new(place, "git").args(["rev-parse", "--short=12", "HEAD"]))?;
    let changed = said(Run::new(place, "git").args(["status", "--porcelain", "--", "crates"]))?;
    result["measured"] = json!({
        "date": date,
        "commit": commit,
        "changed": !changed.is_empty(),
        "rustc": said(Run::new(place, "rustc").args(["--version"]))?,
        "node": said(Run::new(place, "node").args(["--version"]))?,
    });
    fs::write(path, serde_json::to_string_pretty(&result)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn said(run: Run) -> Result<String> {
    Ok(run.read()?.trim().to_owned())
}

fn read(path: &Path) -> Result<Value> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
}

/// Puts the newest figures of every benchmark into the document.
fn write_document(place: &Place, results: &Path) -> Result<()> {
    let mut sections = Vec::new();
    for bench in BENCHES {
        let path = results.join(file(bench));
        if path.exists() {
            sections.push(document::section(&read(&path)?)?);
        } else {
            println!("no figures of `{}` yet: not in the document", bench.name);
        }
    }
    let path = place.path(DOCUMENT);
    let old = fs::read_to_string(&path).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let new = document::replace(&old, &sections.join("\n"))?;
    fs::write(&path, new).with_context(|| format!("cannot write {DOCUMENT}"))?;
    println!("\nwrote {DOCUMENT}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_benchmark_is_told_with_those_there_are() {
        let said = chosen(&["stoer".into()]).map(|b| b.len());
        let said = said.map_err(|e| e.to_string());
        assert!(matches!(said, Err(text) if text.contains("stoer") && text.contains("store")));
    }
}
