//! Hundreds of accounts through weeks of faults in seconds: the engine's proof of life, its recovery
//! ladder and its waves, against a WhatsApp, a network and people drawn from a seed.
//!
//! No store and no sockets here: what is proved is what the pure machines decide. Everything that a
//! real account's loop does with them is done in [`account`], the same way.
//!
//! - [`faults`]: the published fault model.
//! - [`account`]: one account: the engine's machines, and the connection as it really is.
//! - [`world`]: all accounts, time, and what goes wrong.
//! - [`judge`]: what must hold, whatever went wrong.

pub mod account;
pub mod faults;
pub mod judge;
pub mod world;

pub use judge::{Breach, Report};
pub use world::run;

/// What to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct FleetOptions {
    /// How many accounts.
    #[arg(long, default_value_t = 300)]
    pub accounts: usize,
    /// How many days.
    #[arg(long, default_value_t = 14)]
    pub days: u32,
    /// How many times as often as the model says faults come: what takes weeks to meet in a large
    /// fleet is met in days by a small one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub haste: u16,
    /// A deliberate fault of the program; the simulation is then expected to fail.
    #[arg(long)]
    pub mutant: Option<FleetMutant>,
}

/// A deliberate fault of the program: with it the simulation must fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FleetMutant {
    /// The watchdog is not set anew when a connection comes up: what it knew of the old one counts
    /// against the new one.
    TimerNotReset,
    /// The watchdog does not wait for the answer to its question.
    IdleIsDead,
    /// Nobody watches open connections.
    NeverWatches,
    /// Connections do not wait for their turn.
    NoWaves,
    /// A removed device and a ban are tried again like an outage.
    RelinksByItself,
    /// A restart forgets how each account was being brought back.
    Amnesia,
}
