//! Watching: how well accounts do, how loaded the machine is, and what follows from it.
//!
//! - [`health`]: an account's score, explained factor by factor.
//! - [`tally`]: the counts behind three of the factors.
//! - [`uptime`]: the share of time that an account was online, from the history of its states.
//! - [`trend`]: where a score is going.
//! - [`guard`]: what is told and done about a score.
//! - [`degrade`]: which work is put off while the machine is overloaded.
//! - [`latency`]: how long things take, and whether that is out of the ordinary.
//! - [`recent`]: a share of failures over the last minute.

pub mod degrade;
pub mod guard;
pub mod health;
pub mod latency;
pub mod recent;
pub mod tally;
pub mod trend;
pub mod uptime;
