//! What keeps an account from being banned: strangers are asked for first, WhatsApp's refusals are
//! heeded, limits are told, and somebody types before words come.

use crate::stage::{Linked, Plan, Stage, text, until};
use serde_json::{Value, json};
use wasim::{FaultPlan, Outgoing};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";
const BEN: &str = "971500000003";
const EVE: &str = "971500000004";

async fn linked(send: &str) -> (Stage, Linked) {
    let stage = Stage::with(Plan {
        settings: format!("[send]\n{send}"),
        ..Plan::default()
    })
    .await;
    let linked = stage.link(OWNER).await;
    (stage, linked)
}

/// Waits until a message says that it waits for this; answers why.
async fn waits_for(stage: &Stage, message: &Value, code: &str) -> Value {
    let path = format!("/messages/{}", text(message, "/id"));
    until(&format!("the message to wait: {code}"), async || {
        let shown = stage.get(&path).await;
        if shown["waiting"]["code"] == code {
            Ok(shown["waiting"].clone())
        } else {
            Err(shown)
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_is_not_on_whatsapp_is_never_written_to() {
    let (stage, linked) = linked("").await;
    let sent = stage.send_text(&linked.id, "+971509999999", "hello?").await;
    let failed = stage.send_state(&sent, "failed").await;
    assert_eq!(text(&failed, "/failure/code"), "not_on_whatsapp");
    assert_eq!(stage.net.with_ledger(|l| l.counts(OWNER).raw_received), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_stranger_stops_new_chats_and_nothing_else() {
    let (mut stage, linked) = linked("warm_up = \"off\"\nnew_chat_gap_s = 0\n").await;
    let ana = stage.contact(ANA);
    stage.contact(BEN);
    stage.contact(EVE);
    ana.send(OWNER, Outgoing::text("Hello")).await.unwrap();
    stage.messages(&linked.id, 1).await;
    let start = text(&stage.get("/events").await, "/next");
    let refuse = FaultPlan {
        refuse_sends: Some(463),
        ..FaultPlan::default()
    };
    stage.net.set_faults(OWNER, refuse);
    let refused = stage
        .send_text(&linked.id, &format!("+{BEN}"), "hello stranger")
        .await;
    let failed = stage.send_state(&refused, "failed").await;
    assert_eq!(text(&failed, "/failure/code"), "restricted");
    stage.net.clear_faults();

    let held = stage
        .send_text(&linked.id, &format!("+{EVE}"), "hello, too")
        .await;
    let why = waits_for(&stage, &held, "restricted").await;
    assert!(why["until"].is_string(), "{why}");
    let path = format!("/accounts/{}/sending", linked.id);
    let sending = stage.get(&path).await;
    assert_eq!(sending["restriction"]["source"], "inferred", "{sending}");
    assert_eq!(sending["restriction"]["until"], why["until"]);
    let told = format!("/events?after={start}&kinds=account.restricted");
    let event = until("the event", async || {
        let events = stage.items(&told).await;
        events.first().cloned().ok_or(events)
    })
    .await;
    assert_eq!(event["data"]["new_chats_barred_until"], why["until"]);

    // Chats that exist go on, and a restart forgets nothing.
    let answer = stage.send_text(&linked.id, &format!("+{ANA}"), "Hi").await;
    stage.send_state(&answer, "delivered").await;
    stage.restart().await;
    stage.account_state(&linked.id, "online").await;
    waits_for(&stage, &held, "restricted").await;
    assert_eq!(stage.apps_show(OWNER), ["Hi"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatsapp_is_asked_until_when_it_bars_new_chats_and_believed() {
    let (stage, linked) = linked("warm_up = \"off\"\nnew_chat_gap_s = 0\n").await;
    stage.contact(BEN);
    let bar = FaultPlan {
        refuse_sends: Some(463),
        bars_new_chats_for: Some(9 * 3_600),
        ..FaultPlan::default()
    };
    stage.net.set_faults(OWNER, bar);
    let to = format!("+{BEN}");
    let refused = stage.send_text(&linked.id, &to, "hello stranger").await;
    stage.send_state(&refused, "failed").await;
    let path = format!("/accounts/{}/sending", linked.id);
    let told = until("what WhatsApp says", async || {
        let sending = stage.get(&path).await;
        let told = sending["restriction"]["source"] == "told";
        if told { Ok(sending) } else { Err(sending) }
    })
    .await;
    let until: jiff::Timestamp = text(&told, "/restriction/until").parse().unwrap();
    let began: jiff::Timestamp = text(&refused, "/sent_at").parse().unwrap();
    let hours = until.duration_since(began).as_secs_f64() / 3_600.0;
    // What is inferred without an answer would be six hours.
    assert!((8.9..9.5).contains(&hours), "{hours}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_young_account_begins_few_chats_and_says_why_the_rest_waits() {
    let (stage, linked) = linked("new_chats_per_day = 10\nnew_chat_gap_s = 0\n").await;
    let ana = stage.contact(ANA);
    stage.contact(BEN);
    stage.contact(EVE);
    let first = stage
        .send_text(&linked.id, &format!("+{BEN}"), "hello")
        .await;
    stage.send_state(&first, "delivered").await;
    let second = stage
        .send_text(&linked.id, &format!("+{EVE}"), "hello")
        .await;
    let why = waits_for(&stage, &second, "warm_up").await;
    assert!(text(&why, "/text").contains("young"), "{why}");
    let sending = stage.get(&format!("/accounts/{}/sending", linked.id)).await;
    assert_eq!(sending["new_chats"], json!({"used": 1, "limit": 1}));
    assert_eq!(sending["share_percent"], 10);
    // Whoever writes is answered.
    ana.send(OWNER, Outgoing::text("Hello")).await.unwrap();
    until("her message", async || {
        let items = stage
            .items(&format!("/conversations?account={}", linked.id))
            .await;
        if items.len() == 3 { Ok(()) } else { Err(items) }
    })
    .await;
    let answer = stage.send_text(&linked.id, &format!("+{ANA}"), "Hi").await;
    stage.send_state(&answer, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_human_pace_somebody_types_before_the_words_come() {
    let (stage, linked) = linked("typing = \"on\"\nwarm_up = \"off\"\n").await;
    stage.contact(ANA);
    let sent = stage
        .send_text(
            &linked.id,
            &format!("+{ANA}"),
            "Shall we meet at the usual place?",
        )
        .await;
    let why = waits_for(&stage, &sent, "typing").await;
    assert!(why["until"].is_string(), "{why}");
    stage.send_state(&sent, "delivered").await;
}
