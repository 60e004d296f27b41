//! The loop that looks after messages that never came: the engine's [`Gaps`] with a store to compare
//! with, a connection to ask the phone over, a log, metrics and events.

use super::context::Context;
use super::notes::{self, Note};
use super::reception::Taken;
use crate::clock;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use waypost_engine::fleet::gaps::{
    ASK_COUNT, Backlog, CHATS_MAX, Effect, FirstHistory, Gap, Gaps, HELD_MAX, Input, Mark, News,
    Piece, Question, Reference,
};
use waypost_engine::model::event::kind;
use waypost_engine::model::{AccountId, Content, Duration, Inbound, Origin, Quote, Timestamp};
use waypost_store::admin::gaps::{GapNote, TAKEN_UP_FOR};
use waypost_store::{Accepted, StoreError};
use waypost_wa::{Connection, Kept};

/// Reports waiting for one account's loop. The way of messages never waits for it: at the limit what
/// it noticed is left out, and logged.
const REPORTS_MAX: usize = 1_024;

/// Since when an account is linked, and up to when its messages came.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Since {
    linked_at: Timestamp,
    caught_up_at: Timestamp,
    /// What of the history that comes at linking is awaited still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    history: Option<FirstHistory>,
}

/// What is reported to the loop.
#[derive(Debug)]
enum Report {
    /// A phone has accepted this device.
    Linked,
    /// A piece of its history came.
    Piece(Piece),
    /// A backlog ended.
    Synced(Kept, Backlog),
    /// Messages were stored.
    Accepted(Vec<Seen>),
    /// A message was read on the phone that is not here.
    ReadElsewhere { wire_id: String, by: Mark },
    /// The phone answered.
    Recalled {
        request: String,
        given: u32,
        oldest: Option<Mark>,
        stored: Vec<Mark>,
    },
}

/// A message that was handed to the store, as far as it matters here.
#[derive(Debug)]
pub(super) struct Seen {
    mark: Mark,
    origin: Origin,
    readable: Readable,
    says: Option<(Reference, String)>,
}

/// Whether a message has its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readable {
    Yes,
    No,
}

/// The message that this one says something about.
fn says(content: &Content) -> Option<(Reference, String)> {
    let quoted = |quote: &Option<Quote>| {
        let quote = quote.as_ref()?;
        Some((Reference::Quoted, quote.wire_id.clone()))
    };
    match content {
        Content::Text { quote, .. } | Content::Media { quote, .. } => quoted(quote),
        Content::Reaction { target, .. } => Some((Reference::Reacted, target.clone())),
        Content::Edit { target, .. } => Some((Reference::Edited, target.clone())),
        Content::Revoke { target } => Some((Reference::Deleted, target.clone())),
        _ => None,
    }
}

fn mark(message: &Inbound) -> Mark {
    Mark {
        chat: message.chat.clone(),
        wire_id: message.wire_id.clone(),
        from_me: message.from_me,
        sent_at: message.sent_at,
    }
}

/// Tells the loop what was noticed.
#[derive(Debug, Clone)]
pub(super) struct GapsHandle {
    reports: mpsc::Sender<Report>,
    /// Whether messages that arrive matter to anything that is missing.
    watching: Arc<AtomicBool>,
}

impl GapsHandle {
    /// What of these messages matters, before the store takes them; `None` for each that does not.
    pub(super) fn look(&self, messages: &[Inbound]) -> Vec<Option<Seen>> {
        let watching = self.watching.load(Ordering::Relaxed);
        let seen = messages.iter().map(|message| {
            let says = says(&message.content).filter(|_| !message.origin.is_past());
            let readable = match message.content {
                Content::Placeholder => Readable::No,
                _ => Readable::Yes,
            };
            let matters = watching || says.is_some() || readable == Readable::No;
            matters.then(|| Seen {
                mark: mark(message),
                origin: message.origin,
                readable,
                says,
            })
        });
        seen.collect()
    }

    /// The store took them; `outcomes` in the same order.
    pub(super) fn accepted(&self, seen: Vec<Option<Seen>>, outcomes: &[Accepted]) {
        let news: Vec<Seen> = seen
            .into_iter()
            .zip(outcomes)
            .filter(|(_, outcome)| !matches!(outcome, Accepted::Duplicate { .. }))
            .filter_map(|(seen, outcome)| {
                let mut seen = seen?;
                if matches!(outcome, Accepted::Repaired(_)) {
                    seen.origin = Origin::Repair;
                }
                Some(seen)
            })
            .collect();
        if news.is_empty() {
            return;
        }
        if self.reports.try_send(Report::Accepted(news)).is_err() {
            tracing::warn!(
                "too much to look after at once; what these messages tell of missing ones is left out"
            );
        }
    }

    /// A phone has accepted this device.
    pub(super) async fn linked(&self) {
        // A loop that has ended needs no reports; the same below.
        let _ = self.reports.send(Report::Linked).await;
    }

    /// A piece of the history that comes at linking was read, and handed to the store.
    pub(super) async fn piece(&self, piece: Piece) {
        let _ = self.reports.send(Report::Piece(piece)).await;
    }

    /// A backlog ended.
    pub(super) async fn synced(&self, kept: Kept, backlog: Backlog) {
        let _ = self.reports.send(Report::Synced(kept, backlog)).await;
    }

    /// A message was read on the phone that is not here.
    pub(super) async fn read_elsewhere(
        &self,
        chat: waypost_engine::model::Address,
        wire_id: String,
    ) {
        let by = Mark {
            chat,
            wire_id: wire_id.clone(),
            from_me: false,
            sent_at: clock::now(),
        };
        let _ = self
            .reports
            .send(Report::ReadElsewhere { wire_id, by })
            .await;
    }

    /// The phone answered: it gave so many messages, and these were not here before.
    pub(super) async fn recalled(
        &self,
        request: String,
        given: u32,
        messages: &[Inbound],
        taken: &[Taken],
    ) {
        let stored = messages
            .iter()
            .zip(taken)
            .filter(|(_, taken)| **taken == Taken::Stored);
        let report = Report::Recalled {
            request,
            given,
            oldest: messages.first().map(mark),
            stored: stored.map(|(message, _)| mark(message)).collect(),
        };
        let _ = self.reports.send(report).await;
    }
}

/// The loop.
pub(super) struct GapWatch {
    context: Arc<Context>,
    account: AccountId,
    connection: watch::Receiver<Option<Connection>>,
    reports: mpsc::Receiver<Report>,
    watching: Arc<AtomicBool>,
    gaps: Option<Gaps>,
    since: Option<Since>,
    /// The question that is waited for.
    asked: Option<String>,
}

impl GapWatch {
    pub(super) fn new(
        context: Arc<Context>,
        account: AccountId,
        connection: watch::Receiver<Option<Connection>>,
    ) -> (Self, GapsHandle) {
        let (sender, reports) = mpsc::channel(REPORTS_MAX);
        let watching = Arc::new(AtomicBool::new(false));
        let handle = GapsHandle {
            reports: sender,
            watching: Arc::clone(&watching),
        };
        let watch = Self {
            context,
            account,
            connection,
            reports,
            watching,
            gaps: None,
            since: None,
            asked: None,
        };
        (watch, handle)
    }

    /// Looks after them until told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            let due = self.due();
            tokio::select! {
                () = stop.cancelled() => return,
                changed = self.connection.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.connected().await;
                }
                Some(report) = self.reports.recv() => self.reported(report).await,
                () = due => self.step(Input::Tick).await,
            }
        }
    }

    fn due(&self) -> impl Future<Output = ()> + use<> {
        let at = self.gaps.as_ref().and_then(Gaps::wake_at);
        let wait = at.map(|at| at.since(clock::now()).max(Duration::millis(1)));
        async move {
            match wait {
                Some(wait) => tokio::time::sleep(wait.into()).await,
                None => std::future::pending().await,
            }
        }
    }

    async fn connected(&mut self) {
        if self.connection.borrow_and_update().is_none() {
            self.asked = None;
            return self.step(Input::Offline).await;
        }
        self.begin().await;
        self.step(Input::Online).await;
    }

    async fn begin(&mut self) {
        if let Err(error) = self.take_up().await {
            tracing::error!(account = %self.account, %error, "what is missing cannot be read");
        }
    }

    /// Begins with what was known, or anew after a new link: what was noted goes with the session.
    async fn take_up(&mut self) -> Result<(), StoreError> {
        let (store, now) = (&self.context.store, clock::now());
        let noted: Option<Since> = notes::read(store, self.account, Note::Gaps).await?;
        if noted.is_some() && self.gaps.is_some() {
            return Ok(());
        }
        let since = match noted {
            Some(since) => since,
            None => {
                let since = Since {
                    linked_at: now,
                    caught_up_at: now,
                    history: None,
                };
                notes::write(store, self.account, Note::Gaps, &since).await?;
                since
            }
        };
        let from = now - TAKEN_UP_FOR;
        let known = store.unfilled_gaps(self.account, from, HELD_MAX).await?;
        let waits = self.context.config.gaps.waits();
        let gaps = Gaps::new(waits, since.linked_at, since.caught_up_at, known);
        let gaps = gaps.awaiting(since.history.clone());
        (self.gaps, self.since) = (Some(gaps), Some(since));
        for mark in store.unreadable(self.account, CHATS_MAX).await? {
            self.step(Input::Unreadable(mark)).await;
        }
        Ok(())
    }

    async fn reported(&mut self, report: Report) {
        // A report may overtake the news that its connection is up.
        if self.gaps.is_none() {
            self.begin().await;
        }
        match report {
            Report::Linked => {
                // What was known belongs to the link before this one.
                self.begin().await;
                self.step(Input::Linked).await;
            }
            Report::Piece(piece) => self.step(Input::Piece(piece)).await,
            // What it owes comes with the next connection.
            Report::Synced(_, Backlog::Interrupted) => {}
            Report::Synced(kept, backlog) => {
                let Kept { announced, arrived } = kept;
                let account = self.account;
                tracing::info!(%account, announced, arrived, ?backlog, "messages kept while away");
                let synced = Input::Synced {
                    announced,
                    arrived,
                    backlog,
                };
                self.step(synced).await;
            }
            Report::Accepted(news) => self.accepted(news).await,
            Report::ReadElsewhere { wire_id, by } => {
                self.named(Reference::ReadElsewhere, wire_id, by).await;
            }
            Report::Recalled {
                request,
                given,
                oldest,
                stored,
            } => {
                let question = if self.asked.as_ref() == Some(&request) {
                    self.asked = None;
                    Question::Asked
                } else {
                    Question::Other
                };
                let answered = Input::Answered {
                    question,
                    given,
                    oldest,
                    stored,
                };
                self.step(answered).await;
            }
        }
    }

    async fn accepted(&mut self, news: Vec<Seen>) {
        let mut repaired = Vec::new();
        for seen in news {
            if let Some((reference, wire_id)) = seen.says {
                self.named(reference, wire_id, seen.mark.clone()).await;
            }
            match (seen.readable, seen.origin) {
                (Readable::No, _) => self.step(Input::Unreadable(seen.mark)).await,
                // A backlog's own messages may be committed after its end was told: they fill no number.
                (Readable::Yes, Origin::Offline | Origin::Own) => repaired.push(seen.mark),
                (Readable::Yes, Origin::Repair) => repaired.push(seen.mark),
                (Readable::Yes, Origin::Live) => self.step(Input::Spoke(seen.mark)).await,
                (Readable::Yes, Origin::History | Origin::Backfill | Origin::Sent) => {}
            }
        }
        if !repaired.is_empty() {
            self.step(Input::Repaired(repaired)).await;
        }
    }

    /// Something is said about a message, which may not be here.
    async fn named(&mut self, reference: Reference, wire_id: String, by: Mark) {
        let here = self.context.store.is_here(self.account, wire_id.clone());
        match here.await {
            Ok(true) => {}
            Ok(false) => {
                let named = Input::Named {
                    reference,
                    wire_id,
                    by,
                };
                self.step(named).await;
            }
            Err(error) => {
                tracing::error!(account = %self.account, %error, "whether a message is here cannot be read");
            }
        }
    }

    /// Takes what was learned and does what follows, and what follows of that.
    async fn step(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let Some(gaps) = &mut self.gaps else {
                return;
            };
            for effect in gaps.step(input, clock::now()) {
                match self.act(effect).await {
                    Ok(next) => inputs.extend(next),
                    Err(error) => {
                        tracing::error!(account = %self.account, %error, "what is missing cannot be stored");
                    }
                }
            }
        }
        let watching = self.gaps.as_ref().is_some_and(Gaps::is_watching);
        self.watching.store(watching, Ordering::Relaxed);
    }

    async fn act(&mut self, effect: Effect) -> Result<Option<Input>, StoreError> {
        let (store, account) = (&self.context.store, self.account);
        match effect {
            Effect::Keep(gap, news) => self.keep(gap, news).await.map(|()| None),
            Effect::Drop(gap) => store.drop_gap(account, gap.key).await.map(|()| None),
            Effect::Check { key, wire_id } => {
                let here = store.is_here(account, wire_id).await?;
                Ok(Some(Input::Checked { key, here }))
            }
            Effect::Look(gap) => {
                let behind = self.behind(&gap).await.unwrap_or_else(|error| {
                    tracing::error!(%account, %error, "messages behind a hole cannot be read");
                    Vec::new()
                });
                let key = gap.key;
                Ok(Some(Input::Found { key, behind }))
            }
            Effect::Ask(before) => Ok(self.ask(before).await),
            Effect::Await(history) => {
                if let Some(since) = &mut self.since {
                    since.history = history;
                    notes::write(store, account, Note::Gaps, since).await?;
                }
                Ok(None)
            }
            Effect::CaughtUp(at) => {
                if let Some(since) = &mut self.since {
                    since.caught_up_at = at;
                    notes::write(store, account, Note::Gaps, since).await?;
                }
                Ok(None)
            }
        }
    }

    /// Messages behind the hole, from which it can be asked for.
    async fn behind(&self, gap: &Gap) -> Result<Vec<Mark>, StoreError> {
        let (store, account) = (&self.context.store, self.account);
        match &gap.wire_id {
            Some(wire_id) => {
                let next = store.next_after(account, wire_id.clone()).await?;
                Ok(next.into_iter().collect())
            }
            None => store.newest_since(account, gap.since, CHATS_MAX).await,
        }
    }

    async fn ask(&mut self, before: Mark) -> Option<Input> {
        let connection = self.connection.borrow().clone();
        let Some(connection) = connection else {
            return Some(Input::NotAsked);
        };
        let wait = self.context.config.gaps.waits().answer;
        let asking = connection.ask_before(&before, ASK_COUNT);
        let asked = tokio::time::timeout(wait.into(), asking).await;
        metrics::counter!("waypost_gap_questions_total").increment(1);
        match asked {
            Ok(Ok(request)) => {
                self.asked = Some(request);
                None
            }
            Ok(Err(error)) => {
                tracing::info!(account = %self.account, %error, "the phone cannot be asked for older messages now");
                Some(Input::NotAsked)
            }
            Err(_) => Some(Input::NotAsked),
        }
    }

    async fn keep(&self, gap: Gap, news: News) -> Result<(), StoreError> {
        let (account, name) = (self.account, gap.kind.as_str());
        let event = match news {
            News::None => None,
            News::Found => {
                let missing = gap.missing();
                tracing::warn!(%account, kind = name, missing, "messages are missing");
                metrics::counter!("waypost_messages_missed_total", "kind" => name)
                    .increment(missing.into());
                Some((kind::GAP_FOUND, Vec::new()))
            }
            News::Filled(messages) => {
                let (filled, missing) = (messages.len(), gap.missing());
                tracing::info!(%account, kind = name, filled, missing, "missing messages came after all");
                metrics::counter!("waypost_messages_backfilled_total", "kind" => name)
                    .increment(filled as u64);
                Some((kind::GAP_FILLED, messages))
            }
        };
        let note = GapNote { gap, event };
        let store = &self.context.store;
        store.put_gap(account, note, clock::now()).await
    }
}
