//! What should happen.
//!
//! The domain of Waypost and its decisions, as synchronous and pure state machines:
//! `(state, input, now) -> (state, effects)`. Nothing in here does I/O, waits, reads a clock or
//! draws a random number; time and randomness are handed in. That is what lets the seeded
//! simulation run weeks of traffic and ten thousand crashes in seconds.
//!
//! - [`model`]: the nouns. Ids, time, accounts, contacts, conversations, messages, events.
//! - [`flow`]: one message's way from accepted to answered.
//! - [`fleet`]: an account's life: linking, connecting, recovering.
//! - [`watch`]: how well accounts do, how loaded the machine is, and what follows from it.

pub mod fleet;
pub mod flow;
pub mod model;
pub mod watch;
