//! One endpoint's work: its blocked conversations whose time has come, then what is new.

use super::Office;
use super::form::Form;
use super::letter;
use super::send::{Answer, Letter};
use crate::auth::random_bytes;
use crate::clock;
use crate::compat::{evolution, waha};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use waypost_engine::flow::retry::Jitter;
use waypost_engine::flow::webhook::{DisableReason, Record, Verdict, after_attempt};
use waypost_engine::model::{Duration as Span, EndpointId, Event, Timestamp, WorkspaceId};
use waypost_store::admin::deliveries::NewDelivery;
use waypost_store::admin::endpoints::{
    Advance, Advanced, Blocked, DisabledReason, Endpoint, HeadOutcome, Lane, NewBlock, Secrets,
};
use waypost_store::{EventFilter, EventPage, ResyncReason, StoreError};

/// Events read at a time.
const BATCH: usize = 64;
/// Blocked conversations tried at a time.
const HEADS: u16 = 32;
/// How long one conversation may occupy a batch; its further events wait in its backlog.
const LANE_BUDGET: Span = Span::secs(20);
/// How many unwanted events are passed before the cursor is written.
const LAZY: i64 = 1_000;
/// How often an idle endpoint looks by itself.
const IDLE: Duration = Duration::from_secs(2);
/// How long a full backlog keeps new events in the log.
const FULL_WAIT: Span = Span::secs(30);
/// How long to wait when the store fails.
const TROUBLE_WAIT: Duration = Duration::from_secs(1);

/// One endpoint's task.
pub(super) struct Desk {
    office: Office,
    id: EndpointId,
    workspace: WorkspaceId,
    /// The cursor as last seen in the store; another value means that somebody moved it.
    known: i64,
    /// How far was read. Ahead of the cursor while nothing was wanted.
    read: i64,
    full_until: Option<Timestamp>,
}

/// What to do next.
enum Next {
    /// Go on at once.
    More,
    /// Nothing to do until something happens.
    Wait,
    /// The endpoint is gone or switched off.
    End,
}

impl Desk {
    pub(super) fn new(office: Office, endpoint: &Endpoint) -> Self {
        Self {
            office,
            id: endpoint.id,
            workspace: endpoint.workspace,
            known: endpoint.position,
            read: endpoint.position,
            full_until: None,
        }
    }

    pub(super) async fn run(mut self) {
        let mut bell = self.office.store.subscribe();
        while !self.office.stop.is_cancelled() {
            bell.borrow_and_update();
            match self.round().await {
                Ok(Next::More) => {}
                Ok(Next::End) | Err(StoreError::Closed | StoreError::NotFound { .. }) => return,
                Ok(Next::Wait) => {
                    let pause = self.pause().await;
                    tokio::select! {
                        () = self.office.stop.cancelled() => return,
                        rung = bell.changed() => if rung.is_err() { return },
                        () = tokio::time::sleep(pause) => {}
                    }
                }
                Err(error) => {
                    tracing::warn!(endpoint = %self.id, %error, "webhooks wait for the store");
                    tokio::time::sleep(TROUBLE_WAIT).await;
                }
            }
        }
    }

    /// Until the next blocked conversation is due, but not for long.
    async fn pause(&self) -> Duration {
        match self.office.store.blocked_next(self.id).await {
            Ok(Some(at)) => Duration::from(at.since(clock::now())).min(IDLE),
            _ => IDLE,
        }
    }

    async fn round(&mut self) -> Result<Next, StoreError> {
        let endpoint = self.office.store.endpoint(self.workspace, self.id).await?;
        if endpoint.disabled.is_some() {
            return Ok(Next::End);
        }
        if endpoint.position != self.known {
            (self.known, self.read) = (endpoint.position, endpoint.position);
        }
        let secrets = self
            .office
            .store
            .endpoint_secrets(self.id, clock::now())
            .await?;
        let heads = self
            .office
            .store
            .blocked_due(self.id, clock::now(), HEADS)
            .await?;
        if !heads.is_empty() {
            return self.retry(&endpoint, &secrets, heads).await;
        }
        if self.full_until.is_some_and(|until| clock::now() < until) {
            return Ok(Next::Wait);
        }
        self.forward(&endpoint, &secrets).await
    }

    /// Tries the heads of blocked conversations, side by side.
    async fn retry(
        &mut self,
        endpoint: &Endpoint,
        secrets: &Secrets,
        heads: Vec<Blocked>,
    ) -> Result<Next, StoreError> {
        let mut tries: FuturesUnordered<_> = heads
            .into_iter()
            .map(|head| self.retry_one(endpoint, secrets, head))
            .collect();
        let mut disable = None;
        while let Some(done) = tries.next().await {
            disable = done?.or(disable);
        }
        drop(tries);
        self.full_until = None;
        self.after(disable).await
    }

    async fn retry_one(
        &self,
        endpoint: &Endpoint,
        secrets: &Secrets,
        head: Blocked,
    ) -> Result<Option<DisableReason>, StoreError> {
        if self.office.stop.is_cancelled() {
            return Ok(None);
        }
        let body = match head.body {
            Some(frozen) => Some(frozen),
            None => self.body(endpoint, &head.event).await?,
        };
        let Some(body) = body else {
            return self.pass(head.lane, head.event.position).await;
        };
        let tried = self
            .attempt(endpoint, secrets, &head.event, body.clone())
            .await;
        let attempts = head.attempts.saturating_add(1);
        let first_at = if head.attempts == 0 {
            tried.at
        } else {
            head.since
        };
        let judged = judge(endpoint, &tried, attempts, first_at);
        let outcome = match judged.verdict {
            Verdict::Delivered => HeadOutcome::Delivered,
            Verdict::GiveUp => HeadOutcome::GivenUp,
            Verdict::Again { .. } | Verdict::Disable(_) => HeadOutcome::Failed {
                body,
                next_at: judged.next_at,
                error: tried.answer.error.clone().unwrap_or_default(),
            },
        };
        let log = Some(entry(&head.event, attempts, &tried));
        let position = head.event.position;
        let now = clock::now();
        match self
            .office
            .store
            .settle_blocked(self.id, head.lane, position, outcome, log, now)
            .await
        {
            // A recovery moved the cursor meanwhile; what was delivered is delivered again.
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(judged.disable),
            Err(error) => Err(error),
        }
    }

    /// Delivers what is new: conversations side by side, each in order.
    async fn forward(
        &mut self,
        endpoint: &Endpoint,
        secrets: &Secrets,
    ) -> Result<Next, StoreError> {
        let Some(page) = self.page().await? else {
            return Ok(Next::More);
        };
        let to = page.next.position;
        let wanted: Vec<Event> = page
            .events
            .into_iter()
            .filter(|event| endpoint.wants(event))
            .collect();
        self.read = to;
        let next = if page.more { Next::More } else { Next::Wait };
        if wanted.is_empty() && to - self.known < LAZY {
            return Ok(next);
        }
        let blocked: HashSet<Lane> = self
            .office
            .store
            .blocked_lanes(self.id)
            .await?
            .into_iter()
            .collect();
        let mut step = Advance {
            from: self.known,
            to,
            ..Advance::default()
        };
        let mut lanes: BTreeMap<Option<i64>, Vec<Event>> = BTreeMap::new();
        for event in wanted {
            if blocked.contains(&event.conversation) {
                step.deferred.push((event.conversation, event.position));
            } else {
                lanes
                    .entry(event.conversation.map(|id| id.raw()))
                    .or_default()
                    .push(event);
            }
        }
        let mut running: FuturesUnordered<_> = lanes
            .into_values()
            .map(|lane| self.lane(endpoint, secrets, lane))
            .collect();
        let mut disable = None;
        while let Some(done) = running.next().await {
            step.blocked.extend(done.blocked);
            step.deferred.extend(done.deferred);
            step.log.extend(done.log);
            disable = done.disable.or(disable);
        }
        drop(running);
        step.log
            .sort_by_key(|attempt| (attempt.at, attempt.position));
        step.deferred.sort_by_key(|(_, position)| *position);
        match self
            .office
            .store
            .advance_endpoint(self.id, step, clock::now())
            .await?
        {
            Advanced::Done => self.known = to,
            Advanced::Moved => return Ok(Next::More),
            Advanced::BacklogFull => {
                tracing::warn!(endpoint = %self.id, "its backlog is full; new events stay in the log");
                self.read = self.known;
                self.full_until = Some(clock::now() + FULL_WAIT);
                return self.after(disable).await.map(|_| Next::Wait);
            }
        }
        match self.after(disable).await? {
            Next::End => Ok(Next::End),
            _ => Ok(next),
        }
    }

    /// The next events; `None` after the cursor had to jump over removed ones.
    async fn page(&mut self) -> Result<Option<EventPage>, StoreError> {
        let store = &self.office.store;
        let filter = EventFilter::all(self.workspace);
        match store
            .events_after(store.cursor_at(self.read), filter, BATCH)
            .await
        {
            Ok(page) => Ok(Some(page)),
            Err(StoreError::Resync {
                why: ResyncReason::Pruned,
            }) => {
                let to = self.first_kept().await?;
                tracing::warn!(endpoint = %self.id, "events it never got were removed, being too old");
                let step = Advance {
                    from: self.known,
                    to,
                    ..Advance::default()
                };
                store.advance_endpoint(self.id, step, clock::now()).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The position before the oldest event that is kept, found by halving.
    async fn first_kept(&self) -> Result<i64, StoreError> {
        let store = &self.office.store;
        let (mut gone, mut kept) = (self.read, store.head());
        while kept - gone > 1 {
            let middle = gone + (kept - gone) / 2;
            let filter = EventFilter::all(self.workspace);
            match store.events_after(store.cursor_at(middle), filter, 1).await {
                Ok(_) => kept = middle,
                Err(StoreError::Resync {
                    why: ResyncReason::Pruned,
                }) => gone = middle,
                Err(error) => return Err(error),
            }
        }
        Ok(kept)
    }

    /// One conversation's events in order, up to the first that fails.
    async fn lane(&self, endpoint: &Endpoint, secrets: &Secrets, events: Vec<Event>) -> LaneDone {
        let started = clock::now();
        let mut done = LaneDone::default();
        let mut events = events.into_iter();
        for event in events.by_ref() {
            let lane = event.conversation;
            if self.office.stop.is_cancelled() || clock::now().since(started) > LANE_BUDGET {
                done.deferred.push((lane, event.position));
                break;
            }
            let body = match self.body(endpoint, &event).await {
                Ok(Some(body)) => body,
                // Nothing in it that this endpoint has a word for.
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(endpoint = %self.id, %error, "a webhook cannot be written yet");
                    done.deferred.push((lane, event.position));
                    break;
                }
            };
            let tried = self.attempt(endpoint, secrets, &event, body.clone()).await;
            done.log.push(entry(&event, 1, &tried));
            let judged = judge(endpoint, &tried, 1, tried.at);
            if matches!(judged.verdict, Verdict::Delivered | Verdict::GiveUp) {
                continue;
            }
            done.disable = judged.disable;
            done.blocked = Some(NewBlock {
                lane,
                position: event.position,
                body,
                next_at: judged.next_at,
                error: tried.answer.error.unwrap_or_default(),
            });
            break;
        }
        done.deferred
            .extend(events.map(|event| (event.conversation, event.position)));
        done
    }

    /// What is sent for an event; `None` when the endpoint's form has no word for it.
    async fn body(
        &self,
        endpoint: &Endpoint,
        event: &Event,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        match Form::split(&endpoint.url).0 {
            Form::Own => Ok(Some(letter::body(event))),
            Form::Waha => waha::hooks::body(&self.office.store, event).await,
            Form::Evolution => {
                let (store, fleet) = (&self.office.store, &*self.office.fleet);
                evolution::hooks::body(store, fleet, event).await
            }
        }
    }

    /// Leaves out an event of a blocked conversation that there is nothing to send for.
    async fn pass(&self, lane: Lane, position: i64) -> Result<Option<DisableReason>, StoreError> {
        let store = &self.office.store;
        let settled = store
            .settle_blocked(
                self.id,
                lane,
                position,
                HeadOutcome::Delivered,
                None,
                clock::now(),
            )
            .await;
        match settled {
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn attempt(
        &self,
        endpoint: &Endpoint,
        secrets: &Secrets,
        event: &Event,
        body: Vec<u8>,
    ) -> Tried {
        // The semaphore is never closed; without a turn the attempt is simply made.
        let _turn = self.office.turns.acquire().await;
        let at = clock::now();
        let letter = Letter {
            url: &endpoint.url,
            id: letter::id(event.id),
            body,
            at,
        };
        Tried {
            at,
            answer: self.office.sender.send(letter, secrets).await,
        }
    }

    /// Switches the endpoint off when that is the verdict.
    async fn after(&self, disable: Option<DisableReason>) -> Result<Next, StoreError> {
        let Some(reason) = disable else {
            return Ok(Next::More);
        };
        tracing::warn!(endpoint = %self.id, "{}", reason.explain());
        let reason = match reason {
            DisableReason::Gone => DisabledReason::Gone,
            DisableReason::FailingTooLong => DisabledReason::Failing,
        };
        self.office
            .store
            .disable_endpoint(self.workspace, self.id, reason, clock::now())
            .await?;
        Ok(Next::End)
    }
}

/// What came of one conversation's share of a batch.
#[derive(Default)]
struct LaneDone {
    blocked: Option<NewBlock>,
    deferred: Vec<(Lane, i64)>,
    log: Vec<NewDelivery>,
    disable: Option<DisableReason>,
}

struct Tried {
    at: Timestamp,
    answer: Answer,
}

struct Judged {
    verdict: Verdict,
    next_at: Timestamp,
    disable: Option<DisableReason>,
}

fn judge(endpoint: &Endpoint, tried: &Tried, attempts: u32, first_at: Timestamp) -> Judged {
    let record = Record {
        attempts,
        first_at,
        failing_since: endpoint.failing_since.unwrap_or(tried.at),
    };
    let now = clock::now();
    let jitter = Jitter::from_random(u64::from_le_bytes(random_bytes()));
    let verdict = after_attempt(tried.answer.attempt, record, now, jitter);
    match verdict {
        Verdict::Again { at } => Judged {
            verdict,
            next_at: at,
            disable: None,
        },
        Verdict::Disable(reason) => Judged {
            verdict,
            next_at: now,
            disable: Some(reason),
        },
        Verdict::Delivered | Verdict::GiveUp => Judged {
            verdict,
            next_at: now,
            disable: None,
        },
    }
}

fn entry(event: &Event, attempt: u32, tried: &Tried) -> NewDelivery {
    NewDelivery {
        event: event.id,
        position: event.position,
        attempt,
        at: tried.at,
        status: tried.answer.status,
        error: tried.answer.error.clone(),
        response: tried.answer.response.clone(),
        duration_ms: tried.answer.duration_ms,
    }
}
