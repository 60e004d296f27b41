//! WhatsApp in a box: a local WhatsApp network that unmodified clients connect to.
//!
//! It speaks the real protocol over loopback sockets: Noise, binary nodes, linking by QR and by
//! code, Signal sessions, offline queues that redeliver until acknowledged. Phones and contacts are
//! scripted, faults come on demand and by seed, and a ledger counts every message.
//!
//! ```no_run
//! # async fn demo() -> wasim::Result<()> {
//! use wasim::{ContactSpec, Network, NetworkConfig, Outgoing, PhoneSpec};
//! let net = Network::start(NetworkConfig::default()).await?;
//! let phone = net.add_phone(PhoneSpec { number: "971500000001".into(), ..Default::default() })?;
//! let ana = net.add_contact(ContactSpec { number: "971500000002".into(), ..Default::default() })?;
//! // A client connects to net.ws_url() and shows a QR code; the owner scans it.
//! # let qr = "";
//! phone.scan(qr).await?;
//! ana.send("971500000001", Outgoing::text("hello")).await?;
//! net.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod callers;
mod clock;
mod companion;
mod contact;
mod content;
pub mod control;
mod error;
mod event;
mod faults;
mod group;
mod keys;
mod ledger;
mod lock;
mod mailbox;
mod media;
mod network;
mod noise;
mod person;
mod phone;
mod post;
mod script;
mod seed;
mod sending;
mod server;
mod signal;
mod stanza;
mod world;

pub use contact::{Burst, Contact, PresenceState, SendHow, TypingState, UseAddress};
pub use content::{Described, Kind, Outgoing, describe};
pub use error::{Result, SimError};
pub use event::{Events, LinkMethod, MAX_EVENTS, NetEvent};
pub use faults::{Chance, FaultPlan, Faults, LoginRefusal, StreamError};
pub use group::{Group, GroupMember, MAX_GROUPS, MAX_MEMBERS, Rank};
pub use ledger::{Counts, Judgement, Ledger, MAX_RECORDS, MAX_TEXT_CHARS, Sent, Shown};
pub use media::{MAX_FILE_BYTES, MAX_STORED_BYTES, MediaFaults};
pub use network::{ContactSpec, Dedupe, Network, NetworkConfig, PhoneSpec};
pub use noise::Handshake;
pub use person::{
    Addressing, Incoming, LinkPolicy, MAX_LINKED_DEVICES, MAX_REMEMBERED, PlaceholderHelp,
};
pub use phone::{LinkedDevice, Phone};
pub use script::{Answerer, Script};
pub use server::history::{HistorySharing, PastAuthor, PastMessage};
/// The protocol's messages, for contents that have no shorthand in [`Outgoing`].
pub use waproto::whatsapp as proto;
