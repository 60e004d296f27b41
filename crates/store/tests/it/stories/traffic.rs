//! What went through an account lately is counted, and what is older is not.

use super::Scene;
use crate::scene::{NOON, ana, ben, says};
use waypost_engine::model::{Duration, Inbound, Origin};
use waypost_store::admin::link_attempts::{LinkAttempt, LinkMethod, LinkOutcome};
use waypost_store::{Accept, Receipt};

async fn accepted_at(scene: &Scene, hours: u64, items: Vec<Inbound>) {
    let accept = Accept {
        account: scene.account,
        owner: scene.owner,
        now: NOON + Duration::hours(hours),
        items,
    };
    scene.store.accept(accept).await.unwrap();
}

#[tokio::test]
async fn what_went_through_is_counted_by_account_from_a_moment_on() {
    let scene = Scene::new().await;
    for hour in 0..20 {
        let wire = format!("H{hour}");
        accepted_at(&scene, hour, vec![says(ana(), &wire, "hello")]).await;
    }
    let history = Inbound {
        origin: Origin::History,
        ..says(ben(), "OLD", "long ago")
    };
    let own = Inbound {
        origin: Origin::Own,
        from_me: true,
        sender: ben(),
        ..says(ana(), "OWN", "from the phone")
    };
    accepted_at(&scene, 20, vec![history, own]).await;
    let other = scene.second_account().await;

    let since = NOON + Duration::hours(15);
    let counted = scene
        .store
        .traffic(vec![other.id, scene.account], since)
        .await
        .unwrap();
    assert_eq!(counted[0].0, other.id);
    assert_eq!(counted[0].1.received, 0);
    let traffic = &counted[1].1;
    assert_eq!(
        (traffic.received, traffic.sent_elsewhere, traffic.sent),
        (5, 1, 0)
    );
    for (hours, received) in [(0, 20), (19, 1), (20, 0), (99, 0)] {
        let since = NOON + Duration::hours(hours);
        let counted = scene
            .store
            .traffic(vec![scene.account], since)
            .await
            .unwrap();
        assert_eq!(counted[0].1.received, received, "since hour {hours}");
    }
    assert_eq!(traffic.handled.count(), 0, "nothing is finished yet");
    for work in scene.unfinished().await {
        scene.complete(&work, vec![]).await;
    }
    let counted = scene
        .store
        .traffic(vec![scene.account], since)
        .await
        .unwrap();
    assert_eq!(counted[0].1.handled.count(), 5);
}

#[tokio::test]
async fn sends_are_counted_by_what_became_of_them() {
    let scene = Scene::new().await;
    for wire in ["S1", "S2", "S3"] {
        let draft = scene.draft(ana(), wire, "hello");
        scene.store.enqueue(draft, None, NOON).await.unwrap();
    }
    let (store, soon) = (&scene.store, NOON + Duration::millis(100));
    store
        .server_accepted(scene.account, "S1", soon)
        .await
        .unwrap();
    store
        .server_accepted(scene.account, "S2", soon)
        .await
        .unwrap();
    let mut told = scene.confirmation(ana(), vec!["S2".to_owned()], Receipt::Delivered);
    told.at = NOON + Duration::millis(250);
    store.receipt(told).await.unwrap();
    let attempt = LinkAttempt {
        account: scene.account,
        started_at: NOON,
        method: LinkMethod::Qr,
        codes_shown: 1,
        regenerations: 0,
        scanned_at: Some(NOON),
        ended_at: NOON,
        outcome: LinkOutcome::Linked,
    };
    scene.store.record_link_attempt(attempt).await.unwrap();
    let counted = scene
        .store
        .traffic(vec![scene.account], NOON)
        .await
        .unwrap();
    let mut traffic = counted[0].1.clone();
    assert_eq!((traffic.sent, traffic.waiting, traffic.failed), (3, 1, 0));
    assert_eq!(traffic.links["linked"], 1);
    assert_eq!(traffic.accepted.count(), 2);
    assert_eq!(traffic.accepted.within(50), Some(Duration::millis(100)));
    assert_eq!(traffic.delivered.count(), 1);
    assert_eq!(traffic.delivered.within(95), Some(Duration::millis(250)));
    traffic.add(&counted[0].1);
    assert_eq!(
        (
            traffic.sent,
            traffic.links["linked"],
            traffic.delivered.count()
        ),
        (6, 2, 2)
    );
}
