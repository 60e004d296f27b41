//! Where the world is touched: settings, HTTP, people, webhooks, and the loops that feed engine,
//! store and channel.
//!
//! [`run::serve`] is the wiring and reads top to bottom. [`driver`] runs the accounts, [`parts`]
//! reads what messages say, [`api`] lets the world in, [`webhooks`] lets it know, [`cli`] is the terminal.

pub mod api;
pub mod assets;
pub mod auth;
pub mod cli;
pub mod clock;
mod compat;
pub mod config;
pub(crate) mod disposition;
pub mod driver;
pub mod file_type;
mod insight;
mod llm;
pub(crate) mod load;
mod models;
mod ownership;
pub mod parts;
pub mod performance;
pub mod reading;
mod remote;
pub mod run;
mod sheets;
pub mod webhooks;
