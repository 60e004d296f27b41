//! An old backup comes back in the middle of conversations.

use crate::stage::{Stage, text};
use serde_json::json;
use wasim::Outgoing;

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";
const BEN: &str = "971500000003";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_backup_sends_nothing_twice_and_understands_everybody_again() {
    let mut stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    stage.rule_echo().await;
    let (ana, ben) = (stage.contact(ANA), stage.contact(BEN));
    ana.send(OWNER, Outgoing::text("one")).await.unwrap();
    stage.apps_come_to_show(OWNER, &["Echo: one"]).await;
    stage.settled(&linked.id).await;

    // A send waits while the backup is made, and goes out afterwards.
    let account = format!("/accounts/{}", linked.id);
    stage.post(&format!("{account}/pause"), json!({})).await;
    stage.account_state(&linked.id, "disabled").await;
    let waiting = stage
        .send_text(&linked.id, &format!("+{ANA}"), "An offer")
        .await;
    let copy = stage.folder.path().join("copy");
    let copy = copy.to_str().unwrap();
    stage.command(&["backup", copy]).await;
    stage.post(&format!("{account}/resume"), json!({})).await;
    stage
        .apps_come_to_show(OWNER, &["Echo: one", "An offer"])
        .await;

    // Life goes on, and every ratchet with it.
    ana.send(OWNER, Outgoing::text("two")).await.unwrap();
    let so_far = ["Echo: one", "An offer", "Echo: two"];
    stage.apps_come_to_show(OWNER, &so_far).await;
    ben.send(OWNER, Outgoing::text("new here")).await.unwrap();
    let so_far = ["Echo: one", "An offer", "Echo: two", "Echo: new here"];
    stage.apps_come_to_show(OWNER, &so_far).await;
    stage.settled(&linked.id).await;

    stage.stop().await;
    let restored = stage.command(&["restore", copy, "--force"]).await;
    assert_eq!(restored["sends_held"], 1, "{restored}");
    stage.begin(None).await;
    // As it was when the backup was made: paused.
    stage.account_state(&linked.id, "disabled").await;
    stage.post(&format!("{account}/resume"), json!({})).await;
    stage.account_state(&linked.id, "online").await;
    let held = stage
        .get(&format!("/messages/{}", text(&waiting, "/id")))
        .await;
    assert_eq!(held["state"], "held", "nobody knows whether it went out");

    ana.send(OWNER, Outgoing::text("three")).await.unwrap();
    ana.send(OWNER, Outgoing::text("four")).await.unwrap();
    let so_far = [so_far.as_slice(), &["Echo: three", "Echo: four"]].concat();
    stage.apps_come_to_show(OWNER, &so_far).await;
    ben.send(OWNER, Outgoing::text("still there?"))
        .await
        .unwrap();
    let so_far = [so_far.as_slice(), &["Echo: still there?"]].concat();
    stage.apps_come_to_show(OWNER, &so_far).await;
    stage.settled(&linked.id).await;
    let counts = stage.net.with_ledger(|l| l.counts(OWNER));
    assert_eq!(
        (counts.shown, counts.hidden_doubles),
        (so_far.len() as u64, 0),
        "{counts:?}"
    );
}
