//! The log of webhook deliveries.

use serde::Serialize;
use waypost_engine::model::{DeliveryId, EndpointId, EventId, Timestamp};

/// Deliveries kept per endpoint; older ones are dropped first.
pub const DELIVERIES_KEPT: i64 = 10_000;
/// Bytes of an answer that are kept; the rest is cut off at a character boundary.
pub const RESPONSE_KEPT: usize = 1_024;

/// One attempt to deliver one event, to be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The event.
    pub event: EventId,
    /// Its place in the log.
    pub position: i64,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// When it was made.
    pub at: Timestamp,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What went wrong, if it did.
    pub error: Option<String>,
    /// The beginning of the answer.
    pub response: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
}

/// One logged attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The event.
    pub event: EventId,
    /// The event's kind; absent when the event log has forgotten it.
    pub kind: Option<String>,
    /// Its place in the log of the endpoint's deliveries.
    pub number: i64,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// When it was made.
    pub at: Timestamp,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What went wrong, if it did.
    pub error: Option<String>,
    /// The first [`RESPONSE_KEPT`] bytes of the answer.
    pub response: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u32,
}
