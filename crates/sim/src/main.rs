//! `waypost-sim`: runs seeds until enough crashes were survived; one line per failing seed.

use clap::{Args, Parser, Subcommand};
use std::io::Write as _;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use waypost_sim::fleet::{self, FleetOptions};
use waypost_sim::linking::report::Comparison;
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
    #[command(subcommand)]
    other: Option<Other>,
}

/// Simulations of something else.
#[derive(Debug, Subcommand)]
enum Other {
    /// Hundreds of accounts through weeks of faults.
    Fleet(FleetArguments),
    /// Learned link windows against fixed ones.
    Window(WindowArguments),
}

/// What to run of the fleet.
#[derive(Debug, Args)]
struct FleetArguments {
    /// The seeds to run.
    #[arg(long, value_delimiter = ',', default_value = "1,2,3")]
    seeds: Vec<u64>,
    #[command(flatten)]
    options: FleetOptions,
}

/// One line of figures per seed, and one for 500 accounts cut off at once.
fn fleet(arguments: &FleetArguments) -> std::io::Result<ExitCode> {
    let mut out = std::io::stdout();
    let mut broken = 0;
    for seed in &arguments.seeds {
        let report = fleet::run(*seed, arguments.options);
        broken += report.broken;
        writeln!(out, "{}", serde_json::json!(report))?;
    }
    for outage_s in [0, 60, 600] {
        let storm = fleet::world::storm(1, 500, outage_s * 1_000);
        let line = serde_json::json!({
            "dropped_at_once": 500, "outage_s": outage_s,
            "all_back_after_ms": storm.all_back_after,
            "dials_per_second": storm.dials_per_second, "dials": storm.dials,
        });
        writeln!(out, "{line}")?;
    }
    Ok(if broken == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The comparison of link windows.
#[derive(Debug, Args)]
struct WindowArguments {
    /// The seeds to run.
    #[arg(long, value_delimiter = ',', default_value = "1,2,3,4,5")]
    seeds: Vec<u64>,
    /// Accounts of each kind of people.
    #[arg(long, default_value_t = 60)]
    accounts: usize,
    /// Write figures and pictures of `learned-window.md` into this folder.
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
}

fn window(arguments: &WindowArguments) -> std::io::Result<ExitCode> {
    let comparison = Comparison::run(&arguments.seeds, arguments.accounts);
    writeln!(std::io::stdout(), "{}", comparison.tables())?;
    let Some(folder) = &arguments.write else {
        return Ok(ExitCode::SUCCESS);
    };
    let document = folder.join("learned-window.md");
    let text = std::fs::read_to_string(&document)?;
    let Some(text) = comparison.into_document(&text) else {
        writeln!(
            std::io::stderr(),
            "{} has no place for figures",
            document.display()
        )?;
        return Ok(ExitCode::FAILURE);
    };
    std::fs::write(document, text)?;
    let pictures = folder.join("learned-window");
    std::fs::create_dir_all(&pictures)?;
    for (name, picture) in comparison.pictures() {
        std::fs::write(pictures.join(name), picture)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How the runs went.
#[derive(Debug, Default)]
struct Tally {
    total: Stats,
    runs: u64,
    failures: u64,
}

/// Runs of the crash simulation, shared by threads: a run depends on nothing but its seed.
#[derive(Debug)]
struct Crashes {
    wanted: usize,
    first: u64,
    options: Options,
    tally: Mutex<Tally>,
}

impl Crashes {
    fn new(arguments: &Arguments) -> Self {
        Self {
            wanted: arguments.crashes,
            first: arguments.seed,
            options: Options {
                crashes: arguments.crashes_per_run.clamp(1, arguments.crashes.max(1)),
                mutant: arguments.mutant,
            },
            tally: Mutex::default(),
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The seed of the next run, unless enough crashes were survived.
    fn next(&self) -> Option<u64> {
        let mut tally = self.tally();
        if tally.total.crashes >= self.wanted {
            return None;
        }
        let seed = self.first.wrapping_add(tally.runs);
        tally.runs += 1;
        Some(seed)
    }

    /// Runs seeds until enough crashes were survived; says at once which failed.
    fn work(&self) -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        while let Some(seed) = self.next() {
            let outcome = runtime.block_on(run_seed(seed, self.options));
            let mut tally = self.tally();
            match outcome {
                Ok(stats) => tally.total.add(stats),
                Err(failure) => {
                    let per_run = self.options.crashes;
                    tally.failures += 1;
                    tally.total.crashes += per_run;
                    writeln!(
                        std::io::stdout(),
                        "{failure} (replay: --seed {seed} --crashes {per_run} --crashes-per-run {per_run})"
                    )?;
                }
            }
        }
        Ok(())
    }

    /// On every core; one line of figures at the end.
    fn run(self) -> std::io::Result<ExitCode> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..cores).map(|_| scope.spawn(|| self.work())).collect();
            workers.into_iter().try_for_each(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })?;
        let Tally {
            total,
            runs,
            failures,
        } = self
            .tally
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let summary = serde_json::json!({
            "runs": runs, "failures": failures, "crashes": total.crashes,
            "crashes_in_writing": total.in_writing, "messages_in": total.messages_in,
            "messages_out": total.messages_out,
        });
        writeln!(std::io::stdout(), "{summary}")?;
        Ok(match failures {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }
}

fn main() -> std::io::Result<ExitCode> {
    let arguments = Arguments::parse();
    match &arguments.other {
        Some(Other::Fleet(arguments)) => fleet(arguments),
        Some(Other::Window(arguments)) => window(arguments),
        None => Crashes::new(&arguments).run(),
    }
}
