//! The way every message takes: normal form, commit, and only then the acknowledgement. Messages are
//! committed in the order in which they came ([`crate::arrivals`]), those that cannot be decrypted among
//! them.
//!
//! The library acknowledges a message when this hook returns `Ok`. An error in passing would leave
//! that message for the next connection while later ones commit, so this hook never returns one and
//! goes on: it waits and tries again, and when it must give up it poisons the connection first, so
//! that nothing later can overtake.

use crate::arrivals::{Arrivals, Place, Wait};
use crate::cause::Cause;
use crate::clock;
use crate::limits::{
    COMMIT_RETRIES_MAX, COMMIT_RETRY_PAUSE, COMMIT_WAIT_MAX, OTHER_ADDRESS_WAIT_MAX,
    PLACEHOLDER_WAIT_MAX,
};
use crate::normalise;
use crate::ports::{CommitError, Inbox};
use crate::recent::RecentIds;
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};
use wacore::types::events::InboundMessage;
use waypost_engine::fleet::down::DownReason;
use waypost_engine::model::{AccountId, Address, Inbound, Origin};
use whatsapp_rust::{Client, InboundDurabilityHook};

/// Commits what comes on one connection.
pub(crate) struct Intake {
    inbox: Arc<dyn Inbox>,
    account: AccountId,
    cause: Arc<Cause>,
    /// Ids that came undecryptable before: what now arrives under them is their repair.
    broken: Arc<RecentIds>,
    arrivals: Arc<Arrivals>,
    in_flight: Semaphore,
    in_flight_max: usize,
}

impl Intake {
    pub(crate) fn new(
        inbox: Arc<dyn Inbox>,
        account: AccountId,
        cause: Arc<Cause>,
        broken: Arc<RecentIds>,
        arrivals: Arc<Arrivals>,
        in_flight_max: usize,
    ) -> Self {
        let in_flight_max = in_flight_max.clamp(1, Semaphore::MAX_PERMITS);
        let in_flight = Semaphore::new(in_flight_max);
        Self {
            inbox,
            account,
            cause,
            broken,
            arrivals,
            in_flight,
            in_flight_max,
        }
    }

    /// Room for `count` messages, or none: then the connection ends and WhatsApp keeps the rest.
    fn room(&self, count: usize) -> Option<SemaphorePermit<'_>> {
        // One batch larger than the limit may pass alone.
        let count = u32::try_from(count.min(self.in_flight_max)).unwrap_or(u32::MAX);
        self.in_flight.try_acquire_many(count).ok()
    }

    fn normal(&self, place: Place, item: &InboundMessage) -> Option<Inbound> {
        let now = clock::now();
        let mut inbound = match normalise::inbound(&item.message, &item.info, now) {
            Some(inbound) => inbound,
            // It says nothing to people; but what stands in for it must not stay for ever.
            None if self.arrivals.is_stood_in_for(place) => normalise::silent(&item.info, now),
            None => return None,
        };
        if inbound.origin.may_act() && self.broken.contains(&inbound.wire_id) {
            inbound.origin = Origin::Repair;
        }
        Some(inbound)
    }

    /// Commits with retries, or says why that is hopeless.
    async fn commit(&self, messages: Vec<Inbound>) -> Result<(), DownReason> {
        let attempts = async {
            let mut pause = COMMIT_RETRY_PAUSE;
            for _ in 0..COMMIT_RETRIES_MAX {
                match self.inbox.commit(self.account, messages.clone()).await {
                    Ok(()) => return Ok(()),
                    Err(CommitError::Final(error)) => return Err(error),
                    Err(CommitError::Passing(error)) => {
                        tracing::warn!(account = %self.account, error, "commit failed; trying again")
                    }
                }
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            self.inbox
                .commit(self.account, messages)
                .await
                .map_err(|error| error.to_string())
        };
        match tokio::time::timeout(COMMIT_WAIT_MAX, attempts).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(DownReason::StoreFailed { error }),
            Err(_) => Err(DownReason::Backpressure),
        }
    }

    /// Commits a batch, or gives the connection up.
    async fn take(&self, batch: &[InboundMessage]) -> anyhow::Result<()> {
        anyhow::ensure!(!self.cause.is_poisoned(), "this connection was given up");
        let Some(_room) = self.room(batch.len()) else {
            self.cause.poison(DownReason::Backpressure);
            anyhow::bail!("too many messages in flight");
        };
        if let [one] = batch
            && !one.info.is_offline
        {
            // A backlog is taken one by one: there nobody may wait for another.
            let place = self.arrivals.place(&one.info.id);
            let other = self
                .arrivals
                .turn(place, Wait::Other, OTHER_ADDRESS_WAIT_MAX);
            other.await;
        }
        let places = batch.iter().map(|item| self.arrivals.place(&item.info.id));
        let places: Vec<Place> = places.collect();
        let last = places.iter().max().copied().unwrap_or(Place::BEFORE);
        let mut placed = self.arrivals.take_broken(last);
        // Nothing need stand for what is here itself.
        placed.retain(|(_, it)| batch.iter().all(|item| item.info.id != it.wire_id));
        let here = places.iter().copied().zip(batch);
        placed.extend(here.filter_map(|(place, item)| Some((place, self.normal(place, item)?))));
        self.put(placed).await?;
        // What says nothing to people is done with, too.
        self.arrivals.settle(places);
        Ok(())
    }

    /// Commits what stands for an undecryptable message when its turn has come, unless it was committed
    /// with others.
    pub(crate) async fn take_broken(&self, id: &str) {
        let place = self.arrivals.place(id);
        let turn = self.arrivals.turn(place, Wait::Both, PLACEHOLDER_WAIT_MAX);
        turn.await;
        let Some(placed) = self.arrivals.take_one_broken(id) else {
            return;
        };
        if let Err(error) = self.put(vec![placed]).await {
            tracing::warn!(account = %self.account, %error, "a message that cannot be decrypted left no trace");
        }
    }

    /// Commits messages in the order in which they came, or gives the connection up.
    async fn put(&self, mut placed: Vec<(Place, Inbound)>) -> anyhow::Result<()> {
        let places: Vec<Place> = placed.iter().map(|(place, _)| *place).collect();
        for (place, stand_in) in self.arrivals.stand_ins(&places) {
            self.broken.insert(&stand_in.wire_id);
            placed.push((place, stand_in));
        }
        placed.sort_by_key(|(place, _)| *place);
        let messages: Vec<Inbound> = placed.into_iter().map(|(_, message)| message).collect();
        if !messages.is_empty()
            && let Err(reason) = self.commit(messages).await
        {
            let error = format!("{reason:?}");
            self.cause.poison(reason);
            anyhow::bail!("not committed: {error}");
        }
        // A later poisoning of this connection does not undo this commit, so it may be acknowledged.
        self.arrivals.settle(places);
        Ok(())
    }

    /// Whether the content of a message is stored.
    pub(crate) async fn has(&self, sender: &Address, id: &str) -> bool {
        let has = self.inbox.has(self.account, sender, id).await;
        has.inspect_err(|error| tracing::warn!(account = %self.account, %error, "a message cannot be looked up"))
            .unwrap_or(false)
    }
}

/// What the library calls with every decrypted message.
pub(crate) struct Hook(pub(crate) Arc<Intake>);

#[async_trait]
impl InboundDurabilityHook for Hook {
    async fn on_messages(
        &self,
        _client: Arc<Client>,
        batch: &[InboundMessage],
    ) -> anyhow::Result<()> {
        // Never call the client in here: it may hold the very lock that call would wait for.
        self.0.take(batch).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::KeysError;
    use std::sync::atomic::{AtomicU32, Ordering};
    use waypost_engine::model::Address;

    /// Fails so many times, then commits.
    struct Stubborn(AtomicU32);

    #[async_trait]
    impl Inbox for Stubborn {
        async fn commit(&self, _: AccountId, _: Vec<Inbound>) -> Result<(), CommitError> {
            let left = self.0.load(Ordering::SeqCst);
            self.0.store(left.saturating_sub(1), Ordering::SeqCst);
            if left == 0 {
                Ok(())
            } else {
                Err(CommitError::Passing("busy".to_owned()))
            }
        }

        async fn has(&self, _: AccountId, _: &Address, _: &str) -> Result<bool, KeysError> {
            Ok(false)
        }

        async fn frozen(
            &self,
            _: AccountId,
            _: &Address,
            _: &str,
        ) -> Result<Option<Vec<u8>>, KeysError> {
            Ok(None)
        }
    }

    fn intake(failures: u32, in_flight_max: usize) -> Intake {
        let inbox = Arc::new(Stubborn(AtomicU32::new(failures)));
        let broken = Arc::new(RecentIds::new(4));
        let account = AccountId::from_raw(1);
        Intake::new(
            inbox,
            account,
            Arc::new(Cause::new()),
            broken,
            Arc::default(),
            in_flight_max,
        )
    }

    #[test]
    fn there_is_room_for_so_many_messages_and_no_more() {
        let intake = intake(0, 3);
        let two = intake.room(2);
        assert!(two.is_some());
        assert!(intake.room(2).is_none(), "a fourth message has no room");
        let one = intake.room(1);
        assert!(one.is_some());
        drop((two, one));
        assert!(
            intake.room(50).is_some(),
            "a batch above the limit may pass alone"
        );
    }

    #[tokio::test]
    async fn trouble_in_passing_is_waited_out() {
        assert_eq!(intake(2, 8).commit(Vec::new()).await, Ok(()));
    }

    #[tokio::test]
    async fn trouble_that_stays_ends_the_connection() {
        let given_up = intake(COMMIT_RETRIES_MAX + 1, 8).commit(Vec::new()).await;
        assert!(
            matches!(given_up, Err(DownReason::StoreFailed { error }) if error.contains("busy"))
        );
    }
}
