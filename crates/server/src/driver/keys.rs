//! The channel's session storage over the store.

use async_trait::async_trait;
use bytes::Bytes;
use waypost_engine::model::AccountId;
use waypost_store::Store;
use waypost_wa::{KeyWrite, KeysError, SessionKeys, Space};

/// Pairs read from the store at a time.
const SCAN_PAGE: usize = 10_000;

/// Sessions kept in the store, sealed, ordered behind the messages that moved them.
#[derive(Debug, Clone)]
pub(crate) struct StoredKeys {
    store: Store,
}

impl StoredKeys {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

fn failed(error: impl ToString) -> KeysError {
    KeysError(error.to_string())
}

/// A write in the store's form.
pub(crate) fn stored(write: KeyWrite) -> waypost_store::KeyWrite {
    use waypost_store::KeyWrite as To;
    match write {
        KeyWrite::Put { space, key, value } => To::Put {
            space: space.id(),
            key,
            value: value.to_vec(),
        },
        KeyWrite::Delete { space, key } => To::Delete {
            space: space.id(),
            key,
        },
        KeyWrite::DeletePrefix { space, prefix } => To::DeletePrefix {
            space: space.id(),
            prefix,
        },
    }
}

#[async_trait]
impl SessionKeys for StoredKeys {
    async fn get(
        &self,
        account: AccountId,
        space: Space,
        key: &[u8],
    ) -> Result<Option<Bytes>, KeysError> {
        let value = self
            .store
            .key_get(account, space.id(), key)
            .await
            .map_err(failed)?;
        Ok(value.map(Bytes::from))
    }

    async fn get_many(
        &self,
        account: AccountId,
        space: Space,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Bytes>>, KeysError> {
        let values = self
            .store
            .key_get_many(account, space.id(), keys.to_vec())
            .await;
        Ok(values
            .map_err(failed)?
            .into_iter()
            .map(|v| v.map(Bytes::from))
            .collect())
    }

    async fn scan(
        &self,
        account: AccountId,
        space: Space,
        prefix: &[u8],
    ) -> Result<Vec<(Vec<u8>, Bytes)>, KeysError> {
        let mut all: Vec<(Vec<u8>, Bytes)> = Vec::new();
        loop {
            let after = all.last().map(|(key, _)| key.clone());
            let page = self
                .store
                .key_scan(account, space.id(), prefix, after.as_deref(), SCAN_PAGE)
                .await
                .map_err(failed)?;
            let more = page.len() == SCAN_PAGE;
            all.extend(
                page.into_iter()
                    .map(|pair| (pair.key, Bytes::from(pair.value))),
            );
            if !more {
                return Ok(all);
            }
        }
    }

    async fn write(&self, account: AccountId, writes: Vec<KeyWrite>) -> Result<(), KeysError> {
        self.store
            .key_write(account, writes.into_iter().map(stored).collect())
            .await
            .map_err(failed)
    }
}
