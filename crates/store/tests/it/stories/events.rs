//! The event log is followed by cursors that never skip and say when they cannot go on.

use super::Scene;
use crate::scene::{NOON, ana, says};
use std::collections::HashSet;
use waypost_engine::model::event::kind;
use waypost_engine::model::{Timestamp, WorkspaceId};
use waypost_store::{Cursor, EventFilter, ResyncReason, Store, StoreError};

fn all() -> EventFilter {
    EventFilter::all(WorkspaceId::DEFAULT)
}

#[tokio::test]
async fn a_follower_sees_every_event_once_while_many_write() {
    let scene = std::sync::Arc::new(Scene::new().await);
    let start = scene.store.head_cursor();
    let writers: Vec<_> = (0..200)
        .map(|n| {
            let scene = scene.clone();
            tokio::spawn(async move {
                scene
                    .work(says(ana(), &format!("A{n}"), "hi"))
                    .await
                    .message
            })
        })
        .collect();
    let (mut bell, mut cursor, mut seen) = (scene.store.subscribe(), start, Vec::new());
    while seen.len() < 200 {
        let page = scene.store.events_after(cursor, all(), 7).await.unwrap();
        seen.extend(page.events.iter().map(|event| event.position));
        cursor = page.next.to_string().parse().unwrap();
        if !page.more && seen.len() < 200 {
            bell.changed().await.unwrap();
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(seen.is_sorted());
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 200);
}

#[tokio::test]
async fn a_filter_passes_what_it_leaves_out() {
    let scene = Scene::new().await;
    let other = scene.second_account().await;
    scene.work(says(ana(), "A1", "hi")).await;
    let filter = EventFilter {
        account: Some(other.id),
        ..all()
    };
    let page = scene
        .store
        .events_after(scene.store.cursor_at(0), filter, 10)
        .await
        .unwrap();
    assert_eq!(page.events.len(), 1);
    assert_eq!(page.events[0].kind, kind::ACCOUNT_STATE);
    assert_eq!(page.next, scene.store.head_cursor());
    let elsewhere = EventFilter::all(WorkspaceId::from_raw(77));
    let page = scene
        .store
        .events_after(scene.store.cursor_at(0), elsewhere, 10)
        .await
        .unwrap();
    assert!(page.events.is_empty() && !page.more);
}

#[tokio::test]
async fn a_cursor_that_cannot_go_on_says_why() {
    let scene = Scene::new().await;
    let here = scene.store.head_cursor();
    let resync = |why| Err(StoreError::Resync { why });
    let read = |cursor| scene.store.events_after(cursor, all(), 10);
    let elsewhere = Cursor { cell: 9, ..here };
    assert_eq!(read(elsewhere).await, resync(ResyncReason::Cell));
    let restored = Cursor {
        epoch: here.epoch ^ 1,
        ..here
    };
    assert_eq!(read(restored).await, resync(ResyncReason::Epoch));
    let ahead = Cursor {
        position: 1_000_000,
        ..here
    };
    assert_eq!(read(ahead).await, resync(ResyncReason::Future));

    scene.work(says(ana(), "A1", "hi")).await;
    let month = Timestamp(NOON.0 + 31 * 24 * 3_600_000);
    assert!(scene.store.prune(month).await.unwrap().events > 0);
    assert_eq!(
        read(scene.store.cursor_at(0)).await,
        resync(ResyncReason::Pruned)
    );
    // The newest event stays, so that positions never start over.
    let head = scene.store.head();
    assert_eq!(
        read(scene.store.cursor_at(head - 1))
            .await
            .unwrap()
            .events
            .len(),
        1
    );
}

#[tokio::test]
async fn a_database_from_a_newer_program_is_refused_untouched() {
    let scene = Scene::new().await;
    scene.store.close().await;
    let before = scene.set_schema_version(9_999).await;
    let refused = Store::open(scene.config()).unwrap_err();
    assert!(
        matches!(refused, StoreError::NewerSchema { found: 9_999, .. }),
        "{refused}"
    );
    scene.set_schema_version(before).await;
    Store::open(scene.config()).unwrap().close().await;
}

#[tokio::test]
async fn a_closed_store_refuses_and_says_so() {
    let scene = Scene::new().await;
    scene.store.close().await;
    let late = scene.store.take_ownership(scene.account).await;
    assert_eq!(late, Err(StoreError::Closed));
    assert_eq!(
        scene.store.accounts(WorkspaceId::DEFAULT).await,
        Err(StoreError::Closed)
    );
}
