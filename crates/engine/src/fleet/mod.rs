//! An account's life: linking, connecting, recovering.
//!
//! - [`down`]: why a connection ended and what may be done about it.
//! - [`gaps`]: messages that never came, and how they are had after all.
//! - [`link`]: linking by QR code and pairing code.
//! - [`connect`]: staying connected.
//! - [`rung`]: the recovery ladder, and what is shown of it.
//! - [`breaker`]: when an account is left alone for a while.
//! - [`liveness`]: whether an open connection is alive.
//! - [`proxy_watch`]: whether a proxy that nobody needs just now would give a way.
//! - [`window`]: how long a set of QR codes should wait, learned from earlier scans.
//! - [`slots`]: how many link or connect at once.

pub mod breaker;
pub mod connect;
pub mod down;
pub mod gaps;
pub mod link;
pub mod liveness;
pub mod proxy_watch;
pub mod rung;
pub mod slots;
pub mod window;

pub use breaker::{BreakerConfig, BreakerState};
pub use connect::{Client, ConnectConfig, ConnectEffect, ConnectFlow, ConnectInput};
pub use down::{DownReason, Remedy};
pub use link::{
    LinkConfig, LinkEffect, LinkEvent, LinkFlow, LinkMethod, LinkOutcome, LinkRecord, SocketNo,
};
pub use liveness::{
    Answer, Liveness, LivenessConfig, LivenessEffect, LivenessView, Signal, Vitals,
};
pub use rung::{Call, Doing, ErrorClass, Recovery, Rung};
pub use slots::{LinkSlots, LinkTurn, StartWaves, WaveConfig};
