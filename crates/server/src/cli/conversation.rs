//! `waypost conversations`.

use super::client::Client;
use super::output::{Output, printable, table, text};
use anyhow::Result;
use clap::Args;
use serde_json::Value;

/// Options of `waypost conversations`.
#[derive(Debug, Args)]
pub(super) struct ConversationsArgs {
    /// Show the newest messages of this conversation.
    id: Option<String>,
    /// How many to show, at most 200.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
}

pub(super) async fn run(args: ConversationsArgs, client: &Client, output: Output) -> Result<()> {
    match args.id {
        None => {
            let page = client
                .get(&format!("/conversations?limit={}", args.limit))
                .await?;
            output.show(&page, conversations)
        }
        Some(id) => {
            let path = format!("/conversations/{id}/messages?limit={}", args.limit);
            output.show(&client.get(&path).await?, messages)
        }
    }
}

fn items(page: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    page.get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn conversations(page: &Value) -> String {
    let rows: Vec<Vec<String>> = items(page)
        .map(|c| {
            vec![
                text(c, "/id").to_owned(),
                printable(text(c, "/title")),
                c.get("unread").map(Value::to_string).unwrap_or_default(),
                text(c, "/last_message/at").to_owned(),
                printable(text(c, "/last_message/preview")),
            ]
        })
        .collect();
    table(
        &["conversation", "with", "unread", "last", "message"],
        &rows,
    )
}

/// Oldest first, as one reads.
fn messages(page: &Value) -> String {
    let rows: Vec<Vec<String>> = items(page)
        .rev()
        .map(|m| {
            let body = match text(m, "/content/body") {
                "" => text(m, "/content/caption"),
                body => body,
            };
            vec![
                text(m, "/sent_at").to_owned(),
                text(m, "/direction").to_owned(),
                text(m, "/kind").to_owned(),
                text(m, "/state").to_owned(),
                printable(body),
            ]
        })
        .collect();
    table(&["when", "way", "kind", "state", "words"], &rows)
}
