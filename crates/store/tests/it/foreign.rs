//! Databases of other programs are read as they are, whichever kind they are.

use crate::place::{OnServer, Schema};
use serde_json::{Value, json};
use waypost_store::StoreError;
use waypost_store::foreign::whatsmeow::read;
use waypost_store::foreign::{ForeignDatabase, Tables};

/// Two of whatsmeow's tables, with the types that it gives their columns in both databases. The
/// device is of a version that had no LID yet.
const TABLES: &str = "
    CREATE TABLE whatsmeow_device (
        jid TEXT PRIMARY KEY, registration_id BIGINT NOT NULL, noise_key bytea NOT NULL,
        signed_pre_key_id INTEGER NOT NULL, push_name TEXT NOT NULL DEFAULT '');
    CREATE TABLE whatsmeow_pre_keys (
        jid TEXT, key_id INTEGER, key bytea NOT NULL, uploaded BOOLEAN NOT NULL,
        PRIMARY KEY (jid, key_id));";
const ROWS: &str = "
    INSERT INTO whatsmeow_device VALUES ('97150:1@s.whatsapp.net', 4294967295, BYTES, 1, 'Shöp');
    INSERT INTO whatsmeow_pre_keys VALUES ('97150:1@s.whatsapp.net', 7, BYTES, true);";

fn expect(tables: &Tables) {
    let jid = "97150:1@s.whatsapp.net";
    let device = json!({
        "jid": jid, "registration_id": 4_294_967_295_i64, "noise_key": "AQID",
        "signed_pre_key_id": 1, "push_name": "Shöp",
    });
    assert_eq!(tables["whatsmeow_device"], [device]);
    let key = json!({"jid": jid, "key_id": 7, "key": "AQID", "uploaded": 1});
    assert_eq!(tables["whatsmeow_pre_keys"], [key]);
    assert_eq!(tables["whatsmeow_sessions"], Vec::<Value>::new());
}

#[test]
fn a_file_is_read_with_what_is_still_in_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("whatsapp.db");
    let conn = rusqlite::Connection::open(&file).unwrap();
    conn.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
        .unwrap();
    conn.execute_batch(TABLES).unwrap();
    conn.execute_batch(&ROWS.replace("BYTES", "x'010203'"))
        .unwrap();
    expect(&read(&ForeignDatabase::File(file)).unwrap());
    drop(conn);
}

#[test]
fn what_is_no_database_of_whatsmeow_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.db");
    std::fs::write(
        &file,
        "this is no database, but it is long enough to be looked at",
    )
    .unwrap();
    let said = read(&ForeignDatabase::File(file.clone())).unwrap_err();
    assert!(
        said.to_string()
            .contains("cannot be read as an SQLite database"),
        "{said}"
    );
    std::fs::remove_file(&file).unwrap();
    let said = read(&ForeignDatabase::File(file.clone())).unwrap_err();
    assert!(said.to_string().contains("other.db"), "{said}");
    assert!(!file.exists(), "looking makes no file");
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    let said = read(&ForeignDatabase::File(file)).unwrap_err();
    assert!(matches!(said, StoreError::Invalid { .. }), "{said:?}");
    assert!(said.to_string().contains("no linked device"), "{said}");
}

#[tokio::test]
async fn a_server_is_read_the_same() {
    let scene = crate::scene::Scene::<OnServer<Schema>>::new().await;
    let client = scene.place.beside().await;
    let within = format!("SET search_path = {}", scene.place.name());
    client.batch_execute(&within).await.unwrap();
    client.batch_execute(TABLES).await.unwrap();
    let rows = ROWS.replace("BYTES", "'\\x010203'::bytea");
    client.batch_execute(&rows).await.unwrap();
    let url = scene.place.url_at(scene.place.server_at()).parse().unwrap();
    let database = ForeignDatabase::Server(url);
    let tables = tokio::task::spawn_blocking(move || read(&database))
        .await
        .unwrap();
    expect(&tables.unwrap());
}
