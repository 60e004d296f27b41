//! A simulated primary device: its own keys and Signal sessions, held in memory.

use crate::error::{Result, SimError};
use crate::keys::{KeyBundle, OneTimeKey};
use crate::seed::{self, SimRng};
use async_trait::async_trait;
use rand::RngExt;
use std::collections::HashMap;
use wacore::types::jid::JidExt as _;
use wacore_binary::Jid;
use wacore_libsignal::protocol::error::Result as SignalResult;
use wacore_libsignal::protocol::*;
use wacore_libsignal::store::sender_key_name::SenderKeyName;

const SIGNED_PREKEY: u32 = 1;
const REGISTRATION_MASK: u32 = 0x3fff;

/// How a ciphertext is labelled on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EncKind {
    /// First message of a session.
    PreKey,
    /// Message of an established session.
    Session,
    /// Group message under a sender key.
    SenderKey,
}

impl EncKind {
    /// The value of the `type` attribute.
    pub(crate) fn wire(self) -> &'static str {
        match self {
            Self::PreKey => "pkmsg",
            Self::Session => "msg",
            Self::SenderKey => "skmsg",
        }
    }

    /// Reads the `type` attribute.
    pub(crate) fn parse(wire: &str) -> Result<Self> {
        match wire {
            "pkmsg" => Ok(Self::PreKey),
            "msg" => Ok(Self::Session),
            "skmsg" => Ok(Self::SenderKey),
            other => Err(SimError::protocol(format!("unknown enc type {other:?}"))),
        }
    }
}

/// One ciphertext for one device.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    pub(crate) kind: EncKind,
    pub(crate) bytes: Vec<u8>,
}

/// Why a ciphertext stays closed.
#[derive(Debug)]
pub(crate) enum Undecrypted {
    /// The very same ciphertext was opened before.
    Double,
    /// Keys are missing, or it is damaged.
    Broken(String),
}

impl From<SignalProtocolError> for Undecrypted {
    fn from(error: SignalProtocolError) -> Self {
        match error {
            SignalProtocolError::DuplicatedMessage(..) => Self::Double,
            other => Self::Broken(other.to_string()),
        }
    }
}

impl Sealed {
    /// Damages the checksum at the end of the message proper, as a receiver with other keys would
    /// see it; the envelope around it stays readable.
    pub(crate) fn damage(&mut self) {
        let end = match self.kind {
            EncKind::PreKey => self.inner_end(),
            EncKind::Session | EncKind::SenderKey => Some(self.bytes.len()),
        };
        if let Some(last) = end.and_then(|end| self.bytes.get_mut(end.checked_sub(1)?)) {
            *last ^= 0xff;
        }
    }

    /// Where the message inside a first message of a session ends.
    fn inner_end(&self) -> Option<usize> {
        let outer = PreKeySignalMessage::try_from(self.bytes.as_slice()).ok()?;
        let inner = outer.message().serialized();
        let start = self.bytes.windows(inner.len()).position(|w| w == inner)?;
        Some(start + inner.len())
    }
}

struct Identity {
    pair: IdentityKeyPair,
    registration: u32,
    known: HashMap<ProtocolAddress, IdentityKey>,
}

#[async_trait]
impl IdentityKeyStore for Identity {
    async fn get_identity_key_pair(&self) -> SignalResult<IdentityKeyPair> {
        Ok(self.pair.clone())
    }
    async fn get_local_registration_id(&self) -> SignalResult<u32> {
        Ok(self.registration)
    }
    async fn save_identity(
        &mut self,
        address: &ProtocolAddress,
        identity: &IdentityKey,
    ) -> SignalResult<IdentityChange> {
        let before = self.known.insert(address.clone(), *identity);
        Ok(IdentityChange::from_changed(
            before.is_some_and(|b| b != *identity),
        ))
    }
    async fn is_trusted_identity(
        &self,
        _: &ProtocolAddress,
        _: &IdentityKey,
        _: Direction,
    ) -> SignalResult<bool> {
        Ok(true)
    }
    async fn get_identity(&self, address: &ProtocolAddress) -> SignalResult<Option<IdentityKey>> {
        Ok(self.known.get(address).copied())
    }
}

#[derive(Default)]
struct PreKeys(HashMap<PreKeyId, PreKeyRecord>);

#[async_trait]
impl PreKeyStore for PreKeys {
    async fn get_pre_key(&self, id: PreKeyId) -> SignalResult<PreKeyRecord> {
        self.0
            .get(&id)
            .cloned()
            .ok_or(SignalProtocolError::InvalidPreKeyId)
    }
    async fn save_pre_key(&mut self, id: PreKeyId, record: &PreKeyRecord) -> SignalResult<()> {
        self.0.insert(id, record.clone());
        Ok(())
    }
    async fn remove_pre_key(&mut self, id: PreKeyId) -> SignalResult<()> {
        self.0.remove(&id);
        Ok(())
    }
}

struct SignedPreKey(SignedPreKeyRecord);

#[async_trait]
impl SignedPreKeyStore for SignedPreKey {
    async fn get_signed_pre_key(&self, id: SignedPreKeyId) -> SignalResult<SignedPreKeyRecord> {
        if id == SignedPreKeyId::from(SIGNED_PREKEY) {
            Ok(self.0.clone())
        } else {
            Err(SignalProtocolError::InvalidSignedPreKeyId)
        }
    }
    async fn save_signed_pre_key(
        &mut self,
        _: SignedPreKeyId,
        record: &SignedPreKeyRecord,
    ) -> SignalResult<()> {
        self.0 = record.clone();
        Ok(())
    }
}

#[derive(Default)]
struct Sessions(HashMap<ProtocolAddress, SessionRecord>);

#[async_trait]
impl SessionStore for Sessions {
    async fn load_session(&self, address: &ProtocolAddress) -> SignalResult<Option<SessionRecord>> {
        Ok(self.0.get(address).cloned())
    }
    async fn has_session(&self, address: &ProtocolAddress) -> SignalResult<bool> {
        Ok(self.0.contains_key(address))
    }
    async fn store_session(
        &mut self,
        address: &ProtocolAddress,
        record: SessionRecord,
    ) -> SignalResult<()> {
        self.0.insert(address.clone(), record);
        Ok(())
    }
}

#[derive(Default)]
struct SenderKeys(HashMap<String, SenderKeyRecord>);

#[async_trait]
impl SenderKeyStore for SenderKeys {
    async fn store_sender_key(
        &mut self,
        name: &SenderKeyName,
        record: SenderKeyRecord,
    ) -> SignalResult<()> {
        self.0.insert(name.cache_key().to_owned(), record);
        Ok(())
    }
    async fn load_sender_key(&self, name: &SenderKeyName) -> SignalResult<Option<SenderKeyRecord>> {
        Ok(self.0.get(name.cache_key()).cloned())
    }
}

/// Keys and sessions of one primary device. Every session is keyed by the other side's LID,
/// whatever address its stanzas use: there is one session per pair of devices.
pub(crate) struct SignalDevice {
    identity: Identity,
    signed_key: KeyPair,
    signed_signature: Vec<u8>,
    prekeys: PreKeys,
    signed: SignedPreKey,
    sessions: Sessions,
    sender_keys: SenderKeys,
    next_prekey: u32,
    rng: SimRng,
}

impl SignalDevice {
    /// The device whose keys belong to `seed` and `label`.
    pub(crate) fn generate(seed: u64, label: &str) -> Result<Self> {
        let mut rng = seed::stream(seed, label);
        let pair = IdentityKeyPair::generate(&mut rng);
        let signed_key = KeyPair::generate(&mut rng);
        let signature = pair
            .private_key()
            .calculate_signature(&signed_key.public_key.serialize(), &mut rng)
            .map_err(SimError::signal)?;
        let fixed: [u8; 64] = signature.as_ref().try_into().map_err(SimError::signal)?;
        let record = <SignedPreKeyRecord as GenericSignedPreKey>::new(
            SIGNED_PREKEY.into(),
            Timestamp::from_epoch_millis(0),
            &signed_key,
            &fixed,
        );
        let registration = (rng.random::<u32>() & REGISTRATION_MASK) | 1;
        Ok(Self {
            identity: Identity {
                pair,
                registration,
                known: HashMap::new(),
            },
            signed_key,
            signed_signature: fixed.to_vec(),
            prekeys: PreKeys::default(),
            signed: SignedPreKey(record),
            sessions: Sessions::default(),
            sender_keys: SenderKeys::default(),
            next_prekey: 1,
            rng,
        })
    }

    /// The public identity key, 32 bytes.
    pub(crate) fn identity_public(&self) -> Vec<u8> {
        self.identity.pair.public_key().public_key_bytes().to_vec()
    }

    /// Signs with the identity key.
    pub(crate) fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>> {
        let key = self.identity.pair.private_key();
        let signature = key
            .calculate_signature(message, &mut self.rng)
            .map_err(SimError::signal)?;
        Ok(signature.to_vec())
    }

    /// The shared secret of the identity key with another public key.
    pub(crate) fn agree(&self, other: &[u8]) -> Result<[u8; 32]> {
        let other = public_key(other)?;
        self.identity
            .pair
            .private_key()
            .calculate_agreement(&other)
            .map_err(SimError::signal)
    }

    /// The public keys another device needs to open a session, with a fresh one-time key.
    pub(crate) fn bundle(&mut self) -> (KeyBundle, OneTimeKey) {
        let bundle = KeyBundle {
            registration: self.identity.registration,
            identity: self.identity_public(),
            signed_id: SIGNED_PREKEY,
            signed_key: self.signed_key.public_key.public_key_bytes().to_vec(),
            signed_signature: self.signed_signature.clone(),
        };
        let id = self.next_prekey;
        self.next_prekey += 1;
        let pair = KeyPair::generate(&mut self.rng);
        self.prekeys
            .0
            .insert(id.into(), PreKeyRecord::new(id.into(), &pair));
        (
            bundle,
            OneTimeKey {
                id,
                public: pair.public_key.public_key_bytes().to_vec(),
            },
        )
    }

    /// Whether a session with this device exists.
    pub(crate) fn has_session(&self, with: &Jid) -> bool {
        self.sessions.0.contains_key(&with.to_protocol_address())
    }

    /// Opens a session from the other device's public keys, replacing any older one.
    pub(crate) async fn open_session(
        &mut self,
        with: &Jid,
        bundle: &KeyBundle,
        one_time: Option<&OneTimeKey>,
    ) -> Result<()> {
        let address = with.to_protocol_address();
        let one_time = one_time
            .map(|k| Ok::<_, SimError>((PreKeyId::from(k.id), public_key(&k.public)?)))
            .transpose()?;
        let bundle = PreKeyBundle::new(
            bundle.registration,
            address.device_id(),
            one_time,
            bundle.signed_id.into(),
            public_key(&bundle.signed_key)?,
            bundle.signed_signature.clone(),
            IdentityKey::new(public_key(&bundle.identity)?),
        )
        .map_err(SimError::signal)?;
        process_prekey_bundle(
            &address,
            &mut self.sessions,
            &mut self.identity,
            &bundle,
            &mut self.rng,
            UsePQRatchet::No,
        )
        .await
        .map_err(SimError::signal)?;
        Ok(())
    }

    /// Encrypts for one device; a session must exist.
    pub(crate) async fn encrypt(&mut self, to: &Jid, plain: &[u8]) -> Result<Sealed> {
        let address = to.to_protocol_address();
        let sealed = message_encrypt(plain, &address, &mut self.sessions, &mut self.identity)
            .await
            .map_err(SimError::signal)?;
        match &sealed {
            CiphertextMessage::PreKeySignalMessage(m) => Ok(Sealed {
                kind: EncKind::PreKey,
                bytes: m.serialized().to_vec(),
            }),
            CiphertextMessage::SignalMessage(m) => Ok(Sealed {
                kind: EncKind::Session,
                bytes: m.serialized().to_vec(),
            }),
            _ => Err(SimError::signal(
                "an unexpected kind of ciphertext came out",
            )),
        }
    }

    /// Decrypts a pairwise ciphertext from one device.
    pub(crate) async fn decrypt(
        &mut self,
        from: &Jid,
        sealed: &Sealed,
    ) -> Result<Vec<u8>, Undecrypted> {
        let bytes = sealed.bytes.as_slice();
        let message = match sealed.kind {
            EncKind::PreKey => {
                CiphertextMessage::PreKeySignalMessage(PreKeySignalMessage::try_from(bytes)?)
            }
            EncKind::Session => CiphertextMessage::SignalMessage(SignalMessage::try_from(bytes)?),
            EncKind::SenderKey => return Err(Undecrypted::Broken("skmsg outside a group".into())),
        };
        let result = message_decrypt(
            &message,
            &from.to_protocol_address(),
            &mut self.sessions,
            &mut self.identity,
            &mut self.prekeys,
            &self.signed,
            &mut self.rng,
            UsePQRatchet::No,
        )
        .await?;
        Ok(result.plaintext)
    }

    /// The distribution message of this device's own sender key in a group.
    pub(crate) async fn own_sender_key(&mut self, group: &Jid, own: &Jid) -> Result<Vec<u8>> {
        let name = sender_key_name(group, own);
        let message =
            create_sender_key_distribution_message(&name, &mut self.sender_keys, &mut self.rng)
                .await
                .map_err(SimError::signal)?;
        Ok(message.serialized().to_vec())
    }

    /// Forgets this device's own sender key in a group, so that the next message makes a new one.
    pub(crate) fn rotate_sender_key(&mut self, group: &Jid, own: &Jid) {
        self.sender_keys
            .0
            .remove(sender_key_name(group, own).cache_key());
    }

    /// Learns another device's sender key.
    pub(crate) async fn learn_sender_key(
        &mut self,
        group: &Jid,
        from: &Jid,
        distribution: &[u8],
    ) -> Result<()> {
        let message =
            SenderKeyDistributionMessage::try_from(distribution).map_err(SimError::signal)?;
        process_sender_key_distribution_message(
            &sender_key_name(group, from),
            &message,
            &mut self.sender_keys,
        )
        .await
        .map_err(SimError::signal)
    }

    /// Encrypts for a whole group; the own sender key must exist.
    pub(crate) async fn encrypt_group(
        &mut self,
        group: &Jid,
        own: &Jid,
        plain: &[u8],
    ) -> Result<Sealed> {
        let name = sender_key_name(group, own);
        let sealed = group_encrypt(&mut self.sender_keys, &name, plain, &mut self.rng)
            .await
            .map_err(SimError::signal)?;
        Ok(Sealed {
            kind: EncKind::SenderKey,
            bytes: sealed.serialized().to_vec(),
        })
    }

    /// Decrypts a group ciphertext of another device.
    pub(crate) async fn decrypt_group(
        &mut self,
        group: &Jid,
        from: &Jid,
        sealed: &[u8],
    ) -> Result<Vec<u8>, Undecrypted> {
        Ok(group_decrypt(sealed, &mut self.sender_keys, &sender_key_name(group, from)).await?)
    }
}

fn sender_key_name(group: &Jid, sender: &Jid) -> SenderKeyName {
    SenderKeyName::from_parts(&group.to_string(), sender.to_protocol_address().as_str())
}

fn public_key(bytes: &[u8]) -> Result<PublicKey> {
    PublicKey::from_djb_public_key_bytes(bytes).map_err(SimError::signal)
}
