//! The stories. `Scene` is a store in whichever database they are told on.

use super::Scene;

mod accounts;
mod admin;
mod blobs;
mod events;
mod files_read;
mod identity;
mod imports;
mod keys;
mod messages;
mod neighbours;
mod noticed;
mod outbox;
mod reading;
mod webhooks;
