//! The session storage over the table `kv`.

use crate::command::Write;
use crate::db::OptionalExtension as _;
use crate::error::StoreError;
use crate::keys::{
    KEY_MAX, KEY_WRITES_MAX, KeyValue, KeyWrite, SCAN_MAX, SETTINGS_FROM, VALUE_MAX,
};
use crate::seal::{Kind, Sealer};
use crate::sql::codec::collect;
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::AccountId;

/// What a value is bound to: its space and key.
fn place(space: u16, key: &[u8]) -> Vec<u8> {
    [&space.to_be_bytes(), key].concat()
}

/// The first key after everything that starts with `prefix`; `None` when there is none.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// Writes with their values sealed.
pub(super) struct WriteKeys {
    pub(super) account: AccountId,
    pub(super) writes: Vec<KeyWrite>,
}

impl Write for WriteKeys {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let account = self.account.raw();
        for write in &self.writes {
            match write {
                KeyWrite::Put { space, key, value } => tx
                    .prepare(
                        "INSERT INTO kv (account, space, key, value) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (account, space, key) DO UPDATE SET value = excluded.value",
                    )?
                    .execute((account, space, key, value))?,
                KeyWrite::Delete { space, key } => tx
                    .prepare("DELETE FROM kv WHERE account = ?1 AND space = ?2 AND key = ?3")?
                    .execute((account, space, key))?,
                KeyWrite::DeletePrefix { space, prefix } => tx
                    .prepare(
                        "DELETE FROM kv WHERE account = ?1 AND space = ?2 AND key >= ?3
                         AND (key < ?4 OR ?4 IS NULL)",
                    )?
                    .execute((account, space, prefix, after_prefix(prefix)))?,
                KeyWrite::ClearAll => tx
                    .prepare("DELETE FROM kv WHERE account = ?1 AND space < ?2")?
                    .execute((account, SETTINGS_FROM))?,
            };
        }
        Ok(())
    }
}

pub(super) fn seal_one(
    sealer: &Sealer,
    account: AccountId,
    write: KeyWrite,
) -> Result<KeyWrite, StoreError> {
    let check = |key: &[u8], value: &[u8]| {
        if key.len() > KEY_MAX || value.len() > VALUE_MAX {
            return Err(StoreError::invalid("the session key or value is too long"));
        }
        Ok(())
    };
    match write {
        KeyWrite::Put { space, key, value } => {
            check(&key, &value)?;
            let value = sealer.seal(account, Kind::SessionValue, &place(space, &key), &value)?;
            Ok(KeyWrite::Put { space, key, value })
        }
        KeyWrite::Delete { .. } | KeyWrite::DeletePrefix { .. } | KeyWrite::ClearAll => Ok(write),
    }
}

impl Store {
    /// Applies the writes in their order, all or none. Durable when it returns, and ordered
    /// behind every write sent to the store before it.
    pub async fn key_write(
        &self,
        account: AccountId,
        writes: Vec<KeyWrite>,
    ) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        if writes.len() > KEY_WRITES_MAX {
            return Err(StoreError::invalid("too many session writes at once"));
        }
        let sealer = &self.shared.sealer;
        let writes = writes
            .into_iter()
            .map(|write| seal_one(sealer, account, write));
        let writes = writes.collect::<Result<_, _>>()?;
        self.write(WriteKeys { account, writes }).await
    }

    /// The value of a key.
    pub async fn key_get(
        &self,
        account: AccountId,
        space: u16,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let got = self
            .key_get_many(account, space, vec![key.to_vec()])
            .await?;
        Ok(got.into_iter().next().flatten())
    }

    /// The values of some keys, in their order.
    pub async fn key_get_many(
        &self,
        account: AccountId,
        space: u16,
        keys: Vec<Vec<u8>>,
    ) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let store = self.clone();
        self.read(move |conn| {
            let sql = "SELECT value FROM kv WHERE account = ?1 AND space = ?2 AND key = ?3";
            let mut statement = conn.prepare_cached(sql)?;
            let mut get = |key: &Vec<u8>| -> Result<Option<Vec<u8>>, StoreError> {
                let sealed: Option<Vec<u8>> = statement
                    .query_row((account.raw(), space, key), |row| row.get(0))
                    .optional()?;
                sealed
                    .map(|sealed| store.open_value(account, space, key, &sealed))
                    .transpose()
            };
            keys.iter().map(&mut get).collect()
        })
        .await
    }

    /// The pairs whose key starts with `prefix`, by key, at most `limit` and [`SCAN_MAX`].
    /// With `after`, only those behind that key.
    pub async fn key_scan(
        &self,
        account: AccountId,
        space: u16,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<KeyValue>, StoreError> {
        let store = self.clone();
        let (prefix, after) = (prefix.to_vec(), after.map(<[u8]>::to_vec));
        let limit = i64::try_from(limit.min(SCAN_MAX)).unwrap_or(i64::MAX);
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT key, value FROM kv WHERE account = ?1 AND space = ?2 AND key >= ?3
                 AND (key < ?4 OR ?4 IS NULL) AND (key > ?5 OR ?5 IS NULL)
                 ORDER BY key LIMIT ?6",
            )?;
            let end = after_prefix(&prefix);
            let rows = statement.query((account.raw(), space, &prefix, end, after, limit))?;
            collect(rows, |row| {
                let (key, sealed): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
                let value = store.open_value(account, space, &key, &sealed)?;
                Ok(KeyValue { key, value })
            })
        })
        .await
    }

    fn open_value(
        &self,
        account: AccountId,
        space: u16,
        key: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        self.shared
            .sealer
            .open(account, Kind::SessionValue, &place(space, key), sealed)
    }
}
