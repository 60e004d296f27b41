//! Settings that people change while the program runs, kept by name.

use super::codec::first;
use super::events::insert_new;
use crate::command::Write;
use crate::error::StoreError;
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::NewEvent;

/// Longest setting, in bytes of JSON.
const SETTING_LEN_MAX: usize = 65_536;

/// Keeps settings apart from whatever else is noted by name.
fn key(name: &str) -> String {
    format!("setting_{name}")
}

struct ChangeSetting {
    name: &'static str,
    value: Vec<u8>,
    event: NewEvent,
}

impl Write for ChangeSetting {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.prepare(
            "INSERT INTO meta (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute((key(self.name), &self.value))?;
        insert_new(tx, &self.event)?;
        Ok(())
    }
}

impl Store {
    /// A setting as it was last changed; `None` when nobody ever did.
    pub async fn setting(
        &self,
        name: &'static str,
    ) -> Result<Option<serde_json::Value>, StoreError> {
        self.read(move |conn| {
            let mut statement = conn.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
            let stored = first(statement.query([key(name)])?, |row| {
                Ok(row.get::<_, Vec<u8>>(0)?)
            })?;
            Ok(stored
                .map(|bytes| serde_json::from_slice(&bytes))
                .transpose()?)
        })
        .await
    }

    /// Changes a setting, and tells of it, in one commit.
    pub async fn change_setting(
        &self,
        name: &'static str,
        value: &serde_json::Value,
        event: NewEvent,
    ) -> Result<(), StoreError> {
        let value = value.to_string().into_bytes();
        if value.len() > SETTING_LEN_MAX {
            return Err(StoreError::invalid(format!(
                "a setting takes at most {SETTING_LEN_MAX} bytes"
            )));
        }
        self.write(ChangeSetting { name, value, event }).await
    }
}
