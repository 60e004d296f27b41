//! An account's life: linking, connecting, recovering.
//!
//! - [`down`]: why a connection ended and what may be done about it.
//! - [`link`]: linking by QR code and pairing code.
//! - [`connect`]: staying connected.
//! - [`window`]: how long a set of QR codes should wait, learned from earlier scans.
//! - [`slots`]: how many link or connect at once.

pub mod connect;
pub mod down;
pub mod link;
pub mod slots;
pub mod window;

pub use connect::{Client, ConnectEffect, ConnectFlow, ConnectInput};
pub use down::{DownReason, Remedy};
pub use link::{
    LinkConfig, LinkEffect, LinkEvent, LinkFlow, LinkMethod, LinkOutcome, LinkRecord, SocketNo,
};
pub use slots::{LinkSlots, LinkTurn, StartWaves};
