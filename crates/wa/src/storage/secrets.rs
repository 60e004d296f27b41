//! Message secrets: what later reactions, edits and votes are decrypted with.

use super::codec::{Pack, Unpack, join, key32};
use super::{Storage, Weight};
use crate::limits::WRITES_PER_BATCH;
use crate::ports::{KeyWrite, Space};
use async_trait::async_trait;
use std::collections::BTreeMap;
use wacore::store::error::Result;
use wacore::store::traits::{
    MsgSecretEntry, MsgSecretStore, merge_msg_secret_expiry, merge_msg_secret_message_ts,
};

/// A secret, when it expires and when its message was sent, in seconds; 0 is never and unknown.
#[derive(Clone, Copy)]
struct Row {
    secret: [u8; 32],
    expires_at: i64,
    sent_at: i64,
}

impl Row {
    fn encode(self) -> Vec<u8> {
        Pack::new()
            .int(self.expires_at)
            .int(self.sent_at)
            .tail(&self.secret)
    }

    fn decode(value: &[u8]) -> Result<Self> {
        let mut value = Unpack::new(value)?;
        let (expires_at, sent_at) = (value.int()?, value.int()?);
        Ok(Self {
            secret: key32(value.tail())?,
            expires_at,
            sent_at,
        })
    }
}

#[cfg(feature = "fuzzing")]
pub(super) fn rewritten_secret(value: &[u8]) -> Option<Vec<u8>> {
    Row::decode(value).ok().map(Row::encode)
}

#[async_trait]
impl MsgSecretStore for Storage {
    async fn put_msg_secrets(&self, entries: Vec<MsgSecretEntry>) -> Result<usize> {
        let _only = self.update.lock().await;
        let stored = entries.len();
        for batch in entries.chunks(WRITES_PER_BATCH) {
            let keys: Vec<Vec<u8>> = batch
                .iter()
                .map(|e| join(&[&e.chat, &e.sender, &e.msg_id]))
                .collect();
            let known = self
                .keys
                .get_many(self.account, Space::MessageSecret, &keys)
                .await;
            let known = known.map_err(super::failed)?;
            let mut rows: BTreeMap<Vec<u8>, Row> = BTreeMap::new();
            for (key, value) in keys.iter().zip(known) {
                if let Some(value) = value {
                    rows.insert(key.clone(), Row::decode(&value)?);
                }
            }
            for (key, entry) in keys.into_iter().zip(batch) {
                let fresh = Row {
                    secret: entry.secret,
                    expires_at: entry.expires_at,
                    sent_at: entry.message_ts,
                };
                rows.entry(key)
                    .and_modify(|row| {
                        row.expires_at = merge_msg_secret_expiry(row.expires_at, fresh.expires_at);
                        row.sent_at = merge_msg_secret_message_ts(row.sent_at, fresh.sent_at);
                        row.secret = fresh.secret;
                    })
                    .or_insert(fresh);
            }
            let puts = rows.into_iter().map(|(key, row)| KeyWrite::Put {
                space: Space::MessageSecret,
                key,
                value: row.encode().into(),
            });
            self.write(Weight::Light, puts.collect()).await?;
        }
        Ok(stored)
    }

    async fn get_msg_secret(
        &self,
        chat: &str,
        sender: &str,
        msg_id: &str,
    ) -> Result<Option<Vec<u8>>> {
        Ok(self
            .get_msg_secret_with_ts(chat, sender, msg_id)
            .await?
            .map(|(secret, _)| secret))
    }

    async fn get_msg_secret_with_ts(
        &self,
        chat: &str,
        sender: &str,
        msg_id: &str,
    ) -> Result<Option<(Vec<u8>, i64)>> {
        let Some(value) = self
            .get(Space::MessageSecret, &join(&[chat, sender, msg_id]))
            .await?
        else {
            return Ok(None);
        };
        let row = Row::decode(&value)?;
        Ok(Some((row.secret.to_vec(), row.sent_at)))
    }

    async fn delete_expired_msg_secrets(&self, cutoff_timestamp: i64) -> Result<u32> {
        let is_old = |value: &[u8]| {
            Row::decode(value).map_or(true, |row| {
                row.expires_at != 0 && row.expires_at <= cutoff_timestamp
            })
        };
        self.sweep(Space::MessageSecret, is_old).await
    }
}
