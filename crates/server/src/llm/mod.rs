//! A language model that is asked about messages which the trained model does not understand. Off by default.
//!
//! [`LlmClient`] is the port, [`openai`] and [`anthropic`] are its two adapters. [`Asking`] keeps the limits: how
//! long an answer may take, how often one is asked for, and how much of a message leaves this machine. What may be
//! sent and what may be taken of an answer is decided in [`waypost_insight::llm`]; nothing is believed here.

mod anthropic;
mod openai;
mod service;

use crate::clock;
use crate::config::{Llm, LlmProvider};
use anthropic::Anthropic;
use anyhow::Result;
use async_trait::async_trait;
use openai::OpenAi;
use service::Service;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use waypost_engine::flow::meaning::Asked;
use waypost_engine::model::Timestamp;
use waypost_insight::llm::{Question, question};

/// The time over which calls are counted.
const MINUTE_MS: i64 = 60_000;

/// Why there is no answer. No log shows what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LlmError {
    /// Nobody answered, or not to the end.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It answered that it will not.
    #[error("it answered with status {0}")]
    Status(u16),
    /// It answered with something that its interface does not describe.
    #[error("it answered with something else than its interface describes")]
    Unreadable,
}

/// A language model, somewhere.
#[async_trait]
pub(crate) trait LlmClient: fmt::Debug + Send + Sync {
    /// What it answers: text, to be trusted with nothing.
    ///
    /// # Errors
    /// When there is no answer. How long that takes is the caller's to limit.
    async fn ask(&self, question: &Question) -> Result<String, LlmError>;
}

/// Asks within the limits of the settings.
#[derive(Debug)]
pub(crate) struct Asking {
    client: Arc<dyn LlmClient>,
    timeout: Duration,
    chars_max: usize,
    calls: Calls,
}

impl Asking {
    /// The model of the settings, if one is set.
    ///
    /// # Errors
    /// When its address is none, or its key cannot be read.
    pub(crate) fn from_settings(llm: &Llm) -> Result<Option<Self>> {
        let Some(provider) = llm.provider else {
            return Ok(None);
        };
        let client: Arc<dyn LlmClient> = match provider {
            LlmProvider::Openai => Arc::new(OpenAi(Service::new(llm, openai::PLACE)?)),
            LlmProvider::Anthropic => Arc::new(Anthropic(Service::new(llm, anthropic::PLACE)?)),
        };
        Ok(Some(Self {
            client,
            timeout: Duration::from_millis(llm.timeout_ms),
            chars_max: llm.max_chars,
            calls: Calls::new(llm.calls_per_minute),
        }))
    }

    /// What the model answers about a message, in time; or why it does not. `intents` are the names that it may
    /// give. Of the message its words are sent, up to the limit, and nothing else.
    pub(crate) async fn ask(&self, words: &str, intents: &[String]) -> Result<String, Asked> {
        if !self.calls.take(clock::now()) {
            return Err(Asked::Limited);
        }
        let head: String = words.chars().take(self.chars_max).collect();
        let question = question(&head, intents);
        let begun = clock::monotonic();
        let answer = tokio::time::timeout(self.timeout, self.client.ask(&question)).await;
        metrics::histogram!("waypost_llm_seconds").record(begun.elapsed().as_secs_f64());
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the language model was no help");
                Err(Asked::Failed)
            }
            Err(_) => Err(Asked::TimedOut),
        }
    }
}

/// Counts what came of asking.
pub(crate) fn count(asked: Asked) {
    metrics::counter!("waypost_llm_calls_total", "outcome" => asked.name()).increment(1);
}

/// How often the model was asked in this minute.
#[derive(Debug)]
struct Calls {
    max: u32,
    /// Since when it is counted, and how many there were.
    since: Mutex<(Timestamp, u32)>,
}

impl Calls {
    fn new(max: u32) -> Self {
        Self {
            max,
            since: Mutex::new((Timestamp(0), 0)),
        }
    }

    /// Whether there may be one more now.
    fn take(&self, now: Timestamp) -> bool {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.0.saturating_sub(since.0.0);
        if !(0..MINUTE_MS).contains(&passed) {
            *since = (now, 0);
        }
        let may = since.1 < self.max;
        since.1 += u32::from(may);
        may
    }
}

#[cfg(test)]
mod tests;
