//! What an account says when WhatsApp or its owner gives it trouble, and how it comes back.

use crate::stage::{Linked, Stage, text};
use wasim::{FaultPlan, LoginRefusal, Outgoing, PastAuthor, PastMessage};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";

async fn linked() -> (Stage, Linked) {
    let stage = Stage::start().await;
    let linked = stage.link(OWNER).await;
    (stage, linked)
}

/// Cuts the connection; logins are refused from then on.
fn refuse(stage: &Stage, linked: &Linked, reason: u16, expires_in: Option<u64>) {
    let refusal = LoginRefusal {
        reason,
        expires_in,
        times: None,
    };
    stage.net.set_faults(
        OWNER,
        FaultPlan {
            refuse_login: Some(refusal),
            ..FaultPlan::default()
        },
    );
    linked.phone.kick();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_comes_back_and_nothing_is_lost() {
    let (stage, linked) = linked().await;
    stage.rule_echo().await;
    let ana = stage.contact(ANA);
    ana.send(OWNER, Outgoing::text("one")).await.unwrap();
    linked.phone.kick();
    ana.send(OWNER, Outgoing::text("two")).await.unwrap();
    stage
        .apps_come_to_show(OWNER, &["Echo: one", "Echo: two"])
        .await;
    stage.account_is(&linked.id, "online", "connected").await;
    let history = stage
        .items(&format!("/accounts/{}/history", linked.id))
        .await;
    let noticed = |change: &serde_json::Value| {
        change["to"] == "recovering" && change["reason"]["code"] == "connection_lost"
    };
    assert!(history.iter().any(noticed), "{history:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_the_device_on_the_phone_logs_the_account_out() {
    let (mut stage, linked) = linked().await;
    let device = linked.phone.linked_devices()[0].device;
    linked.phone.unlink(device).await.unwrap();
    stage
        .account_is(&linked.id, "logged_out", "device_removed")
        .await;
    stage.restart().await;
    stage
        .account_is(&linked.id, "logged_out", "device_removed")
        .await;
    // It can be linked again at once.
    stage
        .post(
            &format!("/accounts/{}/link", linked.id),
            serde_json::json!({"method": "qr"}),
        )
        .await;
    let qr = stage.shown(&linked.id, "qr").await;
    linked.phone.scan(&qr).await.unwrap();
    stage.account_is(&linked.id, "online", "connected").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_whose_phone_is_gone_is_logged_out_and_left_alone() {
    let (stage, linked) = linked().await;
    refuse(&stage, &linked, 403, None);
    let account = stage
        .account_is(&linked.id, "logged_out", "main_device_gone")
        .await;
    assert!(
        text(&account, "/reason/text").contains("phone"),
        "{account}"
    );
    assert!(account["next_attempt_at"].is_null(), "{account}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outdated_client_needs_a_person() {
    let (stage, linked) = linked().await;
    refuse(&stage, &linked, 405, None);
    let account = stage
        .account_is(&linked.id, "needs_attention", "client_outdated")
        .await;
    assert!(
        text(&account, "/reason/text").contains("whatsapp.version"),
        "{account}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_temporary_ban_says_until_when_and_outlasts_a_restart() {
    let (mut stage, linked) = linked().await;
    refuse(&stage, &linked, 402, Some(3_600));
    let account = stage
        .account_is(&linked.id, "banned", "temporary_ban")
        .await;
    assert!(account["reason"]["until"].is_string(), "{account}");
    assert!(account["next_attempt_at"].is_string(), "{account}");
    stage.net.clear_faults();
    stage.restart().await;
    let after = stage
        .account_is(&linked.id, "banned", "temporary_ban")
        .await;
    assert_eq!(after["next_attempt_at"], account["next_attempt_at"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_in_trouble_is_waited_for() {
    let (stage, linked) = linked().await;
    refuse(&stage, &linked, 503, None);
    let account = stage
        .account_is(&linked.id, "recovering", "server_error")
        .await;
    assert!(account["next_attempt_at"].is_string(), "{account}");
    assert!(text(&account, "/reason/text").contains("503"), "{account}");
    stage.net.clear_faults();
    stage.account_is(&linked.id, "online", "connected").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restricted_account_says_why_a_send_failed() {
    let (stage, linked) = linked().await;
    stage.contact(ANA);
    stage.net.set_faults(
        OWNER,
        FaultPlan {
            refuse_sends: Some(463),
            ..FaultPlan::default()
        },
    );
    let sent = stage
        .send_text(&linked.id, &format!("+{ANA}"), "hello stranger")
        .await;
    let failed = stage.send_state(&sent, "failed").await;
    assert_eq!(text(&failed, "/failure/code"), "restricted", "{failed}");
    assert_eq!(stage.apps_show(OWNER), Vec::<String>::new());
    // The account itself is well.
    stage.account_state(&linked.id, "online").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_whose_phone_shares_its_history_answers_none_of_it() {
    let stage = Stage::start().await;
    stage.rule_echo().await;
    let (phone, ana) = (stage.phone(OWNER), stage.contact(ANA));
    let past = |by, words: &str, seconds_ago| PastMessage {
        with: ANA.into(),
        by,
        text: words.into(),
        seconds_ago,
    };
    phone
        .set_history(vec![
            past(PastAuthor::Contact, "Is it free?", 300),
            past(PastAuthor::Owner, "It is", 200),
            past(PastAuthor::Contact, "Great", 100),
        ])
        .unwrap();
    let linked = stage.link_phone(phone).await;
    let messages = stage.messages(&linked.id, 3).await;
    assert!(
        messages.iter().all(|m| m["origin"] == "history"),
        "{messages:?}"
    );
    ana.send(OWNER, Outgoing::text("Hello?")).await.unwrap();
    stage.apps_come_to_show(OWNER, &["Echo: Hello?"]).await;
}
