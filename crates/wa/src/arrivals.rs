//! The order in which messages came over the wire.
//!
//! The protocol library decrypts in parallel, one task for each address that a stanza comes from, and a
//! person has two; it collects a backlog before it commits it; and a message that it cannot decrypt is
//! reported at once, ahead of that collection. So a message gets its place here when its stanza comes,
//! and whatever is committed is sorted by it. Where a message must be committed while an earlier one of
//! the same person is still being decrypted, something stands in for the earlier one, as for a message
//! that cannot be decrypted, and is filled when it comes.
//!
//! What the library drops without a word (a double, a key for a group) never leaves by itself: it goes
//! with the next message of its address, whose task takes one after the other.

use crate::clock;
use crate::jid;
use crate::limits::ARRIVALS_MAX;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use wacore_binary::{Jid, NodeRef};
use waypost_engine::model::{Address, Inbound, Origin, Timestamp};

/// Where a message stands among those that came on a connection. What came before all of them (kept
/// by the library since an earlier one) is [`Place::BEFORE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

impl Place {
    pub(crate) const BEFORE: Self = Self(0);
}

/// A message that came and is not committed yet.
#[derive(Debug)]
struct Arrival {
    id: Box<str>,
    /// The address that it came from, which is the task that takes it.
    from: Address,
    /// The same person's other address, where the stanza says so.
    other: Option<Address>,
    origin: Origin,
    sent_at: Timestamp,
    stood_in_for: StoodInFor,
}

/// Whether something stands in for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoodInFor {
    No,
    Yes,
}

impl Arrival {
    fn stand_in(&self, received_at: Timestamp) -> Inbound {
        let (id, from) = (self.id.to_string(), self.from.clone());
        Inbound {
            chat_alt: self.other.clone(),
            sender_alt: self.other.clone(),
            sent_at: self.sent_at,
            ..Inbound::placeholder(id, from.clone(), from, self.origin, received_at)
        }
    }
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    open: BTreeMap<Place, Arrival>,
    places: HashMap<Box<str>, Place>,
    by_address: HashMap<Address, BTreeSet<Place>>,
    /// What stands for messages that could not be decrypted, until somebody takes it. Few at a time.
    broken: Vec<(Place, Inbound)>,
    /// The connection is gone: nobody need wait.
    over: bool,
}

/// Messages on their way from the wire to their commit.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    state: Mutex<State>,
    bell: Notify,
}

/// What a message waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Earlier messages from the other address of the same person.
    Other,
    /// Earlier messages of the same person.
    Both,
}

impl Arrivals {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a stanza of any kind.
    pub(crate) fn stanza(&self, stanza: &NodeRef<'_>) {
        if stanza.tag.as_ref() != "message" {
            return;
        }
        let address = |key: &str| -> Option<Address> {
            let jid: Jid = stanza.get_attr(key)?.as_str().parse().ok()?;
            Some(jid::address(&jid))
        };
        let (Some(id), Some(from)) = (stanza.get_attr("id"), address("from")) else {
            return;
        };
        let other = address("sender_lid").or_else(|| address("sender_pn"));
        let other = other.filter(|other| from.is_person() && *other != from);
        let seconds: Option<i64> = stanza.get_attr("t").and_then(|t| t.as_str().parse().ok());
        let sent_at = seconds.and_then(|seconds| seconds.checked_mul(1_000));
        let origin = match stanza.get_attr("offline") {
            Some(_) => Origin::Offline,
            None => Origin::Live,
        };
        self.state().came(Arrival {
            id: id.as_str().as_ref().into(),
            from,
            other,
            origin,
            sent_at: sent_at.map_or_else(clock::now, Timestamp),
            stood_in_for: StoodInFor::No,
        });
    }

    /// Where a message stands.
    pub(crate) fn place(&self, id: &str) -> Place {
        let state = self.state();
        state.places.get(id).copied().unwrap_or(Place::BEFORE)
    }

    /// A message cannot be decrypted: this stands for it, and waits to be taken.
    pub(crate) fn broke(&self, placeholder: Inbound) {
        let place = self.place(&placeholder.wire_id);
        self.state().broken.push((place, placeholder));
    }

    /// Takes what stands for the undecryptable messages that came before `place`, or at it.
    pub(crate) fn take_broken(&self, place: Place) -> Vec<(Place, Inbound)> {
        let mut state = self.state();
        state
            .broken
            .extract_if(.., |(at, _)| *at <= place)
            .collect()
    }

    /// Takes what stands for one undecryptable message, unless somebody took it before.
    pub(crate) fn take_one_broken(&self, id: &str) -> Option<(Place, Inbound)> {
        let mut state = self.state();
        let at = state.broken.iter().position(|(_, it)| it.wire_id == id)?;
        Some(state.broken.swap_remove(at))
    }

    /// What stands in for messages that came before these under the other address of their sender and
    /// are not decrypted yet.
    pub(crate) fn stand_ins(&self, committing: &[Place]) -> Vec<(Place, Inbound)> {
        let now = clock::now();
        let mut state = self.state();
        let missing = state.earlier_of_others(committing);
        let stand_in = |place: Place| {
            let arrival = state.open.get_mut(&place)?;
            let before = std::mem::replace(&mut arrival.stood_in_for, StoodInFor::Yes);
            (before == StoodInFor::No).then(|| (place, arrival.stand_in(now)))
        };
        missing.into_iter().filter_map(stand_in).collect()
    }

    /// Whether something stands in for this message, which must be filled.
    pub(crate) fn is_stood_in_for(&self, place: Place) -> bool {
        let state = self.state();
        let arrival = state.open.get(&place);
        arrival.is_some_and(|arrival| arrival.stood_in_for == StoodInFor::Yes)
    }

    /// These messages are committed, and what came before them from the same addresses is done with.
    pub(crate) fn settle(&self, places: impl IntoIterator<Item = Place>) {
        let mut state = self.state();
        for place in places {
            state.settle(place);
        }
        drop(state);
        self.bell.notify_waiters();
    }

    /// Waits until nothing that came before `place` is on its way, so long at most.
    pub(crate) async fn turn(&self, place: Place, wait: Wait, patience: Duration) {
        let turn = async {
            loop {
                let rung = self.bell.notified();
                tokio::pin!(rung);
                rung.as_mut().enable();
                if self.state().is_first(place, wait) {
                    return;
                }
                rung.await;
            }
        };
        if tokio::time::timeout(patience, turn).await.is_err() {
            tracing::debug!(?place, "a message goes on before one that came earlier");
        }
    }

    /// The connection is gone: whoever waits goes on.
    pub(crate) fn end(&self) {
        self.state().over = true;
        self.bell.notify_waiters();
    }
}

impl State {
    /// A message that comes again keeps its place as long as it is not committed.
    fn came(&mut self, arrival: Arrival) {
        if self.places.contains_key(&arrival.id) {
            return;
        }
        if self.open.len() >= ARRIVALS_MAX
            && let Some(oldest) = self.open.keys().next().copied()
        {
            self.forget(oldest);
        }
        self.last += 1;
        let place = Place(self.last);
        self.places.insert(arrival.id.clone(), place);
        let same = self.by_address.entry(arrival.from.clone()).or_default();
        same.insert(place);
        self.open.insert(place, arrival);
    }

    fn earlier_of_others(&self, committing: &[Place]) -> BTreeSet<Place> {
        let earlier = |place: &Place| {
            let other = self.open.get(place)?.other.as_ref()?;
            Some(self.by_address.get(other)?.range(..*place).copied())
        };
        let mut missing: BTreeSet<Place> =
            committing.iter().filter_map(earlier).flatten().collect();
        for there in committing {
            missing.remove(there);
        }
        for (there, _) in &self.broken {
            missing.remove(there);
        }
        missing
    }

    fn settle(&mut self, place: Place) {
        let Some(arrival) = self.open.get(&place) else {
            return;
        };
        let same = self.by_address.get(&arrival.from);
        let done: Vec<Place> = same.into_iter().flatten().copied().collect();
        for done in done.into_iter().take_while(|done| *done <= place) {
            // What stands for an undecryptable one is committed by whoever takes it.
            if done == place || self.broken.iter().all(|(at, _)| *at != done) {
                self.forget(done);
            }
        }
    }

    fn forget(&mut self, place: Place) {
        let Some(arrival) = self.open.remove(&place) else {
            return;
        };
        self.places.remove(&arrival.id);
        if let Some(same) = self.by_address.get_mut(&arrival.from) {
            same.remove(&place);
            if same.is_empty() {
                self.by_address.remove(&arrival.from);
            }
        }
    }

    fn is_first(&self, place: Place, wait: Wait) -> bool {
        let Some(arrival) = self.open.get(&place) else {
            return true;
        };
        // What something stands in for keeps its place without anybody waiting for it.
        let is_missed = |earlier: &Place| {
            let arrival = self.open.get(earlier);
            arrival.is_some_and(|arrival| arrival.stood_in_for == StoodInFor::No)
        };
        let earlier = |address: &Address| {
            let same = self.by_address.get(address);
            same.is_some_and(|same| same.range(..place).any(is_missed))
        };
        let waits_for_own = wait == Wait::Both && earlier(&arrival.from);
        let waits_for_other = arrival.other.as_ref().is_some_and(earlier);
        self.over || !(waits_for_own || waits_for_other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use wacore_binary::builder::NodeBuilder;
    use waypost_engine::model::{Content, Origin, Timestamp};

    const LONG: Duration = Duration::from_secs(600);
    const NUMBER: &str = "971500000002@s.whatsapp.net";
    const LID: &str = "100000000000002@lid";

    fn came(arrivals: &Arrivals, id: &str, from: &str, other: (&'static str, &str)) {
        let stanza = NodeBuilder::new("message")
            .attr("id", id.to_owned())
            .attr("from", from.to_owned())
            .attr(other.0, other.1.to_owned())
            .build();
        arrivals.stanza(&stanza.as_node_ref());
    }

    fn by_number(arrivals: &Arrivals, id: &str) {
        came(arrivals, id, NUMBER, ("sender_lid", LID));
    }

    fn by_lid(arrivals: &Arrivals, id: &str) {
        came(arrivals, id, LID, ("sender_pn", NUMBER));
    }

    fn placeholder(id: &str) -> Inbound {
        let ana = Address::lid("100000000000002");
        Inbound::placeholder(id.to_owned(), ana.clone(), ana, Origin::Live, Timestamp(0))
    }

    async fn waits(arrivals: &Arrivals, id: &str, wait: Wait) -> bool {
        let turn = pin!(arrivals.turn(arrivals.place(id), wait, LONG));
        futures_util::poll!(turn).is_pending()
    }

    #[tokio::test]
    async fn a_message_waits_for_an_earlier_one_under_the_other_address() {
        let arrivals = Arrivals::default();
        by_number(&arrivals, "1");
        by_lid(&arrivals, "2");
        came(&arrivals, "3", "971500000003@s.whatsapp.net", ("t", "0"));
        assert!(!waits(&arrivals, "1", Wait::Other).await);
        assert!(waits(&arrivals, "2", Wait::Other).await);
        assert!(!waits(&arrivals, "3", Wait::Other).await, "a stranger");
        arrivals.settle([arrivals.place("1")]);
        assert!(!waits(&arrivals, "2", Wait::Other).await);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever_or_for_a_connection_that_is_gone() {
        let arrivals = Arrivals::default();
        by_number(&arrivals, "dropped without a word");
        by_lid(&arrivals, "2");
        let moment = Duration::from_millis(5);
        arrivals
            .turn(arrivals.place("2"), Wait::Other, moment)
            .await;
        assert!(waits(&arrivals, "2", Wait::Other).await);
        arrivals.end();
        assert!(!waits(&arrivals, "2", Wait::Other).await);
    }

    #[tokio::test]
    async fn what_is_dropped_without_a_word_goes_with_the_next_of_its_address() {
        let arrivals = Arrivals::default();
        by_number(&arrivals, "dropped");
        by_number(&arrivals, "2");
        by_lid(&arrivals, "3");
        arrivals.settle([arrivals.place("2")]);
        assert!(!waits(&arrivals, "3", Wait::Other).await);
        arrivals.settle([arrivals.place("3")]);
        let state = arrivals.state();
        assert!(state.open.is_empty() && state.places.is_empty() && state.by_address.is_empty());
    }

    #[tokio::test]
    async fn what_stands_for_an_undecryptable_message_keeps_its_place() {
        let arrivals = Arrivals::default();
        for id in ["1", "2", "3"] {
            by_lid(&arrivals, id);
        }
        arrivals.broke(placeholder("2"));
        assert!(waits(&arrivals, "2", Wait::Both).await, "the first is open");
        assert!(arrivals.take_broken(arrivals.place("1")).is_empty());
        let taken = arrivals.take_broken(arrivals.place("3"));
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].0, arrivals.place("2"));
        assert!(arrivals.take_one_broken("2").is_none(), "taken already");
        // Its retry comes before it is committed: it has the same place.
        let place = arrivals.place("2");
        by_lid(&arrivals, "2");
        assert_eq!(arrivals.place("2"), place);
    }

    #[test]
    fn something_stands_in_once_for_what_is_not_decrypted_yet() {
        let arrivals = Arrivals::default();
        by_lid(&arrivals, "1");
        by_number(&arrivals, "2");
        by_lid(&arrivals, "3");
        by_number(&arrivals, "4");
        let committing = ["1", "3"].map(|id| arrivals.place(id));
        let stand_ins = arrivals.stand_ins(&committing);
        let [(place, stand_in)] = &stand_ins[..] else {
            panic!("{stand_ins:?}");
        };
        assert_eq!(*place, arrivals.place("2"));
        assert_eq!(
            (stand_in.wire_id.as_str(), &stand_in.content),
            ("2", &Content::Placeholder)
        );
        assert!(arrivals.is_stood_in_for(*place));
        assert!(arrivals.stand_ins(&committing).is_empty());
        arrivals.settle(committing);
        assert!(arrivals.is_stood_in_for(*place), "it is still to come");
        by_lid(&arrivals, "5");
        arrivals.settle([arrivals.place("4")]);
        by_number(&arrivals, "6");
        let sixth = arrivals.place("6");
        assert!(!arrivals.state().is_first(sixth, Wait::Other));
        let stand_ins = arrivals.stand_ins(&[sixth]);
        assert_eq!(stand_ins.len(), 1);
        assert!(arrivals.state().is_first(sixth, Wait::Other));
    }

    #[test]
    fn the_oldest_is_forgotten_at_the_limit() {
        let arrivals = Arrivals::default();
        for n in 0..=ARRIVALS_MAX {
            by_lid(&arrivals, &n.to_string());
        }
        assert_eq!(arrivals.place("0"), Place::BEFORE);
        assert!(arrivals.place("1") > Place::BEFORE);
        assert_eq!(arrivals.state().open.len(), ARRIVALS_MAX);
    }
}
