//! Sealing what is secret at rest.
//!
//! Every account has a data key, wrapped by the master key. A sealed value is
//! `key id (4 bytes) | nonce (24) | ciphertext and tag`, by XChaCha20-Poly1305. What it is bound
//! to (account, kind, key) is authenticated, so a value copied to another row does not open.

use crate::chance;
use crate::config::MasterKey;
use crate::error::StoreError;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use waypost_engine::model::AccountId;
use zeroize::Zeroizing;

const KEY_ID_LEN: usize = 4;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
/// The id of a first data key; a rotation would count up from it.
pub(crate) const FIRST_KEY: u32 = 1;

/// Whose data key seals a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum KeyOwner {
    /// The store itself: webhook secrets and whatever belongs to no account.
    Store,
    /// One account.
    Account(AccountId),
}

impl KeyOwner {
    /// The integer it is stored under; no account has id 0.
    pub(crate) fn raw(self) -> i64 {
        match self {
            Self::Store => 0,
            Self::Account(account) => account.raw(),
        }
    }

    pub(crate) fn from_raw(raw: i64) -> Self {
        if raw == 0 {
            Self::Store
        } else {
            Self::Account(AccountId::from_raw(raw))
        }
    }
}

impl From<AccountId> for KeyOwner {
    fn from(account: AccountId) -> Self {
        Self::Account(account)
    }
}

/// What a sealed value is; part of what is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value of the session storage; bound to space and key.
    SessionValue,
    /// The raw protobuf of a message; bound to its wire id.
    RawMessage,
    /// A frozen payload; bound to the message id.
    Frozen,
    /// A webhook's secret; bound to the endpoint.
    WebhookSecret,
    /// A wrapped data key.
    DataKey,
    /// A key file for Google Sheets; bound to the connection.
    SheetCredentials,
}

impl Kind {
    fn tag(self) -> u8 {
        match self {
            Self::SessionValue => 1,
            Self::RawMessage => 2,
            Self::Frozen => 3,
            Self::WebhookSecret => 4,
            Self::DataKey => 5,
            Self::SheetCredentials => 16,
        }
    }
}

fn bound_to(owner: KeyOwner, kind: Kind, key: &[u8]) -> Vec<u8> {
    let mut aad = Vec::with_capacity(9 + key.len());
    aad.extend_from_slice(&owner.raw().to_be_bytes());
    aad.push(kind.tag());
    aad.extend_from_slice(key);
    aad
}

fn seal_with(
    cipher: &XChaCha20Poly1305,
    key_id: u32,
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let nonce: [u8; NONCE_LEN] = chance::bytes();
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad })
        .map_err(|_| StoreError::invalid("the value is too large to be sealed"))?;
    let mut out = Vec::with_capacity(KEY_ID_LEN + NONCE_LEN + sealed.len());
    out.extend_from_slice(&key_id.to_be_bytes());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
    Ok(out)
}

fn open_with(cipher: &XChaCha20Poly1305, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let body = sealed.get(KEY_ID_LEN..)?;
    let (nonce, body) = body.split_at_checked(NONCE_LEN)?;
    let nonce: [u8; NONCE_LEN] = nonce.try_into().ok()?;
    cipher
        .decrypt(&XNonce::from(nonce), Payload { msg: body, aad })
        .ok()
}

fn key_id(sealed: &[u8]) -> Option<u32> {
    let id = sealed.get(..KEY_ID_LEN)?.try_into().ok()?;
    (sealed.len() >= KEY_ID_LEN + NONCE_LEN + TAG_LEN).then_some(u32::from_be_bytes(id))
}

/// A new data key, wrapped for storing; [`Sealer::install`] takes it after the commit.
pub(crate) struct WrappedKey {
    pub(crate) owner: KeyOwner,
    pub(crate) key_id: u32,
    pub(crate) wrapped: Vec<u8>,
}

/// Seals and opens values with the data keys it was given.
pub(crate) struct Sealer {
    master: XChaCha20Poly1305,
    keys: RwLock<HashMap<(KeyOwner, u32), XChaCha20Poly1305>>,
}

impl Sealer {
    pub(crate) fn new(master: &MasterKey) -> Self {
        Self {
            master: XChaCha20Poly1305::new(master.bytes().into()),
            keys: RwLock::default(),
        }
    }

    /// Makes a data key for `owner`; it works once [`Self::install`]ed.
    pub(crate) fn new_key(&self, owner: KeyOwner) -> Result<WrappedKey, StoreError> {
        let key = Zeroizing::new(chance::bytes::<32>());
        let aad = bound_to(owner, Kind::DataKey, &FIRST_KEY.to_be_bytes());
        let wrapped = seal_with(&self.master, 0, &aad, &key[..])?;
        Ok(WrappedKey {
            owner,
            key_id: FIRST_KEY,
            wrapped,
        })
    }

    /// Unwraps a stored data key for use. [`StoreError::WrongKey`] when the master key differs.
    pub(crate) fn install(&self, wrapped: &WrappedKey) -> Result<(), StoreError> {
        let aad = bound_to(wrapped.owner, Kind::DataKey, &wrapped.key_id.to_be_bytes());
        let key = open_with(&self.master, &aad, &wrapped.wrapped).ok_or(StoreError::WrongKey)?;
        let key = Zeroizing::new(key);
        let cipher = XChaCha20Poly1305::new_from_slice(&key)
            .map_err(|_| StoreError::corrupt("a data key has the wrong length"))?;
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.insert((wrapped.owner, wrapped.key_id), cipher);
        Ok(())
    }

    /// Forgets an account's key: what it sealed can no longer be read.
    pub(crate) fn forget(&self, owner: KeyOwner) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|(who, _), _| *who != owner);
    }

    /// Seals `plain` for `owner`, bound to `kind` and `key`.
    pub(crate) fn seal(
        &self,
        owner: impl Into<KeyOwner>,
        kind: Kind,
        key: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let owner = owner.into();
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let cipher = keys
            .get(&(owner, FIRST_KEY))
            .ok_or(StoreError::NotFound { what: "account" })?;
        seal_with(cipher, FIRST_KEY, &bound_to(owner, kind, key), plain)
    }

    /// Opens what [`Self::seal`] made with the same owner, kind and key.
    pub(crate) fn open(
        &self,
        owner: impl Into<KeyOwner>,
        kind: Kind,
        key: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let owner = owner.into();
        let unreadable = || StoreError::corrupt(format!("a sealed value ({kind:?}) does not open"));
        let id = key_id(sealed).ok_or_else(unreadable)?;
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let cipher = keys.get(&(owner, id)).ok_or_else(unreadable)?;
        open_with(cipher, &bound_to(owner, kind, key), sealed).ok_or_else(unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealer() -> (Sealer, AccountId, AccountId) {
        let sealer = Sealer::new(&MasterKey::new([7; 32]));
        let (ana, ben) = (AccountId::from_raw(1), AccountId::from_raw(2));
        for account in [ana, ben] {
            sealer
                .install(&sealer.new_key(account.into()).unwrap())
                .unwrap();
        }
        (sealer, ana, ben)
    }

    proptest! {
        #[test]
        fn a_sealed_value_opens_only_where_it_belongs(
            plain in prop::collection::vec(any::<u8>(), 0..200),
            key in prop::collection::vec(any::<u8>(), 0..20),
            flip in any::<prop::sample::Index>(),
        ) {
            let (sealer, ana, ben) = sealer();
            let sealed = sealer.seal(ana, Kind::Frozen, &key, &plain).unwrap();
            prop_assert_eq!(&sealer.open(ana, Kind::Frozen, &key, &sealed).unwrap(), &plain);
            prop_assert!(sealer.open(ben, Kind::Frozen, &key, &sealed).is_err());
            prop_assert!(sealer.open(ana, Kind::RawMessage, &key, &sealed).is_err());
            prop_assert!(sealer.open(ana, Kind::Frozen, b"another key, longer than 20", &sealed).is_err());
            let mut bent = sealed.clone();
            let at = flip.index(bent.len());
            bent[at] ^= 1;
            prop_assert!(sealer.open(ana, Kind::Frozen, &key, &bent).is_err());
            prop_assert!(sealer.open(ana, Kind::Frozen, &key, &sealed[..at]).is_err());
        }
    }

    #[test]
    fn another_master_key_is_noticed_at_once() {
        let (sealer, ana, _) = sealer();
        let wrapped = sealer.new_key(ana.into()).unwrap();
        let other = Sealer::new(&MasterKey::new([8; 32]));
        assert_eq!(other.install(&wrapped), Err(StoreError::WrongKey));
    }
}
