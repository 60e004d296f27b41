//! The device that an account is linked as, and whether what is stored of it can be used.

use crate::ports::{KeysError, SessionKeys, Space};
use crate::storage;
use waypost_engine::model::AccountId;

/// A linked device as it is stored, with what its session holds. Every stored value was read, so
/// every one is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDevice {
    /// Its address by number, with the device: `971500000001:5@s.whatsapp.net`.
    pub address: String,
    /// Its address by LID, with the device.
    pub lid: Option<String>,
    /// Its number among the devices of the account; the phone is 0.
    pub device: u16,
    /// What the account calls itself on WhatsApp; empty when that is not known yet.
    pub push_name: String,
    /// The registration id that other devices know it by.
    pub registration_id: u32,
    /// The version of WhatsApp Web that it last said it was.
    pub version: (u32, u32, u32),
    /// What of it does not fit together, for a person; empty when all is well.
    pub faults: Vec<String>,
    /// Ratchets with other people's devices.
    pub sessions: usize,
    /// Keys of groups.
    pub group_keys: usize,
    /// One-time keys that others may use to write first.
    pub one_time_keys: usize,
}

/// The device of an account as it is stored; `None` when none is linked.
///
/// # Errors
/// When the session store does not answer, or holds a value that cannot be read.
pub async fn stored_device(
    keys: &dyn SessionKeys,
    account: AccountId,
) -> Result<Option<StoredDevice>, KeysError> {
    let Some(device) = storage::device(keys, account).await? else {
        return Ok(None);
    };
    let Some(address) = &device.pn else {
        return Ok(None);
    };
    let mut held = Vec::with_capacity(Space::ALL.len());
    for space in Space::ALL {
        held.push((space, keys.scan(account, space, &[]).await?.len()));
    }
    let count = |wanted: Space| {
        let found = held.iter().find(|(space, _)| *space == wanted);
        found.map_or(0, |(_, count)| *count)
    };
    let mut faults = Vec::new();
    let signed = device.signed_pre_key.public_key.serialize();
    let by = &device.identity_key.public_key;
    if !by.verify_signature(&signed, &device.signed_pre_key_signature) {
        faults.push("its signed key does not belong to its identity".to_owned());
    }
    if device.account.is_none() {
        faults.push("the phone's signature of it is missing".to_owned());
    }
    Ok(Some(StoredDevice {
        address: address.to_string(),
        lid: device.lid.as_ref().map(ToString::to_string),
        device: address.device,
        push_name: device.push_name.clone(),
        registration_id: device.registration_id,
        version: (
            device.app_version_primary,
            device.app_version_secondary,
            device.app_version_tertiary,
        ),
        faults,
        sessions: count(Space::Session),
        group_keys: count(Space::SenderKey),
        one_time_keys: count(Space::Prekey),
    }))
}
