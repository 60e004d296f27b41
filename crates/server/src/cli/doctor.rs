//! `waypost doctor`: checks what usually goes wrong, and says what to do about it.

use super::client::Client;
use super::live_check;
use super::output::Output;
use crate::clock;
use crate::config::Config;
use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::json;
use std::net::TcpListener;
use std::path::Path;
use waypost_store::DatabaseUrl;

/// Less free space than this is a failure, in bytes.
const DISK_FREE_MIN: u64 = 256 * 1024 * 1024;
/// Less free space than this is a warning, in bytes.
const DISK_FREE_LOW: u64 = 2 * 1024 * 1024 * 1024;
/// No clock that is right is before this moment: 2026-01-01T00:00:00Z, in milliseconds.
const CLOCK_MIN_MS: i64 = 1_767_225_600_000;

/// Options of `waypost doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Walk through proving a real spare number, step by step.
    #[arg(long)]
    live: bool,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warning,
    Failed,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    says: String,
}

impl Check {
    fn new(name: &'static str, verdict: Verdict, says: impl Into<String>) -> Self {
        Self {
            name,
            verdict,
            says: says.into(),
        }
    }
}

pub(super) async fn run(
    file: Option<&Path>,
    url: Option<String>,
    key: Option<String>,
    args: DoctorArgs,
    output: Output,
) -> Result<()> {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(e) => {
            report(
                &[Check::new("settings", Verdict::Failed, e.to_string())],
                output,
            )?;
            bail!("The settings cannot be used; mend them first");
        }
    };
    if args.live {
        let client = Client::connect(&config, url, key)?;
        return live_check::run(&client, output).await;
    }
    let mut checks = vec![Check::new(
        "settings",
        Verdict::Ok,
        "Every key is known and in range.",
    )];
    checks.push(data_dir(&config.data_dir));
    checks.push(disk(&config.data_dir));
    checks.push(database(&config).await);
    checks.push(clock_check());
    checks.push(port(&config).await);
    let failed = checks
        .iter()
        .filter(|c| c.verdict == Verdict::Failed)
        .count();
    report(&checks, output)?;
    if failed > 0 {
        bail!("{failed} of {} checks failed", checks.len());
    }
    Ok(())
}

fn report(checks: &[Check], output: Output) -> Result<()> {
    output.show(&json!({"checks": checks}), |_| {
        let lines: Vec<String> = checks
            .iter()
            .map(|c| {
                let mark = match c.verdict {
                    Verdict::Ok => "ok     ",
                    Verdict::Warning => "warning",
                    Verdict::Failed => "FAILED ",
                };
                format!("{mark}  {:<9} {}", c.name, c.says)
            })
            .collect();
        lines.join("\n")
    })
}

fn data_dir(dir: &Path) -> Check {
    let probe = dir.join(".doctor");
    let tried = std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&probe, b"probe"))
        .and_then(|()| std::fs::remove_file(&probe));
    match tried {
        Ok(()) => Check::new(
            "folder",
            Verdict::Ok,
            format!("{} can be written.", dir.display()),
        ),
        Err(e) => Check::new(
            "folder",
            Verdict::Failed,
            format!(
                "{} cannot be written ({e}); set data_dir or mend its owner.",
                dir.display()
            ),
        ),
    }
}

fn disk(dir: &Path) -> Check {
    let free = match rustix::fs::statvfs(dir) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(e) => {
            return Check::new(
                "disk",
                Verdict::Failed,
                format!("Free space is unknown: {e}."),
            );
        }
    };
    let says = format!("{} MiB free.", free / (1024 * 1024));
    match free {
        0..DISK_FREE_MIN => Check::new(
            "disk",
            Verdict::Failed,
            format!("Only {says} Make room or move data_dir."),
        ),
        DISK_FREE_MIN..DISK_FREE_LOW => {
            Check::new("disk", Verdict::Warning, format!("Only {says}"))
        }
        _ => Check::new("disk", Verdict::Ok, says),
    }
}

async fn database(config: &Config) -> Check {
    match &config.store.url {
        Some(url) => server(url.clone()).await,
        None => file(&config.data_dir).await,
    }
}

async fn server(url: DatabaseUrl) -> Check {
    let shown = url.to_string();
    let checked = tokio::task::spawn_blocking(move || waypost_store::check_server(&url)).await;
    let failed = match checked {
        Ok(Ok(())) => return Check::new("database", Verdict::Ok, format!("{shown} answers.")),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    Check::new("database", Verdict::Failed, format!("{failed}."))
}

async fn file(dir: &Path) -> Check {
    let path = crate::run::database_path(dir);
    if !path.exists() {
        return Check::new(
            "database",
            Verdict::Ok,
            "None yet; `waypost serve` makes it.",
        );
    }
    match waypost_store::check_file(path.clone()).await {
        Ok(()) => Check::new(
            "database",
            Verdict::Ok,
            format!("{} is sound.", path.display()),
        ),
        Err(e) => Check::new(
            "database",
            Verdict::Failed,
            format!(
                "{}: {e}. Stop the server and restore a backup.",
                path.display()
            ),
        ),
    }
}

fn clock_check() -> Check {
    let now = clock::now();
    if now.0 < CLOCK_MIN_MS {
        return Check::new(
            "clock",
            Verdict::Failed,
            "The clock is years behind; WhatsApp refuses such clients. Switch on NTP.",
        );
    }
    Check::new("clock", Verdict::Ok, format!("{} UTC.", clock::iso(now)))
}

async fn port(config: &Config) -> Check {
    let listen = config.server.listen;
    if TcpListener::bind(listen).is_ok() {
        return Check::new("port", Verdict::Ok, format!("{listen} is free."));
    }
    let healthy = match reqwest::get(format!("http://{listen}/healthz")).await {
        Ok(answer) => answer.status().is_success(),
        Err(_) => false,
    };
    if healthy {
        return Check::new(
            "port",
            Verdict::Ok,
            format!("A server answers at {listen}."),
        );
    }
    Check::new(
        "port",
        Verdict::Failed,
        format!("{listen} is taken by another program; set server.listen to a free one."),
    )
}
