//! The server from outside: HTTP, WebSocket and webhooks over loopback, on the real store.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests wait until functional deadlines and print what they counted"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod api_accounts;
mod api_admin;
mod api_auth;
mod api_contract;
mod api_device;
mod api_events;
mod api_fleet;
mod api_health;
mod api_messages;
mod api_scene;
mod cut_off;
#[cfg(feature = "sim")]
mod e2e;
#[cfg(all(feature = "sim", feature = "failpoints"))]
mod kill;
#[cfg(all(feature = "sim", feature = "failpoints"))]
mod mutants;
#[cfg(all(feature = "sim", feature = "failpoints"))]
mod removal;
#[cfg(all(feature = "sim", feature = "failpoints"))]
mod sheets;
#[cfg(feature = "sim")]
#[cfg_attr(
    not(feature = "failpoints"),
    allow(dead_code, reason = "the kill tests use the rest of it")
)]
mod stage;
#[cfg(feature = "sim")]
mod strict;
mod webhooks;
