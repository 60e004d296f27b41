//! How accounts did: counts added up by the hour, scores kept for 90 days.

use super::Scene;
use crate::scene::NOON;
use waypost_engine::model::{AccountId, Duration, Timestamp};
use waypost_engine::watch::health::Rating;
use waypost_engine::watch::tally::{Tally, slice_of};
use waypost_store::Page;
use waypost_store::admin::health::{Counted, SCORES_KEPT, Score, TALLIES_KEPT};

fn score(account: AccountId, at: Timestamp, score: u8) -> Score {
    Score {
        account,
        at,
        score,
        rating: Rating::of(score),
        points: [Some(100), None, Some(20), None, Some(0)],
    }
}

fn counted(account: AccountId, at: Timestamp, attempts: u64) -> Counted {
    Counted {
        account,
        slice: slice_of(at),
        tally: Tally {
            attempts,
            attempts_failed: 1,
            messages: 3,
            messages_lost: 0,
            responses: 2,
            responses_ms: 700,
        },
    }
}

#[tokio::test]
async fn counts_of_an_hour_add_up_and_survive_a_restart() {
    let mut scene = Scene::new().await;
    let (us, other) = (scene.account, scene.second_account().await.id);
    let later = NOON + Duration::hours(2);
    for (account, at, attempts) in [
        (us, NOON, 5),
        (us, NOON, 7),
        (other, NOON, 1),
        (us, later, 9),
    ] {
        let counts = vec![counted(account, at, attempts)];
        scene.store.record_health(counts, vec![]).await.unwrap();
    }
    scene.restart().await;
    let all = scene.store.tallies_since(slice_of(NOON)).await.unwrap();
    let ours = Tally {
        attempts: 21,
        attempts_failed: 3,
        messages: 9,
        messages_lost: 0,
        responses: 6,
        responses_ms: 2_100,
    };
    assert_eq!(all[&us], ours);
    assert_eq!(all[&other].attempts, 1);
    let recent = scene.store.tallies_since(slice_of(later)).await.unwrap();
    assert_eq!((recent.len(), recent[&us].attempts), (1, 9));
}

#[tokio::test]
async fn scores_are_read_page_by_page_newest_first() {
    let scene = Scene::new().await;
    let us = scene.account;
    let all: Vec<Score> = (0..7)
        .map(|n| {
            score(
                us,
                NOON + Duration::mins(5 * n),
                90 - u8::try_from(n).unwrap(),
            )
        })
        .collect();
    scene
        .store
        .record_health(vec![], all.clone())
        .await
        .unwrap();
    // The same moment again is the same sample, corrected.
    let again = score(us, NOON, 12);
    scene
        .store
        .record_health(vec![], vec![again.clone()])
        .await
        .unwrap();
    let first = scene.store.scores(us, Page::first(4)).await.unwrap();
    assert_eq!(
        first.items,
        [&all[6], &all[5], &all[4], &all[3]].map(Clone::clone)
    );
    let page = Page {
        limit: 4,
        cursor: first.next,
    };
    let second = scene.store.scores(us, page).await.unwrap();
    assert_eq!(second.items, [&all[2], &all[1], &again].map(Clone::clone));
    assert_eq!(second.next, None);
    let since = scene
        .store
        .scores_since(us, NOON + Duration::mins(20))
        .await
        .unwrap();
    assert_eq!(since, all[4..]);
}

#[tokio::test]
async fn scores_are_kept_for_ninety_days_and_go_with_their_account() {
    let scene = Scene::new().await;
    let (us, other) = (scene.account, scene.second_account().await.id);
    let old = NOON - SCORES_KEPT - Duration::mins(5);
    let scores = vec![
        score(us, old, 50),
        score(us, NOON, 60),
        score(other, NOON, 70),
    ];
    let counts = vec![
        counted(us, NOON - TALLIES_KEPT - Duration::hours(2), 1),
        counted(us, NOON, 1),
    ];
    scene.store.record_health(counts, scores).await.unwrap();
    let pruned = scene.store.prune(NOON).await.unwrap();
    assert_eq!(pruned.health, 2, "one score and one hour of counts");
    let left = scene.store.scores(us, Page::default()).await.unwrap();
    assert_eq!(left.items, [score(us, NOON, 60)]);

    scene.store.delete_account(us, NOON).await.unwrap();
    let left = scene.store.scores(us, Page::default()).await.unwrap();
    assert_eq!(left.items, []);
    let counts = scene.store.tallies_since(Timestamp(0)).await.unwrap();
    assert!(counts.is_empty(), "{counts:?}");
    // A round that was computed while the account was deleted leaves nothing behind.
    scene
        .store
        .record_health(vec![counted(us, NOON, 1)], vec![score(us, NOON, 1)])
        .await
        .unwrap();
    let left = scene.store.scores(us, Page::default()).await.unwrap();
    assert_eq!(left.items, []);
    let others = scene.store.scores(other, Page::default()).await.unwrap();
    assert_eq!(others.items.len(), 1);
}
