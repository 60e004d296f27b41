//! What happens to accounts and to the machine, written into the event log of the workspace that it
//! belongs to.

use crate::clock;
use serde_json::Value;
use waypost_engine::model::{AccountId, ConversationId, NewEvent, Timestamp, WorkspaceId};
use waypost_store::{Store, StoreError};

/// The version of the shapes that are written here.
const VERSION: u16 = 1;

/// Whom something happened to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whom {
    pub(super) workspace: WorkspaceId,
    pub(super) account: Option<AccountId>,
    pub(super) conversation: Option<ConversationId>,
}

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
    let whom = Whom {
        workspace,
        account: Some(account),
        conversation,
    };
    tell_at(store, whom, kind, data, clock::now()).await
}

/// Tells that this happened at a time. `kind` as for [`tell`].
pub(super) async fn tell_at(
    store: &Store,
    whom: Whom,
    kind: &'static str,
    data: Value,
    at: Timestamp,
) -> Result<(), StoreError> {
    let event = NewEvent {
        id: store.next_id(at),
        workspace: whom.workspace,
        account: whom.account,
        conversation: whom.conversation,
        kind,
        version: VERSION,
        data,
        at,
    };
    store.append_event(event).await.map(|_| ())
}
