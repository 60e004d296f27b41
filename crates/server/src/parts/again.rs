//! Stored messages read again: because the lists changed, because parts rested, or because nobody read them.
//!
//! Only what a message says by itself, with its file where rules look into files, is found anew: values, intent,
//! feeling, language. The turn of the conversation and the thread are found later only where they were put
//! off, in the order of the conversation; the reply stays what it was, and nothing is sent.

use super::filed::{FileSays, Filed};
use super::reader::Job;
use super::{Done, State, TextParts, readable};
use crate::clock;
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};
use tokio_util::sync::CancellationToken;
use waypost_engine::flow::language::Language;
use waypost_engine::flow::meaning::{Meaning, PartOutcome, Trace};
use waypost_engine::flow::parts::{Part, Parts, ShedLevel};
use waypost_engine::flow::stage::{Findings, Input, Pipeline};
use waypost_engine::model::{MessageId, WorkspaceId};
use waypost_store::admin::conversations::MessageView;
use waypost_store::reading::{CaughtUp, ConversationReading, LateReading, Read, ThreadChange};
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

/// What came of doing what was put off of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// It is done, or nothing can be done.
    Done,
    /// Not now: the machine is short of breath again, or the conversation became another one meanwhile.
    NotNow,
}

/// A message that was read again, and what is to be kept of it.
struct Reread {
    findings: serde_json::Value,
    traces: String,
    /// What was found anew of its turn in its conversation; with the conversation as it was before.
    turn: Option<(ConversationReading, Turn)>,
    /// Whether a part that was to look rested.
    rests: bool,
}

/// How a conversation went on with a message.
#[derive(Default)]
struct Turn {
    topic: Option<String>,
    thread: Option<ThreadChange>,
}

/// What of a message is found anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anew {
    /// What it says by itself.
    Words,
    /// That, and what of its turn is still open.
    WhatIsOpen,
}

impl Anew {
    /// Which parts run. What somebody asks for is done at once; what was put off waits for better times.
    fn standing(self, parts: &Arc<Parts>) -> Arc<Parts> {
        match self {
            Self::Words => Arc::new(parts.keeping(&ALONE)),
            Self::WhatIsOpen => Arc::clone(parts),
        }
    }

    /// The parts whose findings count.
    fn parts(self, old: &Findings) -> Vec<Part> {
        let is_wanted = |part: &Part| match self {
            Self::Words => ALONE.contains(part),
            Self::WhatIsOpen => ALONE.contains(part) || old.partial.contains(part),
        };
        Part::TEXT.into_iter().filter(is_wanted).collect()
    }
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
        let reread = match self.reread(message, Anew::Words).await? {
            Ok(reread) => reread,
            Err(why_not) => return Ok(why_not),
        };
        let Reread {
            findings, traces, ..
        } = reread;
        self.store
            .replace_findings(workspace, message.id, &findings, traces, clock::now())
            .await?;
        Ok(Again::Replaced)
    }

    /// Does what was put off of a message: what it says by itself, and its turn in its conversation. To be
    /// called for the messages of a conversation in their order, by one at a time.
    ///
    /// # Errors
    /// When the message is not there, or the store fails.
    pub(crate) async fn catch_up(
        self: &Arc<Self>,
        workspace: WorkspaceId,
        id: MessageId,
    ) -> Result<Late, StoreError> {
        let message = self.store.message(workspace, id).await?;
        let Ok(reread) = self.reread(&message, Anew::WhatIsOpen).await? else {
            self.store.settle_deferred(vec![id]).await?;
            self.forget(message.conversation);
            return Ok(Late::Done);
        };
        if reread.rests {
            return Ok(Late::NotNow);
        }
        let (before, turn) = reread.turn.unzip();
        let Turn { topic, thread } = turn.unwrap_or_default();
        let late = LateReading {
            workspace,
            message: id,
            findings: reread.findings,
            read: Read {
                conversation: message.conversation,
                traces: reread.traces,
                topic,
                thread,
            },
            before,
            now: clock::now(),
        };
        let done = self.store.catch_up(late).await?;
        // The next message goes on from what is stored now.
        self.forget(message.conversation);
        Ok(match done {
            CaughtUp::Done | CaughtUp::Already => Late::Done,
            CaughtUp::NotNow => Late::NotNow,
        })
    }

    /// Reads a stored message with the parts that are on; or says why it cannot be.
    async fn reread(
        self: &Arc<Self>,
        message: &MessageView,
        anew: Anew,
    ) -> Result<Result<Reread, Again>, StoreError> {
        let file = self.file_of(message).await?;
        let Some(words) = readable(&message.content, file.as_deref()) else {
            return Ok(Err(Again::NoWords));
        };
        let before = self.store.processed(message.id).await?;
        let old = before
            .as_ref()
            .map(|known| Findings::from_stored(known.findings.clone()));
        let Ok(old) = old.transpose() else {
            return Ok(Err(Again::Unreadable));
        };
        let old = old.unwrap_or_default();
        let parts = anew.parts(&old);
        let known = self
            .store
            .conversation_reading(message.conversation)
            .await?;
        let finds_turn = Part::IN_ORDER.iter().any(|part| parts.contains(part));
        let state = match (finds_turn, &known.phone) {
            (true, _) => State::from_stored(known.clone()),
            (false, Some(number)) => State::of_number(number),
            (false, None) => State::default(),
        };
        let job = Job {
            words: words.into_owned(),
            at: message.sent_at,
            state: Arc::new(state),
            parts: anew.standing(&self.switchboard.parts()),
        };
        let done = self.run(job).await;
        self.meter.read(&done.reading.traces);
        let rests =
            |trace: &Trace| trace.outcome == PartOutcome::Shed && parts.contains(&trace.part);
        let rests = done.reading.traces.iter().any(rests);
        let turn = finds_turn.then(|| (known, turn(&done, &parts)));
        let kept = before.and_then(|known| known.traces);
        let traces = traces(&done, kept, &parts);
        let findings = combine(message, file, done, old, &parts);
        Ok(Ok(Reread {
            findings: serde_json::to_value(&findings)?,
            traces: serde_json::to_string(&traces)?,
            turn,
            rests,
        }))
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

/// How the conversation went on, as far as these parts looked.
fn turn(done: &Done, parts: &[Part]) -> Turn {
    let looked = |part| parts.contains(&part);
    Turn {
        topic: done
            .after
            .as_ref()
            .filter(|_| looked(Part::Flow))
            .and_then(State::topic),
        thread: done.thread.clone().filter(|_| looked(Part::Threads)),
    }
}

/// What these parts did now, and the others before.
fn traces(done: &Done, kept: Option<serde_json::Value>, parts: &[Part]) -> Vec<Trace> {
    let kept: Vec<Trace> = kept
        .and_then(|t| serde_json::from_value(t).ok())
        .unwrap_or_default();
    let is_new = |trace: &Trace| parts.contains(&trace.part);
    let new = done.reading.traces.iter().filter(|t| is_new(t)).copied();
    new.chain(kept.into_iter().filter(|t| !is_new(t))).collect()
}

/// What these parts found anew, with what stays of what was known.
fn combine(
    message: &MessageView,
    file: Option<Arc<str>>,
    done: Done,
    old: Findings,
    parts: &[Part],
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
    findings.reply = old.reply;
    if !parts.contains(&Part::Flow) {
        findings.turn = old.turn;
    }
    if !parts.contains(&Part::Threads) {
        findings.thread = old.thread;
    }
    let still_open = old.partial.into_iter().filter(|part| !parts.contains(part));
    findings.partial.retain(|part| parts.contains(part));
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

/// How often it is looked whether the load has fallen.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(2);

#[derive(PartialEq, Eq)]
enum Calm {
    Now,
    Never,
}

/// Waits until nothing rests, or until told to stop: nobody waits for what is read beside the flow.
async fn calm(parts: &TextParts, stop: &CancellationToken) -> Calm {
    while parts.switchboard().shed() != ShedLevel::None {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => return Calm::Never,
        }
    }
    Calm::Now
}

/// Reads them one after the other until told to stop; not while the machine is short of breath.
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
        if calm(&parts, &stop).await == Calm::Never {
            return;
        }
        let read = async {
            let message = store.message(WorkspaceId::DEFAULT, message).await?;
            match parts.switchboard().reads_aside(message.origin) {
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
