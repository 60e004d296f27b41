//! The way every decrypted message takes: normal form, commit, and only then the acknowledgement.
//!
//! The library acknowledges a message when this hook returns `Ok`. An error in passing would leave
//! that message for the next connection while later ones commit, so this hook never returns one and
//! goes on: it waits and tries again, and when it must give up it poisons the connection first, so
//! that nothing later can overtake.

use crate::cause::Cause;
use crate::clock;
use crate::limits::{COMMIT_RETRIES_MAX, COMMIT_RETRY_PAUSE, COMMIT_WAIT_MAX};
use crate::normalise;
use crate::ports::{CommitError, Inbox};
use crate::recent::RecentIds;
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};
use wacore::types::events::InboundMessage;
use waypost_engine::fleet::down::DownReason;
use waypost_engine::model::{AccountId, Inbound, Origin};
use whatsapp_rust::{Client, InboundDurabilityHook};

pub(crate) struct Hook {
    inbox: Arc<dyn Inbox>,
    account: AccountId,
    cause: Arc<Cause>,
    /// Ids that came undecryptable before: what now arrives under them is their repair.
    broken: Arc<RecentIds>,
    in_flight: Semaphore,
    in_flight_max: usize,
}

impl Hook {
    pub(crate) fn new(
        inbox: Arc<dyn Inbox>,
        account: AccountId,
        cause: Arc<Cause>,
        broken: Arc<RecentIds>,
        in_flight_max: usize,
    ) -> Self {
        let in_flight_max = in_flight_max.clamp(1, Semaphore::MAX_PERMITS);
        let in_flight = Semaphore::new(in_flight_max);
        Self {
            inbox,
            account,
            cause,
            broken,
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

    fn normal(&self, item: &InboundMessage) -> Option<Inbound> {
        let mut inbound = normalise::inbound(&item.message, &item.info, clock::now())?;
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
}

#[async_trait]
impl InboundDurabilityHook for Hook {
    async fn on_messages(
        &self,
        _client: Arc<Client>,
        batch: &[InboundMessage],
    ) -> anyhow::Result<()> {
        // Never call the client in here: it may hold the very lock that call would wait for.
        anyhow::ensure!(!self.cause.is_poisoned(), "this connection was given up");
        let Some(_room) = self.room(batch.len()) else {
            self.cause.poison(DownReason::Backpressure);
            anyhow::bail!("too many messages in flight");
        };
        let messages: Vec<Inbound> = batch.iter().filter_map(|item| self.normal(item)).collect();
        if messages.is_empty() {
            return Ok(());
        }
        if let Err(reason) = self.commit(messages).await {
            let error = format!("{reason:?}");
            self.cause.poison(reason);
            anyhow::bail!("not committed: {error}");
        }
        // A later poisoning of this connection does not undo this commit, so it may be acknowledged.
        Ok(())
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

    fn hook(failures: u32, in_flight_max: usize) -> Hook {
        let inbox = Arc::new(Stubborn(AtomicU32::new(failures)));
        let broken = Arc::new(RecentIds::new(4));
        let account = AccountId::from_raw(1);
        Hook::new(
            inbox,
            account,
            Arc::new(Cause::new()),
            broken,
            in_flight_max,
        )
    }

    #[test]
    fn there_is_room_for_so_many_messages_and_no_more() {
        let hook = hook(0, 3);
        let two = hook.room(2);
        assert!(two.is_some());
        assert!(hook.room(2).is_none(), "a fourth message has no room");
        let one = hook.room(1);
        assert!(one.is_some());
        drop((two, one));
        assert!(
            hook.room(50).is_some(),
            "a batch above the limit may pass alone"
        );
    }

    #[tokio::test]
    async fn trouble_in_passing_is_waited_out() {
        assert_eq!(hook(2, 8).commit(Vec::new()).await, Ok(()));
    }

    #[tokio::test]
    async fn trouble_that_stays_ends_the_connection() {
        let given_up = hook(COMMIT_RETRIES_MAX + 1, 8).commit(Vec::new()).await;
        assert!(
            matches!(given_up, Err(DownReason::StoreFailed { error }) if error.contains("busy"))
        );
    }
}
