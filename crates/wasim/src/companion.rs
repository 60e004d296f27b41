//! A linked device as the server knows it, and its current connection.

use crate::error::{Result, SimError};
use crate::keys::DeviceKeys;
use crate::ledger::Seen;
use crate::lock::Locked;
use crate::mailbox::Owed;
use crate::post::Post;
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use wacore_binary::{Jid, Node};

/// Direct stanzas (answers, acks) that may wait for a slow client; then reading from it pauses.
pub(crate) const MAX_DIRECT: usize = 4_096;

/// How long a connection stays open after its last words, unless the client closes it.
pub(crate) const LAST_WORDS: Duration = Duration::from_millis(250);

/// Something for the writer of a connection.
pub(crate) enum Out {
    /// Write this node.
    Node(Box<Node>),
    /// Close after what was written.
    Close,
}

/// One open connection.
pub(crate) struct Conn {
    pub(crate) id: u64,
    direct: mpsc::Sender<Out>,
    /// Cancelled to cut the connection at once.
    pub(crate) cut: CancellationToken,
    /// While true, nothing is read or written.
    pub(crate) silent: watch::Sender<bool>,
}

impl Conn {
    pub(crate) fn new(id: u64, cut: CancellationToken) -> (Arc<Self>, mpsc::Receiver<Out>) {
        let (direct, queue) = mpsc::channel(MAX_DIRECT);
        let (silent, _) = watch::channel(false);
        (
            Arc::new(Self {
                id,
                direct,
                cut,
                silent,
            }),
            queue,
        )
    }

    /// Queues an answer; waits while the client is slow. Does nothing once the connection is gone.
    pub(crate) async fn answer(&self, node: Node) {
        let _ = self.direct.send(Out::Node(Box::new(node))).await;
    }

    /// Queues something that may be lost, like typing; dropped when the client is slow.
    pub(crate) fn hint(&self, node: Node) {
        let _ = self.direct.try_send(Out::Node(Box::new(node)));
    }

    /// Says something and closes after it.
    pub(crate) async fn say_and_close(&self, node: Node) {
        self.answer(node).await;
        let _ = self.direct.send(Out::Close).await;
    }

    /// Gives the client time to read the last words and to close first: some clients drop what
    /// they have not understood yet when the socket closes.
    pub(crate) async fn linger(&self) {
        let _ = tokio::time::timeout(LAST_WORDS, self.cut.cancelled()).await;
    }
}

/// One linked device.
pub(crate) struct Companion {
    /// The account's number.
    pub(crate) account: String,
    /// The account's LID.
    pub(crate) lid: String,
    pub(crate) device: u16,
    pub(crate) noise_static: [u8; 32],
    pub(crate) key_index: u32,
    pub(crate) adv: Vec<u8>,
    pub(crate) keys: Mutex<DeviceKeys>,
    /// Whether the phone has sent what a new device needs (keys, history).
    pub(crate) welcomed: AtomicBool,
    pub(crate) post: Mutex<Post>,
    pub(crate) wake: Notify,
    pub(crate) conn: Mutex<Option<Arc<Conn>>>,
    /// Ids of messages that were accepted from it.
    pub(crate) accepted: Mutex<Accepted>,
}

/// Ids of accepted messages that are remembered per device; an older one would pass as new.
pub(crate) const MAX_ACCEPTED: usize = 100_000;

/// The ids a device has sent, as far back as [`MAX_ACCEPTED`].
#[derive(Default)]
pub(crate) struct Accepted {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl Accepted {
    /// Forgets an id, so that sending it again passes as new: the device was asked to.
    pub(crate) fn forget(&mut self, id: &str) {
        self.known.remove(id);
    }

    /// Notes an id and says whether it was known.
    pub(crate) fn note(&mut self, id: &str) -> Seen {
        if !self.known.insert(id.to_owned()) {
            return Seen::Again;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > MAX_ACCEPTED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        Seen::First
    }
}

impl Companion {
    /// The device by LID, which is how sessions are keyed.
    pub(crate) fn lid_jid(&self) -> Jid {
        Jid::lid_device(self.lid.as_str(), self.device)
    }

    /// The connection, if it is online.
    pub(crate) fn conn(&self) -> Option<Arc<Conn>> {
        self.conn.locked().clone()
    }

    /// Hands over a stanza that is kept until acknowledged.
    pub(crate) fn push(&self, owed: Owed) -> Result<()> {
        self.post
            .locked()
            .push(owed)
            .map_err(|_| SimError::MailboxFull {
                account: self.account.clone(),
                device: self.device,
            })?;
        self.wake.notify_one();
        Ok(())
    }

    /// Something for the device if it is online, else nothing.
    pub(crate) fn hint(&self, node: Node) {
        if self.post.locked().is_active()
            && let Some(conn) = self.conn()
        {
            conn.hint(node);
        }
    }

    /// Cuts the connection, if there is one.
    pub(crate) fn cut(&self) {
        if let Some(conn) = self.conn() {
            conn.cut.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_id_passes_again_only_when_the_device_was_asked_for_it() {
        let mut accepted = Accepted::default();
        assert_eq!(accepted.note("chat|1"), Seen::First);
        assert_eq!(accepted.note("chat|1"), Seen::Again);
        accepted.forget("chat|1");
        assert_eq!(accepted.note("chat|1"), Seen::First);
    }

    #[test]
    fn the_oldest_ids_are_forgotten_at_the_limit() {
        let mut accepted = Accepted::default();
        for n in 0..=MAX_ACCEPTED {
            accepted.note(&n.to_string());
        }
        assert_eq!(accepted.note("0"), Seen::First);
        assert_eq!(accepted.note(&MAX_ACCEPTED.to_string()), Seen::Again);
    }
}
