//! wasim with real clients connected to it: whatsapp-rust, and Baileys, which shares no code with it.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests wait until functional deadlines and print what they counted"
)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod baileys;
mod client;
mod control;
mod faults;
mod groups;
mod kinds;
mod linking;
mod messages;
mod presence;
