//! One connection, from its first socket to `Down`.

use crate::event::{ChannelEvent, TypingState};
use crate::jid;
use crate::limits::CLOSE_MAX;
use crate::recent::RecentIds;
use crate::tasks::Tasks;
use crate::translate::Shared;
use crate::transport::Socket;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wacore::types::events::Subscription;
use wacore_binary::Jid;
use waypost_engine::fleet::down::DownReason;
use waypost_engine::model::Address;
use whatsapp_rust::bot::BotHandle;
use whatsapp_rust::pair_code::PairCodeOptions;
use whatsapp_rust::send::{SendError as LibraryError, SendOptions};
use whatsapp_rust::{Client, RawNodeLease};

/// Why a message was not written to the socket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// There is no connection, or it ended meanwhile. It may have been written: send the same id and
    /// payload again.
    #[error("not connected; the same message is sent again when the account is online")]
    NotConnected,
    /// It can never be sent like this.
    #[error("the message cannot be sent: {0}")]
    Rejected(String),
    /// It was not written; it may work later.
    #[error("sending failed: {0}")]
    Failed(String),
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// There is no connection, or it ended meanwhile.
    #[error("not connected; try again when the account is online")]
    NotConnected,
    /// It makes no sense to WhatsApp.
    #[error("{0}")]
    Invalid(String),
    /// What it is about does not exist, or is nothing the account may see.
    #[error("WhatsApp knows nothing of it that this account may see: {0}")]
    NotThere(String),
    /// WhatsApp refused, or did not answer.
    #[error("WhatsApp did not do it: {0}")]
    Failed(String),
}

/// What a connection keeps in memory of its conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Tasks that take the messages of a chat in their order: [`crate::limits::CHAT_LANES_MAX`], and
    /// more while more are busy. What is too many goes with the next message of another chat.
    pub lanes: u64,
    /// Locks of conversations: [`crate::limits::SESSION_LOCKS_MAX`], likewise.
    pub locks: u64,
    /// Signal sessions. The library itself keeps up to 2,250.
    pub sessions: u64,
    /// About how many bytes these sessions take.
    pub session_bytes: u64,
    /// Lists of people's devices; at most [`crate::limits::DEVICE_LISTS_MAX`].
    pub device_lists: u64,
}

/// What a connection's handles share.
pub(crate) struct Parts {
    pub(crate) client: Arc<Client>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) own_sends: Arc<RecentIds>,
}

/// What is taken apart when the connection ends.
pub(crate) struct Keeper {
    pub(crate) bot: BotHandle,
    pub(crate) subscription: Subscription,
    pub(crate) stanzas: RawNodeLease,
    pub(crate) pump: JoinHandle<()>,
    pub(crate) tasks: Tasks,
    pub(crate) socket: Socket,
    pub(crate) out: mpsc::Sender<ChannelEvent>,
}

/// A handle to a running connection. Cheap to clone; dropping every handle does not end it, dropping
/// its [`crate::Events`] or [`Connection::close`] does.
#[derive(Clone)]
pub struct Connection {
    parts: Arc<Parts>,
    /// Cancelled once every task and socket is gone.
    gone: CancellationToken,
}

impl Connection {
    pub(crate) fn start(parts: Parts, keeper: Keeper) -> Self {
        let gone = CancellationToken::new();
        let shared = Arc::clone(&parts.shared);
        tokio::spawn(keep(
            Arc::clone(&parts.client),
            shared,
            keeper,
            gone.clone(),
        ));
        Self {
            parts: Arc::new(parts),
            gone,
        }
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.parts.client
    }

    pub(crate) fn signs(&self) -> &crate::alive::Signs {
        &self.parts.shared.signs
    }

    /// Runs `work` unless the connection ends first.
    pub(crate) async fn while_up<T>(
        &self,
        work: impl Future<Output = Result<T, TaskError>>,
    ) -> Result<T, TaskError> {
        tokio::select! {
            biased;
            () = self.parts.shared.cause.ended() => Err(TaskError::NotConnected),
            () = self.gone.cancelled() => Err(TaskError::NotConnected),
            done = work => done,
        }
    }

    /// True once logged in and until the end.
    #[must_use]
    pub fn is_online(&self) -> bool {
        let shared = &self.parts.shared;
        shared.online.load(Ordering::SeqCst)
            && !shared.cause.is_ending()
            && !self.gone.is_cancelled()
    }

    /// What is kept in memory now.
    pub async fn held(&self) -> Held {
        let report = self.client().memory_report().await;
        Held {
            lanes: report.chat_lanes,
            locks: report.session_locks,
            sessions: report.signal_sessions.entries,
            session_bytes: report.signal_sessions.bytes,
            device_lists: report.device_registry_cache.entries,
        }
    }

    /// The account's number and LID, as far as they are known.
    #[must_use]
    pub fn own(&self) -> (Option<Address>, Option<Address>) {
        let client = self.client();
        (
            client.pn().as_ref().map(jid::address),
            client.lid().as_ref().map(jid::address),
        )
    }

    /// Writes a frozen message to the socket. `Ok` says no more than that: acceptance is
    /// [`ChannelEvent::ServerAck`]. The same id and payload may be sent any number of times; the
    /// recipient's app shows one. Keep one send per conversation in flight: several may overtake
    /// each other.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(&self, to: &Address, wire_id: &str, frozen: &[u8]) -> Result<(), SendError> {
        if !self.is_online() {
            return Err(SendError::NotConnected);
        }
        let to = jid::jid(to).ok_or_else(|| {
            SendError::Rejected(format!("'{to}' is not an address WhatsApp knows"))
        })?;
        let message = waproto::codec::message_decode(frozen)
            .map_err(|_| SendError::Rejected("the frozen payload is unreadable".to_owned()))?;
        self.parts.own_sends.insert(wire_id);
        let options = SendOptions::default().with_message_id(wire_id);
        let sending = async {
            Ok(self
                .client()
                .send_message_with_options(to, message, options)
                .await)
        };
        match self.while_up(sending).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.why(&error)),
            Err(_) => Err(SendError::NotConnected),
        }
    }

    fn why(&self, error: &LibraryError) -> SendError {
        match error {
            LibraryError::InvalidRequest(what) => SendError::Rejected(what.clone()),
            LibraryError::NotLoggedIn => SendError::NotConnected,
            _ if !self.client().is_connected() => SendError::NotConnected,
            other => SendError::Failed(other.to_string()),
        }
    }

    /// Asks for a pairing code for this number; it comes as [`ChannelEvent::PairingCode`] too. It
    /// works beside the QR codes of the same link.
    ///
    /// # Errors
    /// [`TaskError`]; the same failure comes as [`ChannelEvent::PairingCodeFailed`].
    pub async fn pair_code(&self, phone: &Address) -> Result<String, TaskError> {
        let Address::Phone(number) = phone else {
            return Err(TaskError::Invalid(format!(
                "'{phone}' is not a phone number"
            )));
        };
        let options = PairCodeOptions {
            phone_number: number.to_string(),
            ..Default::default()
        };
        let asking = async {
            self.client()
                .pair_with_code(options)
                .await
                .map_err(|error| TaskError::Failed(error.to_string()))
        };
        self.while_up(asking).await
    }

    pub(crate) fn address(&self, address: &Address) -> Result<Jid, TaskError> {
        jid::jid(address).ok_or_else(|| {
            TaskError::Invalid(format!("'{address}' is not an address WhatsApp knows"))
        })
    }

    /// Tells the sender that messages were read. `sender` is needed in groups.
    ///
    /// # Errors
    /// [`TaskError`].
    pub async fn mark_read(
        &self,
        chat: &Address,
        sender: Option<&Address>,
        wire_ids: &[String],
    ) -> Result<(), TaskError> {
        let sender = sender
            .filter(|_| chat.is_group())
            .map(|sender| self.address(sender))
            .transpose()?;
        let chat = self.address(chat)?;
        let ids: Vec<&str> = wire_ids.iter().map(String::as_str).collect();
        let marking = async {
            let marked = self
                .client()
                .mark_as_read(&chat, sender.as_ref(), &ids)
                .await;
            marked.map_err(|error| TaskError::Failed(error.to_string()))
        };
        self.while_up(marking).await
    }

    /// Shows the other side that somebody is writing, or stopped.
    ///
    /// # Errors
    /// [`TaskError`].
    pub async fn typing(&self, chat: &Address, state: TypingState) -> Result<(), TaskError> {
        let chat = self.address(chat)?;
        let showing = async {
            let states = self.client().chatstate();
            let shown = match state {
                TypingState::Active => states.send_composing(&chat).await,
                TypingState::Paused => states.send_paused(&chat).await,
            };
            shown.map_err(|error| TaskError::Failed(error.to_string()))
        };
        self.while_up(showing).await
    }

    /// Ends the connection and waits until every task and socket of it is gone. What was read but
    /// not committed comes again on the next connection.
    pub async fn close(&self) {
        self.parts.shared.cause.end(DownReason::Closed);
        self.gone.cancelled().await;
    }

    /// Removes this device from the account at WhatsApp, then closes. The stored keys are the
    /// caller's to delete. Without a connection only the closing happens, and the phone still lists
    /// the device.
    pub async fn logout(&self) {
        self.parts.shared.cause.report(DownReason::Closed);
        // The library waits for WhatsApp's answer; a server that stays silent must not hold us.
        let _ = tokio::time::timeout(CLOSE_MAX, self.client().logout()).await;
        self.close().await;
    }
}

/// Waits for the end, by itself or asked for, and takes everything down.
async fn keep(client: Arc<Client>, shared: Arc<Shared>, keeper: Keeper, gone: CancellationToken) {
    let Keeper {
        mut bot,
        subscription,
        stanzas,
        pump,
        tasks,
        socket,
        out,
    } = keeper;
    let ended_by_itself = tokio::select! {
        () = &mut bot => true,
        () = shared.cause.ended() => false,
        () = out.closed() => {
            // Nobody reads any more: then nobody needs the connection.
            shared.cause.end(DownReason::Closed);
            false
        }
    };
    if !ended_by_itself
        && tokio::time::timeout(CLOSE_MAX, client.disconnect())
            .await
            .is_err()
    {
        tracing::warn!("a connection did not close in time; its tasks are stopped by force");
    }
    // Without a word from the library: a live connection was cut by its probes, any other never
    // came up.
    let silent = if shared.online.load(Ordering::SeqCst) {
        DownReason::KeepaliveTimeout
    } else {
        DownReason::Network
    };
    let reason = shared.cause.reason_or(silent);
    shared.cause.end(reason.clone());
    bot.abort();
    tasks.end().await;
    socket.close().await;
    drop((subscription, stanzas, client, bot));
    gone.cancel();
    // What was reported before the end is handed over first. If nobody reads, this waits; it holds
    // nothing but the queue.
    let _ = pump.await;
    let _ = out.send(ChannelEvent::Down(reason)).await;
}
