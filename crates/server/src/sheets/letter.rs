//! An event as mappings see it: what webhooks get, and the message that it is about.

use crate::api::message_shown;
use crate::clock::iso;
use serde_json::{Value, json};
use waypost_engine::model::{Event, MessageId};
use waypost_store::{Store, StoreError};

/// The document that a mapping's paths point into.
///
/// # Errors
/// When the store cannot be read. A message that was deleted is simply not there.
pub(crate) async fn document(store: &Store, event: &Event) -> Result<Value, StoreError> {
    let message = match event.data["message"].as_str().map(str::parse::<MessageId>) {
        Some(Ok(id)) => match store.message(event.workspace, id).await {
            Ok(found) => message_shown(found),
            Err(StoreError::NotFound { .. }) => Value::Null,
            Err(error) => return Err(error),
        },
        _ => Value::Null,
    };
    Ok(json!({
        "id": event.id, "type": event.kind, "at": iso(event.at), "account": event.account,
        "conversation": event.conversation, "data": event.data, "message": message,
    }))
}
