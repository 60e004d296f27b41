//! Stored messages read again: because the lists changed, because parts rested, or because nobody read them.
//!
//! Only what a message says by itself, with its file where rules look into files, is found anew: values, intent,
//! feeling, language. Its thread, the turn of the conversation and the reply that was given stay what they
//! were, and nothing is sent.

use super::filed::{FileSays, Filed};
use super::{Done, State, TextParts, readable};
use crate::clock;
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};
use tokio_util::sync::CancellationToken;
use waypost_engine::flow::language::Language;
use waypost_engine::flow::meaning::{Meaning, Trace};
use waypost_engine::flow::parts::Part;
use waypost_engine::flow::stage::{Findings, Input, Pipeline};
use waypost_engine::model::{MessageId, Origin, WorkspaceId};
use waypost_store::admin::conversations::MessageView;
use waypost_store::{Store, StoreError};

/// Messages that may wait to be read beside the flow; further ones are left unread, and can be read again
/// by hand.
const ASIDE_MAX: usize = 10_000;
/// The parts that need no more than the message.
const ALONE: [Part; 3] = [Part::Entities, Part::Intent, Part::Sentiment];

/// What came of reading a message again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// Its findings were replaced.
    Replaced,
    /// It has no words to read.
    NoWords,
    /// Its findings cannot be read, so they were left as they are.
    Unreadable,
}

impl TextParts {
    /// Reads a stored message again with the parts that are on, and replaces what they found.
    ///
    /// # Errors
    /// When the message is not there, or the store fails.
    pub(crate) async fn read_again(
        self: &Arc<Self>,
        workspace: WorkspaceId,
        id: MessageId,
    ) -> Result<Again, StoreError> {
        let message = self.store.message(workspace, id).await?;
        self.replace(workspace, &message).await
    }

    async fn replace(
        self: &Arc<Self>,
        workspace: WorkspaceId,
        message: &MessageView,
    ) -> Result<Again, StoreError> {
        let file = self.file_of(message).await?;
        let Some(words) = readable(&message.content, file.as_deref()) else {
            return Ok(Again::NoWords);
        };
        let before = self.store.processed(message.id).await?;
        let old = before
            .as_ref()
            .map(|known| Findings::from_stored(known.findings.clone()));
        let Ok(old) = old.transpose() else {
            return Ok(Again::Unreadable);
        };
        let known = self
            .store
            .conversation_reading(message.conversation)
            .await?;
        let state = known
            .phone
            .as_ref()
            .map(State::of_number)
            .unwrap_or_default();
        let done = self
            .try_out(words.into_owned(), message.sent_at, state)
            .await;
        let mut traces = done.reading.traces.clone();
        traces.retain(|trace| ALONE.contains(&trace.part));
        let kept = before.and_then(|known| known.traces);
        let kept: Vec<Trace> = kept
            .and_then(|t| serde_json::from_value(t).ok())
            .unwrap_or_default();
        traces.extend(
            kept.into_iter()
                .filter(|trace| !ALONE.contains(&trace.part)),
        );
        self.meter.read(&done.reading.traces);
        let findings = combine(message, file, done, old.unwrap_or_default());
        let findings = serde_json::to_value(&findings).map_err(StoreError::from)?;
        let traces = serde_json::to_string(&traces).map_err(StoreError::from)?;
        self.store
            .replace_findings(workspace, message.id, &findings, traces, clock::now())
            .await?;
        Ok(Again::Replaced)
    }

    /// What the message's file says, as far as the rules of today look into files.
    async fn file_of(&self, message: &MessageView) -> Result<Option<Arc<str>>, StoreError> {
        let Some(filed) = Filed::stored(message) else {
            return Ok(None);
        };
        let rules = self.store.rules_for(message.account).await?;
        Ok(match filed.says(&rules, &self.store).await? {
            FileSays::This(words) => words,
            FileSays::NotRead => None,
        })
    }
}

/// What was found anew, with what stays of what was known.
fn combine(
    message: &MessageView,
    file: Option<Arc<str>>,
    done: Done,
    old: Findings,
) -> Findings {
    let input = Input {
        message: message.id,
        account: message.account,
        conversation: message.conversation,
        seq: message.seq,
        origin: message.origin,
        content: message.content.clone(),
        chat: message.chat.clone(),
        sender_name: None,
        sent_at: message.sent_at,
        recent: Vec::new(),
        answered_at: Vec::new(),
        rules: Arc::default(),
        reading: Some(Arc::new(done.reading)),
        file_text: file,
    };
    let stages = Pipeline::new(vec![Box::new(Language), Box::new(Meaning)]);
    let read = stages.process(&input, message.sent_at);
    let mut findings = read.map(|outcome| outcome.findings).unwrap_or_default();
    findings.language = old.language.or(findings.language);
    (findings.turn, findings.thread, findings.reply) = (old.turn, old.thread, old.reply);
    let still_open = old.partial.into_iter().filter(|part| !ALONE.contains(part));
    findings.partial.retain(|part| ALONE.contains(part));
    findings.partial.extend(still_open);
    findings
}

/// Takes messages that are read beside the flow: the account's own, and history.
#[derive(Debug, Clone)]
pub(crate) struct Aside(Sender<MessageId>);

impl Aside {
    /// With the end at which they come out.
    pub(crate) fn new() -> (Self, Receiver<MessageId>) {
        let (sender, receiver) = channel(ASIDE_MAX);
        (Self(sender), receiver)
    }

    /// Offers a message that was stored and is not to be worked on.
    pub(crate) fn offer(&self, message: MessageId) {
        if let Err(TrySendError::Full(_)) = self.0.try_send(message) {
            metrics::counter!("waypost_reads_left_out_total").increment(1);
        }
    }
}

/// Reads them one after the other until told to stop.
pub(crate) async fn run(
    parts: Arc<TextParts>,
    store: Store,
    mut messages: Receiver<MessageId>,
    stop: CancellationToken,
) {
    loop {
        let message = tokio::select! {
            next = messages.recv() => match next {
                Some(message) => message,
                None => return,
            },
            () = stop.cancelled() => return,
        };
        let read = async {
            let message = store.message(WorkspaceId::DEFAULT, message).await?;
            let wanted = match message.origin {
                Origin::Own => parts.switchboard().reads_own(),
                Origin::History => parts.switchboard().reads_history(),
                _ => false,
            };
            match wanted {
                true => parts
                    .replace(WorkspaceId::DEFAULT, &message)
                    .await
                    .map(drop),
                false => Ok(()),
            }
        };
        if let Err(error) = read.await {
            tracing::warn!(%message, %error, "a stored message was not read");
        }
    }
}
