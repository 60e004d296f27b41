//! How an account is being brought back, written down: a restart neither forgets a ban nor turns a
//! backoff into a storm.

use super::notes::{self, Note};
use waypost_engine::fleet::ConnectFlow;
use waypost_engine::model::{AccountId, Timestamp};
use waypost_store::{Store, StoreError};

/// What was written down, or a fresh start. Something unreadable is a fresh start too.
pub(super) async fn read(store: &Store, account: AccountId) -> Result<ConnectFlow, StoreError> {
    let noted = notes::read(store, account, Note::Connect).await?;
    let mut flow: ConnectFlow = noted.unwrap_or_default();
    flow.restored();
    Ok(flow)
}

/// Writes it down.
pub(super) async fn write(
    store: &Store,
    account: AccountId,
    flow: &ConnectFlow,
) -> Result<(), StoreError> {
    notes::write(store, account, Note::Connect, flow).await
}

/// When the account's phone was last seen, as an earlier process noted.
pub(super) async fn phone_seen(
    store: &Store,
    account: AccountId,
) -> Result<Option<Timestamp>, StoreError> {
    notes::read(store, account, Note::Phone).await
}

/// Notes when the account's phone was last seen.
pub(super) async fn note_phone(
    store: &Store,
    account: AccountId,
    at: Timestamp,
) -> Result<(), StoreError> {
    notes::write(store, account, Note::Phone, &at).await
}
