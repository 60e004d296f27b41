//! Webhook endpoints: what they are, their secrets, on and off.

use super::column::{json_at, name_of, name_or_null_at, time_at, time_or_null_at};
use super::events::{About, emit};
use crate::admin::endpoints::{
    DisabledReason, ENDPOINTS_MAX, Endpoint, EndpointSpec, Secrets, URL_LEN_MAX,
};
use crate::command::{Write, found};
use crate::db::{Connection, Row, named_params};
use crate::error::StoreError;
use crate::seal::{KeyOwner, Kind};
use crate::store::Store;
use crate::writer::{Tx, head};
use waypost_engine::model::event::kind;
use waypost_engine::model::{EndpointId, Timestamp, WorkspaceId};

const COLUMNS: &str = "id, workspace, url, description, kinds, accounts, disabled, position, \
    created_at, succeeded_at, failing_since, previous_until";

fn endpoint(row: &Row<'_>) -> Result<Endpoint, StoreError> {
    Ok(Endpoint {
        id: EndpointId::from_raw(row.get("id")?),
        workspace: WorkspaceId::from_raw(row.get("workspace")?),
        url: row.get("url")?,
        description: row.get("description")?,
        kinds: json_at(row, "kinds")?,
        accounts: json_at(row, "accounts")?,
        disabled: name_or_null_at(row, "disabled")?,
        position: row.get("position")?,
        created_at: time_at(row, "created_at")?,
        succeeded_at: time_or_null_at(row, "succeeded_at")?,
        failing_since: time_or_null_at(row, "failing_since")?,
        previous_secret_until: time_or_null_at(row, "previous_until")?,
    })
}

pub(super) fn by_id(conn: &Connection, id: EndpointId) -> Result<Endpoint, StoreError> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM endpoint WHERE id = ?1"))?
        .query_and_then([id.raw()], endpoint)?
        .next()
        .unwrap_or(Err(StoreError::NotFound {
            what: "webhook endpoint",
        }))
}

struct CreateEndpoint {
    id: EndpointId,
    spec: EndpointSpec,
    secret: Vec<u8>,
    now: Timestamp,
}

impl Write for CreateEndpoint {
    type Output = Endpoint;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Endpoint, StoreError> {
        let spec = &self.spec;
        let known: i64 = tx
            .prepare("SELECT count(*) FROM endpoint WHERE workspace = ?1")?
            .query_row([spec.workspace.raw()], |row| row.get(0))?;
        if known >= ENDPOINTS_MAX {
            return Err(StoreError::conflict(format!(
                "there are {ENDPOINTS_MAX} webhook endpoints already; delete one that is not used"
            )));
        }
        // It starts with what happens from now on.
        tx.prepare(
            "INSERT INTO endpoint (id, workspace, url, description, kinds, accounts, secret,
                position, created_at)
             VALUES (:id, :workspace, :url, :description, :kinds, :accounts, :secret,
                :position, :now)",
        )?
        .execute(named_params! {
            ":id": self.id.raw(), ":workspace": spec.workspace.raw(), ":url": spec.url,
            ":description": spec.description, ":kinds": serde_json::to_string(&spec.kinds)?,
            ":accounts": serde_json::to_string(&spec.accounts)?, ":secret": self.secret,
            ":position": head(tx.conn())?, ":now": self.now.0,
        })?;
        by_id(tx.conn(), self.id)
    }
}

struct ChangeEndpoint {
    id: EndpointId,
    spec: EndpointSpec,
}

impl Write for ChangeEndpoint {
    type Output = Endpoint;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Endpoint, StoreError> {
        let spec = &self.spec;
        let changed = tx
            .prepare(
                "UPDATE endpoint SET url = :url, description = :description, kinds = :kinds,
                    accounts = :accounts
                 WHERE id = :id AND workspace = :workspace",
            )?
            .execute(named_params! {
                ":id": self.id.raw(), ":workspace": spec.workspace.raw(), ":url": spec.url,
                ":description": spec.description, ":kinds": serde_json::to_string(&spec.kinds)?,
                ":accounts": serde_json::to_string(&spec.accounts)?,
            })?;
        found(changed, "webhook endpoint")?;
        by_id(tx.conn(), self.id)
    }
}

struct RotateSecret {
    id: EndpointId,
    workspace: WorkspaceId,
    secret: Vec<u8>,
    previous_until: Timestamp,
}

impl Write for RotateSecret {
    type Output = Endpoint;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Endpoint, StoreError> {
        let changed = tx
            .prepare(
                "UPDATE endpoint SET previous_secret = secret, secret = ?3, previous_until = ?4
                 WHERE id = ?1 AND workspace = ?2",
            )?
            .execute((
                self.id.raw(),
                self.workspace.raw(),
                &self.secret,
                self.previous_until.0,
            ))?;
        found(changed, "webhook endpoint")?;
        by_id(tx.conn(), self.id)
    }
}

struct SetEnabled {
    id: EndpointId,
    workspace: WorkspaceId,
    disabled: Option<DisabledReason>,
    now: Timestamp,
}

impl Write for SetEnabled {
    type Output = Endpoint;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<Endpoint, StoreError> {
        let was = by_id(tx.conn(), self.id)?;
        found(
            usize::from(was.workspace == self.workspace),
            "webhook endpoint",
        )?;
        let disabled = self.disabled.as_ref().map(name_of).transpose()?;
        // Switched on again, it gets a fresh chance: waiting lanes are tried at once.
        tx.prepare("UPDATE endpoint SET disabled = ?2, failing_since = NULL WHERE id = ?1")?
            .execute((self.id.raw(), &disabled))?;
        match self.disabled {
            None => {
                tx.prepare("UPDATE endpoint_block SET next_at = ?2 WHERE endpoint = ?1")?
                    .execute((self.id.raw(), self.now.0))?;
            }
            Some(reason) if was.disabled.is_none() => self.tell(tx, &was, reason)?,
            Some(_) => {}
        }
        by_id(tx.conn(), self.id)
    }
}

impl SetEnabled {
    fn tell(
        &self,
        tx: &mut Tx<'_>,
        was: &Endpoint,
        reason: DisabledReason,
    ) -> Result<(), StoreError> {
        let about = About {
            workspace: was.workspace,
            account: None,
            conversation: None,
            at: self.now,
        };
        let data = serde_json::json!({
            "endpoint": was.id, "url": was.url, "reason": name_of(&reason)?,
        });
        emit(tx, about, kind::ENDPOINT_DISABLED, &data)?;
        Ok(())
    }
}

struct DeleteEndpoint {
    id: EndpointId,
    workspace: WorkspaceId,
}

impl Write for DeleteEndpoint {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let deleted = tx
            .prepare("DELETE FROM endpoint WHERE id = ?1 AND workspace = ?2")?
            .execute((self.id.raw(), self.workspace.raw()))?;
        found(deleted, "webhook endpoint")?;
        for table in ["endpoint_block", "endpoint_backlog", "delivery"] {
            tx.prepare(&format!("DELETE FROM {table} WHERE endpoint = ?1"))?
                .execute([self.id.raw()])?;
        }
        Ok(())
    }
}

fn check(spec: &EndpointSpec) -> Result<(), StoreError> {
    if spec.url.is_empty() || spec.url.len() > URL_LEN_MAX {
        return Err(StoreError::invalid(format!(
            "an endpoint needs a URL of at most {URL_LEN_MAX} bytes"
        )));
    }
    Ok(())
}

impl Store {
    fn seal_secret(&self, id: EndpointId, secret: &[u8]) -> Result<Vec<u8>, StoreError> {
        let key = id.raw().to_be_bytes();
        self.shared
            .sealer
            .seal(KeyOwner::Store, Kind::WebhookSecret, &key, secret)
    }

    /// Creates an endpoint that gets what happens from now on. `secret` is stored sealed.
    pub async fn create_endpoint(
        &self,
        spec: EndpointSpec,
        secret: &[u8],
        now: Timestamp,
    ) -> Result<Endpoint, StoreError> {
        check(&spec)?;
        let id = self.next_id(now);
        let secret = self.seal_secret(id, secret)?;
        self.write(CreateEndpoint {
            id,
            spec,
            secret,
            now,
        })
        .await
    }

    /// Changes where an endpoint is and what it gets.
    pub async fn change_endpoint(
        &self,
        id: EndpointId,
        spec: EndpointSpec,
    ) -> Result<Endpoint, StoreError> {
        check(&spec)?;
        self.write(ChangeEndpoint { id, spec }).await
    }

    /// Sets a new secret. The one before is used beside it until `previous_until`.
    pub async fn rotate_endpoint_secret(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
        secret: &[u8],
        previous_until: Timestamp,
    ) -> Result<Endpoint, StoreError> {
        let secret = self.seal_secret(id, secret)?;
        self.write(RotateSecret {
            id,
            workspace,
            secret,
            previous_until,
        })
        .await
    }

    /// Switches an endpoint off, with an event that says why.
    pub async fn disable_endpoint(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
        reason: DisabledReason,
        now: Timestamp,
    ) -> Result<Endpoint, StoreError> {
        self.write(SetEnabled {
            id,
            workspace,
            disabled: Some(reason),
            now,
        })
        .await
    }

    /// Switches an endpoint on again. It goes on where it stopped; what was blocked is tried at
    /// once.
    pub async fn enable_endpoint(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
        now: Timestamp,
    ) -> Result<Endpoint, StoreError> {
        self.write(SetEnabled {
            id,
            workspace,
            disabled: None,
            now,
        })
        .await
    }

    /// Deletes an endpoint with its backlog and its log.
    pub async fn delete_endpoint(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
    ) -> Result<(), StoreError> {
        self.write(DeleteEndpoint { id, workspace }).await
    }

    /// One endpoint.
    pub async fn endpoint(
        &self,
        workspace: WorkspaceId,
        id: EndpointId,
    ) -> Result<Endpoint, StoreError> {
        self.read(move |conn| {
            let endpoint = by_id(conn, id)?;
            found(
                usize::from(endpoint.workspace == workspace),
                "webhook endpoint",
            )?;
            Ok(endpoint)
        })
        .await
    }

    /// All endpoints of a workspace (at most [`ENDPOINTS_MAX`]), oldest first.
    pub async fn endpoints(&self, workspace: WorkspaceId) -> Result<Vec<Endpoint>, StoreError> {
        self.read(move |conn| {
            let sql = format!("SELECT {COLUMNS} FROM endpoint WHERE workspace = ?1 ORDER BY id");
            conn.prepare_cached(&sql)?
                .query_and_then([workspace.raw()], endpoint)?
                .collect()
        })
        .await
    }

    /// Every endpoint that is switched on, of every workspace: what the deliverer serves.
    pub async fn endpoints_on(&self) -> Result<Vec<Endpoint>, StoreError> {
        self.read(|conn| {
            let sql = format!("SELECT {COLUMNS} FROM endpoint WHERE disabled IS NULL ORDER BY id");
            conn.prepare_cached(&sql)?
                .query_and_then([], endpoint)?
                .collect()
        })
        .await
    }

    /// The secrets to sign with at `now`.
    pub async fn endpoint_secrets(
        &self,
        id: EndpointId,
        now: Timestamp,
    ) -> Result<Secrets, StoreError> {
        let (current, previous) = self
            .read(move |conn| {
                let sql = "SELECT secret, CASE WHEN previous_until > ?2 THEN previous_secret END
                    FROM endpoint WHERE id = ?1";
                conn.prepare_cached(sql)?
                    .query_and_then((id.raw(), now.0), |row| {
                        Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
                    })?
                    .next()
                    .unwrap_or(Err(StoreError::NotFound {
                        what: "webhook endpoint",
                    }))
            })
            .await?;
        let key = id.raw().to_be_bytes();
        let open = |sealed: Vec<u8>| {
            self.shared
                .sealer
                .open(KeyOwner::Store, Kind::WebhookSecret, &key, &sealed)
        };
        Ok(Secrets {
            current: open(current)?,
            previous: previous.map(open).transpose()?,
        })
    }
}
