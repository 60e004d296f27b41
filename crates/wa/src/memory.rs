//! Session keys in memory: for tests, and for trying things out. Nothing survives the process.

use crate::ports::{KeyWrite, KeysError, SessionKeys, Space};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use waypost_engine::model::AccountId;

type Place = (AccountId, Space, Vec<u8>);

/// Session keys in memory, of any number of accounts.
#[derive(Debug, Default)]
pub struct MemoryKeys {
    values: Mutex<BTreeMap<Place, Bytes>>,
    /// Why every write fails, while it is set.
    failing: Mutex<Option<String>>,
}

impl MemoryKeys {
    /// Empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every write fail with this error, or work again.
    pub fn fail_writes(&self, error: Option<&str>) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = error.map(str::to_owned);
    }

    /// Everything an account has, as the writes that make it so.
    pub(crate) fn puts(&self, account: AccountId) -> Vec<KeyWrite> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let own = values.iter().filter(|((of, _, _), _)| *of == account);
        own.map(|((_, space, key), value)| KeyWrite::Put {
            space: *space,
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
    }

    /// How many keys an account has in a space.
    pub fn count(&self, account: AccountId, space: Space) -> usize {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values
            .keys()
            .filter(|(of, within, _)| *of == account && *within == space)
            .count()
    }
}

#[async_trait]
impl SessionKeys for MemoryKeys {
    async fn get(
        &self,
        account: AccountId,
        space: Space,
        key: &[u8],
    ) -> Result<Option<Bytes>, KeysError> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(values.get(&(account, space, key.to_vec())).cloned())
    }

    async fn scan(
        &self,
        account: AccountId,
        space: Space,
        prefix: &[u8],
    ) -> Result<Vec<(Vec<u8>, Bytes)>, KeysError> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let from = (account, space, prefix.to_vec());
        let within =
            |(of, at, key): &Place| *of == account && *at == space && key.starts_with(prefix);
        let found = values.range(from..).take_while(|(place, _)| within(place));
        Ok(found
            .map(|((_, _, key), value)| (key.clone(), value.clone()))
            .collect())
    }

    async fn write(&self, account: AccountId, writes: Vec<KeyWrite>) -> Result<(), KeysError> {
        if let Some(error) = self
            .failing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
        {
            return Err(KeysError(error));
        }
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        for write in writes {
            match write {
                KeyWrite::Put { space, key, value } => {
                    values.insert((account, space, key), value);
                }
                KeyWrite::Delete { space, key } => {
                    values.remove(&(account, space, key));
                }
                KeyWrite::DeletePrefix { space, prefix } => {
                    values.retain(|(of, at, key), _| {
                        *of != account || *at != space || !key.starts_with(&prefix)
                    });
                }
            }
        }
        Ok(())
    }
}
