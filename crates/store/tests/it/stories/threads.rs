//! What reading messages leaves behind, and what becomes of it.

use super::Scene;
use crate::scene::{NOON, also, ana, ana_lid, says};
use serde_json::json;
use waypost_engine::model::event::kind;
use waypost_engine::model::{AccountId, Seq, Timestamp, WorkspaceId};
use waypost_store::reading::{Read, Thread, ThreadChange};
use waypost_store::{Complete, Completed, Page, StoreError, Work};

const HOME: WorkspaceId = WorkspaceId::DEFAULT;

/// A message that joined a thread as its n-th.
fn joined(work: &Work, number: u64, messages: u32) -> Read {
    Read {
        conversation: work.conversation,
        traces: json!([{"part": "intent", "outcome": "found", "took_us": 12}]).to_string(),
        topic: Some(json!({"about": number}).to_string()),
        thread: Some(ThreadChange {
            number,
            opened_at: NOON,
            last_at: Timestamp(NOON.0 + i64::from(messages)),
            messages,
            subjects: json!([{"kind": "unit", "value": "1203"}]).to_string(),
            closed: Vec::new(),
        }),
    }
}

async fn complete(scene: &Scene, work: &Work, read: Read) -> Result<Completed, StoreError> {
    let complete = Complete {
        message: work.message,
        account: scene.account,
        owner: scene.owner,
        now: NOON,
        findings: json!({"version": 2}),
        read: Some(Box::new(read)),
        sends: vec![],
        events: vec![],
    };
    scene.store.complete(complete).await
}

async fn threads(scene: &Scene, work: &Work) -> Vec<Thread> {
    let page = scene
        .store
        .threads(HOME, work.conversation, Page::default());
    page.await.unwrap().items
}

#[tokio::test]
async fn a_conversation_goes_on_after_a_restart_with_what_it_was_about() {
    let mut scene = Scene::new().await;
    let first = scene.work(says(ana(), "A1", "unit 1203?")).await;
    complete(&scene, &first, joined(&first, 1, 1))
        .await
        .unwrap();
    let second = scene.work(says(ana(), "A2", "how much")).await;
    complete(&scene, &second, joined(&second, 1, 2))
        .await
        .unwrap();
    scene.restart().await;

    let known = scene
        .store
        .conversation_reading(first.conversation)
        .await
        .unwrap();
    assert_eq!(known.topic, Some(json!({"about": 1})));
    assert_eq!((known.open.len(), known.last_number), (1, 1));
    assert_eq!(known.phone, Some(ana()));
    let thread = &threads(&scene, &first).await[0];
    assert_eq!((thread.messages, thread.closed_at), (2, None));
    assert_eq!(thread.first_message, first.message);
    assert_eq!(thread.last_message, second.message);
    let processed = scene
        .store
        .processed(second.message)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(processed.thread, Some(1));
    assert_eq!(processed.traces.unwrap()[0]["took_us"], 12);
}

#[tokio::test]
async fn a_message_that_is_done_already_is_not_counted_again() {
    let scene = Scene::new().await;
    let work = scene.work(says(ana(), "A1", "hello")).await;
    complete(&scene, &work, joined(&work, 1, 1)).await.unwrap();
    let again = complete(&scene, &work, joined(&work, 1, 2)).await.unwrap();
    assert_eq!(again, Completed::AlreadyDone);
    assert_eq!(threads(&scene, &work).await[0].messages, 1);
}

#[tokio::test]
async fn a_thread_that_ended_is_no_longer_open() {
    let scene = Scene::new().await;
    let first = scene.work(says(ana(), "A1", "one")).await;
    complete(&scene, &first, joined(&first, 1, 1))
        .await
        .unwrap();
    let second = scene.work(says(ana(), "A2", "two")).await;
    let mut read = joined(&second, 2, 1);
    read.thread.as_mut().unwrap().closed = vec![1];
    complete(&scene, &second, read).await.unwrap();
    let known = scene
        .store
        .conversation_reading(first.conversation)
        .await
        .unwrap();
    let open: Vec<u64> = known.open.iter().map(|thread| thread.number).collect();
    assert_eq!((open, known.last_number), (vec![2], 2));
    let numbers: Vec<u64> = threads(&scene, &first)
        .await
        .iter()
        .map(|t| t.number)
        .collect();
    assert_eq!(numbers, [2, 1], "ended ones are still shown");
}

#[tokio::test]
async fn two_conversations_that_turn_out_to_be_one_keep_the_threads_of_both() {
    let scene = Scene::new().await;
    let by_number = scene.work(says(ana(), "A1", "by number")).await;
    complete(&scene, &by_number, joined(&by_number, 1, 1))
        .await
        .unwrap();
    let by_lid = scene.work(says(ana_lid(), "A2", "by LID")).await;
    complete(&scene, &by_lid, joined(&by_lid, 1, 1))
        .await
        .unwrap();
    let late = scene
        .work(says(ana(), "A3", "read before, committed after"))
        .await;

    let both = scene.work(also(says(ana_lid(), "A4", "both"), ana())).await;
    assert_eq!(both.conversation, by_lid.conversation);
    let numbers: Vec<u64> = threads(&scene, &both)
        .await
        .iter()
        .map(|t| t.number)
        .collect();
    assert_eq!(numbers, [2, 1]);
    let moved = scene
        .store
        .processed(by_number.message)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(moved.thread, Some(2));
    // What was read in the conversation that is no more cannot be counted in the one that goes on.
    complete(&scene, &late, joined(&late, 1, 2)).await.unwrap();
    let kept = scene.store.processed(late.message).await.unwrap().unwrap();
    assert_eq!(kept.thread, None);
    assert_eq!(threads(&scene, &both).await.len(), 2);
}

#[tokio::test]
async fn a_message_read_again_has_new_findings_and_its_old_thread() {
    let scene = Scene::new().await;
    let work = scene.work(says(ana(), "A1", "hello")).await;
    complete(&scene, &work, joined(&work, 1, 1)).await.unwrap();
    let found = json!({"version": 2, "intent": {"name": "greeting", "confidence": 0.9}});
    let replace = scene
        .store
        .replace_findings(HOME, work.message, &found, "[]".into(), NOON);
    replace.await.unwrap();
    let processed = scene.store.processed(work.message).await.unwrap().unwrap();
    assert_eq!((processed.findings, processed.thread), (found, Some(1)));
    let told = scene.told(kind::MESSAGE_REREAD).await;
    assert_eq!(told[0].data["findings"]["intent"]["name"], "greeting");
    let nothing = scene
        .store
        .messages_between(scene.account, Seq(1), Seq(9), 10)
        .await;
    assert_eq!(nothing.unwrap(), []);
    let all = scene
        .store
        .messages_between(scene.account, Seq(0), Seq(9), 10)
        .await;
    assert_eq!(all.unwrap(), [(work.message, work.seq)]);
    let foreign = AccountId::from_raw(7);
    let other = scene
        .store
        .messages_between(foreign, Seq(0), Seq(9), 10)
        .await;
    assert_eq!(other.unwrap(), []);
}

#[tokio::test]
async fn nothing_of_a_deleted_account_stays() {
    let scene = Scene::new().await;
    let work = scene.work(says(ana(), "A1", "hello")).await;
    complete(&scene, &work, joined(&work, 1, 1)).await.unwrap();
    scene
        .store
        .delete_account(scene.account, NOON)
        .await
        .unwrap();
    let known = scene
        .store
        .conversation_reading(work.conversation)
        .await
        .unwrap();
    assert_eq!((known.topic, known.open.len()), (None, 0));
}

#[tokio::test]
async fn a_setting_is_kept_with_the_event_that_tells_of_it() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.store.setting("pipeline").await.unwrap(), None);
    for switch in ["off", "on"] {
        let value = json!({"parts": {"sentiment": switch}});
        let event = waypost_engine::model::NewEvent {
            id: scene.store.next_id(NOON),
            workspace: HOME,
            account: None,
            conversation: None,
            kind: kind::PIPELINE_CHANGED,
            version: 1,
            data: value.clone(),
            at: NOON,
        };
        scene
            .store
            .change_setting("pipeline", &value, event)
            .await
            .unwrap();
    }
    scene.restart().await;
    let kept = scene.store.setting("pipeline").await.unwrap();
    assert_eq!(kept, Some(json!({"parts": {"sentiment": "on"}})));
    assert_eq!(scene.told(kind::PIPELINE_CHANGED).await.len(), 2);
}
