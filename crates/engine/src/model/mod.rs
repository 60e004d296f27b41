//! The nouns of Waypost, free of storage, transport and screens.

pub mod account;
pub mod address;
pub mod content;
pub mod event;
pub mod id;
pub mod identity;
pub mod message;
pub mod rule;
pub mod send;
pub mod time;

pub use account::{Account, AccountState, Reason, StateChange};
pub use address::Address;
pub use content::{Content, Media, MediaKind, MediaPointer, MediaState, Quote};
pub use event::{Event, NewEvent};
pub use id::{
    AccountId, ApiKeyId, BlobId, ContactId, ConversationId, DeadLetterId, DeliveryId, EndpointId,
    EventId, IdSource, MessageId, PersonId, RuleId, SheetConnectionId, SheetMappingId, WorkspaceId,
};
pub use message::{Direction, Inbound, Origin, Seq};
pub use rule::{Conditions, Match, Rule};
pub use send::{Draft, FailReason, SendOrigin, SendState};
pub use time::{Duration, Timestamp};
