//! Stories of the real program on a WhatsApp network, from link to answer.

mod caution;
mod commands;
mod compat;
mod events;
mod evolution;
mod files;
mod first_history;
mod gaps;
mod groups;
mod health;
mod idle_proxies;
mod linking;
mod messages;
mod moving_in;
mod ownership;
mod people;
mod pipeline;
mod postgres;
mod proxies;
mod reading;
mod recovery;
mod restore;
mod trouble;
