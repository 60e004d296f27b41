//! `waypost sheets ...`

use super::client::Client;
use super::output::{Output, printable, table, text};
use super::sheet_rows;
use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What can be done with Google Sheets.
#[derive(Debug, Subcommand)]
pub(super) enum SheetsCommand {
    /// Connect with a key file from Google; without one, list the connections.
    Connect {
        /// The key file of a service account, or of a user who agreed.
        key_file: Option<PathBuf>,
        /// What to call the connection.
        #[arg(long, default_value = "Google Sheets")]
        name: String,
    },
    /// Show what a spreadsheet is made of.
    Info {
        #[command(flatten)]
        book: Book,
    },
    /// Read a range, such as "Leads!A1:D20".
    Read {
        #[command(flatten)]
        book: Book,
        /// In A1 notation.
        range: String,
    },
    /// Append a row.
    Add {
        #[command(flatten)]
        book: Book,
        /// The tab's title.
        tab: String,
        /// The cells, written as they are.
        #[arg(required = true)]
        cells: Vec<String>,
    },
    /// Write cells where a range begins.
    Update {
        #[command(flatten)]
        book: Book,
        /// In A1 notation.
        range: String,
        /// The cells of one row, written as they are.
        #[arg(required = true)]
        cells: Vec<String>,
    },
    /// Delete rows; those below move up.
    Delete {
        #[command(flatten)]
        book: Book,
        /// The tab's title.
        tab: String,
        /// The first row, counted from 1.
        first: u32,
        /// The last row; the first when absent.
        last: Option<u32>,
    },
    /// Find the rows in which a text stands.
    Search {
        #[command(flatten)]
        book: Book,
        /// The tab's title.
        tab: String,
        /// What to look for.
        text: String,
    },
    /// List the mappings from events to rows; with one, its rows.
    Rows {
        /// Id or name of a mapping.
        mapping: Option<String>,
        /// Only rows in this state, such as `failed`.
        #[arg(long)]
        state: Option<String>,
    },
    /// Try failed rows of a mapping again.
    Retry {
        /// Id or name of the mapping.
        mapping: String,
        /// Only the row of this event.
        #[arg(long)]
        event: Option<String>,
    },
}

/// Which spreadsheet, and who opens it.
#[derive(Debug, Args)]
pub(super) struct Book {
    /// The spreadsheet's id, or its address in the browser.
    spreadsheet: String,
    /// Id or name of the connection; needed when there are several.
    #[arg(long)]
    connection: Option<String>,
}

impl Book {
    /// The id in an address; anything else as it is, for the server to judge.
    fn id(&self) -> &str {
        match self.spreadsheet.split_once("/spreadsheets/d/") {
            Some((_, rest)) => rest.split(['/', '?', '#']).next().unwrap_or_default(),
            None => &self.spreadsheet,
        }
    }

    fn path(&self, what: &str, query: &[(&str, &str)]) -> String {
        let id: String = url::form_urlencoded::byte_serialize(self.id().as_bytes()).collect();
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        format!("/sheets/{id}/{what}?{query}")
    }

    async fn connection(&self, client: &Client) -> Result<String> {
        let all = client.all("/sheets/connections").await?;
        let fits = |one: &&Value| match &self.connection {
            None => true,
            Some(wanted) => text(one, "/id") == wanted || text(one, "/name") == wanted,
        };
        let mut found = all.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(text(one, "/id").to_owned()),
            (None, _) if all.is_empty() => {
                bail!("There is no connection yet; make one with `waypost sheets connect KEY_FILE`")
            }
            (None, _) => bail!("There is no such connection; `waypost sheets connect` lists them"),
            (Some(_), Some(_)) => bail!(
                "Several connections fit; say which with --connection; `waypost sheets connect` \
                 lists them"
            ),
        }
    }
}

pub(super) async fn run(command: SheetsCommand, client: &Client, output: Output) -> Result<()> {
    match command {
        SheetsCommand::Connect { key_file, name } => connect(key_file, &name, client, output).await,
        SheetsCommand::Info { book } => {
            let connection = book.connection(client).await?;
            let path = book.path("info", &[("connection", connection.as_str())]);
            output.show(&client.get(&path).await?, info)
        }
        SheetsCommand::Read { book, range } => {
            let connection = book.connection(client).await?;
            let query = [
                ("connection", connection.as_str()),
                ("range", range.as_str()),
            ];
            let read = client.get(&book.path("values", &query)).await?;
            output.show(&read, |read| lines(&read["rows"]))
        }
        SheetsCommand::Add { book, tab, cells } => {
            let connection = book.connection(client).await?;
            let body = json!({"connection": connection, "tab": tab, "rows": [cells]});
            let path = format!("/sheets/{}/rows", book.id());
            let done = client.post(&path, body).await?;
            output.show(&done, |done| format!("Added at {}.", text(done, "/range")))
        }
        SheetsCommand::Update { book, range, cells } => {
            let connection = book.connection(client).await?;
            let body = json!({"connection": connection, "range": range, "rows": [cells]});
            let path = format!("/sheets/{}/values", book.id());
            let done = client.put(&path, body).await?;
            output.show(&done, |done| format!("{} cells written.", done["cells"]))
        }
        SheetsCommand::Delete {
            book,
            tab,
            first,
            last,
        } => {
            let connection = book.connection(client).await?;
            let (from, to) = (first.to_string(), last.unwrap_or(first).to_string());
            let query = [
                ("connection", connection.as_str()),
                ("tab", tab.as_str()),
                ("first", from.as_str()),
                ("last", to.as_str()),
            ];
            let done = client.delete(&book.path("rows", &query)).await?;
            output.show(&done, |_| "Deleted.".to_owned())
        }
        SheetsCommand::Search {
            book,
            tab,
            text: wanted,
        } => {
            let connection = book.connection(client).await?;
            let query = [
                ("connection", connection.as_str()),
                ("tab", tab.as_str()),
                ("text", wanted.as_str()),
            ];
            let found = client.get(&book.path("search", &query)).await?;
            output.show(&found, matches)
        }
        SheetsCommand::Rows { mapping, state } => {
            sheet_rows::list(mapping.as_deref(), state.as_deref(), client, output).await
        }
        SheetsCommand::Retry { mapping, event } => {
            sheet_rows::retry(&mapping, event.as_deref(), client, output).await
        }
    }
}

async fn connect(
    key_file: Option<PathBuf>,
    name: &str,
    client: &Client,
    output: Output,
) -> Result<()> {
    let Some(path) = key_file else {
        let all = client.all("/sheets/connections").await?;
        return output.show(&Value::Array(all), connections);
    };
    let file = std::fs::read_to_string(&path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    // What the reader says could quote the key.
    let file: Value = serde_json::from_str(&file)
        .map_err(|_| anyhow::anyhow!("{} is not a key file: it is not JSON", path.display()))?;
    let body = json!({"name": name, "key_file": file});
    let made = client.post("/sheets/connections", body).await?;
    output.show(&made, |made| {
        format!(
            "Connected as {}. Share your spreadsheets with this address.",
            printable(text(made, "/identity"))
        )
    })
}

fn connections(all: &Value) -> String {
    let rows: Vec<Vec<String>> = all
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            ["/id", "/name", "/identity"]
                .iter()
                .map(|p| printable(text(one, p)))
                .collect()
        })
        .collect();
    if rows.is_empty() {
        return "No connections.".into();
    }
    table(&["connection", "name", "identity"], &rows)
}

fn info(info: &Value) -> String {
    let rows: Vec<Vec<String>> = info["tabs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tab| {
            let number = |name: &str| tab[name].to_string();
            vec![
                printable(text(tab, "/title")),
                number("rows"),
                number("columns"),
            ]
        })
        .collect();
    let title = printable(text(info, "/title"));
    format!("{title}\n{}", table(&["tab", "rows", "columns"], &rows))
}

/// Rows as lines with tabs between the cells, as spreadsheets paste them.
pub(super) fn lines(rows: &Value) -> String {
    let line = |row: &Value| {
        let cells = row.as_array().into_iter().flatten();
        cells
            .map(|cell| printable(cell.as_str().unwrap_or_default()).replace(['\n', '\t'], " "))
            .collect::<Vec<_>>()
            .join("\t")
    };
    let rows = rows.as_array().into_iter().flatten();
    rows.map(line).collect::<Vec<_>>().join("\n")
}

fn matches(found: &Value) -> String {
    let items = found["items"].as_array().cloned().unwrap_or_default();
    if items.is_empty() {
        return "Nothing found.".into();
    }
    let line = |item: &Value| format!("{}\t{}", item["row"], lines(&json!([item["cells"]])));
    items.iter().map(line).collect::<Vec<_>>().join("\n")
}
