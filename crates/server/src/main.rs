//! The `waypost` program.

use clap::Parser as _;
use std::process::ExitCode;
use waypost_server::cli::Cli;

fn main() -> ExitCode {
    // Before anything can open a TLS connection; a second installation is impossible here.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("waypost: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("waypost: cannot start threads: {e}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(Cli::parse().run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("waypost: {e:#}");
            ExitCode::FAILURE
        }
    }
}
