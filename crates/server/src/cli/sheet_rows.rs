//! `waypost sheets rows` and `waypost sheets retry`: what became of the rows of events.

use super::client::Client;
use super::output::{Output, printable, table, text};
use super::sheets::lines;
use anyhow::{Result, bail};
use serde_json::{Value, json};

/// Most rows shown at once.
const ROWS_SHOWN: u16 = 200;

/// Lists the mappings, or the newest rows of one.
pub(super) async fn list(
    mapping: Option<&str>,
    state: Option<&str>,
    client: &Client,
    output: Output,
) -> Result<()> {
    let Some(mapping) = mapping else {
        let all = client.all("/sheets/mappings").await?;
        return output.show(&Value::Array(all), mappings);
    };
    let id = mapping_id(mapping, client).await?;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("limit", &ROWS_SHOWN.to_string())
        .extend_pairs(state.map(|state| ("state", state)))
        .finish();
    let found = client
        .get(&format!("/sheets/mappings/{id}/rows?{query}"))
        .await?;
    output.show(&found, rows)
}

/// Tries failed rows again: all of a mapping, or the one of an event.
pub(super) async fn retry(
    mapping: &str,
    event: Option<&str>,
    client: &Client,
    output: Output,
) -> Result<()> {
    let id = mapping_id(mapping, client).await?;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(event.map(|event| ("event", event)))
        .finish();
    let path = format!("/sheets/mappings/{id}/replay?{query}");
    let done = client.post(&path, json!({})).await?;
    output.show(&done, |done| format!("{} tried again.", done["replayed"]))
}

async fn mapping_id(wanted: &str, client: &Client) -> Result<String> {
    let all = client.all("/sheets/mappings").await?;
    let mut found = all
        .iter()
        .filter(|one| text(one, "/id") == wanted || text(one, "/name") == wanted);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(text(one, "/id").to_owned()),
        (None, _) => bail!("There is no such mapping; `waypost sheets rows` lists them"),
        (Some(_), Some(_)) => bail!("Several mappings are called so; give the id of one"),
    }
}

fn mappings(all: &Value) -> String {
    let row = |one: &Value| {
        let count = |name: &str| one["rows"][name].to_string();
        vec![
            printable(text(one, "/id")),
            printable(text(one, "/name")),
            count("done"),
            count("waiting"),
            count("in_doubt"),
            count("failed"),
        ]
    };
    let rows: Vec<Vec<String>> = all.as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        return "No mappings.".into();
    }
    table(
        &["mapping", "name", "done", "waiting", "in doubt", "failed"],
        &rows,
    )
}

fn rows(found: &Value) -> String {
    let row = |one: &Value| {
        vec![
            printable(text(one, "/event")),
            printable(text(one, "/state")),
            lines(&json!([one["cells"]])),
            printable(one["last_error"].as_str().unwrap_or_default()),
        ]
    };
    let items = found["items"].as_array().into_iter().flatten();
    let rows: Vec<Vec<String>> = items.map(row).collect();
    if rows.is_empty() {
        return "No rows.".into();
    }
    table(&["event", "state", "cells", "error"], &rows)
}
