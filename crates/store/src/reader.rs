//! Readers: a few `query_only` connections, each used for one short read at a time.

use crate::error::StoreError;
use rusqlite::Connection;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::task::{JoinError, JoinHandle};

/// Reads at the same time; further ones wait their turn.
pub(crate) const READERS: usize = 4;

/// Hands out reading connections.
#[derive(Clone)]
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(connections: Vec<Connection>) -> Self {
        let turns = Arc::new(Semaphore::new(connections.len()));
        Self {
            idle: Arc::new(Mutex::new(connections)),
            turns,
        }
    }

    /// Runs `query` on a blocking thread with a connection of its own.
    ///
    /// It goes on whether or not the caller polls. A turn given to a caller who is busy with
    /// something else, perhaps with waiting for a turn, would stay with them: a few of those, and
    /// nobody could ever read again.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        match Arc::clone(&self.turns).try_acquire_owned() {
            Ok(turn) => self.run(turn, query).await,
            Err(TryAcquireError::Closed) => Err(StoreError::Closed),
            Err(TryAcquireError::NoPermits) => {
                let this = self.clone();
                let waiting = tokio::spawn(async move {
                    let turn = Arc::clone(&this.turns).acquire_owned().await;
                    this.run(turn.map_err(|_| StoreError::Closed)?, query).await
                });
                Driven(waiting).await
            }
        }
    }

    /// Starts at once; the turn ends with the query.
    fn run<T, F>(
        &self,
        turn: OwnedSemaphorePermit,
        query: F,
    ) -> impl Future<Output = Result<T, StoreError>> + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let idle = Arc::clone(&self.idle);
        let task = tokio::task::spawn_blocking(move || {
            let lent = Lent::take(idle)?;
            let outcome = query(lent.get()?);
            drop(lent);
            drop(turn);
            outcome
        });
        async move { task.await.map_err(|error| bug(&error))? }
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

fn bug(error: &JoinError) -> StoreError {
    StoreError::Bug {
        what: error.to_string(),
    }
}

/// A read that waits for its turn in a task of its own; forgotten when its caller goes away.
struct Driven<T>(JoinHandle<Result<T, StoreError>>);

impl<T> Future for Driven<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|done| done.map_err(|error| bug(&error))?)
    }
}

impl<T> Drop for Driven<T> {
    fn drop(&mut self) {
        self.0.abort();
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
    use futures_util::poll;
    use std::time::Duration;

    #[tokio::test]
    async fn reads_that_nobody_polls_any_more_hold_up_nobody() {
        let connections = (0..READERS).map(|_| Connection::open_in_memory().unwrap());
        let readers = Readers::new(connections.collect());
        let begun = || Box::pin(readers.read(|_| Ok(())));
        let mut left: Vec<_> = (0..3 * READERS).map(|_| begun()).collect();
        for read in &mut left {
            let _ = poll!(read);
        }
        // None of those is polled while this one waits.
        let read = readers.read(|_| Ok(7));
        let read = tokio::time::timeout(Duration::from_secs(20), read).await;
        assert_eq!(read.expect("a turn comes"), Ok(7));
        for read in left {
            assert_eq!(read.await, Ok(()));
        }
    }
}
