//! What was read of an old client, and how it is stored.

use super::peer::{Pairs, Peer};
use super::sender_keys::{self, States};
use super::sessions::Local;
use super::{Brought, IMPORT_KEYS_MAX, ImportError, LeftOut, Moved};
use crate::cause::Cause;
use crate::jid;
use crate::lost::LostReports;
use crate::memory::MemoryKeys;
use crate::ports::{CommitError, Inbox, KeysError};
use crate::recent::RecentIds;
use crate::storage::Storage;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use wacore::appstate::hash::HashState;
use wacore::libsignal::protocol::{
    KeyPair, PreKeyId, PreKeyRecord, PrivateKey, PublicKey, SenderKeyName, SessionRecord,
};
use wacore::store::Device;
use wacore::store::error::StoreError;
use wacore::store::traits::{
    AppStateSyncKey, AppSyncStore as _, DeviceStore as _, LidPnMappingEntry, MsgSecretEntry,
    MsgSecretStore as _, ProtocolStore as _, SignalStore as _, TcTokenEntry,
};
use wacore::types::jid::JidExt as _;
use wacore_appstate::processor::AppStateMutationMAC;
use wacore_binary::Jid;
use waypost_engine::model::{AccountId, Address, Inbound};

/// An app-state collection at a version.
pub(super) struct Collection {
    pub(super) name: String,
    pub(super) state: HashState,
    pub(super) macs: Vec<AppStateMutationMAC>,
}

/// A device, complete.
pub(super) struct Gathered {
    pub(super) device: Device,
    pub(super) pairs: Pairs,
    identities: BTreeMap<String, [u8; 32]>,
    sessions: BTreeMap<String, Bytes>,
    one_time_keys: Vec<(u32, Bytes)>,
    sender_keys: BTreeMap<String, States>,
    /// The one in use last.
    pub(super) sync_keys: Vec<(Vec<u8>, AppStateSyncKey)>,
    pub(super) collections: Vec<Collection>,
    pub(super) tokens: BTreeMap<String, TcTokenEntry>,
    pub(super) secrets: Vec<MsgSecretEntry>,
    pub(super) left_out: Vec<LeftOut>,
}

/// A key pair from its private half; where the public one is known too, both must fit.
pub(super) fn key_pair(
    place: &str,
    private: &[u8],
    public: Option<&[u8]>,
) -> Result<KeyPair, ImportError> {
    let wrong = |what: &str| ImportError::new(place, what);
    let private = PrivateKey::deserialize(private).map_err(|_| wrong("it is not a private key"))?;
    let pair = KeyPair::try_from(private).map_err(|_| wrong("it is not a private key"))?;
    let known = public.map(PublicKey::from_stored_public_key_bytes);
    match known.transpose() {
        Ok(Some(known)) if known != pair.public_key => Err(wrong(
            "the private and the public key are not of one pair; this is a mix of two sessions",
        )),
        Ok(_) => Ok(pair),
        Err(_) => Err(wrong("it is not a public key")),
    }
}

impl Gathered {
    /// For this device, whose keys must fit together.
    pub(super) fn new(place: &str, device: Device, pairs: Pairs) -> Result<Self, ImportError> {
        let signed = device.signed_pre_key.public_key.serialize();
        let by = &device.identity_key.public_key;
        if !by.verify_signature(&signed, &device.signed_pre_key_signature) {
            return Err(ImportError::new(
                place,
                "the signed pre-key is not signed by the identity key; this is a mix of two sessions",
            ));
        }
        Ok(Self {
            device,
            pairs,
            identities: BTreeMap::new(),
            sessions: BTreeMap::new(),
            one_time_keys: Vec::new(),
            sender_keys: BTreeMap::new(),
            sync_keys: Vec::new(),
            collections: Vec::new(),
            tokens: BTreeMap::new(),
            secrets: Vec::new(),
            left_out: Vec::new(),
        })
    }

    /// Our side of every session.
    pub(super) fn local(&self) -> Local {
        Local {
            identity: self.device.identity_key.public_key,
            registration_id: self.device.registration_id,
        }
    }

    fn addresses(&self, place: &str, peer: &Peer) -> Result<(String, bool), ImportError> {
        let by_lid = peer.by_lid(&self.pairs);
        let address = by_lid.as_ref().unwrap_or(peer).signal_address();
        let address = address.ok_or_else(|| ImportError::new(place, "it names no device"))?;
        Ok((address, by_lid.is_some()))
    }

    /// Takes a session. One under a number whose LID is known belongs to the LID, unless there is
    /// one already: then it is from before the person was known by it.
    pub(super) fn session(
        &mut self,
        place: &str,
        peer: &Peer,
        record: &SessionRecord,
    ) -> Result<(), ImportError> {
        let wrong = |error: &dyn std::fmt::Display| ImportError::new(place, error.to_string());
        let (address, moved) = self.addresses(place, peer)?;
        let bytes: Bytes = record.serialize().map_err(|e| wrong(&e))?.into();
        if moved {
            self.sessions.entry(address.clone()).or_insert(bytes);
        } else {
            self.sessions.insert(address.clone(), bytes);
        }
        // Baileys keeps identities apart only since its seventh version; sessions always know them.
        let theirs = record
            .session_state()
            .map(|state| state.remote_identity_key());
        if let Some(key) = theirs.transpose().map_err(|e| wrong(&e))?.flatten() {
            let key = key.public_key().public_key_bytes().try_into();
            let key = key.map_err(|_| wrong(&"the identity in it is not a key"))?;
            self.identities.entry(address).or_insert(key);
        }
        Ok(())
    }

    /// Takes an identity, with the same rule.
    pub(super) fn identity(
        &mut self,
        place: &str,
        peer: &Peer,
        key: [u8; 32],
    ) -> Result<(), ImportError> {
        let (address, moved) = self.addresses(place, peer)?;
        if moved {
            self.identities.entry(address).or_insert(key);
        } else {
            self.identities.insert(address, key);
        }
        Ok(())
    }

    pub(super) fn one_time_key(
        &mut self,
        place: &str,
        id: u32,
        pair: &KeyPair,
    ) -> Result<(), ImportError> {
        let record = PreKeyRecord::new(PreKeyId::from(id), pair).serialize();
        let record = record.map_err(|e| ImportError::new(place, e.to_string()))?;
        self.one_time_keys.push((id, record.into()));
        Ok(())
    }

    /// Takes somebody's key of a group. Our own is named by our device, other people's by the
    /// person.
    pub(super) fn sender_key(
        &mut self,
        place: &str,
        group: &str,
        peer: &Peer,
        mut states: States,
    ) -> Result<(), ImportError> {
        let own = [&self.device.pn, &self.device.lid];
        let ours = own.into_iter().flatten().find(|own| peer.is(own));
        let wrong = |what: &str| ImportError::new(place, what);
        let author = match ours {
            Some(ours) => ours.to_protocol_address_string(),
            None => peer
                .person()
                .signal_address()
                .ok_or_else(|| wrong("it names no device"))?,
        };
        let group: Jid = group.parse().map_err(|_| wrong("it names no group"))?;
        let name = SenderKeyName::from_parts(&group.to_string(), &author);
        let name = name.cache_key().to_owned();
        self.sender_keys
            .entry(name)
            .or_default()
            .append(&mut states);
        Ok(())
    }

    pub(super) fn leave(&mut self, what: &str, count: usize, why: &str) {
        if count > 0 {
            self.left_out.push(LeftOut {
                what: what.to_owned(),
                count,
                why: why.to_owned(),
            });
        }
    }

    fn brought(&self) -> Brought {
        Brought {
            sessions: self.sessions.len(),
            identities: self.identities.len(),
            one_time_keys: self.one_time_keys.len(),
            sender_keys: self.sender_keys.len(),
            sync_keys: self.sync_keys.len(),
            sync_collections: self.collections.len(),
            address_pairs: self.pairs.iter().count(),
            contact_tokens: self.tokens.len(),
            message_secrets: self.secrets.len(),
        }
    }

    /// Lays everything out as the connection's storage does: by handing it to that storage.
    pub(super) async fn stored(mut self, place: &str) -> Result<Moved, ImportError> {
        let failed = |error: StoreError| ImportError::new(place, error.to_string());
        let linked = || ImportError::new(place, "this device was never linked");
        let pn = self.device.pn.clone().ok_or_else(linked)?;
        let brought = self.brought();
        let left_out = std::mem::take(&mut self.left_out);
        let keys = Arc::new(MemoryKeys::new());
        let storage = scratch(Arc::clone(&keys));
        self.store_signal(place, &storage).await?;
        self.store_rest(&storage).await.map_err(failed)?;
        let writes = keys.puts(SCRATCH);
        if writes.len() > IMPORT_KEYS_MAX {
            let found = writes.len();
            let text = format!("it holds {found} keys; at most {IMPORT_KEYS_MAX} are taken over");
            return Err(ImportError::new(place, text));
        }
        Ok(Moved {
            phone: jid::address(&pn),
            lid: self.device.lid.as_ref().map(jid::address),
            device: pn.device,
            push_name: self.device.push_name,
            brought,
            left_out,
            writes,
        })
    }

    async fn store_signal(&mut self, place: &str, storage: &Storage) -> Result<(), ImportError> {
        let failed = |error: StoreError| ImportError::new(place, error.to_string());
        let identities: Vec<_> = std::mem::take(&mut self.identities)
            .into_iter()
            .map(|(address, key)| (Arc::from(address), key))
            .collect();
        let sessions: Vec<_> = std::mem::take(&mut self.sessions)
            .into_iter()
            .map(|(address, record)| (Arc::from(address), record))
            .collect();
        let mut sender_keys = Vec::new();
        for (name, states) in std::mem::take(&mut self.sender_keys) {
            let record = sender_keys::record(&name, states)?.serialize();
            let record = record.map_err(|e| ImportError::new(&name, e.to_string()))?;
            sender_keys.push((Arc::from(name), Bytes::from(record)));
        }
        let stored = async {
            storage.put_identities_batch(&identities).await?;
            storage.put_sessions_batch(&sessions).await?;
            storage.put_sender_keys_batch(&sender_keys).await?;
            storage.store_prekeys_batch(&self.one_time_keys, true).await
        };
        stored.await.map_err(failed)
    }

    async fn store_rest(&mut self, storage: &Storage) -> Result<(), StoreError> {
        for (id, key) in self.sync_keys.drain(..) {
            storage.set_sync_key(&id, key).await?;
        }
        for collection in self.collections.drain(..) {
            let version = collection.state.version;
            let name = &collection.name;
            storage
                .put_mutation_macs(name, version, &collection.macs)
                .await?;
            storage.set_version(name, collection.state).await?;
        }
        let now = crate::clock::now().as_secs();
        let mappings: Vec<_> = self.pairs.iter().map(|pair| mapping(pair, now)).collect();
        storage.put_lid_mappings(&mappings).await?;
        for (user, token) in &self.tokens {
            storage.put_tc_token(user, token).await?;
        }
        storage
            .put_msg_secrets(std::mem::take(&mut self.secrets))
            .await?;
        storage.save(&self.device).await
    }
}

fn mapping((number, lid): (&str, &str), now: i64) -> LidPnMappingEntry {
    LidPnMappingEntry {
        lid: lid.to_owned(),
        phone_number: number.to_owned(),
        created_at: now,
        updated_at: now,
        learning_source: "other".to_owned(),
    }
}

/// The account in the scratch storage; it stands for whichever the device will belong to.
const SCRATCH: AccountId = AccountId::from_raw(0);

fn scratch(keys: Arc<MemoryKeys>) -> Storage {
    let (lost, _) = LostReports::new(Arc::default());
    Storage::new(
        keys,
        Arc::new(NoInbox),
        SCRATCH,
        Arc::new(Cause::new()),
        Arc::new(RecentIds::new(1)),
        lost,
    )
}

/// Nothing arrives while a device is only laid out.
struct NoInbox;

#[async_trait]
impl Inbox for NoInbox {
    async fn commit(&self, _: AccountId, _: Vec<Inbound>) -> Result<(), CommitError> {
        Err(CommitError::Final("nothing is connected".to_owned()))
    }

    async fn has(&self, _: AccountId, _: &Address, _: &str) -> Result<bool, KeysError> {
        Ok(false)
    }

    async fn frozen(
        &self,
        _: AccountId,
        _: &Address,
        _: &str,
    ) -> Result<Option<Vec<u8>>, KeysError> {
        Ok(None)
    }
}
