//! The running accounts as the API sees them.

use super::Shared;
use super::keys::StoredKeys;
use super::life::Command;
use super::outbox::News;
use super::proxies;
use super::registry::Running;
use super::restraint::Sending;
use crate::api::ports::{
    AccountHealth, Condition, Device, Fleet, FleetError, GroupInfo, GroupMember, LinkMethod,
    LinkStatus, ProxyCheck, SystemLoad, TakenBack, Typing, Waiting,
};
use crate::clock;
use crate::parts::TextParts;
use crate::performance::{Lately, Measured};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot;
use waypost_engine::fleet::Rung;
use waypost_engine::fleet::proxy_watch::{ProxyState, ProxyView};
use waypost_engine::fleet::window::Learned;
use waypost_engine::model::{AccountId, Address, MessageId, Timestamp, WorkspaceId};
use waypost_engine::watch::recent::Went;
use waypost_store::admin::conversations::MarkedRead;
use waypost_wa::{Connection, GroupRole, KeysError, Proxy, Route, TaskError, TypingState};

impl Shared {
    fn running(&self, account: AccountId) -> Result<Arc<Running>, FleetError> {
        self.context
            .registry
            .get(account)
            .ok_or(FleetError::NoSuchAccount)
    }

    fn connection(&self, account: AccountId) -> Result<Connection, FleetError> {
        let connection = self.running(account)?.connection.borrow().clone();
        connection.ok_or(FleetError::NotConnected)
    }

    /// Hands a command to the account's loop and waits for its answer.
    async fn command<T>(
        &self,
        account: AccountId,
        make: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, FleetError> {
        let (reply, answer) = oneshot::channel();
        let ended = |_| FleetError::WrongState("the program is stopping; try again later".into());
        let running = self.running(account)?;
        running
            .life
            .commands
            .send(make(reply))
            .await
            .map_err(|_| ended(()))?;
        answer.await.map_err(|_| ended(()))
    }
}

fn refused(error: TaskError) -> FleetError {
    match error {
        TaskError::NotConnected => FleetError::NotConnected,
        TaskError::Invalid(error) | TaskError::NotThere(error) => FleetError::Refused(error),
        TaskError::Failed(error) => FleetError::Unanswered(error),
    }
}

fn group(group: waypost_wa::Group) -> GroupInfo {
    GroupInfo {
        address: group.address,
        subject: group.subject,
        description: group.description,
        members: group
            .members
            .into_iter()
            .map(|m| GroupMember {
                address: m.address,
                admin: m.role == GroupRole::Admin,
            })
            .collect(),
    }
}

#[async_trait]
impl Fleet for Shared {
    async fn link(&self, account: AccountId, method: LinkMethod) -> Result<(), FleetError> {
        self.command(account, |reply| Command::Link { method, reply })
            .await?
    }

    fn link_status(&self, account: AccountId) -> LinkStatus {
        self.running(account)
            .map(|r| r.life.link.borrow().clone())
            .unwrap_or_default()
    }

    fn link_window(&self, account: AccountId) -> Option<Learned> {
        self.running(account).ok()?;
        Some(self.context.windows.of(account))
    }

    async fn cancel_link(&self, account: AccountId) -> Result<(), FleetError> {
        self.command(account, |reply| Command::CancelLink { reply })
            .await
    }

    async fn pause(&self, account: AccountId) -> Result<(), FleetError> {
        self.command(account, |reply| Command::Pause { reply })
            .await
    }

    async fn resume(&self, account: AccountId) -> Result<(), FleetError> {
        self.command(account, |reply| Command::Reconnect { reply })
            .await?
    }

    async fn reconnect(&self, account: AccountId) -> Result<(), FleetError> {
        self.command(account, |reply| Command::Reconnect { reply })
            .await?
    }

    async fn recover(&self, account: AccountId) -> Result<(), FleetError> {
        self.command(account, |reply| Command::Recover { reply })
            .await?
    }

    async fn restore(&self, account: AccountId) -> Result<(), FleetError> {
        self.command(account, |reply| Command::Restore { reply })
            .await?
    }

    async fn device(&self, account: AccountId) -> Result<Option<Device>, KeysError> {
        let keys = StoredKeys::new(self.context.store.clone());
        let stored = waypost_wa::stored_device(&keys, account).await?;
        Ok(stored.map(|stored| Device {
            stored,
            shown_as: self.context.config.whatsapp.device_name.clone(),
        }))
    }

    async fn unlink(&self, account: AccountId) -> Result<(), FleetError> {
        self.command(account, |reply| Command::Unlink { reply })
            .await?
    }

    fn proxy(&self, account: AccountId) -> Option<Proxy> {
        self.running(account).ok()?.route.proxy()
    }

    async fn set_proxy(&self, account: AccountId, proxy: Option<Proxy>) -> Result<(), FleetError> {
        let running = self.running(account)?;
        let route = proxy.map_or(Route::Direct, Route::Via);
        proxies::write(&self.context.store, account, &route).await?;
        self.context.proxies.changed(account, &route, &self.context);
        running.route.set(route);
        self.command(account, |reply| Command::Reroute { reply })
            .await
    }

    async fn check_proxy(&self, account: AccountId) -> Result<ProxyCheck, FleetError> {
        // As stored, not as shown: what is checked is what connections use.
        let Route::Via(proxy) = proxies::read(&self.context.store, account).await? else {
            return Err(FleetError::WrongState(
                "this account has no proxy; set one first".into(),
            ));
        };
        let begun = clock::now();
        let outcome = self.context.connector().check_proxy(&proxy).await;
        let watches = &self.context.proxies;
        watches.tried(account, &proxy, outcome.clone(), &self.context);
        Ok(ProxyCheck {
            outcome,
            took: clock::now().since(begun),
        })
    }

    fn proxy_state(&self, account: AccountId) -> Option<ProxyView> {
        self.context.proxies.of(account)
    }

    fn proxy_states(&self) -> BTreeMap<ProxyState, usize> {
        self.context.proxies.states()
    }

    async fn account_added(&self, account: AccountId) {
        let taken = match self.context.store.account(account).await {
            Ok(stored) => self.take(stored).await,
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            tracing::error!(%account, %error, "a new account cannot be started");
        }
    }

    async fn account_removed(&self, account: AccountId) {
        self.context.proxies.forget(account);
        if let Some(running) = self.context.registry.remove(account) {
            running.stop.cancel();
            running.tasks.close();
            running.tasks.wait().await;
        }
    }

    async fn take_back(
        &self,
        account: AccountId,
        message: MessageId,
    ) -> Result<TakenBack, FleetError> {
        let Some(running) = self.context.registry.get(account) else {
            return Ok(TakenBack::NotHeld);
        };
        let (reply, answer) = oneshot::channel();
        running.outbox.tell(News::TakeBack { message, reply }).await;
        Ok(answer.await.unwrap_or(TakenBack::NotHeld))
    }

    fn wake_outbox(&self, account: AccountId) {
        self.context.wake_outbox(account);
    }

    fn wake_flow(&self, account: AccountId) {
        if let Some(running) = self.context.registry.get(account) {
            running.flow.reread();
            running.outbox.reread();
        }
    }

    fn waiting(&self, account: AccountId, message: MessageId) -> Option<Waiting> {
        let why = self
            .context
            .registry
            .get(account)?
            .outbox
            .why_waiting(message);
        Some(Waiting {
            code: why.code(),
            text: why.explain(),
            until: why.until(),
        })
    }

    fn sending(&self, account: AccountId) -> Option<Sending> {
        Some(self.context.registry.get(account)?.outbox.sending())
    }

    fn next_attempt(&self, account: AccountId) -> Option<Timestamp> {
        let next = self
            .running(account)
            .ok()?
            .life
            .condition
            .borrow()
            .next_attempt;
        next.filter(|at| *at > clock::now())
    }

    fn condition(&self, account: AccountId) -> Condition {
        self.running(account)
            .map(|running| running.life.condition.borrow().shown.clone())
            .unwrap_or_default()
    }

    fn health(&self, account: AccountId) -> Option<AccountHealth> {
        self.context.healths.of(account)
    }

    fn load(&self) -> Option<SystemLoad> {
        Some(self.context.load.shown())
    }

    fn performance(&self) -> Option<BTreeMap<Measured, Lately>> {
        Some(self.context.text.meter().lately())
    }

    fn answered(&self, went: Went) {
        self.context.load.count(went);
    }

    fn rungs(&self) -> BTreeMap<Rung, usize> {
        let mut rungs = BTreeMap::new();
        for running in self.context.registry.all() {
            if let Some(recovery) = &running.life.condition.borrow().shown.recovery {
                *rungs.entry(recovery.rung).or_default() += 1;
            }
        }
        rungs
    }

    async fn typing(
        &self,
        account: AccountId,
        to: &Address,
        typing: Typing,
    ) -> Result<(), FleetError> {
        let state = match typing {
            Typing::Started => TypingState::Active,
            Typing::Stopped => TypingState::Paused,
        };
        self.connection(account)?
            .typing(to, state)
            .await
            .map_err(refused)
    }

    async fn mark_read(&self, read: MarkedRead) -> Result<(), FleetError> {
        let connection = self.connection(read.account)?;
        for receipt in read.receipts {
            let ids = [receipt.wire_id];
            let marked = connection
                .mark_read(&receipt.chat, receipt.sender.as_ref(), &ids)
                .await;
            marked.map_err(refused)?;
        }
        Ok(())
    }

    async fn group_create(
        &self,
        account: AccountId,
        subject: &str,
        members: &[Address],
    ) -> Result<GroupInfo, FleetError> {
        self.connection(account)?
            .group_create(subject, members)
            .await
            .map(group)
            .map_err(refused)
    }

    async fn group_members(
        &self,
        account: AccountId,
        address: &Address,
        add: &[Address],
        remove: &[Address],
    ) -> Result<GroupInfo, FleetError> {
        let connection = self.connection(account)?;
        if !add.is_empty() {
            connection.group_add(address, add).await.map_err(refused)?;
        }
        if !remove.is_empty() {
            connection
                .group_remove(address, remove)
                .await
                .map_err(refused)?;
        }
        connection.group(address).await.map(group).map_err(refused)
    }

    async fn group_info(
        &self,
        account: AccountId,
        address: &Address,
    ) -> Result<GroupInfo, FleetError> {
        self.connection(account)?
            .group(address)
            .await
            .map(group)
            .map_err(refused)
    }

    async fn on_whatsapp(
        &self,
        account: AccountId,
        number: &Address,
    ) -> Result<Option<Address>, FleetError> {
        let asked = std::slice::from_ref(number);
        let connection = self.connection(account)?;
        let found = connection.on_whatsapp(asked).await.map_err(refused)?;
        Ok(found
            .into_iter()
            .find(|one| one.exists)
            .map(|one| one.address))
    }

    fn text(&self) -> Option<Arc<TextParts>> {
        Some(Arc::clone(&self.context.text))
    }

    fn rules_changed(&self, _workspace: WorkspaceId) {
        self.context.rules_changed();
    }
}
