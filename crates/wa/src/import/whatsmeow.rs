//! The tables of a whatsmeow database: rows as objects, with bytes in base64.
//!
//! Its Signal library stores sessions and group keys as JSON: the fields of its Go structures by their
//! names, bytes in base64. The ratchets in them are counted as they are here.

use super::gathered::{Collection, Gathered, key_pair};
use super::peer::{Pairs, Peer};
use super::sender_keys::States;
use super::sessions::Local;
use super::value::At;
use super::{ImportError, Moved, Parts};
use crate::clock;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use wacore::appstate::hash::HashState;
use wacore::libsignal::protocol::{
    PendingPreKeyComponents, SenderChainKeyComponents, SenderKeyStateComponents,
    SenderMessageKeyComponents, SenderSigningKeyComponents, SessionChainComponents,
    SessionChainKeyComponents, SessionComponents, SessionMessageKeyComponents,
    SessionMessageKeyMaterial, SessionRecord, SessionRecordComponents,
};
use wacore::store::Device;
use wacore::store::traits::{AppStateSyncKey, MsgSecretEntry, TcTokenEntry};
use wacore_appstate::processor::AppStateMutationMAC;
use wacore_binary::Jid;
use waproto::whatsapp as wa;

/// The table of the devices.
const DEVICES: &str = "whatsmeow_device";
/// How long message secrets are kept that came over: their messages' times are not stored with them.
const SECRETS_KEPT_SECS: i64 = 90 * 24 * 3_600;

/// The rows of a table that belong to one device.
struct Rows<'a> {
    parts: &'a Parts,
    own: &'a str,
}

impl<'a> Rows<'a> {
    /// Rows of a table whose column `owner` names the device.
    fn of(&self, table: &str, owner: &str) -> Result<Vec<At<'a>>, ImportError> {
        let Some(all) = self.parts.get(table) else {
            return Ok(Vec::new());
        };
        let mut rows = Vec::new();
        for row in At::new(table, all).items()? {
            if row.get(owner)?.text()? == self.own {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

/// Reads a whatsmeow database: its tables by name, each a list of rows with the columns as fields and
/// bytes in base64. Every linked device in it is given back.
///
/// # Errors
/// [`ImportError`] names the table, row and column that cannot be taken over.
pub async fn whatsmeow(parts: &Parts) -> Result<Vec<Moved>, ImportError> {
    let table = parts.get(DEVICES).ok_or_else(|| {
        ImportError::new(
            DEVICES,
            "the table is missing; this is no database of whatsmeow",
        )
    })?;
    let mut devices = Vec::new();
    for row in At::new(DEVICES, table).items()? {
        let own = row.get("jid")?.text()?;
        let rows = Rows { parts, own };
        devices.push(
            gather(&rows, &row)?
                .stored(&format!("device {own}"))
                .await?,
        );
    }
    Ok(devices)
}

fn gather(rows: &Rows<'_>, row: &At<'_>) -> Result<Gathered, ImportError> {
    let device = device(rows, row)?;
    let pairs = pairs(rows.parts, &device)?;
    let mut gathered = Gathered::new(&format!("{DEVICES}, {}", rows.own), device, pairs)?;
    identities(rows, &mut gathered)?;
    sessions(rows, &mut gathered)?;
    one_time_keys(rows, &mut gathered)?;
    group_keys(rows, &mut gathered)?;
    sync_keys(rows, &mut gathered)?;
    collections(rows, &mut gathered)?;
    tokens(rows, &mut gathered)?;
    secrets(rows, &mut gathered)?;
    for (table, owner, what, why) in [
        (
            "whatsmeow_contacts",
            "our_jid",
            "contacts",
            "names come again with messages and with the phone's sync",
        ),
        (
            "whatsmeow_chat_settings",
            "our_jid",
            "chat settings",
            "mutes, pins and archives stay on the phone",
        ),
        (
            "whatsmeow_retry_buffer",
            "our_jid",
            "kept copies of sent messages",
            "a device that has not read one of them yet asks its sender in vain",
        ),
    ] {
        gathered.leave(what, rows.of(table, owner)?.len(), why);
    }
    Ok(gathered)
}

/// Reads an address; the older form names an agent before the device, `number.0:1@server`.
fn jid_at(at: &At<'_>) -> Result<Jid, ImportError> {
    let text = at.text()?;
    let plain = text
        .split_once('@')
        .map(|(user, server)| match user.split_once('.') {
            Some((number, agent)) => {
                let device = agent.split_once(':').map_or("0", |(_, device)| device);
                format!("{number}:{device}@{server}")
            }
            None => text.to_owned(),
        });
    let jid = plain.and_then(|plain| plain.parse().ok());
    jid.ok_or_else(|| at.wrong("a WhatsApp address is expected here"))
}

fn device(rows: &Rows<'_>, row: &At<'_>) -> Result<Device, ImportError> {
    let key = |column: &str| {
        let at = row.get(column)?;
        key_pair(&format!("{DEVICES} → {column}"), &at.array::<32>()?, None)
    };
    let bytes = |column: &str| row.get(column)?.bytes().map(Some);
    let own_keys = rows.of("whatsmeow_pre_keys", "jid")?;
    let (mut next, mut first_unsent) = (1, None::<u32>);
    for key in &own_keys {
        let id: u32 = key.get("key_id")?.int_of()?;
        next = next.max(id + 1);
        if !flag(&key.get("uploaded")?)? {
            first_unsent = Some(first_unsent.map_or(id, |first| first.min(id)));
        }
    }
    let first_unsent = first_unsent.unwrap_or(next);
    let lid = row.maybe("lid").filter(|at| at.text() != Ok(""));
    let name = row.maybe("push_name").map(|at| at.text()).transpose()?;
    let migrated = row
        .maybe("lid_migration_ts")
        .map(|at| at.int())
        .transpose()?;
    let salts = rows.of("whatsmeow_nct_salt", "our_jid")?;
    let salt = salts.first().map(|salt| salt.get("salt")?.bytes());
    Ok(Device {
        pn: Some(jid_at(&row.get("jid")?)?),
        lid: lid.map(|lid| jid_at(&lid)).transpose()?,
        registration_id: row.get("registration_id")?.int_of()?,
        noise_key: key("noise_key")?,
        identity_key: key("identity_key")?,
        signed_pre_key: key("signed_pre_key")?,
        signed_pre_key_id: row.get("signed_pre_key_id")?.int_of()?,
        signed_pre_key_signature: row.get("signed_pre_key_sig")?.array()?,
        adv_secret_key: row.get("adv_key")?.array()?,
        account: Some(Arc::new(wa::ADVSignedDeviceIdentity {
            details: bytes("adv_details")?,
            account_signature_key: bytes("adv_account_sig_key")?,
            account_signature: bytes("adv_account_sig")?,
            device_signature: bytes("adv_device_sig")?,
        })),
        push_name: name.unwrap_or_default().to_owned(),
        next_pre_key_id: next,
        first_unupload_pre_key_id: first_unsent,
        server_has_prekeys: first_unsent > 1,
        lid_migrated: migrated.unwrap_or(0) > 0,
        nct_salt: salt.transpose()?,
        last_signed_pre_key_rotation_ms: 0,
        ..Device::new()
    })
}

/// SQLite has no truth values of its own.
fn flag(at: &At<'_>) -> Result<bool, ImportError> {
    Ok(at.int()? != 0)
}

/// The pairs are of all devices of the database together.
fn pairs(parts: &Parts, device: &Device) -> Result<Pairs, ImportError> {
    let mut pairs = Pairs::default();
    if let Some(table) = parts.get("whatsmeow_lid_map") {
        for row in At::new("whatsmeow_lid_map", table).items()? {
            pairs.insert(row.get("pn")?.text()?, row.get("lid")?.text()?);
        }
    }
    if let (Some(number), Some(lid)) = (&device.pn, &device.lid) {
        pairs.insert(&number.user, &lid.user);
    }
    Ok(pairs)
}

/// Reads `user_domain:device`. `None` for the addresses of other kinds, which have no sessions here.
fn peer(at: &At<'_>, pairs: &Pairs) -> Result<Option<Peer>, ImportError> {
    let parts = at.text()?.rsplit_once(':');
    let (name, device) = parts.ok_or_else(|| at.wrong("it does not say whose it is"))?;
    Ok(Peer::parse(name, device, pairs))
}

fn identities(rows: &Rows<'_>, gathered: &mut Gathered) -> Result<(), ImportError> {
    let mut others = 0;
    for row in rows.of("whatsmeow_identity_keys", "our_jid")? {
        let whose = row.get("their_id")?;
        match peer(&whose, &gathered.pairs)? {
            Some(peer) => {
                gathered.identity(whose.place(), &peer, row.get("identity")?.array()?)?;
            }
            None => others += 1,
        }
    }
    leave_others(gathered, "identities", others);
    Ok(())
}

fn leave_others(gathered: &mut Gathered, what: &str, count: usize) {
    let what = format!("{what} of bots and other services");
    gathered.leave(&what, count, "a new session begins with the next message");
}

/// The JSON inside a column.
fn inner(at: &At<'_>) -> Result<Value, ImportError> {
    let bytes = at.bytes()?;
    serde_json::from_slice(&bytes).map_err(|e| at.wrong(format!("what is in it is not JSON: {e}")))
}

fn sessions(rows: &Rows<'_>, gathered: &mut Gathered) -> Result<(), ImportError> {
    let (local, mut others) = (gathered.local(), 0);
    for row in rows.of("whatsmeow_sessions", "our_jid")? {
        let whose = row.get("their_id")?;
        let place = format!("whatsmeow_sessions, {}", whose.text()?);
        let Some(session) = row.maybe("session") else {
            continue;
        };
        let Some(peer) = peer(&whose, &gathered.pairs)? else {
            others += 1;
            continue;
        };
        let inner = inner(&session)?;
        let record = record(&At::new(&place, &inner), local)?;
        gathered.session(&place, &peer, &record)?;
    }
    leave_others(gathered, "sessions", others);
    Ok(())
}

fn record(at: &At<'_>, local: Local) -> Result<SessionRecord, ImportError> {
    let current = at.maybe("SessionState");
    let mut previous_sessions = Vec::new();
    if let Some(previous) = at.maybe("PreviousStates") {
        for state in previous.items()? {
            previous_sessions.push(one_session(&state, local)?);
        }
    }
    let components = SessionRecordComponents {
        current_session: current
            .map(|state| one_session(&state, local))
            .transpose()?,
        previous_sessions,
    };
    SessionRecord::from_components(components).map_err(|e| at.wrong(e.to_string()))
}

fn one_session(state: &At<'_>, local: Local) -> Result<SessionComponents, ImportError> {
    let bytes = |field: &str| state.get(field)?.bytes().map(Some);
    let mut receiver_chains = Vec::new();
    if let Some(chains) = state.maybe("ReceiverChains") {
        for chain in chains.items()? {
            receiver_chains.push(SessionChainComponents {
                sender_ratchet_key_private: None,
                ..one_chain(&chain)?
            });
        }
    }
    let pending = state.maybe("PendingPreKey");
    Ok(SessionComponents {
        session_version: Some(state.get("SessionVersion")?.int_of()?),
        local_identity_public: Some(local.identity.serialize().to_vec()),
        remote_identity_public: bytes("RemoteIdentityPublic")?,
        root_key: bytes("RootKey")?,
        previous_counter: Some(state.get("PreviousCounter")?.int_of()?),
        sender_chain: state
            .maybe("SenderChain")
            .map(|at| one_chain(&at))
            .transpose()?,
        receiver_chains,
        pending_key_exchange: None,
        pending_pre_key: pending.map(|at| pending_key(&at)).transpose()?,
        remote_registration_id: Some(state.get("RemoteRegistrationID")?.int_of()?),
        local_registration_id: Some(local.registration_id),
        needs_refresh: None,
        alice_base_key: bytes("SenderBaseKey")?,
    })
}

fn one_chain(chain: &At<'_>) -> Result<SessionChainComponents, ImportError> {
    let key = chain.get("ChainKey")?;
    let private = chain.maybe("SenderRatchetKeyPrivate");
    let private = private.map(|at| at.bytes()).transpose()?;
    let mut message_keys = Vec::new();
    if let Some(kept) = chain.maybe("MessageKeys") {
        for kept in kept.items()? {
            message_keys.push(SessionMessageKeyComponents {
                index: kept.get("Index")?.int_of()?,
                material: SessionMessageKeyMaterial::Derived {
                    cipher_key: kept.get("CipherKey")?.array()?,
                    mac_key: kept.get("MacKey")?.array()?,
                    iv: kept.get("IV")?.array()?,
                },
            });
        }
    }
    Ok(SessionChainComponents {
        sender_ratchet_key: Some(chain.get("SenderRatchetKeyPublic")?.bytes()?),
        sender_ratchet_key_private: private,
        chain_key: Some(SessionChainKeyComponents {
            index: Some(key.get("Index")?.int_of()?),
            key: Some(key.get("Key")?.bytes()?),
        }),
        message_keys,
    })
}

fn pending_key(pending: &At<'_>) -> Result<PendingPreKeyComponents, ImportError> {
    let one_time = pending.maybe("PreKeyID").and_then(|at| {
        let is_empty = at.maybe("IsEmpty").is_some_and(|at| at.is_true());
        (!is_empty).then_some(at)
    });
    let one_time = one_time.map(|at| at.get("Value")?.int_of());
    Ok(PendingPreKeyComponents {
        pre_key_id: one_time.transpose()?,
        signed_pre_key_id: Some(pending.get("SignedPreKeyID")?.int_of()?),
        base_key: Some(pending.get("BaseKey")?.bytes()?),
        kyber_pre_key_id: None,
        kyber_ciphertext: None,
    })
}

fn one_time_keys(rows: &Rows<'_>, gathered: &mut Gathered) -> Result<(), ImportError> {
    for row in rows.of("whatsmeow_pre_keys", "jid")? {
        let id = row.get("key_id")?.int_of()?;
        let place = format!("whatsmeow_pre_keys, {id}");
        let pair = key_pair(&place, &row.get("key")?.array::<32>()?, None)?;
        gathered.one_time_key(&place, id, &pair)?;
    }
    Ok(())
}

fn group_keys(rows: &Rows<'_>, gathered: &mut Gathered) -> Result<(), ImportError> {
    for row in rows.of("whatsmeow_sender_keys", "our_jid")? {
        let (group, whose) = (row.get("chat_id")?.text()?, row.get("sender_id")?);
        let place = format!("whatsmeow_sender_keys, {group}, {}", whose.text()?);
        let Some(peer) = peer(&whose, &gathered.pairs)? else {
            continue;
        };
        let inner = inner(&row.get("sender_key")?)?;
        let states = states(&At::new(&place, &inner))?;
        gathered.sender_key(&place, group, &peer, states)?;
    }
    Ok(())
}

/// Newest first, as they are stored.
fn states(record: &At<'_>) -> Result<States, ImportError> {
    let mut states = States::new();
    for state in record.get("SenderKeyStates")?.items()? {
        let chain = state.get("SenderChainKey")?;
        let private = state.maybe("SigningKeyPrivate");
        let private = private.map(|at| at.bytes()).transpose()?;
        let mut message_keys = Vec::new();
        if let Some(kept) = state.maybe("Keys") {
            for key in kept.items()? {
                message_keys.push(SenderMessageKeyComponents {
                    iteration: key.get("Iteration")?.int_of()?,
                    seed: key.get("Seed")?.bytes()?,
                });
            }
        }
        states.push(SenderKeyStateComponents {
            key_id: state.get("KeyID")?.int_of()?,
            chain_key: SenderChainKeyComponents {
                iteration: chain.get("Iteration")?.int_of()?,
                seed: chain.get("ChainKey")?.bytes()?,
            },
            signing_key: SenderSigningKeyComponents {
                public: state.get("SigningKeyPublic")?.bytes()?,
                // Of other people's keys only the public half is known; the other is empty or zeros.
                private: private.filter(|key| key.iter().any(|byte| *byte != 0)),
            },
            message_keys,
        });
    }
    Ok(states)
}

fn sync_keys(rows: &Rows<'_>, gathered: &mut Gathered) -> Result<(), ImportError> {
    for row in rows.of("whatsmeow_app_state_sync_keys", "jid")? {
        let key = AppStateSyncKey {
            key_data: row.get("key_data")?.bytes()?,
            fingerprint: row.get("fingerprint")?.bytes()?,
            timestamp: row.get("timestamp")?.int()?,
        };
        gathered.sync_keys.push((row.get("key_id")?.bytes()?, key));
    }
    gathered.sync_keys.sort_by_key(|(_, key)| key.timestamp);
    Ok(())
}

fn collections(rows: &Rows<'_>, gathered: &mut Gathered) -> Result<(), ImportError> {
    let macs = rows.of("whatsmeow_app_state_mutation_macs", "jid")?;
    for row in rows.of("whatsmeow_app_state_version", "jid")? {
        let name = row.get("name")?.text()?;
        let mut own = Vec::new();
        for mac in &macs {
            if mac.get("name")?.text()? == name {
                own.push((
                    mac.get("version")?.int()?,
                    AppStateMutationMAC {
                        index_mac: mac.get("index_mac")?.bytes()?,
                        value_mac: mac.get("value_mac")?.bytes()?,
                    },
                ));
            }
        }
        // An entry that changed has a code for each version; the latest counts.
        own.sort_by_key(|(version, _)| *version);
        let state = HashState {
            version: row.get("version")?.int_of()?,
            hash: row.get("hash")?.array()?,
            ..HashState::default()
        };
        gathered.collections.push(Collection {
            name: name.to_owned(),
            state,
            macs: own.into_iter().map(|(_, mac)| mac).collect(),
        });
    }
    Ok(())
}

fn tokens(rows: &Rows<'_>, gathered: &mut Gathered) -> Result<(), ImportError> {
    for row in rows.of("whatsmeow_privacy_tokens", "our_jid")? {
        let whose = jid_at(&row.get("their_jid")?)?;
        let user = gathered.pairs.lid_of(&whose.user).unwrap_or(&whose.user);
        let issued = row
            .maybe("sender_timestamp")
            .map(|at| at.int())
            .transpose()?;
        let token = TcTokenEntry {
            token: row.get("token")?.bytes()?,
            token_timestamp: row.get("timestamp")?.int()?,
            sender_timestamp: issued,
        };
        gathered.tokens.insert(user.to_owned(), token);
    }
    Ok(())
}

/// Each secret under the addresses it was stored with, and under the LIDs where they are known: later
/// votes and edits may come under either.
fn secrets(rows: &Rows<'_>, gathered: &mut Gathered) -> Result<(), ImportError> {
    let expires_at = clock::now().as_secs() + SECRETS_KEPT_SECS;
    let mut known = BTreeSet::new();
    for row in rows.of("whatsmeow_message_secrets", "our_jid")? {
        let (chat, sender) = (
            jid_at(&row.get("chat_jid")?)?,
            jid_at(&row.get("sender_jid")?)?,
        );
        let id = row.get("message_id")?.text()?;
        let secret = row.get("key")?.array()?;
        let plain = (chat.to_non_ad(), sender.to_non_ad());
        let by_lid = (
            by_lid(&plain.0, &gathered.pairs),
            by_lid(&plain.1, &gathered.pairs),
        );
        for (chat, sender) in [plain, by_lid] {
            let names = (chat.to_string(), sender.to_string());
            if known.insert((names.0.clone(), names.1.clone(), id.to_owned())) {
                gathered.secrets.push(MsgSecretEntry {
                    chat: names.0.into(),
                    sender: names.1.into(),
                    msg_id: id.into(),
                    secret,
                    expires_at,
                    message_ts: 0,
                });
            }
        }
    }
    Ok(())
}

fn by_lid(jid: &Jid, pairs: &Pairs) -> Jid {
    let lid = jid.is_pn().then(|| pairs.lid_of(&jid.user)).flatten();
    let lid = lid.and_then(|lid| format!("{lid}@lid").parse().ok());
    lid.unwrap_or_else(|| jid.clone())
}
