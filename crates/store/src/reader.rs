//! Readers: a few connections that cannot write, each used for one short read at a time.

use crate::config::StoreConfig;
use crate::db::Connection;
use crate::error::StoreError;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::task::JoinError;

/// Reads at the same time; further ones wait their turn.
pub(crate) const READERS: usize = 4;

/// Hands out reading connections.
#[derive(Clone)]
pub(crate) struct Readers {
    config: Arc<StoreConfig>,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let connections = (0..READERS).map(|_| Connection::reading(&config));
        let connections: Vec<_> = connections.collect::<Result<_, _>>()?;
        let turns = Arc::new(Semaphore::new(connections.len()));
        Ok(Self {
            config: Arc::new(config),
            idle: Arc::new(Mutex::new(connections)),
            turns,
        })
    }

    /// Runs `query` on a blocking thread with a connection of its own.
    ///
    /// Waiting for a turn happens in a task of its own when no turn is free. A turn is handed to
    /// whoever waits longest; if that were a future which its owner does not poll for a while,
    /// because the owner itself waits for a read, everybody would wait for ever.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (config, idle) = (Arc::clone(&self.config), Arc::clone(&self.idle));
        let task = match Arc::clone(&self.turns).try_acquire_owned() {
            Ok(turn) => tokio::task::spawn_blocking(move || run(turn, &config, idle, query)),
            Err(TryAcquireError::Closed) => return Err(StoreError::Closed),
            Err(TryAcquireError::NoPermits) => {
                let turns = Arc::clone(&self.turns);
                tokio::spawn(async move {
                    let turn = turns
                        .acquire_owned()
                        .await
                        .map_err(|_| StoreError::Closed)?;
                    let task = tokio::task::spawn_blocking(move || run(turn, &config, idle, query));
                    task.await.map_err(failed)?
                })
            }
        };
        task.await.map_err(failed)?
    }

    /// Ends reading: waits for reads under way, then closes the connections.
    pub(crate) async fn close(&self) {
        let all = u32::try_from(READERS).unwrap_or(u32::MAX);
        let _ = self.turns.acquire_many(all).await;
        self.turns.close();
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// Reads, gives the connection back, and only then the turn.
fn run<T>(
    turn: OwnedSemaphorePermit,
    config: &StoreConfig,
    idle: Arc<Mutex<Vec<Connection>>>,
    query: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut lent = Lent::take(idle)?;
    lent.renew_if_lost(config)?;
    let outcome = query(lent.get()?);
    drop(lent);
    drop(turn);
    outcome
}

fn failed(error: JoinError) -> StoreError {
    StoreError::Bug {
        what: error.to_string(),
    }
}

/// A lent connection; goes back when dropped, also when the query panics.
struct Lent {
    conn: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Lent {
    fn take(idle: Arc<Mutex<Vec<Connection>>>) -> Result<Self, StoreError> {
        let conn = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(Self {
            conn: Some(conn.ok_or(StoreError::Closed)?),
            idle,
        })
    }

    /// Connects anew when the connection was lost since its last use. One try: the caller hears of
    /// a server that is away.
    fn renew_if_lost(&mut self, config: &StoreConfig) -> Result<(), StoreError> {
        if self.get()?.is_lost() {
            self.conn = Some(Connection::reading(config)?);
        }
        Ok(())
    }

    fn get(&self) -> Result<&Connection, StoreError> {
        self.conn.as_ref().ok_or(StoreError::Closed)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(conn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::Poll;
    use std::time::Duration;

    #[tokio::test]
    async fn a_read_whose_owner_is_busy_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        let key = crate::config::MasterKey::new([3; 32]);
        let config = StoreConfig::new(dir.path().join("waypost.db"), key);
        let readers = Readers {
            idle: Arc::new(Mutex::new(vec![Connection::writing(&config).unwrap()])),
            turns: Arc::new(Semaphore::new(1)),
            config: Arc::new(config),
        };
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let slow = tokio::spawn({
            let readers = readers.clone();
            async move { readers.read(move |_| Ok(gate.recv().is_ok())).await }
        });
        while readers.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        // Its owner asks, and then has other things to do.
        let mut asked = pin!(readers.read(|_| Ok(1)));
        let first = std::future::poll_fn(|cx| Poll::Ready(asked.as_mut().poll(cx))).await;
        assert!(first.is_pending());
        tokio::task::yield_now().await;
        go.send(()).unwrap();
        assert_eq!(slow.await.unwrap(), Ok(true));
        let other = tokio::time::timeout(Duration::from_secs(20), readers.read(|_| Ok(2))).await;
        assert_eq!(other.expect("the other read waits for ever"), Ok(2));
        assert_eq!(asked.await, Ok(1));
    }
}
