//! Commands that share a commit, and texts that nobody expects.

use super::Scene;
use crate::scene::{NOON, ana, in_group, says};
use serde_json::json;
use std::collections::BTreeSet;
use waypost_engine::model::event::kind;
use waypost_engine::model::{Address, Content, WorkspaceId};
use waypost_store::admin::contacts::ContactFilter;
use waypost_store::{Accept, Accepted, Complete, OwnerEpoch, Page, StoreError};

#[tokio::test]
async fn one_bad_command_never_harms_its_neighbours() {
    let scene = Scene::new().await;
    let (account, owner) = (scene.account, scene.owner);
    let tasks: Vec<_> = (0..300)
        .map(|n| {
            let store = scene.store.clone();
            let owner = if n % 3 == 0 {
                OwnerEpoch(owner.0 + 1)
            } else {
                owner
            };
            let items = vec![says(ana(), &format!("A{n}"), &format!("message {n}"))];
            let accept = Accept {
                account,
                owner,
                now: NOON,
                items,
            };
            tokio::spawn(async move { store.accept(accept).await })
        })
        .collect();
    let mut seqs = Vec::new();
    for (n, task) in tasks.into_iter().enumerate() {
        match task.await.unwrap() {
            Ok(accepted) => match accepted.as_slice() {
                [Accepted::New(work)] => seqs.push(work.seq.0),
                other => panic!("{n}: {other:?}"),
            },
            Err(error) => assert!(n % 3 == 0 && error == StoreError::NotOwner, "{n}: {error}"),
        }
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_name_that_is_taken_leaves_the_others_of_its_commit_alone() {
    let scene = Scene::new().await;
    let tasks: Vec<_> = (0..30)
        .map(|n| {
            let store = scene.store.clone();
            let name = if n % 2 == 0 {
                "Sales".to_owned()
            } else {
                format!("Shop {n}")
            };
            let new = waypost_store::NewAccount::named(name, NOON);
            tokio::spawn(async move { store.create_account(new).await })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        let made = task.await.unwrap();
        let is_taken = matches!(made, Err(StoreError::Conflict { .. }));
        assert!(is_taken == (n % 2 == 0), "{n}: {made:?}");
    }
    let accounts = scene.store.accounts(WorkspaceId::DEFAULT).await.unwrap();
    assert_eq!(accounts.len(), 16);
}

/// The answer to a message is refused when half of its commit is written already.
#[tokio::test]
async fn a_command_that_fails_half_way_takes_back_its_own_half_only() {
    const COUNT: usize = 60;
    let scene = Scene::new().await;
    let other = scene.second_account().await;
    let items = (0..COUNT).map(|n| says(ana(), &format!("A{n}"), "hello"));
    let accepted = scene.accept(items.collect()).await;
    let is_bad = |n: usize| n % 7 == 3;
    let tasks = accepted.into_iter().enumerate().map(|(n, accepted)| {
        let Accepted::New(work) = accepted else {
            panic!("{n}: {accepted:?}");
        };
        let mut answer = scene.answer(&work, &format!("B{n}"), "good day");
        if is_bad(n) {
            answer.account = other.id;
        }
        let complete = Complete {
            message: work.message,
            account: scene.account,
            owner: scene.owner,
            now: NOON,
            findings: json!({ "language": "en" }),
            read: None,
            sends: vec![answer],
            events: vec![],
        };
        let store = scene.store.clone();
        tokio::spawn(async move { store.complete(complete).await })
    });
    for (n, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
        let done = task.await.unwrap();
        let was_refused = matches!(done, Err(StoreError::Invalid { .. }));
        assert!(was_refused == is_bad(n), "{n}: {done:?}");
    }
    let unfinished = scene.unfinished().await;
    let bad = (0..COUNT).filter(|n| is_bad(*n)).count();
    assert_eq!(
        unfinished.len(),
        bad,
        "the refused ones are still to be done"
    );
    let places = scene.told(kind::MESSAGE_ACCEPTED).await;
    let places: BTreeSet<_> = places
        .iter()
        .map(|event| event.data["seq"].as_i64())
        .collect();
    let answered = (COUNT + 1..=2 * COUNT - bad).map(|seq| i64::try_from(seq).ok());
    assert_eq!(places, answered.collect(), "no gap, no double in the order");
}

/// PostgreSQL's texts cannot hold NUL; strangers do not care.
#[tokio::test]
async fn a_message_full_of_odd_characters_comes_back_as_it_was() {
    let scene = Scene::new().await;
    let odd = "a\0b\u{10FFFF}0c\u{10FFFF}\u{FFFD}\0";
    let mut message = says(ana(), odd, odd);
    message.push_name = Some(odd.to_owned());
    let work = scene.work(message.clone()).await;
    assert_eq!(work.content, Content::text(odd));
    assert_eq!(work.sender_name.as_deref(), Some(odd));

    let store = &scene.store;
    let shown = store.message(WorkspaceId::DEFAULT, work.message).await;
    let shown = shown.unwrap();
    assert_eq!(
        (shown.wire_id.as_str(), shown.content),
        (odd, Content::text(odd))
    );
    assert_eq!(shown.sender_name.as_deref(), Some(odd));
    let raw = store.raw_message(work.message).await.unwrap();
    assert_eq!(raw.as_deref(), Some(odd.as_bytes()));
    let everybody = store
        .contacts(
            WorkspaceId::DEFAULT,
            ContactFilter::default(),
            Page::default(),
        )
        .await
        .unwrap();
    assert_eq!(everybody.items[0].push_name.as_deref(), Some(odd));
    let again = scene.accept_one(message).await;
    assert_eq!(
        again,
        Accepted::Duplicate {
            message: work.message
        }
    );
    assert_eq!(scene.told("message\0received").await, vec![]);
}

#[tokio::test]
async fn a_reaction_to_an_endless_id_is_stored_and_changes_nothing() {
    let scene = Scene::new().await;
    let group = Address::group("12036300000000");
    let target = "7f3a".repeat(5_000);
    let emoji = "👍".to_owned();
    let reaction = Content::Reaction { target, emoji };
    let message = in_group(group, ana(), "R1", "");
    let stored = scene
        .accept_one(crate::scene::with(message, reaction))
        .await;
    assert!(matches!(stored, Accepted::New(_)), "{stored:?}");
}
