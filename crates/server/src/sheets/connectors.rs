//! One connector per connection: whoever reads or writes shares its cache, quota and breakers.

use crate::config;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use waypost_engine::model::{SheetConnectionId, WorkspaceId};
use waypost_sheets::allowance::Allowances;
use waypost_sheets::connector::{Changed, Counters};
use waypost_sheets::{Client, Connector, Credentials, Endpoints, Error, SpreadsheetId};
use waypost_store::{Store, StoreError};

/// Why there is no connector, or what it could not do.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum SheetsError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Google, or the key file.
    #[error(transparent)]
    Google(#[from] Error),
}

/// The connectors, made when they are needed. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Connectors(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Store,
    /// The settings are checked at the start; this keeps them honest.
    endpoints: Result<Endpoints, Error>,
    /// Users and projects are counted together, whichever connection they use.
    allowances: Allowances,
    known: Mutex<HashMap<SheetConnectionId, Known>>,
}

#[derive(Debug)]
struct Known {
    workspace: WorkspaceId,
    connector: Arc<Connector>,
    /// As they were measured last.
    measured: Counters,
}

impl Connectors {
    /// For these settings.
    pub(crate) fn new(config: &config::Sheets, store: Store) -> Self {
        Self(Arc::new(Shared {
            store,
            endpoints: config.endpoints(),
            allowances: Allowances::default(),
            known: Mutex::default(),
        }))
    }

    fn client(&self, credentials: Credentials) -> Result<Client, Error> {
        Client::new(
            self.0.endpoints.as_ref().map_err(Clone::clone)?,
            credentials,
        )
    }

    fn known(&self) -> MutexGuard<'_, HashMap<SheetConnectionId, Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connector for a key file that is not stored yet.
    pub(crate) fn fresh(&self, key_file: &str) -> Result<(Credentials, Arc<Connector>), Error> {
        let credentials = Credentials::read(key_file)?;
        let client = self.client(credentials.clone())?;
        let allowance = self.0.allowances.of(&credentials);
        Ok((credentials, Connector::new(client, allowance, [])))
    }

    /// The connector of a connection.
    pub(crate) async fn get(
        &self,
        workspace: WorkspaceId,
        id: SheetConnectionId,
    ) -> Result<Arc<Connector>, SheetsError> {
        let store = &self.0.store;
        // Also says whether it is of this workspace and still there.
        store.sheet_connection(workspace, id).await?;
        if let Some(known) = self.known().get(&id) {
            return Ok(Arc::clone(&known.connector));
        }
        let file = store.sheet_credentials(id).await?;
        let credentials = Credentials::read(&String::from_utf8_lossy(&file))?;
        let allowance = self.0.allowances.of(&credentials);
        let client = self.client(credentials)?;
        let breakers = store.sheet_breakers(id).await?;
        let breakers = breakers.into_iter().filter_map(|stored| {
            let book = SpreadsheetId::parse(&stored.spreadsheet).ok()?;
            Some((book, serde_json::from_value(stored.breaker).ok()?))
        });
        let made = Connector::new(client, allowance, breakers);
        // Somebody else may have been quicker: there is one connector per connection.
        let mut known = self.known();
        let known = known.entry(id).or_insert(Known {
            workspace,
            connector: made,
            measured: Counters::default(),
        });
        Ok(Arc::clone(&known.connector))
    }

    /// Forgets a connection that was deleted.
    pub(crate) fn forget(&self, id: SheetConnectionId) {
        self.known().remove(&id);
    }

    /// What a connection has saved since the start; nothing when it was not used yet.
    pub(crate) fn counters(&self, id: SheetConnectionId) -> Counters {
        let known = self.known();
        known
            .get(&id)
            .map(|k| k.connector.counters())
            .unwrap_or_default()
    }

    /// The breakers that changed since this was asked last.
    pub(super) fn take_changes(&self) -> Vec<(WorkspaceId, SheetConnectionId, Changed)> {
        let known = self.known();
        known
            .iter()
            .flat_map(|(id, known)| {
                let changes = known.connector.take_changes();
                changes.into_iter().map(|c| (known.workspace, *id, c))
            })
            .collect()
    }

    /// Adds what happened since the last time to the meters.
    pub(super) fn measure(&self) {
        let mut bytes = 0;
        for known in self.known().values_mut() {
            let now = known.connector.counters();
            let was = std::mem::replace(&mut known.measured, now);
            metrics::counter!("waypost_sheet_operations_total")
                .increment(now.operations - was.operations);
            metrics::counter!("waypost_sheet_calls_total").increment(now.calls - was.calls);
            metrics::counter!("waypost_sheet_cache_hits_total")
                .increment(now.cache_hits - was.cache_hits);
            metrics::counter!("waypost_sheet_cache_misses_total")
                .increment(now.cache_misses - was.cache_misses);
            bytes += now.cache_bytes;
        }
        metrics::gauge!("waypost_sheet_cache_bytes")
            .set(f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)));
    }
}
