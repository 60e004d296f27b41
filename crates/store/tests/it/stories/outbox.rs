//! A reply is sent: frozen once, in order, its state only moving forward.

use super::Scene;
use crate::scene::{NOON, ana, ben, family, says};
use serde_json::json;
use waypost_engine::model::event::kind;
use waypost_engine::model::{Address, Draft, FailReason, SendState, Seq, Timestamp, WorkspaceId};
use waypost_store::{
    Complete, Completed, Confirmation, DeadLetterState, Enqueued, Idempotency, Moved, Page,
    Receipt, Replay, Standing,
};

fn later(ms: i64) -> Timestamp {
    Timestamp(NOON.0 + ms)
}

#[tokio::test]
async fn an_answer_is_committed_with_the_message_it_answers() {
    let mut scene = Scene::new().await;
    let work = scene.work(says(ana(), "A1", "price?")).await;
    let answer = scene.answer(&work, "W1", "10 AED");
    let answer = Draft {
        frozen: Some(b"payload".to_vec()),
        ..answer
    };
    let Completed::Done { sends } = scene.complete(&work, vec![answer.clone()]).await else {
        panic!("done");
    };
    assert_eq!(sends[0].conversation, work.conversation);
    scene.restart().await;
    let due = scene
        .store
        .outbox_due(scene.account, Seq(0), 10)
        .await
        .unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].message, answer.id);
    assert_eq!(due[0].wire_id, "W1");
    assert_eq!(due[0].frozen.as_deref(), Some(b"payload".as_slice()));
    // Done twice, answered once.
    assert_eq!(
        scene
            .complete(&work, vec![scene.answer(&work, "W2", "again")])
            .await,
        Completed::AlreadyDone
    );
    assert_eq!(
        scene
            .store
            .outbox_due(scene.account, Seq(0), 10)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn sends_leave_in_the_order_they_were_decided() {
    let scene = Scene::new().await;
    for n in 0..5 {
        let to = if n % 2 == 0 { ana() } else { ben() };
        let draft = scene.draft(to, &format!("W{n}"), "hello");
        scene.store.enqueue(draft, None, NOON).await.unwrap();
    }
    let due = scene
        .store
        .outbox_due(scene.account, Seq(0), 3)
        .await
        .unwrap();
    let more = scene
        .store
        .outbox_due(scene.account, due[2].seq, 3)
        .await
        .unwrap();
    let wires: Vec<_> = due
        .iter()
        .chain(&more)
        .map(|item| item.wire_id.as_str())
        .collect();
    assert_eq!(wires, ["W0", "W1", "W2", "W3", "W4"]);
}

#[tokio::test]
async fn a_repeated_request_makes_one_message() {
    let scene = Scene::new().await;
    let promise = |hash: u8| {
        let key = "order-17".to_owned();
        Some(Idempotency {
            workspace: WorkspaceId::DEFAULT,
            key,
            request_hash: vec![hash; 32],
        })
    };
    let store = &scene.store;
    let first = store
        .enqueue(scene.draft(ana(), "W1", "hi"), promise(1), NOON)
        .await
        .unwrap();
    let Enqueued::New(made) = first else {
        panic!("the first is new")
    };
    let again = store
        .enqueue(scene.draft(ana(), "W2", "hi"), promise(1), NOON)
        .await
        .unwrap();
    assert_eq!(again, Enqueued::Replayed(made));
    let other = store
        .enqueue(scene.draft(ana(), "W3", "bye"), promise(2), NOON)
        .await
        .unwrap();
    assert_eq!(other, Enqueued::KeyReused);
    assert_eq!(
        store
            .outbox_due(scene.account, Seq(0), 10)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn the_first_frozen_payload_counts_and_answers_retries_for_thirty_days() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let draft = scene.draft(ana(), "W1", "hi");
    store.enqueue(draft.clone(), None, NOON).await.unwrap();
    assert_eq!(
        store.freeze(draft.id, b"first", NOON).await.unwrap(),
        b"first"
    );
    assert_eq!(
        store.freeze(draft.id, b"second", NOON).await.unwrap(),
        b"first"
    );
    let month = later(31 * 24 * 3_600_000);
    // While it waits to be sent it is kept however old it is.
    store.prune(month).await.unwrap();
    store
        .server_accepted(scene.account, "W1", NOON)
        .await
        .unwrap();
    for _ in 0..2 {
        let frozen = store.frozen_payload(scene.account, "W1").await.unwrap();
        assert_eq!(frozen.as_deref(), Some(b"first".as_slice()));
    }
    store.prune(later(29 * 24 * 3_600_000)).await.unwrap();
    assert!(
        store
            .frozen_payload(scene.account, "W1")
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(store.prune(month).await.unwrap().frozen, 1);
    assert!(
        store
            .frozen_payload(scene.account, "W1")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn states_only_move_forward() {
    let scene = Scene::new().await;
    let (store, account) = (&scene.store, scene.account);
    let draft = scene.draft(ana(), "W1", "hi");
    store.enqueue(draft.clone(), None, NOON).await.unwrap();
    let ack = store.server_accepted(account, "W1", NOON).await.unwrap();
    assert_eq!(ack, Moved::To(SendState::Server));
    let again = store.server_accepted(account, "W1", NOON).await.unwrap();
    assert_eq!(again, Moved::Already(SendState::Server));
    let ids = || vec!["W1".to_owned(), "unknown".to_owned()];
    let read = store
        .receipt(scene.confirmation(ana(), ids(), Receipt::Read))
        .await
        .unwrap();
    assert_eq!(read, vec![draft.id]);
    let late = store
        .receipt(scene.confirmation(ana(), ids(), Receipt::Delivered))
        .await
        .unwrap();
    assert!(late.is_empty());
    let failed = FailReason::Refused { status: 479 };
    let moved = store.send_failed(draft.id, failed, NOON).await.unwrap();
    assert_eq!(moved, Moved::Already(SendState::Read));
    assert_eq!(
        store.send_status(draft.id).await.unwrap().state,
        SendState::Read
    );
    let told = scene.told(kind::MESSAGE_STATE).await;
    let told: Vec<_> = told
        .iter()
        .map(|event| event.data["state"].clone())
        .collect();
    assert_eq!(told, ["server", "read"]);
}

#[tokio::test]
async fn a_receipt_under_an_address_never_seen_before_confirms_and_is_remembered() {
    let scene = Scene::new().await;
    let number = Address::phone("971500000777");
    let draft = scene.draft(number.clone(), "W1", "hi");
    scene
        .store
        .enqueue(draft.clone(), None, NOON)
        .await
        .unwrap();
    let ids = || vec!["W1".to_owned()];
    let lid = Address::lid("100000000000777");
    let unknown = scene.confirmation(lid.clone(), ids(), Receipt::Delivered);
    assert_eq!(scene.store.receipt(unknown).await, Ok(vec![]));
    let known = Confirmation {
        chat_alt: Some(number),
        ..scene.confirmation(lid.clone(), ids(), Receipt::Delivered)
    };
    assert_eq!(scene.store.receipt(known).await, Ok(vec![draft.id]));
    let later = scene.confirmation(lid, ids(), Receipt::Read);
    assert_eq!(scene.store.receipt(later).await, Ok(vec![draft.id]));
}

#[tokio::test]
async fn a_receipt_from_another_chat_confirms_nothing() {
    let scene = Scene::new().await;
    scene.work(says(ben(), "B1", "I exist")).await;
    scene
        .store
        .enqueue(scene.draft(ana(), "W1", "hi"), None, NOON)
        .await
        .unwrap();
    for chat in [ben(), family()] {
        let ids = vec!["W1".to_owned()];
        let moved = scene
            .store
            .receipt(scene.confirmation(chat, ids, Receipt::Read))
            .await
            .unwrap();
        assert!(moved.is_empty());
    }
}

#[tokio::test]
async fn a_send_tried_in_vain_is_a_dead_letter_that_goes_out_again_under_the_same_id() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let draft = scene.draft(ana(), "W1", "hi");
    store.enqueue(draft.clone(), None, NOON).await.unwrap();
    store
        .attempt_failed(draft.id, "no route", later(1_000))
        .await
        .unwrap();
    let item = store.outbox_item(draft.id).await.unwrap();
    assert_eq!((item.attempts, item.next_at), (1, later(1_000)));
    let exhausted = FailReason::Exhausted {
        error: "no route".into(),
    };
    assert_eq!(
        store.send_failed(draft.id, exhausted, NOON).await.unwrap(),
        Moved::To(SendState::Failed)
    );
    assert!(
        store
            .outbox_due(scene.account, Seq(0), 10)
            .await
            .unwrap()
            .is_empty()
    );

    let letters = store
        .dead_letters(WorkspaceId::DEFAULT, None, Page::default())
        .await
        .unwrap();
    let letter = letters.items[0].id;
    let Replay::Outbound(again) = store.replay_dead_letter(letter, NOON).await.unwrap() else {
        panic!("it is a send");
    };
    assert_eq!((again.wire_id.as_str(), again.attempts), ("W1", 0));
    store
        .server_accepted(scene.account, "W1", NOON)
        .await
        .unwrap();
    assert_eq!(
        store.dead_letter(letter).await.unwrap().state,
        DeadLetterState::Resolved
    );
}

#[tokio::test]
async fn a_cancelled_send_does_not_leave_and_is_no_dead_letter() {
    let scene = Scene::new().await;
    let draft = scene.draft(ana(), "W1", "hi");
    scene
        .store
        .enqueue(draft.clone(), None, NOON)
        .await
        .unwrap();
    scene.store.cancel(draft.id, NOON).await.unwrap();
    assert!(
        scene
            .store
            .outbox_due(scene.account, Seq(0), 10)
            .await
            .unwrap()
            .is_empty()
    );
    let status = scene.store.send_status(draft.id).await.unwrap();
    assert_eq!(status.fail, Some(FailReason::Cancelled));
    let letters = scene
        .store
        .dead_letters(WorkspaceId::DEFAULT, None, Page::default())
        .await;
    assert!(letters.unwrap().items.is_empty());
    let ack = scene
        .store
        .server_accepted(scene.account, "W1", NOON)
        .await
        .unwrap();
    assert_eq!(ack, Moved::Already(SendState::Failed));
}

#[tokio::test]
async fn strangers_people_written_to_and_people_who_wrote_are_told_apart() {
    let scene = Scene::new().await;
    let queue = async |to: Address, wire_id: &str| {
        let draft = scene.draft(to, wire_id, "hello");
        let Enqueued::New(queued) = scene.store.enqueue(draft, None, NOON).await.unwrap() else {
            panic!("new");
        };
        queued.conversation
    };
    let stands = async |conversation| {
        let all = scene.store.standings(vec![conversation]).await.unwrap();
        all[&conversation]
    };
    let with_ana = queue(ana(), "W1").await;
    assert_eq!(
        stands(with_ana).await,
        Standing::Stranger,
        "nothing went out yet"
    );
    scene
        .store
        .server_accepted(scene.account, "W1", NOON)
        .await
        .unwrap();
    assert_eq!(stands(with_ana).await, Standing::Known);
    scene.accept_one(says(ana(), "A1", "who is it?")).await;
    assert_eq!(stands(with_ana).await, Standing::Heard(NOON));

    let with_ben = queue(ben(), "W2").await;
    let message = scene
        .store
        .outbox_due(scene.account, Seq(0), 10)
        .await
        .unwrap()[0]
        .message;
    let refused = FailReason::NotOnWhatsApp;
    scene
        .store
        .send_failed(message, refused, NOON)
        .await
        .unwrap();
    assert_eq!(
        stands(with_ben).await,
        Standing::Stranger,
        "nothing ever arrived"
    );
}

#[tokio::test]
async fn what_rules_answered_lately_is_known_after_a_restart() {
    let mut scene = Scene::new().await;
    let answered = async |scene: &Scene, n: u32, at: Timestamp| {
        let work = scene.work(says(ana(), &format!("A{n}"), "hello")).await;
        let complete = Complete {
            message: work.message,
            account: scene.account,
            owner: scene.owner,
            now: at,
            findings: json!({}),
            read: None,
            sends: vec![scene.answer(&work, &format!("W{n}"), "hi")],
            events: vec![],
        };
        scene.store.complete(complete).await.unwrap();
        work.conversation
    };
    let later = |seconds: i64| later(seconds * 1_000);
    answered(&scene, 1, NOON).await;
    let here = answered(&scene, 2, later(30)).await;
    answered(&scene, 3, later(50)).await;
    // What nobody's rule said is no answer, and neither is what another account said.
    let by_hand = scene.draft(ana(), "W9", "by hand");
    scene.store.enqueue(by_hand, None, later(55)).await.unwrap();
    let other = scene.second_account().await;
    scene.restart().await;
    let since = |account| scene.store.rule_answers_since(account, later(30));
    let known = since(scene.account).await.unwrap();
    assert_eq!(known, [(here, later(50)), (here, later(30))]);
    assert_eq!(since(other.id).await.unwrap(), []);
}
