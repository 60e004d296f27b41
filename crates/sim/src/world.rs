//! One run: a world from its seed, through its crashes, to the judgement.

use crate::dice::Dice;
use crate::judge;
use crate::network::{Network, PEOPLE};
use crate::process::{Halt, Process, Request, alive};
use waypost_engine::model::{AccountId, Timestamp};
use waypost_store::fault::{Crash, Disk, Dying, Mutation};
use waypost_store::{MasterKey, NewAccount, Store, StoreConfig, Synchronous};

/// Most steps a process takes before it is killed.
const STEPS_MAX: usize = 40;
/// Writes and syncs within which an armed disk dies.
const DEATH_WITHIN: usize = 60;
/// Rounds in which a calm world must come to rest.
const DRAIN_ROUNDS_MAX: usize = 20_000;
/// Requests of the API's user per run and person.
const REQUESTS_MAX: usize = 40;
/// When the world begins.
const NOON: Timestamp = Timestamp(1_800_000_000_000);

/// A deliberate fault: with it the simulation must fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Mutant {
    /// Commits are not synced.
    SynchronousOff,
    /// Messages are acknowledged before they are committed.
    AckBeforeCommit,
    /// Outbox rows are committed after "done".
    OutboxOutside,
}

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Crashes in one run.
    pub crashes: usize,
    /// A deliberate fault.
    pub mutant: Option<Mutant>,
}

/// What happened in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Deaths of the process: kills and power losses.
    pub crashes: usize,
    /// Of these, in the middle of writing.
    pub in_writing: usize,
    /// Messages people wrote.
    pub messages_in: usize,
    /// Messages that reached people's apps.
    pub messages_out: usize,
}

impl Stats {
    /// Counts another run too.
    pub fn add(&mut self, other: Self) {
        self.crashes += other.crashes;
        self.in_writing += other.in_writing;
        self.messages_in += other.messages_in;
        self.messages_out += other.messages_out;
    }
}

/// A run that broke a promise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}: {what}")]
pub struct Failure {
    /// Its seed: the same one fails again.
    pub seed: u64,
    /// Which promise, and how.
    pub what: String,
}

struct World {
    disk: Disk,
    network: Network,
    clients: Vec<Client>,
    account: AccountId,
    options: Options,
    now: Timestamp,
    dice: Dice,
    stats: Stats,
}

/// A program that sends to one person through the API, one request after the other, and repeats a
/// request until it is answered.
#[derive(Debug, Default)]
pub struct Client {
    /// The requests that were answered.
    pub accepted: usize,
}

impl Client {
    fn request(&self, who: usize, network: &Network) -> Option<Request> {
        (self.accepted < REQUESTS_MAX).then(|| Request {
            key: format!("key {who} {}", self.accepted),
            to: network.people[who].lid(),
            words: format!("api p{who} #{}", self.accepted),
        })
    }
}

/// Runs one seed.
///
/// # Errors
/// When a promise was broken.
pub async fn run_seed(seed: u64, options: Options) -> Result<Stats, Failure> {
    let failure = |halt: Halt| Failure {
        seed,
        what: halt.to_string(),
    };
    let mut world = World::new(seed, options).await.map_err(failure)?;
    world.crash_again_and_again().await.map_err(failure)?;
    world.judge().await.map_err(failure)?;
    Ok(world.stats)
}

impl World {
    async fn new(seed: u64, options: Options) -> Result<Self, Halt> {
        let mut dice = Dice::new(seed);
        let disk = Disk::new();
        let store = alive(&disk, Store::open(config(&disk, options.mutant)))?;
        let account = store.create_account(NewAccount::named("Sales", NOON)).await;
        let account = alive(&disk, account)?.id;
        store.close().await;
        Ok(Self {
            disk,
            network: Network::new(dice.fork()),
            clients: (0..PEOPLE).map(|_| Client::default()).collect(),
            account,
            options,
            now: NOON,
            dice,
            stats: Stats::default(),
        })
    }

    async fn crash_again_and_again(&mut self) -> Result<(), Halt> {
        while self.stats.crashes < self.options.crashes {
            if self.dice.percent(70) {
                let dying = if self.dice.percent(50) {
                    Dying::After
                } else {
                    Dying::Before
                };
                let within = 1 + self.dice.below(DEATH_WITHIN);
                self.disk.die_at(within as u64, dying);
            }
            self.live_and_die().await?;
        }
        Ok(())
    }

    /// One process from start to death.
    async fn live_and_die(&mut self) -> Result<(), Halt> {
        let opened = Store::open(config(&self.disk, self.options.mutant));
        let store = match alive(&self.disk, opened) {
            Ok(store) => store,
            Err(Halt::Died) => {
                self.restart(true);
                return Ok(());
            }
            Err(broken) => return Err(broken),
        };
        let lived = self.live(store.clone()).await;
        let in_writing = self.disk.is_dead();
        if lived.is_ok() && self.dice.percent(15) {
            // A clean end, which may itself be cut short.
            store.close().await;
        } else {
            self.disk.die();
            store.close().await;
        }
        match lived {
            Ok(()) | Err(Halt::Died) => {
                self.restart(in_writing);
                Ok(())
            }
            Err(broken) => Err(broken),
        }
    }

    /// The machine comes up again with what is left on its disk.
    fn restart(&mut self, in_writing: bool) {
        if self.disk.is_dead() {
            self.stats.crashes += 1;
            self.stats.in_writing += usize::from(in_writing);
        }
        let crash = match self.dice.below(3) {
            0 => Crash::Killed,
            1 => Crash::PowerLossAll,
            _ => Crash::PowerLossSome,
        };
        let mut dice = self.dice.fork();
        self.disk = self.disk.after_crash(crash, &mut || dice.roll());
        self.network.disconnect();
    }

    async fn live(&mut self, store: Store) -> Result<(), Halt> {
        let dice = self.dice.fork();
        let mut process =
            Process::start(store, &self.disk, self.account, self.options.mutant, dice).await?;
        self.connect(&mut process).await?;
        for _ in 0..self.dice.below(STEPS_MAX) {
            self.something_happens(&mut process).await?;
        }
        Ok(())
    }

    async fn connect(&mut self, process: &mut Process) -> Result<(), Halt> {
        self.network.connect();
        process.connected(&self.disk, self.now).await
    }

    async fn something_happens(&mut self, process: &mut Process) -> Result<(), Halt> {
        let (disk, now) = (&self.disk, self.now);
        match self.dice.below(40) {
            0..=3 => self.network.somebody_writes(now),
            4..=9 => process.receive(disk, &mut self.network, now).await?,
            10..=14 => process.acknowledge(&mut self.network, true),
            15..=18 => process.begin(now),
            19..=23 => process.finish(disk, now).await?,
            24..=27 => process.transmit(disk, &mut self.network, now, true).await?,
            28..=31 => process.answered(disk, &mut self.network, now).await?,
            32..=33 => self.request(process).await?,
            34 => {
                self.network.disconnect();
                process.disconnected(&self.disk, self.now).await?;
                self.connect(process).await?;
            }
            35 => self.pass_time(process, 300_000).await?,
            _ => self.pass_time(process, 2_000).await?,
        }
        Ok(())
    }

    async fn pass_time(&mut self, process: &mut Process, ms: usize) -> Result<(), Halt> {
        self.now = Timestamp(self.now.0 + self.dice.below(ms) as i64);
        process.tick(&self.disk, self.now).await
    }

    async fn request(&mut self, process: &mut Process) -> Result<(), Halt> {
        let who = self.dice.below(PEOPLE);
        if let Some(request) = self.clients[who].request(who, &self.network) {
            process.request(&self.disk, &request, self.now).await?;
            self.clients[who].accepted += 1;
        }
        Ok(())
    }

    /// Lets a last process come to rest in peace, then counts everything.
    async fn judge(&mut self) -> Result<(), Halt> {
        let store = alive(
            &self.disk,
            Store::open(config(&self.disk, self.options.mutant)),
        )?;
        let dice = self.dice.fork();
        let process = Process::start(
            store.clone(),
            &self.disk,
            self.account,
            self.options.mutant,
            dice,
        );
        let mut process = process.await?;
        let rested = self.rest(&mut process).await;
        let judged = match rested {
            Ok(()) => judge::judge(&store, self.account, &self.network, &self.clients).await,
            Err(halt) => Err(halt),
        };
        store.close().await;
        self.stats.messages_in = self.network.people.iter().map(|p| p.said.len()).sum();
        self.stats.messages_out = self.network.people.iter().map(|p| p.shown.len()).sum();
        judged
    }

    async fn rest(&mut self, process: &mut Process) -> Result<(), Halt> {
        self.connect(process).await?;
        for round in 0..DRAIN_ROUNDS_MAX {
            let disk = &self.disk;
            process.receive(disk, &mut self.network, self.now).await?;
            process.acknowledge(&mut self.network, false);
            process.begin(self.now);
            process.finish(disk, self.now).await?;
            process
                .transmit(disk, &mut self.network, self.now, false)
                .await?;
            process.answered(disk, &mut self.network, self.now).await?;
            if self.network.is_drained() && process.is_idle() {
                return Ok(());
            }
            if round % 8 == 7 {
                let soon = Timestamp(self.now.0 + 500);
                let due = process.wake_at(self.now).unwrap_or(soon);
                self.now = due.clamp(Timestamp(self.now.0 + 1), soon);
                if round % 64 == 63 {
                    self.now = Timestamp(self.now.0 + 30_000);
                    self.network.disconnect();
                    process.disconnected(&self.disk, self.now).await?;
                    self.connect(process).await?;
                }
                process.tick(&self.disk, self.now).await?;
            }
        }
        Err(Halt::Broken(
            "it never came to rest: something is stuck".into(),
        ))
    }
}

fn config(disk: &Disk, mutant: Option<Mutant>) -> StoreConfig {
    let mut config = disk.store(MasterKey::new([7; 32]));
    match mutant {
        Some(Mutant::SynchronousOff) => config.synchronous = Synchronous::OffForTests,
        Some(Mutant::OutboxOutside) => config.mutation = Some(Mutation::OutboxOutsideCommit),
        Some(Mutant::AckBeforeCommit) | None => {}
    }
    config
}
