//! Signal: identities, sessions, one-time keys, sender keys.

use super::codec::key32;
use super::{Storage, Weight};
use crate::limits::WRITES_PER_BATCH;
use crate::ports::{KeyWrite, Space};
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use wacore::store::error::Result;
use wacore::store::traits::SignalStore;

fn puts<'a>(
    space: Space,
    entries: impl Iterator<Item = (Vec<u8>, Bytes)> + 'a,
) -> impl Iterator<Item = KeyWrite> + 'a {
    entries.map(move |(key, value)| KeyWrite::Put { space, key, value })
}

fn id_of(key: &[u8]) -> Option<u32> {
    key.try_into().ok().map(u32::from_be_bytes)
}

impl Storage {
    async fn prekeys(&self, space: Space) -> Result<Vec<(u32, Bytes)>> {
        let stored = self.scan(space, &[]).await?;
        Ok(stored
            .into_iter()
            .filter_map(|(key, value)| Some((id_of(&key)?, value)))
            .collect())
    }

    async fn any_of_user(&self, space: Space, user: &str) -> Result<bool> {
        for mark in ["@", ":"] {
            if !self
                .scan(space, format!("{user}{mark}").as_bytes())
                .await?
                .is_empty()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[async_trait]
impl SignalStore for Storage {
    async fn put_identity(&self, address: &str, key: [u8; 32]) -> Result<()> {
        self.put(Weight::Vital, Space::Identity, address, key.to_vec())
            .await
    }

    async fn put_identities_batch(&self, identities: &[(Arc<str>, [u8; 32])]) -> Result<()> {
        let entries = identities
            .iter()
            .map(|(a, key)| (a.as_bytes().to_vec(), Bytes::copy_from_slice(key)));
        self.write(Weight::Vital, puts(Space::Identity, entries).collect())
            .await
    }

    async fn load_identity(&self, address: &str) -> Result<Option<[u8; 32]>> {
        let value = self.get(Space::Identity, address.as_bytes()).await?;
        value.map(|value| key32(&value)).transpose()
    }

    async fn delete_identity(&self, address: &str) -> Result<()> {
        self.delete(Weight::Vital, Space::Identity, address).await
    }

    async fn get_session(&self, address: &str) -> Result<Option<Bytes>> {
        self.get(Space::Session, address.as_bytes()).await
    }

    async fn put_session(&self, address: &str, session: &[u8]) -> Result<()> {
        self.put(Weight::Vital, Space::Session, address, session.to_vec())
            .await
    }

    async fn put_sessions_batch(&self, sessions: &[(Arc<str>, Bytes)]) -> Result<()> {
        let entries = sessions
            .iter()
            .map(|(a, session)| (a.as_bytes().to_vec(), session.clone()));
        self.write(Weight::Vital, puts(Space::Session, entries).collect())
            .await
    }

    async fn delete_session(&self, address: &str) -> Result<()> {
        self.delete(Weight::Vital, Space::Session, address).await
    }

    async fn has_signal_state_for_user(&self, user: &str) -> Result<bool> {
        Ok(self.any_of_user(Space::Session, user).await?
            || self.any_of_user(Space::Identity, user).await?)
    }

    // Whether a one-time key was uploaded is written by the library and never read back (its own
    // counters in the device say what is left to upload), so it isn't stored.
    async fn store_prekey(&self, id: u32, record: &[u8], _uploaded: bool) -> Result<()> {
        self.put(
            Weight::Vital,
            Space::Prekey,
            id.to_be_bytes(),
            record.to_vec(),
        )
        .await
    }

    async fn store_prekeys_batch(&self, keys: &[(u32, Bytes)], _uploaded: bool) -> Result<()> {
        for batch in keys.chunks(WRITES_PER_BATCH) {
            let entries = batch
                .iter()
                .map(|(id, record)| (id.to_be_bytes().to_vec(), record.clone()));
            self.write(Weight::Vital, puts(Space::Prekey, entries).collect())
                .await?;
        }
        Ok(())
    }

    async fn load_prekey(&self, id: u32) -> Result<Option<Bytes>> {
        self.get(Space::Prekey, &id.to_be_bytes()).await
    }

    async fn load_prekeys_batch(&self, ids: &[u32]) -> Result<Vec<(u32, Bytes)>> {
        let keys: Vec<Vec<u8>> = ids.iter().map(|id| id.to_be_bytes().to_vec()).collect();
        let values = self
            .keys
            .get_many(self.account, Space::Prekey, &keys)
            .await
            .map_err(super::failed)?;
        Ok(ids
            .iter()
            .zip(values)
            .filter_map(|(id, value)| Some((*id, value?)))
            .collect())
    }

    /// Nothing to do: the mark isn't stored, and a key used up meanwhile must stay gone.
    async fn mark_prekeys_uploaded(&self, _ids: &[u32]) -> Result<()> {
        Ok(())
    }

    async fn remove_prekey(&self, id: u32) -> Result<()> {
        self.delete(Weight::Vital, Space::Prekey, id.to_be_bytes())
            .await
    }

    async fn get_max_prekey_id(&self) -> Result<u32> {
        Ok(self
            .prekeys(Space::Prekey)
            .await?
            .last()
            .map_or(0, |(id, _)| *id))
    }

    async fn store_signed_prekey(&self, id: u32, record: &[u8]) -> Result<()> {
        self.put(
            Weight::Vital,
            Space::SignedPrekey,
            id.to_be_bytes(),
            record.to_vec(),
        )
        .await
    }

    async fn load_signed_prekey(&self, id: u32) -> Result<Option<Vec<u8>>> {
        Ok(self
            .get(Space::SignedPrekey, &id.to_be_bytes())
            .await?
            .map(Into::into))
    }

    async fn load_all_signed_prekeys(&self) -> Result<Vec<(u32, Vec<u8>)>> {
        let all = self.prekeys(Space::SignedPrekey).await?;
        Ok(all
            .into_iter()
            .map(|(id, record)| (id, record.into()))
            .collect())
    }

    async fn remove_signed_prekey(&self, id: u32) -> Result<()> {
        self.delete(Weight::Vital, Space::SignedPrekey, id.to_be_bytes())
            .await
    }

    async fn put_sender_key(&self, address: &str, record: &[u8]) -> Result<()> {
        self.put(Weight::Vital, Space::SenderKey, address, record.to_vec())
            .await
    }

    async fn put_sender_keys_batch(&self, sender_keys: &[(Arc<str>, Bytes)]) -> Result<()> {
        let entries = sender_keys
            .iter()
            .map(|(a, record)| (a.as_bytes().to_vec(), record.clone()));
        self.write(Weight::Vital, puts(Space::SenderKey, entries).collect())
            .await
    }

    async fn get_sender_key(&self, address: &str) -> Result<Option<Vec<u8>>> {
        Ok(self
            .get(Space::SenderKey, address.as_bytes())
            .await?
            .map(Into::into))
    }

    async fn delete_sender_key(&self, address: &str) -> Result<()> {
        self.delete(Weight::Vital, Space::SenderKey, address).await
    }
}
