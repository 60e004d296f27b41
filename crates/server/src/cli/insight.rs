//! `waypost insight sets ...`

use super::client::Client;
use super::output::{Output, table, text};
use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Pause between two looks at a training.
const LOOK: Duration = Duration::from_millis(200);
/// Looks before it is left to itself: two minutes.
const LOOKS_MAX: usize = 600;

/// What can be done about reading messages.
#[derive(Debug, Subcommand)]
pub(super) enum InsightCommand {
    /// The lists that messages are read by.
    #[command(subcommand)]
    Sets(SetsCommand),
}

/// What can be done with the lists.
#[derive(Debug, Subcommand)]
pub(super) enum SetsCommand {
    /// List them.
    List,
    /// Print one.
    Get {
        /// places, names, feelings, intents or labelled.
        set: String,
    },
    /// Put one in place, and wait until it is learnt.
    Put {
        /// places, names, feelings, intents or labelled.
        set: String,
        /// The file; `-` for the input.
        file: PathBuf,
    },
    /// Bring back the one that comes with the program.
    Reset {
        /// places, names, feelings, intents or labelled.
        set: String,
    },
    /// Learn the stored lists again.
    Retrain,
}

pub(super) async fn run(command: InsightCommand, client: &Client, output: Output) -> Result<()> {
    let InsightCommand::Sets(command) = command;
    match command {
        SetsCommand::List => {
            let sets = client.get("/insight/sets").await?;
            output.show(&sets["items"], list)
        }
        SetsCommand::Get { set } => {
            let set = client.get(&format!("/insight/sets/{set}")).await?;
            output.show(&set, |set| text(set, "/content").trim_end().to_owned())
        }
        SetsCommand::Put { set, file } => {
            let content = read(&file)?;
            let path = format!("/insight/sets/{set}");
            client
                .put_slowly(&path, json!({"content": content}))
                .await?;
            learnt(client, output).await
        }
        SetsCommand::Reset { set } => {
            client.delete(&format!("/insight/sets/{set}")).await?;
            learnt(client, output).await
        }
        SetsCommand::Retrain => {
            client.post("/insight/training", json!({})).await?;
            learnt(client, output).await
        }
    }
}

fn read(file: &Path) -> Result<String> {
    let mut content = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin()
            .read_to_string(&mut content)
            .context("the input cannot be read")?;
    } else {
        content = std::fs::read_to_string(file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
    }
    Ok(content)
}

/// Waits until the lists are in use.
async fn learnt(client: &Client, output: Output) -> Result<()> {
    for _ in 0..LOOKS_MAX {
        let training = client.get("/insight/training").await?;
        match text(&training, "/state") {
            "running" => tokio::time::sleep(LOOK).await,
            "failed" => bail!(
                "The lists could not be learnt: {}",
                text(&training, "/error")
            ),
            _ => {
                return output.show(&training, |training| {
                    format!(
                        "Learnt in {} ms; messages are read by it from now on.",
                        training["took_ms"]
                    )
                });
            }
        }
    }
    output.say("It is still being learnt; see the dashboard.")
}

fn list(sets: &Value) -> String {
    let rows: Vec<Vec<String>> = sets
        .as_array()
        .into_iter()
        .flatten()
        .map(|set| {
            let edited = match set["edited"].as_bool() {
                Some(true) => text(set, "/changed_at").to_owned(),
                _ => "comes with the program".to_owned(),
            };
            vec![
                text(set, "/name").to_owned(),
                text(set, "/format").to_owned(),
                set["bytes"].to_string(),
                edited,
            ]
        })
        .collect();
    table(&["set", "format", "bytes", "edited"], &rows)
}
