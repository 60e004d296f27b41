//! The database that whatsmeow keeps sessions in, from version 1 to 15 of its tables.

use super::{ForeignDatabase, Tables, Wanted, connect, rows};
use crate::error::StoreError;

/// The table of the devices; without it a database is not whatsmeow's.
const DEVICES: &str = "whatsmeow_device";

/// What is read. Later versions have more columns than earlier ones; those that are missing are left
/// out.
const WANTED: &[Wanted] = &[
    Wanted {
        table: DEVICES,
        columns: &[
            "jid",
            "lid",
            "registration_id",
            "noise_key",
            "identity_key",
            "signed_pre_key",
            "signed_pre_key_id",
            "signed_pre_key_sig",
            "adv_key",
            "adv_details",
            "adv_account_sig",
            "adv_account_sig_key",
            "adv_device_sig",
            "push_name",
            "lid_migration_ts",
        ],
    },
    Wanted {
        table: "whatsmeow_identity_keys",
        columns: &["our_jid", "their_id", "identity"],
    },
    Wanted {
        table: "whatsmeow_pre_keys",
        columns: &["jid", "key_id", "key", "uploaded"],
    },
    Wanted {
        table: "whatsmeow_sessions",
        columns: &["our_jid", "their_id", "session"],
    },
    Wanted {
        table: "whatsmeow_sender_keys",
        columns: &["our_jid", "chat_id", "sender_id", "sender_key"],
    },
    Wanted {
        table: "whatsmeow_app_state_sync_keys",
        columns: &["jid", "key_id", "key_data", "timestamp", "fingerprint"],
    },
    Wanted {
        table: "whatsmeow_app_state_version",
        columns: &["jid", "name", "version", "hash"],
    },
    Wanted {
        table: "whatsmeow_app_state_mutation_macs",
        columns: &["jid", "name", "version", "index_mac", "value_mac"],
    },
    Wanted {
        table: "whatsmeow_message_secrets",
        columns: &["our_jid", "chat_jid", "sender_jid", "message_id", "key"],
    },
    Wanted {
        table: "whatsmeow_privacy_tokens",
        columns: &[
            "our_jid",
            "their_jid",
            "token",
            "timestamp",
            "sender_timestamp",
        ],
    },
    Wanted {
        table: "whatsmeow_nct_salt",
        columns: &["our_jid", "salt"],
    },
    Wanted {
        table: "whatsmeow_lid_map",
        columns: &["lid", "pn"],
    },
    // Only counted.
    Wanted {
        table: "whatsmeow_contacts",
        columns: &["our_jid"],
    },
    Wanted {
        table: "whatsmeow_chat_settings",
        columns: &["our_jid"],
    },
    Wanted {
        table: "whatsmeow_retry_buffer",
        columns: &["our_jid"],
    },
];

/// Reads the tables of a whatsmeow database, all as of one moment.
///
/// Blocks while it reads.
///
/// # Errors
/// [`StoreError::Invalid`] when it is no such database or a table is too large,
/// [`StoreError::Unreachable`] when its server does not answer.
pub fn read(database: &ForeignDatabase) -> Result<Tables, StoreError> {
    let conn = connect(database)?;
    let moment = conn.snapshot()?;
    let mut tables = Tables::new();
    for wanted in WANTED {
        tables.insert(wanted.table.to_owned(), rows(&moment, wanted)?);
    }
    drop(moment);
    if tables.get(DEVICES).is_none_or(Vec::is_empty) {
        return Err(StoreError::invalid(
            "there is no linked device in this database: it has no table whatsmeow_device, or \
             nothing in it",
        ));
    }
    Ok(tables)
}
