//! How well accounts do: unknown while new, measured from what really happens, and brought back
//! when a score is critical.

use crate::stage::{Linked, Plan, Stage, text, until};
use serde_json::{Value, json};
use wasim::Outgoing;
use waypost_engine::model::{AccountId, Timestamp};
use waypost_engine::watch::tally::{Tally, slice_of};
use waypost_server::config::Config;
use waypost_server::{clock, run};
use waypost_store::Store;
use waypost_store::admin::health::Counted;
use waypost_store::admin::link_attempts::{LinkAttempt, LinkMethod, LinkOutcome};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";
/// Settings with which any machine is short of breath: each uses more than one percent of its memory.
const OVERLOADED: &str =
    "[pipeline]\noff = []\n[load]\nshedding = \"on\"\nmemory_percent = [1, 0]\n";

/// Waits until the account's health is as wanted; answers it.
async fn health(stage: &Stage, account: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/accounts/{account}");
    until("the account's health", async || {
        let shown = stage.get(&path).await;
        if shown["health"].is_null() {
            return Err(shown);
        }
        let health = stage.get(&format!("{path}/health")).await;
        if wanted(&health) {
            Ok(health)
        } else {
            Err(health)
        }
    })
    .await
}

fn factor<'a>(health: &'a Value, name: &str) -> &'a Value {
    let factors = health["factors"].as_array().unwrap();
    factors.iter().find(|f| f["factor"] == name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_unknown_until_it_has_shown_how_it_does() {
    let mut stage = Stage::start().await;
    let start = text(&stage.get("/events").await, "/next");
    stage.rule_echo().await;
    let made = stage.post("/accounts", json!({"name": "Spare"})).await;
    let spare = text(&made, "/id");
    let new = health(&stage, &spare, |_| true).await;
    assert_eq!(
        (&new["score"], &new["rating"]),
        (&json!(50), &json!("unknown"))
    );
    assert_eq!(new["lowered_by"], json!([]), "nothing is wrong with it");

    let Linked { id, .. } = stage.link(OWNER).await;
    let linked = health(&stage, &id, |h| !factor(h, "qr_quality")["value"].is_null()).await;
    assert_eq!(factor(&linked, "qr_quality")["points"], 100);
    let ana = stage.contact(ANA);
    for n in 0..12 {
        ana.send(OWNER, Outgoing::text(format!("echo {n}")))
            .await
            .unwrap();
    }
    stage.messages(&id, 24).await;
    stage.settled(&id).await;
    // What was counted survives the end of the program.
    stage.restart().await;
    let busy = health(&stage, &id, |h| {
        ["error_rate", "response", "message_success"]
            .iter()
            .all(|name| !factor(h, name)["value"].is_null())
    })
    .await;
    assert_eq!(factor(&busy, "message_success")["value"], 100.0);
    let of = factor(&busy, "message_success")["of"].as_u64().unwrap();
    assert!(of >= 20, "12 messages and their answers: {busy:#}");
    assert!(
        factor(&busy, "response")["of"].as_u64().unwrap() >= 10,
        "{busy:#}"
    );
    assert_ne!(busy["rating"], "unknown");

    let history = stage.items(&format!("/accounts/{id}/health/history")).await;
    assert!(history.len() >= 2, "{history:?}");
    let told = stage
        .items(&format!("/events?after={start}&kinds=account.health"))
        .await;
    assert!(!told.is_empty());
    let said = stage.command(&["account", "health", &id]).await;
    assert_eq!(said["health"]["rating"], busy["rating"]);
}

/// Waits until so much is put off.
async fn shed(stage: &Stage, level: &str) {
    until(&format!("the level {level}"), async || {
        let load = stage.get("/system/load").await;
        if load["level"] == level {
            Ok(())
        } else {
            Err(load)
        }
    })
    .await;
}

/// Starts the program again with settings with which no machine is short of breath.
async fn calm_down(stage: &mut Stage) {
    stage.stop().await;
    let file = stage.folder.path().join("waypost.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let calm = settings.replace("memory_percent = [1, 0]", "");
    let calm = calm.replace("shedding = \"on\"", "shedding = \"off\"");
    std::fs::write(&file, calm).unwrap();
    stage.begin(None).await;
}

/// Writes a bad day into the database while the program is stopped.
async fn had_a_bad_day(stage: &Stage, account: &str) {
    let toml = std::fs::read_to_string(stage.folder.path().join("waypost.toml")).unwrap();
    let config = Config::from_toml(&toml).unwrap();
    let store = Store::open(run::store_config(&config).unwrap()).unwrap();
    let (account, now): (AccountId, Timestamp) = (account.parse().unwrap(), clock::now());
    let tally = Tally {
        attempts: 400,
        attempts_failed: 200,
        messages: 200,
        messages_lost: 100,
        responses: 100,
        responses_ms: 100 * 90_000,
    };
    let counted = Counted {
        account,
        slice: slice_of(now),
        tally,
    };
    store.record_health(vec![counted], vec![]).await.unwrap();
    for _ in 0..10 {
        let attempt = LinkAttempt {
            account,
            started_at: now,
            method: LinkMethod::Qr,
            codes_shown: 6,
            regenerations: 3,
            scanned_at: None,
            ended_at: now,
            outcome: LinkOutcome::Expired,
        };
        store.record_link_attempt(attempt).await.unwrap();
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_with_a_critical_score_gets_a_new_connection_and_says_why() {
    let mut stage = Stage::start().await;
    let Linked { id, .. } = stage.link(OWNER).await;
    stage.stop().await;
    had_a_bad_day(&stage, &id).await;
    stage.begin(None).await;
    let path = format!("/accounts/{id}/history");
    let healed = until("a new connection because of the score", async || {
        let changes = stage.items(&path).await;
        let at = changes.iter().position(|c| c["reason"]["code"] == "unwell");
        match at {
            // Newest first: it came back afterwards.
            Some(at) if changes[..at].iter().any(|c| c["to"] == "online") => {
                Ok(changes[at].clone())
            }
            _ => Err(changes),
        }
    })
    .await;
    assert_eq!(healed["to"], "recovering");
    let sick = health(&stage, &id, |h| h["score"].as_u64() < Some(40)).await;
    assert_eq!(sick["rating"], "critical");
    let metrics = stage.metrics().await;
    assert!(
        metrics.contains("waypost_health_recoveries_total{urgency=\"now\"} 1"),
        "once: {metrics}"
    );
    // It serves as before.
    let ana = stage.contact(ANA);
    stage.send_text(&id, &format!("+{ANA}"), "all well").await;
    stage.apps_come_to_show(OWNER, &["all well"]).await;
    drop(ana);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_overloaded_machine_puts_work_off_and_tells() {
    // Any machine uses more than one percent of its memory.
    let stage = Stage::with(Plan {
        settings: "[load]\nshedding = \"on\"\nmemory_percent = [1, 0]\n".into(),
        ..Plan::default()
    })
    .await;
    let start = text(&stage.get("/events").await, "/next");
    let load = until("work to be put off", async || {
        let load = stage.get("/system/load").await;
        if load["level"] == "none" {
            Err(load)
        } else {
            Ok(load)
        }
    })
    .await;
    assert_eq!(load["cause"]["gauge"], "memory");
    let told = stage
        .items(&format!("/events?after={start}&kinds=system.load"))
        .await;
    assert_eq!(told[0]["data"]["level"], "nice_to_have");
    let metrics = stage.metrics().await;
    assert!(
        metrics.contains("waypost_shed_changes_total{way=\"shed\"}"),
        "{metrics}"
    );
    let said = stage.command(&["load"]).await;
    assert_eq!(said["gauges"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_off_under_load_is_done_when_the_load_has_fallen_even_after_a_restart() {
    let mut stage = Stage::with(Plan {
        settings: OVERLOADED.into(),
        ..Plan::default()
    })
    .await;
    let Linked { id, .. } = stage.link(OWNER).await;
    until("work to be put off", async || {
        let load = stage.get("/system/load").await;
        if load["level"] == "none" {
            Err(load)
        } else {
            Ok(())
        }
    })
    .await;
    let ana = stage.contact(ANA);
    ana.send(OWNER, Outgoing::text("I love it, thank you so much!"))
        .await
        .unwrap();
    let message = text(&stage.messages(&id, 1).await[0], "/id");
    stage.settled(&id).await;
    let path = format!("/messages/{message}/explain");
    let partial = stage.get(&path).await;
    let parts = partial["partial"].as_array().unwrap();
    assert!(parts.contains(&json!("sentiment")), "{partial:#}");
    assert_eq!(stage.get("/system/load").await["put_off"], 1);

    calm_down(&mut stage).await;
    let whole = until("the message to be read completely", async || {
        let shown = stage.get(&path).await;
        if shown["partial"] == json!([]) {
            Ok(shown)
        } else {
            Err(shown)
        }
    })
    .await;
    let sentiment = whole.to_string();
    assert!(sentiment.contains("positive"), "{whole:#}");
    until("nothing to be put off any more", async || {
        let load = stage.get("/system/load").await;
        if load["put_off"] == 0 {
            Ok(())
        } else {
            Err(load)
        }
    })
    .await;
    // The work on messages is timed.
    let performance = stage.get("/system/performance").await;
    assert!(performance["parts"].is_array() && performance["stages"].is_array());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_go_by_what_a_message_means_answer_under_any_load() {
    let stage = Stage::with(Plan {
        settings: OVERLOADED.into(),
        ..Plan::default()
    })
    .await;
    let Linked { id, .. } = stage.link(OWNER).await;
    let viewings = json!({
        "name": "viewings", "position": 10, "matches": {"on": "contains", "text": "view"},
        "when": {"intents": ["viewing_request"]}, "answer": "We will be there.",
    });
    stage.post("/rules", viewings).await;
    let marina = json!({
        "name": "marina", "position": 20, "matches": {"on": "contains", "text": "dubai marina"},
        "when": {"files": "read"}, "answer": "We have Marina listings.",
    });
    stage.post("/rules", marina).await;
    shed(&stage, "important").await;
    let ana = stage.contact(ANA);
    for words in [
        "thanks, all the best",
        "Can I view the 2BR in JVC tomorrow?",
    ] {
        ana.send(OWNER, Outgoing::text(words)).await.unwrap();
    }
    let list = Outgoing::Document {
        bytes: b"Unit,Area\n1203,Dubai Marina\n".to_vec(),
        name: "units.csv".into(),
        mime: "text/csv".into(),
        caption: None,
    };
    ana.send(OWNER, list).await.unwrap();
    let answers = ["We will be there.", "We have Marina listings."];
    stage.apps_come_to_show(OWNER, &answers).await;
    stage.settled(&id).await;

    // Nobody goes by what the first one means: all of its parts rested.
    let mut messages = stage.messages(&id, 5).await;
    messages.reverse();
    let open = async |message: &Value| {
        let path = format!("/messages/{}/explain", text(message, "/id"));
        stage.get(&path).await["partial"].clone()
    };
    let all = json!(["entities", "intent", "sentiment", "flow", "threads"]);
    assert_eq!(open(&messages[0]).await, all);
    assert_eq!(
        open(&messages[1]).await,
        json!(["sentiment", "flow", "threads"])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_and_threads_that_were_put_off_are_made_up_for_in_the_order_of_the_conversation() {
    let mut stage = Stage::with(Plan {
        settings: OVERLOADED.into(),
        ..Plan::default()
    })
    .await;
    let Linked { id, .. } = stage.link(OWNER).await;
    shed(&stage, "important").await;
    let ana = stage.contact(ANA);
    let under_load = [
        "Is unit 1203 in Marina Gate still available?",
        "what is the price?",
        "By the way, another question: how is villa 44 in Arabian Ranches?",
    ];
    for words in under_load {
        ana.send(OWNER, Outgoing::text(words)).await.unwrap();
    }
    stage.messages(&id, 3).await;
    stage.settled(&id).await;
    assert_eq!(stage.get("/system/load").await["put_off"], 3);

    calm_down(&mut stage).await;
    stage.account_state(&id, "online").await;
    let back = "ok and unit 1203 in Marina Gate, can I see it?";
    ana.send(OWNER, Outgoing::text(back)).await.unwrap();
    let mut messages = stage.messages(&id, 4).await;
    messages.reverse();
    let threads = until("every message to have its thread", async || {
        let mut threads = Vec::new();
        for message in &messages {
            let path = format!("/messages/{}/explain", text(message, "/id"));
            let explained = stage.get(&path).await;
            if explained["processed"] != true || explained["partial"] != json!([]) {
                return Err(explained);
            }
            threads.push(explained["thread"].as_u64());
        }
        Ok(threads)
    })
    .await;
    assert_eq!(threads, [Some(1), Some(1), Some(2), Some(1)]);
    let conversation = text(&stage.conversations(&id, 1).await[0], "/id");
    let listed = stage
        .items(&format!("/conversations/{conversation}/threads"))
        .await;
    let counts: Vec<&Value> = listed.iter().map(|thread| &thread["messages"]).collect();
    assert_eq!(
        counts,
        [1, 3],
        "newest first, each message once: {listed:?}"
    );
    assert_eq!(stage.get("/system/load").await["put_off"], 0);
}
