//! A linked account with everything it needs, and what a test wants to see of it.

use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use wasim::{Contact, ContactSpec, Network, NetworkConfig, Phone, PhoneSpec};
use waypost_engine::fleet::down::DownReason;
use waypost_engine::model::{AccountId, Address, Content, Inbound, Timestamp};
use waypost_wa::memory::MemoryKeys;
use waypost_wa::{
    ChannelConfig, ChannelEvent, CommitError, Connection, Connector, Events, Inbox, KeyWrite,
    KeysError, Purpose, Route, SessionKeys as _, Space, Target, freeze,
};

pub(crate) const ACCOUNT: AccountId = AccountId::from_raw(1);
pub(crate) const NUMBER: &str = "971500000001";
pub(crate) const ANA: &str = "971500000002";
/// How long anything may take before the test counts as failed.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);

/// Commits into memory, or refuses to.
pub(crate) struct MemoryInbox {
    committed: mpsc::UnboundedSender<Inbound>,
    frozen: Mutex<BTreeMap<String, Vec<u8>>>,
    /// After so many looks at what is frozen, no more answers.
    looks: watch::Sender<usize>,
    /// The ids committed; `None` when nothing is kept.
    known: Mutex<Option<BTreeSet<String>>>,
    refuse: Mutex<Option<CommitError>>,
}

impl MemoryInbox {
    pub(crate) fn refuse(&self, error: Option<CommitError>) {
        *self.refuse.lock().unwrap() = error;
    }

    /// From now on nothing is kept, as if the process died before every commit.
    pub(crate) fn forget(&self) {
        *self.known.lock().unwrap() = None;
    }

    /// Lets so many more looks at what is frozen be answered; the next ones wait.
    pub(crate) fn allow_looks(&self, looks: usize) {
        self.looks.send_replace(looks);
    }

    pub(crate) fn freeze(&self, wire_id: &str, payload: &[u8]) {
        self.frozen
            .lock()
            .unwrap()
            .insert(wire_id.to_owned(), payload.to_vec());
    }
}

#[async_trait]
impl Inbox for MemoryInbox {
    async fn commit(&self, account: AccountId, messages: Vec<Inbound>) -> Result<(), CommitError> {
        assert_eq!(account, ACCOUNT);
        if let Some(error) = self.refuse.lock().unwrap().clone() {
            return Err(error);
        }
        for message in messages {
            if let Some(known) = &mut *self.known.lock().unwrap() {
                known.insert(message.wire_id.clone());
            }
            let _ = self.committed.send(message);
        }
        Ok(())
    }

    async fn has(&self, _: AccountId, _: &Address, wire_id: &str) -> Result<bool, KeysError> {
        let known = self.known.lock().unwrap();
        Ok(known.as_ref().is_some_and(|ids| ids.contains(wire_id)))
    }

    async fn frozen(
        &self,
        _: AccountId,
        _: &Address,
        wire_id: &str,
    ) -> Result<Option<Vec<u8>>, KeysError> {
        let mut looks = self.looks.subscribe();
        // The sender lives in `self`.
        let _ = looks.wait_for(|looks| *looks > 0).await;
        self.looks
            .send_modify(|looks| *looks = looks.saturating_sub(1));
        Ok(self.frozen.lock().unwrap().get(wire_id).cloned())
    }
}

pub(crate) struct Bench {
    pub(crate) net: Network,
    pub(crate) phone: Phone,
    pub(crate) ana: Contact,
    pub(crate) keys: Arc<MemoryKeys>,
    pub(crate) inbox: Arc<MemoryInbox>,
    pub(crate) connector: Connector,
    committed: mpsc::UnboundedReceiver<Inbound>,
}

impl Bench {
    /// What the program does when a person asks for a new link: every key of the account goes.
    pub(crate) async fn forget_session(&self) {
        let clear = |space| KeyWrite::DeletePrefix {
            space,
            prefix: Vec::new(),
        };
        let all = Space::ALL.into_iter().map(clear).collect();
        self.keys.write(ACCOUNT, all).await.unwrap();
    }

    pub(crate) async fn new() -> Self {
        Self::with(NetworkConfig::default(), ChannelConfig::default()).await
    }

    pub(crate) async fn with(network: NetworkConfig, channel: ChannelConfig) -> Self {
        let net = Network::start(network).await.unwrap();
        let spec = PhoneSpec {
            number: NUMBER.into(),
            push_name: "Owner".into(),
            ..Default::default()
        };
        let phone = net.add_phone(spec).unwrap();
        let spec = ContactSpec {
            number: ANA.into(),
            push_name: "Ana".into(),
            ..Default::default()
        };
        let ana = net.add_contact(spec).unwrap();
        let (sender, committed) = mpsc::unbounded_channel();
        let inbox = MemoryInbox {
            committed: sender,
            frozen: Mutex::default(),
            looks: watch::Sender::new(usize::MAX),
            known: Mutex::new(Some(BTreeSet::new())),
            refuse: Mutex::default(),
        };
        let (keys, inbox) = (Arc::new(MemoryKeys::new()), Arc::new(inbox));
        let config = ChannelConfig {
            url: Some(net.ws_url()),
            ..channel
        };
        let connector = Connector::new(config, keys.clone(), inbox.clone()).unwrap();
        Self {
            net,
            phone,
            ana,
            keys,
            inbox,
            connector,
            committed,
        }
    }

    pub(crate) async fn open(&self, purpose: Purpose) -> Line {
        let (connection, events) = self
            .connector
            .open(ACCOUNT, purpose, Route::Direct)
            .await
            .unwrap();
        Line { connection, events }
    }

    /// Links by QR code and waits until online.
    pub(crate) async fn linked(&self) -> Line {
        let mut line = self.open(Purpose::Link).await;
        let qr = line.qr().await;
        self.phone.scan(&qr).await.unwrap();
        line.online().await;
        line
    }

    pub(crate) async fn resumed(&self) -> Line {
        let mut line = self.open(Purpose::Resume).await;
        line.online().await;
        line
    }

    /// The next committed message.
    pub(crate) async fn message(&mut self) -> Inbound {
        let next = tokio::time::timeout(LIMIT, self.committed.recv()).await;
        next.expect("no message was committed in time").unwrap()
    }

    /// Messages committed until now and not looked at.
    pub(crate) fn more(&mut self) -> Vec<Inbound> {
        std::iter::from_fn(|| self.committed.try_recv().ok()).collect()
    }

    /// Waits until WhatsApp was told of everything that was committed.
    pub(crate) async fn acknowledged(&self) {
        let waiting = async {
            while self.phone.linked_devices()[0].waiting > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let told = tokio::time::timeout(LIMIT, waiting).await;
        told.expect("everything committed is acknowledged");
    }

    pub(crate) fn ana_lid(&self) -> Address {
        Address::lid(self.ana.lid())
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            chat: self.ana_lid(),
            own: Address::lid(self.phone.lid()),
            author: None,
            pointer: None,
            secret: [9; 32],
            at: Timestamp(1_700_000_000_000),
        }
    }

    /// Freezes and sends, as the outbox would.
    pub(crate) async fn send(
        &self,
        line: &Line,
        wire_id: &str,
        content: &Content,
        target: &Target,
    ) {
        let payload = freeze(content, target).unwrap();
        self.inbox.freeze(wire_id, &payload);
        line.connection
            .send(&target.chat, wire_id, &payload)
            .await
            .unwrap();
    }

    pub(crate) async fn end(self, line: Line) {
        line.connection.close().await;
        self.net.shutdown().await;
    }
}

pub(crate) struct Line {
    pub(crate) connection: Connection,
    pub(crate) events: Events,
}

impl Line {
    /// The next event that `pick` makes something of.
    pub(crate) async fn wait<T>(
        &mut self,
        what: &str,
        pick: impl FnMut(&ChannelEvent) -> Option<T>,
    ) -> T {
        self.wait_for(LIMIT, what, pick).await
    }

    /// The same within another time.
    pub(crate) async fn wait_for<T>(
        &mut self,
        limit: Duration,
        what: &str,
        mut pick: impl FnMut(&ChannelEvent) -> Option<T>,
    ) -> T {
        let search = async {
            loop {
                let next = self.events.next().await;
                let event = next.unwrap_or_else(|| panic!("the events ended before: {what}"));
                if let Some(found) = pick(&event) {
                    return found;
                }
                if let ChannelEvent::Down(reason) = event {
                    panic!("down ({reason:?}) before: {what}");
                }
            }
        };
        let found = tokio::time::timeout(limit, search).await;
        found.unwrap_or_else(|_| panic!("not in time: {what}"))
    }

    pub(crate) async fn qr(&mut self) -> String {
        self.wait("a QR code", |event| match event {
            ChannelEvent::QrCode { text, .. } => Some(text.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn online(&mut self) {
        self.wait("online", |event| {
            (*event == ChannelEvent::Online).then_some(())
        })
        .await;
    }

    pub(crate) async fn server_ack(&mut self, id: &str) -> Option<u32> {
        self.wait("a server ack", |event| match event {
            ChannelEvent::ServerAck { wire_id, error } if wire_id == id => Some(*error),
            _ => None,
        })
        .await
    }

    /// How it ends; nothing may come after.
    pub(crate) async fn down(&mut self) -> DownReason {
        let reason = self
            .wait("down", |event| match event {
                ChannelEvent::Down(reason) => Some(reason.clone()),
                _ => None,
            })
            .await;
        assert_eq!(self.events.next().await, None, "nothing comes after down");
        reason
    }
}
