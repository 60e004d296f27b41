//! Session keys: many accounts in one database, sealed, ordered, durable.

use super::Scene;
use crate::scene::NOON;
use proptest::prelude::*;
use std::collections::BTreeMap;
use waypost_store::keys::SETTINGS_FROM;
use waypost_store::{KeyValue, KeyWrite, MasterKey, Store, StoreConfig, StoreError};

fn put(space: u16, key: &[u8], value: &[u8]) -> KeyWrite {
    KeyWrite::Put {
        space,
        key: key.to_vec(),
        value: value.to_vec(),
    }
}

#[tokio::test]
async fn keys_come_back_after_a_restart_and_accounts_do_not_see_each_other() {
    let mut scene = Scene::new().await;
    let other = scene.second_account().await.id;
    let (store, account) = (scene.store.clone(), scene.account);
    store
        .key_write(
            account,
            vec![put(1, b"ana:0", b"ratchet"), put(2, b"ana:0", b"x")],
        )
        .await
        .unwrap();
    store
        .key_write(other, vec![put(1, b"ana:0", b"theirs")])
        .await
        .unwrap();
    scene.restart().await;
    let store = &scene.store;
    let got = store
        .key_get_many(account, 1, vec![b"ana:0".to_vec(), b"none".to_vec()])
        .await;
    assert_eq!(got.unwrap(), vec![Some(b"ratchet".to_vec()), None]);
    let theirs = store.key_get(other, 1, b"ana:0").await.unwrap();
    assert_eq!(theirs.as_deref(), Some(b"theirs".as_slice()));
    store
        .key_write(account, vec![KeyWrite::ClearAll])
        .await
        .unwrap();
    assert_eq!(store.key_get(account, 1, b"ana:0").await.unwrap(), None);
    assert!(store.key_get(other, 1, b"ana:0").await.unwrap().is_some());
}

#[tokio::test]
async fn the_database_shows_no_secret_and_opens_with_its_own_key_only() {
    let scene = Scene::new().await;
    let secret = b"correct horse battery staple";
    scene
        .store
        .key_write(scene.account, vec![put(1, b"noise", secret)])
        .await
        .unwrap();
    scene.store.close().await;
    let file = scene.contents().await;
    assert!(!file.windows(secret.len()).any(|window| window == secret));
    assert!(
        file.windows(5).any(|window| window == b"noise"),
        "the key is there, in the clear"
    );
    let wrong = Store::open(StoreConfig {
        master_key: MasterKey::new([9; 32]),
        ..scene.config()
    });
    assert_eq!(wrong.unwrap_err(), StoreError::WrongKey);
    Store::open(scene.config()).unwrap().close().await;
}

#[tokio::test]
async fn a_deleted_account_leaves_no_key_behind() {
    let scene = Scene::new().await;
    scene
        .store
        .key_write(scene.account, vec![put(1, b"noise", b"secret")])
        .await
        .unwrap();
    scene
        .store
        .delete_account(scene.account, NOON)
        .await
        .unwrap();
    let left = scene
        .store
        .key_scan(scene.account, 1, b"", None, 10)
        .await
        .unwrap();
    assert!(left.is_empty());
    let late = scene
        .store
        .key_write(scene.account, vec![put(1, b"noise", b"late")])
        .await;
    assert_eq!(late, Err(StoreError::NotFound { what: "account" }));
}

fn writes() -> impl Strategy<Value = Vec<KeyWrite>> {
    let bytes = || prop::collection::vec(prop_oneof![Just(0u8), Just(7), Just(255)], 0..4);
    let space = prop::sample::select(&SPACES[..]);
    let write = prop_oneof![
        6 => (space.clone(), bytes(), bytes())
            .prop_map(|(space, key, value)| KeyWrite::Put { space, key, value }),
        2 => (space.clone(), bytes()).prop_map(|(space, key)| KeyWrite::Delete { space, key }),
        2 => (space, bytes()).prop_map(|(space, prefix)| KeyWrite::DeletePrefix { space, prefix }),
        1 => Just(KeyWrite::ClearAll),
    ];
    prop::collection::vec(write, 0..30)
}

/// Two of the session's spaces, and one that outlives it.
const SPACES: [u16; 3] = [0, 1, SETTINGS_FROM];

type Model = BTreeMap<(u16, Vec<u8>), Vec<u8>>;

fn apply(model: &mut Model, write: &KeyWrite) {
    match write.clone() {
        KeyWrite::Put { space, key, value } => drop(model.insert((space, key), value)),
        KeyWrite::Delete { space, key } => drop(model.remove(&(space, key))),
        KeyWrite::DeletePrefix { space, prefix } => {
            model.retain(|(s, key), _| *s != space || !key.starts_with(&prefix));
        }
        KeyWrite::ClearAll => model.retain(|(space, _), _| *space >= SETTINGS_FROM),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn it_behaves_like_a_sorted_map(
        batches in prop::collection::vec(writes(), 1..4),
        prefix in prop::collection::vec(prop_oneof![Just(0u8), Just(7), Just(255)], 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let scene = Scene::new().await;
            let mut model = Model::new();
            for batch in batches {
                batch.iter().for_each(|write| apply(&mut model, write));
                scene.store.key_write(scene.account, batch).await.unwrap();
            }
            for space in SPACES {
                let expect: Vec<KeyValue> = model
                    .iter()
                    .filter(|((s, key), _)| *s == space && key.starts_with(&prefix))
                    .map(|((_, key), value)| KeyValue { key: key.clone(), value: value.clone() })
                    .collect();
                let got = scene.store.key_scan(scene.account, space, &prefix, None, 1_000).await;
                assert_eq!(got.unwrap(), expect);
            }
            scene.store.close().await;
        });
    }
}
