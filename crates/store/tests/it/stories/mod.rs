//! The stories. `Scene` is a store in whichever database they are told on.

use super::Scene;

mod accounts;
mod admin;
mod blobs;
mod deferred;
mod events;
mod files_read;
mod gaps;
mod health;
mod identity;
mod imports;
mod keys;
mod messages;
mod neighbours;
mod noticed;
mod outbox;
mod reading;
mod sheets;
mod threads;
mod traffic;
mod webhooks;
