//! One account: the engine's machines as the program drives them, beside the connection as it really
//! is.

use super::FleetMutant;
use waypost_engine::fleet::connect::Client;
use waypost_engine::fleet::{
    Answer, ConnectEffect, ConnectFlow, ConnectInput, DownReason, Liveness, LivenessConfig,
    LivenessEffect, Signal, Vitals,
};
use waypost_engine::flow::retry::Jitter;
use waypost_engine::model::{AccountState, Reason, Timestamp};

/// How a connection really is, whatever the account believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Messages pass.
    Healthy,
    /// Nothing passes, and nobody says so.
    Silent,
    /// Probes are answered, and nothing else.
    Unserved,
}

/// A connection that is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Which of the account's connections.
    pub no: u64,
    /// How it really is.
    pub mode: Mode,
}

/// A question to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// Whether the server answers.
    Probe,
    /// Whether messages pass.
    RoundTrip,
}

/// What the account wants of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// A connection, when its turn comes.
    Connect(Client),
    /// No connection any more, and no turn.
    Disconnect,
    /// An answer within so many milliseconds.
    Ask(Question, i64),
    /// That all others know that the network is back.
    TellNetworkBack,
}

/// Why WhatsApp, or a person, keeps the account from connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barrier {
    /// Nothing does.
    None,
    /// The device was removed; a person must link it.
    Removed,
    /// Another program holds the session; a person must stop it.
    Replaced,
    /// The number is banned until then.
    Banned(i64),
}

/// What became of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Messages pass.
    Serving,
    /// They do not, and a person or WhatsApp's ban is to blame.
    Barred,
    /// They do not.
    Lost,
}

/// One account.
#[derive(Debug, Clone)]
pub struct Account {
    /// The ladder.
    pub connect: ConnectFlow,
    /// The proof of life.
    pub liveness: Liveness,
    /// What the channel saw on this connection.
    pub vitals: Vitals,
    /// The connection that is up.
    pub line: Option<Line>,
    /// Whether its loop knows it to be up.
    pub believes_up: bool,
    /// The number of the newest attempt.
    pub last_no: u64,
    /// Whether the newest attempt builds everything anew.
    pub fresh: bool,
    /// What keeps it from connecting.
    pub barrier: Barrier,
    /// Whether it was told so, and must not try.
    pub told: bool,
    /// Logins are refused until then.
    pub refused_until: i64,
    /// Offline messages are interrupted until then.
    pub interrupted_until: i64,
    /// Nobody can be read until the client is built anew.
    pub unreadable: bool,
    /// The phone is switched off until then.
    pub phone_off_until: i64,
    /// The session. Only a person's new link replaces it; nothing takes it away.
    pub session: Option<u32>,
    /// The state shown, and why.
    pub state: (AccountState, Reason),
    /// When its loop is to be woken; later wake-ups are void.
    pub wake_at: i64,
    /// Since when its standing holds, and what it is.
    pub standing: (i64, Standing),
    /// The reason that it showed then.
    pub shown_before: &'static str,
    /// When messages last passed.
    pub served_at: i64,
    stale: Option<Liveness>,
    mutant: Option<FleetMutant>,
}

impl Account {
    /// Linked, and not connected yet.
    #[must_use]
    pub fn new(now: i64, mutant: Option<FleetMutant>) -> Self {
        Self {
            connect: ConnectFlow::default(),
            liveness: Liveness::new(LivenessConfig::default()),
            vitals: Vitals::default(),
            line: None,
            believes_up: false,
            last_no: 0,
            fresh: false,
            barrier: Barrier::None,
            told: false,
            refused_until: 0,
            interrupted_until: 0,
            unreadable: false,
            phone_off_until: 0,
            session: Some(1),
            state: (AccountState::Connecting, Reason::Starting),
            wake_at: i64::MAX,
            standing: (now, Standing::Lost),
            shown_before: Reason::Starting.code(),
            served_at: i64::MIN,
            stale: None,
            mutant,
        }
    }

    /// Hands the ladder what happened.
    pub fn step(&mut self, input: ConnectInput, now: i64, raw: u64) -> Vec<Want> {
        let mut wants = Vec::new();
        let effects = self
            .connect
            .step(input, Timestamp(now), Jitter::from_random(raw));
        for effect in effects {
            // Exhaustive on purpose: there is no effect that takes a session away.
            match effect {
                ConnectEffect::Open(client) => {
                    self.last_no += 1;
                    wants.push(Want::Connect(client));
                }
                ConnectEffect::Close => {
                    self.hang_up(now);
                    wants.push(Want::Disconnect);
                }
                ConnectEffect::SetState(state, reason) => self.state = (state, reason),
                ConnectEffect::TellNetworkBack => wants.push(Want::TellNetworkBack),
            }
        }
        wants
    }

    /// Hands the proof of life what happened.
    pub fn feel(&mut self, signal: &Signal, now: i64, raw: u64) -> Vec<Want> {
        if self.mutant == Some(FleetMutant::NeverWatches) {
            return Vec::new();
        }
        if *signal == Signal::Connected
            && let Some(stale) = self.stale.take()
        {
            // Mutant: the watchdog goes on where it was with the connection before.
            self.liveness = stale;
            return self.feel(&Signal::Probed(Answer::Missing), now, raw);
        }
        let before = self.liveness.clone();
        let mut wants = Vec::new();
        for effect in self.liveness.step(signal, &self.vitals, Timestamp(now)) {
            match effect {
                LivenessEffect::Probe { .. } if self.mutant == Some(FleetMutant::IdleIsDead) => {
                    for _ in 0..2 {
                        wants.extend(self.feel(&Signal::Probed(Answer::Missing), now, raw));
                    }
                }
                LivenessEffect::Probe { wait } => {
                    wants.push(Want::Ask(Question::Probe, wait.0 as i64));
                }
                LivenessEffect::RoundTrip { wait } => {
                    wants.push(Want::Ask(Question::RoundTrip, wait.0 as i64));
                }
                LivenessEffect::Sick(reason) => {
                    wants.extend(self.step(ConnectInput::Sick(reason), now, raw));
                }
                LivenessEffect::Well => wants.extend(self.step(ConnectInput::Well, now, raw)),
                LivenessEffect::Replace(down) => {
                    if self.mutant == Some(FleetMutant::TimerNotReset) {
                        self.stale = Some(before.clone());
                    }
                    wants.push(Want::Disconnect);
                    self.hang_up(now);
                    wants.extend(self.step(ConnectInput::Down(down), now, raw));
                }
            }
        }
        wants
    }

    /// The connection is gone, with everything that was known of it.
    pub fn hang_up(&mut self, now: i64) {
        self.line = None;
        self.believes_up = false;
        self.vitals = Vitals::default();
        self.liveness
            .step(&Signal::Disconnected, &Vitals::default(), Timestamp(now));
    }

    /// The connection ended, and the account notices.
    pub fn lost(&mut self, down: DownReason, now: i64, raw: u64) -> Vec<Want> {
        self.hang_up(now);
        let down = match self.mutant {
            Some(FleetMutant::RelinksByItself) => DownReason::Network,
            _ => down,
        };
        let mut wants = vec![Want::Disconnect];
        wants.extend(self.step(ConnectInput::Down(down), now, raw));
        wants
    }

    /// The connection is up.
    pub fn online(&mut self, line: Line, now: i64, raw: u64) -> Vec<Want> {
        self.line = Some(line);
        self.believes_up = true;
        self.vitals = Vitals {
            heard_at: Some(Timestamp(now)),
            phone_at: self.phone_now(now),
            ..Vitals::default()
        };
        let mut wants = self.step(ConnectInput::Online, now, raw);
        wants.extend(self.feel(&Signal::Connected, now, raw));
        wants
    }

    /// The phone says something now and then while it is on.
    #[must_use]
    pub fn phone_now(&self, now: i64) -> Option<Timestamp> {
        (self.phone_off_until <= now).then_some(Timestamp(now))
    }

    /// When its loop must be woken.
    #[must_use]
    pub fn due(&self) -> i64 {
        let due = [self.connect.wake_at(), self.liveness.wake_at()];
        due.into_iter()
            .flatten()
            .map(|at| at.0)
            .min()
            .unwrap_or(i64::MAX)
    }

    /// What is to be said of this moment.
    #[must_use]
    pub fn stands(&self, now: i64) -> Standing {
        let healthy = self.line.is_some_and(|line| line.mode == Mode::Healthy);
        if healthy && !self.unreadable {
            return Standing::Serving;
        }
        match self.barrier {
            Barrier::None => Standing::Lost,
            Barrier::Banned(until) if until <= now => Standing::Lost,
            _ => Standing::Barred,
        }
    }
}
