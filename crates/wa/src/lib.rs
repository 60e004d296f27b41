//! The linked-device channel: WhatsApp through a companion device, in the engine's nouns.
//!
//! This is the only room (with the simulator) that knows the protocol library. The server hands it
//! two ports, [`SessionKeys`] (a small key-value store for the sessions of many accounts) and
//! [`Inbox`] (where messages are committed before WhatsApp is told), and gets back a [`Connector`].
//!
//! # One connection, one life
//!
//! [`Connector::open`] starts one connection and returns a [`Connection`] with its stream of
//! [`ChannelEvent`]s. The stream ends with exactly one [`ChannelEvent::Down`]; after it every task,
//! timer and socket of that connection is gone, and so are its caches. The library's own reconnecting
//! is switched off: when to try again is the driver's policy. The one exception is linking, where
//! WhatsApp closes the socket once by design (stream error 515) and expects the new device to come
//! back at once: that second socket belongs to the same link and the same connection.
//!
//! # What passes the commit, and what does not
//!
//! Messages that were decrypted arrive through [`Inbox::commit`] and are acknowledged to WhatsApp
//! only after it returned `Ok`. The rest comes as events, because the protocol library gives no
//! chance to hold the acknowledgement back; a crash at the wrong moment costs what is said here:
//!
//! | what | event | a crash can cost |
//! |---|---|---|
//! | server acks of our sends | [`ChannelEvent::ServerAck`] | nothing: no ack in time means the same id is sent again |
//! | receipts | [`ChannelEvent::Receipt`] | a tick that stays grey |
//! | messages decrypted but not yet committed | asked for again, then [`Inbox::commit`] | nothing, as long as the sender still has the message |
//! | undecryptable messages | [`Inbox::commit`] of a placeholder, in its place, then [`ChannelEvent::Placeholder`] | the placeholder; the sender's retry still arrives through the commit |
//! | recoveries from the phone, newsletters | [`ChannelEvent::Messages`] | that message |
//! | history | [`ChannelEvent::History`], [`ChannelEvent::HistoryPiece`] | part of the history, which is noticed |
//! | older messages that were asked for | [`ChannelEvent::Recalled`] | that answer; it is asked for again |
//! | typing, names, group changes | their own events | that news |
//!
//! # Proxies
//!
//! With [`Route::Via`] everything of a connection, its socket and its files, goes through that
//! proxy or nowhere.
//!
//! # Limits
//!
//! Every limit is a named constant in [`limits`], with what happens at it.

mod alive;
mod arrivals;
mod backlog;
mod cause;
mod clock;
mod config;
mod connection;
mod connector;
mod device;
mod directory;
mod event;
pub mod freeze;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod groups;
mod history;
mod hook;
pub mod import;
mod jid;
pub mod limits;
mod lost;
mod media;
pub mod memory;
pub mod normalise;
mod ports;
mod proxy;
mod recent;
mod repeats;
mod storage;
mod tasks;
mod translate;
mod transport;

pub use backlog::Kept;
pub use config::{ChannelConfig, HistoryPolicy};
pub use connection::{Connection, Held, SendError, TaskError};
pub use connector::{Connector, OpenError, PLATFORM, Purpose};
pub use device::{StoredDevice, stored_device};
pub use event::{ChannelEvent, Events, GroupChange, ReceiptKind, TypingState};
pub use freeze::{Author, FreezeError, Target, freeze};
pub use groups::{Group, GroupMember, GroupRole, Presence};
pub use media::{MediaError, MediaKey, Uploaded};
pub use ports::{CommitError, Inbox, KeyWrite, KeysError, SessionKeys, Space};
pub use proxy::{
    LOGIN_LEN_MAX, Login, PROXY_LEN_MAX, Proxy, ProxyError, ProxyKind, ProxyParseError, Route,
};
pub use storage::{DISCARD_ON_RESTORE, has_session};
