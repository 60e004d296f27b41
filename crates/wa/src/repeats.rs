//! Recipients who could not decrypt what we sent ask for it again.
//!
//! The protocol library acknowledges such a request once it has read it, and serves it afterwards. If the
//! process dies or the connection ends between the two, nobody asks again: the recipient's app waits for
//! the message for ever. So a request is stored before the library goes on with it, and forgotten some
//! time later; what is still stored when a connection comes up is served then.

use crate::cause::Cause;
use crate::jid;
use crate::limits::{REPEAT_AGE_MAX, REPEAT_NOTE_MAX, REPEAT_SERVED_AFTER};
use crate::ports::{Inbox, KeysError};
use crate::storage::owed::{OwedRepeats, Repeat};
use crate::tasks::Tasks;
use std::future::Future;
use std::sync::{Arc, Weak};
use tokio::runtime::{Handle, RuntimeFlavor};
use wacore::runtime::Runtime as _;
use wacore_binary::NodeRef;
use waypost_engine::model::AccountId;
use whatsapp_rust::send::SendError;
use whatsapp_rust::{Client, MessageRetransmission};

/// Looks after the requests that come on one connection, and those that an earlier one left.
pub(crate) struct Repeats {
    owed: OwedRepeats,
    inbox: Arc<dyn Inbox>,
    account: AccountId,
    cause: Arc<Cause>,
    tasks: Tasks,
}

impl Repeats {
    pub(crate) fn new(
        owed: OwedRepeats,
        inbox: Arc<dyn Inbox>,
        account: AccountId,
        cause: Arc<Cause>,
        tasks: Tasks,
    ) -> Self {
        Self {
            owed,
            inbox,
            account,
            cause,
            tasks,
        }
    }

    /// Notes a stanza of any kind. Returns once a request is durable, or after [`REPEAT_NOTE_MAX`]:
    /// the library acknowledges it next.
    pub(crate) fn stanza(self: &Arc<Self>, stanza: &NodeRef<'_>) {
        let Some(repeat) = Repeat::asked_for(stanza) else {
            return;
        };
        let noting = Arc::clone(self).note(repeat);
        match Handle::current().runtime_flavor() {
            // The library calls in a task of its own for each receipt; other work moves on.
            RuntimeFlavor::MultiThread => wait_for(noting),
            _ => self.tasks.spawn_detached(Box::pin(noting)),
        }
    }

    async fn note(self: Arc<Self>, repeat: Repeat) {
        // Anybody can ask for anything: only what we have is worth a write.
        let noting = async {
            match self.payload(&repeat).await? {
                Some(_) => self.owed.owe(&repeat).await.map(|()| true),
                None => Ok(false),
            }
        };
        match tokio::time::timeout(REPEAT_NOTE_MAX, noting).await {
            Ok(Ok(true)) => self.forget_later(repeat),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => self.unnoted(&repeat, &error.to_string()),
            Err(_) => self.unnoted(&repeat, "the store takes too long"),
        }
    }

    fn unnoted(&self, repeat: &Repeat, error: &str) {
        tracing::warn!(
            account = %self.account, id = repeat.id, error,
            "a recipient's request for a message is not stored; it is served unless the program ends now"
        );
    }

    async fn payload(&self, repeat: &Repeat) -> Result<Option<Vec<u8>>, KeysError> {
        let chat = jid::address(&repeat.chat);
        self.inbox.frozen(self.account, &chat, &repeat.id).await
    }

    /// Forgets a request when it must have been served, unless the connection ends before.
    fn forget_later(self: &Arc<Self>, repeat: Repeat) {
        let this = Arc::clone(self);
        let forgetting = async move {
            tokio::select! {
                biased;
                () = this.cause.ended() => return,
                () = tokio::time::sleep(REPEAT_SERVED_AFTER) => {}
            }
            if let Err(error) = this.owed.forget(&repeat).await {
                tracing::warn!(account = %this.account, %error, "a served request is served again later");
            }
        };
        self.tasks.spawn_detached(Box::pin(forgetting));
    }

    /// Serves what earlier connections left.
    pub(crate) async fn serve(self: Arc<Self>, client: Weak<Client>) {
        let owed = match self.owed.young(REPEAT_AGE_MAX).await {
            Ok(owed) => owed,
            Err(error) => {
                tracing::warn!(account = %self.account, %error, "requests for messages wait for the next connection");
                return;
            }
        };
        for repeat in owed {
            let Some(client) = client.upgrade() else {
                return;
            };
            self.serve_one(&client, repeat).await;
        }
    }

    async fn serve_one(self: &Arc<Self>, client: &Arc<Client>, repeat: Repeat) {
        let payload = self.payload(&repeat).await;
        let message = match &payload {
            Ok(Some(payload)) => waproto::codec::message_decode(payload).ok(),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(account = %self.account, id = repeat.id, %error, "a message asked for again waits for the next connection");
                return;
            }
        };
        // What is not kept any more cannot be repeated.
        let Some(message) = message else {
            self.forget_later(repeat);
            return;
        };
        let request = MessageRetransmission::new(
            repeat.chat.clone(),
            repeat.requester.clone(),
            message,
            repeat.id.clone(),
            repeat.count,
        );
        let request = match repeat.recipient.clone() {
            Some(recipient) => request.with_recipient(recipient),
            None => request,
        };
        match client.retransmit_message(request).await {
            Ok(()) => {
                tracing::info!(account = %self.account, id = repeat.id, "a message that a recipient had asked for is repeated");
                self.forget_later(repeat);
            }
            Err(SendError::InvalidRequest(error)) => {
                tracing::info!(account = %self.account, id = repeat.id, error, "a request for a message makes no sense");
                self.forget_later(repeat);
            }
            Err(error) => {
                tracing::warn!(account = %self.account, id = repeat.id, %error, "a message asked for again waits for the next connection");
            }
        }
    }
}

/// Waits in the middle of a call that cannot.
fn wait_for(work: impl Future<Output = ()>) {
    tokio::task::block_in_place(|| Handle::current().block_on(work));
}
