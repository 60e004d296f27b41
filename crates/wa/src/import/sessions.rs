//! Sessions as the JavaScript Signal library keeps them, turned into the canonical record.
//!
//! Both describe one double ratchet, with three differences. A chain there counts the last key it
//! made and starts at -1; here the next one, from 0. A session there holds its chains in one map and
//! says of each whether it sends; here the one that sends stands apart and carries the private key.
//! And there a chain that was left behind loses its key, while the keys of messages that are still
//! missing stay; here such a chain is kept without a key.

use super::ImportError;
use super::value::{At, unbase64};
use wacore::libsignal::protocol::{
    PendingPreKeyComponents, PublicKey, SessionChainComponents, SessionChainKeyComponents,
    SessionComponents, SessionMessageKeyComponents, SessionMessageKeyMaterial, SessionRecord,
    SessionRecordComponents,
};

/// The version of Signal's messages that WhatsApp speaks.
const SESSION_VERSION: u32 = 3;
/// Receiving chains that a session keeps; the canonical record has the same limit. Chains without a
/// missing message go first.
const RECEIVING_CHAINS_MAX: usize = 5;
/// What `chainType` says of the chain that sends.
const SENDING: i64 = 1;
/// What `closed` says of the session in use.
const IN_USE: i64 = -1;

/// Our side of every session, which the old client keeps apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Local {
    pub(super) identity: PublicKey,
    pub(super) registration_id: u32,
}

/// A session with what decides its place in the record.
struct Entry {
    session: SessionComponents,
    closed_at: i64,
    used_at: i64,
}

/// Reads a record. `None` when it holds no session.
pub(super) fn session_record(
    file: &At<'_>,
    local: Local,
) -> Result<Option<SessionRecord>, ImportError> {
    let Some(sessions) = file.maybe("_sessions") else {
        return Ok(None);
    };
    // Records from before the first numbered version hold the number of the other side once.
    let shared = file.maybe("registrationId");
    let mut entries = Vec::new();
    for (_, session) in sessions.entries()? {
        entries.push(entry(&session, shared.as_ref(), local)?);
    }
    if entries.is_empty() {
        return Ok(None);
    }
    // The one in use first (the latest, should there be several), then by last use, as the old
    // client tries them.
    entries.sort_by_key(|entry| (entry.closed_at != IN_USE, -entry.used_at));
    let in_use = entries[0].closed_at == IN_USE;
    let mut sessions = entries.into_iter().map(|entry| entry.session);
    let record = SessionRecordComponents {
        current_session: if in_use { sessions.next() } else { None },
        previous_sessions: sessions.collect(),
    };
    let record = SessionRecord::from_components(record);
    record.map(Some).map_err(|e| file.wrong(e.to_string()))
}

fn entry(
    session: &At<'_>,
    shared_registration: Option<&At<'_>>,
    local: Local,
) -> Result<Entry, ImportError> {
    let index = session.get("indexInfo")?;
    let ratchet = session.get("currentRatchet")?;
    let pair = ratchet.get("ephemeralKeyPair")?;
    let own_ratchet = public_key(&pair.get("pubKey")?)?;
    let last_remote = public_key(&ratchet.get("lastRemoteEphemeralKey")?)?;
    let registration = session.maybe("registrationId");
    let registration = registration.as_ref().or(shared_registration);
    let Chains { sending, receiving } =
        chains(&session.get("_chains")?, &own_ratchet, &last_remote)?;
    let sending = SessionChainComponents {
        sender_ratchet_key_private: Some(pair.get("privKey")?.array::<32>()?.to_vec()),
        ..sending
    };
    let pending = session.maybe("pendingPreKey");
    let components = SessionComponents {
        session_version: Some(SESSION_VERSION),
        local_identity_public: Some(local.identity.serialize().to_vec()),
        remote_identity_public: Some(public_key(&index.get("remoteIdentityKey")?)?),
        root_key: Some(ratchet.get("rootKey")?.array::<32>()?.to_vec()),
        previous_counter: Some(ratchet.get("previousCounter").and_then(|at| counted(&at))?),
        sender_chain: Some(sending),
        receiver_chains: receiving,
        pending_key_exchange: None,
        pending_pre_key: pending.map(|pending| pending_key(&pending)).transpose()?,
        remote_registration_id: Some(registration.map_or(Ok(0), At::int_of)?),
        local_registration_id: Some(local.registration_id),
        needs_refresh: None,
        alice_base_key: Some(public_key(&index.get("baseKey")?)?),
    };
    Ok(Entry {
        session: components,
        closed_at: index.maybe("closed").map_or(Ok(IN_USE), |at| at.int())?,
        used_at: index.maybe("used").map_or(Ok(0), |at| at.int())?,
    })
}

struct Chains {
    sending: SessionChainComponents,
    receiving: Vec<SessionChainComponents>,
}

fn chains(all: &At<'_>, own: &[u8], last_remote: &[u8]) -> Result<Chains, ImportError> {
    let (mut sending, mut receiving) = (None, Vec::new());
    for (name, chain) in all.entries()? {
        let key = unbase64(name).ok_or_else(|| chain.wrong("its name is not base64"))?;
        let read = one_chain(&chain, &key)?;
        if chain.get("chainType")?.int()? != SENDING {
            receiving.push(read);
        } else if same_key(&key, own) {
            sending = Some(read);
        } else {
            return Err(chain.wrong("it sends, and is not the chain of the present ratchet"));
        }
    }
    // Newest last. The order of the others is not written down anywhere: those that still wait for
    // messages outlive those that do not.
    let is_last = |chain: &SessionChainComponents| {
        let key = chain.sender_ratchet_key.as_deref();
        key.is_some_and(|key| same_key(key, last_remote))
    };
    receiving.sort_by_key(|chain| (is_last(chain), !chain.message_keys.is_empty()));
    let excess = receiving.len().saturating_sub(RECEIVING_CHAINS_MAX);
    receiving.drain(..excess);
    Ok(Chains {
        sending: sending.ok_or_else(|| all.wrong("none of the chains sends"))?,
        receiving,
    })
}

fn one_chain(chain: &At<'_>, ratchet_key: &[u8]) -> Result<SessionChainComponents, ImportError> {
    let chain_key = chain.get("chainKey")?;
    let last_made = chain_key.get("counter")?;
    let next = last_made.int()?.checked_add(1);
    let next = next.and_then(|next| u32::try_from(next).ok());
    let next = next.ok_or_else(|| last_made.wrong("it is out of range"))?;
    let key = chain_key.maybe("key").map(|at| at.array::<32>());
    let mut message_keys = Vec::new();
    if let Some(kept) = chain.maybe("messageKeys") {
        for (counter, seed) in kept.entries()? {
            let index = counter
                .parse()
                .map_err(|_| seed.wrong("its name is not a number"))?;
            let material = SessionMessageKeyMaterial::Seed(seed.array()?);
            message_keys.push(SessionMessageKeyComponents { index, material });
        }
    }
    Ok(SessionChainComponents {
        sender_ratchet_key: Some(ratchet_key.to_vec()),
        sender_ratchet_key_private: None,
        chain_key: Some(SessionChainKeyComponents {
            index: Some(next),
            key: key.transpose()?.map(Vec::from),
        }),
        message_keys,
    })
}

fn pending_key(pending: &At<'_>) -> Result<PendingPreKeyComponents, ImportError> {
    let one_time = pending.maybe("preKeyId").map(|at| at.int_of());
    Ok(PendingPreKeyComponents {
        pre_key_id: one_time.transpose()?,
        signed_pre_key_id: Some(pending.get("signedKeyId")?.int_of()?),
        base_key: Some(public_key(&pending.get("baseKey")?)?),
        kyber_pre_key_id: None,
        kyber_ciphertext: None,
    })
}

/// How many messages a chain had made when it was left: -1 there is none.
fn counted(at: &At<'_>) -> Result<u32, ImportError> {
    match at.int()? {
        -1 => Ok(0),
        _ => at.int_of(),
    }
}

/// A public key with or without the byte that names its kind.
pub(super) fn public_key(at: &At<'_>) -> Result<Vec<u8>, ImportError> {
    let bytes = at.bytes()?;
    let key = PublicKey::from_stored_public_key_bytes(&bytes);
    let key = key.map_err(|_| at.wrong("it is not a public key"))?;
    Ok(key.serialize().to_vec())
}

/// Whether two public keys are one, however they are written.
fn same_key(a: &[u8], b: &[u8]) -> bool {
    let bare = |key: &[u8]| key[key.len().saturating_sub(PublicKey::RAW_KEY_LEN)..].to_vec();
    bare(a) == bare(b)
}
