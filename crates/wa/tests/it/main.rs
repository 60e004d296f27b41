//! The channel against a WhatsApp network on this machine.

mod bench;
mod faults;
mod linking;
mod messages;
