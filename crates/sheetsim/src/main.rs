//! The `sheetsim` program: the stand-in on its own, driven over HTTP.

#![allow(
    clippy::print_stdout,
    reason = "a program that answers on its standard output"
)]

use clap::Parser;
use serde_json::json;
use sheetsim::{Discovery, SheetSim};

/// Google Sheets in a box: a stand-in of the Sheets API for tests. Prints one JSON line with its
/// addresses and runs until Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "sheetsim", version)]
struct Cli {
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let sim = SheetSim::on(cli.port, Discovery::load()?).await?;
    println!(
        "{}",
        json!({"base_url": sim.url(), "token_url": sim.token_url()})
    );
    tokio::signal::ctrl_c().await?;
    Ok(())
}
