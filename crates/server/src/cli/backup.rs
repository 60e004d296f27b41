//! `waypost backup` and `waypost restore`.

use super::output::Output;
use crate::config::Config;
use crate::{clock, run};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use waypost_store::admin::backup::{Progress, Restore};

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

/// Refuses what only works on an SQLite file, with what to do in its place.
fn need_file(config: &Config) -> Result<()> {
    if let Some(url) = &config.store.url {
        bail!(
            "the database is {url}: save it with pg_dump and bring it back with pg_restore, and \
             copy {} beside it, which holds the files and the keys",
            config.data_dir.display()
        );
    }
    Ok(())
}

pub(super) async fn backup(config: &Config, args: BackupArgs, output: Output) -> Result<()> {
    need_file(config)?;
    let database = run::database_path(&config.data_dir);
    if !database.exists() {
        bail!(
            "{} does not exist; there is nothing to back up",
            database.display()
        );
    }
    let bar = progress(output);
    let (shown, source) = (bar.clone(), run::store_config(config)?);
    let made = waypost_store::backup(source, args.target.clone(), clock::now(), move |p| {
        show(&shown, p);
    })
    .await?;
    bar.finish_and_clear();
    let (target, bytes) = (
        args.target.display().to_string(),
        made.database_bytes + made.blob_bytes,
    );
    output.show(&json!({"target": target, "manifest": made}), |_| {
        format!(
            "Backed up {bytes} bytes to {target}. The master key is not in it: keep a copy of {} apart.",
            run::master_key_path(&config.data_dir).display()
        )
    })
}

pub(super) async fn restore(config: &Config, args: RestoreArgs, output: Output) -> Result<()> {
    need_file(config)?;
    if !args.source.is_dir() {
        bail!(
            "{} is no folder that `waypost backup` wrote; to read the session of one account anew, \
             use `waypost account restore NAME`",
            args.source.display()
        );
    }
    let database = run::database_path(&config.data_dir);
    if database.exists() && !args.force {
        bail!(
            "{} exists; stop the server, keep a copy if you need it, and add --force to replace it",
            database.display()
        );
    }
    let _claim = run::claim(&config.data_dir)?;
    need_master_key(&config.data_dir)?;
    if args.force {
        set_aside(&config.data_dir)?;
    }
    let bar = progress(output);
    let shown = bar.clone();
    let plan = Restore {
        source: args.source,
        target: run::store_config(config)?,
        discard_spaces: waypost_wa::DISCARD_ON_RESTORE
            .iter()
            .map(|space| space.id())
            .collect(),
        now: clock::now(),
    };
    let restored = waypost_store::restore(plan, move |p| show(&shown, p)).await?;
    bar.finish_and_clear();
    output.show(&json!(restored), |_| {
        format!(
            "Restored the backup of {}. {} accounts renew their sessions when the server starts. \
             {} messages that were waiting to be sent and {} that were not processed are held for \
             you: nobody knows whether they went out. Readers of the event log are told to start anew.",
            clock::iso(restored.made_at),
            restored.accounts,
            restored.sends_held,
            restored.messages_held
        )
    })
}

fn need_master_key(data_dir: &Path) -> Result<()> {
    let path = run::master_key_path(data_dir);
    if !path.exists() && std::env::var_os("WAYPOST_MASTER_KEY").is_none() {
        bail!(
            "{} is missing; put the master key of the backed-up server there first",
            path.display()
        );
    }
    Ok(())
}

/// Moves what is there now out of the way; nothing is deleted.
fn set_aside(data_dir: &Path) -> Result<()> {
    let aside = data_dir.join(format!("before-restore-{}", clock::now().0));
    std::fs::create_dir_all(&aside)?;
    for name in ["waypost.db", "waypost.db-wal", "waypost.db-shm", "blobs"] {
        let from = data_dir.join(name);
        if from.exists() {
            std::fs::rename(&from, aside.join(name))
                .with_context(|| format!("{} cannot be moved", from.display()))?;
        }
    }
    Ok(())
}

fn show(bar: &indicatif::ProgressBar, progress: Progress) {
    let (Progress::Database { done, total } | Progress::Blobs { done, total }) = progress;
    bar.set_length(total);
    bar.set_position(done);
}

fn progress(output: Output) -> indicatif::ProgressBar {
    match output {
        Output::Text => indicatif::ProgressBar::new(0),
        Output::Json => indicatif::ProgressBar::hidden(),
    }
}
