//! `waypost pipeline ...`

use super::client::Client;
use super::output::{Output, table, text};
use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

/// What can be done with the pipeline.
#[derive(Debug, Subcommand)]
pub(super) enum PipelineCommand {
    /// Show stages and parts, whether they run and how long they take.
    Show,
    /// Switch a part or a whole stage on.
    On {
        /// Its name, as `show` prints it.
        part: String,
    },
    /// Switch a part or a whole stage off.
    Off {
        /// Its name, as `show` prints it.
        part: String,
    },
    /// Read an account's stored messages again; nothing is sent.
    Replay {
        /// Name, phone number or id of the account.
        account: String,
        /// From behind this place in the account's order.
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        after: i64,
        /// Up to this place; to the end when absent.
        #[arg(long, value_name = "SEQ")]
        until: Option<i64>,
    },
}

pub(super) async fn run(command: PipelineCommand, client: &Client, output: Output) -> Result<()> {
    let pipeline = match command {
        PipelineCommand::Replay {
            account,
            after,
            until,
        } => return replay(client, &account, after, until, output).await,
        PipelineCommand::Show => client.get("/pipeline").await?,
        PipelineCommand::On { part } => switch(client, &part, "on").await?,
        PipelineCommand::Off { part } => switch(client, &part, "off").await?,
    };
    output.show(&pipeline, overview)
}

async fn replay(
    client: &Client,
    account: &str,
    after: i64,
    until: Option<i64>,
    output: Output,
) -> Result<()> {
    let account = client.pick(account).await?;
    let (mut after, mut replaced, mut failed) = (after, 0, 0);
    loop {
        let body = json!({"account": account["id"], "after_seq": after, "until_seq": until});
        let done = client.post_slowly("/pipeline/replay", body).await?;
        replaced += done["replaced"].as_u64().unwrap_or_default();
        failed += done["failed"].as_array().map_or(0, Vec::len);
        match done["next_seq"].as_i64() {
            Some(next) => after = next,
            None => break,
        }
    }
    let done = json!({"replaced": replaced, "failed": failed});
    output.show(&done, |_| {
        format!("{replaced} messages were read again, {failed} could not be.")
    })
}

async fn switch(client: &Client, name: &str, to: &str) -> Result<Value> {
    let known = client.get("/pipeline").await?;
    let stages = known["stages"].as_array().into_iter().flatten();
    let is_stage = stages.into_iter().any(|stage| stage["name"] == name);
    let what = if is_stage { "stages" } else { "parts" };
    client.patch("/pipeline", json!({what: {name: to}})).await
}

fn overview(pipeline: &Value) -> String {
    let mut rows = Vec::new();
    for stage in pipeline["stages"].as_array().into_iter().flatten() {
        let over = stage["overruns"].as_u64().unwrap_or_default();
        rows.push(vec![
            text(stage, "/name").to_owned(),
            text(stage, "/switch").to_owned(),
            String::new(),
            micros(&stage["latency"]["p50_us"]),
            micros(&stage["latency"]["p99_us"]),
            format!("{over} over {} ms", stage["budget_ms"]),
        ]);
        for part in stage["parts"].as_array().into_iter().flatten() {
            rows.push(vec![
                format!("  {}", text(part, "/name")),
                text(part, "/standing").to_owned(),
                text(part, "/class").to_owned(),
                micros(&part["latency"]["p50_us"]),
                micros(&part["latency"]["p99_us"]),
                String::new(),
            ]);
        }
    }
    let header = ["part", "runs", "class", "p50", "p99", ""];
    format!(
        "{}\n\nUnfinished {}, dead letters {}, shed: {}",
        table(&header, &rows),
        pipeline["unfinished"],
        pipeline["dead_letters"],
        text(pipeline, "/shed"),
    )
}

/// Microseconds for people.
fn micros(value: &Value) -> String {
    match value.as_u64() {
        None => "-".to_owned(),
        Some(us) if us < 10_000 => format!("{us} us"),
        Some(us) => format!("{} ms", us / 1_000),
    }
}
