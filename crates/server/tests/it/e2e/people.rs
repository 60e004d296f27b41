//! Who is who, what they are called, and what the owner reads on the phone.

use crate::stage::{Stage, text, until};
use reqwest::Method;
use serde_json::{Value, json};
use wasim::{Outgoing, PastAuthor, PastMessage};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_owner_reads_on_the_phone_is_read_here() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    let first = ana.send(OWNER, Outgoing::text("one")).await.unwrap();
    let second = ana.send(OWNER, Outgoing::text("two")).await.unwrap();
    stage.messages(&linked.id, 2).await;
    let unread = async |count: i64| {
        until(&format!("{count} unread"), async || {
            let talk = stage.conversations(&linked.id, 1).await.remove(0);
            if talk["unread"] == count {
                Ok(())
            } else {
                Err(talk)
            }
        })
        .await;
    };
    unread(2).await;
    let start = text(&stage.get("/events").await, "/next");
    linked.phone.read(ANA, &[&first]).unwrap();
    unread(1).await;
    linked.phone.read(ANA, &[&second]).unwrap();
    unread(0).await;
    let path = format!("/events?after={start}&kinds=conversation.read");
    let told = stage.items(&path).await;
    let left: Vec<&Value> = told.iter().map(|event| &event["data"]["unread"]).collect();
    assert_eq!(left, [&json!(1), &json!(0)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_known_from_history_is_called_what_they_call_themselves() {
    let stage = Stage::start().await;
    stage.contact(ANA);
    let phone = stage.phone(OWNER);
    phone
        .set_history(vec![PastMessage {
            with: ANA.into(),
            by: PastAuthor::Owner,
            text: "see you".into(),
            seconds_ago: 3_600,
        }])
        .unwrap();
    stage.link_phone(phone).await;
    until("the contact's name", async || {
        let contacts = stage.items("/contacts").await;
        match &contacts[..] {
            [ana] if ana["push_name"] == format!("Contact {ANA}") => Ok(()),
            _ => Err(contacts),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_of_two_contacts_can_be_taken_back() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    // Written to under both addresses before anybody could know that they are one person's.
    let by_number = stage
        .send_text(&linked.id, &format!("+{ANA}"), "by number")
        .await;
    let by_lid = stage
        .send_text(&linked.id, &format!("{}@lid", ana.lid()), "by LID")
        .await;
    let apart = stage.conversations(&linked.id, 2).await;
    assert_ne!(by_number["conversation"], by_lid["conversation"]);
    assert_eq!(stage.items("/contacts").await.len(), 2);

    ana.send(OWNER, Outgoing::text("both are me"))
        .await
        .unwrap();
    stage.messages(&linked.id, 3).await;
    assert_eq!(stage.items("/contacts").await.len(), 1);
    let merge = stage.items("/contacts/merges").await.remove(0);
    let path = format!("/contacts/merges/{}/undo", text(&merge, "/id"));
    let undone = stage.post(&path, json!({})).await;
    assert_eq!(undone["id"], merge["id"]);
    assert!(undone["undone_at"].is_string(), "{undone}");

    // Both are there again, with what was said to each.
    assert_eq!(stage.items("/contacts").await.len(), 2);
    let again = stage.conversations(&linked.id, 2).await;
    let ids = |talks: &[Value]| {
        let mut ids: Vec<String> = talks.iter().map(|talk| text(talk, "/id")).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&apart), ids(&again));
    for sent in [&by_number, &by_lid] {
        let conversation = text(sent, "/conversation");
        let said = stage
            .items(&format!("/conversations/{conversation}/messages"))
            .await;
        assert!(
            said.iter().any(|message| message["id"] == sent["id"]),
            "{said:?}"
        );
    }
    // Once is enough, and it says so.
    let twice = stage
        .request(Method::POST, &path)
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(twice.status(), 409);
    // Nothing that a stanza says merges them again.
    ana.send(OWNER, Outgoing::text("still me")).await.unwrap();
    until("the next message", async || {
        let talks = stage.conversations(&linked.id, 2).await;
        if talks.iter().any(|talk| talk["unread"] == 2) {
            Ok(())
        } else {
            Err(talks)
        }
    })
    .await;
    assert_eq!(stage.items("/contacts").await.len(), 2);
}
