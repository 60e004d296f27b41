//! Types of everything around the message path: people, keys, rules, webhooks, reading lists,
//! backup. The SQL that fills them is in `sqlite/`, one file of the same name each.

pub mod api_keys;
pub mod backup;
pub mod contacts;
pub mod conversations;
pub mod counts;
pub mod deliveries;
pub mod endpoints;
pub mod gaps;
pub mod groups;
pub mod health;
pub mod link_attempts;
pub mod people;
pub mod rules;
pub mod search;
pub mod sheets;
pub mod traffic;
