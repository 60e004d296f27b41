//! Seeded simulation: the engine and the real SQLite store through thousands of crashes.
//!
//! One seed is one small world: people who write, a network that delays, doubles, loses and
//! reorders between conversations, a program that sends through the API, and a process that dies at
//! any moment. Each death leaves the files as a kill or a power loss would leave them; the next
//! process opens those. In the end every message is counted. Everything is drawn from the seed, so
//! a failing one replays.
//!
//! - [`dice`]: where chance comes from.
//! - [`network`]: WhatsApp's side, and the apps of the people: the judge's ground truth.
//! - [`process`]: the process under test: engine and store, driven step by step.
//! - [`world`]: one run from beginning to judgement.
//! - [`judge`]: what must be true in the end.
//! - [`fleet`]: hundreds of accounts through weeks of faults; a simulation of its own.
//! - [`linking`]: learned link windows on simulated people; a simulation of its own.

pub mod dice;
pub mod fleet;
pub mod judge;
pub mod linking;
pub mod network;
pub mod process;
pub mod world;

pub use world::{Failure, Mutant, Options, Stats, run_seed};
