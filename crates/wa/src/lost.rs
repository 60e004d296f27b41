//! Messages that were decrypted and yet are nowhere: their senders are asked for them again.
//!
//! The protocol library writes the sessions of all conversations at once, whenever any of them must
//! be durable. A message that was decrypted a moment ago, but not stored yet, has moved its session
//! already. If the process dies between the two, the next delivery of that message cannot be
//! decrypted any more, and the library takes it for a duplicate that may be acknowledged. Nothing
//! in its interface lets us order the two writes, so the storage looks whether the message is really
//! there ([`crate::Inbox::has`]). If it is not, a placeholder keeps its place, the acknowledgement
//! is refused, and the message is asked for again, unless it was only on its way to its commit.
//! Unacknowledged it comes again with the next connection, should the answer not come.

use crate::arrivals::Arrivals;
use crate::cause::Cause;
use crate::clock;
use crate::hook::Intake;
use crate::jid;
use crate::limits::LOST_MAX;
use std::sync::{Arc, Weak};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, JidExt as _, Node};
use waypost_engine::model::{Inbound, Origin, Timestamp};
use whatsapp_rust::{Client, RetryRequestOptions};

/// A message to ask for, by its addresses as the library writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) chat: Jid,
    pub(crate) sender: Jid,
    pub(crate) id: String,
}

impl Lost {
    /// The head of the stanza it came in, as far as asking for it needs one.
    fn stanza(&self) -> Node {
        let head = NodeBuilder::new("message")
            .attr("id", self.id.clone())
            .attr("t", clock::now().0 / 1_000);
        let addressed = if self.chat == self.sender.to_non_ad() {
            head.attr("from", self.sender.clone())
        } else if self.chat.is_group() || self.chat.is_status_broadcast() {
            head.attr("from", self.chat.clone())
                .attr("participant", self.sender.clone())
        } else {
            // What another of the account's own devices wrote to somebody.
            head.attr("from", self.sender.clone())
                .attr("recipient", self.chat.clone())
        };
        addressed.build()
    }

    /// What stands for it until it comes again.
    pub(crate) fn placeholder(&self, now: Timestamp) -> Inbound {
        let (chat, sender) = (jid::address(&self.chat), jid::address(&self.sender));
        Inbound::placeholder(self.id.clone(), chat, sender, Origin::Offline, now)
    }
}

/// Where the storage reports lost messages. At [`LOST_MAX`] waiting ones further reports are
/// dropped: those messages come again with the next connection.
#[derive(Clone)]
pub(crate) struct LostReports {
    queue: mpsc::Sender<Lost>,
    arrivals: Arc<Arrivals>,
}

impl LostReports {
    pub(crate) fn new(arrivals: Arc<Arrivals>) -> (Self, mpsc::Receiver<Lost>) {
        let (queue, receiver) = mpsc::channel(LOST_MAX);
        (Self { queue, arrivals }, receiver)
    }

    /// Keeps its place, so that what its sender writes next is not worked on first.
    pub(crate) fn hold_place(&self, lost: &Lost) {
        self.arrivals.broke(lost.placeholder(clock::now()));
    }

    pub(crate) fn report(&self, lost: Lost) {
        if let Err(error) = self.queue.try_send(lost) {
            tracing::debug!(%error, "a lost message waits for the next connection");
        }
    }
}

/// Asks for what is reported, until the connection ends.
pub(crate) async fn ask_again(
    client: Weak<Client>,
    mut reports: mpsc::Receiver<Lost>,
    cause: Arc<Cause>,
    intake: Arc<Intake>,
) {
    // They end with this one.
    let mut asking = JoinSet::new();
    loop {
        while asking.try_join_next().is_some() {}
        let lost = tokio::select! {
            biased;
            () = cause.ended() => return,
            lost = reports.recv() => lost,
        };
        let Some(lost) = lost else {
            return;
        };
        asking.spawn(ask(client.clone(), lost, Arc::clone(&intake)));
    }
}

async fn ask(client: Weak<Client>, lost: Lost, intake: Arc<Intake>) {
    intake.take_broken(&lost.id).await;
    if intake.has(&jid::address(&lost.sender), &lost.id).await {
        // It came twice, and the first was on its way to its commit.
        return;
    }
    let Some(client) = client.upgrade() else {
        return;
    };
    let stanza = lost.stanza();
    let asked = client
        .request_message_retry(&stanza.as_node_ref(), RetryRequestOptions::new())
        .await;
    match asked {
        Ok(_) => tracing::warn!(
            id = lost.id,
            "a message was lost in a crash; asked for it again"
        ),
        Err(error) => {
            tracing::warn!(id = lost.id, %error, "a lost message waits for the next connection");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(chat: &str, sender: &str) -> Node {
        Lost {
            chat: chat.parse().unwrap(),
            sender: sender.parse().unwrap(),
            id: "3EB0".to_owned(),
        }
        .stanza()
    }

    #[test]
    fn the_stanza_is_addressed_as_it_was_received() {
        let read = |node: &Node, key: &str| node.attrs.get(key).map(ToString::to_string);
        for (chat, sender, participant, recipient) in [
            ("200@lid", "200:3@lid", None, None),
            ("1-2@g.us", "200:3@lid", Some("200:3@lid"), None),
            ("200@lid", "100@lid", None, Some("200@lid")),
        ] {
            let node = lost(chat, sender);
            let from = if participant.is_some() { chat } else { sender };
            assert_eq!(read(&node, "from").as_deref(), Some(from));
            assert_eq!(read(&node, "participant").as_deref(), participant);
            assert_eq!(read(&node, "recipient").as_deref(), recipient);
            assert_eq!(read(&node, "id").as_deref(), Some("3EB0"));
        }
    }

    #[test]
    fn too_many_reports_do_not_pile_up() {
        let (reports, mut queue) = LostReports::new(Arc::default());
        let one = Lost {
            chat: "200@lid".parse().unwrap(),
            sender: "200:3@lid".parse().unwrap(),
            id: "3EB0".to_owned(),
        };
        for _ in 0..=LOST_MAX {
            reports.report(one.clone());
        }
        let waiting = std::iter::from_fn(|| queue.try_recv().ok()).count();
        assert_eq!(waiting, LOST_MAX);
    }
}
