//! The accounts that run in this process.

use super::flow::FlowHandle;
use super::gaps::GapsHandle;
use super::groups::GroupsHandle;
use super::life::LifeHandle;
use super::outbox::OutboxHandle;
use super::proxies::Shown;
use super::strangers::Strangers;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use waypost_engine::model::AccountId;
use waypost_store::OwnerEpoch;
use waypost_wa::Connection;

/// One running account: the outsides of its loops.
pub(super) struct Running {
    /// As whom this process took the account.
    pub(super) owner: OwnerEpoch,
    pub(super) flow: FlowHandle,
    pub(super) outbox: OutboxHandle,
    pub(super) life: LifeHandle,
    pub(super) groups: GroupsHandle,
    pub(super) gaps: GapsHandle,
    /// Names that wait for their people.
    pub(super) strangers: Strangers,
    /// Which way it goes, to show.
    pub(super) route: Shown,
    /// Rings when there may be files to fetch.
    pub(super) media: Arc<Notify>,
    /// The connection while it is online.
    pub(super) connection: watch::Receiver<Option<Connection>>,
    /// Ends every loop of this account.
    pub(super) stop: CancellationToken,
    /// The loops.
    pub(super) tasks: TaskTracker,
}

/// Every running account by id.
#[derive(Default)]
pub(super) struct Registry {
    running: RwLock<HashMap<AccountId, Arc<Running>>>,
}

impl Registry {
    pub(super) fn get(&self, account: AccountId) -> Option<Arc<Running>> {
        self.running
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&account)
            .cloned()
    }

    pub(super) fn insert(&self, account: AccountId, running: Arc<Running>) {
        self.running
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(account, running);
    }

    pub(super) fn remove(&self, account: AccountId) -> Option<Arc<Running>> {
        self.running
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&account)
    }

    pub(super) fn all(&self) -> Vec<Arc<Running>> {
        self.running
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }
}
