//! `waypost-sim`: runs seeds until enough crashes were survived; one line per failing seed.

use clap::Parser;
use std::io::Write as _;
use std::process::ExitCode;
use waypost_sim::{Mutant, Options, Stats, run_seed};

/// Seeded simulation of the engine and the real SQLite store through crashes.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Crashes to survive in all.
    #[arg(long, default_value_t = 10_000)]
    crashes: usize,
    /// The first seed; the following runs take the numbers after it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Crashes within one run.
    #[arg(long, default_value_t = 50)]
    crashes_per_run: usize,
    /// A deliberate fault; the simulation is then expected to fail.
    #[arg(long)]
    mutant: Option<Mutant>,
}

fn main() -> std::io::Result<ExitCode> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut out = std::io::stdout();
    let per_run = arguments.crashes_per_run.clamp(1, arguments.crashes.max(1));
    let options = Options {
        crashes: per_run,
        mutant: arguments.mutant,
    };
    let (mut total, mut runs, mut failures) = (Stats::default(), 0u64, 0u64);
    while total.crashes < arguments.crashes {
        let seed = arguments.seed.wrapping_add(runs);
        runs += 1;
        match runtime.block_on(run_seed(seed, options)) {
            Ok(stats) => {
                total.crashes += stats.crashes;
                total.in_writing += stats.in_writing;
                total.messages_in += stats.messages_in;
                total.messages_out += stats.messages_out;
            }
            Err(failure) => {
                failures += 1;
                total.crashes += per_run;
                writeln!(
                    out,
                    "{failure} (replay: --seed {seed} --crashes {per_run} --crashes-per-run {per_run})"
                )?;
            }
        }
    }
    let summary = serde_json::json!({
        "runs": runs, "failures": failures, "crashes": total.crashes,
        "crashes_in_writing": total.in_writing, "messages_in": total.messages_in,
        "messages_out": total.messages_out,
    });
    writeln!(out, "{summary}")?;
    Ok(if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
