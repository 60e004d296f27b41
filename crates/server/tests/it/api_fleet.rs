//! A fleet that remembers what it was asked and answers what it was told to.

use async_trait::async_trait;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use waypost_engine::fleet::Rung;
use waypost_engine::model::{AccountId, Address, Duration, MessageId, Timestamp, WorkspaceId};
use waypost_engine::watch::recent::Went;
use waypost_server::api::ports::{
    AccountHealth, Condition, Device, Fleet, FleetError, GroupInfo, GroupMember, LinkMethod,
    LinkPhase, LinkStatus, LinkWay, ProxyCheck, SystemLoad, Typing, Waiting,
};
use waypost_store::admin::conversations::MarkedRead;
use waypost_wa::{KeysError, Proxy, ProxyError};

#[derive(Default)]
pub(crate) struct FakeFleet {
    asked: Mutex<Vec<String>>,
    links: Mutex<HashMap<AccountId, LinkStatus>>,
    refuse: Mutex<Option<FleetError>>,
    conditions: Mutex<HashMap<AccountId, Condition>>,
    proxies: Mutex<HashMap<AccountId, Proxy>>,
    healths: Mutex<HashMap<AccountId, AccountHealth>>,
    load: Mutex<Option<SystemLoad>>,
    answers: Mutex<(usize, usize)>,
    devices: Mutex<HashMap<AccountId, Result<Option<Device>, KeysError>>>,
}

impl FakeFleet {
    /// What was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// From now on the account is like this.
    pub(crate) fn is(&self, account: AccountId, condition: Condition) {
        self.conditions.lock().unwrap().insert(account, condition);
    }

    /// From now on the account does like this.
    pub(crate) fn does(&self, account: AccountId, health: AccountHealth) {
        self.healths.lock().unwrap().insert(account, health);
    }

    /// From now on the machine is like this.
    pub(crate) fn is_loaded(&self, load: SystemLoad) {
        *self.load.lock().unwrap() = Some(load);
    }

    /// Requests that were answered well, and that failed on our side.
    pub(crate) fn answers(&self) -> (usize, usize) {
        *self.answers.lock().unwrap()
    }

    /// From now on this is what is stored of the account's device.
    pub(crate) fn linked_as(&self, account: AccountId, device: Result<Option<Device>, KeysError>) {
        self.devices.lock().unwrap().insert(account, device);
    }

    /// The next call that may fail does.
    pub(crate) fn refuse_next(&self, error: FleetError) {
        *self.refuse.lock().unwrap() = Some(error);
    }

    fn note(&self, what: String) -> Result<(), FleetError> {
        self.asked.lock().unwrap().push(what);
        self.refuse.lock().unwrap().take().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Fleet for FakeFleet {
    async fn link(&self, account: AccountId, method: LinkMethod) -> Result<(), FleetError> {
        let mut status = LinkStatus {
            regenerations_max: 3,
            ..LinkStatus::default()
        };
        match &method {
            LinkMethod::Qr => {
                status.phase = LinkPhase::ShowingQr;
                status.method = Some(LinkWay::Qr);
                status.qr = Some("2@abcdefgh,ijkl,mnop,qrst,1".into());
                status.qr_expires_at = Some(Timestamp(1_800_000_060_000));
            }
            LinkMethod::Code { .. } => {
                status.phase = LinkPhase::ShowingCode;
                status.method = Some(LinkWay::Code);
                status.code = Some("ABCD1234".into());
            }
        }
        status.message = "Do it on the phone.".into();
        self.note(format!("link {method:?}"))?;
        self.links.lock().unwrap().insert(account, status);
        Ok(())
    }

    fn link_status(&self, account: AccountId) -> LinkStatus {
        self.links
            .lock()
            .unwrap()
            .get(&account)
            .cloned()
            .unwrap_or_default()
    }

    async fn cancel_link(&self, account: AccountId) -> Result<(), FleetError> {
        self.note("cancel_link".into())?;
        let cancelled = LinkStatus {
            phase: LinkPhase::Cancelled,
            ..LinkStatus::default()
        };
        self.links.lock().unwrap().insert(account, cancelled);
        Ok(())
    }

    async fn pause(&self, _: AccountId) -> Result<(), FleetError> {
        self.note("pause".into())
    }
    async fn resume(&self, _: AccountId) -> Result<(), FleetError> {
        self.note("resume".into())
    }
    async fn reconnect(&self, _: AccountId) -> Result<(), FleetError> {
        self.note("reconnect".into())
    }
    async fn recover(&self, _: AccountId) -> Result<(), FleetError> {
        self.note("recover".into())
    }
    async fn restore(&self, _: AccountId) -> Result<(), FleetError> {
        self.note("restore".into())
    }
    async fn device(&self, account: AccountId) -> Result<Option<Device>, KeysError> {
        let devices = self.devices.lock().unwrap();
        devices.get(&account).cloned().unwrap_or(Ok(None))
    }
    async fn unlink(&self, _: AccountId) -> Result<(), FleetError> {
        self.note("unlink".into())
    }
    fn proxy(&self, account: AccountId) -> Option<Proxy> {
        self.proxies.lock().unwrap().get(&account).cloned()
    }
    async fn set_proxy(&self, account: AccountId, proxy: Option<Proxy>) -> Result<(), FleetError> {
        let secret = proxy.as_ref().map(Proxy::secret);
        self.note(format!("set_proxy {secret:?}"))?;
        let mut proxies = self.proxies.lock().unwrap();
        match proxy {
            Some(proxy) => proxies.insert(account, proxy),
            None => proxies.remove(&account),
        };
        Ok(())
    }
    async fn check_proxy(&self, _: AccountId) -> Result<ProxyCheck, FleetError> {
        self.note("check_proxy".into())?;
        Ok(ProxyCheck {
            outcome: Err(ProxyError::Refused("it said 407".into())),
            took: Duration(7),
        })
    }
    async fn account_added(&self, _: AccountId) {
        let _ = self.note("account_added".into());
    }
    async fn account_removed(&self, _: AccountId) {
        let _ = self.note("account_removed".into());
    }
    fn wake_outbox(&self, _: AccountId) {
        let _ = self.note("wake_outbox".into());
    }
    fn wake_flow(&self, _: AccountId) {
        let _ = self.note("wake_flow".into());
    }
    fn waiting(&self, _: AccountId, _: MessageId) -> Option<Waiting> {
        let text = "The account is not connected.".into();
        Some(Waiting {
            code: "not_connected",
            text,
            until: None,
        })
    }
    fn next_attempt(&self, _: AccountId) -> Option<Timestamp> {
        None
    }
    fn health(&self, account: AccountId) -> Option<AccountHealth> {
        self.healths.lock().unwrap().get(&account).cloned()
    }
    fn load(&self) -> Option<SystemLoad> {
        self.load.lock().unwrap().clone()
    }
    fn answered(&self, went: Went) {
        let mut answers = self.answers.lock().unwrap();
        match went {
            Went::Well => answers.0 += 1,
            Went::Wrong => answers.1 += 1,
        }
    }
    fn condition(&self, account: AccountId) -> Condition {
        let conditions = self.conditions.lock().unwrap();
        conditions.get(&account).cloned().unwrap_or_default()
    }
    fn rungs(&self) -> BTreeMap<Rung, usize> {
        let conditions = self.conditions.lock().unwrap();
        let rungs = conditions.values().filter_map(|c| c.recovery.as_ref());
        rungs.fold(BTreeMap::new(), |mut all, recovery| {
            *all.entry(recovery.rung).or_default() += 1;
            all
        })
    }
    async fn typing(&self, _: AccountId, to: &Address, typing: Typing) -> Result<(), FleetError> {
        self.note(format!("typing {to} {typing:?}"))
    }
    async fn mark_read(&self, read: MarkedRead) -> Result<(), FleetError> {
        self.note(format!("mark_read {}", read.receipts.len()))
    }
    async fn group_create(
        &self,
        _: AccountId,
        subject: &str,
        members: &[Address],
    ) -> Result<GroupInfo, FleetError> {
        self.note(format!("group_create {subject}"))?;
        let member = |address: &Address| GroupMember {
            address: address.clone(),
            admin: false,
        };
        Ok(GroupInfo {
            address: Address::group("120363001"),
            subject: subject.to_owned(),
            description: None,
            members: members.iter().map(member).collect(),
        })
    }
    async fn group_members(
        &self,
        _: AccountId,
        group: &Address,
        add: &[Address],
        _: &[Address],
    ) -> Result<GroupInfo, FleetError> {
        self.note(format!("group_members {group}"))?;
        let member = |address: &Address| GroupMember {
            address: address.clone(),
            admin: true,
        };
        Ok(GroupInfo {
            address: group.clone(),
            subject: "Changed".into(),
            description: None,
            members: add.iter().map(member).collect(),
        })
    }
    async fn group_info(&self, _: AccountId, _: &Address) -> Result<GroupInfo, FleetError> {
        Err(FleetError::NotConnected)
    }
    fn rules_changed(&self, _: WorkspaceId) {
        let _ = self.note("rules_changed".into());
    }
}
