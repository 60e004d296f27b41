//! Messages that could not be processed or sent.

use crate::flow::Work;
use crate::sending::OutboxItem;
use serde::{Deserialize, Serialize};
use waypost_engine::model::{
    AccountId, ConversationId, DeadLetterId, Direction, Duration, MessageId, Timestamp, WorkspaceId,
};

/// How long a resolved or archived dead letter is kept, and how long one waits for a person before it is
/// archived by itself. Its message is kept in any case.
pub const DEAD_LETTERS_KEPT: Duration = Duration::hours(30 * 24);
/// Longest error kept, in characters; longer ones are cut.
pub const ERROR_MAX: usize = 1_000;

/// Where a dead letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterState {
    /// Waiting for a person.
    Pending,
    /// Being tried again.
    Retrying,
    /// A replay succeeded.
    Resolved,
    /// A person put it aside, or nobody dealt with it for long.
    Archived,
    /// It failed again after a replay: somebody must look before trying it once more.
    ManualReview,
}

impl DeadLetterState {
    /// Waiting for somebody to replay or archive it.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::ManualReview)
    }
}

/// A message that could not be processed or sent. The message itself is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its id.
    pub id: DeadLetterId,
    /// Who may see it.
    pub workspace: WorkspaceId,
    /// The message's account.
    pub account: AccountId,
    /// The message's conversation.
    pub conversation: ConversationId,
    /// The message.
    pub message: MessageId,
    /// Which way the message goes.
    pub direction: Direction,
    /// Where it failed: a stage's name, or `send`.
    pub stage: String,
    /// The last error, for a person.
    pub error: String,
    /// Where it stands.
    pub state: DeadLetterState,
    /// How often it came here.
    pub attempts: u32,
    /// When it came here first.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

/// A dead letter made live again, out of its conversation's order.
#[derive(Debug, Clone, PartialEq)]
pub enum Replay {
    /// A received message, to be worked on again.
    Inbound(Box<Work>),
    /// A send, in the outbox again under the same wire id.
    Outbound(Box<OutboxItem>),
    /// It is being tried, was resolved or was archived; nothing was changed.
    NotPending(DeadLetterState),
}
