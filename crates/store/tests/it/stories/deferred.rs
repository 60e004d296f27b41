//! What was put off under load is remembered until it is done.

use super::Scene;
use crate::scene::{NOON, ana, says};
use serde_json::{Value, json};
use waypost_engine::model::{MessageId, WorkspaceId};
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
