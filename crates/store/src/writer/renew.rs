//! A new connection in place of a lost one.

use super::memory::Memory;
use super::{GROUP_MAX, Message, Writer};
use crate::db::Connection;
use crate::error::StoreError;
use crate::store::last_id;
use std::pin::pin;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The pause before the second try to connect; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// The longest pause between tries. They never end: without its database the store is of no use.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How a pause ended.
#[derive(PartialEq, Eq)]
enum Pause {
    Over,
    /// The store is being closed.
    Closing,
}

impl Writer {
    /// Connects anew. What arrives in the pauses between tries is refused at once; what arrives
    /// during a try waits for it.
    pub(super) fn renew(
        &mut self,
        queue: &mut mpsc::Receiver<Message>,
        closers: &mut Vec<oneshot::Sender<()>>,
    ) {
        let mut pause = PAUSE_FIRST;
        loop {
            match self.connect_anew() {
                Ok(()) => {
                    tracing::info!("the connection to the database is back");
                    self.publish_head();
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "the connection to the database is lost; trying again");
                    if refuse_for(pause, &error, queue, closers) == Pause::Closing {
                        return;
                    }
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// Takes the writer's place again, and reads anew what another writer may have moved.
    fn connect_anew(&mut self) -> Result<(), StoreError> {
        let conn = self.conn.again(&self.config)?;
        let last = last_id(&conn)?;
        self.ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .resume_after(last);
        self.memory = Memory::default();
        self.conn = conn;
        Ok(())
    }
}

/// Answers what arrives during the pause with an error that says why.
fn refuse_for(
    pause: Duration,
    why: &StoreError,
    queue: &mut mpsc::Receiver<Message>,
    closers: &mut Vec<oneshot::Sender<()>>,
) -> Pause {
    let why = match why {
        StoreError::Unreachable { .. } => why.clone(),
        other => StoreError::Unreachable {
            what: other.to_string(),
        },
    };
    let Ok(clock) = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
    else {
        return Pause::Over;
    };
    clock.block_on(async {
        let mut over = pin!(tokio::time::sleep(pause));
        let mut arrived = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = &mut over => return Pause::Over,
                got = queue.recv_many(&mut arrived, GROUP_MAX) => {
                    if got == 0 {
                        return Pause::Closing;
                    }
                    for message in arrived.drain(..) {
                        match message {
                            Message::Job(job) => job.reply(Err(why.clone())),
                            Message::Close(done) => {
                                queue.close();
                                closers.push(done);
                            }
                        }
                    }
                }
            }
        }
    })
}

impl Connection {
    /// A new writing connection in place of this one.
    fn again(&self, config: &crate::StoreConfig) -> Result<Self, StoreError> {
        use crate::config::Database;
        match (self, &config.database) {
            (Self::Postgres(lost), Database::Postgres { url, .. }) => {
                crate::db::postgres::writing_again(url, config.synchronous, lost.name())
                    .map(Self::from)
            }
            _ => Self::writing(config),
        }
    }
}
