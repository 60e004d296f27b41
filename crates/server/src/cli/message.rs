//! `waypost send` and `waypost tail`.

use super::client::Client;
use super::output::{Output, printable, text};
use anyhow::{Context, Result, bail};
use clap::Args;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

/// How often a sent message is looked at until WhatsApp has accepted it.
const POLL: Duration = Duration::from_millis(300);
/// How long `tail` waits before it opens a broken stream again.
const RESUME_AFTER: Duration = Duration::from_secs(1);

/// Options of `waypost send`.
#[derive(Debug, Args)]
pub(super) struct SendArgs {
    /// The sending account: name, number or id.
    #[arg(long, short)]
    from: Option<String>,
    /// Recipient: phone number with country code, address or conversation id.
    to: String,
    /// What to say; the caption when a file goes with it.
    words: Option<String>,
    /// A file to send.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The same key sends only once, however often the command is repeated.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Wait until WhatsApp has accepted or refused it.
    #[arg(long)]
    wait: bool,
}

/// Options of `waypost tail`.
#[derive(Debug, Args)]
pub(super) struct TailArgs {
    /// Start after this cursor instead of now.
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Stop after this many events.
    #[arg(long, value_name = "N")]
    count: Option<usize>,
}

pub(super) async fn send(args: SendArgs, client: &Client, output: Output) -> Result<()> {
    let account = sender(client, args.from.as_deref()).await?;
    let content = content(client, &args).await?;
    let body = json!({"account": text(&account, "/id"), "to": args.to, "content": content});
    let mut message = match &args.key {
        Some(key) => client.post_once("/messages", body, key).await?,
        None => client.post("/messages", body).await?,
    };
    let path = format!("/messages/{}", text(&message, "/id"));
    while args.wait && text(&message, "/state") == "accepted" {
        tokio::time::sleep(POLL).await;
        message = client.get(&path).await?;
    }
    output.show(&message, |m| {
        format!("{} {}", text(m, "/id"), text(m, "/state"))
    })?;
    if text(&message, "/state") == "failed" {
        bail!("It was not sent: {}", text(&message, "/failure/text"));
    }
    Ok(())
}

/// The account to send from; the only one when nobody was named.
async fn sender(client: &Client, who: Option<&str>) -> Result<Value> {
    if let Some(who) = who {
        return client.pick(who).await;
    }
    let mut accounts = client.all("/accounts").await?;
    match accounts.len() {
        1 => Ok(accounts.remove(0)),
        0 => bail!("There are no accounts yet; make one with `waypost link NAME`"),
        n => bail!("There are {n} accounts; say which one sends with --from"),
    }
}

async fn content(client: &Client, args: &SendArgs) -> Result<Value> {
    let Some(path) = &args.file else {
        let words = args
            .words
            .as_deref()
            .context("Say what to send, or name a file with --file")?;
        return Ok(json!({"kind": "text", "body": words}));
    };
    let blob = client.upload(path).await?;
    let mime = text(&blob, "/mime");
    let kind = match mime.split('/').next() {
        Some("image") if mime == "image/webp" => "sticker",
        Some("image") => "image",
        Some("video") => "video",
        Some("audio") => "voice",
        _ => "document",
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(json!({"kind": kind, "blob": text(&blob, "/id"), "caption": args.words, "file_name": name}))
}

pub(super) async fn tail(args: TailArgs, client: &Client, output: Output) -> Result<()> {
    let mut after = args.after;
    let mut left = args.count.unwrap_or(usize::MAX);
    while left > 0 {
        match listen(client, output, &mut after, &mut left).await {
            Ok(()) => {}
            Err(e) if after.is_none() => return Err(e),
            Err(_) => tokio::time::sleep(RESUME_AFTER).await,
        }
    }
    Ok(())
}

/// Prints events until the stream ends, remembering where it was.
async fn listen(
    client: &Client,
    output: Output,
    after: &mut Option<String>,
    left: &mut usize,
) -> Result<()> {
    let (mut url, key) = client.stream();
    if let Some(cursor) = after.as_deref() {
        url = format!("{url}?after={cursor}");
    }
    let mut request = url.as_str().into_client_request()?;
    request
        .headers_mut()
        .insert("authorization", format!("Bearer {key}").parse()?);
    let (mut stream, _) = tokio_tungstenite::connect_async(request)
        .await
        .context("The event stream cannot be opened; is `waypost serve` running?")?;
    while let Some(frame) = stream.next().await {
        let Message::Text(frame) = frame? else {
            continue;
        };
        let frame: Value = serde_json::from_str(&frame)?;
        if let Some(cursor) = frame.get("cursor").and_then(Value::as_str) {
            *after = Some(cursor.to_owned());
        }
        if text(&frame, "/type") == "ping" {
            continue;
        }
        output.show(&frame, line)?;
        *left = left.saturating_sub(1);
        if *left == 0 {
            stream.send(Message::Close(None)).await?;
            return Ok(());
        }
    }
    Ok(())
}

fn line(frame: &Value) -> String {
    if text(frame, "/type") == "resync" {
        return format!("(resync: {})", text(frame, "/reason"));
    }
    let data = frame
        .pointer("/event/data")
        .map(Value::to_string)
        .unwrap_or_default();
    format!(
        "{}  {}  {}",
        text(frame, "/event/at"),
        text(frame, "/event/kind"),
        printable(&data)
    )
}
