//! All accounts, time, and what goes wrong.

use super::account::{Account, Barrier, Line, Mode, Question, Standing, Want};
use super::faults::{self, DAY, Fault, HOUR, MODEL, PEOPLE, SECOND, Scope};
use super::judge::{FOUND_WITHIN, LATE_AFTER, Report};
use super::{FleetMutant, FleetOptions};
use crate::dice::Dice;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use waypost_engine::fleet::connect::Client;
use waypost_engine::fleet::{
    Answer, ConnectFlow, ConnectInput, DownReason, Liveness, LivenessConfig, Rung, Signal,
    StartWaves, Vitals, WaveConfig,
};
use waypost_engine::flow::retry::Jitter;
use waypost_engine::model::{AccountId, AccountState, Address, Reason, Timestamp};

/// When the world begins: midnight.
const MIDNIGHT: i64 = 20_833 * DAY;
/// WhatsApp unlinks a device whose phone was away for this long.
const UNLINKED_AFTER: i64 = 14 * DAY;
/// How long an interrupted backlog takes to be noticed.
const INTERRUPTED_AFTER: i64 = SECOND / 2;

/// Something that happens at its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// An account's loop is due.
    Wake(usize),
    /// Somebody's turn to connect may have come.
    Gate,
    /// What becomes of a dial.
    Outcome(usize, u64, bool),
    /// The backlog of that connection breaks off.
    Interrupt(usize, u64),
    /// A message to the account, and one from it.
    Message(usize),
    /// A message that was due then is late now, if nothing passed meanwhile.
    Deadline(usize, i64),
    /// An answer came, or did not.
    Answered(usize, u64, Question, bool),
    /// A fault strikes: an account, or all.
    Strike(Fault, Option<usize>),
    /// It is over.
    Over(Fault, usize),
}

struct World {
    now: i64,
    end: i64,
    accounts: Vec<Account>,
    silent_since: Vec<Option<i64>>,
    warned: Vec<bool>,
    waves: StartWaves,
    queue: BinaryHeap<Reverse<(i64, u64, What)>>,
    last: u64,
    network_down_until: i64,
    disk_full_until: i64,
    /// The process does not run until then.
    dead_until: i64,
    options: FleetOptions,
    dice: Dice,
    report: Report,
}

/// Runs one seed; what it broke stands in the report.
#[must_use]
pub fn run(seed: u64, options: FleetOptions) -> Report {
    let mut world = World::new(seed, options);
    for line in MODEL {
        world.plan_all(line.fault);
    }
    world.play();
    world.finish()
}

/// What a fleet does when all its connections are cut at one moment, and nothing else goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storm {
    /// Until the last account serves again, in milliseconds.
    pub all_back_after: i64,
    /// Most dialled in any one second.
    pub dials_per_second: usize,
    /// Dialled in all until then.
    pub dials: u64,
}

/// Cuts so many accounts off at once, with the network gone for so long.
#[must_use]
pub fn storm(seed: u64, accounts: usize, outage: i64) -> Storm {
    let options = FleetOptions {
        accounts,
        days: 1,
        haste: 1,
        mutant: None,
    };
    let mut world = World::new(seed, options);
    world.end = MIDNIGHT + HOUR;
    world.play();
    let (cut, before) = (world.now, world.report.dials);
    world.report.dials_per_second = 0;
    world.network_down_until = cut + outage;
    world.end = cut + 4 * HOUR;
    for i in 0..accounts {
        world.lost(i, DownReason::Network);
    }
    let mut all_back_after = i64::MAX;
    while all_back_after == i64::MAX && world.turn() {
        let serving = |a: &Account| a.stands(world.now) == Standing::Serving;
        if world.accounts.iter().all(serving) {
            all_back_after = world.now - cut;
        }
    }
    Storm {
        all_back_after,
        dials_per_second: world.report.dials_per_second,
        dials: world.report.dials - before,
    }
}

fn id(account: usize) -> AccountId {
    AccountId::from_raw(account as i64 + 1)
}

impl World {
    fn new(seed: u64, options: FleetOptions) -> Self {
        let accounts = options.accounts;
        let mut world = Self {
            now: MIDNIGHT,
            end: MIDNIGHT + i64::from(options.days) * DAY,
            accounts: vec![Account::new(MIDNIGHT, options.mutant); accounts],
            silent_since: vec![None; accounts],
            warned: vec![false; accounts],
            waves: waves(options.mutant),
            queue: BinaryHeap::new(),
            last: 0,
            network_down_until: 0,
            disk_full_until: 0,
            dead_until: 0,
            options,
            dice: Dice::new(seed),
            report: Report::new(seed, options),
        };
        for i in 0..accounts {
            world.with(i, |account, now, raw| {
                account.step(ConnectInput::Start, now, raw)
            });
            let first = faults::next_message(&mut world.dice, world.now);
            world.at(first, What::Message(i));
        }
        world
    }

    fn at(&mut self, wait: i64, what: What) {
        self.last += 1;
        self.queue
            .push(Reverse((self.now + wait.max(0), self.last, what)));
    }

    fn play(&mut self) {
        while self.turn() {}
    }

    /// The next thing that happens; false at the end.
    fn turn(&mut self) -> bool {
        let next = self.queue.peek().map(|Reverse((at, ..))| *at);
        let Some(at) = next.filter(|at| *at <= self.end) else {
            self.now = self.end;
            return false;
        };
        self.now = at;
        if let Some(Reverse((_, _, what))) = self.queue.pop() {
            self.happens(what);
        }
        true
    }

    fn is_dead(&self) -> bool {
        self.now < self.dead_until
    }

    fn happens(&mut self, what: What) {
        match what {
            What::Wake(i) => {
                if self.accounts[i].wake_at <= self.now && !self.is_dead() {
                    self.with(i, |account, now, raw| {
                        account.wake_at = i64::MAX;
                        let mut wants = account.step(ConnectInput::Tick, now, raw);
                        wants.extend(account.feel(&Signal::Tick, now, raw));
                        wants
                    });
                }
            }
            What::Gate => self.gate(),
            What::Outcome(i, no, fresh) => {
                if self.accounts[i].last_no == no && !self.is_dead() {
                    self.outcome(i, no, fresh);
                }
            }
            What::Interrupt(i, no) => {
                if self.accounts[i].line.is_some_and(|line| line.no == no) {
                    self.lost(i, DownReason::OfflineSyncInterrupted);
                }
            }
            What::Message(i) => self.message(i),
            What::Deadline(i, due) => {
                self.touch(i);
                if self.accounts[i].served_at < due {
                    self.report.late += 1;
                }
            }
            What::Answered(i, no, question, came) => self.answered(i, no, question, came),
            What::Strike(fault, whom) => self.strike(fault, whom),
            What::Over(fault, i) => self.over(fault, i),
        }
    }

    /// Lets an account act, and does what it wants.
    fn with(&mut self, i: usize, act: impl FnOnce(&mut Account, i64, u64) -> Vec<Want>) {
        self.touch(i);
        let (now, raw) = (self.now, self.dice.roll());
        let before = (self.accounts[i].line, self.accounts[i].unreadable);
        let wants = act(&mut self.accounts[i], now, raw);
        if let (Some(line), false) = before
            && line.mode == Mode::Healthy
            && self.accounts[i].line.is_none()
            && self.ended_by_watchdog(i)
        {
            self.report.killed_healthy += 1;
        }
        for want in wants {
            self.want(i, want);
        }
        self.touch(i);
        let due = self.accounts[i].due();
        if due < self.accounts[i].wake_at {
            self.accounts[i].wake_at = due;
            self.at(due - self.now, What::Wake(i));
        }
    }

    fn ended_by_watchdog(&self, i: usize) -> bool {
        let reason = &self.accounts[i].state.1;
        matches!(reason, Reason::KeepaliveTimeout | Reason::NotServed)
    }

    fn want(&mut self, i: usize, want: Want) {
        match want {
            Want::Connect(client) => {
                let jitter = Jitter::from_random(self.dice.roll());
                self.waves.settled(id(i));
                self.waves.request(id(i), Timestamp(self.now), jitter);
                self.accounts[i].fresh = client == Client::Fresh;
                self.ring();
            }
            Want::Disconnect => {
                self.waves.settled(id(i));
                self.ring();
            }
            Want::Ask(question, wait) => self.ask(i, question, wait),
            Want::TellNetworkBack => {
                for other in 0..self.accounts.len() {
                    if other != i {
                        self.with(other, |account, now, raw| {
                            account.step(ConnectInput::NetworkBack, now, raw)
                        });
                    }
                }
            }
        }
    }

    fn ring(&mut self) {
        if let Some(at) = self.waves.wake_at(Timestamp(self.now)) {
            self.at(at.0 - self.now, What::Gate);
        }
    }

    fn gate(&mut self) {
        if self.is_dead() {
            return;
        }
        while let Some(next) = self.waves.next(Timestamp(self.now)) {
            let i = (next.raw() - 1) as usize;
            self.dial(i);
        }
        self.ring();
    }

    fn dial(&mut self, i: usize) {
        self.with(i, |account, now, raw| {
            account.step(ConnectInput::Dialing, now, raw)
        });
        self.report.dialled(i, self.now);
        let account = &self.accounts[i];
        let barred = match account.barrier {
            Barrier::None => false,
            Barrier::Removed | Barrier::Replaced => account.told,
            Barrier::Banned(until) => account.told && self.now < until,
        };
        if barred {
            let what = format!("dialled by itself although {:?}", account.barrier);
            self.report.breach(self.now, Some(i), what);
        }
        let (no, fresh) = (account.last_no, account.fresh);
        let takes = faults::between(&mut self.dice, faults::LOGIN);
        self.at(takes, What::Outcome(i, no, fresh));
    }

    /// WhatsApp's answer to a dial.
    fn outcome(&mut self, i: usize, no: u64, fresh: bool) {
        if self.now < self.network_down_until {
            // Half are refused at once, half hang until they are given up.
            if self.dice.percent(50) {
                self.lost(i, DownReason::Network);
            }
            return;
        }
        let account = &self.accounts[i];
        let down = match account.barrier {
            Barrier::Removed => Some(DownReason::DeviceRemoved),
            Barrier::Replaced => Some(DownReason::StreamReplaced),
            Barrier::Banned(until) if self.now < until => Some(banned(until)),
            _ if self.now < account.refused_until => {
                let status = if self.dice.percent(10) { 429 } else { 503 };
                Some(DownReason::ServerError { status })
            }
            _ if self.now < self.disk_full_until => Some(disk_full()),
            _ => None,
        };
        if let Some(down) = down {
            return self.lost(i, down);
        }
        if fresh {
            self.accounts[i].unreadable = false;
        }
        if self.now < self.accounts[i].interrupted_until {
            self.at(INTERRUPTED_AFTER, What::Interrupt(i, no));
        }
        let mode = Mode::Healthy;
        self.waves.settled(id(i));
        self.ring();
        self.with(i, |account, now, raw| {
            account.online(Line { no, mode }, now, raw)
        });
    }

    /// An account's connection ends, and it notices.
    fn lost(&mut self, i: usize, down: DownReason) {
        if matches!(
            down,
            DownReason::DeviceRemoved
                | DownReason::StreamReplaced
                | DownReason::TemporaryBan { .. }
        ) {
            self.accounts[i].told = true;
        }
        self.with(i, |account, now, raw| account.lost(down, now, raw));
    }

    fn message(&mut self, i: usize) {
        let next = faults::next_message(&mut self.dice, self.now);
        self.at(next, What::Message(i));
        self.report.messages += 1;
        let now = Some(Timestamp(self.now));
        let (person, owner) = (self.dice.below(PEOPLE), self.dice.percent(10));
        let account = &mut self.accounts[i];
        if account.stands(self.now) != Standing::Serving {
            let due = self.now;
            self.at(LATE_AFTER, What::Deadline(i, due));
        }
        let account = &mut self.accounts[i];
        if account.line.is_none_or(|line| line.mode != Mode::Healthy) {
            return;
        }
        (account.vitals.heard_at, account.vitals.served_at) = (now, now);
        if owner && let Some(at) = account.phone_now(self.now) {
            account.vitals.phone_at = Some(at);
        }
        if !account.unreadable {
            account.vitals.decrypted += 1;
            return;
        }
        let from = Address::lid(&person.to_string());
        self.with(i, |account, now, raw| {
            account.feel(&Signal::Unreadable(from), now, raw)
        });
    }

    fn ask(&mut self, i: usize, question: Question, wait: i64) {
        let Some(line) = self.accounts[i].line else {
            return;
        };
        match question {
            Question::Probe => self.report.probes += 1,
            Question::RoundTrip => self.report.round_trips += 1,
        }
        let answers = match line.mode {
            Mode::Healthy => true,
            Mode::Unserved => question == Question::Probe,
            Mode::Silent => false,
        };
        let takes = faults::answer(&mut self.dice);
        let came = answers && takes < wait;
        let takes = if came { takes } else { wait };
        self.at(takes, What::Answered(i, line.no, question, came));
    }

    fn answered(&mut self, i: usize, no: u64, question: Question, came: bool) {
        let account = &mut self.accounts[i];
        if account.line.is_none_or(|line| line.no != no) {
            return;
        }
        let now = Some(Timestamp(self.now));
        if came {
            account.vitals.heard_at = now;
        }
        if came && question == Question::RoundTrip {
            account.vitals.served_at = now;
            account.vitals.phone_at = account.phone_now(self.now).or(account.vitals.phone_at);
        }
        let answer = if came { Answer::Came } else { Answer::Missing };
        let signal = match question {
            Question::Probe => Signal::Probed(answer),
            Question::RoundTrip => Signal::RoundTrip(answer),
        };
        self.with(i, |account, now, raw| account.feel(&signal, now, raw));
    }

    /// Plans the first of every fault of a kind.
    fn plan_all(&mut self, fault: Fault) {
        let line = faults::line(fault);
        match line.scope {
            Scope::Fleet => self.plan(fault, None),
            Scope::Account => {
                for i in 0..self.accounts.len() {
                    self.plan(fault, Some(i));
                }
            }
        }
    }

    fn plan(&mut self, fault: Fault, whom: Option<usize>) {
        let every = faults::line(fault).every / i64::from(self.options.haste.max(1));
        let wait = faults::exponential(&mut self.dice, every);
        self.at(wait, What::Strike(fault, whom));
    }

    fn strike(&mut self, fault: Fault, whom: Option<usize>) {
        self.plan(fault, whom);
        self.report.struck(fault);
        let lasts = match faults::line(fault).lasts {
            0 => 0,
            mean => faults::exponential(&mut self.dice, mean),
        };
        match whom {
            Some(i) => self.strike_one(fault, i, lasts),
            None => self.strike_all(fault, lasts),
        }
    }

    fn strike_one(&mut self, fault: Fault, i: usize, lasts: i64) {
        let (up, until) = (self.accounts[i].line.is_some(), self.now + lasts);
        match fault {
            Fault::Cut if up => self.lost(i, DownReason::Network),
            Fault::Silent => self.becomes(i, Mode::Silent),
            Fault::Unserved => self.becomes(i, Mode::Unserved),
            Fault::Refused => {
                self.accounts[i].refused_until = until;
                if up {
                    self.lost(i, DownReason::ServerError { status: 503 });
                }
            }
            Fault::Unreadable => {
                self.touch(i);
                self.accounts[i].unreadable = true;
                self.touch(i);
            }
            Fault::Interrupted => self.accounts[i].interrupted_until = until,
            Fault::PhoneOff => {
                self.accounts[i].phone_off_until = until;
                if lasts > UNLINKED_AFTER {
                    self.at(UNLINKED_AFTER, What::Over(Fault::PhoneOff, i));
                }
            }
            Fault::Removed => self.bar(i, Barrier::Removed, DownReason::DeviceRemoved, lasts),
            Fault::Replaced => self.bar(i, Barrier::Replaced, DownReason::StreamReplaced, lasts),
            Fault::Banned => self.bar(i, Barrier::Banned(until), banned(until), lasts),
            _ => {}
        }
    }

    fn becomes(&mut self, i: usize, mode: Mode) {
        self.touch(i);
        if let Some(line) = &mut self.accounts[i].line
            && line.mode == Mode::Healthy
        {
            line.mode = mode;
            if mode == Mode::Silent && self.accounts[i].state.0 == AccountState::Online {
                self.silent_since[i] = Some(self.now);
            }
        }
        self.touch(i);
    }

    fn bar(&mut self, i: usize, barrier: Barrier, down: DownReason, lasts: i64) {
        if self.accounts[i].barrier != Barrier::None {
            return;
        }
        let fault = match barrier {
            Barrier::Replaced => Fault::Replaced,
            Barrier::Banned(_) => Fault::Banned,
            _ => Fault::Removed,
        };
        self.touch(i);
        self.accounts[i].barrier = barrier;
        if self.accounts[i].line.is_some() {
            self.lost(i, down);
        }
        self.at(lasts, What::Over(fault, i));
    }

    fn strike_all(&mut self, fault: Fault, lasts: i64) {
        let until = self.now + lasts;
        match fault {
            Fault::NetworkDown => self.network_down_until = until,
            Fault::DiskFull => self.disk_full_until = until,
            Fault::Restart => return self.die(until),
            _ => {}
        }
        for i in 0..self.accounts.len() {
            let up = self.accounts[i].line.is_some();
            match fault {
                Fault::NetworkDown if up && self.dice.percent(50) => {
                    self.lost(i, DownReason::Network);
                }
                Fault::NetworkDown => self.becomes(i, Mode::Silent),
                Fault::ServersRestart if up => self.lost(i, DownReason::Network),
                Fault::HalfSilent if self.dice.percent(50) => self.becomes(i, Mode::Silent),
                // Only who is just receiving something notices.
                Fault::DiskFull if up && self.dice.percent(10) => self.lost(i, disk_full()),
                _ => {}
            }
        }
    }

    /// The process ends; the next one finds what was written down.
    fn die(&mut self, until: i64) {
        self.dead_until = until;
        self.waves = waves(self.options.mutant);
        for i in 0..self.accounts.len() {
            self.touch(i);
            let account = &mut self.accounts[i];
            account.hang_up(self.now);
            account.last_no += 1;
            account.wake_at = i64::MAX;
            self.touch(i);
        }
        self.at(until - self.now, What::Over(Fault::Restart, 0));
    }

    fn begin_again(&mut self) {
        for i in 0..self.accounts.len() {
            let phone = self.accounts[i].liveness.phone_at();
            let flow = self.read_back(i);
            self.with(i, |account, now, raw| {
                account.connect = flow;
                account.liveness = Liveness::new(LivenessConfig::default());
                if let Some(at) = phone {
                    let (seen, nothing) = (Signal::PhoneSeen(at), Vitals::default());
                    account.liveness.step(&seen, &nothing, Timestamp(now));
                }
                // The program starts only what a person did not have to deal with.
                match account.state.0 {
                    AccountState::LoggedOut => Vec::new(),
                    _ => account.step(ConnectInput::Start, now, raw),
                }
            });
        }
    }

    /// What the next process reads of how an account was being brought back.
    fn read_back(&mut self, i: usize) -> ConnectFlow {
        if self.options.mutant == Some(FleetMutant::Amnesia) {
            return ConnectFlow::default();
        }
        let written = serde_json::to_vec(&self.accounts[i].connect);
        match written.and_then(|written| serde_json::from_slice::<ConnectFlow>(&written)) {
            Ok(mut flow) => {
                flow.restored();
                flow
            }
            Err(error) => {
                self.report.breach(self.now, Some(i), error.to_string());
                ConnectFlow::default()
            }
        }
    }

    fn over(&mut self, fault: Fault, i: usize) {
        match fault {
            Fault::Restart => self.begin_again(),
            Fault::PhoneOff => self.phone_was_away(i),
            Fault::Removed => self.linked_again(i),
            Fault::Replaced if self.is_dead() => {
                self.at(faults::MINUTE, What::Over(Fault::Replaced, i));
            }
            Fault::Replaced => {
                self.free(i);
                self.with(i, |account, now, raw| {
                    account.step(ConnectInput::Retry, now, raw)
                });
            }
            Fault::Banned => self.free(i),
            _ => {}
        }
    }

    fn free(&mut self, i: usize) {
        self.touch(i);
        self.accounts[i].barrier = Barrier::None;
        self.accounts[i].told = false;
        self.report.person_acted(i);
        self.touch(i);
    }

    /// WhatsApp unlinks a device whose phone stayed away; its owner must have been warned.
    fn phone_was_away(&mut self, i: usize) {
        if self.accounts[i].phone_off_until <= self.now {
            return;
        }
        if self.warned[i] {
            self.report.unlinked_after_warning += 1;
        } else if self.accounts[i].barrier == Barrier::None {
            let what = "unlinked although nobody was warned of the phone";
            self.report.breach(self.now, Some(i), what);
        }
        self.accounts[i].phone_off_until = self.now;
        let lasts = faults::exponential(&mut self.dice, faults::line(Fault::Removed).lasts);
        self.bar(i, Barrier::Removed, DownReason::DeviceRemoved, lasts);
    }

    /// A person links the removed device again, if it was offered.
    fn linked_again(&mut self, i: usize) {
        if self.is_dead() {
            return self.at(faults::MINUTE, What::Over(Fault::Removed, i));
        }
        let account = &self.accounts[i];
        if account.told {
            let offered = account.connect.recovery().map(|r| r.rung);
            if offered != Some(Rung::RelinkQr) {
                let what = format!("a new link was not offered, but {offered:?}");
                self.report.breach(self.now, Some(i), what);
            }
        }
        if account.session.is_none() {
            self.report.sessions_lost += 1;
        }
        self.free(i);
        self.waves.settled(id(i));
        let account = &mut self.accounts[i];
        account.session = account.session.map(|n| n + 1);
        account.unreadable = false;
        account.phone_off_until = account.phone_off_until.min(self.now);
        account.last_no += 1;
        let line = Line {
            no: account.last_no,
            mode: Mode::Healthy,
        };
        self.with(i, |account, now, raw| {
            let mut wants = account.step(ConnectInput::Pause, now, raw);
            wants.extend(account.step(ConnectInput::Adopted, now, raw));
            wants.extend(account.online(line, now, raw));
            wants
        });
    }

    /// Books the time since the last look, and looks at how things stand now.
    fn touch(&mut self, i: usize) {
        let now = self.now;
        let account = &mut self.accounts[i];
        let (since, standing) = account.standing;
        let shown = account.shown_before;
        self.report.spent(i, standing, now - since, shown);
        account.shown_before = account.state.1.code();
        if standing == Standing::Serving {
            account.served_at = now;
        }
        account.standing = (now, account.stands(now));
        let (state, reason) = &account.state;
        if let Reason::PhoneOffline { .. } = reason {
            self.warned[i] = true;
        } else if *state == AccountState::Online {
            self.warned[i] = false;
        }
        if let Some(begun) = self.silent_since[i]
            && (*state != AccountState::Online || !account.believes_up)
        {
            let after = now - begun;
            self.silent_since[i] = None;
            self.report.found_after_most = self.report.found_after_most.max(after);
            if after > FOUND_WITHIN {
                let what = format!("silent for {after} ms and shown as online");
                self.report.breach(now, Some(i), what);
            }
        }
    }

    fn finish(mut self) -> Report {
        for i in 0..self.accounts.len() {
            self.touch(i);
            if let Some(begun) = self.silent_since[i]
                && self.now - begun > FOUND_WITHIN
            {
                let what = "silent, and shown as online to the end";
                self.report.breach(self.now, Some(i), what);
            }
            if self.accounts[i].session.is_none() {
                self.report.sessions_lost += 1;
            }
        }
        self.report.close(self.now);
        self.report
    }
}

fn banned(until: i64) -> DownReason {
    let until = Timestamp(until);
    DownReason::TemporaryBan { ban: 101, until }
}

fn disk_full() -> DownReason {
    let error = "disk full".into();
    DownReason::StoreFailed { error }
}

/// As the program starts with.
fn waves(mutant: Option<FleetMutant>) -> StartWaves {
    StartWaves::new(match mutant {
        Some(FleetMutant::NoWaves) => WaveConfig {
            at_once: usize::MAX,
            per_second: 1_000,
        },
        _ => WaveConfig::default(),
    })
}
