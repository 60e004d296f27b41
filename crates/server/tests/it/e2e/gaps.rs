//! Messages that never came: noticed to the last one, had from the account's phone, and put where they
//! belong without anybody answering them.

use crate::stage::{Linked, Plan, Stage, text, until};
use serde_json::{Value, json};
use std::time::Duration;
use wasim::{Contact, FaultPlan, Outgoing, SendHow};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";
const BEN: &str = "971500000003";

/// Short enough to wait for.
const REHEARSAL: &str = "
[gaps]
settle_ms = 500
answer_ms = 3000
pause_ms = 200
retry_ms = 500
";

async fn linked() -> (Stage, Linked) {
    let stage = Stage::with(Plan {
        settings: REHEARSAL.to_owned(),
        ..Plan::default()
    })
    .await;
    let linked = stage.link(OWNER).await;
    (stage, linked)
}

async fn gaps(stage: &Stage, linked: &Linked) -> Value {
    stage.get(&format!("/accounts/{}/gaps", linked.id)).await
}

/// Waits until the account's holes are as described; answers them.
async fn come_to_be(
    stage: &Stage,
    linked: &Linked,
    what: &str,
    there: impl Fn(&Value) -> bool,
) -> Value {
    until(what, async || {
        let shown = gaps(stage, linked).await;
        if there(&shown) { Ok(shown) } else { Err(shown) }
    })
    .await
}

/// What a contact says a second apart, as WhatsApp's clock tells it, while the account is away.
async fn said_slowly(from: &Contact, words: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for word in words {
        ids.push(from.send(OWNER, Outgoing::text(*word)).await.unwrap());
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    ids
}

async fn away(stage: &Stage, linked: &Linked) {
    let path = format!("/accounts/{}/pause", linked.id);
    stage.post(&path, json!({})).await;
    until("the device to be away", async || {
        let devices = linked.phone.linked_devices();
        if devices.iter().all(|device| !device.online) {
            Ok(())
        } else {
            Err(devices)
        }
    })
    .await;
}

async fn back(stage: &Stage, linked: &Linked) {
    let path = format!("/accounts/{}/resume", linked.id);
    stage.post(&path, json!({})).await;
    stage.account_state(&linked.id, "online").await;
}

/// The words of the only conversation in the order it shows them, with how each came.
async fn shown(stage: &Stage, linked: &Linked, count: usize) -> Vec<(String, String)> {
    let mut messages = stage.messages(&linked.id, count).await;
    messages.reverse();
    let words = |m: &Value| (text(m, "/content/body"), text(m, "/origin"));
    messages.iter().map(words).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_whatsapp_announces_and_withholds_are_counted_and_had_from_the_phone() {
    let (stage, linked) = linked().await;
    stage.rule_echo().await;
    let ana = stage.contact(ANA);
    ana.send(OWNER, Outgoing::text("zero")).await.unwrap();
    stage.apps_come_to_show(OWNER, &["Echo: zero"]).await;
    assert_eq!(gaps(&stage, &linked).await["missing"], 0);
    let start = text(&stage.get("/events").await, "/next");

    away(&stage, &linked).await;
    let ids = said_slowly(&ana, &["one", "two", "three", "four", "five"]).await;
    linked.phone.lose_waiting(&[&ids[0], &ids[2], &ids[3]]);
    linked.phone.forget(&ids[3]).unwrap();
    // While the phone is off, what is missing can only be told.
    linked.phone.go_offline(Duration::from_secs(3_600));
    back(&stage, &linked).await;
    let told = come_to_be(&stage, &linked, "three missing", |g| g["missing"] == 3).await;
    assert_eq!(told["items"][0]["kind"], "announced", "{told}");
    assert_eq!(told["items"][0]["expected"], 3, "{told}");
    let shown_account = stage.get(&format!("/accounts/{}", linked.id)).await;
    assert_eq!(shown_account["counts"]["missing"], 3, "{shown_account}");
    let metrics = stage.metrics().await;
    assert!(metrics.contains("waypost_messages_missing 3"), "{metrics}");

    // The phone has two of them.
    linked.phone.go_online();
    let told = come_to_be(&stage, &linked, "one missing", |g| g["missing"] == 1).await;
    assert_eq!(told["filled"], 2, "{told}");
    assert_eq!(told["items"][0]["state"], "open", "{told}");
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = list.iter();
        owned
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    stage.settled(&linked.id).await;
    let said: Vec<(String, String)> = shown(&stage, &linked, 8)
        .await
        .into_iter()
        .filter(|(words, _)| !words.starts_with("Echo"))
        .collect();
    let expected = [
        ("zero", "live"),
        ("one", "backfill"),
        ("two", "offline"),
        ("three", "backfill"),
        ("five", "offline"),
    ];
    assert_eq!(said, pairs(&expected));
    // What came long after it was said is never answered.
    let echoes = ["Echo: zero", "Echo: two", "Echo: five"];
    stage.apps_come_to_show(OWNER, &echoes).await;
    let events = stage
        .items(&format!("/events?after={start}&kinds=gap.found,gap.filled"))
        .await;
    let kinds: Vec<&str> = events.iter().filter_map(|e| e["kind"].as_str()).collect();
    assert_eq!(kinds, ["gap.found", "gap.filled"], "{events:?}");
    assert_eq!(events[0]["data"]["missing"], 3);
    assert_eq!(events[1]["data"]["messages"], json!([ids[0], ids[2]]));
    let printed = stage.command(&["account", "gaps", OWNER]).await;
    assert_eq!(printed["missing"], 1, "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_at_the_end_of_a_quiet_chat_is_had_when_somebody_writes_there_again() {
    let (mut stage, linked) = linked().await;
    let ana = stage.contact(ANA);
    away(&stage, &linked).await;
    let ids = said_slowly(&ana, &["the only one"]).await;
    linked.phone.lose_waiting(&[&ids[0]]);
    back(&stage, &linked).await;
    come_to_be(&stage, &linked, "one missing", |g| g["missing"] == 1).await;
    // What is missing outlives the program.
    stage.restart().await;
    stage.account_state(&linked.id, "online").await;
    assert_eq!(gaps(&stage, &linked).await["missing"], 1);
    ana.send(OWNER, Outgoing::text("are you there?"))
        .await
        .unwrap();
    come_to_be(&stage, &linked, "nothing missing", |g| {
        g["missing"] == 0 && g["filled"] == 1
    })
    .await;
    let expected = [("the only one", "backfill"), ("are you there?", "live")];
    let expected = expected.map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(shown(&stage, &linked, 2).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_repair_never_comes_is_had_from_the_phone_and_answered_by_nobody() {
    let (stage, linked) = linked().await;
    stage.rule_echo().await;
    let ana = stage.contact(ANA);
    let silent_sender = FaultPlan {
        retry_late_by: Duration::from_secs(3_600),
        ..FaultPlan::default()
    };
    stage.net.set_faults(OWNER, silent_sender);
    let broken = SendHow {
        undecryptable_first: true,
        ..SendHow::default()
    };
    ana.send_how(OWNER, Outgoing::text("garbled"), broken)
        .await
        .unwrap();
    let told = come_to_be(&stage, &linked, "one missing", |g| g["missing"] == 1).await;
    assert_eq!(told["items"][0]["kind"], "unreadable", "{told}");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    ana.send(OWNER, Outgoing::text("clear")).await.unwrap();
    come_to_be(&stage, &linked, "nothing missing", |g| g["missing"] == 0).await;
    stage.settled(&linked.id).await;
    let said = shown(&stage, &linked, 3).await;
    assert_eq!(said[0], ("garbled".to_owned(), "backfill".to_owned()));
    stage.apps_come_to_show(OWNER, &["Echo: clear"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_that_stops_half_way_is_taken_again_and_nothing_is_missing() {
    let (stage, linked) = linked().await;
    let (ana, ben) = (stage.contact(ANA), stage.contact(BEN));
    away(&stage, &linked).await;
    for n in 0..6 {
        for contact in [&ana, &ben] {
            contact
                .send(OWNER, Outgoing::text(format!("message {n}")))
                .await
                .unwrap();
        }
    }
    let short = FaultPlan {
        short_backlog: 1.0,
        ..FaultPlan::default()
    };
    stage.net.set_faults(OWNER, short);
    let path = format!("/accounts/{}/resume", linked.id);
    stage.post(&path, json!({})).await;
    let chats = stage.conversations(&linked.id, 2).await;
    for chat in &chats {
        let path = format!("/conversations/{}/messages", text(chat, "/id"));
        until("all six messages", async || {
            let items = stage.items(&path).await;
            if items.len() == 6 { Ok(()) } else { Err(items) }
        })
        .await;
    }
    stage.net.clear_faults();
    stage.account_state(&linked.id, "online").await;
    let history = format!("/accounts/{}/history?limit=200", linked.id);
    let changes = stage.items(&history).await;
    let interrupted = |c: &&Value| c["reason"]["code"] == "offline_sync_interrupted";
    assert!(changes.iter().any(|c| interrupted(&c)), "{changes:?}");
    let told = gaps(&stage, &linked).await;
    assert_eq!((&told["missing"], &told["items"]), (&json!(0), &json!([])));
}
