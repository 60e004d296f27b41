//! `waypost backup` and `waypost restore`.

use super::output::Output;
use crate::config::Config;
use crate::run;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Options of `waypost backup`.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// Folder to write the backup to; made when it does not exist.
    target: PathBuf,
}

/// Options of `waypost restore`.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// Folder that `waypost backup` wrote.
    source: PathBuf,
    /// Replace what is in the data folder now.
    #[arg(long)]
    force: bool,
}

pub(super) async fn backup(config: &Config, args: BackupArgs, output: Output) -> Result<()> {
    let database = run::database_path(&config.data_dir);
    if !database.exists() {
        bail!("{} does not exist; there is nothing to back up", database.display());
    }
    std::fs::create_dir_all(&args.target)
        .with_context(|| format!("{} cannot be made", args.target.display()))?;
    let bar = progress(output);
    let written = waypost_store::backup(&config.data_dir, &args.target, |p| {
        bar.set_length(p.total);
        bar.set_position(p.done);
    })
    .await?;
    bar.finish_and_clear();
    let (target, bytes) = (args.target.display().to_string(), written.bytes);
    output.show(&json!({"target": target, "bytes": bytes}), |_| {
        format!(
            "Backed up {bytes} bytes to {target}. The master key is not in it: keep a copy of {} apart.",
            run::master_key_path(&config.data_dir).display()
        )
    })
}

pub(super) async fn restore(config: &Config, args: RestoreArgs, output: Output) -> Result<()> {
    let database = run::database_path(&config.data_dir);
    if database.exists() && !args.force {
        bail!(
            "{} exists; stop the server, keep a copy if you need it, and add --force to replace it",
            database.display()
        );
    }
    let _claim = run::claim(&config.data_dir)?;
    let key = key_for(&config.data_dir)?;
    let spaces: Vec<_> = waypost_wa::DISCARD_ON_RESTORE.to_vec();
    let restored =
        waypost_store::restore(&args.source, &config.data_dir, key, &spaces, crate::clock::now()).await?;
    let report = json!({
        "accounts": restored.accounts,
        "held": restored.held,
        "epoch": restored.epoch,
    });
    output.show(&report, |_| {
        format!(
            "Restored. {} accounts will renew their sessions when the server starts; {} messages \
             that were waiting to be sent are held: nobody knows whether they went out. Readers of \
             the event log are told to start anew.",
            restored.accounts, restored.held
        )
    })
}

fn key_for(data_dir: &Path) -> Result<waypost_store::MasterKey> {
    let path = run::master_key_path(data_dir);
    if !path.exists() && std::env::var_os("WAYPOST_MASTER_KEY").is_none() {
        bail!("{} is missing; put the master key of the backed-up server there first", path.display());
    }
    run::master_key(data_dir)
}

fn progress(output: Output) -> indicatif::ProgressBar {
    match output {
        Output::Text => indicatif::ProgressBar::new(0),
        Output::Json => indicatif::ProgressBar::hidden(),
    }
}
