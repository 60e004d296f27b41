//! What messages say, found on their way, and what can be switched.

use crate::stage::{Plan, Stage, text, until};
use serde_json::{Value, json};
use wasim::{Outgoing, PastAuthor, PastMessage};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";

impl Stage {
    /// Waits until the message with these words has gone through the stages; answers its explanation.
    async fn explained(&self, account: &str, words: &str) -> Value {
        until(&format!("'{words}' to be explained"), async || {
            let listed = self
                .items(&format!("/conversations?account={account}"))
                .await;
            let Some(conversation) = listed.first() else {
                return Err(json!("no conversation"));
            };
            let path = format!("/conversations/{}/messages", text(conversation, "/id"));
            let messages = self.items(&path).await;
            let found = messages.iter().find(|m| m["content"]["body"] == words);
            let Some(message) = found else {
                return Err(json!(messages));
            };
            let path = format!("/messages/{}/explain", text(message, "/id"));
            let explained = self.get(&path).await;
            match explained["processed"] == true {
                true => Ok(explained),
                false => Err(explained),
            }
        })
        .await
    }
}

fn part<'a>(explained: &'a Value, name: &str) -> &'a Value {
    let parts = explained["parts"].as_array().unwrap();
    parts.iter().find(|part| part["part"] == name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_understood_and_a_rule_goes_by_what_it_means() {
    let stage = Stage::with(Plan::reading()).await;
    let linked = stage.link(OWNER).await;
    let rule = json!({
        "name": "viewings", "matches": {"on": "any"}, "when": {"intents": ["viewing_request"]},
        "answer": "We will be there.",
    });
    let rule = stage.post("/rules", rule).await;
    assert_eq!(rule["when"]["intents"], json!(["viewing_request"]));
    let ana = stage.contact(ANA);
    let small_talk = "thanks a lot, have a nice day";
    ana.send(OWNER, Outgoing::text(small_talk)).await.unwrap();
    let asks = "Can I view the 2BR in JVC tomorrow at 5pm? 050-576-0056";
    ana.send(OWNER, Outgoing::text(asks)).await.unwrap();
    stage.apps_come_to_show(OWNER, &["We will be there."]).await;

    let explained = stage.explained(&linked.id, asks).await;
    let values = part(&explained, "entities")["decided"]
        .as_array()
        .unwrap()
        .clone();
    let phone = values
        .iter()
        .find(|value| value["kind"] == "phone")
        .unwrap();
    assert_eq!(phone["value"], "+971505760056");
    assert!(
        values.iter().any(|value| value["kind"] == "datetime"),
        "{values:?}"
    );
    assert_eq!(
        part(&explained, "intent")["decided"]["name"],
        "viewing_request"
    );
    assert_eq!(part(&explained, "threads")["outcome"], "found");
    assert!(part(&explained, "entities")["took_us"].as_u64().unwrap() > 0);
    assert_eq!(explained["reply"]["reply"], "answered");
    let thanked = stage.explained(&linked.id, small_talk).await;
    assert_eq!(thanked["reply"]["reply"], "no_match");

    let conversation = text(&stage.conversations(&linked.id, 1).await[0], "/id");
    let threads = stage
        .items(&format!("/conversations/{conversation}/threads"))
        .await;
    let counted: u64 = threads
        .iter()
        .filter_map(|thread| thread["messages"].as_u64())
        .sum();
    assert_eq!(counted, 2, "{threads:?}");
    let metrics = stage.metrics().await;
    for name in [
        "waypost_part_seconds",
        "waypost_part_outcomes_total",
        "waypost_stage_seconds",
    ] {
        assert!(metrics.contains(name), "no {name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_counts_from_the_next_message_on_and_after_a_restart() {
    let mut stage = Stage::with(Plan::reading()).await;
    let start = text(&stage.get("/events").await, "/next");
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    ana.send(OWNER, Outgoing::text("this is wonderful"))
        .await
        .unwrap();
    let before = stage.explained(&linked.id, "this is wonderful").await;
    assert_eq!(part(&before, "sentiment")["decided"]["label"], "positive");

    let shown = stage.command(&["pipeline", "off", "sentiment"]).await;
    assert_eq!(standing(&shown, "sentiment"), "part_off");
    ana.send(OWNER, Outgoing::text("this is terrible"))
        .await
        .unwrap();
    let after = stage.explained(&linked.id, "this is terrible").await;
    assert_eq!(part(&after, "sentiment")["outcome"], "off");
    assert_eq!(part(&after, "sentiment")["decided"], Value::Null);
    assert_ne!(part(&after, "intent")["outcome"], "off");

    stage.restart().await;
    stage.account_state(&linked.id, "online").await;
    let shown = stage.command(&["pipeline", "show"]).await;
    assert_eq!(standing(&shown, "sentiment"), "part_off");
    let said = stage
        .refused_command(&["pipeline", "off", "ordering"])
        .await;
    assert!(said.contains("always runs"), "{said}");
    let said = stage
        .refused_command(&["pipeline", "off", "telepathy"])
        .await;
    assert!(said.contains("telepathy"), "{said}");

    // With it on again, what was passed over is read, and nobody is answered a second time.
    stage.rule_echo().await;
    stage.command(&["pipeline", "on", "sentiment"]).await;
    let done = stage.command(&["pipeline", "replay", &linked.id]).await;
    assert_eq!((&done["replaced"], &done["failed"]), (&json!(2), &json!(0)));
    let again = stage.explained(&linked.id, "this is terrible").await;
    assert_eq!(part(&again, "sentiment")["decided"]["label"], "negative");
    assert_eq!(
        part(&again, "threads")["outcome"],
        part(&after, "threads")["outcome"]
    );
    stage.settled(&linked.id).await;
    assert_eq!(stage.apps_show(OWNER), Vec::<String>::new());
    let events = stage
        .items(&format!("/events?after={start}&kinds=pipeline.changed"))
        .await;
    assert_eq!(events.len(), 2, "{events:?}");
}

fn standing(pipeline: &Value, part: &str) -> String {
    let stages = pipeline["stages"].as_array().unwrap().iter();
    let mut parts = stages.flat_map(|stage| stage["parts"].as_array().unwrap());
    text(parts.find(|one| one["name"] == part).unwrap(), "/standing")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_steps_are_told_of_when_somebody_asks_for_them() {
    let stage = Stage::with(Plan {
        settings: "[pipeline]\nstage_events = \"on\"\nown = \"on\"\n".to_owned(),
        ..Plan::default()
    })
    .await;
    let start = text(&stage.get("/events").await, "/next");
    let linked = stage.link(OWNER).await;
    let ana = stage.contact(ANA);
    ana.send(OWNER, Outgoing::text("is it free?"))
        .await
        .unwrap();
    stage.explained(&linked.id, "is it free?").await;
    let kinds = "message.started,stage.completed,message.completed,message.processed";
    let events = stage
        .items(&format!("/events?after={start}&kinds={kinds}"))
        .await;
    let kind = |event: &Value| text(event, "/kind");
    let told: Vec<String> = events.iter().map(kind).collect();
    assert_eq!(
        told.iter()
            .filter(|kind| *kind == "message.processed")
            .count(),
        1
    );
    assert!(told.contains(&"message.started".to_owned()), "{told:?}");
    assert_eq!(
        told.iter()
            .filter(|kind| *kind == "stage.completed")
            .count(),
        3,
        "{told:?}"
    );

    // What the owner writes on the phone is read too, when that is switched on.
    let own = "Please send the cheque of AED 5,000 today";
    linked.phone.send(ANA, Outgoing::text(own)).await.unwrap();
    let explained = stage.explained(&linked.id, own).await;
    let values = part(&explained, "entities")["decided"].as_array().unwrap();
    assert!(
        values.iter().any(|value| value["value"] == "AED 5000"),
        "{values:?}"
    );
    assert_eq!(explained["reply"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_tried_out_without_a_trace() {
    let stage = Stage::with(Plan::reading()).await;
    let linked = stage.link(OWNER).await;
    let rule = json!({
        "name": "upset", "matches": {"on": "any"}, "when": {"feeling": "negative"},
        "answer": "We are sorry.",
    });
    stage.post("/rules", rule).await;
    let one = json!({"text": "this is a terrible service", "account": linked.id});
    let run = stage.post("/pipeline", one).await;
    assert_eq!(run["answer"], "We are sorry.");
    assert_eq!(run["findings"]["sentiment"]["label"], "negative");
    assert_eq!(run["parts"].as_array().unwrap().len(), 5);

    let said = |text: &str, conversation: Option<&str>| {
        json!({
            "text": text, "conversation": conversation, "at": "2026-02-23T10:00:00+04:00",
            "phone": "+442079460018",
        })
    };
    let batch = json!({"messages": [
        said("Is unit 1203 in Marina Gate available?", Some("a")),
        said("see you tomorrow at 9am", None),
        said("By the way, another question: how is villa 44 in Arabian Ranches?", Some("a")),
        said("and unit 1203 in Marina Gate, how much?", Some("a")),
    ]});
    let items = stage.post("/pipeline/batch", batch).await["items"]
        .as_array()
        .unwrap()
        .clone();
    let thread = |n: usize| items[n]["findings"]["thread"]["number"].as_u64().unwrap();
    assert_eq!([thread(0), thread(1), thread(2), thread(3)], [1, 1, 2, 1]);
    let values = items[1]["findings"]["values"].as_array().unwrap();
    assert!(
        values.iter().any(|v| v["value"] == "2026-02-24T09:00"),
        "{values:?}"
    );
    assert_eq!(
        stage
            .items(&format!("/conversations?account={}", linked.id))
            .await
            .len(),
        0
    );
    stage.settled(&linked.id).await;
    assert_eq!(stage.apps_show(OWNER), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_is_read_when_that_is_switched_on_and_never_answered() {
    let plan = Plan {
        settings: "[pipeline]\noff = []\nhistory = \"on\"\n".into(),
        ..Plan::default()
    };
    let stage = Stage::with(plan).await;
    stage.rule_echo().await;
    stage.contact(ANA);
    let phone = stage.phone(OWNER);
    let past = PastMessage {
        with: ANA.into(),
        by: PastAuthor::Contact,
        text: "Is unit 1203 in Marina Gate available?".into(),
        seconds_ago: 60,
    };
    phone.set_history(vec![past]).unwrap();
    let linked = stage.link_phone(phone).await;
    let messages = stage.messages(&linked.id, 1).await;
    let path = format!("/messages/{}/explain", text(&messages[0], "/id"));
    let decided = until("history to be read", async || {
        let explained = stage.get(&path).await;
        let parts = explained["parts"].as_array().cloned().unwrap_or_default();
        let entities = parts.iter().find(|part| part["part"] == "entities");
        match entities.map(|part| part["decided"].clone()) {
            Some(decided) if !decided.is_null() => Ok(decided),
            _ => Err(explained),
        }
    })
    .await;
    let values = decided.to_string();
    assert!(
        values.contains("1203") && values.contains("Marina Gate"),
        "{values}"
    );
    stage.settled(&linked.id).await;
    assert_eq!(stage.apps_show(OWNER), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_edited_and_learnt_without_a_restart() {
    let mut stage = Stage::with(Plan::reading()).await;
    let start = text(&stage.get("/events").await, "/next");
    let read = async |stage: &Stage| {
        let text = "is there something free in Sandcastle Heights?";
        let run = stage.post("/pipeline", json!({"text": text})).await;
        let values = run["findings"]["values"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        values
            .iter()
            .find(|v| v["kind"] == "project")
            .map(|v| text_of(v, "value"))
    };
    assert_eq!(read(&stage).await, None);
    let places = stage.command(&["insight", "sets", "get", "places"]).await;
    assert_eq!(places["edited"], false);
    let file = stage.folder.path().join("places.yaml");
    std::fs::write(&file, "projects:\n- name: Sandcastle Heights\n").unwrap();
    let file = file.to_str().unwrap();
    let done = stage
        .command(&["insight", "sets", "put", "places", file])
        .await;
    assert_eq!(done["state"], "done");
    assert_eq!(read(&stage).await.as_deref(), Some("Sandcastle Heights"));

    // It is in use after a restart too, and what cannot be read changes nothing.
    stage.restart().await;
    assert_eq!(read(&stage).await.as_deref(), Some("Sandcastle Heights"));
    std::fs::write(file, "projects: of course").unwrap();
    let said = stage
        .refused_command(&["insight", "sets", "put", "places", file])
        .await;
    assert!(said.contains("places could not be read"), "{said}");
    assert_eq!(read(&stage).await.as_deref(), Some("Sandcastle Heights"));
    stage.command(&["insight", "sets", "reset", "places"]).await;
    assert_eq!(read(&stage).await, None);
    assert_eq!(
        stage
            .items(&format!("/events?after={start}&kinds=insight.changed"))
            .await
            .len(),
        2
    );
}

fn text_of(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap().to_owned()
}
