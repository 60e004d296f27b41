//! What a person types, against an account that is really linked.

use crate::stage::{Plan, Stage, text, until};
use serde_json::json;
use wasim::{FaultPlan, LoginRefusal, Outgoing};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";

/// A wait between tries that is longer than any that a test has patience for.
const PATIENT: &str = "[recovery]\nbackoff_ms = 60000\nbackoff_max_ms = 60000\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sees_the_device_what_went_through_and_how_all_accounts_are() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    stage.rule_echo().await;
    ana.send(OWNER, Outgoing::text("Hello")).await.unwrap();
    stage.apps_come_to_show(OWNER, &["Echo: Hello"]).await;

    let device = stage.command(&["device", OWNER]).await;
    assert_eq!(device["session"]["state"], "valid", "{device}");
    assert!(text(&device, "/address").starts_with(OWNER), "{device}");
    assert!(device["device"].as_u64().unwrap() > 0, "{device}");
    assert!(
        device["session"]["conversations"].as_u64().unwrap() > 0,
        "{device}"
    );
    assert!(!text(&device, "/linked_at").is_empty(), "{device}");
    assert_eq!(device["shown_as"], "Waypost");

    let stats = until("WhatsApp's word that it accepted the answer", async || {
        let stats = stage.command(&["stats", OWNER]).await;
        match stats["accepted"]["count"].as_u64() {
            Some(1) => Ok(stats),
            _ => Err(stats),
        }
    })
    .await;
    assert_eq!(
        (&stats["received"], &stats["sent"]),
        (&json!(1), &json!(1)),
        "{stats}"
    );
    assert_eq!(
        (&stats["failed"], &stats["links"]["linked"]),
        (&json!(0), &json!(1)),
        "{stats}"
    );
    let all = stage.command(&["stats", "--hours", "1"]).await;
    assert_eq!(all["total"]["received"], 1, "{all}");
    assert_eq!(all["accounts"][0]["id"], json!(linked.id));

    let list = stage.command(&["list"]).await;
    assert_eq!(list[0]["state"], "online", "{list}");
    let health = stage.command(&["health", OWNER]).await;
    assert!(!text(&health, "/liveness/heard_at").is_empty(), "{health}");
    let status = stage.command(&["status"]).await;
    assert_eq!(status["accounts"]["online"], 1, "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_waits_is_brought_back_when_a_person_says_so() {
    let stage = Stage::with(Plan {
        settings: PATIENT.to_owned(),
        ..Plan::default()
    })
    .await;
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    stage.net.set_faults(
        OWNER,
        FaultPlan {
            refuse_login: Some(LoginRefusal {
                reason: 503,
                expires_in: None,
                times: None,
            }),
            ..FaultPlan::default()
        },
    );
    linked.phone.kick();
    stage
        .account_is(&linked.id, "recovering", "server_error")
        .await;
    stage.net.clear_faults();
    ana.send(OWNER, Outgoing::text("Anybody there?"))
        .await
        .unwrap();

    // By itself it would wait for a minute.
    let well = stage.command(&["recover", OWNER]).await;
    assert_eq!(well["state"], "online", "{well}");
    // One that is up proves that it is.
    let before = text(&well, "/liveness/served_at");
    let proven = stage.command(&["recover", &linked.id]).await;
    assert!(text(&proven, "/liveness/served_at") > before, "{proven}");
    stage.messages(&linked.id, 1).await;

    // With the session as it is stored the conversation goes on.
    let restored = stage.command(&["account", "restore", OWNER]).await;
    assert_eq!(restored["state"], "online", "{restored}");
    let sent = stage.send_text(&linked.id, ANA, "Here again").await;
    stage.send_state(&sent, "delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_brought_back_is_refused_with_what_to_do() {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    stage.post("/accounts", json!({"name": "Annex"})).await;
    let said = stage.refused_command(&["recover", "Annex"]).await;
    assert!(said.contains("not linked"), "{said}");
    let said = stage
        .refused_command(&["account", "restore", "Annex"])
        .await;
    assert!(said.contains("link this account"), "{said}");
    stage.command(&["account", "pause", OWNER]).await;
    let said = stage.refused_command(&["recover", OWNER]).await;
    assert!(said.contains("paused"), "{said}");
    // Nobody was named, and nobody can be asked: those that exist are listed.
    let said = stage.refused_command(&["recover"]).await;
    assert!(said.contains("recover") && said.contains("Annex"), "{said}");
    let said = stage.refused_command(&["restore", "Annex"]).await;
    assert!(said.contains("waypost account restore"), "{said}");
    stage.command(&["account", "resume", OWNER]).await;
    stage.account_state(&linked.id, "online").await;
}
