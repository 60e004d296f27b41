//! Connections to Google Sheets, mappings, breakers.

use super::column::{json_at, time_at, time_or_null_at};
use super::events::{About, emit};
use crate::admin::sheets::{
    CONNECTIONS_MAX, MAPPINGS_MAX, NAME_MAX, SheetBreaker, SheetConnection, SheetMapping,
    SheetMappingSpec,
};
use crate::command::{Write, found};
use crate::db::{Connection, Row, named_params};
use crate::error::StoreError;
use crate::seal::{KeyOwner, Kind};
use crate::store::Store;
use crate::writer::{Tx, head};
use waypost_engine::model::event::kind;
use waypost_engine::model::{Duration, SheetConnectionId, SheetMappingId, Timestamp, WorkspaceId};

const CONNECTION: &str = "sheet connection";
const MAPPING: &str = "sheet mapping";
const CONNECTION_COLUMNS: &str = "id, workspace, name, identity, created_at";
const MAPPING_COLUMNS: &str = "id, workspace, connection, name, spreadsheet, tab, kinds, accounts, \
    columns, window_ms, paused_at, position, created_at";

fn connection(row: &Row<'_>) -> Result<SheetConnection, StoreError> {
    Ok(SheetConnection {
        id: SheetConnectionId::from_raw(row.get("id")?),
        workspace: WorkspaceId::from_raw(row.get("workspace")?),
        name: row.get("name")?,
        identity: row.get("identity")?,
        created_at: time_at(row, "created_at")?,
    })
}

fn mapping(row: &Row<'_>) -> Result<SheetMapping, StoreError> {
    let window: Option<i64> = row.get("window_ms")?;
    Ok(SheetMapping {
        id: SheetMappingId::from_raw(row.get("id")?),
        spec: SheetMappingSpec {
            workspace: WorkspaceId::from_raw(row.get("workspace")?),
            connection: SheetConnectionId::from_raw(row.get("connection")?),
            name: row.get("name")?,
            spreadsheet: row.get("spreadsheet")?,
            tab: row.get("tab")?,
            kinds: json_at(row, "kinds")?,
            accounts: json_at(row, "accounts")?,
            columns: json_at(row, "columns")?,
            window: window.map(|ms| Duration(ms.unsigned_abs())),
        },
        paused_at: time_or_null_at(row, "paused_at")?,
        position: row.get("position")?,
        created_at: time_at(row, "created_at")?,
    })
}

fn connection_by_id(
    conn: &Connection,
    workspace: WorkspaceId,
    id: SheetConnectionId,
) -> Result<SheetConnection, StoreError> {
    let sql = format!(
        "SELECT {CONNECTION_COLUMNS} FROM sheet_connection WHERE id = ?1 AND workspace = ?2"
    );
    conn.prepare_cached(&sql)?
        .query_and_then((id.raw(), workspace.raw()), connection)?
        .next()
        .unwrap_or(Err(StoreError::NotFound { what: CONNECTION }))
}

pub(super) fn mapping_by_id(
    conn: &Connection,
    id: SheetMappingId,
) -> Result<SheetMapping, StoreError> {
    let sql = format!("SELECT {MAPPING_COLUMNS} FROM sheet_mapping WHERE id = ?1");
    conn.prepare_cached(&sql)?
        .query_and_then([id.raw()], mapping)?
        .next()
        .unwrap_or(Err(StoreError::NotFound { what: MAPPING }))
}

fn known(tx: &Tx<'_>, table: &str, workspace: WorkspaceId) -> Result<i64, StoreError> {
    let sql = format!("SELECT count(*) FROM {table} WHERE workspace = ?1");
    Ok(tx
        .prepare(&sql)?
        .query_row([workspace.raw()], |row| row.get(0))?)
}

struct CreateConnection {
    id: SheetConnectionId,
    workspace: WorkspaceId,
    name: String,
    identity: String,
    credentials: Vec<u8>,
    now: Timestamp,
}

impl Write for CreateConnection {
    type Output = SheetConnection;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<SheetConnection, StoreError> {
        if known(tx, "sheet_connection", self.workspace)? >= CONNECTIONS_MAX {
            return Err(StoreError::conflict(format!(
                "there are {CONNECTIONS_MAX} connections already; delete one that is not used"
            )));
        }
        tx.prepare(
            "INSERT INTO sheet_connection (id, workspace, name, identity, credentials, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            self.id.raw(),
            self.workspace.raw(),
            &self.name,
            &self.identity,
            &self.credentials,
            self.now.0,
        ))?;
        connection_by_id(tx.conn(), self.workspace, self.id)
    }
}

struct DeleteConnection {
    workspace: WorkspaceId,
    id: SheetConnectionId,
}

impl Write for DeleteConnection {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        connection_by_id(tx.conn(), self.workspace, self.id)?;
        let used: i64 = tx
            .prepare("SELECT count(*) FROM sheet_mapping WHERE connection = ?1")?
            .query_row([self.id.raw()], |row| row.get(0))?;
        if used > 0 {
            return Err(StoreError::conflict(format!(
                "{used} mappings write through this connection; delete them first"
            )));
        }
        tx.prepare("DELETE FROM sheet_breaker WHERE connection = ?1")?
            .execute([self.id.raw()])?;
        tx.prepare("DELETE FROM sheet_connection WHERE id = ?1")?
            .execute([self.id.raw()])?;
        Ok(())
    }
}

struct CreateMapping {
    id: SheetMappingId,
    spec: SheetMappingSpec,
    now: Timestamp,
}

impl Write for CreateMapping {
    type Output = SheetMapping;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<SheetMapping, StoreError> {
        let spec = &self.spec;
        connection_by_id(tx.conn(), spec.workspace, spec.connection)?;
        if known(tx, "sheet_mapping", spec.workspace)? >= MAPPINGS_MAX {
            return Err(StoreError::conflict(format!(
                "there are {MAPPINGS_MAX} mappings already; delete one that is not used"
            )));
        }
        // It starts with what happens from now on.
        tx.prepare(
            "INSERT INTO sheet_mapping (id, workspace, connection, name, spreadsheet, tab, kinds,
                accounts, columns, window_ms, position, created_at)
             VALUES (:id, :workspace, :connection, :name, :spreadsheet, :tab, :kinds,
                :accounts, :columns, :window, :position, :now)",
        )?
        .execute(named_params! {
            ":id": self.id.raw(), ":workspace": spec.workspace.raw(),
            ":connection": spec.connection.raw(), ":name": spec.name,
            ":spreadsheet": spec.spreadsheet, ":tab": spec.tab,
            ":kinds": serde_json::to_string(&spec.kinds)?,
            ":accounts": serde_json::to_string(&spec.accounts)?,
            ":columns": spec.columns.to_string(), ":window": window(spec),
            ":position": head(tx.conn())?, ":now": self.now.0,
        })?;
        mapping_by_id(tx.conn(), self.id)
    }
}

fn window(spec: &SheetMappingSpec) -> Option<i64> {
    spec.window.map(|w| i64::try_from(w.0).unwrap_or(i64::MAX))
}

struct ChangeMapping {
    id: SheetMappingId,
    spec: SheetMappingSpec,
}

impl Write for ChangeMapping {
    type Output = SheetMapping;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<SheetMapping, StoreError> {
        let spec = &self.spec;
        connection_by_id(tx.conn(), spec.workspace, spec.connection)?;
        let changed = tx
            .prepare(
                "UPDATE sheet_mapping SET connection = :connection, name = :name,
                    spreadsheet = :spreadsheet, tab = :tab, kinds = :kinds, accounts = :accounts,
                    columns = :columns, window_ms = :window
                 WHERE id = :id AND workspace = :workspace",
            )?
            .execute(named_params! {
                ":id": self.id.raw(), ":workspace": spec.workspace.raw(),
                ":connection": spec.connection.raw(), ":name": spec.name,
                ":spreadsheet": spec.spreadsheet, ":tab": spec.tab,
                ":kinds": serde_json::to_string(&spec.kinds)?,
                ":accounts": serde_json::to_string(&spec.accounts)?,
                ":columns": spec.columns.to_string(), ":window": window(spec),
            })?;
        found(changed, MAPPING)?;
        mapping_by_id(tx.conn(), self.id)
    }
}

struct PauseMapping {
    workspace: WorkspaceId,
    id: SheetMappingId,
    paused_at: Option<Timestamp>,
}

impl Write for PauseMapping {
    type Output = SheetMapping;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<SheetMapping, StoreError> {
        let changed = tx
            .prepare("UPDATE sheet_mapping SET paused_at = ?3 WHERE id = ?1 AND workspace = ?2")?
            .execute((
                self.id.raw(),
                self.workspace.raw(),
                self.paused_at.map(|at| at.0),
            ))?;
        found(changed, MAPPING)?;
        mapping_by_id(tx.conn(), self.id)
    }
}

struct DeleteMapping {
    workspace: WorkspaceId,
    id: SheetMappingId,
}

impl Write for DeleteMapping {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let deleted = tx
            .prepare("DELETE FROM sheet_mapping WHERE id = ?1 AND workspace = ?2")?
            .execute((self.id.raw(), self.workspace.raw()))?;
        found(deleted, MAPPING)?;
        tx.prepare("DELETE FROM sheet_write WHERE mapping = ?1")?
            .execute([self.id.raw()])?;
        Ok(())
    }
}

struct PutBreaker {
    workspace: WorkspaceId,
    connection: SheetConnectionId,
    breaker: SheetBreaker,
    change: String,
    now: Timestamp,
}

impl Write for PutBreaker {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        connection_by_id(tx.conn(), self.workspace, self.connection)?;
        let spreadsheet = &self.breaker.spreadsheet;
        tx.prepare(
            "INSERT INTO sheet_breaker (connection, spreadsheet, breaker, changed_at)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (connection, spreadsheet) DO UPDATE SET breaker = excluded.breaker,
                changed_at = excluded.changed_at",
        )?
        .execute((
            self.connection.raw(),
            spreadsheet,
            self.breaker.breaker.to_string(),
            self.now.0,
        ))?;
        let about = About {
            workspace: self.workspace,
            account: None,
            conversation: None,
            at: self.now,
        };
        let data = serde_json::json!({
            "connection": self.connection, "spreadsheet": spreadsheet, "change": self.change,
        });
        emit(tx, about, kind::SHEET_BREAKER, &data)?;
        Ok(())
    }
}

fn check_name(name: &str) -> Result<(), StoreError> {
    if name.trim().is_empty() || name.len() > NAME_MAX {
        return Err(StoreError::invalid(format!(
            "a name has 1 to {NAME_MAX} bytes"
        )));
    }
    Ok(())
}

impl Store {
    /// Keeps a key file, sealed.
    pub async fn create_sheet_connection(
        &self,
        workspace: WorkspaceId,
        name: String,
        identity: String,
        key_file: &[u8],
        now: Timestamp,
    ) -> Result<SheetConnection, StoreError> {
        check_name(&name)?;
        let id: SheetConnectionId = self.next_id(now);
        let key = id.raw().to_be_bytes();
        let sealer = &self.shared.sealer;
        let credentials = sealer.seal(KeyOwner::Store, Kind::SheetCredentials, &key, key_file)?;
        self.write(CreateConnection {
            id,
            workspace,
            name,
            identity,
            credentials,
            now,
        })
        .await
    }

    /// The key file of a connection.
    pub async fn sheet_credentials(&self, id: SheetConnectionId) -> Result<Vec<u8>, StoreError> {
        let sealed: Vec<u8> = self
            .read(move |conn| {
                conn.prepare_cached("SELECT credentials FROM sheet_connection WHERE id = ?1")?
                    .query_and_then([id.raw()], |row| Ok(row.get::<_, Vec<u8>>(0)?))?
                    .next()
                    .unwrap_or(Err(StoreError::NotFound { what: CONNECTION }))
            })
            .await?;
        let key = id.raw().to_be_bytes();
        self.shared
            .sealer
            .open(KeyOwner::Store, Kind::SheetCredentials, &key, &sealed)
    }

    /// One connection.
    pub async fn sheet_connection(
        &self,
        workspace: WorkspaceId,
        id: SheetConnectionId,
    ) -> Result<SheetConnection, StoreError> {
        self.read(move |conn| connection_by_id(conn, workspace, id))
            .await
    }

    /// All connections of a workspace (at most [`CONNECTIONS_MAX`]), oldest first.
    pub async fn sheet_connections(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<SheetConnection>, StoreError> {
        self.read(move |conn| {
            let sql = format!(
                "SELECT {CONNECTION_COLUMNS} FROM sheet_connection WHERE workspace = ?1 ORDER BY id"
            );
            conn.prepare_cached(&sql)?
                .query_and_then([workspace.raw()], connection)?
                .collect()
        })
        .await
    }

    /// Forgets a connection and its key file. [`StoreError::Conflict`] while mappings use it.
    pub async fn delete_sheet_connection(
        &self,
        workspace: WorkspaceId,
        id: SheetConnectionId,
    ) -> Result<(), StoreError> {
        self.write(DeleteConnection { workspace, id }).await
    }

    /// Makes a mapping that writes what happens from now on.
    pub async fn create_sheet_mapping(
        &self,
        spec: SheetMappingSpec,
        now: Timestamp,
    ) -> Result<SheetMapping, StoreError> {
        check_name(&spec.name)?;
        let id = self.next_id(now);
        self.write(CreateMapping { id, spec, now }).await
    }

    /// Changes a mapping. Rows that wait already keep their cells.
    pub async fn change_sheet_mapping(
        &self,
        id: SheetMappingId,
        spec: SheetMappingSpec,
    ) -> Result<SheetMapping, StoreError> {
        check_name(&spec.name)?;
        self.write(ChangeMapping { id, spec }).await
    }

    /// Switches a mapping off (with a time) or on. On again, it goes on where it stopped.
    pub async fn pause_sheet_mapping(
        &self,
        workspace: WorkspaceId,
        id: SheetMappingId,
        paused_at: Option<Timestamp>,
    ) -> Result<SheetMapping, StoreError> {
        self.write(PauseMapping {
            workspace,
            id,
            paused_at,
        })
        .await
    }

    /// Deletes a mapping and forgets its rows. What stands in the sheet stays.
    pub async fn delete_sheet_mapping(
        &self,
        workspace: WorkspaceId,
        id: SheetMappingId,
    ) -> Result<(), StoreError> {
        self.write(DeleteMapping { workspace, id }).await
    }

    /// One mapping.
    pub async fn sheet_mapping(
        &self,
        workspace: WorkspaceId,
        id: SheetMappingId,
    ) -> Result<SheetMapping, StoreError> {
        self.read(move |conn| {
            let mapping = mapping_by_id(conn, id)?;
            found(usize::from(mapping.spec.workspace == workspace), MAPPING)?;
            Ok(mapping)
        })
        .await
    }

    /// All mappings of a workspace (at most [`MAPPINGS_MAX`]), oldest first.
    pub async fn sheet_mappings(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Vec<SheetMapping>, StoreError> {
        self.read(move |conn| {
            let sql = format!(
                "SELECT {MAPPING_COLUMNS} FROM sheet_mapping WHERE workspace = ?1 ORDER BY id"
            );
            conn.prepare_cached(&sql)?
                .query_and_then([workspace.raw()], mapping)?
                .collect()
        })
        .await
    }

    /// Every mapping that is on, of every workspace.
    pub async fn sheet_mappings_on(&self) -> Result<Vec<SheetMapping>, StoreError> {
        self.read(|conn| {
            let sql = format!(
                "SELECT {MAPPING_COLUMNS} FROM sheet_mapping WHERE paused_at IS NULL ORDER BY id"
            );
            conn.prepare_cached(&sql)?
                .query_and_then([], mapping)?
                .collect()
        })
        .await
    }

    /// Stores a breaker that changed, with an event that says how.
    pub async fn put_sheet_breaker(
        &self,
        workspace: WorkspaceId,
        connection: SheetConnectionId,
        breaker: SheetBreaker,
        change: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(PutBreaker {
            workspace,
            connection,
            breaker,
            change,
            now,
        })
        .await
    }

    /// The breakers of a connection.
    pub async fn sheet_breakers(
        &self,
        connection: SheetConnectionId,
    ) -> Result<Vec<SheetBreaker>, StoreError> {
        self.read(move |conn| {
            let sql = "SELECT spreadsheet, breaker FROM sheet_breaker WHERE connection = ?1
                ORDER BY spreadsheet";
            conn.prepare_cached(sql)?
                .query_and_then([connection.raw()], |row| {
                    Ok(SheetBreaker {
                        spreadsheet: row.get("spreadsheet")?,
                        breaker: json_at(row, "breaker")?,
                    })
                })?
                .collect()
        })
        .await
    }
}
