//! Accounts that move in from another client, with their conversations under way.

use crate::stage::baileys::Baileys;
use crate::stage::{Stage, text, until};
use serde_json::Value;
use std::path::{Path, PathBuf};
use wasim::{Events, Group, NetEvent, Outgoing, Phone};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";
const BEN: &str = "971500000003";

/// What the other side's apps show of Baileys, group messages twice: two members.
const BY_BAILEYS: [&str; 5] = [
    "Morning, Ana",
    "And again",
    "Hello all",
    "Hello all",
    "Two, Ben",
];

/// An account that Baileys ran for a while: words went both ways with two people and a group, and
/// then it stopped.
struct Past {
    phone: Phone,
    group: Group,
    folder: PathBuf,
}

fn address(number: &str) -> String {
    format!("{number}@s.whatsapp.net")
}

async fn past(stage: &Stage) -> Past {
    let phone = stage.phone(OWNER);
    let ana = stage.contact(ANA);
    stage.contact(BEN);
    let folder = stage.folder.path().join("old");
    let mut baileys = Baileys::linked(&stage.net, &phone, &folder).await;
    for words in ["one", "two"] {
        let id = ana.send(OWNER, Outgoing::text(words)).await.unwrap();
        baileys.hears(&id).await;
    }
    baileys.says(&address(ANA), "Morning, Ana").await;
    let id = ana.send(OWNER, Outgoing::text("three")).await.unwrap();
    baileys.hears(&id).await;
    baileys.says(&address(ANA), "And again").await;
    let group = stage.net.add_group("Team", ANA, &[BEN, OWNER]).unwrap();
    for words in ["Who is in?", "Anybody?"] {
        let id = group.send(ANA, Outgoing::text(words)).await.unwrap();
        baileys.hears(&id).await;
    }
    baileys.says(&group.address(), "Hello all").await;
    // Ben was written to and never answered: that session still waits for its first answer.
    baileys.says(&address(BEN), "Two, Ben").await;
    stage.apps_come_to_show(OWNER, &BY_BAILEYS).await;
    baileys.stop().await;
    Past {
        phone,
        group,
        folder,
    }
}

fn path(folder: &Path) -> &str {
    folder.to_str().unwrap()
}

/// The one device of a report.
fn only(report: &Value) -> &Value {
    let devices = report["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 1, "{report}");
    &devices[0]
}

/// Messages that a linked device could not decrypt and asked for again, since the follower began.
fn retries(events: &mut Events) -> Vec<String> {
    let happened = std::iter::from_fn(|| events.try_next());
    let retry = |event| match event {
        NetEvent::DeviceAskedRetry { id, .. } => Some(id),
        _ => None,
    };
    happened.filter_map(retry).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_baileys_account_goes_on_here_with_its_old_ratchets() {
    let stage = Stage::start().await;
    let past = past(&stage).await;
    let ana = stage.net.contact(ANA).unwrap();
    // Written while nobody is connected, under the ratchets that Baileys left behind.
    ana.send(OWNER, Outgoing::text("Are you there?"))
        .await
        .unwrap();
    let mut events = stage.net.events();

    // Looking changes nothing.
    let dry = stage
        .command(&["import", "baileys", path(&past.folder), "--dry-run"])
        .await;
    let device = only(&dry);
    assert_eq!(
        (&dry["imported"], &device["refused"]),
        (&false.into(), &Value::Null)
    );
    assert_eq!(text(device, "/phone"), format!("+{OWNER}"));
    for kind in [
        "sessions",
        "identities",
        "one_time_keys",
        "sender_keys",
        "sync_keys",
        "address_pairs",
    ] {
        assert!(
            device["brings"][kind].as_u64().unwrap() > 0,
            "{kind}: {device}"
        );
    }
    assert!(stage.items("/accounts").await.is_empty());

    // A client that wrote a moment ago may still run.
    let import = ["import", "baileys", path(&past.folder), "--account", "Shop"];
    let said = stage.refused_command(&import).await;
    assert!(said.contains("seems to run"), "{said}");
    let done = stage.command(&[&import[..], &["--stopped"]].concat()).await;
    let account = text(only(&done), "/account");

    stage.account_is(&account, "online", "connected").await;
    assert_eq!(
        past.phone.linked_devices().len(),
        1,
        "nothing new is linked"
    );

    goes_on(&stage, &past, &account, &mut events).await;

    // A second time is refused: the account has moved in.
    let said = stage
        .refused_command(&[&import[..], &["--stopped"]].concat())
        .await;
    assert!(said.contains("is linked as"), "{said}");
}

/// Everybody is understood and understands: the message that waited while nobody was connected, and
/// what is said from now on.
async fn goes_on(stage: &Stage, past: &Past, account: &str, events: &mut Events) {
    let (ana, ben) = (
        stage.net.contact(ANA).unwrap(),
        stage.net.contact(BEN).unwrap(),
    );
    stage.account_is(account, "online", "connected").await;
    until("what waited", async || {
        let heard = heard(stage, account).await;
        if heard == ["Are you there?"] {
            Ok(())
        } else {
            Err(heard)
        }
    })
    .await;
    ana.send(OWNER, Outgoing::text("Good")).await.unwrap();
    ben.send(OWNER, Outgoing::text("Thanks for writing"))
        .await
        .unwrap();
    past.group
        .send(ANA, Outgoing::text("To all of you"))
        .await
        .unwrap();
    past.group
        .send(BEN, Outgoing::text("From me too"))
        .await
        .unwrap();
    until("all that was said", async || {
        let heard = heard(stage, account).await;
        if heard.len() == 5 { Ok(()) } else { Err(heard) }
    })
    .await;
    let mut shows: Vec<&str> = BY_BAILEYS.to_vec();
    for (to, words) in [
        (format!("+{ANA}"), "Back again"),
        (format!("+{BEN}"), "Any time"),
    ] {
        let sent = stage.send_text(account, &to, words).await;
        stage.send_state(&sent, "delivered").await;
        shows.push(words);
    }
    let sent = stage
        .send_text(account, &past.group.address(), "All of us")
        .await;
    stage.send_state(&sent, "delivered").await;
    shows.extend(["All of us", "All of us"]);
    stage.apps_come_to_show(OWNER, &shows).await;

    assert_eq!(
        retries(events),
        [""; 0],
        "every message is decrypted at once"
    );
    let counts = stage.net.with_ledger(|l| l.counts(OWNER));
    assert_eq!(
        (counts.undecryptable, counts.hidden_doubles),
        (0, 0),
        "{counts:?}"
    );
    assert_eq!(
        past.phone.linked_devices().len(),
        1,
        "nothing new is linked"
    );
}

/// What was received, oldest first; placeholders are shown as such.
async fn heard(stage: &Stage, account: &str) -> Vec<String> {
    let mut all = Vec::new();
    let path = format!("/conversations?account={account}");
    for conversation in stage.items(&path).await {
        let path = format!("/conversations/{}/messages", text(&conversation, "/id"));
        for message in stage.items(&path).await {
            if message["direction"] == "in" {
                let body = message["content"]["body"].as_str();
                all.push(body.map_or_else(|| message["content"].to_string(), str::to_owned));
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_session_brings_nothing_over() {
    let stage = Stage::start().await;
    let past = past(&stage).await;
    let session = std::fs::read_dir(&past.folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("session-")
        })
        .unwrap();
    let name = session.file_name().unwrap().to_string_lossy().into_owned();
    let whole = std::fs::read_to_string(&session).unwrap();
    let import = ["import", "baileys", path(&past.folder), "--stopped"];

    std::fs::write(&session, &whole[..whole.len() / 2]).unwrap();
    let said = stage.refused_command(&import).await;
    assert!(said.contains(&name) && said.contains("not JSON"), "{said}");

    let without = whole.replacen("rootKey", "rootKex", 1);
    std::fs::write(&session, without).unwrap();
    let said = stage.refused_command(&import).await;
    assert!(
        said.contains(&name) && said.contains("'rootKey' is missing"),
        "{said}"
    );
    assert!(stage.items("/accounts").await.is_empty());

    // Repaired, it comes over under its name on WhatsApp.
    std::fs::write(&session, whole).unwrap();
    let done = stage.command(&import).await;
    stage
        .account_state(&text(only(&done), "/account"), "online")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whatsmeow_database_goes_on_here_with_its_old_ratchets() {
    let stage = Stage::start().await;
    let past = past(&stage).await;
    let database = stage.folder.path().join("whatsmeow.db");
    // The same session as whatsmeow would keep it: no program of whatsmeow can run here.
    let made = std::process::Command::new("python3")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/parts/whatsmeow_database.py"
        ))
        .args([&past.folder, &database])
        .output()
        .expect("python3 is needed to write the database");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let ana = stage.net.contact(ANA).unwrap();
    ana.send(OWNER, Outgoing::text("Are you there?"))
        .await
        .unwrap();
    let mut events = stage.net.events();

    let import = ["import", "whatsmeow", path(&database)];
    let said = stage.refused_command(&import).await;
    assert!(said.contains("seems to run"), "{said}");
    // A program that still holds the file is noticed, whatever is claimed.
    let stopped = [&import[..], &["--stopped"]].concat();
    let mut holder = std::process::Command::new("sleep")
        .arg("600")
        .stdin(std::fs::File::open(&database).unwrap())
        .spawn()
        .unwrap();
    let said = stage.refused_command(&stopped).await;
    assert!(said.contains("is open in another program"), "{said}");
    holder.kill().unwrap();
    holder.wait().unwrap();

    let done = stage.command(&stopped).await;
    let account = text(only(&done), "/account");
    goes_on(&stage, &past, &account, &mut events).await;
}
