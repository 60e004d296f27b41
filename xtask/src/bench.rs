//! `cargo xtask bench`: the benchmarks, each a program that prints its own figures.

use crate::cli::BenchArgs;
use crate::place::Place;
use crate::shell::Run;
use anyhow::{Result, bail};

/// One benchmark.
struct Bench {
    name: &'static str,
    what: &'static str,
    package: &'static str,
    target: &'static str,
    features: &'static str,
}

/// All benchmarks: bench targets of the crates. A new one is a line here.
const BENCHES: &[Bench] = &[];

/// Runs the benchmarks, one after the other, alone on the machine.
///
/// # Errors
/// When a name is unknown or a benchmark fails.
pub(crate) fn run(place: &Place, args: &BenchArgs) -> Result<()> {
    if let Some(name) = args
        .names
        .iter()
        .find(|n| !BENCHES.iter().any(|b| b.name == **n))
    {
        let known: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
        bail!(
            "there is no benchmark `{name}`; there are: {}",
            known.join(", ")
        );
    }
    if args.list {
        for bench in BENCHES {
            println!("{:<12} {}", bench.name, bench.what);
        }
        return Ok(());
    }
    if BENCHES.is_empty() {
        bail!("there is no benchmark yet; add one to BENCHES in xtask/src/bench.rs");
    }
    let wanted = |b: &&Bench| args.names.is_empty() || args.names.iter().any(|n| n == b.name);
    for bench in BENCHES.iter().filter(wanted) {
        println!("\n== {}: {}", bench.name, bench.what);
        let mut run = Run::cargo(place);
        run = run.args(["bench", "-p", bench.package, "--bench", bench.target]);
        if !bench.features.is_empty() {
            run = run.args(["--features", bench.features]);
        }
        run.args(["--"]).args(&args.args).go()?;
    }
    Ok(())
}
