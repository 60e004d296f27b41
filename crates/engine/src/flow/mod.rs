//! One message's way: accept, lanes, stages, effects, outbox.
//!
//! - [`lanes`]: conversations side by side, each in order.
//! - [`stage`]: the list of stages; [`language`] and [`reply`] are the first. [`parts`] is the table of
//!   the pipeline's parts, and which of them run; [`meaning`] what the text parts found.
//! - [`retry`]: how long to wait before another try, and when to stop.
//! - [`outbox`]: when each send goes out and what becomes of it; [`rate`] is its pace, [`caution`]
//!   what an account may begin in a day, [`human`] the typing before it, [`waiting`] why it waits;
//!   [`sends`] holds its nouns.
//! - [`workers`]: how many conversations of an account are worked on at once.
//! - [`webhook`]: when a delivery is tried again, and when an endpoint is given up.

pub mod caution;
pub mod human;
pub mod lanes;
pub mod language;
pub mod meaning;
pub mod outbox;
pub mod parts;
pub mod rate;
pub mod reply;
pub mod retry;
pub mod sends;
pub mod stage;
pub mod waiting;
pub mod webhook;
pub mod workers;
