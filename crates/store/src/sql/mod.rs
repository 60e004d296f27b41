//! The store in SQL. Each file is one room: its commands, its queries, its part of
//! [`crate::Store`]'s methods.

mod accounts;
mod annotations;
mod authors;
pub(crate) mod codec;
mod completion;
mod dead_letters;
mod deferred;
pub(crate) mod events;
mod identity;
mod imports;
mod insight_sets;
mod keys;
mod media;
mod messages;
mod noticed;
mod outbox;
pub(crate) mod owner;
mod prune;
mod send_states;
mod settings;
mod standing;
mod threads;

// administrative rooms
mod api_keys;
pub(crate) mod backup;
pub(crate) mod blobs;
mod column;
mod contacts;
mod conversations;
mod counts;
mod deliveries;
mod endpoint_progress;
mod endpoints;
mod file_texts;
mod forgetting;
mod gaps;
mod groups;
mod health;
mod link_attempts;
mod people;
mod reading;
mod rules;
mod search;
mod sheet_writes;
mod sheets;
mod traffic;
pub use authors::Author;
#[cfg(feature = "fuzzing")]
pub use search::WordIndex;
