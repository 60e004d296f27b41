//! How an account is being brought back, written down: a restart neither forgets a ban nor turns a
//! backoff into a storm.

use waypost_engine::fleet::ConnectFlow;
use waypost_engine::model::{AccountId, Timestamp};
use waypost_store::{KeyWrite, Store, StoreError};

/// The space of the account's keys that belongs to this room. The channel's own are below 1,000.
const SPACE: u16 = 1_000;
const KEY: &[u8] = b"connect";
const PHONE: &[u8] = b"phone";

/// What was written down, or a fresh start. Something unreadable is a fresh start too.
pub(super) async fn read(store: &Store, account: AccountId) -> Result<ConnectFlow, StoreError> {
    let Some(value) = store.key_get(account, SPACE, KEY).await? else {
        return Ok(ConnectFlow::default());
    };
    let mut flow: ConnectFlow = serde_json::from_slice(&value)
        .inspect_err(|error| tracing::warn!(%account, %error, "a plan to connect is unreadable"))
        .unwrap_or_default();
    flow.restored();
    Ok(flow)
}

/// When the account's phone was last seen, as an earlier process noted.
pub(super) async fn phone_seen(
    store: &Store,
    account: AccountId,
) -> Result<Option<Timestamp>, StoreError> {
    let value = store.key_get(account, SPACE, PHONE).await?;
    Ok(value.and_then(|value| serde_json::from_slice(&value).ok()))
}

/// Notes when the account's phone was last seen.
pub(super) async fn note_phone(
    store: &Store,
    account: AccountId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let value = serde_json::to_vec(&at).map_err(|error| StoreError::Bug {
        what: error.to_string(),
    })?;
    let put = KeyWrite::Put {
        space: SPACE,
        key: PHONE.to_vec(),
        value,
    };
    store.key_write(account, vec![put]).await
}

/// Writes it down.
pub(super) async fn write(
    store: &Store,
    account: AccountId,
    flow: &ConnectFlow,
) -> Result<(), StoreError> {
    let value = serde_json::to_vec(flow).map_err(|error| StoreError::Bug {
        what: error.to_string(),
    })?;
    let put = KeyWrite::Put {
        space: SPACE,
        key: KEY.to_vec(),
        value,
    };
    store.key_write(account, vec![put]).await
}
