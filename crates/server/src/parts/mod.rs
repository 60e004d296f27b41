//! The text parts at work: what each message says, found beside the loops that move messages.
//!
//! - [`reader`]: one message, part by part, on a thread that may be kept busy.
//! - [`sets`]: the lists that messages are read by.
//! - [`states`]: what is remembered of each conversation between its messages.
//! - [`switchboard`]: which parts run, as people switch them and as the machine bears it.
//! - [`again`]: stored messages read again.
//! - [`filed`]: what the file of a message says, for rules that look into files.
//! - [`meter`]: how long each part and stage takes, and what comes of it.

pub(crate) mod again;
pub(crate) mod choice;
pub(crate) mod filed;
pub(crate) mod meter;
mod reader;
pub(crate) mod sets;
mod states;
pub(crate) mod switchboard;

pub(crate) use reader::Done;
pub(crate) use states::State;

use crate::clock;
use crate::config::Config;
use crate::llm::{self, Asking};
use crate::models::Models;
use meter::Meter;
use reader::Job;
use sets::{Edited, Training};
use states::States;
use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use switchboard::Switchboard;
use tokio::sync::Semaphore;
use waypost_engine::flow::meaning::{Asked, PartOutcome, Reading};
use waypost_engine::flow::parts::{Part, Parts, ShedLevel};
use waypost_engine::flow::reply::with_file;
use waypost_engine::flow::stage::Group;
use waypost_engine::model::{Content, ConversationId, Timestamp};
use waypost_insight::Analyzer;
use waypost_store::reading::Read;
use waypost_store::{Store, StoreError, Work};

/// Everything that reads messages. One for the whole process.
pub struct TextParts {
    store: Store,
    switchboard: Switchboard,
    meter: Meter,
    models: Models,
    /// Who is asked about what is not understood here; nobody by default.
    asking: Option<Asking>,
    states: Mutex<States>,
    /// Messages read at once: as many as there are processors. Further ones wait; their conversations
    /// wait with them, and no other does.
    turns: Arc<Semaphore>,
    analyzer: RwLock<Option<Arc<Analyzer>>>,
    /// Held while the first analyser is made, so that only one is.
    making: Mutex<()>,
    edited: Mutex<Edited>,
    training: Mutex<Training>,
    retraining: tokio::sync::Mutex<()>,
}

/// What reading a message gave.
pub(crate) struct TextRead {
    /// For the stages; `None` when nothing read it.
    pub(crate) reading: Option<Arc<Reading>>,
    /// To be committed with the findings.
    pub(crate) change: Option<Box<Read>>,
    /// How the conversation goes on once that is committed.
    next: Next,
}

/// How a conversation goes on with a message.
enum Next {
    /// As it is known.
    Same,
    /// From what it was to what it is now.
    On { before: Arc<State>, after: State },
    /// The message's turn is put off, so those that follow wait for it.
    Behind,
}

impl Next {
    fn after(reading: &Reading, before: Arc<State>, after: Option<State>) -> Self {
        if is_turn_open(reading) {
            return Self::Behind;
        }
        after.map_or(Self::Same, |after| Self::On { before, after })
    }
}

/// Whether a message's turn in its conversation is still to be found.
fn is_turn_open(reading: &Reading) -> bool {
    reading.put_off().any(|part| Part::IN_ORDER.contains(&part))
}

impl TextRead {
    fn nothing() -> Self {
        Self {
            reading: None,
            change: None,
            next: Next::Same,
        }
    }
}

impl std::fmt::Debug for TextParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextParts").finish_non_exhaustive()
    }
}

impl TextParts {
    /// The parts of this process, switched as the settings say.
    #[must_use]
    pub fn new(config: &Config, store: Store) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            switchboard: Switchboard::new(config.pipeline.choice(), store.clone()),
            store,
            meter: Meter::default(),
            models: Models::new(config),
            asking: None,
            states: Mutex::default(),
            turns: Arc::new(Semaphore::new(cores)),
            analyzer: RwLock::default(),
            making: Mutex::default(),
            edited: Mutex::default(),
            training: Mutex::new(Training::NotYet),
            retraining: tokio::sync::Mutex::default(),
        }
    }

    /// The same, asking a language model about what they do not understand.
    #[must_use]
    pub(crate) fn asking(self, asking: Option<Asking>) -> Self {
        Self { asking, ..self }
    }

    /// Takes over what people switched before this start, and begins to make the analyser ready.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(self: &Arc<Self>) -> Result<(), StoreError> {
        self.switchboard.load().await?;
        self.load_sets().await?;
        if self.switchboard.parts().read_text() {
            let parts = Arc::clone(self);
            // Nobody waits for it here: the first message does, if it comes sooner.
            drop(tokio::task::spawn_blocking(move || {
                if let Err(error) = parts.analyzer() {
                    tracing::error!(error, "messages cannot be read");
                }
            }));
        }
        Ok(())
    }

    /// Waits until the analyser is there; at once when nothing is read.
    ///
    /// # Errors
    /// When a list cannot be learnt, in one sentence.
    pub async fn ready(self: &Arc<Self>) -> Result<(), String> {
        if !self.switchboard.parts().read_text() {
            return Ok(());
        }
        let parts = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || parts.analyzer().map(drop)).await;
        made.map_err(|error| error.to_string())?
    }

    pub(crate) fn switchboard(&self) -> &Switchboard {
        &self.switchboard
    }

    /// Sheds so much from the next message on; what is shed is named in the findings as `partial`, and can
    /// be read again later. Whoever measures the machine calls this.
    pub fn shed(&self, level: ShedLevel) {
        self.switchboard.set_shed(level);
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The analyser of this process. May take seconds the first time.
    pub(crate) fn analyzer(&self) -> Result<Arc<Analyzer>, String> {
        if let Some(analyzer) = self.analyzer_in_use() {
            return Ok(analyzer);
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have made it while this waited.
        if let Some(analyzer) = self.analyzer_in_use() {
            return Ok(analyzer);
        }
        let begun = clock::now();
        self.set_training(Training::Running(begun));
        let made = self.make().inspect_err(|error| {
            let (at, error) = (clock::now(), error.clone());
            self.set_training(Training::Failed { at, error });
        })?;
        let at = clock::now();
        let took_ms = at.since(begun).as_millis();
        self.set_training(Training::Done { at, took_ms });
        let mut place = self
            .analyzer
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // Newer lists may have been learnt meanwhile.
        Ok(Arc::clone(place.get_or_insert(made)))
    }

    fn analyzer_in_use(&self) -> Option<Arc<Analyzer>> {
        self.analyzer
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts another analyser in place; the messages being read keep the one they began with.
    pub(crate) fn use_analyzer(&self, analyzer: Arc<Analyzer>) {
        *self
            .analyzer
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(analyzer);
    }

    /// Reads a message, together with what its `file` says. The parts `needed` do not rest for it.
    ///
    /// # Errors
    /// When what is known of its conversation cannot be read from the store.
    pub(crate) async fn read(
        self: &Arc<Self>,
        work: &Work,
        file: Option<&str>,
        needed: &[Part],
    ) -> Result<TextRead, StoreError> {
        let mut parts = self.switchboard.parts();
        if !needed.is_empty() {
            parts = Arc::new(parts.keeping(needed));
        }
        let Some(words) = readable(&work.content, file) else {
            self.meter.skipped(&parts, PartOutcome::NoText);
            return Ok(TextRead::nothing());
        };
        if !parts.read_text() {
            return Ok(self.left_out(&parts, work.conversation));
        }
        let state = self.state(work.conversation).await?;
        if state.is_behind() {
            parts = Arc::new(parts.putting_off(&Part::IN_ORDER));
        }
        let job = Job {
            words: words.into_owned(),
            at: work.sent_at,
            state: Arc::clone(&state),
            parts,
        };
        let done = self.run(job).await;
        self.meter.read(&done.reading.traces);
        let change = Read {
            conversation: work.conversation,
            traces: traces(&done.reading),
            topic: done.after.as_ref().and_then(State::topic),
            thread: done.thread,
        };
        let next = Next::after(&done.reading, state, done.after);
        Ok(TextRead {
            reading: Some(Arc::new(done.reading)),
            change: Some(Box::new(change)),
            next,
        })
    }

    /// Reads words that belong to no conversation: what a message of this moment would be found to say.
    pub(crate) async fn try_out(
        self: &Arc<Self>,
        words: String,
        at: Timestamp,
        state: State,
    ) -> Done {
        let job = Job {
            words,
            at,
            state: Arc::new(state),
            parts: self.switchboard.parts(),
        };
        self.run(job).await
    }

    /// What is known of a conversation now, to try something out with.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn known(&self, conversation: ConversationId) -> Result<State, StoreError> {
        let stored = self.store.conversation_reading(conversation).await?;
        Ok(State::from_stored(stored))
    }

    /// After the commit of what a message gave: the next one goes on from there, unless the conversation
    /// became another one meanwhile.
    pub(crate) fn committed(&self, conversation: ConversationId, read: TextRead) {
        let (before, after) = match read.next {
            Next::Same => return,
            Next::Behind => return self.forget(conversation),
            Next::On { before, after } => (before, after),
        };
        let mut states = self.states();
        match states.get(conversation) {
            Some(known) if Arc::ptr_eq(&known, &before) => {
                states.put(conversation, after);
            }
            _ => states.forget(conversation),
        }
    }

    /// Reads the conversation from the store again before its next message.
    pub(crate) fn forget(&self, conversation: ConversationId) {
        self.states().forget(conversation);
    }

    fn states(&self) -> std::sync::MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn state(&self, conversation: ConversationId) -> Result<Arc<State>, StoreError> {
        if let Some(state) = self.states().get(conversation) {
            return Ok(state);
        }
        let stored = self.store.conversation_reading(conversation).await?;
        let state = State::from_stored(stored);
        Ok(self.states().put(conversation, state))
    }

    /// Runs a job, and asks the language model, if there is one, about a message that was not understood. Only
    /// this message waits for it, and no longer than the settings say.
    async fn run(self: &Arc<Self>, job: Job) -> Done {
        let job = Arc::new(job);
        let done = self.run_here(Arc::clone(&job), None).await;
        let Some(asking) = self.asking.as_ref().filter(|_| done.is_unsure(&job)) else {
            return done;
        };
        let analyzer = self.analyzer_in_use();
        let intents = analyzer.map_or_else(Vec::new, |a| a.model().labels().to_vec());
        let done = match asking.ask(&job.words, &intents).await {
            Ok(answer) => {
                let again = self.run_here(job, Some(answer)).await;
                match again.asked() {
                    Some(_) => again,
                    None => done.noting(Asked::Refused),
                }
            }
            Err(asked) => done.noting(asked),
        };
        if let Some(asked) = done.asked() {
            llm::count(asked);
        }
        done
    }

    /// Runs a job on a thread that may be kept busy, when it is its turn; with what a language model answered.
    async fn run_here(self: &Arc<Self>, job: Arc<Job>, answer: Option<String>) -> Done {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let parts = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            match parts.analyzer() {
                Ok(analyzer) => reader::read(&analyzer, &job, answer.as_deref()),
                Err(error) => {
                    tracing::error!(error, "a message cannot be read");
                    Done::failed()
                }
            }
        });
        task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "reading a message broke");
            Done::failed()
        })
    }

    /// A message that no part reads, because all are off or rest.
    fn left_out(&self, parts: &Parts, conversation: ConversationId) -> TextRead {
        let mut shed = parts.shed().filter(|part| Part::TEXT.contains(part));
        if shed.next().is_none() {
            return TextRead::nothing();
        }
        let why = |part| PartOutcome::skipped(parts.of(part)).unwrap_or(PartOutcome::Shed);
        let reading = Reading::unread(why);
        self.meter.read(&reading.traces);
        let change = Read {
            conversation,
            traces: traces(&reading),
            topic: None,
            thread: None,
        };
        let next = match is_turn_open(&reading) {
            true => Next::Behind,
            false => Next::Same,
        };
        TextRead {
            reading: Some(Arc::new(reading)),
            change: Some(Box::new(change)),
            next,
        }
    }

    /// Notes how long a stage took for one message.
    pub(crate) fn stage_took(&self, stage: Group, micros: u32) {
        self.meter.stage(stage, micros);
    }
}

/// The words of a message that are worth reading, with those of its file.
fn readable<'w>(content: &'w Content, file: Option<&'w str>) -> Option<Cow<'w, str>> {
    let words = with_file(content.words(), file)?;
    (!content.is_annotation() && !words.trim().is_empty()).then_some(words)
}

fn traces(reading: &Reading) -> String {
    // A list of numbers and names can always be written.
    serde_json::to_string(&reading.traces).unwrap_or_else(|_| "[]".to_owned())
}
