//! `waypost import`: accounts that move in from another client. The client's files are read here, on
//! the machine where the command is typed; the server takes them over.

use super::client::Client;
use super::output::{Output, printable, table, text};
use crate::clock;
use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use waypost_engine::model::Timestamp;
use waypost_store::foreign::{self, ForeignDatabase};

/// Files written less than this long ago belong to a client that probably still runs.
const QUIET_SECS: i64 = 60;
/// Folders below the one given that are searched for sessions.
const DEPTH_MAX: usize = 4;
/// Files that one session may have.
const FILES_MAX: usize = 200_000;
/// Largest file read, in bytes; no file of a session comes near it.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What every import says first.
const STOP_FIRST: &str = "Stop the old client before you import, and never start it again with this \
    session: two clients with one session break each other's conversations.";

/// Where from.
#[derive(Debug, Subcommand)]
pub(super) enum ImportCommand {
    /// The folder that Baileys keeps a session in (creds.json and more).
    Baileys {
        /// The folder.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        #[command(flatten)]
        how: How,
    },
    /// A database of whatsmeow, as GOWA, wuzapi and WAHA's GOWS engine keep it.
    Whatsmeow {
        /// An SQLite file, or postgres://user:password@host/database.
        #[arg(value_name = "FILE|URL")]
        database: String,
        /// Take only the device of this number.
        #[arg(long, value_name = "NUMBER")]
        phone: Option<String>,
        #[command(flatten)]
        how: How,
    },
    /// The sessions folder of WAHA with its NOWEB engine; every session in it.
    Waha {
        /// The folder.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        #[command(flatten)]
        how: How,
    },
}

/// How to import.
#[derive(Debug, Args)]
pub(super) struct How {
    /// What to call the account; its name on WhatsApp when absent. Only for one session.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Only say what would come over.
    #[arg(long)]
    dry_run: bool,
    /// The old client is stopped, although its files were written a moment ago.
    #[arg(long)]
    stopped: bool,
}

/// A session found, ready to be sent.
struct Found {
    format: &'static str,
    parts: Value,
    name: Option<String>,
    phone: Option<String>,
}

pub(super) async fn run(command: ImportCommand, client: &Client, output: Output) -> Result<()> {
    output.say(STOP_FIRST)?;
    let (all, how) = match command {
        ImportCommand::Baileys { folder, how } => {
            (folders(vec![folder], &how, Names::OnWhatsApp)?, how)
        }
        ImportCommand::Waha { folder, how } => (
            folders(sessions_below(&folder)?, &how, Names::OfFolders)?,
            how,
        ),
        ImportCommand::Whatsmeow {
            database,
            phone,
            how,
        } => (vec![whatsmeow(&database, phone, &how).await?], how),
    };
    // Every one is looked at before the first is taken over.
    let mut devices = Vec::new();
    for found in &all {
        devices.extend(send(client, found, true).await?);
    }
    let mut refused = devices.iter().map(|device| text(device, "/refused"));
    if let Some(why) = refused.find(|why| !why.is_empty())
        && !how.dry_run
    {
        bail!("{}", printable(why));
    }
    if !how.dry_run {
        devices.clear();
        for found in &all {
            devices.extend(send(client, found, false).await?);
        }
    }
    let report = json!({"imported": !how.dry_run, "devices": devices});
    output.show(&report, describe)
}

/// What accounts are called when nobody said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    OnWhatsApp,
    OfFolders,
}

fn folders(folders: Vec<PathBuf>, how: &How, names: Names) -> Result<Vec<Found>> {
    if how.account.is_some() && folders.len() > 1 {
        bail!(
            "There are {} sessions; import the folder of one to give it a name",
            folders.len()
        );
    }
    let mut all = Vec::with_capacity(folders.len());
    for folder in &folders {
        if !how.dry_run && !how.stopped {
            need_quiet(&files_of(folder)?, folder)?;
        }
        let name = match (&how.account, names) {
            (Some(name), _) => Some(name.clone()),
            (None, Names::OfFolders) => session_name(folder),
            (None, Names::OnWhatsApp) => None,
        };
        all.push(Found {
            format: "baileys",
            parts: folder_parts(folder)?,
            name,
            phone: None,
        });
    }
    Ok(all)
}

async fn whatsmeow(database: &str, phone: Option<String>, how: &How) -> Result<Found> {
    let source = if database.starts_with("postgres") && database.contains("://") {
        ForeignDatabase::Server(database.parse()?)
    } else {
        let file = PathBuf::from(database);
        if !how.dry_run && !how.stopped {
            need_quiet(&with_its_log(&file), &file)?;
        }
        if !how.dry_run {
            need_closed(&file)?;
        }
        ForeignDatabase::File(file)
    };
    let read = tokio::task::spawn_blocking(move || foreign::whatsmeow::read(&source));
    let tables = read.await??;
    Ok(Found {
        format: "whatsmeow",
        parts: json!(tables),
        name: how.account.clone(),
        phone,
    })
}

/// A database file and the log beside it, where they are.
fn with_its_log(file: &Path) -> Vec<PathBuf> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let both = [file.to_path_buf(), log.into()];
    both.into_iter().filter(|path| path.exists()).collect()
}

/// Refuses a database that another program holds open. What other users' programs hold cannot be
/// seen from here.
fn need_closed(file: &Path) -> Result<()> {
    let Ok(file) = file.canonicalize() else {
        return Ok(());
    };
    let own = std::process::id().to_string();
    let programs = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for program in programs.filter(|program| program.file_name() != *own) {
        let open = std::fs::read_dir(program.path().join("fd"));
        let mut open = open.into_iter().flatten().flatten();
        if open.any(|fd| std::fs::read_link(fd.path()).is_ok_and(|path| path == file)) {
            bail!(
                "{} is open in another program (process {}): stop the old client first",
                file.display(),
                program.file_name().to_string_lossy()
            );
        }
    }
    Ok(())
}

async fn send(client: &Client, found: &Found, dry_run: bool) -> Result<Vec<Value>> {
    let body = json!({
        "format": found.format, "account": found.name, "phone": found.phone, "dry_run": dry_run,
        "parts": found.parts,
    });
    let mut report = client.post_slowly("/imports", body).await?;
    match report.get_mut("devices").map(Value::take) {
        Some(Value::Array(devices)) => Ok(devices),
        _ => bail!("the server's answer names no devices"),
    }
}

/// Every file of a session by its name, as the JSON in it.
fn folder_parts(folder: &Path) -> Result<Value> {
    let mut parts = Map::new();
    for path in files_of(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let length = path.metadata()?.len();
        if length > FILE_BYTES_MAX {
            bail!("{name} is larger than {FILE_BYTES_MAX} bytes; that is no session file");
        }
        let read = std::fs::read(&path).with_context(|| format!("{name} cannot be read"))?;
        let value = serde_json::from_slice(&read).with_context(|| {
            format!(
                "{name} is not JSON, as a crash leaves it. Delete it if the session can do without, \
                 and import again. Nothing was imported"
            )
        })?;
        parts.insert(name.into_owned(), value);
    }
    if parts.is_empty() {
        bail!(
            "{} holds no session; name the folder with creds.json in it",
            folder.display()
        );
    }
    Ok(Value::Object(parts))
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
        if files.len() > FILES_MAX {
            bail!("{} holds more than {FILES_MAX} files", folder.display());
        }
    }
    files.sort();
    Ok(files)
}

/// Every folder with a `creds.json`, at most [`DEPTH_MAX`] below.
fn sessions_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut look) = (Vec::new(), vec![(folder.to_path_buf(), 0)]);
    while let Some((folder, depth)) = look.pop() {
        if folder.join("creds.json").is_file() {
            found.push(folder);
            continue;
        }
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("{} cannot be read", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if depth < DEPTH_MAX && path.is_dir() && !path.is_symlink() {
                look.push((path, depth + 1));
            }
        }
    }
    if found.is_empty() {
        bail!(
            "No session is below {}: there is no creds.json. WAHA keeps sessions of its NOWEB engine \
             in .sessions/noweb; those of its other engines cannot be taken over this way",
            folder.display()
        );
    }
    found.sort();
    Ok(found)
}

/// What WAHA calls the session in a folder: `name`, `name-` with a digest behind, or `name/auth`.
fn session_name(folder: &Path) -> Option<String> {
    const DIGEST_CHARS: usize = 32;
    let last = |path: &Path| Some(path.file_name()?.to_string_lossy().into_owned());
    let name = match last(folder)? {
        name if name == "auth" => last(folder.parent()?)?,
        name => name,
    };
    let digest =
        |text: &str| text.len() == DIGEST_CHARS && text.chars().all(|c| c.is_ascii_hexdigit());
    match name.rsplit_once('-') {
        Some((name, tail)) if digest(tail) => Some(name.to_owned()),
        _ => Some(name),
    }
}

/// Refuses a session whose files were written a moment ago.
fn need_quiet(files: &[PathBuf], place: &Path) -> Result<()> {
    let mut newest = Timestamp(0);
    for path in files {
        let written = path.metadata()?.modified()?;
        let since = written.duration_since(UNIX_EPOCH).unwrap_or_default();
        let at = Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        newest = newest.max(at);
    }
    let ago = (clock::now().0 - newest.0) / 1_000;
    if ago < QUIET_SECS {
        bail!(
            "The session in {} was written {ago} s ago: the old client seems to run. Stop it for \
             good, then import with --stopped, or wait {QUIET_SECS} s",
            place.display()
        );
    }
    Ok(())
}

fn describe(report: &Value) -> String {
    let imported = report["imported"] == true;
    let devices = report["devices"].as_array();
    let parts: Vec<String> = devices
        .into_iter()
        .flatten()
        .map(|d| device(d, imported))
        .collect();
    let last = if imported {
        "Imported. The accounts connect now; `waypost account list` shows how far they are. Keep \
         the old client off, and its files until all is well."
    } else {
        "Nothing was imported yet: this was a dry run."
    };
    format!("{}\n\n{last}", parts.join("\n\n"))
}

fn device(device: &Value, imported: bool) -> String {
    let goes = if imported { "is now" } else { "would become" };
    let head = format!(
        "{} ({}) {goes} the account '{}'",
        text(device, "/phone"),
        printable(text(device, "/push_name")),
        printable(text(device, "/account_name")),
    );
    let brings = device["brings"].as_object().into_iter().flatten();
    let rows: Vec<Vec<String>> = brings
        .map(|(what, count)| vec![what.replace('_', " "), count.to_string()])
        .collect();
    let mut lines = vec![head, table(&["comes over", ""], &rows)];
    for left in device["left_out"].as_array().into_iter().flatten() {
        lines.push(format!(
            "stays behind: {} {}: {}",
            left["count"],
            printable(text(left, "/what")),
            text(left, "/why"),
        ));
    }
    match text(device, "/refused") {
        "" => {}
        why => lines.push(format!("cannot be taken over: {}", printable(why))),
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_waha_is_called_as_there() {
        let name = |folder: &str| session_name(Path::new(folder)).unwrap();
        assert_eq!(name("/app/.sessions/noweb/default"), "default");
        assert_eq!(name("/app/.sessions/noweb/shop-2/auth"), "shop-2");
        assert_eq!(
            name("/tmp/waha-sessions/noweb/my-shop-c21f969b5f03d33d43e04f8f136e7682"),
            "my-shop"
        );
    }

    #[test]
    fn a_client_that_writes_is_not_overtaken() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("creds.json"), "{}").unwrap();
        let files = files_of(folder.path()).unwrap();
        let said = need_quiet(&files, folder.path()).unwrap_err().to_string();
        assert!(said.contains("seems to run"), "{said}");
    }

    #[test]
    fn a_broken_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("session-1.0.json"), "{\"_sess").unwrap();
        let said = folder_parts(folder.path()).unwrap_err().to_string();
        assert!(said.contains("session-1.0.json"), "{said}");
    }
}
