//! Making ids of every kind from one source.

use waypost_engine::model::{
    AccountId, ApiKeyId, BlobId, ContactId, ConversationId, DeadLetterId, DeliveryId, EndpointId,
    EventId, MessageId, PersonId, RuleId, SheetConnectionId, SheetMappingId, WorkspaceId,
};

/// A kind of id the store can make.
pub trait IdKind {
    /// From the stored integer.
    fn from_raw_id(raw: i64) -> Self;
}

macro_rules! kinds {
    ($($name:ident),* $(,)?) => {$(
        impl IdKind for $name {
            fn from_raw_id(raw: i64) -> Self {
                Self::from_raw(raw)
            }
        }
    )*};
}

kinds!(
    AccountId,
    ApiKeyId,
    BlobId,
    ContactId,
    ConversationId,
    DeadLetterId,
    DeliveryId,
    EndpointId,
    EventId,
    MessageId,
    PersonId,
    RuleId,
    SheetConnectionId,
    SheetMappingId,
    WorkspaceId,
);
