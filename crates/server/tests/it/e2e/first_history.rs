//! History that a phone gives at linking and that does not come: noticed, told, and had from the phone
//! as far as it gives it.

use crate::stage::{Plan, Stage, text, until};
use serde_json::Value;
use wasim::{Contact, HistorySharing, Outgoing, PastAuthor, PastMessage, Phone};

const OWNER: &str = "971500000001";
const ANA: &str = "971500000002";

/// Short enough to wait for.
const REHEARSAL: &str = "
[gaps]
settle_ms = 500
answer_ms = 3000
pause_ms = 200
retry_ms = 100
history_ms = 1000
";

async fn stage() -> Stage {
    let plan = Plan {
        settings: REHEARSAL.to_owned(),
        ..Plan::default()
    };
    Stage::with(plan).await
}

/// A phone that has talked with Ana, and shares it like this.
fn phone(stage: &Stage, sharing: HistorySharing) -> (Phone, Contact) {
    let ana = stage.contact(ANA);
    let phone = stage.phone(OWNER);
    let past = |by, text: &str, seconds_ago| PastMessage {
        with: ANA.into(),
        by,
        text: text.into(),
        seconds_ago,
    };
    phone
        .set_history(vec![
            past(PastAuthor::Contact, "Is it free?", 300),
            past(PastAuthor::Owner, "It is", 200),
            past(PastAuthor::Contact, "Great", 100),
        ])
        .unwrap();
    phone.set_history_sharing(sharing);
    (phone, ana)
}

/// Waits until history is missed and so many of its messages were had; answers the hole.
async fn missed(stage: &Stage, account: &str, had: u64) -> Value {
    until("history to be missed", async || {
        let shown = stage.get(&format!("/accounts/{account}/gaps")).await;
        let gap = &shown["items"][0];
        if gap["kind"] == "history" && gap["filled"] == had {
            Ok(gap.clone())
        } else {
            Err(shown)
        }
    })
    .await
}

/// What the only conversation shows, oldest first, with how each message came.
async fn said(stage: &Stage, account: &str, count: usize) -> Vec<(String, String)> {
    let mut messages = stage.messages(account, count).await;
    messages.reverse();
    let words = |m: &Value| (text(m, "/content/body"), text(m, "/origin"));
    messages.iter().map(words).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = list.iter();
    owned
        .map(|(words, origin)| ((*words).to_owned(), (*origin).to_owned()))
        .collect()
}

async fn breaks_off(sharing: HistorySharing) {
    let stage = stage().await;
    stage.rule_echo().await;
    let start = text(&stage.get("/events").await, "/next");
    let (phone, _) = phone(&stage, sharing);
    let linked = stage.link_phone(phone).await;
    let gap = missed(&stage, &linked.id, 2).await;
    assert!(text(&gap, "/text").contains("link the account again"));
    // How many there were nobody knows, so none are counted as missing.
    assert_eq!((&gap["expected"], &gap["missing"]), (&0.into(), &0.into()));
    let expected = [
        ("Is it free?", "backfill"),
        ("It is", "backfill"),
        ("Great", "history"),
    ];
    assert_eq!(said(&stage, &linked.id, 3).await, pairs(&expected));
    let path = format!("/events?after={start}&kinds=gap.found,gap.filled");
    let events = stage.items(&path).await;
    assert_eq!(text(&events[0], "/kind"), "gap.found");
    assert_eq!(text(&events[0], "/data/kind"), "history");
    let filled = events.iter().filter(|e| e["kind"] == "gap.filled");
    let had: usize = filled
        .map(|e| e["data"]["messages"].as_array().unwrap().len())
        .sum();
    assert_eq!(had, 2, "{events:?}");
    // Every chat was asked: it stays flagged, and is not asked for any more.
    until("the phone to be asked no more", async || {
        let gap = missed(&stage, &linked.id, 2).await;
        let over = gap["state"] == "lost" && gap["next_attempt_at"].is_null();
        if over { Ok(()) } else { Err(gap) }
    })
    .await;
    let printed = stage.command(&["account", "gaps", OWNER]).await;
    assert_eq!(printed["items"][0]["kind"], "history", "{printed}");
    assert!(
        stage.apps_show(OWNER).is_empty(),
        "old messages were answered"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_breaks_off_is_noticed_and_had_from_the_phone() {
    breaks_off(HistorySharing::BreaksOff).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_whose_file_is_lost_is_noticed_and_had_from_the_phone() {
    breaks_off(HistorySharing::FileLost).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_never_comes_is_noticed_even_after_a_restart() {
    let mut stage = stage().await;
    let (phone, ana) = phone(&stage, HistorySharing::Withheld);
    let linked = stage.link_phone(phone).await;
    stage.restart().await;
    stage.account_state(&linked.id, "online").await;
    let gap = missed(&stage, &linked.id, 0).await;
    assert_eq!(gap["filled"], 0);
    // Nothing is known to ask from, until somebody writes.
    ana.send(OWNER, Outgoing::text("Hello?")).await.unwrap();
    missed(&stage, &linked.id, 3).await;
    let expected = [
        ("Is it free?", "backfill"),
        ("It is", "backfill"),
        ("Great", "backfill"),
        ("Hello?", "live"),
    ];
    assert_eq!(said(&stage, &linked.id, 4).await, pairs(&expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_that_comes_whole_is_not_missed() {
    let stage = stage().await;
    let (phone, _) = phone(&stage, HistorySharing::Whole);
    let linked = stage.link_phone(phone).await;
    stage.messages(&linked.id, 3).await;
    // Longer than its next piece may take.
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    let shown = stage.get(&format!("/accounts/{}/gaps", linked.id)).await;
    assert_eq!(shown["items"], serde_json::json!([]));
}
