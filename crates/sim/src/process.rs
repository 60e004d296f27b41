//! The process under test: the engine's state machines and the real store, driven step by step.
//!
//! Every step may be its last: when the disk dies nothing that was in memory survives, and a reply
//! of the store that came after the death is not acted upon.

use crate::dice::Dice;
use crate::network::Network;
use crate::world::Mutant;
use std::collections::BTreeMap;
use std::sync::Arc;
use waypost_engine::flow::caution::{Caution, Chat};
use waypost_engine::flow::lanes::{LaneItem, LaneLimits, Lanes};
use waypost_engine::flow::outbox::{
    Done, Effect, Entry, Input, Outbox, OutboxConfig, Parcel, Readiness,
};
use waypost_engine::flow::reply::Reply;
use waypost_engine::flow::retry::{Jitter, Verdict, after_failure};
use waypost_engine::flow::stage::{self, Findings, Group, Pipeline, Stage, StageError};
use waypost_engine::model::rule::{Match, Scope};
use waypost_engine::model::{
    AccountId, Address, Content, Draft, Duration, MessageId, Rule, RuleId, SendOrigin, Seq,
    Timestamp, WorkspaceId,
};
use waypost_store::fault::Disk;
use waypost_store::{
    Accept, Accepted, Complete, Completed, Enqueued, Idempotency, OutboxItem, OwnerEpoch, Queued,
    Store, StoreError, Work,
};

/// Why a step did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The disk died, and the process with it.
    #[error("died")]
    Died,
    /// Something is wrong that no crash explains.
    #[error("{0}")]
    Broken(String),
}

/// A request of the program that uses the API.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its idempotency key.
    pub key: String,
    /// To whom.
    pub to: Address,
    /// What.
    pub words: String,
}

/// Fails for every message that says so.
#[derive(Debug)]
struct Brittle;

impl Stage for Brittle {
    fn name(&self) -> &'static str {
        "brittle"
    }

    fn group(&self) -> Group {
        Group::Session
    }

    fn run(
        &self,
        _: &mut Findings,
        input: &stage::Input,
        _: Timestamp,
    ) -> Result<Vec<stage::Effect>, StageError> {
        let poison = input
            .content
            .words()
            .is_some_and(|words| words.starts_with("poison"));
        let error = || StageError {
            stage: "brittle",
            error: "this message is poison".into(),
        };
        if poison { Err(error()) } else { Ok(Vec::new()) }
    }
}

/// Failures of a flaky message before it goes through.
const FLAKY_FAILURES: u32 = 2;

/// A running process.
#[derive(Debug)]
pub struct Process {
    /// Its store.
    pub store: Store,
    account: AccountId,
    owner: OwnerEpoch,
    lanes: Lanes<Arc<Work>>,
    running: Vec<LaneItem<Arc<Work>>>,
    outbox: Outbox,
    pipeline: Pipeline,
    rules: Arc<Vec<Rule>>,
    unacked: Vec<String>,
    to_send: Vec<MessageId>,
    by_wire: BTreeMap<String, MessageId>,
    mutant: Option<Mutant>,
    dice: Dice,
}

fn echo() -> Rule {
    Rule {
        id: RuleId::from_raw(1),
        workspace: WorkspaceId::DEFAULT,
        account: None,
        name: "echo".into(),
        position: 1,
        matches: Match::Any,
        conditions: waypost_engine::model::Conditions::default(),
        scope: Scope::Everywhere,
        answer: "re {text}".into(),
        max_age: Duration::hours(1_000_000),
        enabled: true,
        created_at: Timestamp(0),
    }
}

/// Little memory, so that spilling and refilling are exercised too.
fn limits() -> LaneLimits {
    LaneLimits {
        parallel: 3,
        held: 12,
        low: 4,
        per_lane: 4,
    }
}

impl Process {
    /// Starts on an opened store: takes the account and reads what is unfinished.
    ///
    /// # Errors
    /// [`Halt::Died`] when the disk dies meanwhile.
    pub async fn start(
        store: Store,
        disk: &Disk,
        account: AccountId,
        mutant: Option<Mutant>,
        dice: Dice,
    ) -> Result<Self, Halt> {
        let owner = alive(disk, store.take_ownership(account).await)?;
        let config = OutboxConfig {
            attempts_max: u32::MAX,
            lanes: limits(),
            ..Default::default()
        };
        let reply = Reply {
            answers_max: u32::MAX,
        };
        let mut process = Self {
            store,
            account,
            owner,
            lanes: Lanes::new(limits()),
            running: Vec::new(),
            outbox: Outbox::new(config, Caution::new(Timestamp(0))),
            pipeline: Pipeline::new(vec![Box::new(Brittle), Box::new(reply)]),
            rules: Arc::new(vec![echo()]),
            unacked: Vec::new(),
            to_send: Vec::new(),
            by_wire: BTreeMap::new(),
            mutant,
            dice,
        };
        process.refill(disk).await?;
        Ok(process)
    }

    /// Takes what the network delivers: commit first, acknowledge later.
    ///
    /// # Errors
    /// See [`Halt`]; so for all steps below.
    pub async fn receive(
        &mut self,
        disk: &Disk,
        network: &mut Network,
        now: Timestamp,
    ) -> Result<(), Halt> {
        let items = network.deliver(now);
        if items.is_empty() {
            return Ok(());
        }
        let wire_ids: Vec<String> = items.iter().map(|item| item.wire_id.clone()).collect();
        if self.mutant == Some(Mutant::AckBeforeCommit) {
            wire_ids
                .iter()
                .for_each(|wire_id| network.acknowledged(wire_id));
        }
        let (account, owner) = (self.account, self.owner);
        let accept = Accept {
            account,
            owner,
            now,
            items,
        };
        let outcomes = alive(disk, self.store.accept(accept).await)?;
        for outcome in outcomes {
            if let Accepted::New(work) | Accepted::Repaired(work) = outcome {
                self.lanes.offer(lane_item(*work));
            }
        }
        self.unacked.extend(wire_ids);
        self.refill(disk).await
    }

    /// Acknowledges one committed message; the acknowledgement may get lost on a lossy network.
    pub fn acknowledge(&mut self, network: &mut Network, lossy: bool) {
        if self.unacked.is_empty() {
            return;
        }
        let n = self.dice.below(self.unacked.len());
        let wire_id = self.unacked.swap_remove(n);
        if !(lossy && self.dice.percent(10)) {
            network.acknowledged(&wire_id);
        }
    }

    /// Starts the next message of a free conversation.
    pub fn begin(&mut self, now: Timestamp) {
        if let Some(item) = self.lanes.next(now) {
            self.running.push(item);
        }
    }

    /// Brings one of the started messages to its end: completed, postponed or buried.
    pub async fn finish(&mut self, disk: &Disk, now: Timestamp) -> Result<(), Halt> {
        if self.running.is_empty() {
            return Ok(());
        }
        let n = self.dice.below(self.running.len());
        let item = self.running.swap_remove(n);
        match self.process(&item, now) {
            Ok(outcome) => self.complete(disk, &item, outcome, now).await?,
            Err(error) => self.failed(disk, &item, &error, now).await?,
        }
        self.refill(disk).await
    }

    fn process(
        &self,
        item: &LaneItem<Arc<Work>>,
        now: Timestamp,
    ) -> Result<stage::Outcome, StageError> {
        let work = &item.work;
        let flaky = work
            .content
            .words()
            .is_some_and(|words| words.starts_with("flaky"));
        if flaky && item.attempt < FLAKY_FAILURES {
            return Err(StageError {
                stage: "brittle",
                error: "not this time".into(),
            });
        }
        let input = stage::Input {
            message: work.message,
            account: work.account,
            conversation: work.conversation,
            seq: work.seq,
            origin: work.origin,
            content: work.content.clone(),
            chat: work.chat.clone(),
            sender_name: work.sender_name.clone(),
            sent_at: work.sent_at,
            recent: Vec::new(),
            answered_at: Vec::new(),
            rules: Arc::clone(&self.rules),
            reading: None,
            file_text: None,
        };
        self.pipeline.process(&input, now)
    }

    async fn complete(
        &mut self,
        disk: &Disk,
        item: &LaneItem<Arc<Work>>,
        outcome: stage::Outcome,
        now: Timestamp,
    ) -> Result<(), Halt> {
        let work = &item.work;
        let mut sends = Vec::new();
        for effect in outcome.effects {
            let stage::Effect::Send { content, to, rule } = effect;
            let origin = SendOrigin::Rule {
                rule,
                answers: work.message,
            };
            let mut draft = self.draft(to, content, origin, now);
            draft.conversation = Some(work.conversation);
            sends.push(draft);
        }
        let parcels: Vec<Parcel> = sends.iter().map(parcel).collect();
        let findings = serde_json::to_value(&outcome.findings)
            .map_err(|error| Halt::Broken(error.to_string()))?;
        let complete = Complete {
            message: work.message,
            account: self.account,
            owner: self.owner,
            now,
            findings,
            read: None,
            sends,
            events: Vec::new(),
        };
        match alive(disk, self.store.complete(complete).await)? {
            Completed::Done { sends } => {
                for (queued, parcel) in sends.into_iter().zip(parcels) {
                    self.outbox.queued(entry(queued, parcel));
                }
            }
            Completed::AlreadyDone => {}
            Completed::NotOwner => return Err(Halt::Broken("lost the account to nobody".into())),
        }
        self.lanes.finished(work.message);
        self.step(disk, Input::Tick, now).await
    }

    async fn failed(
        &mut self,
        disk: &Disk,
        item: &LaneItem<Arc<Work>>,
        error: &StageError,
        now: Timestamp,
    ) -> Result<(), Halt> {
        let (message, failures) = (item.message, item.attempt + 1);
        match after_failure(failures, Jitter::from_random(self.dice.roll())) {
            Verdict::Again { after } => {
                let until = now + after;
                let done = self
                    .store
                    .postpone(message, failures, until, &error.error, now)
                    .await;
                alive(disk, done)?;
                self.lanes.postponed(message, failures, until);
            }
            Verdict::Bury => {
                alive(
                    disk,
                    self.store
                        .bury(message, error.stage, &error.error, now)
                        .await,
                )?;
                self.lanes.buried(message);
            }
        }
        Ok(())
    }

    fn draft(
        &mut self,
        to: Address,
        content: Content,
        origin: SendOrigin,
        now: Timestamp,
    ) -> Draft {
        let frozen = self.dice.percent(50).then(|| self.payload(&content));
        Draft {
            id: self.store.next_id::<MessageId>(now),
            account: self.account,
            conversation: None,
            to,
            wire_id: format!("OUT{:016X}", self.dice.roll()),
            content,
            frozen,
            origin,
            created_at: now,
        }
    }

    /// A finished payload: the words and a secret that is another one each time it is made.
    fn payload(&mut self, content: &Content) -> Vec<u8> {
        format!(
            "{}|{:016x}",
            content.words().unwrap_or_default(),
            self.dice.roll()
        )
        .into_bytes()
    }

    /// A request through the API. True when the caller got its answer.
    pub async fn request(
        &mut self,
        disk: &Disk,
        request: &Request,
        now: Timestamp,
    ) -> Result<(), Halt> {
        let content = Content::text(request.words.clone());
        let draft = self.draft(request.to.clone(), content, SendOrigin::Api, now);
        let parcel = parcel(&draft);
        let idempotency = Idempotency {
            workspace: WorkspaceId::DEFAULT,
            key: request.key.clone(),
            request_hash: request.words.clone().into_bytes(),
        };
        match alive(
            disk,
            self.store.enqueue(draft, Some(idempotency), now).await,
        )? {
            Enqueued::New(queued) => {
                self.outbox.queued(entry(queued, parcel));
                self.step(disk, Input::Tick, now).await
            }
            Enqueued::Replayed(_) => Ok(()),
            Enqueued::KeyReused => Err(Halt::Broken("an idempotency key was mixed up".into())),
        }
    }

    /// Time passed.
    pub async fn tick(&mut self, disk: &Disk, now: Timestamp) -> Result<(), Halt> {
        self.step(disk, Input::Tick, now).await
    }

    /// The connection is up.
    pub async fn connected(&mut self, disk: &Disk, now: Timestamp) -> Result<(), Halt> {
        self.step(disk, Input::Connected, now).await
    }

    /// The connection is gone: what was received and not acknowledged comes again.
    pub async fn disconnected(&mut self, disk: &Disk, now: Timestamp) -> Result<(), Halt> {
        self.unacked.clear();
        self.to_send.clear();
        self.step(disk, Input::Disconnected, now).await
    }

    /// Writes one of the due sends to the socket.
    pub async fn transmit(
        &mut self,
        disk: &Disk,
        network: &mut Network,
        now: Timestamp,
        lossy: bool,
    ) -> Result<(), Halt> {
        if self.to_send.is_empty() {
            return Ok(());
        }
        let n = self.dice.below(self.to_send.len());
        let message = self.to_send.swap_remove(n);
        let item = alive(disk, self.store.outbox_item(message).await)?;
        let Some(payload) = &item.frozen else {
            return Err(Halt::Broken(format!(
                "{} is sent without a frozen payload",
                item.wire_id
            )));
        };
        self.by_wire.insert(item.wire_id.clone(), message);
        network.send(&item.to, &item.wire_id, payload, lossy);
        self.step(disk, Input::Written(message), now).await
    }

    /// Takes one of the server's answers.
    pub async fn answered(
        &mut self,
        disk: &Disk,
        network: &mut Network,
        now: Timestamp,
    ) -> Result<(), Halt> {
        let Some((wire_id, error)) = network.answer() else {
            return Ok(());
        };
        match self.by_wire.get(&wire_id).copied() {
            Some(message) => self.step(disk, Input::Acked { message, error }, now).await,
            None => Ok(()),
        }
    }

    /// True when there is nothing left to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.lanes.is_idle() && self.outbox.held() == 0 && self.unacked.is_empty()
    }

    /// When something is due that only time brings.
    #[must_use]
    pub fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        [self.lanes.wake_at(), self.outbox.wake_at(now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// True when the outbox gave its connection up.
    async fn step(&mut self, disk: &Disk, input: Input, now: Timestamp) -> Result<(), Halt> {
        let jitter = Jitter::from_random(self.dice.roll());
        let mut effects = std::collections::VecDeque::from(self.outbox.step(input, now, jitter));
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Upload(message) => {
                    return Err(Halt::Broken(format!("{message} has no file to upload")));
                }
                Effect::Freeze(message) => {
                    let item = alive(disk, self.store.outbox_item(message).await)?;
                    let payload = self.payload(&item.content);
                    alive(disk, self.store.freeze(message, &payload, now).await)?;
                    let more = self.outbox.step(Input::Frozen(message), now, jitter);
                    effects.extend(more);
                }
                Effect::Send(message) => self.to_send.push(message),
                Effect::Retry {
                    message,
                    error,
                    next_at,
                    ..
                } => {
                    self.to_send.retain(|waiting| *waiting != message);
                    alive(
                        disk,
                        self.store.attempt_failed(message, &error, next_at).await,
                    )?;
                }
                Effect::Accepted(message) => self.accepted(disk, message, now).await?,
                Effect::Fail(message, reason) => {
                    alive(disk, self.store.send_failed(message, reason, now).await)?;
                }
                // The world sees it by its silence and connects anew.
                Effect::Reconnect => {}
                Effect::Check(_) | Effect::Type(..) | Effect::Restricted(_) => {
                    return Err(Halt::Broken("an answer was held back".to_owned()));
                }
            }
        }
        self.refill(disk).await
    }

    async fn accepted(&self, disk: &Disk, message: MessageId, now: Timestamp) -> Result<(), Halt> {
        let item = alive(disk, self.store.outbox_item(message).await)?;
        alive(
            disk,
            self.store
                .server_accepted(self.account, &item.wire_id, now)
                .await,
        )?;
        Ok(())
    }

    /// Reads on from the store whatever did not fit into memory.
    async fn refill(&mut self, disk: &Disk) -> Result<(), Halt> {
        while let Some(request) = self.lanes.refill() {
            let rows = self
                .store
                .unfinished(self.account, request.after, request.limit)
                .await;
            let rows = alive(disk, rows)?;
            self.lanes
                .refilled(request, rows.into_iter().map(lane_item).collect());
        }
        while let Some(request) = self.outbox.refill() {
            let rows = self
                .store
                .outbox_due(self.account, request.after, request.limit)
                .await;
            let rows = alive(disk, rows)?;
            self.outbox
                .refilled(request, rows.into_iter().map(stored_entry).collect());
        }
        Ok(())
    }
}

/// A result of the store, unless the disk died: then nobody is left to use it.
pub(crate) fn alive<T>(disk: &Disk, outcome: Result<T, StoreError>) -> Result<T, Halt> {
    if disk.is_dead() {
        return Err(Halt::Died);
    }
    outcome.map_err(|error| Halt::Broken(format!("the store failed without a crash: {error}")))
}

fn lane_item(work: Work) -> LaneItem<Arc<Work>> {
    LaneItem {
        message: work.message,
        conversation: work.conversation,
        seq: work.seq,
        attempt: work.attempt,
        next_at: work.next_at,
        work: Arc::new(work),
    }
}

fn parcel(draft: &Draft) -> Parcel {
    let readiness = if draft.frozen.is_some() {
        Readiness::Frozen
    } else {
        Readiness::NeedsFreeze
    };
    Parcel {
        to: draft.to.clone(),
        readiness,
        last_error: None,
        chat: Chat::Answer,
        typed: 0,
        done: Done::Nothing,
    }
}

fn entry(queued: Queued, work: Parcel) -> Entry {
    let Queued {
        message,
        conversation,
        seq,
    } = queued;
    Entry {
        message,
        conversation,
        seq,
        attempt: 0,
        next_at: Timestamp(0),
        work,
    }
}

fn stored_entry(item: OutboxItem) -> Entry {
    let readiness = if item.frozen.is_some() {
        Readiness::Frozen
    } else {
        Readiness::NeedsFreeze
    };
    Entry {
        message: item.message,
        conversation: item.conversation,
        seq: Seq(item.seq.0),
        attempt: item.attempts,
        next_at: item.next_at,
        work: Parcel {
            to: item.to,
            readiness,
            last_error: item.last_error,
            chat: Chat::Answer,
            typed: 0,
            done: Done::Nothing,
        },
    }
}
