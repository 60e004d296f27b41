"""Writes the session in a Baileys folder as whatsmeow would keep it in SQLite.

usage: python3 whatsmeow_database.py BAILEYS_FOLDER DATABASE

No program of whatsmeow runs in the tests. This follows the tables that it publishes
(store/sqlstore/upgrades/00-latest-schema.sql, version 15) and the JSON that its Signal library makes of
its Go structures (go.mau.fi/libsignal, serialize/JSONSerializer.go): field names as in Go, bytes in
base64, ratchets counted by the next message. The standard library of Python is enough.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import sqlite3
import sys

TABLES = """
CREATE TABLE whatsmeow_device (
    jid TEXT PRIMARY KEY, lid TEXT, facebook_uuid uuid, registration_id BIGINT NOT NULL,
    noise_key bytea NOT NULL CHECK (length(noise_key) = 32),
    identity_key bytea NOT NULL CHECK (length(identity_key) = 32),
    signed_pre_key bytea NOT NULL CHECK (length(signed_pre_key) = 32), signed_pre_key_id INTEGER NOT NULL,
    signed_pre_key_sig bytea NOT NULL CHECK (length(signed_pre_key_sig) = 64),
    adv_key bytea NOT NULL, adv_details bytea NOT NULL,
    adv_account_sig bytea NOT NULL CHECK (length(adv_account_sig) = 64),
    adv_account_sig_key bytea NOT NULL CHECK (length(adv_account_sig_key) = 32),
    adv_device_sig bytea NOT NULL CHECK (length(adv_device_sig) = 64),
    platform TEXT NOT NULL DEFAULT '', business_name TEXT NOT NULL DEFAULT '',
    push_name TEXT NOT NULL DEFAULT '', lid_migration_ts BIGINT NOT NULL DEFAULT 0);
CREATE TABLE whatsmeow_identity_keys (
    our_jid TEXT, their_id TEXT, identity bytea NOT NULL CHECK (length(identity) = 32),
    PRIMARY KEY (our_jid, their_id));
CREATE TABLE whatsmeow_pre_keys (
    jid TEXT, key_id INTEGER, key bytea NOT NULL CHECK (length(key) = 32), uploaded BOOLEAN NOT NULL,
    PRIMARY KEY (jid, key_id));
CREATE TABLE whatsmeow_sessions (
    our_jid TEXT, their_id TEXT, session bytea, PRIMARY KEY (our_jid, their_id));
CREATE TABLE whatsmeow_sender_keys (
    our_jid TEXT, chat_id TEXT, sender_id TEXT, sender_key bytea NOT NULL,
    PRIMARY KEY (our_jid, chat_id, sender_id));
CREATE TABLE whatsmeow_app_state_sync_keys (
    jid TEXT, key_id bytea, key_data bytea NOT NULL, timestamp BIGINT NOT NULL, fingerprint bytea NOT NULL,
    PRIMARY KEY (jid, key_id));
CREATE TABLE whatsmeow_app_state_version (
    jid TEXT, name TEXT, version BIGINT NOT NULL, hash bytea NOT NULL CHECK (length(hash) = 128),
    PRIMARY KEY (jid, name));
CREATE TABLE whatsmeow_app_state_mutation_macs (
    jid TEXT, name TEXT, version BIGINT, index_mac bytea, value_mac bytea NOT NULL,
    PRIMARY KEY (jid, name, version, index_mac));
CREATE TABLE whatsmeow_contacts (our_jid TEXT, their_jid TEXT, PRIMARY KEY (our_jid, their_jid));
CREATE TABLE whatsmeow_message_secrets (
    our_jid TEXT, chat_jid TEXT, sender_jid TEXT, message_id TEXT, key bytea NOT NULL,
    PRIMARY KEY (our_jid, chat_jid, sender_jid, message_id));
CREATE TABLE whatsmeow_privacy_tokens (
    our_jid TEXT, their_jid TEXT, token bytea NOT NULL, timestamp BIGINT NOT NULL, sender_timestamp BIGINT,
    PRIMARY KEY (our_jid, their_jid));
CREATE TABLE whatsmeow_lid_map (lid TEXT PRIMARY KEY, pn TEXT UNIQUE NOT NULL);
"""


def raw(value):
    """Bytes in any form that Baileys writes them in."""
    if isinstance(value, dict):
        value = value["data"]
    return base64.b64decode(value) if isinstance(value, str) else bytes(value)


def b64(value):
    return base64.b64encode(value).decode()


def message_key(index, seed):
    """What the library in Go keeps of a missing message: the keys made from its seed."""
    secret = hmac.new(bytes(32), raw(seed), hashlib.sha256).digest()
    made, block = b"", b""
    for count in (1, 2, 3):
        block = hmac.new(secret, block + b"WhisperMessageKeys" + bytes([count]), hashlib.sha256).digest()
        made += block
    return {"CipherKey": b64(made[:32]), "MacKey": b64(made[32:64]), "IV": b64(made[64:80]), "Index": index}


def chain(public, private, kept):
    return {
        "SenderRatchetKeyPublic": public,
        "SenderRatchetKeyPrivate": private,
        "ChainKey": {"Key": kept["chainKey"].get("key"), "Index": kept["chainKey"]["counter"] + 1},
        "MessageKeys": [message_key(int(index), seed) for index, seed in kept["messageKeys"].items()],
    }


def state(session, creds):
    ratchet = session["currentRatchet"]
    own = ratchet["ephemeralKeyPair"]["pubKey"]
    receives = [
        chain(key, "", kept)
        for key, kept in session["_chains"].items()
        # A chain that was left has no key there; the library in Go has no word for that.
        if key != own and "key" in kept["chainKey"]
    ]
    pending = session.get("pendingPreKey")
    return {
        "LocalIdentityPublic": b64(b"\x05" + raw(creds["signedIdentityKey"]["public"])),
        "LocalRegistrationID": creds["registrationId"],
        "NeedsRefresh": False,
        "PendingKeyExchange": None,
        "PendingPreKey": pending
        and {
            "PreKeyID": {"Value": pending.get("preKeyId", 0), "IsEmpty": "preKeyId" not in pending},
            "SignedPreKeyID": pending["signedKeyId"],
            "BaseKey": pending["baseKey"],
        },
        "PreviousCounter": max(ratchet["previousCounter"], 0),
        "ReceiverChains": receives,
        "RemoteIdentityPublic": session["indexInfo"]["remoteIdentityKey"],
        "RemoteRegistrationID": session["registrationId"],
        "RootKey": ratchet["rootKey"],
        "SenderBaseKey": session["indexInfo"]["baseKey"],
        "SenderChain": chain(own, ratchet["ephemeralKeyPair"]["privKey"], session["_chains"][own]),
        "SessionVersion": 3,
    }


def record(file, creds):
    sessions = list(file["_sessions"].values())
    current = [s for s in sessions if s["indexInfo"]["closed"] == -1]
    closed = [s for s in sessions if s["indexInfo"]["closed"] != -1]
    made = {
        "SessionState": state(current[0], creds) if current else None,
        "PreviousStates": [state(s, creds) for s in closed],
    }
    return json.dumps(made).encode()


def group_record(file):
    states = json.loads(raw(file))
    made = [
        {
            "Keys": [
                {"Iteration": key["iteration"], "IV": "", "CipherKey": "", "Seed": b64(raw(key["seed"]))}
                for key in one["senderMessageKeys"]
            ],
            "KeyID": one["senderKeyId"],
            "SenderChainKey": {
                "Iteration": one["senderChainKey"]["iteration"],
                "ChainKey": b64(raw(one["senderChainKey"]["seed"])),
            },
            "SigningKeyPrivate": b64(raw(one["senderSigningKey"].get("private") or "")),
            "SigningKeyPublic": b64(raw(one["senderSigningKey"]["public"])),
        }
        for one in reversed(states)
    ]
    return json.dumps({"SenderKeyStates": made}).encode()


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def fingerprint(one):
    out = b"\x08" + varint(one["rawId"]) + b"\x10" + varint(one["currentIndex"])
    for index in one.get("deviceIndexes", []):
        out += b"\x18" + varint(index)
    return out


def main(folder, database):
    files = {path.name[:-5]: json.loads(path.read_text()) for path in pathlib.Path(folder).glob("*.json")}
    creds = files["creds"]
    me, account, signed = creds["me"], creds["account"], creds["signedPreKey"]
    own = me["id"]
    db = sqlite3.connect(database)
    # As it is set there: what is not in the file yet is in its log.
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(TABLES)
    device = (
        own, me["lid"], None, creds["registrationId"], raw(creds["noiseKey"]["private"]),
        raw(creds["signedIdentityKey"]["private"]), raw(signed["keyPair"]["private"]), signed["keyId"],
        raw(signed["signature"]), raw(creds["advSecretKey"]), raw(account["details"]),
        raw(account["accountSignature"]), raw(account["accountSignatureKey"]),
        raw(account["deviceSignature"]), "android", "", me.get("name", "").lstrip("~"), 0,
    )
    db.execute(f"INSERT INTO whatsmeow_device VALUES ({','.join('?' * len(device))})", device)

    def of(kind):
        return ((name[len(kind):], value) for name, value in files.items() if name.startswith(kind))

    for whose, key in of("identity-key-"):
        row = (own, ":".join(whose.rsplit(".", 1)), raw(key)[-32:])
        db.execute("INSERT INTO whatsmeow_identity_keys VALUES (?, ?, ?)", row)
    for number, pair in of("pre-key-"):
        row = (own, int(number), raw(pair["private"]), True)
        db.execute("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, ?)", row)
    for whose, session in of("session-"):
        row = (own, ":".join(whose.rsplit(".", 1)), record(session, creds))
        db.execute("INSERT INTO whatsmeow_sessions VALUES (?, ?, ?)", row)
    for name, key in of("sender-key-"):
        if name.startswith("memory-"):
            continue
        group, user, number = name.rsplit("--", 2)
        row = (own, group, f"{user}:{number}", group_record(key))
        db.execute("INSERT INTO whatsmeow_sender_keys VALUES (?, ?, ?, ?)", row)
    for key_id, key in of("app-state-sync-key-"):
        row = (
            own, base64.b64decode(key_id.replace("__", "/")), raw(key["keyData"]),
            int(key.get("timestamp", 0)), fingerprint(key["fingerprint"]) if "fingerprint" in key else b"",
        )
        db.execute("INSERT INTO whatsmeow_app_state_sync_keys VALUES (?, ?, ?, ?, ?)", row)
    for name, version in of("app-state-sync-version-"):
        row = (own, name, version["version"], raw(version["hash"]))
        db.execute("INSERT INTO whatsmeow_app_state_version VALUES (?, ?, ?, ?)", row)
        for index, mac in version["indexValueMap"].items():
            row = (own, name, version["version"], base64.b64decode(index), raw(mac["valueMac"]))
            db.execute("INSERT INTO whatsmeow_app_state_mutation_macs VALUES (?, ?, ?, ?, ?)", row)
    for number, lid in of("lid-mapping-"):
        if not number.endswith("_reverse"):
            db.execute("INSERT INTO whatsmeow_lid_map VALUES (?, ?)", (lid, number))
    db.commit()
    db.close()


main(*sys.argv[1:])
