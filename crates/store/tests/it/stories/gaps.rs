//! Messages that never came: written down, summed, told, and forgotten with their account.

use super::Scene;
use crate::scene::{NOON, ana, says};
use waypost_engine::fleet::gaps::{Backlog, Effect, Gap, Gaps, GapsConfig, Input, News};
use waypost_engine::model::event::kind;
use waypost_engine::model::{Content, Duration, Inbound, Origin, Timestamp, WorkspaceId};
use waypost_store::Page;
use waypost_store::admin::gaps::{GapCounts, GapNote};

fn at(inbound: Inbound, seconds: i64) -> Inbound {
    Inbound {
        sent_at: Timestamp(NOON.0 + seconds * 1_000),
        ..inbound
    }
}

/// A hole of so many messages, as the engine finds it.
fn hole(missing: u32, seconds: u64) -> Gap {
    let mut gaps = Gaps::new(GapsConfig::default(), NOON, NOON, Vec::new());
    let synced = Input::Synced {
        announced: missing,
        arrived: 0,
        backlog: Backlog::Whole,
    };
    let effects = gaps.step(synced, NOON + Duration::secs(seconds));
    let found = effects.into_iter().find_map(|effect| match effect {
        Effect::Keep(gap, News::Found) => Some(gap),
        _ => None,
    });
    found.unwrap()
}

fn found(gap: &Gap) -> GapNote {
    GapNote {
        gap: gap.clone(),
        event: Some((kind::GAP_FOUND, Vec::new())),
    }
}

#[tokio::test]
async fn what_is_missing_is_summed_told_and_taken_up_again() {
    let scene = Scene::new().await;
    let (store, account) = (&scene.store, scene.account);
    assert_eq!(
        store.gap_counts(account).await.unwrap(),
        GapCounts::default()
    );
    let (mut three, two) = (hole(3, 60), hole(2, 120));
    for gap in [&three, &two] {
        store.put_gap(account, found(gap), NOON).await.unwrap();
    }
    three.filled = 1;
    let filled = GapNote {
        gap: three.clone(),
        event: Some((kind::GAP_FILLED, vec!["A1".to_owned()])),
    };
    store.put_gap(account, filled, NOON).await.unwrap();
    let counts = store.gap_counts(account).await.unwrap();
    assert_eq!((counts.missing, counts.filled), (4, 1));
    let queues = store.account_queues(WorkspaceId::DEFAULT).await.unwrap();
    assert_eq!(queues[&account].missing, 4);
    assert_eq!(store.counts().await.unwrap().messages_missing, 4);

    let listed = store.gaps(account, Page::default()).await.unwrap();
    assert_eq!(listed.items, [two.clone(), three.clone()]);
    let since = NOON + Duration::secs(100);
    let recent = store.unfilled_gaps(account, since, 10).await.unwrap();
    assert_eq!(recent, std::slice::from_ref(&two));
    store.drop_gap(account, two.key.clone()).await.unwrap();
    assert_eq!(store.gap_counts(account).await.unwrap().missing, 2);

    for (kind, missing) in [(kind::GAP_FOUND, vec![3, 2]), (kind::GAP_FILLED, vec![2])] {
        let told = scene.told(kind).await;
        let told: Vec<i64> = told
            .iter()
            .filter_map(|e| e.data["missing"].as_i64())
            .collect();
        assert_eq!(told, missing, "{kind}");
    }
}

#[tokio::test]
async fn there_is_something_behind_a_hole_once_somebody_wrote_there() {
    let scene = Scene::new().await;
    let (store, account) = (&scene.store, scene.account);
    let unreadable = Inbound {
        content: Content::Placeholder,
        raw: Vec::new(),
        ..at(says(ana(), "A1", ""), 10)
    };
    scene.accept(vec![unreadable.clone()]).await;
    assert!(!store.is_here(account, "A1".into()).await.unwrap());
    let marks = store.unreadable(account, 10).await.unwrap();
    assert_eq!(marks.len(), 1);
    assert_eq!((marks[0].wire_id.as_str(), marks[0].from_me), ("A1", false));
    assert_eq!(store.next_after(account, "A1".into()).await.unwrap(), None);
    assert_eq!(store.newest_since(account, NOON, 10).await.unwrap(), []);

    scene.accept(vec![at(says(ana(), "A2", "later"), 20)]).await;
    let next = store.next_after(account, "A1".into()).await.unwrap();
    assert_eq!(next.unwrap().wire_id, "A2");
    let newest = store.newest_since(account, NOON, 10).await.unwrap();
    assert_eq!(newest.len(), 1);
    assert_eq!(newest[0].wire_id, "A2");
    let after = NOON + Duration::secs(21);
    assert_eq!(store.newest_since(account, after, 10).await.unwrap(), []);

    // What the phone gives takes the place that was kept, and nobody works on it.
    let had = Inbound {
        origin: Origin::Backfill,
        content: Content::text("hello"),
        ..unreadable
    };
    let outcomes = scene.accept(vec![had]).await;
    assert!(
        matches!(outcomes[0], waypost_store::Accepted::Stored { .. }),
        "{outcomes:?}"
    );
    assert!(store.is_here(account, "A1".into()).await.unwrap());
    assert_eq!(store.unreadable(account, 10).await.unwrap(), []);
}
