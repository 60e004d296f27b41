//! `waypost deadletters ...`

use super::client::Client;
use super::output::{Output, printable, table, text};
use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub(super) enum DeadLettersCommand {
    /// List them, newest first.
    List,
    /// Show one with its payload.
    Show {
        /// Its id.
        id: String,
    },
    /// Try again, one or many. A replay is openly out of order.
    Replay {
        /// Their ids.
        #[arg(required = true)]
        ids: Vec<String>,
    },
    /// Put one away without trying again; its payload is kept.
    Archive {
        /// Its id.
        id: String,
    },
}

pub(super) async fn run(
    command: DeadLettersCommand,
    client: &Client,
    output: Output,
) -> Result<()> {
    match command {
        DeadLettersCommand::List => {
            let letters = client.all("/dead-letters").await?;
            output.show(&Value::Array(letters), list)
        }
        DeadLettersCommand::Show { id } => {
            let letter = client.get(&format!("/dead-letters/{id}")).await?;
            output.show(&letter, |l| format!("{l:#}"))
        }
        DeadLettersCommand::Replay { ids } => {
            let answer = client
                .post("/dead-letters/replay", json!({"ids": ids}))
                .await?;
            output.show(&answer, |_| format!("{} to be tried again.", ids.len()))
        }
        DeadLettersCommand::Archive { id } => {
            let answer = client
                .post(&format!("/dead-letters/{id}/archive"), json!({}))
                .await?;
            output.show(&answer, |_| format!("{id} is put away."))
        }
    }
}

fn list(letters: &Value) -> String {
    let rows: Vec<Vec<String>> = letters
        .as_array()
        .into_iter()
        .flatten()
        .map(|l| {
            ["/id", "/created_at", "/stage", "/state", "/error"]
                .iter()
                .map(|p| printable(text(l, p)))
                .collect()
        })
        .collect();
    if rows.is_empty() {
        return "No dead letters.".into();
    }
    table(&["dead letter", "since", "stage", "state", "error"], &rows)
}
