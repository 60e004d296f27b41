//! The protocol library's storage, over the small key-value port. Many accounts share one store.
//!
//! Every write is durable when it returns; there is no write-behind of our own. What a lost write
//! would break for good (ratchets, decrypted messages that wait for their commit) poisons the
//! connection: from then on nothing more is written, so that no later state can overtake it, and the
//! connection is given up and built afresh.

mod app_sync;
mod codec;
mod device;
pub(crate) mod owed;
mod protocol;
mod secrets;
mod signal;

use crate::cause::Cause;
use crate::lost::LostReports;
use crate::ports::{Inbox, KeyWrite, KeysError, SessionKeys, Space};
use crate::recent::RecentIds;
use bytes::Bytes;
use std::sync::Arc;
use wacore::store::error::{Result, StoreError};
use waypost_engine::fleet::down::DownReason;
use waypost_engine::model::AccountId;

/// What a restore from backup must throw away. Ratchets must never run backwards, and keys the
/// backup knows may have been used up since. The device's identity, Noise and ADV keys stay
/// ([`Space::Device`]), as do other people's identities, the app-state keys and the address maps.
pub const DISCARD_ON_RESTORE: &[Space] = &[
    Space::Session,
    Space::Prekey,
    Space::SenderKey,
    Space::SenderKeyDevice,
    Space::BaseKey,
    Space::DeviceList,
    Space::PendingInbound,
    Space::SentCopy,
    Space::OwedRepeat,
];

/// True when the account has a device that was linked before.
///
/// # Errors
/// When the session store does not answer or holds something unreadable.
pub async fn has_session(
    keys: &dyn SessionKeys,
    account: AccountId,
) -> std::result::Result<bool, KeysError> {
    let stored = device(keys, account).await?;
    Ok(stored.is_some_and(|device| device.pn.is_some()))
}

/// What is stored of the account's device, linked or not.
pub(crate) async fn device(
    keys: &dyn SessionKeys,
    account: AccountId,
) -> std::result::Result<Option<wacore::store::Device>, KeysError> {
    let Some(value) = keys.get(account, Space::Device, device::KEY).await? else {
        return Ok(None);
    };
    let decoded = device::decode(&value).map_err(|error| KeysError(error.to_string()))?;
    Ok(Some(decoded))
}

/// Reads a value in one layout and writes it again; `None` when that layout does not take it.
#[cfg(feature = "fuzzing")]
pub(crate) type Rewrite = fn(&[u8]) -> Option<Vec<u8>>;

/// One for each of the compact layouts.
#[cfg(feature = "fuzzing")]
pub(crate) fn rewritings() -> [Rewrite; 4] {
    [
        protocol::rewritten_mapping,
        protocol::rewritten_token,
        protocol::rewritten_devices,
        secrets::rewritten_secret,
    ]
}

/// One account's storage as the library sees it.
pub(crate) struct Storage {
    keys: Arc<dyn SessionKeys>,
    inbox: Arc<dyn Inbox>,
    account: AccountId,
    cause: Arc<Cause>,
    own_sends: Arc<RecentIds>,
    lost: LostReports,
    /// Held over read-then-write, so that two of them never lose each other's half.
    update: tokio::sync::Mutex<()>,
}

/// Whether losing a write breaks the session for good.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// It does: the connection is given up.
    Vital,
    /// It is looked up or learned again.
    Light,
}

impl Storage {
    pub(crate) fn new(
        keys: Arc<dyn SessionKeys>,
        inbox: Arc<dyn Inbox>,
        account: AccountId,
        cause: Arc<Cause>,
        own_sends: Arc<RecentIds>,
        lost: LostReports,
    ) -> Self {
        let update = tokio::sync::Mutex::new(());
        Self {
            keys,
            inbox,
            account,
            cause,
            own_sends,
            lost,
            update,
        }
    }

    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        self.keys
            .get(self.account, space, key)
            .await
            .map_err(failed)
    }

    async fn scan(&self, space: Space, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Bytes)>> {
        self.keys
            .scan(self.account, space, prefix)
            .await
            .map_err(failed)
    }

    async fn write(&self, weight: Weight, writes: Vec<KeyWrite>) -> Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
        if self.cause.is_poisoned() {
            return Err(StoreError::Validation(
                "this connection was given up; nothing more is stored".to_owned(),
            ));
        }
        let written = self.keys.write(self.account, writes).await;
        if let (Err(error), Weight::Vital) = (&written, weight) {
            self.cause.poison(DownReason::StoreFailed {
                error: error.to_string(),
            });
        }
        written.map_err(failed)
    }

    async fn put(
        &self,
        weight: Weight,
        space: Space,
        key: impl Into<Vec<u8>>,
        value: impl Into<Bytes>,
    ) -> Result<()> {
        let (key, value) = (key.into(), value.into());
        self.write(weight, vec![KeyWrite::Put { space, key, value }])
            .await
    }

    async fn delete(&self, weight: Weight, space: Space, key: impl Into<Vec<u8>>) -> Result<()> {
        self.write(
            weight,
            vec![KeyWrite::Delete {
                space,
                key: key.into(),
            }],
        )
        .await
    }

    /// Removes every entry of a space that `is_old` says is old; how many.
    async fn sweep(&self, space: Space, is_old: impl Fn(&[u8]) -> bool) -> Result<u32> {
        let old: Vec<KeyWrite> = self
            .scan(space, &[])
            .await?
            .into_iter()
            .filter(|(_, value)| is_old(value))
            .map(|(key, _)| KeyWrite::Delete { space, key })
            .collect();
        let count = u32::try_from(old.len()).unwrap_or(u32::MAX);
        for batch in old.chunks(crate::limits::WRITES_PER_BATCH) {
            self.write(Weight::Light, batch.to_vec()).await?;
        }
        Ok(count)
    }
}

fn failed(error: KeysError) -> StoreError {
    StoreError::Database(Box::new(error))
}

#[cfg(test)]
mod tests;
