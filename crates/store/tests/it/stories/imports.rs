//! Accounts that move in with a session.

use super::Scene;
use crate::scene::NOON;
use waypost_engine::model::{AccountState, Address, Reason, WorkspaceId};
use waypost_store::{ImportAccount, ImportInto, KeyWrite, NewAccount, StoreError};

const SPACE: u16 = 2;

fn put(key: &str, value: &[u8]) -> KeyWrite {
    KeyWrite::Put {
        space: SPACE,
        key: key.into(),
        value: value.to_vec(),
    }
}

fn moves(into: ImportInto, keys: Vec<KeyWrite>) -> ImportAccount {
    ImportAccount {
        into,
        phone: Address::phone("971505760056"),
        lid: Some(Address::lid("99")),
        keys,
        now: NOON,
    }
}

fn new(name: &str) -> ImportInto {
    ImportInto::New(NewAccount::named(name, NOON))
}

#[tokio::test]
async fn a_session_comes_in_with_its_account_and_is_there_after_a_restart() {
    let mut scene = Scene::new().await;
    let one = moves(new("Shop"), vec![put("a", b"one"), put("b", b"two")]);
    let account = scene
        .store
        .import_accounts(vec![one])
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (account.state, &account.reason),
        (AccountState::Connecting, &Reason::Linked)
    );
    assert_eq!(account.phone, Some(Address::phone("971505760056")));
    scene.restart().await;
    let found = scene.store.key_get(account.id, SPACE, b"b").await.unwrap();
    assert_eq!(found.as_deref(), Some(&b"two"[..]));
    let history = scene
        .store
        .account_history(account.id, waypost_store::Page::default())
        .await
        .unwrap();
    assert_eq!(history.items.len(), 1);
}

#[tokio::test]
async fn an_account_that_was_there_holds_nothing_else_afterwards() {
    let scene = Scene::new().await;
    let store = &scene.store;
    store
        .key_write(scene.account, vec![put("old", b"x")])
        .await
        .unwrap();
    let one = moves(ImportInto::Existing(scene.account), vec![put("new", b"y")]);
    store.import_accounts(vec![one]).await.unwrap();
    assert_eq!(
        store.key_get(scene.account, SPACE, b"old").await.unwrap(),
        None
    );
    assert!(
        store
            .key_get(scene.account, SPACE, b"new")
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn when_one_cannot_come_none_does() {
    let scene = Scene::new().await;
    let store = &scene.store;
    store
        .key_write(scene.account, vec![put("old", b"x")])
        .await
        .unwrap();
    // The second name is taken.
    let both = vec![
        moves(ImportInto::Existing(scene.account), vec![put("new", b"y")]),
        moves(new("Sales"), vec![put("a", b"one")]),
    ];
    let refused = store.import_accounts(both).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { .. })),
        "{refused:?}"
    );
    assert!(
        store
            .key_get(scene.account, SPACE, b"old")
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        store.key_get(scene.account, SPACE, b"new").await.unwrap(),
        None
    );
    assert_eq!(store.accounts(WorkspaceId::DEFAULT).await.unwrap().len(), 1);
    let account = store.account(scene.account).await.unwrap();
    assert_eq!((account.state, account.phone), (AccountState::New, None));
}
