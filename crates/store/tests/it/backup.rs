//! Copies of everything, and starting again from a copy.

use crate::scene::{NOON, ana, ben, key, says};
use crate::sqlite::Scene;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use waypost_engine::model::event::kind;
use waypost_engine::model::{AccountState, Reason, SendState, Seq, Timestamp, WorkspaceId};
use waypost_store::admin::backup::{BACKUP_DATABASE, BACKUP_MANIFEST, Progress, Restore, Restored};
use waypost_store::admin::people::{NewPerson, PersonRole, TokenHash};
use waypost_store::{
    Accept, DeadLetterState, EventFilter, KeyWrite, MasterKey, OwnerEpoch, Page, ResyncReason,
    Store, StoreConfig, StoreError, restore,
};

const HOME: WorkspaceId = WorkspaceId::DEFAULT;
const IDENTITY: u16 = 1;
const RATCHETS: u16 = 2;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn plan(source: PathBuf, database: PathBuf) -> Restore {
    Restore {
        source,
        target: StoreConfig::new(database, key()),
        discard_spaces: vec![RATCHETS],
        now: Timestamp(NOON.0 + 1_000),
    }
}

#[tokio::test]
async fn a_backup_taken_under_load_is_one_moment_and_whole() {
    let scene = Arc::new(Scene::new().await);
    let place = Place::new();
    // Some pages to copy, so that messages arrive in the middle of it.
    let words = "word ".repeat(400);
    let before = (0..500)
        .map(|n| says(ana(), &format!("B{n}"), &words))
        .collect();
    scene.accept(before).await;
    let writer = tokio::spawn({
        let scene = Arc::clone(&scene);
        async move {
            for n in 0..150 {
                scene
                    .accept_one(says(ben(), &format!("D{n}"), "meanwhile"))
                    .await;
            }
        }
    });
    let steps = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&steps);
    let progress = move |step| seen.lock().unwrap().push(step);
    let manifest = scene
        .store
        .backup(place.path("copy"), NOON, progress)
        .await
        .unwrap();
    writer.await.unwrap();

    let steps = steps.lock().unwrap().clone();
    let Some(Progress::Database { done, total }) = steps
        .iter()
        .rev()
        .find(|s| matches!(s, Progress::Database { .. }))
    else {
        panic!("no progress was reported");
    };
    assert_eq!(done, total);
    assert!(manifest.database_bytes > 500_000);
    let copy = place.path("copy").join(BACKUP_DATABASE);
    let restored = restore(plan(place.path("copy"), place.path("new.db")), |_| {})
        .await
        .unwrap();
    assert!(copy.is_file(), "a backup can be used again");
    assert!(restored.messages_held >= 500);
    let store = Store::open(StoreConfig::new(place.path("new.db"), key())).unwrap();
    // Of what was sent one after the other, a beginning without gaps is there.
    let events = EventFilter {
        kinds: vec![kind::MESSAGE_RECEIVED.to_owned()],
        ..EventFilter::all(HOME)
    };
    let page = store
        .events_after(store.cursor_at(0), events, 1_000)
        .await
        .unwrap();
    let places: Vec<_> = page
        .events
        .iter()
        .map(|event| event.data["seq"].as_i64().unwrap())
        .collect();
    assert_eq!(
        places,
        (1..=i64::try_from(places.len()).unwrap()).collect::<Vec<_>>()
    );
    assert!(places.len() >= 500);
    store.close().await;
}

/// A store with something of everything in it, backed up in mid-conversation.
async fn lived_in() -> (Scene, Place) {
    let scene = Scene::new().await;
    let store = &scene.store;
    let answered = scene.work(says(ana(), "A1", "hello")).await;
    scene
        .complete(&answered, vec![scene.answer(&answered, "W1", "on its way")])
        .await;
    scene.work(says(ben(), "B1", "not finished yet")).await;
    let put = |space, value: &[u8]| KeyWrite::Put {
        space,
        key: b"k".to_vec(),
        value: value.to_vec(),
    };
    let keys = vec![
        put(IDENTITY, b"who we are"),
        put(RATCHETS, b"where we were"),
    ];
    store.key_write(scene.account, keys).await.unwrap();
    let online = AccountState::Online;
    store
        .set_account_state(scene.account, online, Reason::Connected, NOON)
        .await
        .unwrap();
    store
        .put_small_blob(b"a picture", "image/png", NOON)
        .await
        .unwrap();
    let place = Place::new();
    store
        .backup(place.path("copy"), NOON, |_| {})
        .await
        .unwrap();
    (scene, place)
}

async fn brought_back(place: &Place) -> (Store, Restored) {
    let plan = plan(place.path("copy"), place.path("new/waypost.db"));
    let restored = restore(plan, |_| {}).await.unwrap();
    let store = Store::open(StoreConfig::new(place.path("new/waypost.db"), key())).unwrap();
    (store, restored)
}

#[tokio::test]
async fn after_a_restore_nothing_goes_out_by_itself_and_no_ratchet_is_used_again() {
    let (scene, place) = lived_in().await;
    let cursor = scene.store.head_cursor();
    let (store, restored) = brought_back(&place).await;
    assert_eq!(
        restored,
        Restored {
            made_at: NOON,
            accounts: 1,
            sessions_discarded: 1,
            sends_held: 1,
            messages_held: 1,
            blobs: 1,
            blobs_missing: 0,
        }
    );
    let account = scene.account;
    assert!(
        store
            .outbox_due(account, Seq(0), 100)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(store.counts().await.unwrap().sends_held, 1);
    assert!(
        store
            .unfinished(account, Seq(0), 100)
            .await
            .unwrap()
            .is_empty()
    );
    let letters = store
        .dead_letters(HOME, Some(DeadLetterState::Pending), Page::default())
        .await;
    assert_eq!(letters.unwrap().items[0].stage, "restore");

    let identity = store.key_get(account, IDENTITY, b"k").await.unwrap();
    assert_eq!(identity.as_deref(), Some(b"who we are".as_slice()));
    assert_eq!(store.key_get(account, RATCHETS, b"k").await.unwrap(), None);
    let there = store.account(account).await.unwrap();
    assert_eq!(
        (there.state, there.reason),
        (AccountState::Recovering, Reason::Restored)
    );

    // Whoever followed the old life is told to start over.
    let old = store.events_after(cursor, EventFilter::all(HOME), 10).await;
    assert_eq!(
        old,
        Err(StoreError::Resync {
            why: ResyncReason::Epoch
        })
    );
    let told = EventFilter {
        kinds: vec![kind::STORE_RESTORED.to_owned()],
        ..EventFilter::all(HOME)
    };
    let told = store
        .events_after(store.cursor_at(0), told, 10)
        .await
        .unwrap()
        .events;
    assert_eq!(told.len(), 1);
    // Nobody writes with the ownership of the old life.
    let accept = Accept {
        account,
        owner: scene.owner,
        now: NOON,
        items: vec![says(ana(), "A9", "late")],
    };
    assert_eq!(store.accept(accept).await, Err(StoreError::NotOwner));
    store.close().await;
}

#[tokio::test]
async fn what_arrived_before_the_backup_is_still_a_duplicate_after_it() {
    let (scene, place) = lived_in().await;
    let (store, _) = brought_back(&place).await;
    let owner = store.take_ownership(scene.account).await.unwrap();
    assert!(owner > OwnerEpoch(scene.owner.0));
    let items = vec![
        says(ana(), "A1", "hello"),
        says(ben(), "B1", "not finished yet"),
    ];
    let accept = Accept {
        account: scene.account,
        owner,
        now: NOON,
        items,
    };
    let outcomes = store.accept(accept).await.unwrap();
    for outcome in outcomes {
        assert!(
            matches!(outcome, waypost_store::Accepted::Duplicate { .. }),
            "{outcome:?}"
        );
    }
    // A person looks at the held send and lets it go: under its first id.
    let talk = store
        .conversations(
            waypost_store::admin::conversations::ConversationFilter::all(HOME),
            Page::default(),
        )
        .await
        .unwrap();
    let mut held = Vec::new();
    for talk in talk.items {
        let newest = waypost_store::admin::conversations::Around::Newest;
        let page = store.messages(HOME, talk.id, newest, 10).await.unwrap();
        held.extend(page.messages.into_iter().filter(|message| {
            message
                .send
                .as_ref()
                .is_some_and(|send| send.state == SendState::Held)
        }));
    }
    assert_eq!(held.len(), 1);
    store.release(held[0].id, NOON).await.unwrap();
    let due = store.outbox_due(scene.account, Seq(0), 10).await.unwrap();
    assert_eq!(due[0].wire_id, "W1");
    store.close().await;
}

#[tokio::test]
async fn a_sign_in_does_not_survive_a_restore() {
    let scene = Scene::new().await;
    let olga = NewPerson {
        workspace: HOME,
        login: "olga".to_owned(),
        name: "Olga".to_owned(),
        password_hash: "hash".to_owned(),
        role: PersonRole::Owner,
    };
    let olga = scene.store.create_person(olga, NOON).await.unwrap();
    let end = Timestamp(NOON.0 + 1_000_000);
    scene
        .store
        .start_sign_in(TokenHash([1; 32]), olga.id, NOON, end)
        .await
        .unwrap();
    let place = Place::new();
    scene
        .store
        .backup(place.path("copy"), NOON, |_| {})
        .await
        .unwrap();
    let (store, _) = brought_back(&place).await;
    assert_eq!(store.sign_in(TokenHash([1; 32]), NOON).await.unwrap(), None);
    assert_eq!(
        store.people(HOME, Page::default()).await.unwrap().items[0].login,
        "olga"
    );
    store.close().await;
}

#[tokio::test]
async fn a_backup_that_is_not_whole_is_refused_and_nothing_is_overwritten() {
    let (scene, place) = lived_in().await;
    let twice = scene.store.backup(place.path("copy"), NOON, |_| {}).await;
    assert!(matches!(twice, Err(StoreError::Conflict { .. })));
    let attempt = async |source: &str, database: PathBuf| {
        restore(plan(place.path(source), database), |_| {}).await
    };
    let nowhere = attempt("nowhere", place.path("new.db")).await;
    assert!(matches!(nowhere, Err(StoreError::Invalid { .. })));
    let over = attempt("copy", scene.path()).await;
    assert!(matches!(over, Err(StoreError::Conflict { .. })));

    let mut foreign = plan(place.path("copy"), place.path("new.db"));
    foreign.target.master_key = MasterKey::new([9; 32]);
    assert_eq!(restore(foreign, |_| {}).await, Err(StoreError::WrongKey));
    assert!(!place.path("new.db").exists());

    let database = place.path("copy").join(BACKUP_DATABASE);
    let mut bytes = std::fs::read(&database).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&database, &bytes).unwrap();
    let damaged = attempt("copy", place.path("new.db")).await;
    assert!(matches!(damaged, Err(StoreError::Corrupt { .. })));
    std::fs::remove_file(place.path("copy").join(BACKUP_MANIFEST)).unwrap();
    let cut_off = attempt("copy", place.path("new.db")).await;
    assert!(matches!(cut_off, Err(StoreError::Invalid { .. })));
    assert!(
        !place.names().contains(&"new.db".to_owned()),
        "{:?}",
        place.names()
    );
    // The store it came from went on all the while.
    scene.work(says(ana(), "A2", "still here")).await;
}

#[tokio::test]
async fn a_lost_or_damaged_file_is_counted_and_the_rest_comes_back() {
    let (scene, place) = lived_in().await;
    let kept = scene
        .store
        .put_small_blob(b"a picture", "image/png", NOON)
        .await
        .unwrap();
    let blobs = place.path("copy").join("blobs");
    let file = blobs.join(&kept.sha256[..2]).join(&kept.sha256);
    std::fs::write(&file, b"something else").unwrap();
    let (store, restored) = brought_back(&place).await;
    assert_eq!((restored.blobs, restored.blobs_missing), (0, 1));
    let gone = store.open_blob(kept.id, None).await;
    assert!(matches!(gone, Err(StoreError::NotFound { .. })));
    store.close().await;
}
