//! What can be typed after `cargo xtask`.

use clap::{Args, Parser, Subcommand};

/// The jobs around the code.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) job: Job,
}

/// One job.
#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Show Waypost at work on a WhatsApp network of its own.
    Demo(DemoArgs),
    /// Run every check and test, in order, and print how long each took.
    Test(TestArgs),
    /// Run the benchmarks and write docs/benchmarks.md.
    Bench(BenchArgs),
    /// Let many accounts of the real program run through days of traffic and faults, compressed.
    Soak(SoakArgs),
    /// Run the seeded simulation of the engine on the real store.
    Sim(Rest),
    /// Measure how well files are read, on files made for it.
    Accuracy(Rest),
    /// Fuzz the parsers that face outsiders.
    Fuzz(FuzzArgs),
    /// Check what no lint can: who may use what, documents, links, commands.
    Tidy,
    /// Write docs/openapi.json and the dashboard's types from the program itself.
    Openapi(OpenapiArgs),
}

/// What `demo` should do.
#[derive(Debug, Default, Args)]
pub(crate) struct DemoArgs {
    /// Run without a person and end with one line of JSON from the network's ledger.
    #[arg(long)]
    pub(crate) headless: bool,
    /// How long to run unattended, in seconds.
    #[arg(long, default_value_t = 20, requires = "headless", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) seconds: u32,
}

/// Arguments handed on as they are.
#[derive(Debug, Default, Args)]
pub(crate) struct Rest {
    /// Handed on as they are.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGS"
    )]
    pub(crate) args: Vec<String>,
}

/// What `test` should do.
#[derive(Debug, Default, Args)]
pub(crate) struct TestArgs {
    /// Install what is missing first (Debian packages, cargo tools, npm and Python packages).
    #[arg(long)]
    pub(crate) install: bool,
    /// List the steps and stop.
    #[arg(long)]
    pub(crate) list: bool,
    /// Only the steps with these names.
    #[arg(value_name = "STEP")]
    pub(crate) steps: Vec<String>,
    /// After `--`: only the Rust tests that match these nextest filters.
    #[arg(last = true, value_name = "FILTER")]
    pub(crate) filters: Vec<String>,
}

/// What `bench` should do.
#[derive(Debug, Default, Args)]
pub(crate) struct BenchArgs {
    /// List the benchmarks and stop.
    #[arg(long)]
    pub(crate) list: bool,
    /// Small sizes and unoptimised programs, only to see that the benchmarks work; docs/benchmarks.md
    /// stays as it is.
    #[arg(long)]
    pub(crate) quick: bool,
    /// The date that docs/benchmarks.md names; today without it.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: Option<String>,
    /// Only the benchmarks with these names.
    #[arg(value_name = "BENCH")]
    pub(crate) names: Vec<String>,
}

/// What `soak` should do.
#[derive(Debug, Args)]
pub(crate) struct SoakArgs {
    /// How many accounts.
    #[arg(long, default_value_t = 200)]
    pub(crate) accounts: u32,
    /// How long the traffic runs, in minutes.
    #[arg(long, default_value_t = 60)]
    pub(crate) minutes: u32,
    /// Whose traffic and faults.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Unoptimised programs, as the tests have them.
    #[arg(long)]
    pub(crate) debug: bool,
    /// Put the report into docs/soak.md.
    #[arg(long)]
    pub(crate) write: bool,
}

/// What `fuzz` should do.
#[derive(Debug, Default, Args)]
pub(crate) struct FuzzArgs {
    /// List the targets and stop.
    #[arg(long)]
    pub(crate) list: bool,
    /// Only this target.
    #[arg(value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// How long each target runs, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) seconds: u32,
    /// Run the target on this one input and show what happens.
    #[arg(long, value_name = "FILE", requires = "target")]
    pub(crate) input: Option<std::path::PathBuf>,
}

/// What `openapi` should do.
#[derive(Debug, Default, Args)]
pub(crate) struct OpenapiArgs {
    /// Compare only; fail when docs/openapi.json is not what the program says.
    #[arg(long)]
    pub(crate) check: bool,
}
