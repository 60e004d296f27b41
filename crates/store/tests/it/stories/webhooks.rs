//! Where events go: one slow or broken conversation never holds up the others, and none is
//! overtaken by a later event of its own.

use super::Scene;
use crate::scene::{NOON, ana, ben, says};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use waypost_engine::model::event::kind;
use waypost_engine::model::{ConversationId, Event, EventId, NewEvent, Timestamp, WorkspaceId};
use waypost_store::admin::deliveries::{DELIVERIES_KEPT, NewDelivery, RESPONSE_KEPT};
use waypost_store::admin::endpoints::{
    Advance, Advanced, DisabledReason, Endpoint, EndpointSpec, HeadOutcome, Lane, NewBlock,
    RecoverSince,
};
use waypost_store::{EventFilter, Page, Store, StoreError};

const HOME: WorkspaceId = WorkspaceId::DEFAULT;

fn later(ms: i64) -> Timestamp {
    Timestamp(NOON.0 + ms)
}

fn spec() -> EndpointSpec {
    EndpointSpec {
        workspace: HOME,
        url: "https://example.com/hook".to_owned(),
        description: "CRM".to_owned(),
        kinds: vec![],
        accounts: vec![],
    }
}

async fn endpoint(store: &Store) -> Endpoint {
    store.create_endpoint(spec(), b"whsec", NOON).await.unwrap()
}

fn attempt(event: &Event, error: Option<&str>) -> NewDelivery {
    NewDelivery {
        event: event.id,
        position: event.position,
        attempt: 1,
        at: NOON,
        status: Some(if error.is_some() { 500 } else { 200 }),
        error: error.map(str::to_owned),
        response: "ok".to_owned(),
        duration_ms: 12,
    }
}

async fn happens(store: &Store, conversation: Lane, n: i64) -> Event {
    let event = NewEvent {
        id: store.next_id::<EventId>(NOON),
        workspace: HOME,
        account: None,
        conversation,
        kind: kind::TYPING,
        version: 1,
        data: serde_json::json!({ "n": n }),
        at: later(n),
    };
    let position = store.append_event(event).await.unwrap();
    after(store, position - 1).await.remove(0)
}

async fn after(store: &Store, position: i64) -> Vec<Event> {
    let cursor = store.cursor_at(position);
    store
        .events_after(cursor, EventFilter::all(HOME), 1_000)
        .await
        .unwrap()
        .events
}

fn talk(n: i64) -> Lane {
    Some(ConversationId::from_raw(n))
}

#[tokio::test]
async fn a_new_endpoint_hears_only_what_happens_from_now_on() {
    let scene = Scene::new().await;
    scene.work(says(ana(), "A1", "before")).await;
    let endpoint = endpoint(&scene.store).await;
    assert_eq!(endpoint.position, scene.store.head());
    scene.work(says(ana(), "A2", "after")).await;
    let heard = after(&scene.store, endpoint.position).await;
    assert_eq!(heard.len(), 1);
    assert!(endpoint.wants(&heard[0]));

    let picky = EndpointSpec {
        kinds: vec![kind::ACCOUNT_STATE.to_owned()],
        ..spec()
    };
    let picky = scene
        .store
        .change_endpoint(endpoint.id, picky)
        .await
        .unwrap();
    assert!(!picky.wants(&heard[0]));
    let elsewhere = EndpointSpec {
        accounts: vec![scene.second_account().await.id],
        ..spec()
    };
    let elsewhere = scene
        .store
        .change_endpoint(endpoint.id, elsewhere)
        .await
        .unwrap();
    assert!(!elsewhere.wants(&heard[0]));
}

#[tokio::test]
async fn secrets_are_sealed_and_the_old_one_lasts_while_it_is_rotated() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let id = endpoint(store).await.id;
    let before = store.endpoint_secrets(id, NOON).await.unwrap();
    assert_eq!(
        (before.current.as_slice(), before.previous),
        (b"whsec".as_slice(), None)
    );
    store
        .rotate_endpoint_secret(HOME, id, b"newer", later(100))
        .await
        .unwrap();
    let during = store.endpoint_secrets(id, later(99)).await.unwrap();
    assert_eq!(during.current, b"newer");
    assert_eq!(during.previous.as_deref(), Some(b"whsec".as_slice()));
    assert_eq!(
        store
            .endpoint_secrets(id, later(100))
            .await
            .unwrap()
            .previous,
        None
    );

    store.close().await;
    let file = scene.contents().await;
    for secret in [b"whsec".as_slice(), b"newer"] {
        assert!(
            !file.windows(secret.len()).any(|bytes| bytes == secret),
            "{secret:?} is in the file"
        );
    }
}

#[tokio::test]
async fn a_failing_conversation_waits_in_order_while_the_others_go_on() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let endpoint = endpoint(store).await;
    let first = happens(store, talk(1), 1).await;
    let other = happens(store, talk(2), 2).await;
    let second = happens(store, talk(1), 3).await;

    // The first event of conversation 1 fails, so its second one must wait behind it.
    let step = Advance {
        from: endpoint.position,
        to: second.position,
        blocked: vec![NewBlock {
            lane: talk(1),
            position: first.position,
            body: b"{\"n\":1}".to_vec(),
            next_at: later(50),
            error: "connection refused".to_owned(),
        }],
        deferred: vec![(talk(1), second.position)],
        log: vec![
            attempt(&first, Some("connection refused")),
            attempt(&other, None),
        ],
    };
    assert_eq!(
        store
            .advance_endpoint(endpoint.id, step.clone(), NOON)
            .await,
        Ok(Advanced::Done)
    );
    assert_eq!(
        store.advance_endpoint(endpoint.id, step, NOON).await,
        Ok(Advanced::Moved),
        "the same step does not count twice"
    );
    assert_eq!(store.blocked_lanes(endpoint.id).await.unwrap(), [talk(1)]);
    assert_eq!(
        store.blocked_next(endpoint.id).await.unwrap(),
        Some(later(50))
    );
    assert!(
        store
            .blocked_due(endpoint.id, later(49), 10)
            .await
            .unwrap()
            .is_empty()
    );

    let head = store
        .blocked_due(endpoint.id, later(50), 10)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((&head.event, head.attempts), (&first, 1));
    assert_eq!(
        head.body.as_deref(),
        Some(b"{\"n\":1}".as_slice()),
        "the body of the first attempt"
    );
    let settle = async |position, outcome| {
        store
            .settle_blocked(endpoint.id, talk(1), position, outcome, None, later(60))
            .await
    };
    let overtaking = settle(second.position, HeadOutcome::Delivered).await;
    assert!(matches!(overtaking, Err(StoreError::Conflict { .. })));
    let again = HeadOutcome::Failed {
        body: b"another body".to_vec(),
        next_at: later(70),
        error: "503".to_owned(),
    };
    settle(first.position, again).await.unwrap();
    let head = store
        .blocked_due(endpoint.id, later(70), 10)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((head.attempts, head.last_error.as_str()), (2, "503"));
    assert_eq!(
        head.body.as_deref(),
        Some(b"{\"n\":1}".as_slice()),
        "a body never changes"
    );
    assert_eq!(store.blocks(endpoint.id).await.unwrap()[0].waiting, 2);
    assert_eq!(store.counts().await.unwrap().webhook_backlog, 2);

    settle(first.position, HeadOutcome::Delivered)
        .await
        .unwrap();
    let head = store
        .blocked_due(endpoint.id, later(60), 10)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((&head.event, head.attempts, head.body), (&second, 0, None));
    settle(second.position, HeadOutcome::GivenUp).await.unwrap();
    assert!(store.blocked_lanes(endpoint.id).await.unwrap().is_empty());
    assert_eq!(store.counts().await.unwrap().webhook_backlog, 0);
}

#[tokio::test]
async fn an_endpoint_that_is_set_back_gets_everything_since_then_again() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let endpoint = endpoint(store).await;
    let mut events = Vec::new();
    for n in 1..=5 {
        events.push(happens(store, talk(n), n).await);
    }
    let block = NewBlock {
        lane: talk(4),
        position: events[3].position,
        body: vec![],
        next_at: later(1_000),
        error: "timeout".to_owned(),
    };
    let step = Advance {
        from: endpoint.position,
        to: events[4].position,
        blocked: vec![block],
        ..Advance::default()
    };
    store
        .advance_endpoint(endpoint.id, step, NOON)
        .await
        .unwrap();

    let back = RecoverSince::Time(later(3));
    let back = store
        .recover_endpoint(HOME, endpoint.id, back)
        .await
        .unwrap();
    assert_eq!(after(store, back.position).await[0], events[2]);
    assert!(
        store.blocked_lanes(endpoint.id).await.unwrap().is_empty(),
        "the blocked event comes again with the others, not twice"
    );
    let forward = RecoverSince::Position(i64::MAX);
    let still = store
        .recover_endpoint(HOME, endpoint.id, forward)
        .await
        .unwrap();
    assert_eq!(
        still.position, back.position,
        "recovering never skips anything"
    );
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_switched_off_with_an_event_and_can_come_back() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let endpoint = endpoint(store).await;
    let off = store
        .disable_endpoint(HOME, endpoint.id, DisabledReason::Gone, NOON)
        .await
        .unwrap();
    assert_eq!(off.disabled, Some(DisabledReason::Gone));
    assert!(store.endpoints_on().await.unwrap().is_empty());
    store
        .disable_endpoint(HOME, endpoint.id, DisabledReason::Person, NOON)
        .await
        .unwrap();
    let told = scene.told(kind::ENDPOINT_DISABLED).await;
    assert_eq!(told.len(), 1, "it was off already the second time");
    assert_eq!(told[0].data["reason"], "gone");
    let on = store
        .enable_endpoint(HOME, endpoint.id, NOON)
        .await
        .unwrap();
    assert_eq!((on.disabled, on.position), (None, endpoint.position));
    assert_eq!(store.endpoints_on().await.unwrap(), [on]);
    store.delete_endpoint(HOME, endpoint.id).await.unwrap();
    let gone = store.endpoint(HOME, endpoint.id).await;
    assert_eq!(
        gone,
        Err(StoreError::NotFound {
            what: "webhook endpoint"
        })
    );
}

#[tokio::test]
async fn health_and_the_log_follow_the_attempts() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let endpoint = endpoint(store).await;
    let event = happens(store, None, 1).await;
    let at = |from: i64, log: Vec<NewDelivery>| Advance {
        from,
        to: from,
        log,
        ..Advance::default()
    };
    let long = NewDelivery {
        response: "é".repeat(RESPONSE_KEPT),
        ..attempt(&event, Some("500"))
    };
    store
        .advance_endpoint(endpoint.id, at(endpoint.position, vec![long]), NOON)
        .await
        .unwrap();
    let failing = store.endpoint(HOME, endpoint.id).await.unwrap();
    assert_eq!(
        (failing.failing_since, failing.succeeded_at),
        (Some(NOON), None)
    );
    let logged = store
        .deliveries(endpoint.id, Page::first(10))
        .await
        .unwrap()
        .items;
    assert_eq!(logged[0].response.len(), RESPONSE_KEPT);
    assert_eq!(logged[0].kind.as_deref(), Some(event.kind.as_str()));

    let many = usize::try_from(DELIVERIES_KEPT).unwrap();
    let log = vec![attempt(&event, None); many];
    store
        .advance_endpoint(endpoint.id, at(endpoint.position, log), NOON)
        .await
        .unwrap();
    let well = store.endpoint(HOME, endpoint.id).await.unwrap();
    assert_eq!((well.failing_since, well.succeeded_at), (None, Some(NOON)));
    let newest = store
        .deliveries(endpoint.id, Page::first(200))
        .await
        .unwrap();
    assert!(newest.items.iter().all(|delivery| delivery.error.is_none()));
    assert_eq!(newest.items[0].number, DELIVERIES_KEPT + 1);
    let mut count = newest.items.len();
    let mut next = newest.next;
    while let Some(cursor) = next {
        let page = Page {
            limit: 200,
            cursor: Some(cursor),
        };
        let more = store.deliveries(endpoint.id, page).await.unwrap();
        count += more.items.len();
        next = more.next;
    }
    assert_eq!(count, many, "the oldest attempt made room");
}

/// What a deliverer does with one event.
#[derive(Debug, Clone, Copy)]
enum Luck {
    Through,
    Fails,
}

/// Delivers everything as the program does, with failures as `luck` says, and returns what got
/// through in its order.
async fn deliver_all(store: &Store, endpoint: &Endpoint, luck: &[Luck]) -> Vec<Event> {
    let mut luck = luck.iter().copied();
    let mut through = Vec::new();
    let mut now = NOON;
    loop {
        now = Timestamp(now.0 + 1);
        let from = store.endpoint(HOME, endpoint.id).await.unwrap().position;
        let mut blocked: BTreeSet<Lane> = store
            .blocked_lanes(endpoint.id)
            .await
            .unwrap()
            .into_iter()
            .collect();
        let events: Vec<Event> = after(store, from).await.into_iter().take(3).collect();
        let mut step = Advance {
            from,
            to: from,
            ..Advance::default()
        };
        for event in &events {
            step.to = event.position;
            if blocked.contains(&event.conversation) {
                step.deferred.push((event.conversation, event.position));
            } else if let Some(Luck::Fails) = luck.next() {
                blocked.insert(event.conversation);
                step.blocked.push(NewBlock {
                    lane: event.conversation,
                    position: event.position,
                    body: vec![],
                    next_at: now,
                    error: "500".to_owned(),
                });
            } else {
                through.push(event.clone());
            }
        }
        assert_eq!(
            store.advance_endpoint(endpoint.id, step, now).await,
            Ok(Advanced::Done)
        );
        let due = store.blocked_due(endpoint.id, now, 2).await.unwrap();
        if events.is_empty() && due.is_empty() {
            return through;
        }
        for head in due {
            let outcome = match luck.next() {
                Some(Luck::Fails) => HeadOutcome::Failed {
                    body: vec![],
                    next_at: now,
                    error: "500".to_owned(),
                },
                Some(Luck::Through) | None => {
                    through.push(head.event.clone());
                    HeadOutcome::Delivered
                }
            };
            let position = head.event.position;
            store
                .settle_blocked(endpoint.id, head.lane, position, outcome, None, now)
                .await
                .unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn whatever_fails_every_event_arrives_once_and_in_its_conversations_order(
        lanes in prop::collection::vec(0..4i64, 1..25),
        luck in prop::collection::vec(prop_oneof![Just(Luck::Through), Just(Luck::Fails)], 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let scene = Scene::new().await;
            let endpoint = endpoint(&scene.store).await;
            for (n, lane) in (1..).zip(&lanes) {
                happens(&scene.store, (*lane != 0).then(|| ConversationId::from_raw(*lane)), n).await;
            }
            let through = deliver_all(&scene.store, &endpoint, &luck).await;
            assert_eq!(through.len(), lanes.len());
            let mut last: BTreeMap<Lane, i64> = BTreeMap::new();
            for event in &through {
                let before = last.insert(event.conversation, event.position);
                assert!(before < Some(event.position), "{event:?} after {before:?}");
            }
        });
    }
}

#[tokio::test]
async fn a_full_backlog_stops_the_cursor_and_loses_nothing() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let endpoint = endpoint(store).await;
    let last = happens(store, talk(1), 1).await;
    let max = waypost_store::admin::endpoints::BACKLOG_MAX;
    let too_many = (1..=max + 1).map(|position| (talk(1), position)).collect();
    let step = Advance {
        from: endpoint.position,
        to: last.position,
        deferred: too_many,
        ..Advance::default()
    };
    let outcome = store.advance_endpoint(endpoint.id, step, NOON).await;
    assert_eq!(outcome, Ok(Advanced::BacklogFull));
    assert_eq!(
        store.endpoint(HOME, endpoint.id).await.unwrap().position,
        endpoint.position
    );
    assert!(store.blocked_lanes(endpoint.id).await.unwrap().is_empty());
    // Somebody else's messages are stored all the same.
    scene.work(says(ben(), "B1", "hello")).await;
}

#[tokio::test]
async fn a_waiting_event_of_a_deleted_account_holds_up_nothing() {
    let scene = Scene::new().await;
    let store = &scene.store;
    let endpoint = endpoint(store).await;
    scene.work(says(ana(), "A1", "soon gone")).await;
    let gone = after(store, endpoint.position).await.remove(0);
    let stays = happens(store, gone.conversation, 1).await;
    let block = NewBlock {
        lane: gone.conversation,
        position: gone.position,
        body: b"old body".to_vec(),
        next_at: later(5),
        error: "timeout".to_owned(),
    };
    let step = Advance {
        from: endpoint.position,
        to: stays.position,
        blocked: vec![block],
        deferred: vec![(gone.conversation, stays.position)],
        log: vec![],
    };
    assert_eq!(
        store.advance_endpoint(endpoint.id, step, NOON).await,
        Ok(Advanced::Done)
    );
    store.delete_account(scene.account, NOON).await.unwrap();
    let head = store
        .blocked_due(endpoint.id, later(5), 10)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((&head.event, &head.body, head.attempts), (&stays, &None, 0));
    let lane = stays.conversation;
    let through = HeadOutcome::Delivered;
    store
        .settle_blocked(endpoint.id, lane, stays.position, through, None, NOON)
        .await
        .unwrap();
    assert!(store.blocked_lanes(endpoint.id).await.unwrap().is_empty());
}
