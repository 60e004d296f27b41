//! `waypost doctor --live`: walks an owner through proving a real spare number.
//!
//! Nothing here can be faked by the program: each step waits for something to happen on a phone
//! that only its owner holds, and is read back from the server's own records.

use super::client::Client;
use super::output::{Output, printable, text};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::Duration;

/// How often the server is asked whether a step has happened.
const POLL: Duration = Duration::from_secs(1);
/// How long a person has for one step.
const STEP_LIMIT: Duration = Duration::from_secs(300);

/// One step: what the person does, and how we see that it worked.
struct Step {
    title: &'static str,
    ask: String,
}

pub(super) async fn run(client: &Client, output: Output) -> Result<()> {
    if output == Output::Json {
        bail!("The live check talks with a person; run it without --json");
    }
    output.say(
        "This proves one real number, step by step. Use a spare one: WhatsApp may restrict numbers\n\
         that are used with unofficial clients. You need its phone and a second phone.",
    )?;
    let account = client
        .pick(&ask("Which account is it (name, number or id)?")?)
        .await?;
    let id = text(&account, "/id").to_owned();
    let steps = ["linked", "receive", "send", "restart"];
    output.say(&format!(
        "There are {} steps; each waits up to 5 minutes.",
        steps.len()
    ))?;

    online(client, output, &id).await?;
    let received = receive(client, output, &id).await?;
    send(client, output, &id, text(&received, "/conversation")).await?;
    restart(client, output, &id).await?;
    output.say("Done: this number links, receives, sends and comes back. Keep this result with your notes.")
}

async fn online(client: &Client, output: Output, id: &str) -> Result<()> {
    announce(
        output,
        &Step {
            title: "1. Linked",
            ask:
                "If it is not linked yet, run `waypost link` in another terminal and scan the code."
                    .into(),
        },
    )?;
    wait(output, || async {
        let account = client.get(&format!("/accounts/{id}")).await?;
        Ok((text(&account, "/state") == "online").then_some(account))
    })
    .await?;
    output.say("   It is online.")
}

async fn receive(client: &Client, output: Output, id: &str) -> Result<Value> {
    let word = format!("waypost {}", crate::clock::now().as_secs() % 100_000);
    announce(
        output,
        &Step {
            title: "2. Receive",
            ask: format!("From the second phone, send this to the number: {word}"),
        },
    )?;
    let path = format!("/conversations?account={id}&limit=20");
    let found = wait(output, || async {
        let page = client.get(&path).await?;
        let items = page
            .get("items")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let hit = items
            .into_iter()
            .find(|c| text(c, "/last_message/preview").contains(&word));
        Ok(hit.map(|c| json!({"conversation": text(&c, "/id"), "title": text(&c, "/title")})))
    })
    .await?;
    output.say(&format!(
        "   It arrived from {}.",
        printable(text(&found, "/title"))
    ))?;
    Ok(found)
}

async fn send(client: &Client, output: Output, id: &str, conversation: &str) -> Result<()> {
    announce(
        output,
        &Step {
            title: "3. Send",
            ask: "An answer goes out now; open it on the second phone.".into(),
        },
    )?;
    let body = json!({
        "account": id,
        "to": conversation,
        "content": {"kind": "text", "body": "Waypost can answer."},
    });
    let message = client.post("/messages", body).await?;
    let path = format!("/messages/{}", text(&message, "/id"));
    let done = wait(output, || async {
        let message = client.get(&path).await?;
        let state = text(&message, "/state").to_owned();
        if state == "failed" {
            bail!("It failed: {}", text(&message, "/failure/text"));
        }
        Ok(matches!(state.as_str(), "delivered" | "read").then_some(message))
    })
    .await?;
    output.say(&format!("   Its state is now: {}.", text(&done, "/state")))
}

async fn restart(client: &Client, output: Output, id: &str) -> Result<()> {
    announce(
        output,
        &Step {
            title: "4. Come back",
            ask: "The connection is dropped and opened anew.".into(),
        },
    )?;
    let path = format!("/accounts/{id}");
    let before = text(&client.get(&path).await?, "/state_since").to_owned();
    client.post(&format!("{path}/reconnect"), json!({})).await?;
    wait(output, || async {
        let account = client.get(&path).await?;
        let anew = text(&account, "/state_since") != before;
        Ok((anew && text(&account, "/state") == "online").then_some(()))
    })
    .await?;
    output.say("   It is online again.")
}

fn announce(output: Output, step: &Step) -> Result<()> {
    output.say(&format!("\n{}\n   {}", step.title, step.ask))
}

fn ask(question: &str) -> Result<String> {
    let mut out = std::io::stdout();
    write!(out, "{question} ")?;
    out.flush()?;
    let mut line = String::new();
    std::io::stdin()
        .read_line(&mut line)
        .context("nothing was typed")?;
    Ok(line.trim().to_owned())
}

/// Polls until something is seen, with a spinner, for at most [`STEP_LIMIT`].
async fn wait<T, F>(output: Output, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<Option<T>>>,
{
    let bar = match output {
        Output::Text => indicatif::ProgressBar::new_spinner().with_message("waiting"),
        Output::Json => indicatif::ProgressBar::hidden(),
    };
    bar.enable_steady_tick(Duration::from_millis(120));
    let waited = tokio::time::timeout(STEP_LIMIT, async {
        loop {
            if let Some(seen) = look().await? {
                return Ok(seen);
            }
            tokio::time::sleep(POLL).await;
        }
    })
    .await;
    bar.finish_and_clear();
    waited.context("Nothing happened within 5 minutes; check the phone and start again")?
}
