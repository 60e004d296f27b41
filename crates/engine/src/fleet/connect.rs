//! Keeping an account connected: which rung comes next, how soon, and when only a person can help.
//!
//! One [`ConnectFlow`] per account. It replaces the protocol library's own reconnecting, since two
//! loops would fight. It can be written down and read back, so a restart neither forgets a ban nor
//! turns a backoff into a storm.
//!
//! # What is tried
//!
//! | trouble | what follows |
//! |---|---|
//! | a connection that worked was cut, or what was kept while away stopped half-way | at once, [`FLAP_BUDGET`] times in [`FLAP_WINDOW`]; then as below |
//! | [`ErrorClass::Network`] | reconnect with backoff, [`TRIES_MAX`] times; then restore the session from the store, then rebuild the client, over and over |
//! | [`ErrorClass::Protocol`], [`ErrorClass::Unknown`] | rebuild the client, with the same backoff |
//! | [`ErrorClass::Auth`], [`ErrorClass::Lock`], an outdated client | nothing automatic: a new link or another act is offered to a person. A ban is waited out |
//!
//! Errors that are not answered by the backoff alone count in the account's [`Breaker`]; when it
//! opens a person is called, and one trial after each cooldown goes on without end. Whatever
//! happens, an account tries at most [`OPENS_PER_HOUR`] times an hour by itself.

use super::breaker::{Breaker, BreakerConfig};
use super::down::{DownReason, Remedy};
use super::rung::{Call, Doing, ErrorClass, Recovery, Rung};
use crate::flow::retry::{Jitter, doubled};
use crate::model::account::{AccountState, Reason};
use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Wait before the first slow try; doubled each time.
pub const BACKOFF_BASE: Duration = Duration::secs(5);
/// Longest wait between tries while the breaker is closed.
pub const BACKOFF_CAP: Duration = Duration::secs(60);
/// Jitter added to every wait, at most.
pub const BACKOFF_JITTER: Duration = Duration::secs(1);
/// Tries of the second rung; after these the higher ones follow.
pub const TRIES_MAX: u32 = 10;
/// Wait after a connection that had worked was cut, while the flap budget lasts.
pub const QUICK_WAIT: Duration = Duration::millis(200);
/// Quick tries within [`FLAP_WINDOW`]; beyond them a cut connection backs off like any other.
pub const FLAP_BUDGET: usize = 5;
/// The time over which quick tries are counted.
pub const FLAP_WINDOW: Duration = Duration::mins(10);
/// Connections that one account opens by itself in any hour; the next one waits.
pub const OPENS_PER_HOUR: usize = 30;
/// The hour of [`OPENS_PER_HOUR`].
pub const OPENS_WINDOW: Duration = Duration::hours(1);
/// Online for this long, failed tries and the breaker start anew.
pub const STABLE_AFTER: Duration = Duration::secs(60);
/// A connection that is not online this long after its turn came is given up.
pub const CONNECT_TIMEOUT: Duration = Duration::secs(60);
/// Shortest wait for a ban to end, should WhatsApp name a time that has passed.
pub const BAN_WAIT_MIN: Duration = Duration::secs(60);
/// Shortest wait when WhatsApp asks for fewer attempts (429).
pub const TOO_MANY_WAIT: Duration = Duration::secs(60);
/// When the network turns out to be back, a waiting account tries within this time.
pub const BACK_SPREAD: Duration = Duration::secs(2);
/// How often one trouble's wait is cut short because the network turned out to be back.
pub const BACK_MAX: u8 = 3;
/// Failed tries after which a connection that comes up says that an outage has ended.
pub const OUTAGE_FAILURES: u32 = 3;

/// WhatsApp's code for "too many requests".
const TOO_MANY: u32 = 429;
/// WhatsApp's code for "come back on a new stream".
const RESTART: u32 = 515;

/// How patient an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectConfig {
    /// See [`BACKOFF_BASE`].
    pub backoff_base: Duration,
    /// See [`BACKOFF_CAP`].
    pub backoff_cap: Duration,
    /// See [`TRIES_MAX`].
    pub tries_max: u32,
    /// The breaker's limits.
    pub breaker: BreakerConfig,
}

impl Default for ConnectConfig {
    fn default() -> Self {
        Self {
            backoff_base: BACKOFF_BASE,
            backoff_cap: BACKOFF_CAP,
            tries_max: TRIES_MAX,
            breaker: BreakerConfig::default(),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectInput {
    /// The account may connect: at start, after linking over a new socket, or because a person
    /// asked. A wait that is not over yet goes on.
    Start,
    /// A person wants it now: waits and counters are forgotten.
    Retry,
    /// A person wants the session read anew and checked: waits and counters are forgotten.
    Restore,
    /// A person wants the rung that is due next to be tried now. What is counted stays counted.
    Climb,
    /// The account's turn among those that connect has come: it dials now.
    Dialing,
    /// A connection that was opened elsewhere (by linking) is this account's from now on.
    Adopted,
    /// The connection is up and proven.
    Online,
    /// The connection is up, but this is wrong.
    Sick(Reason),
    /// All is well again.
    Well,
    /// The connection is gone, or could not be opened.
    Down(DownReason),
    /// Another account's connection came up after an outage.
    NetworkBack,
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
    /// The session is read anew and checked first.
    Restored,
    /// Built afresh from the store, nothing held in memory reused.
    Fresh,
}

impl Client {
    /// The rung that opens such a client.
    #[must_use]
    pub fn rung(self) -> Rung {
        match self {
            Self::Same => Rung::Reconnect,
            Self::Restored => Rung::Restore,
            Self::Fresh => Rung::Rebuild,
        }
    }
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectEffect {
    /// Open a connection when the account's turn comes; report [`ConnectInput::Dialing`] then.
    Open(Client),
    /// Close the connection and everything that belongs to it.
    Close,
    /// The account's state.
    SetState(AccountState, Reason),
    /// An outage has ended: tell the other accounts ([`ConnectInput::NetworkBack`]).
    TellNetworkBack,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
enum Phase {
    /// Not started, or switched off.
    Idle,
    /// The next try is due then.
    Waiting { at: Timestamp, client: Client },
    /// Waiting for its turn among the accounts that connect.
    Queued { client: Client },
    /// Being opened.
    Connecting {
        since: Timestamp,
        #[serde(default = "same")]
        client: Client,
    },
    /// Up.
    Online { since: Timestamp },
    /// Only a person helps.
    Stopped { reason: Reason },
}

/// What a connection was opened as, where an older version did not write it down.
fn same() -> Client {
    Client::Same
}

/// An account's connection over its life. Fields that an older version did not know are absent in
/// what it wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectFlow {
    #[serde(skip)]
    config: ConnectConfig,
    phase: Phase,
    /// Tries that failed since it was last stable.
    failures: u32,
    quick: VecDeque<Timestamp>,
    /// Why it is not online, while it is being brought back.
    trouble: Option<Reason>,
    #[serde(default)]
    class: Option<ErrorClass>,
    #[serde(default)]
    trouble_since: Option<Timestamp>,
    #[serde(default)]
    breaker: Breaker,
    /// Connections opened by itself lately.
    #[serde(default)]
    opened: VecDeque<Timestamp>,
    #[serde(default)]
    hurried: u8,
    #[serde(default)]
    call: Call,
    /// What is wrong with the connection that is up.
    #[serde(skip)]
    sick: Option<(Reason, Timestamp)>,
}

impl Default for ConnectFlow {
    fn default() -> Self {
        Self {
            config: ConnectConfig::default(),
            phase: Phase::Idle,
            failures: 0,
            quick: VecDeque::new(),
            trouble: None,
            class: None,
            trouble_since: None,
            breaker: Breaker::default(),
            opened: VecDeque::new(),
            hurried: 0,
            call: Call::NotNeeded,
            sick: None,
        }
    }
}

impl ConnectFlow {
    /// How patient it is from now on; not part of what is written down.
    pub fn configure(&mut self, config: ConnectConfig) {
        self.config = config;
    }

    /// Called once on what was read back after a restart: no connection of the old process lives.
    pub fn restored(&mut self) {
        if matches!(
            self.phase,
            Phase::Queued { .. } | Phase::Connecting { .. } | Phase::Online { .. }
        ) {
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
                _ => Vec::new(),
            },
            ConnectInput::Retry => self.retry(Client::Fresh, now),
            ConnectInput::Restore => self.retry(Client::Restored, now),
            ConnectInput::Climb => self.climb(now),
            ConnectInput::Dialing => {
                if let Phase::Queued { client } = self.phase {
                    self.phase = Phase::Connecting { since: now, client };
                }
                Vec::new()
            }
            ConnectInput::Adopted => {
                self.forget();
                let client = Client::Same;
                self.phase = Phase::Connecting { since: now, client };
                Vec::new()
            }
            ConnectInput::Online => self.online(now),
            ConnectInput::Sick(reason) => self.sick(reason, now),
            ConnectInput::Well => self.well(),
            ConnectInput::Down(down) => self.down(&down, now, jitter),
            ConnectInput::NetworkBack => {
                self.hurry(now, jitter);
                Vec::new()
            }
            ConnectInput::Pause => self.pause(),
            ConnectInput::Tick => self.tick(now, jitter),
        }
    }

    /// When to call [`ConnectFlow::step`] with [`ConnectInput::Tick`].
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Waiting { at, .. } => Some(at),
            Phase::Connecting { since, .. } => Some(since + CONNECT_TIMEOUT),
            Phase::Online { since } if self.remembers() => Some(since + STABLE_AFTER),
            Phase::Idle | Phase::Queued { .. } | Phase::Online { .. } | Phase::Stopped { .. } => {
                None
            }
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

    /// How it is being brought back; `None` when nothing is wrong.
    #[must_use]
    pub fn recovery(&self) -> Option<Recovery> {
        let (rung, doing) = match &self.phase {
            Phase::Idle => return None,
            Phase::Online { .. } => {
                let (reason, since) = self.sick.as_ref()?;
                return Some(self.ailing(reason, *since));
            }
            Phase::Waiting { at, client } => (client.rung(), Doing::Waiting { at: *at }),
            Phase::Queued { client } => (client.rung(), Doing::Queued),
            Phase::Connecting { since, client } => {
                let until = *since + CONNECT_TIMEOUT;
                (client.rung(), Doing::Trying { until })
            }
            Phase::Stopped { reason } => (offered(reason), Doing::Offered),
        };
        let stopped = match &self.phase {
            Phase::Stopped { reason } => Some(reason),
            _ => None,
        };
        let reason = self.trouble.as_ref().or(stopped)?.clone();
        Some(Recovery {
            rung,
            doing,
            then: self.then(rung),
            class: self.class.unwrap_or(ErrorClass::Unknown),
            since: self.trouble_since.unwrap_or_default(),
            failures: self.failures,
            breaker: self.breaker.state(),
            breaker_errors: self.breaker.errors(),
            call: self.call,
            reason,
        })
    }

    /// Up, but not well.
    fn ailing(&self, reason: &Reason, since: Timestamp) -> Recovery {
        let asking = matches!(reason, Reason::KeepaliveTimeout | Reason::NotServed);
        let (rung, doing, then, class) = if asking {
            let class = ErrorClass::Network;
            (Rung::Probe, Doing::Asking, Rung::Reconnect, class)
        } else {
            let class = match reason {
                Reason::DecryptFailing => ErrorClass::Protocol,
                _ => ErrorClass::Auth,
            };
            (Rung::Person, Doing::Offered, Rung::Person, class)
        };
        Recovery {
            rung,
            doing,
            then,
            reason: reason.clone(),
            class,
            since,
            failures: self.failures,
            breaker: self.breaker.state(),
            breaker_errors: self.breaker.errors(),
            call: if asking { self.call } else { Call::Made },
        }
    }

    /// The rung after this one, should it fail.
    fn then(&self, rung: Rung) -> Rung {
        match rung {
            Rung::Probe => Rung::Reconnect,
            Rung::Reconnect if self.failures < self.config.tries_max => Rung::Reconnect,
            Rung::Reconnect => Rung::Restore,
            Rung::Restore | Rung::Rebuild => Rung::Rebuild,
            Rung::RelinkQr => Rung::RelinkCode,
            Rung::RelinkCode | Rung::Person => Rung::Person,
        }
    }

    fn open(&mut self, client: Client, reason: Reason, now: Timestamp) -> Vec<ConnectEffect> {
        self.phase = Phase::Queued { client };
        self.breaker.tried();
        if self.opened.len() >= OPENS_PER_HOUR {
            self.opened.pop_front();
        }
        self.opened.push_back(now);
        let (state, reason) = match &self.trouble {
            Some(trouble) => (AccountState::Recovering, trouble.clone()),
            None => (AccountState::Connecting, reason),
        };
        vec![
            ConnectEffect::SetState(state, reason),
            ConnectEffect::Open(client),
        ]
    }

    /// Whether there is anything to forget once it is stable.
    fn remembers(&self) -> bool {
        self.failures > 0 || self.hurried > 0 || self.breaker != Breaker::default()
    }

    fn calm(&mut self) {
        self.failures = 0;
        self.hurried = 0;
        self.breaker.worked();
    }

    fn forget(&mut self) {
        self.calm();
        self.quick.clear();
        self.opened.clear();
        self.well_again();
    }

    fn well_again(&mut self) {
        self.trouble = None;
        self.class = None;
        self.trouble_since = None;
        self.call = Call::NotNeeded;
        self.sick = None;
    }

    /// What must be closed of the connection it has.
    fn closing(&self) -> Vec<ConnectEffect> {
        match self.phase {
            Phase::Queued { .. } | Phase::Connecting { .. } | Phase::Online { .. } => {
                vec![ConnectEffect::Close]
            }
            Phase::Idle | Phase::Waiting { .. } | Phase::Stopped { .. } => Vec::new(),
        }
    }

    fn retry(&mut self, client: Client, now: Timestamp) -> Vec<ConnectEffect> {
        self.forget();
        let mut effects = self.closing();
        effects.extend(self.open(client, Reason::Requested, now));
        effects
    }

    /// A wait is cut short; what is under way or up is left alone. What stopped the account may be
    /// gone: whoever asks says so.
    fn climb(&mut self, now: Timestamp) -> Vec<ConnectEffect> {
        match self.phase {
            Phase::Waiting { client, .. } => self.open(client, Reason::Requested, now),
            Phase::Idle | Phase::Stopped { .. } => self.open(Client::Fresh, Reason::Requested, now),
            Phase::Queued { .. } | Phase::Connecting { .. } | Phase::Online { .. } => Vec::new(),
        }
    }

    fn online(&mut self, now: Timestamp) -> Vec<ConnectEffect> {
        if !matches!(self.phase, Phase::Connecting { .. } | Phase::Queued { .. }) {
            return Vec::new();
        }
        let network = self.class == Some(ErrorClass::Network);
        let outage = network && self.failures >= OUTAGE_FAILURES;
        self.phase = Phase::Online { since: now };
        self.well_again();
        let online = ConnectEffect::SetState(AccountState::Online, Reason::Connected);
        if outage {
            return vec![online, ConnectEffect::TellNetworkBack];
        }
        vec![online]
    }

    fn sick(&mut self, reason: Reason, now: Timestamp) -> Vec<ConnectEffect> {
        if !matches!(self.phase, Phase::Online { .. }) {
            return Vec::new();
        }
        let since = self.sick.as_ref().map_or(now, |(_, since)| *since);
        self.sick = Some((reason.clone(), since));
        vec![ConnectEffect::SetState(AccountState::Degraded, reason)]
    }

    fn well(&mut self) -> Vec<ConnectEffect> {
        if !matches!(self.phase, Phase::Online { .. }) || self.sick.take().is_none() {
            return Vec::new();
        }
        vec![ConnectEffect::SetState(
            AccountState::Online,
            Reason::Connected,
        )]
    }

    fn pause(&mut self) -> Vec<ConnectEffect> {
        let mut effects = self.closing();
        self.phase = Phase::Idle;
        self.forget();
        effects.push(ConnectEffect::SetState(
            AccountState::Disabled,
            Reason::Requested,
        ));
        effects
    }

    fn tick(&mut self, now: Timestamp, jitter: Jitter) -> Vec<ConnectEffect> {
        match self.phase {
            Phase::Waiting { at, client } if at <= now => self.open(client, Reason::Starting, now),
            Phase::Connecting { since, .. } if since + CONNECT_TIMEOUT <= now => {
                let mut effects = vec![ConnectEffect::Close];
                effects.extend(self.down(&DownReason::Network, now, jitter));
                effects
            }
            Phase::Online { since } if since + STABLE_AFTER <= now => {
                self.calm();
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn down(&mut self, down: &DownReason, now: Timestamp, jitter: Jitter) -> Vec<ConnectEffect> {
        let worked_since = match self.phase {
            Phase::Online { since } => Some(since),
            Phase::Queued { .. } | Phase::Connecting { .. } => None,
            // A late word from a connection that is not ours any more.
            Phase::Idle | Phase::Waiting { .. } | Phase::Stopped { .. } => return Vec::new(),
        };
        if worked_since.is_some_and(|since| now.since(since) >= STABLE_AFTER) {
            self.calm();
        }
        self.sick = None;
        if matches!(down, DownReason::Closed) {
            self.phase = Phase::Idle;
            return Vec::new();
        }
        self.trouble = Some(down.reason());
        self.class = Some(down.class());
        self.trouble_since.get_or_insert(now);
        self.phase = match down.remedy() {
            Remedy::Stay => Phase::Idle,
            Remedy::Relink | Remedy::Person | Remedy::Refused => {
                self.call = Call::Made;
                Phase::Stopped {
                    reason: down.reason(),
                }
            }
            Remedy::WaitUntil(until) => {
                let at = until.max(now + BAN_WAIT_MIN) + jitter.of(BACKOFF_JITTER);
                let client = Client::Restored;
                Phase::Waiting { at, client }
            }
            Remedy::Reconnect | Remedy::Rebuild => {
                // What was kept while away comes before the account counts as online.
                let was_in = worked_since.is_some() || *down == DownReason::OfflineSyncInterrupted;
                let quick = was_in && may_be_quick(down);
                self.next_try(down, quick, now, jitter)
            }
        };
        vec![ConnectEffect::SetState(down.state(), down.reason())]
    }

    /// Which rung is next, and when.
    fn next_try(
        &mut self,
        down: &DownReason,
        quick: bool,
        now: Timestamp,
        jitter: Jitter,
    ) -> Phase {
        let jittered = |at: Timestamp| at + jitter.of(BACKOFF_JITTER);
        if quick && self.may_flap(now) {
            let at = self.within_budget(jittered(now + QUICK_WAIT), now);
            let client = if down.remedy() == Remedy::Rebuild {
                Client::Fresh
            } else {
                Client::Same
            };
            return Phase::Waiting { at, client };
        }
        self.failures = self.failures.saturating_add(1);
        let client = self.client(down);
        let n = self.failures.saturating_sub(1);
        let mut at = now + doubled(self.config.backoff_base, n, self.config.backoff_cap);
        if *down == (DownReason::ServerError { status: TOO_MANY }) {
            at = at.max(now + TOO_MANY_WAIT);
        }
        if client != Client::Same
            && let Some(until) = self.breaker.failed(&self.config.breaker, now)
        {
            at = at.max(until);
            self.call = Call::Made;
        }
        let at = self.within_budget(jittered(at), now);
        Phase::Waiting { at, client }
    }

    /// An outage is answered by the same session until the tries are used up; then the session is
    /// read anew once, and after that all is built anew, as at once for trouble within.
    fn client(&self, down: &DownReason) -> Client {
        if down.class() != ErrorClass::Network {
            return Client::Fresh;
        }
        match self.failures.checked_sub(self.config.tries_max) {
            None | Some(0) => Client::Same,
            Some(1) => Client::Restored,
            Some(_) => Client::Fresh,
        }
    }

    /// Takes one of the quick tries, if one is left.
    fn may_flap(&mut self, now: Timestamp) -> bool {
        let old = |at: &Timestamp| now.since(*at) >= FLAP_WINDOW;
        while self.quick.front().is_some_and(old) {
            self.quick.pop_front();
        }
        let left = self.quick.len() < FLAP_BUDGET;
        if left {
            self.quick.push_back(now);
        }
        left
    }

    /// Not before the hour allows another connection.
    fn within_budget(&self, at: Timestamp, now: Timestamp) -> Timestamp {
        match self.opened.front() {
            Some(first) if self.opened.len() >= OPENS_PER_HOUR => {
                // A clock that was set back must not stop the account for as long as it moved.
                at.max((*first).min(now) + OPENS_WINDOW)
            }
            _ => at,
        }
    }

    /// The network is back: no need to wait out a backoff, but all at once would be a storm.
    fn hurry(&mut self, now: Timestamp, jitter: Jitter) {
        let Phase::Waiting { at, client } = self.phase else {
            return;
        };
        if self.class != Some(ErrorClass::Network) || self.hurried >= BACK_MAX {
            return;
        }
        let soon = self.within_budget(now + jitter.of(BACK_SPREAD), now);
        if soon < at {
            self.hurried += 1;
            self.phase = Phase::Waiting { at: soon, client };
        }
    }
}

/// The rung that is offered to a person.
fn offered(reason: &Reason) -> Rung {
    match reason {
        Reason::DeviceRemoved | Reason::MainDeviceGone | Reason::SessionInvalid => Rung::RelinkQr,
        _ => Rung::Person,
    }
}

/// Trouble of our own making, and a server that says no, do not go away in a moment.
fn may_be_quick(down: &DownReason) -> bool {
    match down {
        DownReason::Network
        | DownReason::KeepaliveTimeout
        | DownReason::NotServed
        | DownReason::Unwell { .. }
        | DownReason::OfflineSyncInterrupted => true,
        DownReason::ServerError { status } => *status == RESTART,
        _ => false,
    }
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
