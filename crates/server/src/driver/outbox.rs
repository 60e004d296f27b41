//! The loop that sends one account's outbox.
//!
//! What goes when is decided by the engine's [`Outbox`]; this file does what it says: uploads,
//! freezes, writes to the socket and notes in the store what came of it.

use super::context::Context;
use crate::clock;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use waypost_engine::flow::lanes::{LaneItem, Refill};
use waypost_engine::flow::outbox::{
    Effect, Entry, Input, Outbox, OutboxConfig, Parcel, Readiness, Waiting,
};
use waypost_engine::flow::rate::Rate;
use waypost_engine::model::{AccountId, Duration, FailReason, MessageId};
use waypost_store::OutboxItem;
use waypost_wa::Connection;

/// Acks and other news waiting for the loop. The channel waits when it is full, which holds up
/// only the account's own event reader.
const NEWS_MAX: usize = 1_024;
/// How long to wait before the store is read again after it failed.
const STORE_RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// What others tell an outbox.
#[derive(Debug)]
pub(super) enum News {
    /// The server answered a send.
    Acked {
        /// The id it was sent under.
        wire_id: String,
        /// The server's error code.
        error: Option<u32>,
    },
    /// A person cancelled it.
    Cancel(MessageId),
}

/// The outside of an outbox.
#[derive(Debug, Clone)]
pub(super) struct OutboxHandle {
    state: Arc<Mutex<Outbox>>,
    news: mpsc::Sender<News>,
    bell: Arc<Notify>,
}

impl OutboxHandle {
    /// Offers a send that was just committed.
    pub(super) fn offer(&self, item: &OutboxItem) {
        lock(&self.state).queued(entry(item));
        self.bell.notify_one();
    }

    /// Passes on what happened; waits while the loop is busy.
    pub(super) async fn tell(&self, news: News) {
        // A closed loop has nothing left to be told: the store knows the rest.
        let _ = self.news.send(news).await;
    }

    /// Why a send has not gone out yet.
    pub(super) fn why_waiting(&self, message: MessageId) -> Waiting {
        lock(&self.state).why_waiting(message, clock::now())
    }

    /// Sends held in memory.
    pub(super) fn held(&self) -> usize {
        lock(&self.state).held()
    }
}

fn lock(state: &Mutex<Outbox>) -> std::sync::MutexGuard<'_, Outbox> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A send as the engine sees it.
fn entry(item: &OutboxItem) -> Entry {
    let readiness = match (&item.frozen, item.content.file()) {
        (true, _) => Readiness::Frozen,
        (false, Some(file)) if file.pointer.is_none() => Readiness::NeedsUpload,
        (false, _) => Readiness::NeedsFreeze,
    };
    LaneItem {
        message: item.message,
        conversation: item.conversation,
        seq: item.seq,
        attempt: item.attempts,
        next_at: item.next_at,
        work: Parcel { to: item.to.clone(), readiness, last_error: item.last_error.clone() },
    }
}

/// One account's sender.
pub(super) struct Sender {
    context: Arc<Context>,
    account: AccountId,
    state: Arc<Mutex<Outbox>>,
    connection: watch::Receiver<Option<Connection>>,
    news: mpsc::Receiver<News>,
    bell: Arc<Notify>,
    in_flight: HashMap<String, MessageId>,
    replace: mpsc::Sender<super::life::Command>,
}

impl Sender {
    pub(super) fn new(
        context: Arc<Context>,
        account: AccountId,
        connection: watch::Receiver<Option<Connection>>,
        replace: mpsc::Sender<super::life::Command>,
    ) -> (Self, OutboxHandle) {
        let send = &context.config.send;
        let config = OutboxConfig {
            per_account: rate(send.account_burst, send.account_gap_ms),
            per_recipient: rate(send.recipient_burst, send.recipient_gap_ms),
            ack_timeout: Duration::secs(send.ack_timeout_s),
            ..OutboxConfig::default()
        };
        let state = Arc::new(Mutex::new(Outbox::new(config)));
        let bell = Arc::new(Notify::new());
        let (tell, news) = mpsc::channel(NEWS_MAX);
        let handle =
            OutboxHandle { state: Arc::clone(&state), news: tell, bell: Arc::clone(&bell) };
        let in_flight = HashMap::new();
        (Self { context, account, state, connection, news, bell, in_flight, replace }, handle)
    }

    /// Runs until told to stop. Sends in flight are not waited for: they are frozen and go out
    /// again under the same id.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut work: FuturesUnordered<BoxFuture<'static, Vec<Input>>> = FuturesUnordered::new();
        let mut inputs = vec![Input::Tick];
        let mut up = false;
        while !stop.is_cancelled() {
            self.refill().await;
            let now_up = self.connection.borrow_and_update().is_some();
            if now_up != up {
                up = now_up;
                self.in_flight.clear();
                inputs.push(if up { Input::Connected } else { Input::Disconnected });
            }
            inputs.push(Input::Tick);
            for input in std::mem::take(&mut inputs) {
                let effects = lock(&self.state).step(input, clock::now(), self.context.jitter());
                for effect in effects {
                    self.act(effect, &work).await;
                }
            }
            let due = lock(&self.state).wake_at(clock::now());
            let due = due.map(|at| at.since(clock::now()).max(Duration::millis(1)));
            tokio::select! {
                Some(more) = work.next(), if !work.is_empty() => inputs.extend(more),
                Some(news) = self.news.recv() => self.heard(news, &mut inputs),
                () = self.bell.notified() => {}
                changed = self.connection.changed() => if changed.is_err() { return },
                () = sleep(due) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    fn heard(&mut self, news: News, inputs: &mut Vec<Input>) {
        match news {
            News::Cancel(message) => inputs.push(Input::Cancel(message)),
            News::Acked { wire_id, error } => {
                if let Some(message) = self.in_flight.remove(&wire_id) {
                    inputs.push(Input::Acked { message, error });
                }
            }
        }
    }

    async fn refill(&mut self) {
        while let Some(request) = { lock(&self.state).refill() } {
            let Refill { after, limit, .. } = request;
            match self.context.store.outbox_due(self.account, after, limit).await {
                Ok(items) => {
                    lock(&self.state).refilled(request, items.iter().map(entry).collect());
                }
                Err(error) => {
                    tracing::error!(account = %self.account, %error, "the outbox cannot be read");
                    lock(&self.state).refill_failed();
                    tokio::time::sleep(STORE_RETRY).await;
                }
            }
        }
    }

    async fn act(&mut self, effect: Effect, work: &FuturesUnordered<BoxFuture<'static, Vec<Input>>>) {
        match effect {
            Effect::Upload(message) => work.push(self.upload(message)),
            Effect::Freeze(message) => work.push(self.freeze(message)),
            Effect::Send(message) => self.send(message, work).await,
            Effect::Reconnect => {
                tracing::warn!(account = %self.account, "a send was not accepted in time; reconnecting");
                // Only a life loop that has ended does not listen.
                let _ = self.replace.send(super::life::Command::Replace).await;
            }
            Effect::Retry { message, attempts, next_at, error } => {
                self.noted(self.context.store.attempt_failed(message, attempts, error, next_at).await);
            }
            Effect::Accepted(message) => {
                self.noted(self.context.store.server_accepted(message, clock::now()).await);
            }
            Effect::Fail(message, reason) => {
                self.noted(self.context.store.send_failed(message, reason, clock::now()).await);
            }
        }
    }

    /// A note that cannot be written leaves the send where it was: it is repeated at the next
    /// start under the same id.
    fn noted(&self, result: Result<(), waypost_store::StoreError>) {
        if let Err(error) = result {
            tracing::error!(account = %self.account, %error, "the state of a send cannot be stored");
        }
    }

    async fn send(&mut self, message: MessageId, work: &FuturesUnordered<BoxFuture<'static, Vec<Input>>>) {
        let Some(connection) = self.connection.borrow().clone() else { return };
        let parcel = match self.context.store.frozen(message).await {
            Ok(Some(parcel)) => parcel,
            Ok(None) => {
                let error = "its payload is not stored".to_owned();
                work.push(Box::pin(async move { vec![Input::NotWritten { message, error }] }));
                return;
            }
            Err(error) => {
                let error = error.to_string();
                work.push(Box::pin(async move { vec![Input::NotWritten { message, error }] }));
                return;
            }
        };
        self.in_flight.insert(parcel.wire_id.clone(), message);
        let context = Arc::clone(&self.context);
        work.push(Box::pin(async move {
            context.crash_point("before_send");
            let sent = connection.send(&parcel.to, &parcel.wire_id, &parcel.payload).await;
            context.crash_point("after_send");
            match sent {
                Ok(()) => vec![Input::Written(message)],
                Err(error) => vec![Input::NotWritten { message, error: error.to_string() }],
            }
        }));
    }

    fn upload(&self, message: MessageId) -> BoxFuture<'static, Vec<Input>> {
        let (context, connection) = (Arc::clone(&self.context), self.connection.borrow().clone());
        Box::pin(async move {
            match context.upload(message, connection).await {
                Ok(()) => vec![Input::Uploaded(message)],
                Err(refusal) => vec![refusal.input(message)],
            }
        })
    }

    fn freeze(&self, message: MessageId) -> BoxFuture<'static, Vec<Input>> {
        let context = Arc::clone(&self.context);
        Box::pin(async move {
            match context.freeze(message).await {
                Ok(()) => vec![Input::Frozen(message)],
                Err(refusal) => vec![refusal.input(message)],
            }
        })
    }
}

/// Why a send could not be prepared.
pub(super) struct Refusal {
    pub(super) error: String,
    pub(super) fatal: Option<FailReason>,
}

impl Refusal {
    /// Worth another try.
    pub(super) fn passing(error: impl ToString) -> Self {
        Self { error: error.to_string(), fatal: None }
    }

    /// No retry can help.
    pub(super) fn fatal(reason: FailReason) -> Self {
        Self { error: String::new(), fatal: Some(reason) }
    }

    fn input(self, message: MessageId) -> Input {
        Input::NotPrepared { message, error: self.error, fatal: self.fatal }
    }
}

fn rate(burst: u32, gap_ms: u64) -> Rate {
    Rate { burst, gap: Duration::millis(gap_ms) }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait.into()).await,
        None => std::future::pending().await,
    }
}
