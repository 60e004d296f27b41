//! Messages in and out.

use crate::stage::{Stage, text, until};
use serde_json::json;
use wasim::{Outgoing, Script, SendHow};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_is_stored_and_answered_once() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    stage.rule_echo().await;
    let ana = stage.contact(ANA);
    let id = ana.send(OWNER, Outgoing::text("hello")).await.unwrap();
    stage.apps_come_to_show(OWNER, &["Echo: hello"]).await;
    let messages = stage.messages(&linked.id, 2).await;
    let (answer, question) = (&messages[0], &messages[1]);
    assert_eq!(text(question, "/wire_id"), id);
    assert_eq!(text(question, "/content/body"), "hello");
    assert_eq!(text(question, "/origin"), "live");
    assert_eq!(text(question, "/sender/name"), format!("Contact {ANA}"));
    assert_eq!(text(answer, "/content/body"), "Echo: hello");
    stage.send_state(answer, "delivered").await;
    let judged = stage
        .net
        .with_ledger(|l| l.judge_answers(|t| Some(t.replace("Echo: ", ""))));
    assert!(judged.is_clean() && judged.answered == 1, "{judged:?}");
    assert_eq!(judged.latencies.len(), 1);
    println!(
        "from the contact's send to the answer on their screen: {:?}",
        judged.latencies[0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_message_to_somebody_goes_from_accepted_to_read() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    stage.contact(ANA).on_message(Script::Read);
    let sent = stage
        .send_text(&linked.id, &format!("+{ANA}"), "Are you coming?")
        .await;
    assert_eq!(text(&sent, "/state"), "accepted");
    stage.send_state(&sent, "read").await;
    stage.apps_come_to_show(OWNER, &["Are you coming?"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_through_the_api_goes_from_accepted_to_read() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    ana.on_message(Script::Read);
    ana.send(OWNER, Outgoing::text("Is it free?"))
        .await
        .unwrap();
    let conversation = text(&stage.conversations(&linked.id, 1).await[0], "/id");
    let sent = stage.send_text(&linked.id, &conversation, "It is.").await;
    stage.send_state(&sent, "read").await;
    stage.apps_come_to_show(OWNER, &["It is."]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_written_to_first_answers_into_the_same_conversation() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    let sent = stage
        .send_text(&linked.id, &format!("+{ANA}"), "Are you coming?")
        .await;
    stage.apps_come_to_show(OWNER, &["Are you coming?"]).await;
    ana.send(OWNER, Outgoing::text("I am")).await.unwrap();
    let messages = stage.messages(&linked.id, 2).await;
    assert!(
        messages.iter().any(|m| m["id"] == sent["id"]),
        "{messages:?}"
    );
    assert_eq!(stage.items("/contacts").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_owner_writes_on_the_phone_is_stored_but_not_answered() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    stage.rule_echo().await;
    let ana = stage.contact(ANA);
    linked
        .phone
        .send(ANA, Outgoing::text("I will call you"))
        .await
        .unwrap();
    let own = stage.messages(&linked.id, 1).await.remove(0);
    assert_eq!(
        (text(&own, "/origin"), text(&own, "/direction")),
        ("own".into(), "out".into())
    );
    // A later message of the same lane is answered, so the first one was passed over.
    ana.send(OWNER, Outgoing::text("thanks")).await.unwrap();
    stage.apps_come_to_show(OWNER, &["Echo: thanks"]).await;
    stage.messages(&linked.id, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_from_yesterday_is_stored_but_not_answered() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    stage.rule_echo().await;
    let ana = stage.contact(ANA);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let how = SendHow {
        sent_at: Some(now - 24 * 3600),
        ..SendHow::default()
    };
    ana.send_how(OWNER, Outgoing::text("is it still free?"), how)
        .await
        .unwrap();
    ana.send(OWNER, Outgoing::text("and now?")).await.unwrap();
    stage.apps_come_to_show(OWNER, &["Echo: and now?"]).await;
    stage.messages(&linked.id, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_cannot_be_decrypted_at_first_is_answered_once() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    stage.rule_echo().await;
    let ana = stage.contact(ANA);
    let how = SendHow {
        undecryptable_first: true,
        ..SendHow::default()
    };
    let id = ana
        .send_how(OWNER, Outgoing::text("garbled"), how)
        .await
        .unwrap();
    stage.apps_come_to_show(OWNER, &["Echo: garbled"]).await;
    let messages = stage.messages(&linked.id, 2).await;
    let repaired = messages
        .iter()
        .find(|m| m["wire_id"] == id.as_str())
        .unwrap();
    assert_eq!(text(repaired, "/content/body"), "garbled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_under_both_addresses_is_one_conversation() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    for (address, words) in [
        (wasim::UseAddress::Pn, "by number"),
        (wasim::UseAddress::Lid, "by LID"),
    ] {
        let how = SendHow {
            address,
            ..SendHow::default()
        };
        ana.send_how(OWNER, Outgoing::text(words), how)
            .await
            .unwrap();
    }
    stage.messages(&linked.id, 2).await;
    assert_eq!(stage.items("/contacts").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_idempotency_key_sends_once() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    stage.contact(ANA);
    let body = json!({"account": linked.id, "to": format!("+{ANA}"), "content": {"kind": "text", "body": "once"}});
    let mut ids = Vec::new();
    for _ in 0..2 {
        let request = stage
            .request(reqwest::Method::POST, "/messages")
            .header("Idempotency-Key", "k1");
        let answer: serde_json::Value = request
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        ids.push(text(&answer, "/id"));
    }
    assert_eq!(ids[0], ids[1]);
    stage.settled(&linked.id).await;
    until("it on the screen", async || {
        let shown = stage.apps_show(OWNER);
        if shown == ["once"] {
            Ok(())
        } else {
            Err(shown)
        }
    })
    .await;
}
