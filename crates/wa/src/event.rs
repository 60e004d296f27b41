//! What a connection reports.

use crate::backlog::Kept;
use std::time::Duration;
use waypost_engine::fleet::down::DownReason;
use waypost_engine::fleet::gaps::Piece;
use waypost_engine::model::{Address, Inbound, Timestamp};

/// How far a sent message came, as the recipient's side says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReceiptKind {
    /// It reached a device.
    Delivered,
    /// It was opened.
    Read,
    /// The voice note or film was played.
    Played,
}

/// Whether somebody is writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypingState {
    /// Typing or recording.
    Active,
    /// Stopped.
    Paused,
}

/// What changed in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupChange {
    /// It has a new subject.
    Subject(String),
    /// People were added or joined.
    Added(Vec<Address>),
    /// People were removed or left.
    Removed(Vec<Address>),
    /// Something else; ask for the group again.
    Other,
}

/// What a connection reports. Nothing is dropped: when [`crate::limits::EVENTS_MAX`] of them wait to
/// be taken, the connection ends with `Down(Backpressure)`.
#[derive(Debug, Clone, PartialEq)]
pub enum ChannelEvent {
    /// Show this QR code; the next one replaces it.
    QrCode {
        /// What the code holds.
        text: String,
        /// How long it is valid.
        valid_for: Duration,
    },
    /// There are no more QR codes on this socket. A pairing code may still be waiting; otherwise
    /// `Down` follows, and a new link gives new codes.
    QrExhausted,
    /// Type this code on the phone.
    PairingCode {
        /// Eight characters.
        code: String,
        /// How long it is valid.
        valid_for: Duration,
    },
    /// No pairing code is coming, or the one shown is worthless now.
    PairingCodeFailed {
        /// WhatsApp wants fewer attempts: wait before asking again.
        throttled: bool,
        /// What happened, for a person.
        error: String,
    },
    /// The phone wants a passkey, which a linked device cannot give.
    PasskeyRequired,
    /// The phone accepted the link. `Online` follows on a new socket of the same connection.
    Linked {
        /// The account's number.
        phone: Address,
        /// The account's LID, if it has one.
        lid: Option<Address>,
        /// The account's business name; empty for personal accounts.
        push_name: String,
        /// The kind of phone, as WhatsApp names it.
        platform: String,
    },
    /// The phone's link was refused or broke.
    LinkFailed {
        /// What happened, for a person.
        error: String,
    },
    /// Logged in and ready to send.
    Online,
    /// The connection is over; always the last event.
    Down(DownReason),
    /// WhatsApp's server accepted a message we sent, or refused it.
    ServerAck {
        /// Which.
        wire_id: String,
        /// WhatsApp's code when it refused.
        error: Option<u32>,
    },
    /// News of messages we sent.
    Receipt {
        /// The person or group they went to.
        chat: Address,
        /// The person's other address, if it is known.
        chat_alt: Option<Address>,
        /// Who it is news from.
        sender: Address,
        /// Which messages.
        wire_ids: Vec<String>,
        /// How far they came.
        kind: ReceiptKind,
        /// When.
        at: Timestamp,
    },
    /// Another of the account's own devices read messages sent to us.
    ReadElsewhere {
        /// The person or group.
        chat: Address,
        /// Which messages.
        wire_ids: Vec<String>,
    },
    /// A message arrived that cannot be decrypted yet; what stands for it is committed, and its retry has
    /// the same id.
    Placeholder(Box<Inbound>),
    /// Messages that came without a chance to hold their acknowledgement back: recoveries from the
    /// phone and newsletters.
    Messages(Vec<Inbound>),
    /// Messages of a piece of history; stored and marked, never acted on.
    History(Vec<Inbound>),
    /// All that can be read of a piece of history was handed over.
    HistoryPiece(Piece),
    /// The phone's answer to [`crate::Connection::ask_before`]: messages before the one that was
    /// named, at most [`crate::limits::RECALLED_MAX`]; stored and marked, never acted on.
    Recalled {
        /// Which question it answers.
        request: String,
        /// How many messages it gave, also those that say nothing to people.
        given: u32,
        /// The messages, oldest first.
        messages: Vec<Inbound>,
    },
    /// Somebody is writing, or stopped.
    Typing {
        /// Where.
        chat: Address,
        /// Who.
        sender: Address,
        /// Whether they still do.
        state: TypingState,
    },
    /// A group changed.
    GroupChanged {
        /// Which.
        group: Address,
        /// Who did it, if said.
        by: Option<Address>,
        /// What.
        change: GroupChange,
    },
    /// Somebody's addresses or name became known.
    ContactSeen {
        /// One address.
        address: Address,
        /// The other one, if known.
        alt: Option<Address>,
        /// The name they chose, if known. Outsiders' text.
        push_name: Option<String>,
    },
    /// WhatsApp announced what it kept while we were away.
    OfflineSyncStarted {
        /// How many stanzas of all kinds.
        expected: u32,
    },
    /// WhatsApp says that this is everything it kept while we were away; what came is committed.
    OfflineSyncCompleted {
        /// How many stanzas of all kinds came.
        received: u32,
        /// How many messages were announced, and came.
        kept: Kept,
    },
    /// What was kept while away stopped coming before its end. `Down` follows; what is not
    /// acknowledged comes again with the next connection.
    OfflineSyncInterrupted {
        /// How many messages were announced, and came.
        kept: Kept,
    },
}

/// The events of one connection. Ends after `Down`.
#[derive(Debug)]
pub struct Events {
    pub(crate) receiver: tokio::sync::mpsc::Receiver<ChannelEvent>,
}

impl Events {
    /// The next event; `None` once `Down` was taken.
    pub async fn next(&mut self) -> Option<ChannelEvent> {
        self.receiver.recv().await
    }
}
