//! Readers: a few connections that cannot write, each used for one short read at a time.

use crate::config::StoreConfig;
use crate::db::Connection;
use crate::error::StoreError;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

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
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| StoreError::Closed)?;
        let (config, idle) = (Arc::clone(&self.config), Arc::clone(&self.idle));
        let task = tokio::task::spawn_blocking(move || {
            let mut lent = Lent::take(idle)?;
            lent.renew_if_lost(&config)?;
            let outcome = query(lent.get()?);
            drop(lent);
            drop(turn);
            outcome
        });
        task.await.map_err(|error| StoreError::Bug {
            what: error.to_string(),
        })?
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
