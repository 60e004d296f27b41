//! What happens to accounts, written into the event log for those whom the account belongs to.

use crate::clock;
use serde_json::Value;
use waypost_engine::model::{AccountId, ConversationId, NewEvent};
use waypost_store::{Store, StoreError};

/// The version of the shapes that are written here.
const VERSION: u16 = 1;

/// Tells that this happened to an account now, perhaps in one of its conversations. `kind` is one
/// of [`waypost_engine::model::event::kind`].
pub(super) async fn tell(
    store: &Store,
    account: AccountId,
    conversation: Option<ConversationId>,
    kind: &'static str,
    data: Value,
) -> Result<(), StoreError> {
    let workspace = store.account(account).await?.workspace;
    let at = clock::now();
    let event = NewEvent {
        id: store.next_id(at),
        workspace,
        account: Some(account),
        conversation,
        kind,
        version: VERSION,
        data,
        at,
    };
    store.append_event(event).await.map(|_| ())
}
