//! wasim with the real client of whatsapp-rust connected to it.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "tests wait until functional deadlines and print what they counted"
)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod baileys;
mod client;
mod faults;
mod groups;
mod kinds;
mod linking;
mod messages;
mod presence;
