use super::value::{At, base64};
use super::{ImportError, Moved, Parts, baileys, whatsmeow};
use crate::memory::MemoryKeys;
use crate::ports::{KeyWrite, SessionKeys as _, Space};
use crate::storage::has_session;
use serde_json::{Value, json};
use wacore::libsignal::protocol::{
    KeyPair, PrivateKey, SenderKeyRecord, SessionMessageKeyMaterial, SessionRecord,
};
use wacore::store::Device;
use waypost_engine::model::{AccountId, Address};

const ACCOUNT: AccountId = AccountId::from_raw(7);

/// A key pair that is always the same.
fn pair(seed: u8) -> KeyPair {
    KeyPair::try_from(PrivateKey::deserialize(&[seed; 32]).unwrap()).unwrap()
}

fn buffer(bytes: &[u8]) -> Value {
    json!({"type": "Buffer", "data": base64(bytes)})
}

fn public(pair: &KeyPair) -> String {
    base64(&pair.public_key.serialize())
}

fn pair_json(pair: &KeyPair) -> Value {
    json!({
        "public": buffer(pair.public_key.public_key_bytes()),
        "private": buffer(pair.private_key.serialize()),
    })
}

/// What Baileys writes of a device.
fn creds(device: &Device) -> Value {
    json!({
        "noiseKey": pair_json(&device.noise_key),
        "signedIdentityKey": pair_json(&device.identity_key),
        "signedPreKey": {
            "keyPair": pair_json(&device.signed_pre_key),
            "signature": buffer(&device.signed_pre_key_signature),
            "keyId": 1,
        },
        "registrationId": device.registration_id,
        "advSecretKey": base64(&device.adv_secret_key),
        "me": {"id": "971500000001:12@s.whatsapp.net", "lid": "100000000000001:12@lid", "name": "Shop"},
        "account": {
            "details": "AQID", "accountSignatureKey": base64(&[4; 32]),
            "accountSignature": base64(&[5; 64]), "deviceSignature": base64(&[6; 64]),
        },
        "nextPreKeyId": 31, "firstUnuploadedPreKeyId": 31, "myAppStateKeyId": "AAAA/w==",
        "registered": true,
    })
}

/// A session that received on two ratchets, and still misses a message of the older one.
fn session() -> Value {
    let (ratchet, old, new) = (pair(20), public(&pair(21)), public(&pair(22)));
    let mut chains = json!({});
    chains[public(&ratchet)] = json!({
        "chainKey": {"counter": 2, "key": base64(&[8; 32])}, "chainType": 1, "messageKeys": {},
    });
    chains[&old] = json!({
        "chainKey": {"counter": 4}, "chainType": 2, "messageKeys": {"3": base64(&[9; 32])},
    });
    chains[&new] = json!({
        "chainKey": {"counter": -1, "key": base64(&[10; 32])}, "chainType": 2, "messageKeys": {},
    });
    let base = public(&pair(23));
    let mut sessions = json!({});
    sessions[&base] = json!({
        "registrationId": 77,
        "currentRatchet": {
            "ephemeralKeyPair": {"pubKey": public(&ratchet), "privKey": base64(ratchet.private_key.serialize())},
            "lastRemoteEphemeralKey": new, "previousCounter": -1, "rootKey": base64(&[7; 32]),
        },
        "indexInfo": {
            "baseKey": base, "baseKeyType": 2, "closed": -1, "used": 5, "created": 4,
            "remoteIdentityKey": public(&pair(24)),
        },
        "_chains": chains,
    });
    json!({"_sessions": sessions, "version": "v1"})
}

fn sender_key() -> Value {
    let own = pair(30);
    let states = json!([{
        "senderKeyId": 9, "senderChainKey": {"iteration": 3, "seed": {"type": "Buffer", "data": vec![1; 32]}},
        "senderSigningKey": {"public": base64(&own.public_key.serialize()), "private": base64(own.private_key.serialize())},
        "senderMessageKeys": [{"iteration": 1, "seed": base64(&[2; 32])}],
    }]);
    buffer(states.to_string().as_bytes())
}

fn folder(device: &Device) -> Parts {
    let version = json!({
        "version": 4, "hash": buffer(&[3; 128]),
        "indexValueMap": {base64(&[11; 32]): {"valueMac": buffer(&[12; 32])}},
    });
    let sync_key = json!({
        "keyData": base64(&[13; 32]), "timestamp": "1700000000",
        "fingerprint": {"rawId": 5, "currentIndex": 1, "deviceIndexes": [0, 1]},
    });
    let files = [
        ("creds.json", creds(device)),
        ("session-971500000002.0.json", session()),
        ("session-100000000000003_1.2.json", session()),
        (
            "identity-key-100000000000003_1.2.json",
            buffer(&pair(24).public_key.serialize()),
        ),
        ("pre-key-30.json", pair_json(&pair(31))),
        (
            "sender-key-120363021033254949@g.us--100000000000001_1--12.json",
            sender_key(),
        ),
        (
            "sender-key-120363021033254949@g.us--100000000000002_1--3.json",
            sender_key(),
        ),
        (
            "sender-key-memory-120363021033254949@g.us.json",
            json!({"100000000000002@lid": true}),
        ),
        ("app-state-sync-key-AAAA__w==.json", sync_key),
        ("app-state-sync-version-regular_high.json", version),
        ("lid-mapping-971500000002.json", json!("100000000000002")),
        (
            "lid-mapping-100000000000002_reverse.json",
            json!("971500000002"),
        ),
        (
            "tctoken-100000000000002@lid.json",
            json!({"token": buffer(&[1, 2]), "timestamp": "1700000001"}),
        ),
        ("device-list-971500000002.json", json!(["0"])),
        ("app.json", json!({})),
    ];
    files
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn value(moved: &Moved, space: Space, key: &str) -> Vec<u8> {
    let found = moved.writes.iter().find_map(|write| match write {
        KeyWrite::Put {
            space: in_space,
            key: under,
            value,
        } if *in_space == space && under == key.as_bytes() => Some(value.to_vec()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("nothing is stored under {key}"))
}

fn stored_under(moved: &Moved, space: Space) -> Vec<String> {
    let keys = moved.writes.iter().filter_map(|write| match write {
        KeyWrite::Put {
            space: in_space,
            key,
            ..
        } if *in_space == space => Some(String::from_utf8_lossy(key).into_owned()),
        _ => None,
    });
    keys.collect()
}

#[tokio::test]
async fn a_baileys_folder_becomes_a_linked_device() {
    let device = Device::new();
    let moved = baileys(&folder(&device)).await.unwrap();
    assert_eq!(moved.phone, Address::phone("971500000001"));
    assert_eq!(moved.lid, Some(Address::lid("100000000000001")));
    assert_eq!((moved.device, moved.push_name.as_str()), (12, "Shop"));
    let brought = moved.brought;
    assert_eq!(
        (brought.sessions, brought.identities, brought.sender_keys),
        (2, 2, 2)
    );
    assert_eq!(
        (
            brought.one_time_keys,
            brought.sync_keys,
            brought.sync_collections
        ),
        (1, 1, 1)
    );
    assert_eq!((brought.address_pairs, brought.contact_tokens), (2, 1));
    let left: Vec<&str> = moved.left_out.iter().map(|l| l.what.as_str()).collect();
    assert_eq!(
        left,
        [
            "device lists",
            "who has our group keys",
            "unknown files (app.json)"
        ]
    );

    let keys = MemoryKeys::new();
    keys.write(ACCOUNT, moved.writes.clone()).await.unwrap();
    assert!(has_session(&keys, ACCOUNT).await.unwrap());
    // Under the LID where it is known; group keys of others by person, our own by device.
    let sessions = stored_under(&moved, Space::Session);
    assert_eq!(
        sessions,
        ["100000000000002@lid.0", "100000000000003:2@lid.0"]
    );
    let group = "120363021033254949@g.us";
    let senders = stored_under(&moved, Space::SenderKey);
    assert_eq!(
        senders,
        [
            format!("{group}:100000000000001:12@lid.0"),
            format!("{group}:100000000000002@lid.0"),
        ]
    );
}

#[tokio::test]
async fn a_ratchet_goes_on_where_it_stopped() {
    let moved = baileys(&folder(&Device::new())).await.unwrap();
    let stored = value(&moved, Space::Session, "100000000000003:2@lid.0");
    let record = SessionRecord::deserialize(&stored)
        .unwrap()
        .into_components()
        .unwrap();
    assert!(record.previous_sessions.is_empty());
    let session = record.current_session.unwrap();
    assert_eq!(
        (session.previous_counter, session.remote_registration_id),
        (Some(0), Some(77))
    );
    let sends = session.sender_chain.unwrap();
    assert_eq!(
        sends.chain_key.unwrap().index,
        Some(3),
        "the next message, not the last"
    );
    assert_eq!(
        sends.sender_ratchet_key_private.unwrap(),
        pair(20).private_key.serialize()
    );
    // The newest receiving chain is the last; the older one only waits for message 3.
    let [old, new] = &session.receiver_chains[..] else {
        panic!("{:?}", session.receiver_chains);
    };
    let old_key = old.chain_key.as_ref().unwrap();
    assert_eq!((old_key.index, old_key.key.as_ref()), (Some(5), None));
    assert_eq!(old.message_keys[0].index, 3);
    assert_eq!(
        old.message_keys[0].material,
        SessionMessageKeyMaterial::Seed([9; 32])
    );
    assert_eq!(new.chain_key.as_ref().unwrap().index, Some(0));

    let group = value(
        &moved,
        Space::SenderKey,
        "120363021033254949@g.us:100000000000002@lid.0",
    );
    let group = SenderKeyRecord::deserialize(&group)
        .unwrap()
        .into_components()
        .unwrap();
    let state = &group.states[0];
    assert_eq!((state.key_id, state.chain_key.iteration), (9, 3));
    assert_eq!(state.message_keys[0].iteration, 1);
}

#[tokio::test]
async fn the_older_single_file_is_the_same_session() {
    let device = Device::new();
    let files = folder(&device);
    let old = json!({"creds": files["creds.json"], "keys": {
        "preKeys": {"30": files["pre-key-30.json"]},
        "sessions": {"971500000002.0": session()},
        "appStateSyncKeys": {"AAAA/w==": files["app-state-sync-key-AAAA__w==.json"]},
    }});
    let moved = baileys(&Parts::from([("session.json".to_owned(), old)]))
        .await
        .unwrap();
    assert_eq!(
        (moved.brought.sessions, moved.brought.one_time_keys),
        (1, 1)
    );
    // Without pairs a number stays a number.
    assert_eq!(
        stored_under(&moved, Space::Session),
        ["971500000002@c.us.0"]
    );
    assert_eq!(moved.brought.sync_keys, 1);
}

async fn refused(change: impl FnOnce(&mut Parts)) -> ImportError {
    let mut parts = folder(&Device::new());
    change(&mut parts);
    baileys(&parts).await.unwrap_err()
}

#[tokio::test]
async fn what_cannot_be_taken_over_is_named_by_file_and_field() {
    let never = refused(|parts| {
        parts.get_mut("creds.json").unwrap()["me"] = Value::Null;
    });
    assert!(never.await.what.contains("never linked"));
    let mixed = refused(|parts| {
        parts.get_mut("creds.json").unwrap()["signedIdentityKey"] = pair_json(&pair(1));
    });
    assert!(mixed.await.what.contains("mix of two sessions"));
    let none = refused(|parts| {
        parts.remove("creds.json");
    });
    assert_eq!(none.await.place, "creds.json");
    let cut = refused(|parts| {
        let file = parts.get_mut("session-971500000002.0.json").unwrap();
        for (_, session) in file["_sessions"].as_object_mut().unwrap() {
            session["currentRatchet"]["rootKey"] = json!("AAAA");
        }
    });
    let cut = cut.await;
    assert!(
        cut.place
            .starts_with("session-971500000002.0.json → _sessions"),
        "{cut}"
    );
    assert_eq!(cut.what, "32 bytes are expected here, not 3");
    let whose = refused(|parts| {
        parts.insert("session-nobody.json".into(), session());
    });
    assert_eq!(whose.await.place, "session-nobody.json");
}

#[test]
fn bytes_are_read_in_every_form_that_javascript_writes() {
    let forms = [
        json!("AQID"),
        json!([1, 2, 3]),
        json!({"0": 1, "1": 2, "2": 3}),
        json!({"type": "Buffer", "data": "AQID"}),
        json!({"type": "Buffer", "data": [1, 2, 3]}),
    ];
    for form in forms {
        assert_eq!(At::new("here", &form).bytes().unwrap(), [1, 2, 3], "{form}");
    }
    for form in [json!(7), json!({"0": 1, "2": 3}), json!([256]), json!("*")] {
        assert!(At::new("here", &form).bytes().is_err(), "{form}");
    }
}

/// The same device as whatsmeow stores it.
fn tables(device: &Device) -> Parts {
    let own = "971500000001:12@s.whatsapp.net";
    let ratchet = pair(20);
    let chain = |key: &KeyPair, private: Value, index: u32, chain_key: u8| {
        json!({
            "SenderRatchetKeyPublic": public(key), "SenderRatchetKeyPrivate": private,
            "ChainKey": {"Key": base64(&[chain_key; 32]), "Index": index}, "MessageKeys": [],
        })
    };
    let state = json!({
        "LocalIdentityPublic": base64(&device.identity_key.public_key.serialize()),
        "LocalRegistrationID": device.registration_id, "NeedsRefresh": false,
        "PendingKeyExchange": null, "PendingPreKey": null, "PreviousCounter": 0,
        "ReceiverChains": [chain(&pair(22), json!(""), 0, 10)],
        "RemoteIdentityPublic": public(&pair(24)), "RemoteRegistrationID": 77,
        "RootKey": base64(&[7; 32]), "SenderBaseKey": public(&pair(23)),
        "SenderChain": chain(&ratchet, json!(base64(ratchet.private_key.serialize())), 3, 8),
        "SessionVersion": 3,
    });
    let record = json!({"SessionState": state, "PreviousStates": []}).to_string();
    let group = json!({"SenderKeyStates": [{
        "Keys": [{"Iteration": 1, "IV": "", "CipherKey": "", "Seed": base64(&[2; 32])}], "KeyID": 9,
        "SenderChainKey": {"Iteration": 3, "ChainKey": base64(&[1; 32])},
        "SigningKeyPrivate": base64(&[0; 32]), "SigningKeyPublic": public(&pair(30)),
    }]})
    .to_string();
    let secret = |pair: &KeyPair| base64(pair.private_key.serialize());
    let rows = json!({
        "whatsmeow_device": [{
            "jid": own, "lid": "100000000000001:12@lid", "registration_id": device.registration_id,
            "noise_key": secret(&device.noise_key), "identity_key": secret(&device.identity_key),
            "signed_pre_key": secret(&device.signed_pre_key), "signed_pre_key_id": 1,
            "signed_pre_key_sig": base64(&device.signed_pre_key_signature),
            "adv_key": base64(&device.adv_secret_key), "adv_details": "AQID",
            "adv_account_sig": base64(&[5; 64]), "adv_account_sig_key": base64(&[4; 32]),
            "adv_device_sig": base64(&[6; 64]), "push_name": "Shop", "lid_migration_ts": 1,
        }],
        "whatsmeow_sessions": [
            {"our_jid": own, "their_id": "971500000002:0", "session": base64(record.as_bytes())},
            {"our_jid": "971500000009:1@s.whatsapp.net", "their_id": "971500000002:0", "session": "AA=="},
        ],
        "whatsmeow_pre_keys": [{"jid": own, "key_id": 30, "key": secret(&pair(31)), "uploaded": 1}],
        "whatsmeow_sender_keys": [{
            "our_jid": own, "chat_id": "120363021033254949@g.us", "sender_id": "100000000000002_1:3",
            "sender_key": base64(group.as_bytes()),
        }],
        "whatsmeow_lid_map": [{"lid": "100000000000002", "pn": "971500000002"}],
        "whatsmeow_message_secrets": [{
            "our_jid": own, "chat_jid": "971500000002@s.whatsapp.net",
            "sender_jid": "971500000002@s.whatsapp.net", "message_id": "ABC", "key": base64(&[1; 32]),
        }],
        "whatsmeow_contacts": [{"our_jid": own}],
    });
    serde_json::from_value(rows).unwrap()
}

#[tokio::test]
async fn a_whatsmeow_device_becomes_the_same_device() {
    let device = Device::new();
    let moved = whatsmeow(&tables(&device)).await.unwrap().remove(0);
    let other = baileys(&folder(&device)).await.unwrap();
    assert_eq!(
        (&moved.phone, &moved.lid, moved.device),
        (&other.phone, &other.lid, 12)
    );
    assert_eq!(
        moved.brought.message_secrets, 2,
        "under the number and under the LID"
    );
    let one_time = |moved: &Moved| {
        let keys = moved.writes.iter().filter(|w| {
            matches!(
                w,
                KeyWrite::Put {
                    space: Space::Prekey,
                    ..
                }
            )
        });
        keys.cloned().collect::<Vec<_>>()
    };
    assert_eq!(one_time(&moved), one_time(&other));
    let session = |moved: &Moved| {
        let bytes = value(moved, Space::Session, "100000000000002@lid.0");
        let record = SessionRecord::deserialize(&bytes)
            .unwrap()
            .into_components()
            .unwrap();
        record.current_session.unwrap()
    };
    let (ours, theirs) = (session(&moved), session(&other));
    assert_eq!(ours.sender_chain, theirs.sender_chain);
    assert_eq!(ours.receiver_chains.last(), theirs.receiver_chains.last());
    assert_eq!(
        (ours.root_key, ours.alice_base_key),
        (theirs.root_key, theirs.alice_base_key)
    );
    let device_of = |moved: &Moved| -> Device {
        serde_json::from_slice(&value(moved, Space::Device, "device")).unwrap()
    };
    let (ours, theirs) = (device_of(&moved), device_of(&other));
    assert_eq!(ours.account, theirs.account);
    assert_eq!(
        ours.noise_key.private_key.serialize(),
        theirs.noise_key.private_key.serialize()
    );
    assert_eq!((ours.next_pre_key_id, ours.server_has_prekeys), (31, true));
    assert!(ours.lid_migrated);
}

#[tokio::test]
async fn a_bad_row_is_named_by_table_and_column() {
    let mut parts = tables(&Device::new());
    parts.get_mut("whatsmeow_sessions").unwrap()[0]["session"] = json!("e30x");
    let error = whatsmeow(&parts).await.unwrap_err();
    assert!(
        error
            .place
            .starts_with("whatsmeow_sessions, entry 1 → session"),
        "{error}"
    );
    let error = whatsmeow(&Parts::new()).await.unwrap_err();
    assert!(error.what.contains("no database of whatsmeow"), "{error}");
}
