//! An event as the body that is sent: `type`, `timestamp` and `data` as Standard Webhooks names
//! them, and what the event is about.

use crate::clock::iso;
use serde::Serialize;
use waypost_engine::model::{AccountId, ConversationId, Event, EventId, Timestamp};

/// The kind of event that a test sends.
const TEST: &str = "endpoint.test";

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: EventId,
    timestamp: String,
    version: u16,
    account: Option<AccountId>,
    conversation: Option<ConversationId>,
    data: &'a serde_json::Value,
}

impl Body<'_> {
    /// Ids, times and JSON that was read as JSON can always be written as JSON.
    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The `webhook-id`: the event's id, the same on every attempt.
pub(super) fn id(event: EventId) -> String {
    event.to_string()
}

/// The body of an event.
pub(super) fn body(event: &Event) -> Vec<u8> {
    let about = Body {
        kind: &event.kind,
        id: event.id,
        timestamp: iso(event.at),
        version: event.version,
        account: event.account,
        conversation: event.conversation,
        data: &event.data,
    };
    about.bytes()
}

/// The body of a test.
pub(super) fn test_body(id: EventId, now: Timestamp) -> Vec<u8> {
    let data = serde_json::json!({ "message": "This is a test from Waypost." });
    let about = Body {
        kind: TEST,
        id,
        timestamp: iso(now),
        version: 1,
        account: None,
        conversation: None,
        data: &data,
    };
    about.bytes()
}
