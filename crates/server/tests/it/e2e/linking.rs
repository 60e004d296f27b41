//! How an account comes to be linked.

use crate::stage::{Plan, Stage, text, until};
use wasim::NetworkConfig;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scanning_the_qr_code_brings_an_account_online() {
    let stage = Stage::start().await;
    let linked = stage.link("971500000001").await;
    let account = stage.account_is(&linked.id, "online", "connected").await;
    assert_eq!(text(&account, "/phone"), "+971500000001");
    assert!(text(&account, "/lid").contains(linked.phone.lid()));
    assert_eq!(linked.phone.linked_devices().len(), 1);
    // What the owner of the screen sees: the code is gone.
    let link = stage.get(&format!("/accounts/{}/link", linked.id)).await;
    assert_eq!(
        (&link["status"], &link["qr"]),
        (&"linked".into(), &serde_json::Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typing_the_pairing_code_brings_an_account_online() {
    let stage = Stage::start().await;
    let phone = stage.phone("971500000001");
    let account = stage.begin_link("971500000001", "code").await;
    let code = stage.shown(&account, "code").await;
    assert_eq!(code.len(), 9, "two groups of four: {code}");
    phone.type_code(&code).await.unwrap();
    stage.account_is(&account, "online", "connected").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scan_teaches_how_long_codes_should_wait() {
    let mut stage = Stage::start().await;
    let linked = stage.link("971500000001").await;
    let path = format!("/accounts/{}/link", linked.id);
    let learned = async |stage: &Stage| {
        until("a scan that counts", async || {
            let link = stage.get(&path).await;
            if link["window"]["samples"] == 1 {
                Ok(link["window"].clone())
            } else {
                Err(link)
            }
        })
        .await
    };
    let window = learned(&stage).await;
    // One scan is no experience yet: the setting holds.
    assert_eq!(
        (&window["seconds"], &window["basis"], &window["strategy"]),
        (&120.into(), &"base".into(), &"survival".into())
    );
    assert_eq!(window["needs_new_refs"], false);
    assert!(window["median_s"].as_f64().unwrap() > 0.0, "{window}");
    let metrics = stage.metrics().await;
    for line in [
        "waypost_link_scans_total{kind=\"qr\"} 1",
        "waypost_link_attempts_total{outcome=\"linked\"} 1",
        "waypost_link_regenerations_total 0",
        "waypost_link_scan_seconds_count{kind=\"qr\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    // It is remembered.
    stage.restart().await;
    learned(&stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_survives_a_restart() {
    let mut stage = Stage::start().await;
    let linked = stage.link("971500000001").await;
    stage.restart().await;
    stage.account_is(&linked.id, "online", "connected").await;
    assert_eq!(
        linked.phone.linked_devices().len(),
        1,
        "it must be the same device"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_qr_code_that_nobody_scans_gives_way_to_a_pairing_code() {
    let network = NetworkConfig {
        qr_ref_first_ms: 4_000,
        qr_ref_next_ms: 2_000,
        ..Default::default()
    };
    let settings = "[link]\nwindow_s = 10\nregenerations_max = 1\n".into();
    let stage = Stage::with(Plan {
        network,
        settings,
        ..Plan::default()
    })
    .await;
    let phone = stage.phone("971500000001");
    let account = stage.begin_link("971500000001", "qr").await;
    let first = stage.shown(&account, "qr").await;
    until("another set of codes", async || {
        let link = stage.get(&format!("/accounts/{account}/link")).await;
        let anew =
            link["regeneration"] == 1 && link["qr"].is_string() && link["qr"] != first.as_str();
        if anew { Ok(()) } else { Err(link) }
    })
    .await;
    let code = stage.shown(&account, "code").await;
    phone.type_code(&code).await.unwrap();
    stage.account_state(&account, "online").await;
}
