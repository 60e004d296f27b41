//! What the loops of all accounts share.

use super::asked::Asked;
use super::flow::Trouble;
use super::gate::Gate;
use super::health::Healths;
use super::load::LoadWatch;
use super::outbox::Refusal;
use super::proxy_watch::ProxyWatches;
use super::recent::Recent;
use super::reception::Reception;
use super::registry::Registry;
use super::steps::Steps;
use super::windows::Windows;
use crate::clock;
use crate::config::Config;
use crate::parts::TextParts;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use tokio::sync::Notify;
use waypost_engine::fleet::link::LinkMethod;
use waypost_engine::fleet::{LinkOutcome, LinkRecord};
use waypost_engine::flow::parts::ShedLevel;
use waypost_engine::flow::reply::{LOOP_WINDOW, Reply, parts_needed};
use waypost_engine::flow::retry::Jitter;
use waypost_engine::flow::stage::{Effect, Group, Input, Pipeline, StageError};
use waypost_engine::model::{
    AccountId, Address, Content, Draft, Duration, FailReason, MediaPointer, MessageId, Rule,
    SendOrigin, Timestamp,
};
use waypost_store::admin::link_attempts::{
    LinkAttempt, LinkMethod as StoredMethod, LinkOutcome as StoredOutcome,
};
use waypost_store::{Complete, Completed, OutboxItem, Store, StoreError, Work};
use waypost_wa::freeze::Author;
use waypost_wa::{Connection, Connector, FreezeError, Target, freeze};

/// Rules of one account, shared with the stages.
type Rules = Arc<Vec<Rule>>;

/// What the loops of all accounts share.
pub(super) struct Context {
    pub(super) config: Config,
    pub(super) store: Store,
    pub(super) registry: Arc<Registry>,
    pub(super) reception: Reception,
    pub(super) gate: Arc<Gate>,
    pub(super) windows: Windows,
    /// Rung when a file has come and may be read.
    pub(super) files_here: Arc<Notify>,
    /// Files that conversations wait for.
    pub(super) asked: Asked,
    pub(super) healths: Healths,
    pub(super) load: LoadWatch,
    pub(super) proxies: ProxyWatches,
    connector: OnceLock<Connector>,
    pipeline: Pipeline,
    /// Reads what messages say.
    pub(super) text: Arc<TextParts>,
    rules: RwLock<HashMap<AccountId, Rules>>,
    recent: Mutex<Recent>,
    /// Files uploaded whose payload is not frozen yet. Lost with the process: they are uploaded
    /// again then, which nobody sees.
    uploaded: Mutex<HashMap<MessageId, MediaPointer>>,
    /// Every running account's own number and LID.
    own: RwLock<HashMap<AccountId, Own>>,
}

/// An account's own addresses.
#[derive(Debug, Clone, Default)]
struct Own {
    phone: Option<Address>,
    lid: Option<Address>,
}

impl Own {
    /// The address by which a chat knows the account.
    fn seen_from(&self, chat: &Address) -> Option<&Address> {
        match chat {
            Address::Phone(_) => self.phone.as_ref().or(self.lid.as_ref()),
            _ => self.lid.as_ref().or(self.phone.as_ref()),
        }
    }
}

impl Context {
    pub(super) fn new(
        config: Config,
        store: Store,
        registry: Arc<Registry>,
        reception: Reception,
        gate: Arc<Gate>,
        text: Arc<TextParts>,
    ) -> Self {
        let base = Duration::secs(config.link.window_s);
        let reply = Reply {
            answers_max: config.flow.answers_per_minute,
        };
        Self {
            windows: Windows::new(config.link.strategy, base),
            healths: Healths::default(),
            load: LoadWatch::new(&config.load),
            proxies: ProxyWatches::new(config.proxies.waits()),
            config,
            store,
            registry,
            reception,
            gate,
            files_here: Arc::default(),
            asked: Asked::default(),
            connector: OnceLock::new(),
            pipeline: Pipeline::answering(reply),
            text,
            rules: RwLock::default(),
            recent: Mutex::default(),
            uploaded: Mutex::default(),
            own: RwLock::default(),
        }
    }

    /// Sets the connector, which itself needs the registry. Only the first one counts.
    pub(super) fn set_connector(&self, connector: Connector) {
        let _ = self.connector.set(connector);
    }

    pub(super) fn connector(&self) -> &Connector {
        // Set in `Driver::start` before the first account is.
        #[expect(
            clippy::expect_used,
            reason = "the driver sets it before any loop starts"
        )]
        self.connector.get().expect("the connector is set at start")
    }

    /// A random share for waits.
    pub(super) fn jitter(&self) -> Jitter {
        Jitter::from_random(u64::from_le_bytes(crate::auth::random_bytes()))
    }

    /// Whether the account has a session to resume.
    pub(super) async fn has_session(&self, account: AccountId) -> bool {
        let keys = super::keys::StoredKeys::new(self.store.clone());
        waypost_wa::has_session(&keys, account)
            .await
            .unwrap_or_else(|error| {
                tracing::error!(%account, %error, "the session cannot be read");
                false
            })
    }

    /// Removes an account's session, because a person asked for it.
    pub(super) async fn forget_session(&self, account: AccountId) -> Result<(), StoreError> {
        self.store
            .key_write(account, vec![waypost_store::KeyWrite::ClearAll])
            .await
    }

    pub(super) fn wake_outbox(&self, account: AccountId) {
        if let Some(running) = self.registry.get(account) {
            running.outbox.wake();
        }
    }

    /// The enabled rules of an account, read once until they change.
    pub(super) async fn rules(&self, account: AccountId) -> Rules {
        if let Some(rules) = self
            .rules
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&account)
        {
            return Arc::clone(rules);
        }
        match self.store.rules_for(account).await {
            Ok(rules) => {
                let rules = Arc::new(rules);
                let mut all = self.rules.write().unwrap_or_else(PoisonError::into_inner);
                all.insert(account, Arc::clone(&rules));
                rules
            }
            Err(error) => {
                tracing::error!(%account, %error, "the rules cannot be read");
                Arc::default()
            }
        }
    }

    /// Forgets the rules read so far.
    pub(super) fn rules_changed(&self) {
        self.rules
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Takes a message through the stages and commits what came of it (commit 2). What its `file` says counts
    /// as said by it.
    pub(super) async fn run_stages(
        &self,
        account: AccountId,
        work: &Work,
        file: Option<Arc<str>>,
    ) -> Result<Completed, Trouble> {
        let now = clock::now();
        let mut steps = Steps::begin(&self.text, work, now);
        let mut input = self.input(account, work).await;
        steps.done(Group::Session);
        input.file_text = file;
        let needed = match self.text.switchboard().shed() {
            ShedLevel::None => Vec::new(),
            ShedLevel::NiceToHave | ShedLevel::Important => parts_needed(&input),
        };
        let said = input.file_text.as_deref();
        let read = self.text.read(work, said, &needed).await;
        let mut read = read.map_err(Trouble::Store)?;
        input.reading = read.reading.take();
        let outcome = self
            .pipeline
            .process(&input, now)
            .map_err(|StageError { stage, error }| Trouble::Stage { stage, error })?;
        steps.done(Group::Conversation);
        let findings = serde_json::to_value(&outcome.findings).map_err(|e| Trouble::Stage {
            stage: "findings",
            error: e.to_string(),
        })?;
        let Some(running) = self.registry.get(account) else {
            return Ok(Completed::NotOwner);
        };
        let mut sends = Vec::with_capacity(outcome.effects.len());
        for effect in outcome.effects {
            sends.push(self.draft(account, work, effect, now).await?);
        }
        let answered = !sends.is_empty();
        super::crash::point("before_commit_2");
        let complete = Complete {
            message: work.message,
            account,
            owner: running.owner,
            now,
            findings,
            read: read.change.take(),
            sends,
            events: steps.events(&self.store),
        };
        let completed = self.store.complete(complete).await;
        steps.done(Group::Resilience);
        match &completed {
            Ok(Completed::Done { .. }) => self.text.committed(work.conversation, read),
            _ => self.text.forget(work.conversation),
        }
        let completed = completed.map_err(Trouble::Store)?;
        super::crash::point("after_commit_2");
        if let Completed::Done { sends } = &completed {
            for send in sends {
                self.healths.answers(send.message, work.received_at);
            }
        }
        self.remember(work, answered, now);
        Ok(completed)
    }

    /// Goes on without the content of a placeholder; `None` when it has come after all.
    pub(super) async fn pass_over(
        &self,
        account: AccountId,
        message: MessageId,
    ) -> Result<Option<Completed>, Trouble> {
        let Some(running) = self.registry.get(account) else {
            return Ok(Some(Completed::NotOwner));
        };
        match self.store.pass_over(message, running.owner).await {
            Ok(true) => Ok(Some(Completed::AlreadyDone)),
            Ok(false) => Ok(None),
            Err(StoreError::NotOwner) => Ok(Some(Completed::NotOwner)),
            Err(error) => Err(Trouble::Store(error)),
        }
    }

    async fn input(&self, account: AccountId, work: &Work) -> Input {
        let rules = self.rules(account).await;
        let (recent, answered_at) = self
            .recent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .of(work.conversation);
        Input {
            message: work.message,
            account,
            conversation: work.conversation,
            seq: work.seq,
            origin: work.origin,
            content: work.content.clone(),
            chat: work.chat.clone(),
            sender_name: work.sender_name.clone(),
            sent_at: work.sent_at,
            recent,
            answered_at,
            rules,
            reading: None,
            file_text: None,
        }
    }

    /// Takes up what rules answered just before the program started, so that two programs that answer
    /// each other are not let loose again by a restart.
    pub(super) async fn recall_answers(&self, account: AccountId) -> Result<(), StoreError> {
        let since = clock::now() - LOOP_WINDOW;
        let answers = self.store.rule_answers_since(account, since).await?;
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        for (conversation, at) in answers.into_iter().rev() {
            recent.answered(conversation, at);
        }
        Ok(())
    }

    fn remember(&self, work: &Work, answered: bool, now: Timestamp) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(words) = work.content.words() {
            recent.said(work.conversation, words);
        }
        if answered {
            recent.answered(work.conversation, now);
        }
    }

    /// A send as it is committed: with its ids, its secret and its finished payload.
    async fn draft(
        &self,
        account: AccountId,
        work: &Work,
        effect: Effect,
        now: Timestamp,
    ) -> Result<Draft, Trouble> {
        let Effect::Send { content, to, rule } = effect;
        let target = self
            .target(account, &to, &content, None, now)
            .await
            .map_err(Trouble::Store)?;
        let frozen = freeze(&content, &target).map_err(|e| Trouble::Stage {
            stage: "freeze",
            error: e.to_string(),
        })?;
        Ok(Draft {
            id: self.store.next_id(now),
            account,
            conversation: Some(work.conversation),
            to,
            wire_id: crate::api::new_wire_id(),
            content,
            frozen: Some(frozen),
            origin: SendOrigin::Rule {
                rule,
                answers: work.message,
            },
            created_at: now,
        })
    }

    /// Uploads the file of a send.
    pub(super) async fn upload(
        &self,
        item: &OutboxItem,
        connection: Option<Connection>,
    ) -> Result<(), Refusal> {
        let connection =
            connection.ok_or_else(|| Refusal::passing("the account is not connected"))?;
        let gone = |error: &str| {
            Refusal::fatal(FailReason::Media {
                error: error.to_owned(),
            })
        };
        let Content::Media { file, .. } = &item.content else {
            return Err(gone("the message carries no file"));
        };
        let blob = file.blob.ok_or_else(|| gone("the message names no file"))?;
        let copy = match super::files::copy_out(&self.store, &self.config.data_dir, blob).await {
            Ok(copy) => copy,
            Err(waypost_store::StoreError::NotFound { .. }) => {
                return Err(gone("the file is gone"));
            }
            Err(error) => return Err(Refusal::passing(error)),
        };
        let uploaded = connection
            .upload(file.media, copy.path().to_owned())
            .await
            .map_err(Refusal::passing)?;
        self.uploaded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(item.message, uploaded.pointer);
        Ok(())
    }

    /// Makes and stores the payload of a send, before its first attempt.
    pub(super) async fn freeze(&self, item: &OutboxItem) -> Result<(), Refusal> {
        let pointer = self
            .uploaded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&item.message);
        let now = clock::now();
        let target = self
            .target(item.account, &item.to, &item.content, pointer, now)
            .await
            .map_err(Refusal::passing)?;
        let payload = freeze(&item.content, &target).map_err(|error| match error {
            FreezeError::NeedsUpload => Refusal::passing("the upload was lost; uploading again"),
            other => Refusal::fatal(FailReason::Unsupported {
                what: other.to_string(),
            }),
        })?;
        let frozen = self.store.freeze(item.message, &payload, now).await;
        frozen.map(|_| ()).map_err(Refusal::passing)
    }

    /// What a payload needs beside its content.
    async fn target(
        &self,
        account: AccountId,
        to: &Address,
        content: &Content,
        pointer: Option<MediaPointer>,
        at: Timestamp,
    ) -> Result<Target, StoreError> {
        let own = self.own(account).await?;
        let author = match about(content) {
            None => None,
            Some(wire_id) => {
                self.store
                    .author(account, wire_id)
                    .await?
                    .map(|author| match author {
                        waypost_store::Author::Own => Author::Own,
                        waypost_store::Author::Other(address) => Author::Other(address),
                    })
            }
        };
        Ok(Target {
            chat: to.clone(),
            own: own.seen_from(to).cloned().unwrap_or_else(|| to.clone()),
            author,
            pointer,
            secret: crate::auth::random_bytes(),
            at,
        })
    }

    /// The account's own addresses, read once until they change.
    async fn own(&self, account: AccountId) -> Result<Own, StoreError> {
        if let Some(own) = self
            .own
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&account)
        {
            return Ok(own.clone());
        }
        let stored = self.store.account(account).await?;
        let own = Own {
            phone: stored.phone,
            lid: stored.lid,
        };
        self.own
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(account, own.clone());
        Ok(own)
    }

    /// The account was linked: its addresses may be others now.
    pub(super) fn identity_changed(&self, account: AccountId) {
        self.own
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&account);
    }

    pub(super) async fn record_link(&self, account: AccountId, record: LinkRecord) {
        let attempt = LinkAttempt {
            account,
            started_at: record.first_code_at.unwrap_or(record.started_at),
            method: match record.method {
                LinkMethod::Qr if !record.fell_back => StoredMethod::Qr,
                LinkMethod::Qr | LinkMethod::Code => StoredMethod::Code,
            },
            codes_shown: record.codes_shown,
            regenerations: record.regenerations,
            scanned_at: record.scan_time_ms.map(|_| record.ended_at),
            ended_at: record.ended_at,
            outcome: match record.outcome {
                LinkOutcome::Linked => StoredOutcome::Linked,
                LinkOutcome::Expired => StoredOutcome::Expired,
                LinkOutcome::Cancelled => StoredOutcome::Cancelled,
                LinkOutcome::Passkey => StoredOutcome::Passkey,
                LinkOutcome::Failed { .. } => StoredOutcome::Failed,
            },
        };
        if let Err(error) = self.store.record_link_attempt(attempt).await {
            return tracing::error!(%account, %error, "a link attempt cannot be recorded");
        }
        self.windows.recompute(&self.store).await;
        self.healths.changed(account);
    }
}

/// The message that this content is about.
fn about(content: &Content) -> Option<&str> {
    match content {
        Content::Text {
            quote: Some(quote), ..
        }
        | Content::Media {
            quote: Some(quote), ..
        } => Some(&quote.wire_id),
        Content::Reaction { target, .. }
        | Content::Edit { target, .. }
        | Content::Revoke { target } => Some(target),
        _ => None,
    }
}
