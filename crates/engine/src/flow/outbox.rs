//! The outbox: when each committed send goes out, and what becomes of it.
//!
//! One [`Outbox`] serves one account. Per conversation sends go out in order, one in flight until
//! WhatsApp's server has answered: two at once could overtake each other. A send without an answer
//! is repeated under the same id over a new connection, so the recipient's app drops the double. A
//! head that is being retried holds up its own conversation only.
//!
//! The outbox decides and remembers nothing that the store does not know: after a restart it is
//! built again from the sends that are not final.

pub use super::sends::{
    Done, Effect, Entry, Found, Input, NumberCheck, OutboxConfig, Parcel, Readiness,
};
pub use super::waiting::Waiting;

use super::caution::{Caution, CautionConfig, Chat, LOOK_AGAIN, Verdict};
use super::lanes::{Lanes, Offered, Refill};
use super::rate::Bucket;
use super::retry::{Jitter, doubled};
use crate::model::address::Address;
use crate::model::id::MessageId;
use crate::model::send::FailReason;
use crate::model::time::{Duration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long the server may take to answer before the connection counts as dead.
pub const ACK_TIMEOUT_DEFAULT: Duration = Duration::secs(20);
/// Attempts of one send; then it fails and goes to the dead letters.
pub const ATTEMPTS_MAX_DEFAULT: u32 = 10;
/// Wait after the first failed attempt; doubled each time.
pub const RETRY_BASE: Duration = Duration::secs(2);
/// Longest wait between two attempts.
pub const RETRY_CAP: Duration = Duration::mins(10);
/// Recipients whose pace is remembered. Above it those who may be sent to at once are forgotten;
/// that changes nothing for them.
pub const RECIPIENTS_MAX: usize = 10_000;
/// Longest error text kept with a send, in bytes; the rest is cut.
pub const ERROR_LEN_MAX: usize = 300;

/// WhatsApp's answer when the account may not start new chats for now.
const RESTRICTED: u32 = 463;
/// Answers worth another try: too fast, or trouble on the server's side.
const RETRYABLE: [u32; 4] = [429, 500, 502, 503];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Checking,
    Typing {
        until: Timestamp,
    },
    Uploading,
    Freezing,
    /// Handed to the socket; answered by then, or the connection counts as dead.
    Sending {
        until: Timestamp,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Up,
    Down,
    /// We asked for a new connection.
    Replacing,
}

/// One account's outbox.
#[derive(Debug)]
pub struct Outbox {
    config: OutboxConfig,
    lanes: Lanes<Parcel>,
    active: BTreeMap<MessageId, Phase>,
    deadlines: BTreeSet<(Timestamp, MessageId)>,
    link: Link,
    caution: Caution,
    /// Strangers who were written to meanwhile; what follows is no new chat.
    begun: BTreeSet<Address>,
    account: Bucket,
    recipients: BTreeMap<Address, Bucket>,
}

impl Outbox {
    /// An empty outbox, not connected; [`Outbox::refill`] asks for the unfinished sends. `caution` is
    /// what the account has begun lately.
    #[must_use]
    pub fn new(config: OutboxConfig, caution: Caution) -> Self {
        Self {
            config,
            lanes: Lanes::new(config.lanes),
            active: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            link: Link::Down,
            caution,
            begun: BTreeSet::new(),
            account: Bucket::default(),
            recipients: BTreeMap::new(),
        }
    }

    /// A send that was just committed.
    pub fn queued(&mut self, entry: Entry) -> Offered {
        self.lanes.offer(entry)
    }

    /// The sends to read from the store, when some wait there; see [`Lanes::refill`].
    pub fn refill(&mut self) -> Option<Refill> {
        self.lanes.refill()
    }

    /// The answer to [`Outbox::refill`]: sends that are not final, in order.
    pub fn refilled(&mut self, request: Refill, entries: Vec<Entry>) {
        self.lanes.refilled(request, entries);
    }

    /// The store could not be read; asked again by the next [`Outbox::refill`].
    pub fn refill_failed(&mut self) {
        self.lanes.refill_failed();
    }

    /// Two conversations turned out to be one.
    pub fn merged(
        &mut self,
        from: crate::model::id::ConversationId,
        into: crate::model::id::ConversationId,
    ) {
        self.lanes.merged(from, into);
    }

    /// Takes what happened and says what to do, in this order. Call it with [`Input::Tick`] after
    /// [`Outbox::queued`] and [`Outbox::refilled`], and at [`Outbox::wake_at`].
    pub fn step(&mut self, input: Input, now: Timestamp, jitter: Jitter) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Connected => {
                self.interrupt(now, jitter, &mut effects);
                self.link = Link::Up;
            }
            Input::Disconnected => {
                self.link = Link::Down;
                self.interrupt(now, jitter, &mut effects);
            }
            Input::Uploaded(message) => {
                self.prepared(message, Readiness::NeedsFreeze, now, jitter, &mut effects)
            }
            Input::Frozen(message) => {
                self.prepared(message, Readiness::Frozen, now, jitter, &mut effects);
            }
            Input::NotPrepared {
                message,
                fatal: Some(reason),
                ..
            } => {
                self.settle(message);
                effects.push(Effect::Fail(message, reason));
            }
            Input::NotPrepared {
                message,
                error,
                fatal: None,
            } => {
                self.attempt_failed(message, error, now, jitter, &mut effects);
            }
            Input::Checked { message, found } => {
                self.checked(message, found, now, jitter, &mut effects);
            }
            Input::Told(until) => self.caution.told(until),
            Input::Written(_) | Input::Tick => {}
            Input::NotWritten { message, error } => {
                if self.is_sending(message) {
                    self.attempt_failed(message, error, now, jitter, &mut effects);
                }
            }
            Input::Acked { message, error } => {
                self.acked(message, error, now, jitter, &mut effects)
            }
            Input::Cancel(message) => {
                if !self.active.contains_key(&message) {
                    self.settle(message);
                    effects.push(Effect::Fail(message, FailReason::Cancelled));
                }
            }
        }
        self.check_deadlines(now, jitter, &mut effects);
        self.start(now, jitter, &mut effects);
        effects
    }

    /// What the account has begun lately, to be kept over restarts.
    #[must_use]
    pub fn caution(&self) -> &Caution {
        &self.caution
    }

    /// What the account had begun before this outbox was made.
    pub fn remember(&mut self, caution: Caution) {
        self.caution = caution;
    }

    /// The limits under which it sends.
    #[must_use]
    pub fn config(&self) -> &OutboxConfig {
        &self.config
    }

    /// When to call [`Outbox::step`] again with [`Input::Tick`] if nothing else happens first.
    #[must_use]
    pub fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        if self.link != Link::Up {
            return deadline;
        }
        let pace = self.account.free_at(self.config.per_account, now);
        let next = self
            .lanes
            .wake_at()
            .map(|at| if at <= now { pace.max(at) } else { at });
        let paced = (pace > now && self.lanes.held() > self.lanes.running()).then_some(pace);
        [deadline, next, paced].into_iter().flatten().min()
    }

    /// Why a send has not gone out yet.
    #[must_use]
    pub fn why_waiting(&self, message: MessageId, now: Timestamp) -> Waiting {
        match self.active.get(&message) {
            Some(Phase::Checking) => return Waiting::NumberCheck,
            Some(Phase::Typing { until }) => return Waiting::Typing { until: *until },
            Some(Phase::Uploading) => return Waiting::MediaUpload,
            Some(Phase::Sending { .. }) => return Waiting::InFlight,
            Some(Phase::Freezing) => return Waiting::Next,
            None => {}
        }
        if self.link != Link::Up {
            return Waiting::NotConnected;
        }
        let Some(entry) = self.lanes.get(message) else {
            return Waiting::Behind { message: None };
        };
        if let Some(head) = self.lanes.head_before(message) {
            return Waiting::Behind {
                message: Some(head),
            };
        }
        match &entry.work.last_error {
            Some(error) if entry.next_at > now => {
                return Waiting::Retry {
                    at: entry.next_at,
                    error: error.clone(),
                };
            }
            _ => {}
        }
        let held = self.held_back(entry, now);
        if let Verdict::Wait { by, until } = held {
            return Waiting::HeldBack { by, until };
        }
        let until = self.recipient_free_at(&entry.work.to, now);
        let until = until.max(self.account.free_at(self.config.per_account, now));
        if until > now {
            Waiting::RateLimited { until }
        } else {
            Waiting::Next
        }
    }

    /// Why sends wait: each reason with how many it holds and its earliest end, the commonest first.
    /// At most `most` sends are looked at; what is only in the store is not among them.
    #[must_use]
    pub fn waiting(&self, most: usize, now: Timestamp) -> Vec<(Waiting, usize)> {
        let mut reasons: Vec<(Waiting, usize)> = Vec::new();
        for message in self.lanes.messages().take(most) {
            let why = self.why_waiting(message, now);
            match reasons
                .iter_mut()
                .find(|(known, _)| known.code() == why.code())
            {
                Some((known, count)) => {
                    *count += 1;
                    if why.until() < known.until() {
                        *known = why;
                    }
                }
                None => reasons.push((why, 1)),
            }
        }
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        reasons
    }

    /// Sends held in memory.
    #[must_use]
    pub fn held(&self) -> usize {
        self.lanes.held()
    }

    /// Sends being prepared or awaiting the server's answer.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.active.len()
    }

    fn recipient_free_at(&self, to: &Address, now: Timestamp) -> Timestamp {
        let rate = self.config.per_recipient;
        self.recipients
            .get(to)
            .map_or(now, |bucket| bucket.free_at(rate, now))
    }

    /// The server accepted it: a stranger is none any more.
    fn went_through(&mut self, message: MessageId) {
        self.caution.accepted(self.chat_of(message));
        let entry = self.lanes.get(message);
        if let Some(parcel) = entry.map(|e| &e.work).filter(|p| p.chat == Chat::New) {
            if self.begun.len() >= RECIPIENTS_MAX {
                self.begun.clear();
            }
            self.begun.insert(parcel.to.clone());
        }
    }

    fn chat_of(&self, message: MessageId) -> Chat {
        let entry = self.lanes.get(message);
        entry.map_or(Chat::Answer, |entry| self.chat(&entry.work))
    }

    fn is_sending(&self, message: MessageId) -> bool {
        matches!(self.active.get(&message), Some(Phase::Sending { .. }))
    }

    /// Ends whatever is under way for a message, without removing it from its lane.
    fn release(&mut self, message: MessageId) {
        if let Some(Phase::Sending { until } | Phase::Typing { until }) =
            self.active.remove(&message)
        {
            self.deadlines.remove(&(until, message));
        }
    }

    fn settle(&mut self, message: MessageId) {
        self.release(message);
        self.lanes.removed(message);
    }

    /// Whether caution holds a send back. One that was begun before was counted then, and only a
    /// restriction stops it.
    fn held_back(&self, entry: &Entry, now: Timestamp) -> Verdict {
        let begun = entry.attempt > 0 || entry.work.done > Done::Nothing;
        let limits = if begun {
            &CautionConfig::OFF
        } else {
            &self.config.caution
        };
        self.caution.may(self.chat(&entry.work), limits, now)
    }

    fn chat(&self, parcel: &Parcel) -> Chat {
        match parcel.chat {
            Chat::New if self.begun.contains(&parcel.to) => Chat::Unasked,
            chat => chat,
        }
    }

    fn start(&mut self, now: Timestamp, jitter: Jitter, effects: &mut Vec<Effect>) {
        while self.link == Link::Up
            && self.account.free_at(self.config.per_account, now) <= now
            && let Some(entry) = self.lanes.next(now)
        {
            let free_at = self.recipient_free_at(&entry.work.to, now);
            if free_at > now {
                self.lanes.deferred(entry.message, free_at, entry.work);
                continue;
            }
            if let Verdict::Wait { until, .. } = self.held_back(&entry, now) {
                let look = until.min(now + LOOK_AGAIN);
                self.lanes.deferred(entry.message, look, entry.work);
                continue;
            }
            if entry.attempt == 0 && entry.work.done == Done::Nothing {
                self.caution.took(self.chat(&entry.work), now);
            }
            self.account.take(self.config.per_account, now);
            let bucket = self.recipients.entry(entry.work.to.clone()).or_default();
            bucket.take(self.config.per_recipient, now);
            self.advance(entry.message, &entry.work, now, jitter, effects);
        }
        if self.recipients.len() > RECIPIENTS_MAX {
            self.recipients.retain(|_, bucket| !bucket.is_full(now));
        }
    }

    fn advance(
        &mut self,
        message: MessageId,
        parcel: &Parcel,
        now: Timestamp,
        jitter: Jitter,
        effects: &mut Vec<Effect>,
    ) {
        let (phase, effect) = match parcel.readiness {
            _ if self.must_check(parcel) => (Phase::Checking, Effect::Check(message)),
            Readiness::NeedsUpload => (Phase::Uploading, Effect::Upload(message)),
            Readiness::NeedsFreeze => (Phase::Freezing, Effect::Freeze(message)),
            Readiness::Frozen => match self.config.human.typing(parcel.typed, jitter) {
                Some(time) if parcel.done < Done::Typed => {
                    let until = now + time;
                    (Phase::Typing { until }, Effect::Type(message, until))
                }
                _ => {
                    let until = now + self.config.ack_timeout;
                    (Phase::Sending { until }, Effect::Send(message))
                }
            },
        };
        if let Phase::Sending { until } | Phase::Typing { until } = phase {
            self.deadlines.insert((until, message));
        }
        self.active.insert(message, phase);
        effects.push(effect);
    }

    /// Only a number can be nobody's; every other address came from WhatsApp itself.
    fn must_check(&self, parcel: &Parcel) -> bool {
        self.config.number_check == NumberCheck::On
            && self.chat(parcel) == Chat::New
            && parcel.done == Done::Nothing
            && matches!(parcel.to, Address::Phone(_))
    }

    fn checked(
        &mut self,
        message: MessageId,
        found: Found,
        now: Timestamp,
        jitter: Jitter,
        effects: &mut Vec<Effect>,
    ) {
        if self.active.get(&message) != Some(&Phase::Checking) {
            return;
        }
        match found {
            Found::There => {
                let checked = |parcel: &mut Parcel| parcel.done = Done::Checked;
                self.go_on(message, checked, now, jitter, effects);
            }
            Found::Nobody => {
                self.settle(message);
                effects.push(Effect::Fail(message, FailReason::NotOnWhatsApp));
            }
        }
    }

    fn prepared(
        &mut self,
        message: MessageId,
        readiness: Readiness,
        now: Timestamp,
        jitter: Jitter,
        effects: &mut Vec<Effect>,
    ) {
        let expected = match readiness {
            Readiness::NeedsUpload => return,
            Readiness::NeedsFreeze => Phase::Uploading,
            Readiness::Frozen => Phase::Freezing,
        };
        if self.active.get(&message) == Some(&expected) {
            let prepared = |parcel: &mut Parcel| parcel.readiness = readiness;
            self.go_on(message, prepared, now, jitter, effects);
        }
    }

    /// One thing is done for a send: on with the next, or back until there is a connection.
    fn go_on(
        &mut self,
        message: MessageId,
        done: impl FnOnce(&mut Parcel),
        now: Timestamp,
        jitter: Jitter,
        effects: &mut Vec<Effect>,
    ) {
        self.release(message);
        let Some(mut parcel) = self.lanes.get(message).map(|e| e.work.clone()) else {
            return;
        };
        done(&mut parcel);
        self.lanes.reworked(message, parcel.clone());
        if self.link == Link::Up {
            self.advance(message, &parcel, now, jitter, effects);
        } else {
            self.put_back(message, now);
        }
    }

    fn put_back(&mut self, message: MessageId, until: Timestamp) {
        if let Some(parcel) = self.lanes.get(message).map(|e| e.work.clone()) {
            self.lanes.deferred(message, until, parcel);
        }
    }

    fn acked(
        &mut self,
        message: MessageId,
        error: Option<u32>,
        now: Timestamp,
        jitter: Jitter,
        effects: &mut Vec<Effect>,
    ) {
        match error {
            None => {
                self.went_through(message);
                self.settle(message);
                effects.push(Effect::Accepted(message));
            }
            Some(status) if RETRYABLE.contains(&status) => {
                if self.is_sending(message) {
                    let error = format!("WhatsApp answered {status}");
                    self.attempt_failed(message, error, now, jitter, effects);
                }
            }
            Some(status) => {
                let chat = self.chat_of(message);
                self.settle(message);
                let reason = match status {
                    RESTRICTED => FailReason::Restricted,
                    status => FailReason::Refused { status },
                };
                effects.push(Effect::Fail(message, reason));
                // Refused to somebody known it says nothing about others: a token is missing.
                if status == RESTRICTED && chat == Chat::New {
                    effects.push(Effect::Restricted(self.caution.refused(now)));
                }
            }
        }
    }

    fn attempt_failed(
        &mut self,
        message: MessageId,
        mut error: String,
        now: Timestamp,
        jitter: Jitter,
        effects: &mut Vec<Effect>,
    ) {
        self.release(message);
        let Some(entry) = self.lanes.get(message) else {
            return;
        };
        let attempts = entry.attempt.saturating_add(1);
        error.truncate(error.floor_char_boundary(ERROR_LEN_MAX));
        if attempts >= self.config.attempts_max {
            self.lanes.removed(message);
            effects.push(Effect::Fail(message, FailReason::Exhausted { error }));
            return;
        }
        let mut parcel = entry.work.clone();
        parcel.last_error = Some(error.clone());
        let wait = jitter.spread(doubled(RETRY_BASE, attempts - 1, RETRY_CAP));
        let next_at = now + wait;
        self.lanes.reworked(message, parcel);
        self.lanes.postponed(message, attempts, next_at);
        effects.push(Effect::Retry {
            message,
            attempts,
            next_at,
            error,
        });
    }

    /// The connection is gone: nobody knows what became of the sends in flight, so each is
    /// repeated under its id. Preparations go on and wait.
    fn interrupt(&mut self, now: Timestamp, jitter: Jitter, effects: &mut Vec<Effect>) {
        let sending = |(id, phase): (&MessageId, &Phase)| {
            matches!(phase, Phase::Sending { .. }).then_some(*id)
        };
        let lost: Vec<MessageId> = self.active.iter().filter_map(sending).collect();
        for message in lost {
            let error = "the connection closed before WhatsApp answered".to_owned();
            self.attempt_failed(message, error, now, jitter, effects);
        }
        let typing = |(id, phase): (&MessageId, &Phase)| {
            matches!(phase, Phase::Typing { .. }).then_some(*id)
        };
        let typing: Vec<MessageId> = self.active.iter().filter_map(typing).collect();
        for message in typing {
            self.release(message);
            self.put_back(message, now);
        }
    }

    fn check_deadlines(&mut self, now: Timestamp, jitter: Jitter, effects: &mut Vec<Effect>) {
        let mut late = false;
        while let Some((until, message)) = self.deadlines.first().copied() {
            if until > now {
                break;
            }
            if matches!(self.active.get(&message), Some(Phase::Typing { .. })) {
                let typed = |parcel: &mut Parcel| parcel.done = Done::Typed;
                self.go_on(message, typed, now, jitter, effects);
            } else {
                late = true;
                let error = "WhatsApp did not answer in time".to_owned();
                self.attempt_failed(message, error, now, jitter, effects);
            }
            self.deadlines.remove(&(until, message));
        }
        if late && self.link == Link::Up {
            self.link = Link::Replacing;
            effects.push(Effect::Reconnect);
        }
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
