//! The server from outside: HTTP, WebSocket and webhooks over loopback, on the real store.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod api_accounts;
mod api_admin;
mod api_auth;
mod api_contract;
mod api_events;
mod api_fleet;
mod api_messages;
mod api_scene;
mod webhooks;
