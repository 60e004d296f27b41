//! `waypost load`: how loaded the machine is, and what is put off because of it.

use super::client::Client;
use super::output::{Output, printable, table, text};
use anyhow::Result;
use serde_json::Value;

pub(super) async fn run(client: &Client, output: Output) -> Result<()> {
    let load = client.get("/system/load").await?;
    output.show(&load, shown)
}

fn shown(load: &Value) -> String {
    let percent = |value: &Value| match value.as_f64() {
        Some(percent) => format!("{percent:.1} %"),
        None => "unknown".into(),
    };
    let rows: Vec<Vec<String>> = load["gauges"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|gauge| {
            vec![
                text(gauge, "/gauge").to_owned(),
                percent(&gauge["percent"]),
                percent(&gauge["sheds_at"]),
                percent(&gauge["recovers_at"]),
            ]
        })
        .collect();
    format!(
        "{}\n{}",
        printable(text(load, "/text")),
        table(&["of", "now", "put off from", "back at"], &rows)
    )
}
