//! wasim with the real client of whatsapp-rust connected to it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod client;
mod linking;
mod messages;
