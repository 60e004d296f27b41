//! What was put off under load is remembered until it is done.

use super::Scene;
use crate::scene::{NOON, also, ana, ana_lid, ben, says};
use serde_json::{Value, json};
use waypost_engine::model::event::kind;
use waypost_engine::model::{MessageId, WorkspaceId};
use waypost_store::reading::{CaughtUp, ConversationReading, LateReading, Read, ThreadChange};
use waypost_store::{Complete, Completed, Work};

async fn found(scene: &Scene, work: &Work, findings: Value) {
    let complete = Complete {
        message: work.message,
        account: scene.account,
        owner: scene.owner,
        now: NOON,
        findings,
        read: None,
        sends: vec![],
        events: vec![],
    };
    let done = scene.store.complete(complete).await.unwrap();
    assert!(matches!(done, Completed::Done { .. }), "{done:?}");
}

async fn put_off(scene: &Scene) -> Vec<MessageId> {
    let found = scene.store.deferred(10).await.unwrap();
    assert!(found.iter().all(|(home, _)| *home == WorkspaceId::DEFAULT));
    found.into_iter().map(|(_, message)| message).collect()
}

#[tokio::test]
async fn what_was_put_off_is_remembered_over_a_restart_until_it_is_done() {
    let mut scene = Scene::new().await;
    let mut messages = Vec::new();
    for (n, findings) in [
        json!({"version": 2, "partial": ["sentiment"]}),
        json!({"version": 2}),
        json!({"version": 2, "partial": ["entities", "intent"]}),
        json!({"version": 2, "partial": []}),
    ]
    .into_iter()
    .enumerate()
    {
        let work = scene.work(says(ana(), &format!("A{n}"), "hello")).await;
        found(&scene, &work, findings).await;
        messages.push(work.message);
    }
    assert_eq!(put_off(&scene).await, [messages[0], messages[2]]);
    scene.restart().await;
    assert_eq!(put_off(&scene).await, [messages[0], messages[2]]);
    let done = vec![messages[0]];
    scene.store.settle_deferred(done).await.unwrap();
    assert_eq!(put_off(&scene).await, [messages[2]]);
    assert_eq!(scene.store.deferred_count().await.unwrap(), 1);
    let (store, account) = (scene.store.clone(), scene.account);
    store.delete_account(account, NOON).await.unwrap();
    assert_eq!(store.deferred_count().await.unwrap(), 0);
}

fn late(message: MessageId, read: Read, before: ConversationReading) -> LateReading {
    LateReading {
        workspace: WorkspaceId::DEFAULT,
        message,
        findings: json!({"version": 2}),
        read,
        before: Some(before),
        now: NOON,
    }
}

/// The message opened the conversation's first thread, or went on with it as its n-th.
fn nth(work: &Work, messages: u32) -> Read {
    Read {
        conversation: work.conversation,
        traces: "[]".into(),
        topic: Some(json!({"last": messages}).to_string()),
        thread: Some(ThreadChange {
            number: 1,
            opened_at: NOON,
            last_at: NOON,
            messages,
            subjects: "[]".into(),
            closed: Vec::new(),
        }),
    }
}

#[tokio::test]
async fn turns_that_were_put_off_are_found_in_order_and_once_with_the_conversation_they_change() {
    let mut scene = Scene::new().await;
    let open = json!({"version": 2, "partial": ["sentiment", "flow", "threads"]});
    let first = scene.work(says(ana(), "A1", "unit 1203?")).await;
    found(&scene, &first, open.clone()).await;
    let second = scene.work(says(ana(), "A2", "how much")).await;
    found(&scene, &second, open).await;
    let of_ben = scene.work(says(ben(), "B1", "nice")).await;
    found(
        &scene,
        &of_ben,
        json!({"version": 2, "partial": ["sentiment"]}),
    )
    .await;
    scene.restart().await;
    let order = [first.message, second.message, of_ben.message];
    assert_eq!(put_off(&scene).await, order);

    let store = scene.store.clone();
    let known = async |work: &Work| store.conversation_reading(work.conversation).await.unwrap();
    let before = known(&first).await;
    assert!(before.is_behind);
    assert!(
        !known(&of_ben).await.is_behind,
        "what a message says by itself holds up nothing"
    );
    let done = store
        .catch_up(late(first.message, nth(&first, 1), before.clone()))
        .await;
    assert_eq!(done, Ok(CaughtUp::Done));
    let twice = store
        .catch_up(late(first.message, nth(&first, 1), known(&first).await))
        .await;
    assert_eq!(twice, Ok(CaughtUp::Already));
    let outdated = store
        .catch_up(late(second.message, nth(&second, 1), before))
        .await;
    assert_eq!(
        outdated,
        Ok(CaughtUp::NotNow),
        "it was read before the first one was done"
    );
    assert_eq!(put_off(&scene).await, order[1..]);

    let before = known(&second).await;
    let done = store
        .catch_up(late(second.message, nth(&second, 2), before))
        .await;
    assert_eq!(done, Ok(CaughtUp::Done));
    let now = known(&second).await;
    assert_eq!(
        (now.is_behind, now.topic),
        (false, Some(json!({"last": 2})))
    );
    assert_eq!(now.open[0].messages, 2);
    for message in [first.message, second.message] {
        let processed = store.processed(message).await.unwrap().unwrap();
        assert_eq!(processed.thread, Some(1));
    }
    assert_eq!(scene.told(kind::MESSAGE_REREAD).await.len(), 2);
}

#[tokio::test]
async fn a_conversation_that_goes_on_in_another_one_takes_with_it_what_is_still_to_be_found() {
    let scene = Scene::new().await;
    let open = json!({"version": 2, "partial": ["flow", "threads"]});
    let by_number = scene.work(says(ana(), "A1", "by number")).await;
    found(&scene, &by_number, open).await;
    let by_lid = scene.work(says(ana_lid(), "A2", "by LID")).await;
    found(&scene, &by_lid, json!({"version": 2})).await;
    let store = &scene.store;
    let before = store
        .conversation_reading(by_number.conversation)
        .await
        .unwrap();
    let both = scene.work(also(says(ana_lid(), "A3", "both"), ana())).await;
    assert_eq!(both.conversation, by_lid.conversation);
    let known = store.conversation_reading(both.conversation).await.unwrap();
    assert!(known.is_behind);
    let moved = late(by_number.message, nth(&by_number, 1), before);
    assert_eq!(store.catch_up(moved).await, Ok(CaughtUp::NotNow));
    assert_eq!(put_off(&scene).await, [by_number.message]);
}
