//! `waypost link` and `waypost relink`: the QR code in the terminal, or the pairing code.

use super::account::chosen;
use super::client::Client;
use super::output::{Output, text};
use anyhow::{Result, bail};
use clap::Args;
use qrcode::QrCode;
use qrcode::render::unicode;
use serde_json::{Value, json};
use std::time::Duration;

/// How often the progress of a link is asked for.
const POLL: Duration = Duration::from_millis(500);

/// Options of `waypost link`.
#[derive(Debug, Args)]
pub(super) struct LinkArgs {
    /// Name of the account; it is created when it does not exist.
    name: String,
    /// Show a pairing code for this phone number instead of a QR code.
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// Use a pairing code for the number that the account already has.
    #[arg(long)]
    code: bool,
}

/// Options of `waypost relink`.
#[derive(Debug, Args)]
pub(super) struct RelinkArgs {
    /// Name, phone number or id of the account.
    who: Option<String>,
    /// Show a pairing code instead of a QR code.
    #[arg(long)]
    code: bool,
}

/// Options of `waypost code`.
#[derive(Debug, Args)]
pub(super) struct CodeArgs {
    /// Name, phone number or id of the account; asks when nobody is named.
    who: Option<String>,
    /// The phone's number; the account's own when absent.
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
}

pub(super) async fn link(args: LinkArgs, client: &Client, output: Output) -> Result<()> {
    let accounts = client.all("/accounts").await?;
    let known = accounts.into_iter().find(|a| text(a, "/name") == args.name);
    let account = match known {
        Some(account) => account,
        None => {
            let body = json!({"name": args.name, "phone": args.phone});
            client.post("/accounts", body).await?
        }
    };
    let method = if args.code || args.phone.is_some() {
        "code"
    } else {
        "qr"
    };
    follow(
        client,
        output,
        text(&account, "/id"),
        method,
        args.phone.as_deref(),
    )
    .await
}

pub(super) async fn relink(args: RelinkArgs, client: &Client, output: Output) -> Result<()> {
    let account = chosen(client, args.who, "relink", output).await?;
    let method = if args.code { "code" } else { "qr" };
    follow(client, output, text(&account, "/id"), method, None).await
}

pub(super) async fn code(args: CodeArgs, client: &Client, output: Output) -> Result<()> {
    let account = chosen(client, args.who, "link", output).await?;
    let id = text(&account, "/id");
    follow(client, output, id, "code", args.phone.as_deref()).await
}

async fn follow(
    client: &Client,
    output: Output,
    account: &str,
    method: &str,
    phone: Option<&str>,
) -> Result<()> {
    let path = format!("/accounts/{account}/link");
    client
        .post(&path, json!({"method": method, "phone": phone}))
        .await?;
    let mut shown = String::new();
    loop {
        let status = client.get(&path).await?;
        let face = face(&status);
        if face != shown {
            output.show(&status, picture)?;
            shown = face;
        }
        match text(&status, "/status") {
            "linked" => return Ok(()),
            "failed" | "cancelled" | "idle" => bail!("{}", text(&status, "/message")),
            _ => {}
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            _ = tokio::signal::ctrl_c() => {
                client.delete(&path).await?;
                bail!("Linking was cancelled");
            }
        }
    }
}

/// What a person sees of a status; it is printed again only when this changes.
fn face(status: &Value) -> String {
    ["/status", "/qr", "/code", "/message"]
        .map(|p| text(status, p))
        .join("|")
}

fn picture(status: &Value) -> String {
    let message = text(status, "/message");
    match (text(status, "/qr"), text(status, "/code")) {
        ("", "") => message.to_owned(),
        ("", code) => format!("\n    {code}\n\n{message}"),
        (qr, _) => format!("{}\n{message}", blocks(qr)),
    }
}

/// A QR code in half-height blocks, dark on light whatever the terminal's colours are.
fn blocks(qr: &str) -> String {
    match QrCode::new(qr.as_bytes()) {
        Ok(code) => code
            .render::<unicode::Dense1x2>()
            .dark_color(unicode::Dense1x2::Light)
            .light_color(unicode::Dense1x2::Dark)
            .build(),
        Err(_) => format!("This code is too long to draw; use another QR program: {qr}"),
    }
}
