//! The rest of the protocol: address maps, device lists, tokens, groups, pending messages.

use super::codec::{Pack, Unpack, join, prefix, unreadable};
use super::{Storage, Weight};
use crate::clock;
use crate::jid;
use crate::limits::WRITES_PER_BATCH;
use crate::lost::Lost;
use crate::ports::{KeyWrite, Space};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::{BTreeMap, HashSet};
use wacore::store::error::{Result, StoreError};
use wacore::store::traits::{
    DeviceInfo, DeviceListRecord, DeviceStore as _, LidPnMappingEntry, PendingInboundKey,
    PendingInboundRow, ProtocolStore, TcTokenEntry,
};

const HAS_KEY: &[u8] = &[1];
const NEEDS_KEY: &[u8] = &[0];

fn encode_mapping(entry: &LidPnMappingEntry) -> Vec<u8> {
    Pack::new()
        .int(entry.created_at)
        .int(entry.updated_at)
        .bytes(entry.phone_number.as_bytes())
        .bytes(entry.learning_source.as_bytes())
        .done()
}

fn decode_mapping(lid: &[u8], value: &[u8]) -> Result<LidPnMappingEntry> {
    let mut value = Unpack::new(value)?;
    Ok(LidPnMappingEntry {
        lid: String::from_utf8(lid.to_vec()).map_err(|_| unreadable())?,
        created_at: value.int()?,
        updated_at: value.int()?,
        phone_number: value.text()?,
        learning_source: value.text()?,
    })
}

fn encode_token(entry: &TcTokenEntry) -> Vec<u8> {
    Pack::new()
        .int(entry.token_timestamp)
        .maybe_int(entry.sender_timestamp)
        .tail(&entry.token)
}

fn decode_token(value: &[u8]) -> Result<TcTokenEntry> {
    let mut value = Unpack::new(value)?;
    let (token_timestamp, sender_timestamp) = (value.int()?, value.maybe_int()?);
    Ok(TcTokenEntry {
        token: value.tail().to_vec(),
        token_timestamp,
        sender_timestamp,
    })
}

const HOSTED: u8 = 1;

fn encode_devices(record: &DeviceListRecord) -> Vec<u8> {
    let mut pack = Pack::new()
        .int(record.timestamp)
        .maybe_bytes(record.phash.as_deref().map(str::as_bytes))
        .maybe_int(record.raw_id.map(i64::from));
    for device in &record.devices {
        pack = pack
            .int(i64::from(device.device_id))
            .maybe_int(device.key_index.map(i64::from))
            .flag(if device.is_hosted { HOSTED } else { 0 });
    }
    pack.done()
}

fn small(value: i64) -> Result<u32> {
    u32::try_from(value).map_err(|_| unreadable())
}

fn decode_devices(user: &str, value: &[u8]) -> Result<DeviceListRecord> {
    let mut value = Unpack::new(value)?;
    let timestamp = value.int()?;
    let phash = value
        .maybe_bytes()?
        .map(|text| String::from_utf8_lossy(text).into_owned());
    let raw_id = value.maybe_int()?.map(small).transpose()?;
    let mut devices = Vec::new();
    while !value.is_empty() {
        devices.push(DeviceInfo {
            device_id: small(value.int()?)?,
            key_index: value.maybe_int()?.map(small).transpose()?,
            is_hosted: value.flag()? == HOSTED,
        });
    }
    Ok(DeviceListRecord {
        user: user.to_owned(),
        devices,
        timestamp,
        phash,
        raw_id,
    })
}

#[cfg(feature = "fuzzing")]
pub(super) fn rewritten_mapping(value: &[u8]) -> Option<Vec<u8>> {
    decode_mapping(b"1", value)
        .ok()
        .map(|read| encode_mapping(&read))
}

#[cfg(feature = "fuzzing")]
pub(super) fn rewritten_token(value: &[u8]) -> Option<Vec<u8>> {
    decode_token(value).ok().map(|read| encode_token(&read))
}

#[cfg(feature = "fuzzing")]
pub(super) fn rewritten_devices(value: &[u8]) -> Option<Vec<u8>> {
    decode_devices("1", value)
        .ok()
        .map(|read| encode_devices(&read))
}

/// A value with the second it was stored in.
fn encode_dated(value: &[u8]) -> Vec<u8> {
    Pack::new().int(clock::now().as_secs()).tail(value)
}

fn is_before(value: &[u8], cutoff: i64) -> bool {
    // What can't be read can't be used either.
    Unpack::new(value)
        .and_then(|mut value| value.int())
        .map_or(true, |stored_at| stored_at < cutoff)
}

fn undated(value: &[u8]) -> Result<Vec<u8>> {
    let mut value = Unpack::new(value)?;
    value.int()?;
    Ok(value.tail().to_vec())
}

impl Storage {
    async fn mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        let value = self.get(Space::LidMapping, lid.as_bytes()).await?;
        value
            .map(|value| decode_mapping(lid.as_bytes(), &value))
            .transpose()
    }

    /// The writes that make `entry` the mapping of its LID and of its number, seen after `earlier`
    /// ones of the same batch.
    async fn map_writes(
        &self,
        entry: &LidPnMappingEntry,
        earlier: &mut BTreeMap<String, String>,
    ) -> Result<Vec<KeyWrite>> {
        let old = match earlier.get(&entry.lid) {
            Some(number) => Some(number.clone()),
            None => self.mapping(&entry.lid).await?.map(|old| old.phone_number),
        };
        let mut writes = Vec::with_capacity(3);
        if let Some(old) = old.filter(|old| *old != entry.phone_number)
            && self.holder(&old, earlier).await?.as_deref() == Some(entry.lid.as_str())
        {
            writes.push(KeyWrite::Delete {
                space: Space::PhoneMapping,
                key: old.into_bytes(),
            });
        }
        writes.push(KeyWrite::Put {
            space: Space::PhoneMapping,
            key: entry.phone_number.clone().into_bytes(),
            value: entry.lid.clone().into(),
        });
        writes.push(KeyWrite::Put {
            space: Space::LidMapping,
            key: entry.lid.clone().into_bytes(),
            value: encode_mapping(entry).into(),
        });
        earlier.insert(entry.lid.clone(), entry.phone_number.clone());
        Ok(writes)
    }

    /// The LID a number points to now.
    async fn holder(
        &self,
        number: &str,
        earlier: &BTreeMap<String, String>,
    ) -> Result<Option<String>> {
        if let Some((lid, _)) = earlier.iter().find(|(_, held)| *held == number) {
            return Ok(Some(lid.clone()));
        }
        let value = self.get(Space::PhoneMapping, number.as_bytes()).await?;
        Ok(value.map(|lid| String::from_utf8_lossy(&lid).into_owned()))
    }

    async fn token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        self.get(Space::TcToken, jid.as_bytes())
            .await?
            .map(|value| decode_token(&value))
            .transpose()
    }
}

impl Storage {
    /// Lets a message that cannot be decrypted a second time be acknowledged, if it is stored. If
    /// not, it gets its place among the others, it is asked for again, and the error keeps the
    /// library from acknowledging it.
    async fn acknowledge<T>(&self, chat: &str, sender: &str, id: &str) -> Result<Option<T>> {
        let address = jid::address_of_text(sender);
        let has = self.inbox.has(self.account, &address, id).await;
        if has.map_err(super::failed)? {
            return Ok(None);
        }
        if let (Ok(chat), Ok(sender)) = (chat.parse(), sender.parse()) {
            let id = id.to_owned();
            let lost = Lost { chat, sender, id };
            if !self.is_own(&lost).await? {
                self.lost.hold_place(&lost);
            }
            self.lost.report(lost);
        }
        Err(StoreError::Validation(
            "the message was decrypted before and is not stored; it is asked for again".to_owned(),
        ))
    }

    /// Whether the account wrote it itself. Such messages are not worked on.
    async fn is_own(&self, lost: &Lost) -> Result<bool> {
        let device = self.load().await?;
        let own = device.map(|device| [device.pn, device.lid]);
        let mut own = own.into_iter().flatten().flatten();
        Ok(own.any(|own| own.user == lost.sender.user))
    }
}

#[async_trait]
impl ProtocolStore for Storage {
    async fn get_sender_key_devices(&self, group_jid: &str) -> Result<Vec<(String, bool)>> {
        let group = prefix(&[group_jid]);
        let stored = self.scan(Space::SenderKeyDevice, &group).await?;
        let device = |key: &[u8]| String::from_utf8_lossy(&key[group.len()..]).into_owned();
        Ok(stored
            .iter()
            .map(|(key, value)| (device(key), value == HAS_KEY))
            .collect())
    }

    async fn set_sender_key_status(&self, group_jid: &str, entries: &[(&str, bool)]) -> Result<()> {
        for batch in entries.chunks(WRITES_PER_BATCH) {
            let puts = batch.iter().map(|(device, has_key)| KeyWrite::Put {
                space: Space::SenderKeyDevice,
                key: join(&[group_jid, device]),
                value: Bytes::from_static(if *has_key { HAS_KEY } else { NEEDS_KEY }),
            });
            self.write(Weight::Light, puts.collect()).await?;
        }
        Ok(())
    }

    async fn clear_sender_key_devices(&self, group_jid: &str) -> Result<()> {
        let prefix = prefix(&[group_jid]);
        self.write(
            Weight::Vital,
            vec![KeyWrite::DeletePrefix {
                space: Space::SenderKeyDevice,
                prefix,
            }],
        )
        .await
    }

    async fn delete_sender_key_device_rows(&self, device_jids: &[&str]) -> Result<()> {
        let gone: HashSet<&[u8]> = device_jids.iter().map(|jid| jid.as_bytes()).collect();
        let device = |key: &[u8]| key.iter().position(|byte| *byte == 0).map(|at| at + 1);
        let stored = self.scan(Space::SenderKeyDevice, &[]).await?;
        let deletes = stored
            .into_iter()
            .filter(|(key, _)| device(key).is_some_and(|at| gone.contains(&key[at..])))
            .map(|(key, _)| KeyWrite::Delete {
                space: Space::SenderKeyDevice,
                key,
            });
        self.write(Weight::Vital, deletes.collect()).await
    }

    async fn clear_all_sender_key_devices(&self) -> Result<()> {
        let clear = KeyWrite::DeletePrefix {
            space: Space::SenderKeyDevice,
            prefix: Vec::new(),
        };
        self.write(Weight::Vital, vec![clear]).await
    }

    async fn get_lid_mapping(&self, lid: &str) -> Result<Option<LidPnMappingEntry>> {
        self.mapping(lid).await
    }

    async fn get_pn_mapping(&self, phone: &str) -> Result<Option<LidPnMappingEntry>> {
        match self.holder(phone, &BTreeMap::new()).await? {
            Some(lid) => self.mapping(&lid).await,
            None => Ok(None),
        }
    }

    async fn put_lid_mapping(&self, entry: &LidPnMappingEntry) -> Result<()> {
        self.put_lid_mappings(std::slice::from_ref(entry)).await
    }

    async fn put_lid_mappings(&self, entries: &[LidPnMappingEntry]) -> Result<()> {
        let _only = self.update.lock().await;
        for batch in entries.chunks(WRITES_PER_BATCH / 4) {
            let (mut writes, mut earlier) = (Vec::with_capacity(batch.len() * 2), BTreeMap::new());
            for entry in batch {
                writes.extend(self.map_writes(entry, &mut earlier).await?);
            }
            self.write(Weight::Light, writes).await?;
        }
        Ok(())
    }

    async fn get_all_lid_mappings(&self) -> Result<Vec<LidPnMappingEntry>> {
        let stored = self.scan(Space::LidMapping, &[]).await?;
        stored
            .iter()
            .map(|(lid, value)| decode_mapping(lid, value))
            .collect()
    }

    async fn save_base_key(&self, address: &str, message_id: &str, base_key: &[u8]) -> Result<()> {
        self.put(
            Weight::Light,
            Space::BaseKey,
            join(&[address, message_id]),
            base_key.to_vec(),
        )
        .await
    }

    async fn has_same_base_key(
        &self,
        address: &str,
        message_id: &str,
        current_base_key: &[u8],
    ) -> Result<bool> {
        let saved = self
            .get(Space::BaseKey, &join(&[address, message_id]))
            .await?;
        Ok(saved.is_some_and(|saved| saved == current_base_key))
    }

    async fn delete_base_key(&self, address: &str, message_id: &str) -> Result<()> {
        self.delete(Weight::Light, Space::BaseKey, join(&[address, message_id]))
            .await
    }

    async fn update_device_list(&self, record: DeviceListRecord) -> Result<()> {
        self.update_device_lists(vec![record]).await
    }

    async fn update_device_lists(&self, records: Vec<DeviceListRecord>) -> Result<()> {
        for batch in records.chunks(WRITES_PER_BATCH) {
            let puts = batch.iter().map(|record| KeyWrite::Put {
                space: Space::DeviceList,
                key: record.user.clone().into_bytes(),
                value: encode_devices(record).into(),
            });
            self.write(Weight::Light, puts.collect()).await?;
        }
        Ok(())
    }

    async fn get_devices(&self, user: &str) -> Result<Option<DeviceListRecord>> {
        let value = self.get(Space::DeviceList, user.as_bytes()).await?;
        value.map(|value| decode_devices(user, &value)).transpose()
    }

    async fn delete_devices(&self, user: &str) -> Result<()> {
        self.delete(Weight::Light, Space::DeviceList, user).await
    }

    async fn get_group_metadata(&self, group_jid: &str) -> Result<Option<Vec<u8>>> {
        Ok(self
            .get(Space::Group, group_jid.as_bytes())
            .await?
            .map(Into::into))
    }

    async fn put_group_metadata(&self, group_jid: &str, blob: &[u8]) -> Result<()> {
        self.put(Weight::Light, Space::Group, group_jid, blob.to_vec())
            .await
    }

    async fn delete_group_metadata(&self, group_jid: &str) -> Result<()> {
        self.delete(Weight::Light, Space::Group, group_jid).await
    }

    async fn get_tc_token(&self, jid: &str) -> Result<Option<TcTokenEntry>> {
        self.token(jid).await
    }

    async fn put_tc_token(&self, jid: &str, entry: &TcTokenEntry) -> Result<()> {
        let _only = self.update.lock().await;
        self.put(Weight::Light, Space::TcToken, jid, encode_token(entry))
            .await
    }

    async fn delete_tc_token(&self, jid: &str) -> Result<()> {
        let _only = self.update.lock().await;
        self.delete(Weight::Light, Space::TcToken, jid).await
    }

    async fn get_all_tc_token_jids(&self) -> Result<Vec<String>> {
        let stored = self.scan(Space::TcToken, &[]).await?;
        Ok(stored
            .into_iter()
            .map(|(key, _)| String::from_utf8_lossy(&key).into_owned())
            .collect())
    }

    async fn delete_expired_tc_tokens(&self, token_cutoff: i64, sender_cutoff: i64) -> Result<u32> {
        let _only = self.update.lock().await;
        let is_old = |value: &[u8]| {
            decode_token(value).map_or(true, |entry| {
                let token_lives = !entry.token.is_empty() && entry.token_timestamp >= token_cutoff;
                let sender_lives = entry.sender_timestamp.is_some_and(|at| at >= sender_cutoff);
                !token_lives && !sender_lives
            })
        };
        self.sweep(Space::TcToken, is_old).await
    }

    async fn touch_tc_token_sender_timestamp(
        &self,
        jid: &str,
        sender_timestamp: i64,
    ) -> Result<()> {
        let _only = self.update.lock().await;
        let mut entry = self.token(jid).await?.unwrap_or(TcTokenEntry {
            token: Vec::new(),
            token_timestamp: sender_timestamp,
            sender_timestamp: None,
        });
        let known = entry.sender_timestamp.unwrap_or(sender_timestamp);
        entry.sender_timestamp = Some(known.max(sender_timestamp));
        self.put(Weight::Light, Space::TcToken, jid, encode_token(&entry))
            .await
    }

    async fn store_received_tc_token(
        &self,
        jid: &str,
        token: &[u8],
        token_timestamp: i64,
    ) -> Result<()> {
        let _only = self.update.lock().await;
        let known = self.token(jid).await?;
        if known
            .as_ref()
            .is_some_and(|old| !old.token.is_empty() && token_timestamp < old.token_timestamp)
        {
            return Ok(());
        }
        let sender_timestamp = known.and_then(|old| old.sender_timestamp);
        let entry = TcTokenEntry {
            token: token.to_vec(),
            token_timestamp,
            sender_timestamp,
        };
        self.put(Weight::Light, Space::TcToken, jid, encode_token(&entry))
            .await
    }

    // Our own sends are frozen before their first attempt and answered from there; only what the
    // library sends by itself needs a copy here.
    async fn store_sent_message(
        &self,
        chat_jid: &str,
        message_id: &str,
        payload: &[u8],
    ) -> Result<()> {
        if self.own_sends.contains(message_id) {
            return Ok(());
        }
        self.put(
            Weight::Light,
            Space::SentCopy,
            join(&[chat_jid, message_id]),
            encode_dated(payload),
        )
        .await
    }

    // "Take" is what the library calls it. Nothing is taken away: a second device may ask for the
    // same message.
    async fn take_sent_message(&self, chat_jid: &str, message_id: &str) -> Result<Option<Vec<u8>>> {
        let chat = jid::address_of_text(chat_jid);
        let frozen = self
            .inbox
            .frozen(self.account, &chat, message_id)
            .await
            .map_err(super::failed)?;
        if frozen.is_some() {
            return Ok(frozen);
        }
        let copy = self
            .get(Space::SentCopy, &join(&[chat_jid, message_id]))
            .await?;
        copy.map(|value| undated(&value)).transpose()
    }

    async fn delete_expired_sent_messages(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.sweep(Space::SentCopy, |value| is_before(value, cutoff_timestamp))
            .await
    }

    async fn store_pending_inbound(
        &self,
        chat: &str,
        sender: &str,
        id: &str,
        message: &[u8],
    ) -> Result<()> {
        self.store_pending_inbound_batch(&[PendingInboundRow {
            chat,
            sender,
            id,
            message,
        }])
        .await
    }

    async fn get_pending_inbound(
        &self,
        chat: &str,
        sender: &str,
        id: &str,
    ) -> Result<Option<Vec<u8>>> {
        let value = self
            .get(Space::PendingInbound, &join(&[chat, sender, id]))
            .await?;
        match value {
            Some(value) => undated(&value).map(Some),
            None => self.acknowledge(chat, sender, id).await,
        }
    }

    async fn delete_pending_inbound(&self, chat: &str, sender: &str, id: &str) -> Result<()> {
        self.delete(
            Weight::Light,
            Space::PendingInbound,
            join(&[chat, sender, id]),
        )
        .await
    }

    async fn delete_expired_pending_inbound(&self, cutoff_timestamp: i64) -> Result<u32> {
        self.sweep(Space::PendingInbound, |value| {
            is_before(value, cutoff_timestamp)
        })
        .await
    }

    async fn store_pending_inbound_batch(&self, rows: &[PendingInboundRow<'_>]) -> Result<()> {
        let puts = rows.iter().map(|row| KeyWrite::Put {
            space: Space::PendingInbound,
            key: join(&[row.chat, row.sender, row.id]),
            value: encode_dated(row.message).into(),
        });
        self.write(Weight::Vital, puts.collect()).await
    }

    async fn delete_pending_inbound_batch(&self, keys: &[PendingInboundKey<'_>]) -> Result<()> {
        let deletes = keys.iter().map(|key| KeyWrite::Delete {
            space: Space::PendingInbound,
            key: join(&[key.chat, key.sender, key.id]),
        });
        self.write(Weight::Light, deletes.collect()).await
    }
}
