//! A server can be taken by somebody else, go away and come back.

use crate::place::{OnServer, Whole};
use crate::scene::{NOON, ana, says};
use serde_json::json;
use std::collections::HashMap;
use std::time::Duration;
use waypost_engine::model::event::kind;
use waypost_engine::model::{EventId, NewEvent, WorkspaceId};
use waypost_store::{
    Accept, Accepted, DatabaseUrl, EventFilter, Store, StoreConfig, StoreError, backup,
};

/// A store with a database of its own.
type Scene = crate::scene::Scene<OnServer<Whole>>;

/// Longest that anything here may take to come back.
const PATIENCE: Duration = Duration::from_secs(30);
/// Events that each of the writers tells.
const EVENTS: usize = 400;

/// Ends every session of the store, as a restarting server does.
async fn cut(scene: &Scene) {
    let client = scene.place.beside().await;
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1";
    client.query(sql, &[&scene.place.name()]).await.unwrap();
}

/// Lets nobody in, or everybody.
async fn let_in(scene: &Scene, whom: &str) {
    let name = scene.place.name();
    let sql = format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS {whom}");
    scene
        .place
        .beside()
        .await
        .batch_execute(&sql)
        .await
        .unwrap();
}

/// Tries until the store works again.
async fn until_back(scene: &Scene) {
    let back = async {
        while scene.store.people_count().await.is_err()
            || scene.store.take_ownership(scene.account).await.is_err()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back)
        .await
        .expect("the store does not come back");
}

#[tokio::test]
async fn a_second_program_on_the_same_database_is_refused_until_the_first_stops() {
    let scene = Scene::new().await;
    let second = Store::open(scene.config()).unwrap_err();
    assert_eq!(second, StoreError::InUse);
    assert!(second.to_string().contains("stop that one"), "{second}");
    scene.accept(vec![says(ana(), "A1", "still here")]).await;
    scene.store.close().await;
    Store::open(scene.config()).unwrap().close().await;
}

#[tokio::test]
async fn an_owner_that_is_silent_for_too_long_is_replaced_and_changes_nothing_any_more() {
    let scene = Scene::new().await;
    let mut config = scene.config();
    // Waiting for the lock alone takes three seconds.
    config.stale_after = waypost_engine::model::Duration::secs(12);
    scene.store.beat().await.unwrap();
    assert_eq!(Store::open(config.clone()).unwrap_err(), StoreError::InUse);
    let (owner, asked) = (config.clone(), Duration::from_millis(100));
    let silent = async {
        loop {
            let config = owner.clone();
            let seen = tokio::task::spawn_blocking(move || Store::owner(&config)).await;
            let seen = seen.unwrap().unwrap().unwrap();
            assert!(seen.holder.starts_with("waypost-"), "{seen:?}");
            if seen.silent_for >= owner.stale_after {
                return;
            }
            tokio::time::sleep(asked).await;
        }
    };
    tokio::time::timeout(PATIENCE, silent).await.unwrap();
    let other = Store::open(config).unwrap();
    other.take_ownership(scene.account).await.unwrap();
    // Its connection is gone, and comes back to find the lock taken.
    let refused = scene
        .store
        .append_event(event(&scene, 1))
        .await
        .unwrap_err();
    let told = matches!(
        refused,
        StoreError::Unreachable { .. } | StoreError::Unconfirmed { .. } | StoreError::TakenOver
    );
    assert!(told, "{refused:?}");
    other.append_event(event(&scene, 2)).await.unwrap();
    other.close().await;
    // The lock is free again, but the database is not the old owner's any more.
    let back = async {
        while scene.store.beat().await != Err(StoreError::TakenOver) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, back).await.unwrap();
}

fn event(scene: &Scene, n: usize) -> NewEvent {
    NewEvent {
        id: scene.store.next_id::<EventId>(NOON),
        workspace: WorkspaceId::DEFAULT,
        account: None,
        conversation: None,
        kind: kind::STORE_RESTORED,
        version: 1,
        data: json!({ "n": n }),
        at: NOON,
    }
}

/// Appending an event twice makes two, so nothing hides what the store does by itself.
#[tokio::test]
async fn what_a_lost_connection_leaves_open_is_said_and_nothing_is_done_twice() {
    let scene = Scene::new().await;
    let mut said: HashMap<EventId, Result<i64, StoreError>> = HashMap::new();
    let mut lost = 0;
    for round in 0..EVENTS / 20 {
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let (store, event) = (scene.store.clone(), event(&scene, round * 20 + n));
                tokio::spawn(async move { (event.id, store.append_event(event).await) })
            })
            .collect();
        if round % 4 == 1 {
            cut(&scene).await;
            lost += 1;
        }
        for task in tasks {
            let (id, answer) = task.await.unwrap();
            said.insert(id, answer);
        }
        if round % 4 == 1 {
            until_back(&scene).await;
        }
    }
    let mut found: HashMap<EventId, usize> = HashMap::new();
    let mut at = scene.store.cursor_at(0);
    loop {
        let filter = EventFilter::all(WorkspaceId::DEFAULT);
        let page = scene.store.events_after(at, filter, 1_000).await.unwrap();
        for event in &page.events {
            *found.entry(event.id).or_default() += 1;
        }
        at = page.next;
        if !page.more {
            break;
        }
    }
    assert!(lost > 0 && said.values().any(Result::is_ok));
    for (id, answer) in said {
        let times = found.get(&id).copied().unwrap_or(0);
        let holds = match &answer {
            Ok(_) => times == 1,
            Err(StoreError::Unconfirmed { .. }) => times <= 1,
            Err(StoreError::Unreachable { .. }) => times == 0,
            Err(_) => false,
        };
        assert!(holds, "{answer:?}, and it is there {times} times");
    }
}

#[tokio::test]
async fn messages_handed_over_again_after_a_cut_are_there_once_and_in_order() {
    let mut scene = Scene::new().await;
    for n in 0..60 {
        let message = says(ana(), &format!("A{n}"), &format!("message {n}"));
        if n % 10 == 5 {
            cut(&scene).await;
        }
        loop {
            let accept = Accept {
                account: scene.account,
                owner: scene.owner,
                now: NOON,
                items: vec![message.clone()],
            };
            match scene.store.accept(accept).await {
                Ok(_) => break,
                Err(StoreError::Unreachable { .. } | StoreError::Unconfirmed { .. }) => {
                    tokio::task::yield_now().await;
                }
                Err(other) => panic!("{n}: {other}"),
            }
        }
    }
    until_back(&scene).await;
    let seqs: Vec<i64> = scene.unfinished().await.iter().map(|w| w.seq.0).collect();
    assert_eq!(seqs, (1..=60).collect::<Vec<_>>());
    scene.restart().await;
    let again = scene.accept_one(says(ana(), "A59", "message 59")).await;
    assert!(matches!(again, Accepted::Duplicate { .. }), "{again:?}");
}

#[tokio::test]
async fn while_the_server_is_away_everything_says_so_and_then_goes_on() {
    let scene = Scene::new().await;
    let_in(&scene, "false").await;
    cut(&scene).await;
    let away = async {
        loop {
            let wrote = scene.store.take_ownership(scene.account).await;
            let read = scene.store.people_count().await;
            match (wrote, read) {
                (Err(StoreError::Unreachable { what }), Err(StoreError::Unreachable { .. })) => {
                    return what;
                }
                // The first ones may meet the cut itself.
                (Err(StoreError::Unconfirmed { .. }), _) | (_, Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let what = tokio::time::timeout(PATIENCE, away).await.unwrap();
    assert!(!what.is_empty());
    let_in(&scene, "true").await;
    until_back(&scene).await;
    assert_eq!(scene.store.people_count().await, Ok(0));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_its_password() {
    // Nothing listens on the port of "discard".
    let url: DatabaseUrl = "postgres://ana:hunter2@127.0.0.1:9/waypost"
        .parse()
        .unwrap();
    let files = tempfile::tempdir().unwrap();
    let config = StoreConfig::postgres(url, files.path(), crate::scene::key());
    let said = Store::open(config).unwrap_err();
    assert!(matches!(said, StoreError::Unreachable { .. }), "{said:?}");
    let said = said.to_string();
    assert!(said.contains("127.0.0.1:9/waypost"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn a_backup_points_to_the_servers_own_tools() {
    let scene = Scene::new().await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("copy");
    let mine = scene.store.backup(target.clone(), NOON, |_| {}).await;
    let other = backup(scene.config(), target.clone(), NOON, |_| {}).await;
    for refused in [mine, other] {
        let refused = refused.unwrap_err();
        assert!(refused.to_string().contains("pg_dump"), "{refused}");
    }
    assert!(!target.exists());
}
