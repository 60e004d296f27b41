//! Keeping an account connected: how soon to try again, and when only a person can help.
//!
//! One [`ConnectFlow`] per account. It replaces the protocol library's own reconnecting, since two
//! loops would fight. It can be written down and read back, so a restart neither forgets a ban nor
//! turns a backoff into a storm.

use super::down::{DownReason, Remedy};
use crate::flow::retry::{Jitter, doubled};
use crate::model::account::{AccountState, Reason};
use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Wait before the first slow try; doubled each time.
pub const BACKOFF_BASE: Duration = Duration::secs(5);
/// Longest wait while the tries last.
pub const BACKOFF_CAP: Duration = Duration::secs(60);
/// Jitter added to every wait, at most.
pub const BACKOFF_JITTER: Duration = Duration::secs(1);
/// Tries with backoff; after these the cooldowns follow, without end.
pub const TRIES_MAX: u32 = 10;
/// Waits after the tries; the last one repeats.
pub const COOLDOWNS: [Duration; 3] = [
    Duration::secs(300),
    Duration::secs(900),
    Duration::secs(1_800),
];
/// Wait after a connection that had worked was cut, while the flap budget lasts.
pub const QUICK_WAIT: Duration = Duration::millis(200);
/// Quick tries within [`FLAP_WINDOW`]; beyond them a cut connection backs off like any other.
pub const FLAP_BUDGET: usize = 5;
/// The time over which quick tries are counted.
pub const FLAP_WINDOW: Duration = Duration::mins(10);
/// Online for this long, the count of failed tries starts anew.
pub const STABLE_AFTER: Duration = Duration::secs(60);
/// A connection that is not online after this long is given up.
pub const CONNECT_TIMEOUT: Duration = Duration::secs(60);
/// Shortest wait for a ban to end, should WhatsApp name a time that has passed.
pub const BAN_WAIT_MIN: Duration = Duration::secs(60);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectInput {
    /// The account may connect: at start, after linking over a new socket, or because a person
    /// asked. A wait that is not over yet goes on.
    Start,
    /// A person wants it now: waits and counters are forgotten.
    Retry,
    /// A connection that was opened elsewhere (by linking) is this account's from now on.
    Adopted,
    /// The connection is up and proven.
    Online,
    /// The connection is gone, or could not be opened.
    Down(DownReason),
    /// A person switched the account off.
    Pause,
    /// Time passed; see [`ConnectFlow::wake_at`].
    Tick,
}

/// Which client opens the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Client {
    /// The same session; nothing was wrong with it.
    Same,
    /// Built afresh from the store, no cache reused.
    Fresh,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectEffect {
    /// Open a connection.
    Open(Client),
    /// Close the connection and everything that belongs to it.
    Close,
    /// The account's state.
    SetState(AccountState, Reason),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum Phase {
    /// Not started, or switched off.
    Idle,
    /// The next try is due then.
    Waiting { at: Timestamp, client: Client },
    /// Being opened.
    Connecting { since: Timestamp },
    /// Up.
    Online { since: Timestamp },
    /// Only a person helps.
    Stopped { reason: Reason },
}

/// An account's connection over its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectFlow {
    phase: Phase,
    /// Tries that failed since it was last stable.
    failures: u32,
    quick: VecDeque<Timestamp>,
    /// Why it is not online, while it is being brought back.
    trouble: Option<Reason>,
}

impl Default for ConnectFlow {
    fn default() -> Self {
        Self {
            phase: Phase::Idle,
            failures: 0,
            quick: VecDeque::new(),
            trouble: None,
        }
    }
}

impl ConnectFlow {
    /// Called once on what was read back after a restart: no connection of the old process lives.
    pub fn restored(&mut self) {
        if matches!(self.phase, Phase::Connecting { .. } | Phase::Online { .. }) {
            self.phase = Phase::Idle;
        }
    }

    /// Takes what happened and says what to do.
    pub fn step(
        &mut self,
        input: ConnectInput,
        now: Timestamp,
        jitter: Jitter,
    ) -> Vec<ConnectEffect> {
        match input {
            ConnectInput::Start => match &self.phase {
                Phase::Idle => self.open(Client::Fresh, Reason::Starting, now),
                Phase::Waiting { .. } => self.tick(now, jitter),
                Phase::Connecting { .. } | Phase::Online { .. } | Phase::Stopped { .. } => {
                    Vec::new()
                }
            },
            ConnectInput::Retry => self.retry(now),
            ConnectInput::Adopted => {
                self.forget();
                self.phase = Phase::Connecting { since: now };
                Vec::new()
            }
            ConnectInput::Online => self.online(now),
            ConnectInput::Down(down) => self.down(&down, now, jitter),
            ConnectInput::Pause => self.pause(),
            ConnectInput::Tick => self.tick(now, jitter),
        }
    }

    /// When to call [`ConnectFlow::step`] with [`ConnectInput::Tick`].
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Waiting { at, .. } => Some(at),
            Phase::Connecting { since } => Some(since + CONNECT_TIMEOUT),
            Phase::Idle | Phase::Online { .. } | Phase::Stopped { .. } => None,
        }
    }

    /// When the next try is due, to show.
    #[must_use]
    pub fn next_attempt(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Waiting { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Tries that failed since it was last stable.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn open(&mut self, client: Client, reason: Reason, now: Timestamp) -> Vec<ConnectEffect> {
        self.phase = Phase::Connecting { since: now };
        let (state, reason) = match &self.trouble {
            Some(trouble) => (AccountState::Recovering, trouble.clone()),
            None => (AccountState::Connecting, reason),
        };
        vec![
            ConnectEffect::SetState(state, reason),
            ConnectEffect::Open(client),
        ]
    }

    fn forget(&mut self) {
        self.failures = 0;
        self.quick.clear();
        self.trouble = None;
    }

    fn retry(&mut self, now: Timestamp) -> Vec<ConnectEffect> {
        self.forget();
        let open = matches!(self.phase, Phase::Connecting { .. } | Phase::Online { .. });
        let mut effects = if open {
            vec![ConnectEffect::Close]
        } else {
            Vec::new()
        };
        effects.extend(self.open(Client::Fresh, Reason::Requested, now));
        effects
    }

    fn online(&mut self, now: Timestamp) -> Vec<ConnectEffect> {
        if !matches!(self.phase, Phase::Connecting { .. }) {
            return Vec::new();
        }
        self.phase = Phase::Online { since: now };
        self.trouble = None;
        vec![ConnectEffect::SetState(
            AccountState::Online,
            Reason::Connected,
        )]
    }

    fn pause(&mut self) -> Vec<ConnectEffect> {
        let open = matches!(self.phase, Phase::Connecting { .. } | Phase::Online { .. });
        self.phase = Phase::Idle;
        self.forget();
        let mut effects = if open {
            vec![ConnectEffect::Close]
        } else {
            Vec::new()
        };
        effects.push(ConnectEffect::SetState(
            AccountState::Disabled,
            Reason::Requested,
        ));
        effects
    }

    fn tick(&mut self, now: Timestamp, jitter: Jitter) -> Vec<ConnectEffect> {
        match self.phase {
            Phase::Waiting { at, client } if at <= now => self.open(client, Reason::Starting, now),
            Phase::Connecting { since } if since + CONNECT_TIMEOUT <= now => {
                let mut effects = vec![ConnectEffect::Close];
                effects.extend(self.down(&DownReason::Network, now, jitter));
                effects
            }
            _ => Vec::new(),
        }
    }

    fn down(&mut self, down: &DownReason, now: Timestamp, jitter: Jitter) -> Vec<ConnectEffect> {
        let worked_since = match self.phase {
            Phase::Online { since } => Some(since),
            Phase::Connecting { .. } => None,
            // A late word from a connection that is not ours any more.
            Phase::Idle | Phase::Waiting { .. } | Phase::Stopped { .. } => return Vec::new(),
        };
        if worked_since.is_some_and(|since| now.since(since) >= STABLE_AFTER) {
            self.failures = 0;
        }
        self.phase = match down.remedy() {
            Remedy::Stay => Phase::Idle,
            Remedy::Relink | Remedy::Person | Remedy::Refused => Phase::Stopped {
                reason: down.reason(),
            },
            Remedy::WaitUntil(until) => {
                let at = until.max(now + BAN_WAIT_MIN) + jitter.of(BACKOFF_JITTER);
                Phase::Waiting {
                    at,
                    client: Client::Fresh,
                }
            }
            remedy => {
                let quick = worked_since.is_some() && may_be_quick(down);
                let wait = self.next_wait(quick, now, jitter);
                let client = if remedy == Remedy::Rebuild {
                    Client::Fresh
                } else {
                    Client::Same
                };
                Phase::Waiting {
                    at: now + wait,
                    client,
                }
            }
        };
        if matches!(down, DownReason::Closed) {
            return Vec::new();
        }
        self.trouble = Some(down.reason());
        vec![ConnectEffect::SetState(down.state(), down.reason())]
    }

    fn next_wait(&mut self, quick: bool, now: Timestamp, jitter: Jitter) -> Duration {
        while self
            .quick
            .front()
            .is_some_and(|at| now.since(*at) >= FLAP_WINDOW)
        {
            self.quick.pop_front();
        }
        let wait = if quick && self.quick.len() < FLAP_BUDGET {
            self.quick.push_back(now);
            QUICK_WAIT
        } else {
            self.failures = self.failures.saturating_add(1);
            wait_after(self.failures)
        };
        Duration(wait.0 + jitter.of(BACKOFF_JITTER).0)
    }
}

/// Trouble of our own making does not go away in a moment.
fn may_be_quick(down: &DownReason) -> bool {
    !matches!(
        down,
        DownReason::Backpressure | DownReason::StoreFailed { .. }
    )
}

/// The wait after the `failures`th failed try, from 1, without jitter.
fn wait_after(failures: u32) -> Duration {
    if failures <= TRIES_MAX {
        return doubled(BACKOFF_BASE, failures.saturating_sub(1), BACKOFF_CAP);
    }
    let nth = usize::try_from(failures - TRIES_MAX - 1).unwrap_or(usize::MAX);
    COOLDOWNS[nth.min(COOLDOWNS.len() - 1)]
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
