//! The `wasim` program: the network on its own, driven over HTTP.

#![allow(
    clippy::print_stdout,
    reason = "a program that answers on its standard output"
)]

use clap::{Parser, Subcommand};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use wasim::{Dedupe, Network, NetworkConfig};

/// WhatsApp in a box: a local network that real clients connect to.
#[derive(Debug, Parser)]
#[command(name = "wasim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the network until Ctrl-C. Prints one JSON line with its addresses.
    Serve(Serve),
    /// Call a route of a running network, e.g. `wasim call POST /phones '{"number": "971500000001"}'`.
    Call {
        /// GET, POST or DELETE.
        method: String,
        /// The route.
        path: String,
        /// The JSON body.
        body: Option<String>,
        /// Where the network is driven.
        #[arg(long, env = "WASIM_URL", default_value = "http://127.0.0.1:7080")]
        url: String,
    },
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Port of the HTTP control; 0 takes a free one.
    #[arg(long, default_value_t = 7080)]
    port: u16,
    /// Port of the WebSocket server; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    ws_port: u16,
    /// Port of the media host; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    media_port: u16,
    /// Everything random comes from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long the first QR code can be scanned, in milliseconds.
    #[arg(long, default_value_t = 60_000)]
    qr_first_ms: u64,
    /// How long each further QR code can be scanned, in milliseconds.
    #[arg(long, default_value_t = 20_000)]
    qr_next_ms: u64,
    /// Pass on messages whose id was seen before, instead of dropping them.
    #[arg(long)]
    no_dedupe: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let done = match Cli::parse().command {
        Command::Serve(options) => serve(options).await,
        Command::Call {
            method,
            path,
            body,
            url,
        } => call(&method, &path, body, &url).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wasim: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(options: Serve) -> anyhow::Result<()> {
    let network = Network::start(NetworkConfig {
        seed: options.seed,
        ws_port: options.ws_port,
        media_port: options.media_port,
        qr_ref_first_ms: options.qr_first_ms,
        qr_ref_next_ms: options.qr_next_ms,
        dedupe: if options.no_dedupe {
            Dedupe::Off
        } else {
            Dedupe::On
        },
        ..NetworkConfig::default()
    })
    .await?;
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
    let about = json!({
        "control_url": format!("http://{}", listener.local_addr()?),
        "ws_url": network.ws_url(),
        "media_url": network.media_url(),
        "root_public_key": hex::encode(network.root_public_key()),
    });
    println!("{about}");
    let app = wasim::control::router(network.clone());
    axum::serve(listener, app)
        .with_graceful_shutdown(stopped())
        .await?;
    network.shutdown().await;
    Ok(())
}

async fn stopped() {
    // Without a signal handler the program is simply killed.
    let _ = tokio::signal::ctrl_c().await;
}

async fn call(method: &str, path: &str, body: Option<String>, url: &str) -> anyhow::Result<()> {
    let body = body
        .map(|text| serde_json::from_str::<Value>(&text))
        .transpose()?;
    let request = axum::http::Request::builder()
        .method(method.to_uppercase().as_str())
        .uri(format!("{url}{path}"))
        .header("content-type", "application/json")
        .body(body.map(|json| json.to_string()).unwrap_or_default())?;
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let mut answer = tokio::task::spawn_blocking(move || agent.run(request)).await??;
    println!("{}", answer.body_mut().read_to_string()?);
    anyhow::ensure!(
        answer.status().is_success(),
        "the network answered {}",
        answer.status()
    );
    Ok(())
}
