//! App-state sync: keys, versions, authentication codes.

use super::codec::{Pack, Unpack, prefix, unreadable};
use super::{Storage, Weight};
use crate::limits::WRITES_PER_BATCH;
use crate::ports::{KeyWrite, Space};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::HashMap;
use wacore::appstate::hash::HashState;
use wacore::store::error::Result;
use wacore::store::traits::{AppStateSyncKey, AppSyncStore};
use wacore_appstate::processor::AppStateMutationMAC;

/// A key id never is empty, so the empty one can name the latest.
const LATEST: &[u8] = &[];

fn mac_key(name: &str, index_mac: &[u8]) -> Vec<u8> {
    let mut key = prefix(&[name]);
    key.extend_from_slice(index_mac);
    key
}

#[async_trait]
impl AppSyncStore for Storage {
    async fn get_sync_key(&self, key_id: &[u8]) -> Result<Option<AppStateSyncKey>> {
        if key_id.is_empty() {
            return Ok(None);
        }
        let Some(value) = self.get(Space::SyncKey, key_id).await? else {
            return Ok(None);
        };
        let mut value = Unpack::new(&value)?;
        let timestamp = value.int()?;
        let key_data = value.bytes()?.to_vec();
        let fingerprint = value.bytes()?.to_vec();
        Ok(Some(AppStateSyncKey {
            key_data,
            fingerprint,
            timestamp,
        }))
    }

    async fn set_sync_key(&self, key_id: &[u8], key: AppStateSyncKey) -> Result<()> {
        if key_id.is_empty() {
            return Err(unreadable());
        }
        let value = Pack::new()
            .int(key.timestamp)
            .bytes(&key.key_data)
            .bytes(&key.fingerprint)
            .done();
        let put = |key: &[u8], value: Bytes| KeyWrite::Put {
            space: Space::SyncKey,
            key: key.to_vec(),
            value,
        };
        let writes = vec![
            put(key_id, value.into()),
            put(LATEST, Bytes::copy_from_slice(key_id)),
        ];
        self.write(Weight::Vital, writes).await
    }

    async fn get_version(&self, name: &str) -> Result<HashState> {
        match self.get(Space::SyncVersion, name.as_bytes()).await? {
            Some(value) => serde_json::from_slice(&value).map_err(|_| unreadable()),
            None => Ok(HashState::default()),
        }
    }

    async fn set_version(&self, name: &str, state: HashState) -> Result<()> {
        let value = serde_json::to_vec(&state).map_err(|_| unreadable())?;
        self.put(Weight::Light, Space::SyncVersion, name, value)
            .await
    }

    async fn put_mutation_macs(
        &self,
        name: &str,
        _version: u64,
        mutations: &[AppStateMutationMAC],
    ) -> Result<()> {
        for batch in mutations.chunks(WRITES_PER_BATCH) {
            let puts = batch.iter().map(|mac| KeyWrite::Put {
                space: Space::SyncMac,
                key: mac_key(name, &mac.index_mac),
                value: Bytes::copy_from_slice(&mac.value_mac),
            });
            self.write(Weight::Light, puts.collect()).await?;
        }
        Ok(())
    }

    async fn get_mutation_mac(&self, name: &str, index_mac: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self
            .get(Space::SyncMac, &mac_key(name, index_mac))
            .await?
            .map(Into::into))
    }

    async fn get_mutation_macs(
        &self,
        name: &str,
        index_macs: &[[u8; 32]],
    ) -> Result<HashMap<[u8; 32], Vec<u8>>> {
        let keys: Vec<Vec<u8>> = index_macs.iter().map(|mac| mac_key(name, mac)).collect();
        let values = self
            .keys
            .get_many(self.account, Space::SyncMac, &keys)
            .await
            .map_err(super::failed)?;
        Ok(index_macs
            .iter()
            .zip(values)
            .filter_map(|(mac, value)| Some((*mac, value?.into())))
            .collect())
    }

    async fn delete_mutation_macs(&self, name: &str, index_macs: &[Vec<u8>]) -> Result<()> {
        for batch in index_macs.chunks(WRITES_PER_BATCH) {
            let deletes = batch.iter().map(|mac| KeyWrite::Delete {
                space: Space::SyncMac,
                key: mac_key(name, mac),
            });
            self.write(Weight::Light, deletes.collect()).await?;
        }
        Ok(())
    }

    async fn clear_mutation_macs(&self, name: &str) -> Result<()> {
        let clear = KeyWrite::DeletePrefix {
            space: Space::SyncMac,
            prefix: prefix(&[name]),
        };
        self.write(Weight::Light, vec![clear]).await
    }

    async fn get_latest_sync_key_id(&self) -> Result<Option<Vec<u8>>> {
        Ok(self.get(Space::SyncKey, LATEST).await?.map(Into::into))
    }
}
