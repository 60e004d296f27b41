//! The store as its callers know it, over real SQLite files.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod accounts;
mod admin;
mod backup;
mod crash;
mod events;
mod identity;
mod keys;
mod messages;
mod outbox;
mod reading;
mod scene;
mod webhooks;
