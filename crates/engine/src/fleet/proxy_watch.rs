//! Whether an account's proxy still gives a way to WhatsApp, while nobody happens to need one.
//!
//! A connection that is up proves only the way that it already has, and an account that is switched
//! off proves nothing. So a proxy that no connection was opened through for [`CHECK_EVERY`] is tried.
//! One failure is asked again after [`CHECK_AGAIN`] before it is believed; then the waits double up
//! to [`CHECK_EVERY`]. What is believed never opens another way and never ends a connection: it is
//! told, and a proxy that works again lets an account that was stopped for it connect.

use crate::flow::retry::{Jitter, doubled};
use crate::model::account::Reason;
use crate::model::time::{Duration, Timestamp};

/// Nothing was opened through a proxy for this long: it is tried.
pub const CHECK_EVERY: Duration = Duration::mins(10);
/// Wait before a failure is asked again; doubled each time, up to [`CHECK_EVERY`].
pub const CHECK_AGAIN: Duration = Duration::secs(30);
/// Failures in a row that are believed.
pub const FAILURES_MIN: u32 = 2;
/// A trial whose end nobody has told for this long is begun anew.
pub const TRIAL_MAX: Duration = Duration::mins(1);

/// When proxies are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyWatchConfig {
    /// See [`CHECK_EVERY`]; `None` tries none by itself.
    pub every: Option<Duration>,
    /// See [`CHECK_AGAIN`].
    pub again: Duration,
}

impl Default for ProxyWatchConfig {
    fn default() -> Self {
        Self {
            every: Some(CHECK_EVERY),
            again: CHECK_AGAIN,
        }
    }
}

/// What is believed of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProxyState {
    /// It was not tried yet.
    Unknown,
    /// It gave a way when it was last tried.
    Works,
    /// It failed once; that is asked again.
    Doubtful,
    /// It gives no way.
    Failing,
}

impl ProxyState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Works, Self::Doubtful, Self::Failing];

    /// The name as shown and counted.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Works => "works",
            Self::Doubtful => "doubtful",
            Self::Failing => "failing",
        }
    }
}

/// A proxy's state with what is known of it, to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyView {
    /// What is believed.
    pub state: ProxyState,
    /// Why it gives no way; set while doubtful and failing.
    pub reason: Option<Reason>,
    /// When it was last tried, or a connection opened through it.
    pub tried_at: Option<Timestamp>,
    /// Since when it gives no way.
    pub failing_since: Option<Timestamp>,
    /// When it is tried next, if nothing else proves it before.
    pub next_at: Option<Timestamp>,
}

/// What others want to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyNews {
    /// It gives no way; for this reason.
    Fails(Reason),
    /// It gives one again.
    WorksAgain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// To be tried then; `None` when it is not tried by itself.
    Due(Option<Timestamp>),
    /// Being tried.
    Trying { since: Timestamp },
}

/// One proxy of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyWatch {
    config: ProxyWatchConfig,
    phase: Phase,
    failures: u32,
    reason: Option<Reason>,
    tried_at: Option<Timestamp>,
    failing_since: Option<Timestamp>,
}

impl ProxyWatch {
    /// Of a proxy that a person has just set.
    #[must_use]
    pub fn of_new(config: ProxyWatchConfig, now: Timestamp, jitter: Jitter) -> Self {
        Self::within(config, config.again, now, jitter)
    }

    /// Of a proxy that was set before this process began. All of them are spread over the time
    /// between two trials.
    #[must_use]
    pub fn of_known(config: ProxyWatchConfig, now: Timestamp, jitter: Jitter) -> Self {
        Self::within(config, config.every.unwrap_or(config.again), now, jitter)
    }

    fn within(config: ProxyWatchConfig, span: Duration, now: Timestamp, jitter: Jitter) -> Self {
        Self {
            config,
            phase: Phase::Due(config.every.map(|every| now + jitter.of(span.min(every)))),
            failures: 0,
            reason: None,
            tried_at: None,
            failing_since: None,
        }
    }

    /// When it is to be tried, or the trial under way counts as lost.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Due(at) => at,
            Phase::Trying { since } => Some(since + TRIAL_MAX),
        }
    }

    /// A trial begins; report what comes of it with [`ProxyWatch::came`].
    pub fn begun(&mut self, now: Timestamp) {
        self.phase = Phase::Trying { since: now };
    }

    /// A trial, or a connection that was opened through it, came to this. Whatever opened or failed
    /// to open a way proves as much as a trial.
    pub fn came(
        &mut self,
        outcome: Result<(), Reason>,
        now: Timestamp,
        jitter: Jitter,
    ) -> Option<ProxyNews> {
        self.tried_at = Some(now);
        let believed_before = self.state();
        match outcome {
            Ok(()) => {
                self.failures = 0;
                self.reason = None;
                self.failing_since = None;
            }
            Err(reason) => {
                self.failures = self.failures.saturating_add(1);
                self.reason = Some(reason);
                self.failing_since.get_or_insert(now);
            }
        }
        let wait = self.config.every.map(|every| match self.failures {
            0 => every,
            failures => doubled(self.config.again, failures - 1, every).min(every),
        });
        self.phase = Phase::Due(wait.map(|wait| now + jitter.spread(wait)));
        match (believed_before, self.state(), &self.reason) {
            (ProxyState::Failing, ProxyState::Works, _) => Some(ProxyNews::WorksAgain),
            (ProxyState::Failing, ProxyState::Failing, _) => None,
            (_, ProxyState::Failing, Some(reason)) => Some(ProxyNews::Fails(reason.clone())),
            _ => None,
        }
    }

    fn state(&self) -> ProxyState {
        match (self.failures, self.tried_at) {
            (0, None) => ProxyState::Unknown,
            (0, Some(_)) => ProxyState::Works,
            (failures, _) if failures < FAILURES_MIN => ProxyState::Doubtful,
            _ => ProxyState::Failing,
        }
    }

    /// What to show.
    #[must_use]
    pub fn view(&self) -> ProxyView {
        ProxyView {
            state: self.state(),
            reason: self.reason.clone(),
            tried_at: self.tried_at,
            failing_since: self.failing_since,
            next_at: match self.phase {
                Phase::Due(at) => at,
                Phase::Trying { since } => Some(since),
            },
        }
    }
}

#[cfg(test)]
#[path = "proxy_watch_tests.rs"]
mod tests;
