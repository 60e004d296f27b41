//! What is on its way out.

use waypost_engine::model::{
    AccountId, Address, Content, ConversationId, Duration, FailReason, MessageId, SendState, Seq,
    Timestamp, WorkspaceId,
};

/// How long a frozen payload is kept for retry requests after the send was final.
pub const FROZEN_KEPT: Duration = Duration::hours(30 * 24);
/// How long an idempotency key is remembered.
pub const IDEMPOTENCY_KEPT: Duration = Duration::hours(24);
/// Longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;
/// Most sends that may wait in an account's outbox for [`crate::Store::enqueue`] to add another;
/// beyond, it refuses. Answers decided by rules are not counted out: they belong to a message.
pub const OUTBOX_WAITING_MAX: i64 = 10_000;
/// How long events are kept; a cursor older than that must resync.
pub const EVENTS_KEPT: Duration = Duration::hours(30 * 24);
/// Most rows removed from one table by one [`crate::Store::prune`]; call it again for the rest.
pub const PRUNE_MAX: i64 = 10_000;
/// Most wire ids taken from one receipt; further ones are ignored.
pub const RECEIPT_IDS_MAX: usize = 1_000;

/// A caller's promise that a repeated request is the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Where the key counts.
    pub workspace: WorkspaceId,
    /// The key, at most [`IDEMPOTENCY_KEY_MAX`] bytes.
    pub key: String,
    /// Hash of the whole request.
    pub request_hash: Vec<u8>,
}

/// Where a send stands in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// The message.
    pub message: MessageId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its place in the account's order.
    pub seq: Seq,
}

/// What became of a request to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// It is in the outbox.
    New(Queued),
    /// The same request came before; this is what it made then.
    Replayed(Queued),
    /// The key was used for another request; nothing was written.
    KeyReused,
}

/// A send that is not accepted by the server yet.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxItem {
    /// The message.
    pub message: MessageId,
    /// The sending account.
    pub account: AccountId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its place in the account's order.
    pub seq: Seq,
    /// The recipient.
    pub to: Address,
    /// The id WhatsApp sees, the same on every attempt.
    pub wire_id: String,
    /// What it says.
    pub content: Content,
    /// The finished payload, once frozen.
    pub frozen: Option<Vec<u8>>,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Not to be sent before.
    pub next_at: Timestamp,
    /// When it was decided.
    pub created_at: Timestamp,
    /// Its state.
    pub state: SendState,
    /// The last attempt's error.
    pub last_error: Option<String>,
}

/// How far a send has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendStatus {
    /// The message.
    pub message: MessageId,
    /// Its state.
    pub state: SendState,
    /// Why it failed.
    pub fail: Option<FailReason>,
    /// Failed attempts.
    pub attempts: u32,
    /// The last attempt's error.
    pub last_error: Option<String>,
    /// Not to be sent before.
    pub next_at: Timestamp,
}

/// How an account stands in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The other side wrote, last at this time by the sender's clock.
    Heard(Timestamp),
    /// Only the account wrote.
    Known,
    /// There never was a word.
    Stranger,
}

/// How a recipient confirmed a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// It reached a device.
    Delivered,
    /// It was opened (or played).
    Read,
}

/// A recipient's news of messages sent to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Who sent them.
    pub account: AccountId,
    /// The person or group they went to.
    pub chat: Address,
    /// The person's other address, if it is known; what is new in it is learned.
    pub chat_alt: Option<Address>,
    /// Which messages; ids beyond [`RECEIPT_IDS_MAX`] are ignored.
    pub wire_ids: Vec<String>,
    /// How far they came.
    pub receipt: Receipt,
    /// When.
    pub at: Timestamp,
}

/// Whether a change of a send's state took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// The state is now this.
    To(SendState),
    /// The send was already further or final; nothing was written.
    Already(SendState),
    /// There is no such send.
    Unknown,
}

/// What [`crate::Store::prune`] removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Frozen payloads.
    pub frozen: usize,
    /// Idempotency keys.
    pub idempotency: usize,
    /// Events.
    pub events: usize,
    /// Dead letters that nobody dealt with; they are archived and stay for as long again.
    pub dead_letters_archived: usize,
    /// Dead letters that were resolved or archived.
    pub dead_letters: usize,
    /// Attempts to link an account.
    pub link_attempts: usize,
    /// Scores of accounts, and the counts behind them.
    pub health: usize,
}
