//! `waypost account ...`

use super::Who;
use super::client::Client;
use super::output::{Output, printable, table, text};
use super::proxy;
use super::remedy::{self, RestoreArgs};
use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};
use std::io::{IsTerminal as _, Write as _};

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// List the accounts with their states.
    List,
    /// Show one account.
    Show(Who),
    /// Show how the accounts are: their score, what proves that they live, and how they are brought
    /// back. Of one account, what lowered its score.
    Health {
        /// Only this one, by name, phone number or id.
        #[arg(value_name = "ACCOUNT")]
        who: Option<String>,
    },
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
    /// Show how many messages are missing, and what is done about them, newest first.
    Gaps(Who),
    /// Disconnect an account and leave it off.
    Pause(Who),
    /// Connect a paused account again.
    Resume(Who),
    /// Drop the connection and open a new one.
    Reconnect(Who),
    /// Read the session anew from the database, check it, and connect with it. (`waypost restore` is
    /// something else: it puts a backup of the whole database back.)
    Restore(RestoreArgs),
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
        AccountCommand::List => all(client, output).await,
        AccountCommand::Show(who) => {
            let account = client.pick(&who.who).await?;
            output.show(&account, describe)
        }
        AccountCommand::Health { who } => condition(who, client, output).await,
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
        AccountCommand::Gaps(who) => {
            let path = path_of(client, &who).await?;
            output.show(&client.get(&format!("{path}/gaps?limit=200")).await?, gaps)
        }
        AccountCommand::Pause(who) => act(client, output, &who, "pause").await,
        AccountCommand::Resume(who) => act(client, output, &who, "resume").await,
        AccountCommand::Reconnect(who) => act(client, output, &who, "reconnect").await,
        AccountCommand::Restore(args) => remedy::restore(args, client, output).await,
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
                return output.show(&checked, proxy::checked);
            }
            output.show(&client.get(&path).await?, proxy::shown)
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

/// `waypost list`.
pub(super) async fn all(client: &Client, output: Output) -> Result<()> {
    let accounts = client.all("/accounts").await?;
    output.show(&Value::Array(accounts), list)
}

/// `waypost health`: of all accounts, or of one with all that is known of it.
pub(super) async fn condition(who: Option<String>, client: &Client, output: Output) -> Result<()> {
    let Some(who) = who else {
        let accounts = client.all("/accounts").await?;
        return output.show(&Value::Array(accounts), health);
    };
    let mut account = client.pick(&who).await?;
    let path = format!("/accounts/{}/health", text(&account, "/id"));
    // In place of the summary. A server that has just started has no score yet.
    if let Ok(health) = client.get(&path).await {
        account["health"] = health;
    }
    output.show(&account, |account| {
        format!(
            "{}\n{}{}",
            describe(account),
            score(account),
            pulse(account)
        )
    })
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

async fn act(client: &Client, output: Output, who: &Who, action: &str) -> Result<()> {
    let path = path_of(client, who).await?;
    client.post(&format!("{path}/{action}"), json!({})).await?;
    output.show(&client.get(&path).await?, describe)
}

/// The account that was named, or the one that the person picks from a list. `to_do` says what for.
pub(super) async fn chosen(
    client: &Client,
    who: Option<String>,
    to_do: &str,
    output: Output,
) -> Result<Value> {
    match who {
        Some(who) => client.pick(&who).await,
        None => ask(client.all("/accounts").await?, to_do, output),
    }
}

/// Lets the person pick an account; the only one is taken without asking.
fn ask(mut accounts: Vec<Value>, to_do: &str, output: Output) -> Result<Value> {
    match accounts.len() {
        0 => bail!("There are no accounts yet; make one with `waypost link NAME`"),
        1 => return Ok(accounts.remove(0)),
        _ => {}
    }
    let shown = list(&Value::Array(accounts.clone()));
    if output == Output::Json || !std::io::stdin().is_terminal() {
        bail!("Say which account to {to_do}:\n{shown}");
    }
    output.say(&shown)?;
    let mut out = std::io::stdout();
    write!(out, "Which one (1 to {})? ", accounts.len())?;
    out.flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let index: usize = line
        .trim()
        .parse()
        .context("That is not one of the numbers shown")?;
    if index == 0 || index > accounts.len() {
        bail!(
            "There is no account number {index}; use 1 to {}",
            accounts.len()
        );
    }
    Ok(accounts.remove(index - 1))
}

/// Accounts as a numbered list, as `relink` shows them too.
fn list(accounts: &Value) -> String {
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
                step(a),
                text(a, "/reason/text").to_owned(),
            ]
        })
        .collect();
    if rows.is_empty() {
        return "No accounts yet; make one with `waypost link NAME`.".into();
    }
    table(
        &["#", "name", "phone", "role", "state", "next", "why"],
        &rows,
    )
}

/// What is done next about an account that is not well: `2 reconnect at 12:00:05`.
pub(super) fn step(account: &Value) -> String {
    let number = account.pointer("/recovery/rung_number");
    let Some(number) = number.and_then(Value::as_u64) else {
        return String::new();
    };
    let rung = text(account, "/recovery/rung");
    match (
        text(account, "/recovery/doing"),
        text(account, "/recovery/at"),
    ) {
        ("waiting", at) if !at.is_empty() => format!("{number} {rung} at {at}"),
        (doing, _) => format!("{number} {rung}, {doing}"),
    }
}

/// The accounts' condition, one a line.
fn health(accounts: &Value) -> String {
    let rows: Vec<Vec<String>> = accounts
        .as_array()
        .into_iter()
        .flatten()
        .map(|a| {
            vec![
                printable(text(a, "/name")),
                text(a, "/state").to_owned(),
                health_in_short(a),
                text(a, "/health/lowered_by").to_owned(),
                step(a),
                text(a, "/recovery/breaker/state").to_owned(),
                or_never(a, "/liveness/heard_at"),
                or_never(a, "/liveness/served_at"),
                or_never(a, "/liveness/phone_seen_at"),
            ]
        })
        .collect();
    if rows.is_empty() {
        return "No accounts yet; make one with `waypost link NAME`.".into();
    }
    table(
        &[
            "name",
            "state",
            "health",
            "lowered by",
            "next",
            "breaker",
            "heard",
            "served",
            "phone seen",
        ],
        &rows,
    )
}

/// `87 good, falling`.
fn health_in_short(account: &Value) -> String {
    let Some(score) = account.pointer("/health/score").and_then(Value::as_u64) else {
        return "not yet".into();
    };
    let rating = text(account, "/health/rating");
    match text(account, "/health/trend") {
        "falling" => format!("{score} {rating}, falling"),
        "rising" => format!("{score} {rating}, rising"),
        _ => format!("{score} {rating}"),
    }
}

/// An account's score with everything that makes it up, in lines of its own.
fn score(account: &Value) -> String {
    let health = &account["health"];
    let Some(score) = health["score"].as_u64() else {
        return "health: not computed yet\n".into();
    };
    let mut lines = format!("health: {score} of 100, {}", text(health, "/rating"));
    match text(health, "/trend/direction") {
        "unknown" | "" => {}
        direction => lines.push_str(&format!(", {direction}")),
    }
    if let Some(line) = health.pointer("/trend/falls_below/score") {
        let at = text(health, "/trend/falls_below/at");
        lines.push_str(&format!(", below {line} at {at} if it goes on"));
    }
    lines.push('\n');
    for factor in health["factors"].as_array().into_iter().flatten() {
        lines.push_str(&format!(
            "  {:>3} of 100 for {} ({} %): {}\n",
            factor["points"],
            text(factor, "/factor").replace('_', " "),
            factor["weight_percent"],
            printable(text(factor, "/text")),
        ));
    }
    lines
}

pub(super) fn or_never(value: &Value, pointer: &str) -> String {
    match text(value, pointer) {
        "" => "never".into(),
        at => at.to_owned(),
    }
}

/// What proves that an account lives.
fn pulse(account: &Value) -> String {
    let missing = |pointer: &str| {
        account
            .pointer(pointer)
            .and_then(Value::as_u64)
            .unwrap_or(0)
    };
    format!(
        "last heard: {}\nlast delivered or accepted: {}\nlast decrypted: {}\n\
         probes without an answer: {}\nround trips without an answer: {}\n\
         phone last seen: {}\nunlinked by WhatsApp if the phone stays away until: {}\n\
         next check: {}",
        or_never(account, "/liveness/heard_at"),
        or_never(account, "/liveness/served_at"),
        or_never(account, "/liveness/decrypted_at"),
        missing("/liveness/probes_missing"),
        missing("/liveness/round_trips_missing"),
        or_never(account, "/liveness/phone_seen_at"),
        text(account, "/liveness/phone_limit_at"),
        text(account, "/liveness/next_check_at"),
    )
}

pub(super) fn describe(account: &Value) -> String {
    format!(
        "{} ({})\nphone: {}\nstate: {} since {}\n{}{}{}",
        printable(text(account, "/name")),
        text(account, "/id"),
        text(account, "/phone"),
        text(account, "/state"),
        text(account, "/state_since"),
        text(account, "/reason/text"),
        repair(account),
        proxy::line(account),
    )
}

/// How an account is being brought back, in lines of its own; nothing when all is well.
fn repair(account: &Value) -> String {
    let step = step(account);
    if step.is_empty() {
        return String::new();
    }
    let called = account.pointer("/recovery/person_called") == Some(&Value::Bool(true));
    let until = match text(account, "/recovery/breaker/until") {
        "" => String::new(),
        until => format!(" until {until}"),
    };
    format!(
        "\nstep: {step}: {}\nif that fails: {}\nbreaker: {}{until}{}",
        text(account, "/recovery/rung_text"),
        text(account, "/recovery/then"),
        text(account, "/recovery/breaker/state"),
        if called { "\nA person is needed." } else { "" },
    )
}

/// What is missing: the sums in a line, then every hole.
fn gaps(gaps: &Value) -> String {
    let number = |pointer: &str| gaps.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let sums = format!(
        "{} missing, {} filled later, {} doubtful",
        number("/missing"),
        number("/filled"),
        number("/doubtful"),
    );
    let items = gaps.pointer("/items").and_then(Value::as_array);
    let rows: Vec<Vec<String>> = items
        .into_iter()
        .flatten()
        .map(|gap| {
            vec![
                text(gap, "/found_at").to_owned(),
                text(gap, "/state").to_owned(),
                missing(gap),
                printable(text(gap, "/chat")),
                text(gap, "/next_attempt_at").to_owned(),
                text(gap, "/text").to_owned(),
            ]
        })
        .collect();
    if rows.is_empty() {
        return sums;
    }
    let heads = ["found", "state", "missing", "chat", "asked next", "what"];
    format!("{sums}\n{}", table(&heads, &rows))
}

/// How much of a hole is missing. Of history nobody knows.
fn missing(gap: &Value) -> String {
    if text(gap, "/kind") == "history" {
        return "unknown".into();
    }
    format!("{} of {}", gap["missing"], gap["expected"])
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
