//! What fell out of memory is read again, and nobody notices.

use crate::bench::{Bench, NUMBER};
use std::collections::BTreeSet;
use std::time::Duration;
use wasim::{Contact, ContactSpec, NetEvent, Outgoing};
use waypost_engine::model::{Address, Content};
use waypost_wa::Target;
use waypost_wa::limits::{CHAT_LANES_MAX, SESSION_LOCKS_MAX};

/// More people than the protocol library keeps sessions of, its slack included (2,000 and an eighth).
const PEOPLE: usize = 2_400;
/// Of these some are written to again; more than have room in the small caches.
const AGAIN: usize = 60;

async fn say(contact: &Contact, words: &str) -> String {
    contact.send(NUMBER, Outgoing::text(words)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_goes_on_after_it_fell_out_of_memory() {
    let mut bench = Bench::new().await;
    let line = bench.linked().await;
    let mut watch = bench.net.events();
    let person = |n: usize| {
        let spec = ContactSpec {
            number: format!("9715200{n:05}"),
            push_name: format!("Person {n}"),
            ..Default::default()
        };
        bench.net.add_contact(spec).unwrap()
    };
    let people: Vec<Contact> = (0..PEOPLE).map(person).collect();
    let mut said = BTreeSet::new();
    for contact in &people {
        said.insert(say(contact, "hello").await);
    }
    for _ in 0..PEOPLE {
        let inbound = bench.message().await;
        assert!(said.remove(&inbound.wire_id), "{inbound:?}");
    }
    bench.acknowledged().await;

    let held = line.connection.held().await;
    assert!(
        held.sessions < PEOPLE as u64,
        "no session fell out of memory: {held:?}"
    );

    // Whoever fell out is among these, wherever the library begins to throw out.
    for (n, contact) in people.iter().step_by(PEOPLE / AGAIN).enumerate() {
        let first = say(contact, "still there?").await;
        let second = say(contact, "hello?").await;
        for id in [first, second] {
            assert_eq!(bench.message().await.wire_id, id, "person {n}, in order");
        }
        let target = Target {
            chat: Address::lid(contact.lid()),
            ..bench.target()
        };
        let id = format!("ANSWER{n}");
        bench.send(&line, &id, &Content::text("yes"), &target).await;
        let number = contact.number().to_owned();
        let received = |event: &NetEvent| matches!(event, NetEvent::MessageReceived { id: got, reader, .. } if *got == id && *reader == number);
        bench
            .net
            .wait_for(Duration::from_secs(20), received)
            .await
            .unwrap();
    }
    let held = line.connection.held().await;
    assert!(held.lanes <= CHAT_LANES_MAX, "{held:?}");
    assert!(held.locks <= SESSION_LOCKS_MAX, "{held:?}");
    // Nothing had to be sent twice for it.
    while let Some(event) = watch.try_next() {
        assert!(
            !matches!(event, NetEvent::DeviceAskedRetry { .. }),
            "{event:?}"
        );
    }
    bench.end(line).await;
}
