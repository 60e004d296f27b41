//! `waypost account ...`

use super::Who;
use super::client::Client;
use super::output::{Output, printable, table, text};
use anyhow::{Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// List the accounts with their states.
    List,
    /// Show one account.
    Show(Who),
    /// Create an account without linking it yet.
    Create {
        /// What to call it.
        name: String,
        /// Its phone number with country code; needed for pairing codes.
        #[arg(long)]
        phone: Option<String>,
    },
    /// Give an account another name.
    Rename {
        #[command(flatten)]
        who: Who,
        /// The new name.
        name: String,
    },
    /// Show the changes of an account's state, newest first.
    History(Who),
    /// Disconnect an account and leave it off.
    Pause(Who),
    /// Connect a paused account again.
    Resume(Who),
    /// Drop the connection and open a new one.
    Reconnect(Who),
    /// Remove this device from the phone's linked devices.
    Unlink(Who),
    /// Show, set, check or remove the proxy that all of an account's traffic goes through.
    Proxy {
        #[command(flatten)]
        who: Who,
        /// socks5://user:password@host:port or http://user:password@host:port; `-` reads it from
        /// standard input, where no other program sees it.
        address: Option<String>,
        /// Connect without a proxy from now on.
        #[arg(long, conflicts_with = "address")]
        remove: bool,
        /// See whether it gives a way to WhatsApp.
        #[arg(long)]
        check: bool,
    },
    /// Delete an account with its messages and session. There is no way back.
    Delete {
        #[command(flatten)]
        who: Who,
        /// Really do it.
        #[arg(long)]
        yes: bool,
    },
}

pub(super) async fn run(command: AccountCommand, client: &Client, output: Output) -> Result<()> {
    match command {
        AccountCommand::List => {
            let accounts = client.all("/accounts").await?;
            output.show(&Value::Array(accounts), list)
        }
        AccountCommand::Show(who) => {
            let account = client.pick(&who.who).await?;
            output.show(&account, describe)
        }
        AccountCommand::Create { name, phone } => {
            let account = client
                .post("/accounts", json!({"name": name, "phone": phone}))
                .await?;
            output.show(&account, describe)
        }
        AccountCommand::Rename { who, name } => {
            let path = path_of(client, &who).await?;
            output.show(&client.patch(&path, json!({"name": name})).await?, describe)
        }
        AccountCommand::History(who) => {
            let path = path_of(client, &who).await?;
            let changes = client.all(&format!("{path}/history")).await?;
            output.show(&Value::Array(changes), history)
        }
        AccountCommand::Pause(who) => act(client, output, &who, "pause").await,
        AccountCommand::Resume(who) => act(client, output, &who, "resume").await,
        AccountCommand::Reconnect(who) => act(client, output, &who, "reconnect").await,
        AccountCommand::Unlink(who) => act(client, output, &who, "unlink").await,
        AccountCommand::Proxy {
            who,
            address,
            remove,
            check,
        } => {
            let path = path_of(client, &who).await?;
            match (address, remove) {
                (Some(address), _) => {
                    let wish = json!({"proxy": typed_or_piped(address)?});
                    client.patch(&path, wish).await?;
                }
                (None, true) => {
                    client.patch(&path, json!({"proxy": null})).await?;
                }
                (None, false) => {}
            }
            if check {
                let checked = client
                    .post(&format!("{path}/proxy/check"), json!({}))
                    .await?;
                return output.show(&checked, checked_proxy);
            }
            output.show(&client.get(&path).await?, proxy)
        }
        AccountCommand::Delete { who, yes } => {
            if !yes {
                bail!(
                    "This deletes the messages and the session of '{}'; add --yes to do it",
                    who.who
                );
            }
            let path = path_of(client, &who).await?;
            client.delete(&path).await?;
            output.show(&json!({"deleted": true}), |_| {
                format!("Deleted {}.", who.who)
            })
        }
    }
}

async fn path_of(client: &Client, who: &Who) -> Result<String> {
    let account = client.pick(&who.who).await?;
    Ok(format!("/accounts/{}", text(&account, "/id")))
}

/// What was typed, or the first line of standard input for `-`.
fn typed_or_piped(typed: String) -> Result<String> {
    if typed != "-" {
        return Ok(typed);
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn proxy(account: &Value) -> String {
    match account["proxy"].as_str() {
        Some(proxy) => format!(
            "{} goes through {proxy}.",
            printable(text(account, "/name"))
        ),
        None => format!("{} has no proxy.", printable(text(account, "/name"))),
    }
}

fn checked_proxy(checked: &Value) -> String {
    match checked["error"].as_str() {
        Some(error) => printable(error),
        None => format!(
            "The proxy gives a way to WhatsApp ({} ms).",
            checked["took_ms"]
        ),
    }
}

async fn act(client: &Client, output: Output, who: &Who, action: &str) -> Result<()> {
    let path = path_of(client, who).await?;
    client.post(&format!("{path}/{action}"), json!({})).await?;
    output.show(&client.get(&path).await?, describe)
}

/// Accounts as a numbered list, as `relink` shows them too.
pub(super) fn list(accounts: &Value) -> String {
    let rows: Vec<Vec<String>> = accounts
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(i, a)| {
            vec![
                (i + 1).to_string(),
                printable(text(a, "/name")),
                text(a, "/phone").to_owned(),
                text(a, "/role").to_owned(),
                text(a, "/state").to_owned(),
                text(a, "/reason/text").to_owned(),
            ]
        })
        .collect();
    if rows.is_empty() {
        return "No accounts yet; make one with `waypost link NAME`.".into();
    }
    table(&["#", "name", "phone", "role", "state", "why"], &rows)
}

fn describe(account: &Value) -> String {
    format!(
        "{} ({})\nphone: {}\nstate: {} since {}\n{}",
        printable(text(account, "/name")),
        text(account, "/id"),
        text(account, "/phone"),
        text(account, "/state"),
        text(account, "/state_since"),
        text(account, "/reason/text"),
    )
}

fn history(changes: &Value) -> String {
    let rows: Vec<Vec<String>> = changes
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| {
            ["/at", "/from", "/to", "/reason/text"]
                .iter()
                .map(|p| text(c, p).to_owned())
                .collect()
        })
        .collect();
    table(&["when", "from", "to", "why"], &rows)
}
