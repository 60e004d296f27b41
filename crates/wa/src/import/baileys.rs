//! The folder that Baileys' multi-file state writes: `creds.json`, and a file for each key, named by
//! its kind and id. In ids `/` is written as `__` and `:` as `-`.

use super::gathered::{Collection, Gathered, key_pair};
use super::peer::{Pairs, Peer};
use super::sender_keys;
use super::sessions::{public_key, session_record};
use super::value::{At, unbase64};
use super::{ImportError, Moved, Parts};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use wacore::appstate::hash::HashState;
use wacore::store::Device;
use wacore::store::traits::{AppStateSyncKey, TcTokenEntry};
use wacore_appstate::processor::AppStateMutationMAC;
use wacore_binary::Jid;
use waproto::whatsapp as wa;

/// The file of the device itself.
const CREDS: &str = "creds.json";

/// What a file holds. The longer names come first where one begins with the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    SyncKey,
    SyncVersion,
    SenderKeyMemory,
    SenderKey,
    PreKey,
    Session,
    Pair,
    DeviceList,
    Token,
    Identity,
}

const KINDS: [(&str, Kind); 10] = [
    ("app-state-sync-key-", Kind::SyncKey),
    ("app-state-sync-version-", Kind::SyncVersion),
    ("sender-key-memory-", Kind::SenderKeyMemory),
    ("sender-key-", Kind::SenderKey),
    ("pre-key-", Kind::PreKey),
    ("session-", Kind::Session),
    ("lid-mapping-", Kind::Pair),
    ("device-list-", Kind::DeviceList),
    ("tctoken-", Kind::Token),
    ("identity-key-", Kind::Identity),
];

/// The files of one kind: file name, id, content.
type Files<'a> = Vec<(&'a str, String, At<'a>)>;

/// Reads a Baileys folder: its files by name, each as the JSON in it. Files that belong to nothing
/// known are left and named.
///
/// # Errors
/// [`ImportError`] names the file and field that cannot be taken over.
pub async fn baileys(parts: &Parts) -> Result<Moved, ImportError> {
    let whole;
    let parts = match single_file(parts) {
        Some(split) => {
            whole = split;
            &whole
        }
        None => parts,
    };
    let creds = parts.get(CREDS).map(|value| At::new(CREDS, value));
    let creds = creds.ok_or_else(|| {
        ImportError::new(
            CREDS,
            "it is missing; name the folder that Baileys keeps it in",
        )
    })?;
    let (mut files, unknown) = sorted(parts);
    let mut take = |kind: Kind| files.remove(&kind).unwrap_or_default();

    let pairs = pairs(&creds, &take(Kind::Pair))?;
    let mut gathered = Gathered::new(CREDS, device(&creds)?, pairs)?;
    identities(&mut gathered, &take(Kind::Identity))?;
    sessions(&mut gathered, &take(Kind::Session))?;
    one_time_keys(&mut gathered, &take(Kind::PreKey))?;
    group_keys(&mut gathered, &take(Kind::SenderKey))?;
    sync_keys(&mut gathered, &creds, &take(Kind::SyncKey))?;
    collections(&mut gathered, &take(Kind::SyncVersion))?;
    tokens(&mut gathered, &take(Kind::Token))?;

    let asked = "they are asked for again when they are needed";
    gathered.leave("device lists", take(Kind::DeviceList).len(), asked);
    let again = "our group keys are handed to the members once more with the next message";
    gathered.leave(
        "who has our group keys",
        take(Kind::SenderKeyMemory).len(),
        again,
    );
    gathered.leave(
        &format!("unknown files ({})", some(&unknown)),
        unknown.len(),
        "they belong to nothing that is known here",
    );
    gathered.stored(CREDS).await
}

/// Files by kind, and the names of those that are of none.
fn sorted(parts: &Parts) -> (BTreeMap<Kind, Files<'_>>, Vec<&str>) {
    let (mut files, mut unknown) = (BTreeMap::<Kind, Files<'_>>::new(), Vec::new());
    for (name, value) in parts {
        let stem = name.strip_suffix(".json").unwrap_or(name);
        let known = KINDS
            .iter()
            .find_map(|(prefix, kind)| Some((*kind, stem.strip_prefix(prefix)?)));
        match known {
            // What was deleted may be kept as null.
            _ if value.is_null() || name == CREDS => {}
            Some((kind, id)) => files.entry(kind).or_default().push((
                name.as_str(),
                id.to_owned(),
                At::new(name, value),
            )),
            None => unknown.push(name.as_str()),
        }
    }
    (files, unknown)
}

/// Names of a few, for a person to recognise.
fn some(names: &[&str]) -> String {
    const NAMED: usize = 3;
    let more = if names.len() > NAMED { ", …" } else { "" };
    names[..names.len().min(NAMED)].join(", ") + more
}

/// The older layout with everything in one file, `{"creds": …, "keys": {"sessions": …}}`, as files.
fn single_file(parts: &Parts) -> Option<Parts> {
    const OLD_NAMES: [(&str, &str); 6] = [
        ("preKeys", "pre-key"),
        ("sessions", "session"),
        ("senderKeys", "sender-key"),
        ("appStateSyncKeys", "app-state-sync-key"),
        ("appStateVersions", "app-state-sync-version"),
        ("senderKeyMemory", "sender-key-memory"),
    ];
    let mut values = parts.values();
    let (Some(Value::Object(file)), None) = (values.next(), values.next()) else {
        return None;
    };
    let (creds, keys) = (file.get("creds")?, file.get("keys")?.as_object()?);
    let mut split = Parts::from([(CREDS.to_owned(), creds.clone())]);
    for (kind, entries) in keys {
        let known = OLD_NAMES.iter().find(|(old, _)| old == kind);
        let name = known.map_or(kind.as_str(), |(_, new)| new);
        for (id, value) in entries.as_object().into_iter().flatten() {
            split.insert(format!("{name}-{}.json", file_name(id)), value.clone());
        }
    }
    Some(split)
}

/// An id as a file name.
fn file_name(id: &str) -> String {
    id.replace('/', "__").replace(':', "-")
}

fn jid_at(at: &At<'_>) -> Result<Jid, ImportError> {
    let jid = at.text()?.parse();
    jid.map_err(|_| at.wrong("a WhatsApp address is expected here"))
}

/// The device, from `creds.json`.
fn device(creds: &At<'_>) -> Result<Device, ImportError> {
    let me = creds.maybe("me").ok_or_else(|| {
        creds.wrong("'me' is missing: this device was never linked; there is nothing to take over")
    })?;
    let signed = creds.get("signedPreKey")?;
    let signed_id: u32 = signed.get("keyId")?.int_of()?;
    let next: u32 = creds
        .maybe("nextPreKeyId")
        .map_or(Ok(1), |at| at.int_of())?;
    let unsent = creds.maybe("firstUnuploadedPreKeyId");
    let first_unsent: u32 = unsent.map_or(Ok(next), |at| at.int_of())?;
    let name = me.maybe("name").map(|at| at.text()).transpose()?;
    Ok(Device {
        pn: Some(jid_at(&me.get("id")?)?),
        lid: me.maybe("lid").map(|lid| jid_at(&lid)).transpose()?,
        registration_id: creds.get("registrationId")?.int_of()?,
        noise_key: pair_at(&creds.get("noiseKey")?, "creds.json → noiseKey")?,
        identity_key: pair_at(
            &creds.get("signedIdentityKey")?,
            "creds.json → signedIdentityKey",
        )?,
        signed_pre_key: pair_at(&signed.get("keyPair")?, "creds.json → signedPreKey")?,
        signed_pre_key_id: signed_id,
        signed_pre_key_signature: signed.get("signature")?.array()?,
        adv_secret_key: creds.get("advSecretKey")?.array()?,
        account: Some(Arc::new(account(&creds.get("account")?)?)),
        push_name: name.unwrap_or_default().trim_start_matches('~').to_owned(),
        next_pre_key_id: next,
        first_unupload_pre_key_id: first_unsent,
        server_has_prekeys: first_unsent > 1,
        // The rotation of the signed key is counted from the first connection here.
        last_signed_pre_key_rotation_ms: 0,
        ..Device::new()
    })
}

fn pair_at(at: &At<'_>, place: &str) -> Result<wacore::libsignal::protocol::KeyPair, ImportError> {
    let public = at.maybe("public").map(|at| at.bytes()).transpose()?;
    key_pair(place, &at.get("private")?.array::<32>()?, public.as_deref())
}

/// What the phone signed when it linked the device.
fn account(at: &At<'_>) -> Result<wa::ADVSignedDeviceIdentity, ImportError> {
    let field = |name: &str| at.get(name)?.bytes().map(Some);
    Ok(wa::ADVSignedDeviceIdentity {
        details: field("details")?,
        account_signature_key: field("accountSignatureKey")?,
        account_signature: field("accountSignature")?,
        device_signature: field("deviceSignature")?,
    })
}

/// Both directions are stored; the one from the number is enough where both are.
fn pairs(creds: &At<'_>, files: &Files<'_>) -> Result<Pairs, ImportError> {
    let mut pairs = Pairs::default();
    for (_, id, at) in files {
        match id.strip_suffix("_reverse") {
            Some(lid) => pairs.insert(at.text()?, lid),
            None => pairs.insert(id, at.text()?),
        }
    }
    if let Some(me) = creds.maybe("me")
        && let Some(lid) = me.maybe("lid")
    {
        pairs.insert(&jid_at(&me.get("id")?)?.user, &jid_at(&lid)?.user);
    }
    Ok(pairs)
}

/// Reads `user_domain.device`.
fn peer(place: &At<'_>, id: &str, pairs: &Pairs) -> Result<Peer, ImportError> {
    let split = id.rsplit_once('.');
    let peer = split.and_then(|(name, device)| Peer::parse(name, device, pairs));
    peer.ok_or_else(|| place.wrong("its name does not say whose it is"))
}

fn identities(gathered: &mut Gathered, files: &Files<'_>) -> Result<(), ImportError> {
    for (name, id, at) in files {
        let peer = peer(at, id, &gathered.pairs)?;
        let key = public_key(at)?;
        let key = key[key.len() - 32..].try_into();
        gathered.identity(name, &peer, key.map_err(|_| at.wrong("it is not a key"))?)?;
    }
    Ok(())
}

fn sessions(gathered: &mut Gathered, files: &Files<'_>) -> Result<(), ImportError> {
    let (local, mut empty) = (gathered.local(), 0);
    for (name, id, at) in files {
        let peer = peer(at, id, &gathered.pairs)?;
        match session_record(at, local)? {
            Some(record) => gathered.session(name, &peer, &record)?,
            None => empty += 1,
        }
    }
    gathered.leave("empty sessions", empty, "they hold no keys");
    Ok(())
}

fn one_time_keys(gathered: &mut Gathered, files: &Files<'_>) -> Result<(), ImportError> {
    for (name, id, at) in files {
        let id = id.parse().map_err(|_| at.wrong("its name has no number"))?;
        gathered.one_time_key(name, id, &pair_at(at, name)?)?;
    }
    Ok(())
}

/// Files named `group--user_domain--device`; a group's own name may hold single dashes.
fn group_keys(gathered: &mut Gathered, files: &Files<'_>) -> Result<(), ImportError> {
    for (name, id, at) in files {
        let nameless = || at.wrong("its name does not say whose it is");
        let (rest, device) = id.rsplit_once("--").ok_or_else(nameless)?;
        let (group, user) = rest.rsplit_once("--").ok_or_else(nameless)?;
        let peer = Peer::parse(user, device, &gathered.pairs).ok_or_else(nameless)?;
        gathered.sender_key(name, group, &peer, sender_keys::states(name, at)?)?;
    }
    Ok(())
}

fn sync_keys(
    gathered: &mut Gathered,
    creds: &At<'_>,
    files: &Files<'_>,
) -> Result<(), ImportError> {
    let in_use = creds.maybe("myAppStateKeyId");
    let in_use = in_use.map(|at| at.text()).transpose()?;
    for (_, id, at) in files {
        let id = id.replace("__", "/");
        let bytes = unbase64(&id).filter(|id| !id.is_empty());
        let bytes = bytes.ok_or_else(|| at.wrong("its name does not say which key it is"))?;
        let key = AppStateSyncKey {
            key_data: at.get("keyData")?.bytes()?,
            fingerprint: fingerprint(at)?,
            timestamp: at.maybe("timestamp").map_or(Ok(0), |at| at.int())?,
        };
        gathered.sync_keys.push((bytes, key));
    }
    let in_use = in_use.and_then(unbase64);
    gathered
        .sync_keys
        .sort_by_key(|(id, key)| (Some(id) == in_use.as_ref(), key.timestamp));
    Ok(())
}

fn fingerprint(key: &At<'_>) -> Result<Vec<u8>, ImportError> {
    let Some(at) = key.maybe("fingerprint") else {
        return Ok(Vec::new());
    };
    let number = |name: &str| at.maybe(name).map(|at| at.int_of()).transpose();
    let mut device_indexes = Vec::new();
    if let Some(indexes) = at.maybe("deviceIndexes") {
        for index in indexes.items()? {
            device_indexes.push(index.int_of()?);
        }
    }
    let fingerprint = wa::message::AppStateSyncKeyFingerprint {
        raw_id: number("rawId")?,
        current_index: number("currentIndex")?,
        device_indexes,
    };
    Ok(waproto::codec::app_state_sync_key_fingerprint_to_vec(
        &fingerprint,
    ))
}

fn collections(gathered: &mut Gathered, files: &Files<'_>) -> Result<(), ImportError> {
    for (_, name, at) in files {
        let mut macs = Vec::new();
        for (index, entry) in at.get("indexValueMap")?.entries()? {
            let index_mac = unbase64(index).ok_or_else(|| entry.wrong("its name is not base64"))?;
            let value_mac = entry.get("valueMac")?.bytes()?;
            macs.push(AppStateMutationMAC {
                index_mac,
                value_mac,
            });
        }
        let state = HashState {
            version: at.get("version")?.int_of()?,
            hash: at.get("hash")?.array()?,
            ..HashState::default()
        };
        let name = name.clone();
        gathered.collections.push(Collection { name, state, macs });
    }
    Ok(())
}

fn tokens(gathered: &mut Gathered, files: &Files<'_>) -> Result<(), ImportError> {
    for (_, id, at) in files {
        // A list of whose tokens there are stands among them under this name.
        let Some(of) = id.split('@').next().filter(|of| *of != "__index") else {
            continue;
        };
        let user = gathered.pairs.lid_of(of).unwrap_or(of).to_owned();
        let issued = at.maybe("senderTimestamp").map(|at| at.int()).transpose()?;
        let token = TcTokenEntry {
            token: at.get("token")?.bytes()?,
            token_timestamp: at.maybe("timestamp").map_or(Ok(0), |at| at.int())?,
            sender_timestamp: issued,
        };
        gathered.tokens.insert(user, token);
    }
    Ok(())
}
