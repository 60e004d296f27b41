//! Accounts: their names, their states, their history.

use super::Scene;
use crate::scene::{NOON, ana, says};
use waypost_engine::model::event::kind;
use waypost_engine::model::{AccountState, Address, Reason, Timestamp, WorkspaceId};
use waypost_store::{AccountPatch, NewAccount, Page, StateSet, StoreError};

#[tokio::test]
async fn an_account_is_created_linked_and_found_again_after_a_restart() {
    let mut scene = Scene::new().await;
    let (phone, lid) = (Address::phone("971505760056"), Address::lid("99"));
    let store = scene.store.clone();
    store
        .set_account_identity(scene.account, Some(phone.clone()), Some(lid.clone()))
        .await
        .unwrap();
    store
        .set_account_identity(scene.account, None, None)
        .await
        .unwrap();
    let online = AccountState::Online;
    let set = store
        .set_account_state(scene.account, online, Reason::Connected, NOON)
        .await;
    assert_eq!(
        set.unwrap(),
        StateSet::Changed {
            from: AccountState::New
        }
    );
    scene.restart().await;
    let account = scene.store.account(scene.account).await.unwrap();
    assert_eq!((account.phone, account.lid), (Some(phone), Some(lid)));
    assert_eq!((account.state, account.reason), (online, Reason::Connected));
    assert_eq!(
        scene
            .store
            .accounts(WorkspaceId::DEFAULT)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn names_are_unique_and_sensible() {
    let scene = Scene::new().await;
    let taken = scene
        .store
        .create_account(NewAccount::named("Sales", NOON))
        .await;
    assert!(
        matches!(taken, Err(StoreError::Conflict { .. })),
        "{taken:?}"
    );
    for name in ["", "  ", "two\nlines", &"x".repeat(101)] {
        let bad = scene
            .store
            .create_account(NewAccount::named(name, NOON))
            .await;
        assert!(matches!(bad, Err(StoreError::Invalid { .. })), "{name:?}");
    }
    let other = scene.second_account().await;
    let patch = AccountPatch {
        name: Some("Sales".into()),
        ..AccountPatch::default()
    };
    let renamed = scene.store.update_account(other.id, patch).await;
    assert!(matches!(renamed, Err(StoreError::Conflict { .. })));
    let patch = AccountPatch {
        priority: Some(3),
        ..AccountPatch::default()
    };
    let changed = scene.store.update_account(other.id, patch).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.priority), ("Support", 3));
}

#[tokio::test]
async fn the_last_thousand_changes_of_state_are_kept() {
    let scene = Scene::new().await;
    for n in 0..1_005 {
        let reason = Reason::ServerError { status: n };
        let at = Timestamp(NOON.0 + i64::from(n));
        scene
            .store
            .set_account_state(scene.account, AccountState::Recovering, reason, at)
            .await
            .unwrap();
    }
    let same = Reason::ServerError { status: 1_004 };
    let again = scene
        .store
        .set_account_state(scene.account, AccountState::Recovering, same, NOON)
        .await;
    assert_eq!(again.unwrap(), StateSet::Same);
    let (mut page, mut seen) = (Page::first(200), Vec::new());
    loop {
        let part = scene
            .store
            .account_history(scene.account, page)
            .await
            .unwrap();
        seen.extend(part.items);
        let Some(next) = part.next else { break };
        page = Page {
            limit: 200,
            cursor: Some(next),
        };
    }
    assert_eq!(seen.len(), 1_000);
    assert_eq!(seen[0].reason, Reason::ServerError { status: 1_004 });
    assert_eq!(seen[999].reason, Reason::ServerError { status: 5 });
}

#[tokio::test]
async fn a_deleted_account_is_gone_with_everything_it_heard() {
    let scene = Scene::new().await;
    let keep = scene.second_account().await;
    let work = scene.work(says(ana(), "A1", "hello")).await;
    scene
        .complete(&work, vec![scene.answer(&work, "W1", "hi")])
        .await;
    scene
        .store
        .delete_account(scene.account, NOON)
        .await
        .unwrap();
    let gone = scene.store.account(scene.account).await;
    assert_eq!(gone, Err(StoreError::NotFound { what: "account" }));
    assert!(scene.told(kind::MESSAGE_RECEIVED).await.is_empty());
    assert_eq!(scene.told(kind::ACCOUNT_DELETED).await.len(), 1);
    assert_eq!(scene.store.account(keep.id).await.unwrap().name, "Support");
}
