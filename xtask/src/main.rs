//! `cargo xtask …`: the jobs around the code (tests, checks, demo, benchmarks, documents).
//!
//! Every job stops at the first failure with a non-zero exit. `cargo xtask test` exits with 2 when
//! something it needs is not on this machine, after naming all of it.
#![expect(
    clippy::print_stdout,
    reason = "a command-line tool speaks to the terminal"
)]

mod accuracy;
mod bench;
mod cli;
mod demo;
mod fuzz;
mod http;
mod openapi;
mod parts;
mod place;
mod postgres;
mod service;
mod shell;
mod sim;
mod soak;
mod test;
mod tidy;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("xtask: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: cli::Cli) -> anyhow::Result<ExitCode> {
    let place = place::Place::find()?;
    match cli.job {
        cli::Job::Demo(args) => demo::run(&place, &args).map(|()| ExitCode::SUCCESS),
        cli::Job::Test(args) => test::run(&place, &args),
        cli::Job::Bench(args) => bench::run(&place, &args).map(|()| ExitCode::SUCCESS),
        cli::Job::Soak(args) => soak::run(&place, &args).map(|()| ExitCode::SUCCESS),
        cli::Job::Sim(args) => sim::run(&place, &args).map(|()| ExitCode::SUCCESS),
        cli::Job::Accuracy(args) => accuracy::run(&place, &args).map(|()| ExitCode::SUCCESS),
        cli::Job::Fuzz(args) => fuzz::run(&place, &args).map(|()| ExitCode::SUCCESS),
        cli::Job::Tidy => tidy::run(&place).map(|()| ExitCode::SUCCESS),
        cli::Job::Openapi(args) => openapi::run(&place, &args).map(|()| ExitCode::SUCCESS),
    }
}
