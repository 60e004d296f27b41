//! One database belongs to one program at a time; one that hangs is replaced and changes nothing any more.

use crate::stage::{Plan, Stage, until};
use wasim::Outgoing;

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_hangs_is_replaced_and_one_that_works_is_not() {
    let mut stage = Stage::with(Plan {
        settings: "[store]\nstale_s = 3\n".into(),
        ..Plan::default()
    })
    .await;
    let linked = stage.link(OWNER).await;
    stage.rule_echo().await;
    let ana = stage.contact(ANA);
    ana.send(OWNER, Outgoing::text("one")).await.unwrap();
    stage.apps_come_to_show(OWNER, &["Echo: one"]).await;
    // As often as one likes, for longer than it may be silent.
    for _ in 0..4 {
        let said = stage.refused_command(&["serve"]).await;
        assert!(said.contains("is in use by another waypost"), "{said}");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    stage.hang();
    let said = stage.refused_command(&["serve"]).await;
    assert!(
        said.contains("is in use by another waypost"),
        "too early: {said}"
    );
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let old = stage.replace().await;
    stage.account_state(&linked.id, "online").await;
    ana.send(OWNER, Outgoing::text("two")).await.unwrap();
    stage
        .apps_come_to_show(OWNER, &["Echo: one", "Echo: two"])
        .await;

    old.wakes_and_ends("another Waypost has taken this database over")
        .await;
    // Nothing that it did afterwards counts, and the account goes on here.
    stage.account_state(&linked.id, "online").await;
    ana.send(OWNER, Outgoing::text("three")).await.unwrap();
    stage
        .apps_come_to_show(OWNER, &["Echo: one", "Echo: two", "Echo: three"])
        .await;
    let said = stage.refused_command(&["serve"]).await;
    assert!(said.contains("is in use by another waypost"), "{said}");
    until("the counts to settle", async || {
        let status = stage.get("/status").await;
        let waiting = status["queues"]["unfinished"].as_i64();
        if waiting == Some(0) {
            Ok(())
        } else {
            Err(status)
        }
    })
    .await;
}
