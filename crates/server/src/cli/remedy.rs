//! `waypost recover` and `waypost account restore`: bringing an account back, and watching it come.

use super::account::{chosen, describe, step};
use super::client::Client;
use super::output::{Output, printable, text};
use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Value, json};
use std::time::Duration;

/// How often the account is looked at.
const POLL: Duration = Duration::from_millis(500);
/// How often it is looked at before the command lets go; the ladder goes on without it.
const LOOKS_MAX: usize = 120;

/// Options of `waypost recover`.
#[derive(Debug, Args)]
pub(super) struct RecoverArgs {
    /// Name, phone number or id of the account; asks when nobody is named.
    #[arg(value_name = "ACCOUNT")]
    who: Option<String>,
    /// Begin it and do not wait for the outcome.
    #[arg(long)]
    no_wait: bool,
}

/// Options of `waypost account restore`.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    how: RecoverArgs,
}

/// What shows that an account is back.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Proof {
    /// That it is online: it was not when the command was done.
    Online,
    /// That WhatsApp served it later than this: it was online all the time.
    ServedSince(String),
}

/// Tries at once what the recovery ladder would try next.
pub(super) async fn recover(args: RecoverArgs, client: &Client, output: Output) -> Result<()> {
    let account = chosen(client, args.who, "recover", output).await?;
    let proof = match text(&account, "/state") {
        "online" | "degraded" => {
            Proof::ServedSince(text(&account, "/liveness/served_at").to_owned())
        }
        _ => Proof::Online,
    };
    let wait = if args.no_wait { None } else { Some(proof) };
    act("recover", &account, wait, client, output).await
}

/// Reads the session anew from the database and connects with it.
pub(super) async fn restore(args: RestoreArgs, client: &Client, output: Output) -> Result<()> {
    let account = chosen(client, args.how.who, "restore", output).await?;
    let wait = if args.how.no_wait {
        None
    } else {
        Some(Proof::Online)
    };
    act("restore", &account, wait, client, output).await
}

/// Does it, and waits for the proof if there is to be one.
async fn act(
    action: &str,
    account: &Value,
    wait: Option<Proof>,
    client: &Client,
    output: Output,
) -> Result<()> {
    let path = format!("/accounts/{}", text(account, "/id"));
    let now = client.post(&format!("{path}/{action}"), json!({})).await?;
    let Some(proof) = wait else {
        return output.show(&now, describe);
    };
    let came = watch(client, &path, &proof, output).await?;
    output.show(&came, |account| {
        format!(
            "{} is well: {}.",
            printable(text(account, "/name")),
            text(account, "/state")
        )
    })
}

/// Follows the account until it is back; fails with what a person must do.
async fn watch(client: &Client, path: &str, proof: &Proof, output: Output) -> Result<Value> {
    let mut shown = String::new();
    let mut account = Value::Null;
    for _ in 0..LOOKS_MAX {
        account = client.get(path).await?;
        let face = face(&account);
        if face != shown {
            output.say(&face)?;
            shown = face;
        }
        match outcome(&account, proof) {
            Outcome::Well => return Ok(account),
            Outcome::Person => bail!("{}", describe(&account)),
            Outcome::UnderWay => tokio::time::sleep(POLL).await,
        }
    }
    let seconds = LOOKS_MAX as u128 * POLL.as_millis() / 1_000;
    bail!(
        "There is no proof after {seconds} s that it is well; it is tried further by itself:\n{}",
        describe(&account)
    )
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It is back.
    Well,
    /// Only a person helps.
    Person,
    /// It is being tried.
    UnderWay,
}

fn outcome(account: &Value, proof: &Proof) -> Outcome {
    let proven = match proof {
        Proof::Online => true,
        Proof::ServedSince(before) => {
            let served = text(account, "/liveness/served_at");
            !served.is_empty() && served != before
        }
    };
    match text(account, "/state") {
        "online" if proven => Outcome::Well,
        "logged_out" | "banned" | "disabled" | "new" => Outcome::Person,
        _ if text(account, "/recovery/doing") == "offered" => Outcome::Person,
        _ => Outcome::UnderWay,
    }
}

/// What a person sees of it; it is printed again only when this changes.
fn face(account: &Value) -> String {
    let step = step(account);
    let state = text(account, "/state");
    if step.is_empty() {
        return format!("{state}: {}", text(account, "/reason/text"));
    }
    format!("{state}, step {step}: {}", text(account, "/reason/text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_was_up_is_well_once_whatsapp_served_it_again() {
        let noon = Proof::ServedSince("12:00".to_owned());
        let is = |account: Value| outcome(&account, &noon);
        let online = |at: &str| json!({"state": "online", "liveness": {"served_at": at}});
        assert_eq!(is(online("12:00")), Outcome::UnderWay);
        assert_eq!(is(online("12:01")), Outcome::Well);
        assert_eq!(is(json!({"state": "online"})), Outcome::UnderWay);
        assert_eq!(is(json!({"state": "recovering"})), Outcome::UnderWay);
        let offered = json!({"state": "needs_attention", "recovery": {"doing": "offered"}});
        assert_eq!(is(offered), Outcome::Person);
        assert_eq!(is(json!({"state": "logged_out"})), Outcome::Person);
    }

    #[test]
    fn an_account_that_was_away_is_well_once_it_is_online() {
        let is = |account: Value| outcome(&account, &Proof::Online);
        assert_eq!(is(json!({"state": "connecting"})), Outcome::UnderWay);
        assert_eq!(is(json!({"state": "online"})), Outcome::Well);
    }
}
