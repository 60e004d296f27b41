//! Whose turn it is to link or to connect: the engine's queues with somebody to wake.

use crate::clock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use waypost_engine::fleet::{LinkSlots, LinkTurn, StartWaves, WaveConfig};
use waypost_engine::flow::retry::Jitter;
use waypost_engine::model::{AccountId, Duration};

struct State {
    waves: StartWaves,
    connecting: HashMap<AccountId, oneshot::Sender<()>>,
    slots: LinkSlots,
    linking: HashMap<AccountId, oneshot::Sender<()>>,
}

/// The turns of every account of this process.
pub(super) struct Gate {
    state: Mutex<State>,
    bell: Notify,
}

/// What became of waiting for a turn to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It has come.
    Granted,
    /// The account does not want it any more, or asked anew.
    Superseded,
}

/// As many links wait as may.
#[derive(Debug)]
pub(super) struct Full;

impl Gate {
    pub(super) fn new(waves: WaveConfig, links_at_once: usize) -> Arc<Self> {
        let state = State {
            waves: StartWaves::new(waves),
            connecting: HashMap::new(),
            slots: LinkSlots::new(links_at_once),
            linking: HashMap::new(),
        };
        Arc::new(Self {
            state: Mutex::new(state),
            bell: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands out turns to connect until told to stop.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            let wait = {
                let mut state = self.lock();
                while let Some(account) = state.waves.next(clock::now()) {
                    // Somebody who gave up waiting leaves the place to the next one.
                    let waiter = state.connecting.remove(&account);
                    if waiter.is_none_or(|waiter| waiter.send(()).is_err()) {
                        state.waves.settled(account);
                    }
                }
                state
                    .waves
                    .wake_at(clock::now())
                    .map(|at| at.since(clock::now()).max(Duration::millis(1)))
            };
            let due = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.bell.notified() => {}
                () = due => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Resolves when the account may open a connection, or need not any more. Call
    /// [`Gate::connected`] when it is up or has failed.
    pub(super) async fn may_connect(&self, account: AccountId, jitter: Jitter) -> Turn {
        let (tell, told) = oneshot::channel();
        {
            let mut state = self.lock();
            state.waves.settled(account);
            state.connecting.insert(account, tell);
            state.waves.request(account, clock::now(), jitter);
        }
        self.bell.notify_one();
        match told.await {
            Ok(()) => Turn::Granted,
            Err(_) => Turn::Superseded,
        }
    }

    /// The account's connection is up, has failed, or is not wanted any more.
    pub(super) fn connected(&self, account: AccountId) {
        let mut state = self.lock();
        state.waves.settled(account);
        // Whoever still waits for a turn of this account waits for nothing.
        state.connecting.remove(&account);
        drop(state);
        self.bell.notify_one();
    }

    /// Asks for a turn to link: at once, or when the receiver resolves.
    pub(super) fn may_link(
        &self,
        account: AccountId,
    ) -> Result<Option<oneshot::Receiver<()>>, Full> {
        let mut state = self.lock();
        match state.slots.request(account) {
            LinkTurn::Granted => Ok(None),
            LinkTurn::Full => Err(Full),
            LinkTurn::Queued { .. } => {
                let (tell, told) = oneshot::channel();
                state.linking.insert(account, tell);
                Ok(Some(told))
            }
        }
    }

    /// The account's link has ended, or it gave up waiting for its turn.
    pub(super) fn linked(&self, account: AccountId) {
        let mut state = self.lock();
        state.linking.remove(&account);
        let mut freed = account;
        while let Some(next) = state.slots.release(freed) {
            let waiter = state.linking.remove(&next);
            if waiter.is_some_and(|waiter| waiter.send(()).is_ok()) {
                return;
            }
            freed = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(n: i64) -> AccountId {
        AccountId::from_raw(n)
    }

    #[tokio::test]
    async fn connections_open_a_few_at_a_time() {
        let one = WaveConfig {
            at_once: 1,
            per_second: 100,
        };
        let gate = Gate::new(one, 1);
        let stop = CancellationToken::new();
        let running = tokio::spawn(Arc::clone(&gate).run(stop.clone()));
        gate.may_connect(account(1), Jitter::NONE).await;
        let second = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.may_connect(account(2), Jitter::NONE).await }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished(), "the only place is taken");
        let third = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.may_connect(account(3), Jitter::NONE).await }
        });
        tokio::task::yield_now().await;
        gate.connected(account(3));
        assert_eq!(third.await.unwrap(), Turn::Superseded, "it gave up");
        gate.connected(account(1));
        assert_eq!(second.await.unwrap(), Turn::Granted);
        stop.cancel();
        running.await.unwrap();
    }

    #[tokio::test]
    async fn a_link_that_ends_lets_the_next_one_begin() {
        let gate = Gate::new(WaveConfig::default(), 1);
        assert!(gate.may_link(account(1)).unwrap().is_none());
        let second = gate.may_link(account(2)).unwrap().expect("it must wait");
        gate.linked(account(1));
        second.await.unwrap();
    }
}
