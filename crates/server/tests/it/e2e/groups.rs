//! Groups.

use crate::stage::{Stage, text};
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
