//! Stories of the real program on a WhatsApp network, from link to answer.

mod caution;
mod compat;
mod events;
mod files;
mod groups;
mod linking;
mod messages;
mod moving_in;
mod people;
mod postgres;
mod proxies;
mod reading;
mod recovery;
mod restore;
mod trouble;
