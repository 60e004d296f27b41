//! API keys: creating, finding by hash, revoking.

use super::column::{json_at, time_at, time_or_null_at};
use crate::admin::api_keys::{ApiKey, KEYS_MAX, NewApiKey, USED_EVERY_MS};
use crate::admin::people::TokenHash;
use crate::command::{Write, found};
use crate::db::{Row, named_params};
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::{ApiKeyId, Timestamp, WorkspaceId};

const COLUMNS: &str =
    "id, workspace, name, shown, scopes, created_at, expires_at, revoked_at, used_at";

fn api_key(row: &Row<'_>) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: ApiKeyId::from_raw(row.get("id")?),
        workspace: WorkspaceId::from_raw(row.get("workspace")?),
        name: row.get("name")?,
        shown: row.get("shown")?,
        scopes: json_at(row, "scopes")?,
        created_at: time_at(row, "created_at")?,
        expires_at: time_or_null_at(row, "expires_at")?,
        revoked_at: time_or_null_at(row, "revoked_at")?,
        used_at: time_or_null_at(row, "used_at")?,
    })
}

struct CreateKey {
    id: ApiKeyId,
    new: NewApiKey,
    now: Timestamp,
}

impl Write for CreateKey {
    type Output = ApiKey;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<ApiKey, StoreError> {
        let sql = "SELECT count(*) FROM api_key WHERE workspace = ?1 AND revoked_at IS NULL";
        let keys: i64 = tx
            .prepare(sql)?
            .query_row([self.new.workspace.raw()], |row| row.get(0))?;
        if keys >= KEYS_MAX {
            return Err(StoreError::conflict(format!(
                "there are {KEYS_MAX} API keys already; revoke one that is not used"
            )));
        }
        tx.prepare(
            "INSERT INTO api_key (id, workspace, name, shown, hash, scopes, created_at, expires_at)
             VALUES (:id, :workspace, :name, :shown, :hash, :scopes, :now, :expires)",
        )?
        .execute(named_params! {
            ":id": self.id.raw(), ":workspace": self.new.workspace.raw(), ":name": self.new.name,
            ":shown": self.new.shown, ":hash": self.new.hash.0,
            ":scopes": serde_json::to_string(&self.new.scopes)?, ":now": self.now.0,
            ":expires": self.new.expires_at.map(|at| at.0),
        })?;
        tx.prepare(&format!("SELECT {COLUMNS} FROM api_key WHERE id = ?1"))?
            .query_and_then([self.id.raw()], api_key)?
            .next()
            .unwrap_or(Err(StoreError::NotFound { what: "API key" }))
    }
}

struct RevokeKey {
    id: ApiKeyId,
    workspace: WorkspaceId,
    now: Timestamp,
}

impl Write for RevokeKey {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let changed = tx
            .prepare(
                "UPDATE api_key SET revoked_at = coalesce(revoked_at, ?3)
                 WHERE id = ?1 AND workspace = ?2",
            )?
            .execute((self.id.raw(), self.workspace.raw(), self.now.0))?;
        found(changed, "API key")
    }
}

struct TouchKey {
    id: ApiKeyId,
    now: Timestamp,
}

impl Write for TouchKey {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.prepare("UPDATE api_key SET used_at = ?2 WHERE id = ?1")?
            .execute((self.id.raw(), self.now.0))?;
        Ok(())
    }
}

impl Store {
    /// Creates a key. [`StoreError::Conflict`] past [`KEYS_MAX`].
    pub async fn create_api_key(
        &self,
        new: NewApiKey,
        now: Timestamp,
    ) -> Result<ApiKey, StoreError> {
        self.write(CreateKey {
            id: self.next_id(now),
            new,
            now,
        })
        .await
    }

    /// The key with this hash, also when it was revoked or has ended: ask [`ApiKey::is_valid`].
    pub async fn api_key(&self, hash: TokenHash) -> Result<Option<ApiKey>, StoreError> {
        self.read(move |conn| {
            conn.prepare_cached(&format!("SELECT {COLUMNS} FROM api_key WHERE hash = ?1"))?
                .query_and_then([hash.0], api_key)?
                .next()
                .transpose()
        })
        .await
    }

    /// The keys of a workspace, newest first.
    pub async fn api_keys(
        &self,
        workspace: WorkspaceId,
        page: Page,
    ) -> Result<Paged<ApiKey>, StoreError> {
        self.read(move |conn| {
            let [before] = page.after()?.unwrap_or([i64::MAX]);
            let sql = format!(
                "SELECT {COLUMNS} FROM api_key WHERE workspace = ?1 AND id < ?2
                 ORDER BY id DESC LIMIT ?3"
            );
            let keys: Result<Vec<_>, StoreError> = conn
                .prepare_cached(&sql)?
                .query_and_then((workspace.raw(), before, page.fetch()), api_key)?
                .collect();
            Ok(page.cut(keys?, |key| [key.id.raw()]))
        })
        .await
    }

    /// Revokes a key for good; a revoked one stays as it is.
    pub async fn revoke_api_key(
        &self,
        workspace: WorkspaceId,
        id: ApiKeyId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(RevokeKey { id, workspace, now }).await
    }

    /// Notes that a key was used; writes at most once in [`USED_EVERY_MS`].
    pub async fn touch_api_key(&self, key: &ApiKey, now: Timestamp) -> Result<(), StoreError> {
        if key
            .used_at
            .is_some_and(|used| now.0 - used.0 < USED_EVERY_MS)
        {
            return Ok(());
        }
        self.write(TouchKey { id: key.id, now }).await
    }
}
