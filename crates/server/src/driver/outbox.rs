//! The loop that sends one account's outbox.
//!
//! What goes when is decided by the engine's [`Outbox`]; this file does what it says: uploads,
//! freezes, writes to the socket and notes in the store what came of it.

use super::context::Context;
use super::restraint::{self, Sending, Standings};
use crate::api::ports::TakenBack;
use crate::clock;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use waypost_engine::flow::caution::{Caution, Chat};
use waypost_engine::flow::lanes::{LaneItem, Refill};
use waypost_engine::flow::outbox::{
    Done, Effect, Entry, Input, Outbox, OutboxConfig, Parcel, Readiness, Waiting,
};
use waypost_engine::flow::rate::Rate;
use waypost_engine::model::{
    AccountId, Content, ConversationId, Duration, FailReason, MessageId, SendState, Seq, Timestamp,
};
use waypost_engine::watch::tally::Happening;
use waypost_store::{OutboxItem, StoreError};
use waypost_wa::{Connection, TypingState};

/// Acks and other news waiting for the loop. The channel waits when it is full, which holds up
/// only the account's own event reader.
const NEWS_MAX: usize = 1_024;
/// Sends read from the store at a time.
const READ_ROWS: usize = 256;
/// Sends kept in memory with their payload; further ones are read again when they go out.
const ITEMS_MAX: usize = 4_096;
/// Most waiting sends that are looked at when somebody asks why they wait.
const EXPLAINED_MAX: usize = 1_000;
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
    /// A person takes it back.
    TakeBack {
        /// The send.
        message: MessageId,
        /// Told what became of it.
        reply: oneshot::Sender<TakenBack>,
    },
}

/// The outside of an outbox.
#[derive(Debug, Clone)]
pub(super) struct OutboxHandle {
    state: Arc<Mutex<Outbox>>,
    news: mpsc::Sender<News>,
    bell: Arc<Notify>,
    from_start: Arc<AtomicBool>,
}

impl OutboxHandle {
    /// A send was committed.
    pub(super) fn wake(&self) {
        self.bell.notify_one();
    }

    /// An older send was put back: everything unsent is read again.
    pub(super) fn reread(&self) {
        self.from_start.store(true, Ordering::Relaxed);
        self.bell.notify_one();
    }

    /// Two conversations turned out to be one.
    pub(super) fn merged(&self, from: ConversationId, into: ConversationId) {
        lock(&self.state).merged(from, into);
        self.bell.notify_one();
    }

    /// Passes on what happened; waits while the loop is busy.
    pub(super) async fn tell(&self, news: News) {
        // A closed loop has nothing left to be told: the store knows the rest.
        let _ = self.news.send(news).await;
    }

    /// What the account may still begin today, and what WhatsApp bars.
    pub(super) fn sending(&self) -> Sending {
        let (state, now) = (lock(&self.state), clock::now());
        let caution = state.caution();
        Sending {
            used: caution.used(&state.config().caution, now),
            restriction: caution.restriction(now),
            waiting: state.waiting(EXPLAINED_MAX, now),
        }
    }

    /// Why a send has not gone out yet.
    pub(super) fn why_waiting(&self, message: MessageId) -> Waiting {
        lock(&self.state).why_waiting(message, clock::now())
    }
}

fn lock(state: &Mutex<Outbox>) -> std::sync::MutexGuard<'_, Outbox> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A send as the engine sees it.
fn entry(item: &OutboxItem, chat: Chat) -> Entry {
    let readiness = match (&item.frozen, item.content.file()) {
        (Some(_), _) => Readiness::Frozen,
        (None, Some(_)) => Readiness::NeedsUpload,
        (None, None) => Readiness::NeedsFreeze,
    };
    LaneItem {
        message: item.message,
        conversation: item.conversation,
        seq: item.seq,
        attempt: item.attempts,
        next_at: item.next_at,
        work: Parcel {
            to: item.to.clone(),
            readiness,
            last_error: item.last_error.clone(),
            chat,
            typed: typed(&item.content),
            done: Done::Nothing,
        },
    }
}

/// How many characters of it somebody would have typed.
fn typed(content: &Content) -> u32 {
    let words = content.words().map_or(0, |words| words.chars().count());
    u32::try_from(words).unwrap_or(u32::MAX)
}

/// One account's sender.
pub(super) struct Sender {
    context: Arc<Context>,
    account: AccountId,
    state: Arc<Mutex<Outbox>>,
    connection: watch::Receiver<Option<Connection>>,
    news: mpsc::Receiver<News>,
    bell: Arc<Notify>,
    from_start: Arc<AtomicBool>,
    /// The newest send read so far.
    read_to: Seq,
    unread: Unread,
    /// What is held by the outbox, until it is final.
    items: HashMap<MessageId, Arc<OutboxItem>>,
    in_flight: HashMap<String, MessageId>,
    standings: Standings,
    /// The account's restraint as it was written down last, and when.
    written: Option<(Caution, Timestamp)>,
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
            caution: restraint::limits(send),
            number_check: send.number_check,
            human: send.typing,
            ..OutboxConfig::default()
        };
        let standings = Standings::new(send);
        let outbox = Outbox::new(config, Caution::new(clock::now()));
        let state = Arc::new(Mutex::new(outbox));
        let bell = Arc::new(Notify::new());
        let (tell, news) = mpsc::channel(NEWS_MAX);
        let from_start = Arc::new(AtomicBool::new(false));
        let handle = OutboxHandle {
            state: Arc::clone(&state),
            news: tell,
            bell: Arc::clone(&bell),
            from_start: Arc::clone(&from_start),
        };
        let sender = Self {
            context,
            account,
            state,
            connection,
            news,
            bell,
            from_start,
            read_to: Seq(0),
            unread: Unread::Perhaps,
            items: HashMap::new(),
            in_flight: HashMap::new(),
            standings,
            written: None,
            replace,
        };
        (sender, handle)
    }

    /// Runs until told to stop. Sends in flight are not waited for: they are frozen and go out
    /// again under the same id.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        self.recall().await;
        let mut work = Working::new();
        let mut inputs = vec![Input::Tick];
        let mut up = false;
        while !stop.is_cancelled() {
            let now_up = self.connection.borrow_and_update().is_some();
            if now_up != up {
                up = now_up;
                self.in_flight.clear();
                inputs.push(if up {
                    Input::Connected
                } else {
                    Input::Disconnected
                });
            }
            inputs.push(Input::Tick);
            for input in std::mem::take(&mut inputs) {
                let effects = lock(&self.state).step(input, clock::now(), self.context.jitter());
                for effect in effects {
                    self.act(effect, &mut work).await;
                }
            }
            // What went out or failed just now may have made room for what waits in the store.
            if self.refill().await == Found::Sends {
                continue;
            }
            let write_at = self.keep_restraint().await;
            let due = lock(&self.state).wake_at(clock::now());
            let due = [due, write_at].into_iter().flatten().min();
            let due = due.map(|at| at.since(clock::now()).max(Duration::millis(1)));
            tokio::select! {
                Some(input) = work.next(), if !work.is_empty() => inputs.push(input),
                Some(news) = self.news.recv() => {
                    self.heard(news, &mut inputs, &mut work).await;
                }
                () = self.bell.notified() => self.unread = Unread::Perhaps,
                changed = self.connection.changed() => if changed.is_err() { return },
                () = sleep(due) => {}
                () = stop.cancelled() => {}
            }
        }
        self.write_restraint().await;
    }

    /// What the account had begun before this process.
    async fn recall(&mut self) {
        match restraint::read(&self.context.store, self.account).await {
            Ok(caution) => {
                lock(&self.state).remember(caution.clone());
                self.written = Some((caution, clock::now()));
            }
            Err(error) => {
                tracing::error!(account = %self.account, %error, "an account's restraint cannot be read");
            }
        }
    }

    /// Writes the account's restraint down now and then; answers when the next time is due.
    async fn keep_restraint(&mut self) -> Option<Timestamp> {
        let (before, at) = self.written.as_ref()?;
        if lock(&self.state).caution() == before {
            return None;
        }
        let due = *at + restraint::WRITE_EVERY;
        if due > clock::now() {
            return Some(due);
        }
        self.write_restraint().await;
        None
    }

    async fn write_restraint(&mut self) {
        let caution = lock(&self.state).caution().clone();
        if self
            .written
            .as_ref()
            .is_none_or(|(before, _)| *before == caution)
        {
            return;
        }
        let written = restraint::write(&self.context.store, self.account, &caution).await;
        self.noted(written);
        self.written = Some((caution, clock::now()));
    }

    async fn heard(&mut self, news: News, inputs: &mut Vec<Input>, work: &mut Working) {
        match news {
            News::TakeBack { message, reply } => {
                if !self.is_waiting(message).await {
                    // Somebody who has gone away needs no answer.
                    let _ = reply.send(TakenBack::NotHeld);
                    return;
                }
                let now = clock::now();
                let input = Input::Cancel(message);
                let effects = lock(&self.state).step(input, now, self.context.jitter());
                let cancelled = effects.contains(&Effect::Fail(message, FailReason::Cancelled));
                for effect in effects {
                    self.act(effect, work).await;
                }
                // Somebody who has gone away needs no answer.
                let _ = reply.send(if cancelled {
                    TakenBack::Done
                } else {
                    TakenBack::UnderWay
                });
            }
            News::Acked { wire_id, error } => {
                if let Some(message) = self.in_flight.remove(&wire_id) {
                    inputs.push(Input::Acked { message, error });
                }
            }
        }
    }

    /// Whether the store has it as accepted and not yet final.
    async fn is_waiting(&self, message: MessageId) -> bool {
        let status = self.context.store.send_status(message).await;
        status.is_ok_and(|status| status.state == SendState::Accepted)
    }

    /// Reads what the outbox has room for. What was found is not under way yet.
    async fn refill(&mut self) -> Found {
        let mut found = Found::Nothing;
        while let Some(request) = { lock(&self.state).refill() } {
            let Refill { after, limit, .. } = request;
            match self.read(after, limit).await {
                Ok(items) => {
                    found = Found::Sends;
                    let chats = self.chats(&items).await;
                    let chat = |item: &OutboxItem| chats.get(&item.message).copied();
                    let entries = items
                        .iter()
                        .map(|item| entry(item, chat(item).unwrap_or_default()))
                        .collect();
                    lock(&self.state).refilled(request, entries);
                }
                Err(_) => {
                    lock(&self.state).refill_failed();
                    tokio::time::sleep(STORE_RETRY).await;
                }
            }
        }
        if self.from_start.swap(false, Ordering::Relaxed) {
            self.read_to = Seq(0);
        }
        if self.unread == Unread::Perhaps && self.read_on().await == Found::Sends {
            found = Found::Sends;
        }
        found
    }

    /// Reads the sends that were committed since the last time.
    async fn read_on(&mut self) -> Found {
        let mut found = Found::Nothing;
        self.unread = Unread::Nothing;
        loop {
            let Ok(items) = self.read(self.read_to, READ_ROWS).await else {
                self.bell.notify_one();
                tokio::time::sleep(STORE_RETRY).await;
                return found;
            };
            if let Some(last) = items.last() {
                self.read_to = last.seq;
                found = Found::Sends;
            }
            let chats = self.chats(&items).await;
            for item in &items {
                let chat = chats.get(&item.message).copied().unwrap_or_default();
                lock(&self.state).queued(entry(item, chat));
            }
            if items.len() < READ_ROWS {
                return found;
            }
        }
    }

    /// What each send is to the one who receives it. When the store cannot say they are taken for
    /// new chats, which is safe.
    async fn chats(&mut self, items: &[Arc<OutboxItem>]) -> HashMap<MessageId, Chat> {
        let found = self.standings.of(&self.context.store, items).await;
        found.unwrap_or_else(|error| {
            tracing::error!(account = %self.account, %error, "chats cannot be told apart");
            items.iter().map(|item| (item.message, Chat::New)).collect()
        })
    }

    async fn read(&mut self, after: Seq, limit: usize) -> Result<Vec<Arc<OutboxItem>>, StoreError> {
        let items = self
            .context
            .store
            .outbox_due(self.account, after, limit)
            .await;
        let items = items.inspect_err(|error| {
            tracing::error!(account = %self.account, %error, "the outbox cannot be read");
        })?;
        let items: Vec<_> = items.into_iter().map(Arc::new).collect();
        // What does not fit stays in the store, and is read again when its turn comes.
        let room = ITEMS_MAX.saturating_sub(self.items.len());
        for item in items.iter().take(room) {
            self.items
                .entry(item.message)
                .or_insert_with(|| Arc::clone(item));
        }
        Ok(items)
    }

    async fn item(&mut self, message: MessageId) -> Result<Arc<OutboxItem>, StoreError> {
        if let Some(item) = self.items.get(&message) {
            return Ok(Arc::clone(item));
        }
        self.context.store.outbox_item(message).await.map(Arc::new)
    }

    async fn act(&mut self, effect: Effect, work: &mut Working) {
        let now = clock::now();
        let store = &self.context.store;
        match effect {
            Effect::Check(message) => self.check(message, work).await,
            Effect::Type(message, _) => self.show_typing(message, work).await,
            Effect::Restricted(restriction) => {
                self.noted(restraint::tell(store, self.account, restriction).await);
                let connection = self.connection.borrow().clone();
                work.push(Box::pin(restraint::ask(connection)));
                self.write_restraint().await;
            }
            Effect::Upload(message) => self.prepare(message, Step::Upload, work).await,
            Effect::Freeze(message) => self.prepare(message, Step::Freeze, work).await,
            Effect::Send(message) => self.send(message, work).await,
            Effect::Reconnect => {
                tracing::warn!(account = %self.account, "a send was not accepted in time; reconnecting");
                // Only a life loop that has ended does not listen.
                let _ = self.replace.send(super::life::Command::Replace).await;
            }
            Effect::Retry {
                message,
                next_at,
                error,
                ..
            } => {
                self.noted(store.attempt_failed(message, &error, next_at).await);
                self.context.healths.count(self.account, Happening::Failed);
            }
            Effect::Accepted(message) => {
                if let Some(item) = self.items.remove(&message) {
                    let healths = &self.context.healths;
                    healths.accepted(self.account, message, item.created_at);
                    self.noted(
                        store
                            .server_accepted(self.account, &item.wire_id, now)
                            .await,
                    );
                }
            }
            Effect::Fail(message, reason) => {
                self.count_failed(message, &reason);
                self.noted(store.send_failed(message, reason, now).await);
                self.items.remove(&message);
            }
        }
    }

    /// What the caller asked wrongly for, or took back, says nothing about the account.
    fn count_failed(&self, message: MessageId, reason: &FailReason) {
        let healths = &self.context.healths;
        healths.no_answer(message);
        match reason {
            FailReason::Refused { .. }
            | FailReason::Restricted
            | FailReason::Exhausted { .. }
            | FailReason::Media { .. } => {
                healths.count(self.account, Happening::Failed);
                healths.count(self.account, Happening::Lost);
            }
            FailReason::NotOnWhatsApp | FailReason::Unsupported { .. } | FailReason::Cancelled => {}
        }
    }

    /// A note that cannot be written leaves the send where it was: it is repeated at the next
    /// start under the same id.
    fn noted<T>(&self, result: Result<T, StoreError>) {
        if let Err(error) = result {
            tracing::error!(account = %self.account, %error, "the state of a send cannot be stored");
        }
    }

    /// Asks in the background whether the recipient is there.
    async fn check(&mut self, message: MessageId, work: &mut Working) {
        let connection = self.connection.borrow().clone();
        match self.item(message).await {
            Ok(item) => work.push(Box::pin(async move {
                restraint::check(connection, &item).await
            })),
            Err(error) => {
                let refusal = Refusal::passing(error);
                work.push(Box::pin(async move { refusal.input(message) }));
            }
        }
    }

    /// Best effort: the message comes in any case.
    async fn show_typing(&mut self, message: MessageId, work: &mut Working) {
        let connection = self.connection.borrow().clone();
        if let (Some(connection), Ok(item)) = (connection, self.item(message).await) {
            work.push(Box::pin(async move {
                if let Err(error) = connection.typing(&item.to, TypingState::Active).await {
                    tracing::debug!(%error, "typing could not be shown");
                }
                Input::Tick
            }));
        }
    }

    async fn send(&mut self, message: MessageId, work: &mut Working) {
        let connection = self.connection.borrow().clone();
        let item = self.item(message).await;
        let (connection, item, payload) = match (connection, item) {
            (Some(connection), Ok(item)) => match item.frozen.clone() {
                Some(payload) => (connection, item, payload),
                None => return not_written(message, "its payload is not stored", work),
            },
            (None, _) => return not_written(message, "the account is not connected", work),
            (_, Err(error)) => return not_written(message, error, work),
        };
        self.in_flight.insert(item.wire_id.clone(), message);
        self.items.insert(message, Arc::clone(&item));
        work.push(Box::pin(async move {
            super::crash::point("before_send");
            if super::mutant::overtaken(&connection, &item, &payload) {
                let error = None;
                return Input::Acked { message, error };
            }
            let sent = connection.send(&item.to, &item.wire_id, &payload).await;
            super::mutant::sent(&connection, &item, &payload).await;
            super::crash::point("after_send");
            match sent {
                Ok(()) => Input::Written(message),
                Err(error) => Input::NotWritten {
                    message,
                    error: error.to_string(),
                },
            }
        }));
    }

    /// Makes the payload of a send in the background.
    async fn prepare(&mut self, message: MessageId, step: Step, work: &mut Working) {
        let item = match self.item(message).await {
            Ok(item) => item,
            Err(error) => {
                let refusal = Refusal::passing(error);
                return work.push(Box::pin(async move { refusal.input(message) }));
            }
        };
        // The copy without a payload is of no use any more.
        self.items.remove(&message);
        let (context, connection) = (Arc::clone(&self.context), self.connection.borrow().clone());
        work.push(Box::pin(async move {
            let done = match step {
                Step::Upload => context.upload(&item, connection).await,
                Step::Freeze => context.freeze(&item).await,
            };
            match (done, step) {
                (Ok(()), Step::Upload) => Input::Uploaded(message),
                (Ok(()), Step::Freeze) => Input::Frozen(message),
                (Err(refusal), _) => refusal.input(message),
            }
        }));
    }
}

/// What is under way beside the loop.
type Working = FuturesUnordered<BoxFuture<'static, Input>>;

/// Whether the store may have sends after those that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    Nothing,
    Perhaps,
}

/// What a look into the store brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Sends,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Upload,
    Freeze,
}

fn not_written(message: MessageId, error: impl ToString, work: &mut Working) {
    let error = error.to_string();
    work.push(Box::pin(
        async move { Input::NotWritten { message, error } },
    ));
}

/// Why a send could not be prepared.
pub(super) struct Refusal {
    pub(super) error: String,
    pub(super) fatal: Option<FailReason>,
}

impl Refusal {
    /// Worth another try.
    pub(super) fn passing(error: impl ToString) -> Self {
        Self {
            error: error.to_string(),
            fatal: None,
        }
    }

    /// No retry can help.
    pub(super) fn fatal(reason: FailReason) -> Self {
        Self {
            error: String::new(),
            fatal: Some(reason),
        }
    }

    pub(super) fn input(self, message: MessageId) -> Input {
        Input::NotPrepared {
            message,
            error: self.error,
            fatal: self.fatal,
        }
    }
}

fn rate(burst: u32, gap_ms: u64) -> Rate {
    Rate {
        burst,
        gap: Duration::millis(gap_ms),
    }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait.into()).await,
        None => std::future::pending().await,
    }
}
