//! The `waypost` program.

use clap::Parser as _;
use std::process::ExitCode;
use waypost_media::worker::SUBCOMMAND;
use waypost_server::cli::Cli;

fn main() -> ExitCode {
    // A reading process walls itself in while it has one thread, so before anything else is made.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == SUBCOMMAND)
    {
        return waypost_media::worker::inside::main();
    }
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
