//! What happens to an account for every fault that the network can inject: which rung heals it, and
//! what a person sees when none can. The timings are those of a rehearsal; the rungs are the real ones.
//!
//! The first stories are what people report most about other programs: connected, and dead.

use crate::stage::{Linked, Plan, Stage, text, until};
use serde_json::{Value, json};
use wasim::{FaultPlan, LoginRefusal, Outgoing, StreamError};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";

/// Short enough to wait for, long enough for a busy machine to answer in.
const REHEARSAL: &str = "
[liveness]
check_ms = 500
answer_ms = 3000
stale_ms = 2000
[recovery]
backoff_ms = 100
backoff_max_ms = 200
tries = 3
breaker_errors = 3
cooldowns_s = [2, 3, 4, 5]
";

async fn rehearsal() -> Stage {
    let settings = REHEARSAL.to_owned();
    Stage::with(Plan {
        settings,
        ..Plan::default()
    })
    .await
}

async fn linked() -> (Stage, Linked) {
    let stage = rehearsal().await;
    let linked = stage.link(OWNER).await;
    (stage, linked)
}

fn refusal(reason: u16, times: Option<u32>) -> FaultPlan {
    FaultPlan {
        refuse_login: Some(LoginRefusal {
            reason,
            expires_in: (reason == 402).then_some(3_600),
            times,
        }),
        ..FaultPlan::default()
    }
}

/// Every login is refused from now on, and the connection is cut.
fn refuse(stage: &Stage, linked: &Linked, reason: u16) {
    stage.net.set_faults(OWNER, refusal(reason, None));
    linked.phone.kick();
}

async fn account(stage: &Stage, linked: &Linked) -> Value {
    stage.get(&format!("/accounts/{}", linked.id)).await
}

/// Waits until the account's recovery is as described; answers the account.
async fn recovers(
    stage: &Stage,
    linked: &Linked,
    what: &str,
    there: impl Fn(&Value) -> bool,
) -> Value {
    until(what, async || {
        let shown = account(stage, linked).await;
        if there(&shown["recovery"]) {
            Ok(shown)
        } else {
            Err(shown)
        }
    })
    .await
}

async fn well(stage: &Stage, linked: &Linked) -> Value {
    let account = stage.account_is(&linked.id, "online", "connected").await;
    recovers(stage, linked, "nothing to recover", Value::is_null).await;
    account
}

async fn changes(stage: &Stage, linked: &Linked) -> Vec<(String, String)> {
    let history = format!("/accounts/{}/history?limit=200", linked.id);
    let changes = stage.items(&history).await;
    let mut changes: Vec<_> = changes
        .iter()
        .map(|c| (text(c, "/to"), text(c, "/reason/code")))
        .collect();
    changes.reverse();
    changes
}

fn has(changes: &[(String, String)], to: &str, reason: &str) -> bool {
    changes.iter().any(|c| c.0 == to && c.1 == reason)
}

async fn metrics(stage: &Stage) -> String {
    let url = format!("http://{}/metrics", stage.address());
    reqwest::get(url).await.unwrap().text().await.unwrap()
}

/// The value of a counter with these labels, and 0 when nothing was counted.
fn counted(metrics: &str, name: &str, labels: &[&str]) -> u64 {
    let is_it = |line: &&str| {
        let named = line.strip_prefix(name);
        named.is_some_and(|rest| rest.starts_with([' ', '{']))
            && labels.iter().all(|label| line.contains(label))
    };
    let line = metrics.lines().find(is_it);
    line.and_then(|line| line.rsplit(' ').next())
        .map_or(0, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_socket_that_fell_silent_is_found_replaced_and_its_backlog_arrives() {
    let (stage, linked) = linked().await;
    stage.rule_echo().await;
    let ana = stage.contact(ANA);
    let silent = FaultPlan {
        silent: true,
        ..FaultPlan::default()
    };
    stage.net.set_faults(OWNER, silent);
    ana.send(OWNER, Outgoing::text("Anybody there?"))
        .await
        .unwrap();
    let degraded = stage
        .account_is(&linked.id, "degraded", "keepalive_timeout")
        .await;
    assert_eq!(degraded["recovery"]["rung"], "probe", "{degraded}");
    assert_eq!(degraded["recovery"]["then"], "reconnect", "{degraded}");
    stage
        .account_is(&linked.id, "recovering", "keepalive_timeout")
        .await;
    stage.net.clear_faults();
    stage
        .apps_come_to_show(OWNER, &["Echo: Anybody there?"])
        .await;
    well(&stage, &linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_answers_pings_and_delivers_nothing_is_left_and_the_backlog_arrives() {
    let (stage, linked) = linked().await;
    let ana = stage.contact(ANA);
    linked
        .phone
        .go_offline(std::time::Duration::from_secs(3_600));
    // Until the next login nothing is delivered and nothing is accepted: "a restart brings it all".
    let unserved = FaultPlan {
        lose_ack: 1.0,
        lose_delivery: 1.0,
        ..FaultPlan::default()
    };
    stage.net.set_faults(OWNER, unserved);
    ana.send(OWNER, Outgoing::text("one")).await.unwrap();
    ana.send(OWNER, Outgoing::text("two")).await.unwrap();
    let messages = stage.messages(&linked.id, 2).await;
    assert_eq!(text(&messages[0], "/content/body"), "two");
    let changes = changes(&stage, &linked).await;
    assert!(has(&changes, "degraded", "not_served"), "{changes:?}");
    assert!(has(&changes, "recovering", "not_served"), "{changes:?}");
    stage.net.clear_faults();
    well(&stage, &linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_ends_over_one_acknowledgement_comes_back_and_brings_what_was_said_meanwhile()
{
    let (stage, linked) = linked().await;
    stage.rule_echo().await;
    let ana = stage.contact(ANA);
    let mut shown = Vec::new();
    for words in ["one", "two", "three"] {
        let same = StreamError::Ack("3EB00000000000000000A1".into());
        linked.phone.stream_error(same).await;
        ana.send(OWNER, Outgoing::text(words)).await.unwrap();
        shown.push(format!("Echo: {words}"));
        let expected: Vec<&str> = shown.iter().map(String::as_str).collect();
        stage.apps_come_to_show(OWNER, &expected).await;
    }
    well(&stage, &linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_account_is_asked_and_left_connected() {
    let (stage, linked) = linked().await;
    let asked = until("ten answered probes and two round trips", async || {
        let metrics = metrics(&stage).await;
        let of = |question: &str| {
            let labels = [question, "answered"];
            counted(&metrics, "waypost_liveness_questions_total", &labels)
        };
        if of("probe") >= 10 && of("round_trip") >= 2 {
            Ok(metrics)
        } else {
            Err(metrics)
        }
    })
    .await;
    assert_eq!(
        counted(&asked, "waypost_connects_total", &[]),
        0,
        "the connection of the link is still the one"
    );
    let shown = well(&stage, &linked).await;
    for known in ["heard_at", "served_at", "phone_seen_at", "next_check_at"] {
        assert!(shown["liveness"][known].is_string(), "{known}: {shown}");
    }
    let changes = changes(&stage, &linked).await;
    assert!(
        !changes
            .iter()
            .any(|c| c.0 == "degraded" || c.0 == "recovering"),
        "{changes:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_logins_is_met_rung_by_rung_and_forgiven() {
    for reason in [500, 503] {
        let (stage, linked) = linked().await;
        refuse(&stage, &linked, reason);
        let shown = recovers(&stage, &linked, "a new socket", |r| {
            r["rung"] == "reconnect"
        })
        .await;
        assert_eq!(shown["recovery"]["class"], "network", "{shown}");
        let called = recovers(&stage, &linked, "the last rung, and a call", |r| {
            r["rung"] == "rebuild" && r["person_called"] == true && r["breaker"]["state"] == "open"
        })
        .await;
        assert_eq!(called["state"], "recovering", "{called}");
        assert_eq!(called["recovery"]["doing"], "waiting", "{called}");
        assert!(called["recovery"]["at"].is_string(), "{called}");
        let metrics = metrics(&stage).await;
        for rung in ["reconnect", "restore", "rebuild"] {
            let tried = counted(&metrics, "waypost_recovery_attempts_total", &[rung]);
            assert!(tried > 0, "{rung}: {metrics}");
        }
        stage.net.clear_faults();
        // No person came, and it heals.
        well(&stage, &linked).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_in_trouble_for_a_moment_is_healed_by_a_new_socket() {
    let (stage, linked) = linked().await;
    stage.net.set_faults(OWNER, refusal(503, Some(2)));
    linked.phone.kick();
    until("the way back", async || {
        let changes = changes(&stage, &linked).await;
        let back = changes
            .iter()
            .skip_while(|c| c.1 != "server_error")
            .any(|c| c.0 == "online");
        if back { Ok(()) } else { Err(changes) }
    })
    .await;
    well(&stage, &linked).await;
    let metrics = metrics(&stage).await;
    let healed = counted(&metrics, "waypost_recovery_healed_total", &["reconnect"]);
    assert!(healed >= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_requests_are_answered_by_fewer() {
    let (stage, linked) = linked().await;
    refuse(&stage, &linked, 429);
    let shown = recovers(&stage, &linked, "a wait", |r| {
        r["doing"] == "waiting"
            && r["reason"]["text"]
                .as_str()
                .is_some_and(|t| t.contains("429"))
    })
    .await;
    let millis = |at: &str| at.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let (since, at) = (
        millis(&text(&shown, "/recovery/since")),
        millis(&text(&shown, "/recovery/at")),
    );
    assert!(at - since >= 60_000, "{shown}");
    // A person need not wait.
    stage.net.clear_faults();
    stage
        .post(&format!("/accounts/{}/reconnect", linked.id), json!({}))
        .await;
    well(&stage, &linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_a_person_can_mend_is_offered_and_never_tried_and_no_session_is_thrown_away() {
    for (reason, state, code, rung, class) in [
        (401, "logged_out", "device_removed", "relink_qr", "auth"),
        (403, "logged_out", "main_device_gone", "relink_qr", "auth"),
        (
            405,
            "needs_attention",
            "client_outdated",
            "person",
            "protocol",
        ),
    ] {
        let (stage, linked) = linked().await;
        refuse(&stage, &linked, reason);
        let shown = stage.account_is(&linked.id, state, code).await;
        let recovery = &shown["recovery"];
        assert_eq!(recovery["rung"], rung, "{shown}");
        assert_eq!(recovery["class"], class, "{shown}");
        assert_eq!(recovery["doing"], "offered", "{shown}");
        assert_eq!(recovery["person_called"], true, "{shown}");
        assert!(recovery["at"].is_null(), "nothing by itself: {shown}");
        // Had it been a mistake of theirs, the session is still good.
        stage.net.clear_faults();
        stage
            .post(&format!("/accounts/{}/reconnect", linked.id), json!({}))
            .await;
        well(&stage, &linked).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_takeover_is_not_fought_over() {
    let (stage, linked) = linked().await;
    linked.phone.stream_error(StreamError::Code(409)).await;
    let shown = stage
        .account_is(&linked.id, "needs_attention", "stream_replaced")
        .await;
    assert_eq!(shown["recovery"]["rung"], "person", "{shown}");
    assert_eq!(shown["recovery"]["class"], "lock", "{shown}");
    stage
        .post(&format!("/accounts/{}/reconnect", linked.id), json!({}))
        .await;
    well(&stage, &linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ban_is_waited_out_and_its_end_is_shown() {
    let (stage, linked) = linked().await;
    refuse(&stage, &linked, 402);
    let shown = stage
        .account_is(&linked.id, "banned", "temporary_ban")
        .await;
    assert_eq!(shown["recovery"]["doing"], "waiting", "{shown}");
    assert_eq!(shown["recovery"]["class"], "auth", "{shown}");
    assert_eq!(shown["recovery"]["at"], shown["next_attempt_at"], "{shown}");
    assert!(
        text(&shown, "/recovery/at") >= text(&shown, "/reason/until"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_can_read_nobody_is_rebuilt_once_and_then_says_so() {
    let (stage, linked) = linked().await;
    let people: Vec<_> = (0..3)
        .map(|n| stage.contact(&format!("97150000010{n}")))
        .collect();
    // What the phone says would be readable.
    let hour = std::time::Duration::from_secs(3_600);
    linked.phone.go_offline(hour);
    let garbled = FaultPlan {
        undecryptable: 1.0,
        retry_late_by: hour,
        ..FaultPlan::default()
    };
    stage.net.set_faults(OWNER, garbled);
    for person in &people {
        person.send(OWNER, Outgoing::text("one")).await.unwrap();
    }
    until("a rebuilding", async || {
        let changes = changes(&stage, &linked).await;
        if has(&changes, "recovering", "decrypt_failing") {
            Ok(())
        } else {
            Err(changes)
        }
    })
    .await;
    well(&stage, &linked).await;
    for person in &people {
        person.send(OWNER, Outgoing::text("two")).await.unwrap();
    }
    let shown = stage
        .account_is(&linked.id, "degraded", "decrypt_failing")
        .await;
    assert_eq!(shown["recovery"]["rung"], "person", "no loop: {shown}");
    assert_eq!(shown["liveness"]["unreadable_from"], 3, "{shown}");
    stage.net.clear_faults();
    people[0]
        .send(OWNER, Outgoing::text("three"))
        .await
        .unwrap();
    well(&stage, &linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restriction_is_shown_as_one_and_replaces_no_connection() {
    let (stage, linked) = linked().await;
    let people: Vec<String> = (0..3).map(|n| format!("97150000020{n}")).collect();
    for person in &people {
        let contact = stage.contact(person);
        contact.send(OWNER, Outgoing::text("Hi")).await.unwrap();
    }
    stage.conversations(&linked.id, 3).await;
    let restricted = FaultPlan {
        refuse_sends: Some(463),
        ..FaultPlan::default()
    };
    stage.net.set_faults(OWNER, restricted);
    for person in &people {
        let sent = stage
            .send_text(&linked.id, &format!("+{person}"), "Hello")
            .await;
        stage.send_state(&sent, "failed").await;
    }
    let shown = stage.account_is(&linked.id, "degraded", "restricted").await;
    assert_eq!(shown["recovery"]["rung"], "person", "{shown}");
    // People who write are still read.
    let ana = stage.contact(ANA);
    ana.send(OWNER, Outgoing::text("Hello?")).await.unwrap();
    stage.conversations(&linked.id, 4).await;
    let changes = changes(&stage, &linked).await;
    assert!(!changes.iter().any(|c| c.0 == "recovering"), "{changes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_that_is_cut_again_and_again_arrives_whole_and_in_order() {
    let (stage, linked) = linked().await;
    let ana = stage.contact(ANA);
    let cut = FaultPlan {
        kick: 0.4,
        ..FaultPlan::default()
    };
    stage.net.set_faults(OWNER, cut);
    for n in 0..6 {
        ana.send(OWNER, Outgoing::text(format!("n{n}")))
            .await
            .unwrap();
    }
    let messages = stage.messages(&linked.id, 6).await;
    let said: Vec<_> = messages.iter().map(|m| text(m, "/content/body")).collect();
    assert_eq!(said, ["n5", "n4", "n3", "n2", "n1", "n0"]);
    stage.net.clear_faults();
    well(&stage, &linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_device_is_linked_again_rung_by_rung() {
    let (stage, linked) = linked().await;
    let device = linked.phone.linked_devices()[0].device;
    linked.phone.unlink(device).await.unwrap();
    recovers(&stage, &linked, "an offer", |r| {
        r["rung"] == "relink_qr" && r["doing"] == "offered"
    })
    .await;
    let link = format!("/accounts/{}/link", linked.id);
    stage.post(&link, json!({"method": "qr"})).await;
    recovers(&stage, &linked, "a QR code on show", |r| {
        r["rung"] == "relink_qr" && r["doing"] == "asking"
    })
    .await;
    stage.post(&link, json!({"method": "code"})).await;
    let code = stage.shown(&linked.id, "code").await;
    recovers(&stage, &linked, "a pairing code on show", |r| {
        r["rung"] == "relink_code" && r["then"] == "person"
    })
    .await;
    linked.phone.type_code(&code).await.unwrap();
    well(&stage, &linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_stayed_away_is_warned_about_before_whatsapp_unlinks() {
    let (mut stage, linked) = linked().await;
    stage.stop().await;
    linked
        .phone
        .go_offline(std::time::Duration::from_secs(3_600));
    // As the program wrote it down twelve days ago.
    let config =
        waypost_server::config::Config::load(Some(&stage.folder.path().join("waypost.toml")))
            .unwrap();
    let store = waypost_server::run::open_store(&config).await.unwrap();
    let since = waypost_server::clock::now().0 - 12 * 24 * 3_600_000;
    let note = waypost_store::KeyWrite::Put {
        space: 1_000,
        key: b"phone".to_vec(),
        value: since.to_string().into_bytes(),
    };
    store
        .key_write(linked.id.parse().unwrap(), vec![note])
        .await
        .unwrap();
    store.close().await;
    stage.begin(None).await;
    let shown = stage
        .account_is(&linked.id, "degraded", "phone_offline")
        .await;
    assert!(shown["reason"]["until"].is_string(), "{shown}");
    assert_eq!(
        shown["reason"]["until"], shown["liveness"]["phone_limit_at"],
        "{shown}"
    );
    assert_eq!(shown["recovery"]["rung"], "person", "{shown}");
    // It is asked now and then; once it is back, that shows.
    linked.phone.go_online();
    well(&stage, &linked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_accounts_cut_off_at_once_come_back_and_the_terminal_shows_them() {
    let settings = format!("{REHEARSAL}[link]\nconnects_per_second = 5\n");
    let stage = Stage::with(Plan {
        settings,
        ..Plan::default()
    })
    .await;
    let mut all = Vec::new();
    for n in 0..6 {
        all.push(stage.link(&format!("97150000030{n}")).await);
    }
    for linked in &all {
        linked.phone.kick();
    }
    for linked in &all {
        until("a loss and a return", async || {
            let changes = changes(&stage, linked).await;
            let lost = changes.iter().position(|c| c.0 == "recovering");
            let back = lost.is_some_and(|at| changes[at..].iter().any(|c| c.0 == "online"));
            if back { Ok(()) } else { Err(changes) }
        })
        .await;
        well(&stage, linked).await;
    }
    let shown = stage.command(&["account", "health"]).await;
    let shown = shown.as_array().unwrap();
    assert_eq!(shown.len(), 6);
    for account in shown {
        assert!(account["liveness"]["heard_at"].is_string(), "{account}");
        assert!(account["recovery"].is_null(), "{account}");
    }
}
