//! Signs of life of one connection, and the questions that make WhatsApp give one.

use crate::clock;
use crate::connection::{Connection, TaskError};
use crate::directory::Directory;
use crate::limits::ACKS_MAX;
use crate::recent::RecentIds;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use wacore::iq::keepalive::KeepaliveSpec;
use wacore_binary::{Jid, NodeRef};
use waypost_engine::fleet::{Answer, Vitals};
use waypost_engine::model::Timestamp;
use whatsapp_rust::request::IqError;

/// Stanzas that WhatsApp sends because it serves this device, and not because it was asked.
const SERVED: [&str; 6] = [
    "message",
    "receipt",
    "notification",
    "presence",
    "chatstate",
    "call",
];
/// The message that a round trip pretends to want the history before. It exists nowhere.
const NO_MESSAGE: &str = "3EB0000000000000000000";

/// What was seen on the connection; zero is "never".
pub(crate) struct Signs {
    heard: AtomicI64,
    served: AtomicI64,
    phone: AtomicI64,
    /// The newest messages of ours that were accepted.
    acked: RecentIds,
    bell: Notify,
}

impl Signs {
    pub(crate) fn new() -> Self {
        Self {
            heard: AtomicI64::new(0),
            served: AtomicI64::new(0),
            phone: AtomicI64::new(0),
            acked: RecentIds::new(ACKS_MAX),
            bell: Notify::new(),
        }
    }

    /// Notes a stanza of any kind.
    pub(crate) fn stanza(&self, stanza: &NodeRef<'_>, directory: &Directory) {
        let now = clock::now().0;
        self.heard.store(now, Ordering::Relaxed);
        let tag = stanza.tag.as_ref();
        if SERVED.contains(&tag) {
            self.served.store(now, Ordering::Relaxed);
        }
        if matches!(tag, "message" | "receipt")
            && author(stanza).is_some_and(|a| directory.is_own_phone(&a))
        {
            self.phone.store(now, Ordering::Relaxed);
        }
    }

    /// Notes that WhatsApp accepted a message of ours, or refused it: either way it was dealt with.
    pub(crate) fn acked(&self, id: &str) {
        self.served.store(clock::now().0, Ordering::Relaxed);
        self.acked.insert(id);
        self.bell.notify_waiters();
    }

    /// Notes that the phone has just been there.
    pub(crate) fn phone_seen(&self) {
        self.phone.store(clock::now().0, Ordering::Relaxed);
    }

    async fn wait_for_ack(&self, id: &str) {
        loop {
            let rung = self.bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            if self.acked.contains(id) {
                return;
            }
            rung.await;
        }
    }
}

/// Which device a stanza comes from.
fn author(stanza: &NodeRef<'_>) -> Option<Jid> {
    let author = stanza
        .get_attr("participant")
        .or_else(|| stanza.get_attr("from"))?;
    author.as_str().parse().ok()
}

fn seen(at: &AtomicI64) -> Option<Timestamp> {
    Some(at.load(Ordering::Relaxed))
        .filter(|at| *at > 0)
        .map(Timestamp)
}

impl Connection {
    /// What was seen on this connection so far.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        let signs = self.signs();
        Vitals {
            heard_at: seen(&signs.heard),
            served_at: seen(&signs.served),
            phone_at: seen(&signs.phone),
            decrypted: self.client().stats().messages_received,
        }
    }

    /// Asks WhatsApp's server for a sign of life, and waits for it so long. An error is one too.
    pub async fn probe(&self, wait: Duration) -> Answer {
        let asking = async {
            let asked = self.client().execute(KeepaliveSpec::with_timeout(wait));
            Ok(match asked.await {
                Ok(())
                | Err(
                    IqError::ServerError { .. }
                    | IqError::UnexpectedResponseType { .. }
                    | IqError::ParseError(_),
                ) => Answer::Came,
                Err(_) => Answer::Missing,
            })
        };
        let asked = tokio::time::timeout(wait, self.while_up(asking)).await;
        asked.map_or(Answer::Missing, |done| done.unwrap_or(Answer::NotAsked))
    }

    /// Sends the account's own phone a request that nobody sees, and waits until WhatsApp has
    /// accepted it: proof that messages pass. The phone's answer, if it is switched on, shows in
    /// [`Vitals::phone_at`] later.
    pub async fn round_trip(&self, wait: Duration) -> Answer {
        let going = async {
            let client = self.client();
            let own = client.pn().ok_or(TaskError::NotConnected)?.to_non_ad();
            let now = clock::now().0;
            let sent = client.fetch_message_history(&own, NO_MESSAGE, true, now, 1);
            let id = sent
                .await
                .map_err(|error| TaskError::Failed(error.to_string()))?;
            self.signs().wait_for_ack(&id).await;
            Ok(())
        };
        match tokio::time::timeout(wait, self.while_up(going)).await {
            Ok(Ok(())) => Answer::Came,
            Ok(Err(error)) => {
                tracing::debug!(%error, "a round trip could not be asked");
                Answer::NotAsked
            }
            Err(_) => Answer::Missing,
        }
    }
}
