//! What must be true in the end: nothing lost, nothing doubled, nothing reordered, every accepted
//! send final.

use crate::network::{Nature, Network, Person, Said};
use crate::process::Halt;
use crate::world::Client;
use std::collections::{BTreeMap, BTreeSet};
use waypost_engine::model::event::kind;
use waypost_engine::model::{AccountId, Event, Seq, WorkspaceId};
use waypost_store::{EventFilter, Store, StoreError};

fn broken(what: impl Into<String>) -> Halt {
    Halt::Broken(what.into())
}

fn store_failed(error: StoreError) -> Halt {
    Halt::Broken(format!("the store cannot be read any more: {error}"))
}

/// Counts everything.
///
/// # Errors
/// The first promise that was broken.
pub async fn judge(
    store: &Store,
    account: AccountId,
    network: &Network,
    clients: &[Client],
) -> Result<(), Halt> {
    if let Some(wire_id) = network.changed_payloads.first() {
        return Err(broken(format!(
            "{wire_id} was sent with two different payloads"
        )));
    }
    let unfinished = store
        .unfinished(account, Seq(0), 1)
        .await
        .map_err(store_failed)?;
    let waiting = store
        .outbox_due(account, Seq(0), 1)
        .await
        .map_err(store_failed)?;
    if !unfinished.is_empty() || !waiting.is_empty() {
        return Err(broken("something is neither done nor final"));
    }
    let events = events(store).await?;
    received_once_in_order(&events, network)?;
    worked_on_once(&events, network)?;
    for (who, person) in network.people.iter().enumerate() {
        shown_once_in_order(who, person, &clients[who])?;
    }
    Ok(())
}

async fn events(store: &Store) -> Result<Vec<Event>, Halt> {
    let (mut all, mut cursor) = (Vec::new(), store.cursor_at(0));
    loop {
        let filter = EventFilter::all(WorkspaceId::DEFAULT);
        let page = store
            .events_after(cursor, filter, 1_000)
            .await
            .map_err(store_failed)?;
        all.extend(page.events);
        cursor = page.next;
        if !page.more {
            return Ok(all);
        }
    }
}

fn said(network: &Network) -> impl Iterator<Item = &Said> {
    network.people.iter().flat_map(|person| &person.said)
}

/// Every message is in the log once, and each person's are in the order they were written.
fn received_once_in_order(events: &[Event], network: &Network) -> Result<(), Halt> {
    let of_kind = events
        .iter()
        .filter(|event| event.kind == kind::MESSAGE_RECEIVED);
    let logged: Vec<&str> = of_kind
        .filter_map(|event| event.data["wire_id"].as_str())
        .collect();
    let distinct: BTreeSet<&str> = logged.iter().copied().collect();
    if let Some(lost) = said(network).find(|said| !distinct.contains(said.wire_id.as_str())) {
        return Err(broken(format!(
            "lost: {} was acknowledged and is not stored",
            lost.wire_id
        )));
    }
    if logged.len() != distinct.len() {
        return Err(broken(format!(
            "doubled: {} events for {}",
            logged.len(),
            distinct.len()
        )));
    }
    for person in &network.people {
        let theirs: BTreeSet<&str> = person.said.iter().map(|s| s.wire_id.as_str()).collect();
        let stored = logged
            .iter()
            .copied()
            .filter(|wire_id| theirs.contains(wire_id));
        if !stored.eq(person.said.iter().map(|said| said.wire_id.as_str())) {
            return Err(broken(
                "reordered: a person's messages are not in the order written",
            ));
        }
    }
    Ok(())
}

/// Every message went through the stages once, or to the dead letters once, and not both.
fn worked_on_once(events: &[Event], network: &Network) -> Result<(), Halt> {
    let mut wire_ids: BTreeMap<&str, &str> = BTreeMap::new();
    let mut done: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for event in events {
        let Some(message) = event.data["message"].as_str() else {
            continue;
        };
        match event.kind.as_str() {
            kind::MESSAGE_RECEIVED => {
                let wire_id = event.data["wire_id"].as_str().unwrap_or_default();
                wire_ids.insert(message, wire_id);
            }
            kind::MESSAGE_PROCESSED | kind::DEAD_LETTER => {
                let wire_id = wire_ids.get(message).copied().unwrap_or(message);
                done.entry(wire_id).or_default().push(&event.kind);
            }
            _ => {}
        }
    }
    for said in said(network) {
        let expected = match said.nature {
            Nature::Poison => kind::DEAD_LETTER,
            Nature::Plain | Nature::Flaky | Nature::Refused => kind::MESSAGE_PROCESSED,
        };
        let happened = done
            .get(said.wire_id.as_str())
            .map(Vec::as_slice)
            .unwrap_or_default();
        if happened != [expected] {
            return Err(broken(format!(
                "{} was worked on as {happened:?}",
                said.wire_id
            )));
        }
    }
    Ok(())
}

/// A person's app shows every answer and every request once, each kind in its order.
fn shown_once_in_order(who: usize, person: &Person, client: &Client) -> Result<(), Halt> {
    let answered = |said: &&Said| matches!(said.nature, Nature::Plain | Nature::Flaky);
    let answers = person
        .said
        .iter()
        .filter(answered)
        .map(|said| format!("re {}", said.words));
    let requests = (0..client.accepted).map(|n| format!("api p{who} #{n}"));
    compare(person, "re ", answers.collect())?;
    compare(person, "api ", requests.collect())
}

fn compare(person: &Person, prefix: &str, expected: Vec<String>) -> Result<(), Halt> {
    let words = person.shown.iter().map(|(_, words)| words);
    let shown: Vec<&String> = words.filter(|words| words.starts_with(prefix)).collect();
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    shown
        .iter()
        .for_each(|words| *counts.entry(words).or_default() += 1);
    if let Some((words, n)) = counts.iter().find(|(_, n)| **n > 1) {
        return Err(broken(format!("doubled: '{words}' is shown {n} times")));
    }
    if let Some(lost) = expected.iter().find(|words| !counts.contains_key(words)) {
        return Err(broken(format!("lost: '{lost}' is not shown")));
    }
    // One request more than answered may have gone out: it was committed, its answer cut off.
    let shown: Vec<&String> = shown
        .into_iter()
        .filter(|words| expected.contains(words))
        .collect();
    if !shown.into_iter().eq(expected.iter()) {
        return Err(broken(format!(
            "reordered: '{prefix}' messages are not in order"
        )));
    }
    Ok(())
}
