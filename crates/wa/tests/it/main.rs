//! The channel against a WhatsApp network on this machine.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A test that cannot go on fails.

mod alive;
mod bench;
mod eviction;
mod faults;
mod groups;
mod linking;
mod messages;
