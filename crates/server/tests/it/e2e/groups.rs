//! Groups.

use crate::stage::{Stage, text, until};
use serde_json::Value;
use wasim::Outgoing;

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";
const BEN: &str = "971500000003";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_hears_the_account_and_the_account_hears_the_group() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    stage.contact(ANA);
    stage.contact(BEN);
    let group = stage.net.add_group("Viewings", ANA, &[BEN, OWNER]).unwrap();
    let id = group
        .send(ANA, Outgoing::text("Who comes at five?"))
        .await
        .unwrap();
    let message = stage.messages(&linked.id, 1).await.remove(0);
    assert_eq!(text(&message, "/wire_id"), id);
    assert_eq!(text(&message, "/content/body"), "Who comes at five?");
    let conversation = stage.conversations(&linked.id, 1).await.remove(0);
    assert_eq!(text(&conversation, "/kind"), "group");
    // Both members' apps show the answer.
    let sent = stage
        .send_text(&linked.id, &text(&conversation, "/id"), "I do")
        .await;
    stage.apps_come_to_show(OWNER, &["I do", "I do"]).await;
    stage.send_state(&sent, "delivered").await;
}

/// Waits for the account's only group to look so; answers it with its members.
async fn group(stage: &Stage, account: &str, what: &str, looks: fn(&Value) -> bool) -> Value {
    let group = until(what, async || {
        let groups = stage.items(&format!("/groups?account={account}")).await;
        match &groups[..] {
            [group] if looks(group) => Ok(group.clone()),
            _ => Err(groups),
        }
    })
    .await;
    stage.get(&format!("/groups/{}", text(&group, "/id"))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_others_made_is_listed_as_it_is_now() {
    let stage = Stage::start().await;
    stage.contact(ANA);
    stage.contact(BEN);
    let linked = stage.link(OWNER).await;
    let account = linked.id.as_str();
    let made = stage.net.add_group("Viewings", ANA, &[OWNER]).unwrap();
    let listed = group(&stage, account, "the new group", |g| {
        g["subject"] == "Viewings"
    })
    .await;
    assert_eq!(text(&listed, "/address"), made.address());
    assert_eq!(
        (&listed["member_count"], &listed["joined"]),
        (&2.into(), &true.into())
    );
    let roles = |group: &Value, role: &str| {
        let members = group["members"].as_array().unwrap();
        members.iter().filter(|m| m["role"] == role).count()
    };
    assert_eq!((roles(&listed, "admin"), roles(&listed, "member")), (1, 1));

    made.set_subject(ANA, "Offers").unwrap();
    made.add(ANA, &[BEN]).unwrap();
    made.promote(ANA, &[BEN]).unwrap();
    let changed = group(&stage, account, "the changes", |g| {
        g["subject"] == "Offers" && g["member_count"] == 3
    })
    .await;
    assert_eq!(changed["id"], listed["id"]);
    until("Ben to be an admin", async || {
        let now = group(&stage, account, "the group", |_| true).await;
        if roles(&now, "admin") == 2 {
            Ok(())
        } else {
            Err(now)
        }
    })
    .await;

    made.remove(ANA, &[OWNER]).unwrap();
    let left = group(&stage, account, "the account to be out", |g| {
        g["joined"] == false
    })
    .await;
    assert_eq!(text(&left, "/subject"), "Offers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_from_before_the_link_are_listed() {
    let stage = Stage::start().await;
    stage.contact(ANA);
    let phone = stage.phone(OWNER);
    stage.net.add_group("Old friends", ANA, &[OWNER]).unwrap();
    stage.net.add_group("Others", ANA, &[]).unwrap();
    let linked = stage.link_phone(phone).await;
    let listed = group(&stage, &linked.id, "the old group", |_| true).await;
    assert_eq!(text(&listed, "/subject"), "Old friends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_to_a_group_while_away_is_seen_afterwards() {
    let mut stage = Stage::start().await;
    stage.contact(ANA);
    let linked = stage.link(OWNER).await;
    let made = stage.net.add_group("Before", ANA, &[OWNER]).unwrap();
    group(&stage, &linked.id, "the group", |g| {
        g["subject"] == "Before"
    })
    .await;
    stage.stop().await;
    made.set_subject(ANA, "After").unwrap();
    let late = stage.net.add_group("Late", ANA, &[OWNER]).unwrap();
    late.send(ANA, Outgoing::text("hello all")).await.unwrap();
    stage.begin(None).await;
    until("both groups", async || {
        let path = format!("/groups?account={}", linked.id);
        let mut subjects: Vec<String> = stage
            .items(&path)
            .await
            .iter()
            .map(|g| text(g, "/subject"))
            .collect();
        subjects.sort();
        if subjects == ["After", "Late"] {
            Ok(())
        } else {
            Err(subjects)
        }
    })
    .await;
}
