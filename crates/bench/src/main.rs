//! The benchmarks: what Waypost costs, measured on the real programs.
//!
//! A development tool, run by `cargo xtask bench`. Each benchmark prints a table and writes one
//! JSON file. Figures are ratios and quantities with units; nothing here passes or fails by them,
//! only by something going wrong (a message lost, an account that stays offline). The soak run alone is
//! a test: it fails when a promise is broken.

#![allow(
    clippy::print_stdout,
    reason = "a program that answers on its standard output"
)]

mod clock;
mod e2e;
mod fleet;
mod load;
mod machine;
mod memory;
mod node;
mod process;
mod report;
mod soak;
mod stage;
mod store;
mod watch;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};

#[derive(Debug, Parser)]
#[command(name = "waypost-bench", version)]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
    #[command(flatten)]
    setting: Setting,
}

#[derive(Debug, Clone, Subcommand)]
enum Bench {
    /// Messages through accept, stages and commit, beside a plain loop that writes the same rows.
    Store,
    /// From a contact's app to the webhook and back, over the real protocol.
    E2e,
    /// Many accounts through hours of faults: nothing lost, memory flat. Passes or fails.
    Soak(soak::SoakArgs),
    /// Many accounts in one process: memory, cold start, cost per message.
    Fleet,
    /// What stays in memory after many people wrote once.
    Memory,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Enough for figures that mean something.
    Full,
    /// Just enough to see that the benchmark works.
    Quick,
}

impl Size {
    /// The value for this size.
    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// Where things are.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Setting {
    /// Small sizes, to see that the benchmarks work; the figures mean nothing.
    #[arg(long, global = true)]
    quick: bool,
    /// Folder that the results are written to.
    #[arg(long, global = true, default_value = "waypost-bench")]
    results: PathBuf,
    /// Folder for databases; the large one is kept here for the next run. Must be on a real disk.
    #[arg(long, global = true, default_value = "waypost-bench")]
    cache: PathBuf,
    /// The program `waypost`, built with the feature `sim`.
    #[arg(long, global = true, default_value = "waypost")]
    waypost: PathBuf,
    /// The program `wasim`.
    #[arg(long, global = true, default_value = "wasim")]
    wasim: PathBuf,
    /// Folder with Baileys in its `node_modules`.
    #[arg(
        long,
        global = true,
        env = "BAILEYS_DIR",
        default_value = "crates/wasim/baileys"
    )]
    baileys: PathBuf,
}

impl Setting {
    pub(crate) fn size(&self) -> Size {
        if self.quick { Size::Quick } else { Size::Full }
    }

    /// A folder of its own that is gone when dropped.
    pub(crate) fn scratch(&self) -> Result<tempfile::TempDir> {
        std::fs::create_dir_all(&self.cache)
            .with_context(|| format!("{} cannot be made", self.cache.display()))?;
        let made = tempfile::Builder::new()
            .prefix("run-")
            .tempdir_in(&self.cache);
        made.with_context(|| format!("no folder can be made in {}", self.cache.display()))
    }

    pub(crate) fn cache(&self) -> &Path {
        &self.cache
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    // Only a second call fails.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut setting = cli.setting;
    for path in [&mut setting.results, &mut setting.cache] {
        *path = std::path::absolute(&*path)?;
    }
    for program in [&mut setting.waypost, &mut setting.wasim] {
        // A bare name is looked up; a path means the same from every folder.
        if program.components().count() > 1 {
            *program = std::path::absolute(&*program)?;
        }
    }
    let started = clock::now();
    let mut report = match cli.bench {
        Bench::Store => store::run(&setting).await?,
        Bench::E2e => e2e::run(&setting).await?,
        Bench::Fleet => fleet::run(&setting).await?,
        Bench::Memory => memory::run(&setting).await?,
        Bench::Soak(args) => return soak::run(&setting, &args).await,
    };
    report.took_s = started.elapsed().as_secs_f64();
    report.print();
    report.write(&setting.results)
}
