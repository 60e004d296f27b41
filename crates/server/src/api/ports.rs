//! What the API asks of the running fleet. The driver implements it; tests hand in a fake.

use crate::driver::Sending;
use crate::parts::TextParts;
use crate::performance::{Lately, Measured};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use waypost_engine::fleet::proxy_watch::{ProxyState, ProxyView};
use waypost_engine::fleet::window::Learned;
use waypost_engine::fleet::{LivenessView, Recovery, Rung};
use waypost_engine::flow::parts::ShedLevel;
use waypost_engine::model::{AccountId, Address, Duration, MessageId, Timestamp, WorkspaceId};
use waypost_engine::watch::degrade::{Cause, DegradeConfig, Load};
use waypost_engine::watch::health::Health;
use waypost_engine::watch::recent::Went;
use waypost_engine::watch::trend::Trend;
use waypost_store::admin::conversations::MarkedRead;
use waypost_wa::{KeysError, Proxy, ProxyError, StoredDevice};

/// How a phone is to be linked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkMethod {
    /// By scanning a QR code.
    Qr,
    /// By typing a pairing code on the phone with this number.
    Code {
        /// The phone's number.
        phone: Address,
    },
}

/// Where a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkPhase {
    /// No link was started since the program did.
    #[default]
    Idle,
    /// Waiting for a free slot or for WhatsApp's first code.
    Waiting,
    /// A QR code is on show.
    ShowingQr,
    /// A pairing code is on show.
    ShowingCode,
    /// The phone accepted.
    Linked,
    /// It ended without a link; the message says why.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

/// How a link started with [`Fleet::link`] is going.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkStatus {
    /// Where it stands.
    pub phase: LinkPhase,
    /// Which way it goes; absent when idle. It changes by itself from QR to pairing code when the
    /// regenerations are used up and the number is known.
    pub method: Option<LinkWay>,
    /// The text to draw as a QR code.
    pub qr: Option<String>,
    /// When that text stops working.
    pub qr_expires_at: Option<Timestamp>,
    /// The pairing code: eight characters without a dash.
    pub code: Option<String>,
    /// When the window closes.
    pub window_ends_at: Option<Timestamp>,
    /// How often the codes were made anew so far.
    pub regeneration: u8,
    /// How often that may happen.
    pub regenerations_max: u8,
    /// One sentence for the person at the screen.
    pub message: String,
}

/// The two ways to link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkWay {
    /// By QR code.
    Qr,
    /// By pairing code.
    Code,
}

/// Why an accepted message has not gone out yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// A short, stable name: `not_connected`, `rate_limited`, `behind`, `retry`, `in_flight`, `media_upload`, `held`,
    /// `daily_limit`, `new_chat_limit`, `warm_up`, `restricted`, `number_check`, `typing`, `next`.
    pub code: &'static str,
    /// The same as a sentence.
    pub text: String,
    /// Until when, where that is known.
    pub until: Option<Timestamp>,
}

/// What became of an attempt to take a send back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenBack {
    /// It was taken back, and the store says so.
    Done,
    /// It is going out right now; nothing was changed.
    UnderWay,
    /// Nothing that runs here holds it: the store alone decides.
    NotHeld,
}

/// Whether somebody started or stopped typing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typing {
    /// Started.
    Started,
    /// Stopped.
    Stopped,
}

/// Somebody in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// Their address.
    pub address: Address,
    /// True when they may change the group.
    pub admin: bool,
}

/// A group as WhatsApp describes it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// Its address.
    pub address: Address,
    /// Its name.
    pub subject: String,
    /// Its description.
    pub description: Option<String>,
    /// Who is in it.
    pub members: Vec<GroupMember>,
}

/// What came of trying a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyCheck {
    /// Whether it gave a way to WhatsApp, or why not.
    pub outcome: Result<(), ProxyError>,
    /// How long that took.
    pub took: Duration,
}

/// The device that an account is linked as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What is stored of it.
    pub stored: StoredDevice,
    /// What the phone shows it as.
    pub shown_as: String,
}

/// How an account is: what is done about what is wrong, and what proves that it lives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Condition {
    /// How it is being brought back; absent when nothing is wrong.
    pub recovery: Option<Recovery>,
    /// What is known of its connection.
    pub liveness: LivenessView,
}

/// An account's health as it was computed last.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountHealth {
    /// The score with its factors.
    pub health: Health,
    /// Where it is going.
    pub trend: Trend,
    /// The highest score of the last hour, when the score dropped much since.
    pub dropped_from: Option<u8>,
    /// When it was computed.
    pub at: Timestamp,
}

/// How loaded the machine is, and what is put off because of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SystemLoad {
    /// What was measured last.
    pub load: Load,
    /// When; absent before the first reading.
    pub at: Option<Timestamp>,
    /// What is being put off.
    pub level: ShedLevel,
    /// Since when.
    pub since: Option<Timestamp>,
    /// What made it so.
    pub cause: Option<Cause>,
    /// Between which figures it works.
    pub marks: DegradeConfig,
    /// False when the settings say that nothing is ever put off.
    pub sheds: bool,
}

/// Why the fleet did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FleetError {
    /// The account must be connected for this.
    #[error("the account is not connected; connect it and try again")]
    NotConnected,
    /// The account's state does not allow it.
    #[error("{0}")]
    WrongState(String),
    /// As many links as allowed are in progress.
    #[error("too many links are in progress; finish or cancel one and try again")]
    Busy,
    /// There is no such account.
    #[error("there is no such account; check the id")]
    NoSuchAccount,
    /// WhatsApp refused it.
    #[error("WhatsApp refused it: {0}")]
    Refused(String),
    /// WhatsApp did not answer in time, or the connection broke meanwhile.
    #[error("WhatsApp did not answer ({0}); try again")]
    Unanswered(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] waypost_store::StoreError),
}

/// The running accounts. Every call is safe at any time and for any id.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Starts linking; returns once it is under way. Replaces a link in progress of the account.
    async fn link(&self, account: AccountId, method: LinkMethod) -> Result<(), FleetError>;
    /// How the newest link of the account is going.
    fn link_status(&self, account: AccountId) -> LinkStatus;
    /// How long a set of QR codes waits for the account's people, and why; `None` when the account
    /// does not run here.
    fn link_window(&self, account: AccountId) -> Option<Learned> {
        let _ = account;
        None
    }
    /// Stops a link in progress and leaves nothing behind; does nothing when there is none.
    async fn cancel_link(&self, account: AccountId) -> Result<(), FleetError>;
    /// Disconnects the account and leaves it off.
    async fn pause(&self, account: AccountId) -> Result<(), FleetError>;
    /// Switches a paused account on again.
    async fn resume(&self, account: AccountId) -> Result<(), FleetError>;
    /// Drops the connection and opens a new one.
    async fn reconnect(&self, account: AccountId) -> Result<(), FleetError>;
    /// Tries at once what would be tried next to bring the account back; one that is connected is
    /// asked for proof that it lives.
    async fn recover(&self, account: AccountId) -> Result<(), FleetError>;
    /// Reads the session anew from the store and connects with it.
    async fn restore(&self, account: AccountId) -> Result<(), FleetError>;
    /// The device that the account is linked as; `None` when none is.
    async fn device(&self, account: AccountId) -> Result<Option<Device>, KeysError> {
        let _ = account;
        Ok(None)
    }
    /// Removes this device from the phone's linked devices.
    async fn unlink(&self, account: AccountId) -> Result<(), FleetError>;
    /// The proxy that all the account's traffic goes through.
    fn proxy(&self, account: AccountId) -> Option<Proxy>;
    /// Sets the account's proxy, or takes it away, and connects anew if it is to be connected.
    async fn set_proxy(&self, account: AccountId, proxy: Option<Proxy>) -> Result<(), FleetError>;
    /// Sees whether the account's proxy gives a way to WhatsApp.
    async fn check_proxy(&self, account: AccountId) -> Result<ProxyCheck, FleetError>;
    /// What is known of the account's proxy, whether or not it is needed just now; `None` without one.
    fn proxy_state(&self, account: AccountId) -> Option<ProxyView> {
        let _ = account;
        None
    }
    /// How many accounts' proxies are in each state.
    fn proxy_states(&self) -> BTreeMap<ProxyState, usize> {
        BTreeMap::new()
    }
    /// An account was created.
    async fn account_added(&self, account: AccountId);
    /// An account is about to be deleted: stop everything about it before returning.
    async fn account_removed(&self, account: AccountId);
    /// A send was committed.
    fn wake_outbox(&self, account: AccountId);
    /// Takes a send back before it is under way. Whoever sends must be asked first: a message that
    /// is cancelled in the store alone may already be on the wire.
    async fn take_back(
        &self,
        account: AccountId,
        message: MessageId,
    ) -> Result<TakenBack, FleetError> {
        let _ = (account, message);
        Ok(TakenBack::NotHeld)
    }
    /// Older work was put back: a dead letter, or a send that was held.
    fn wake_flow(&self, account: AccountId);
    /// What the account may still begin today, and what WhatsApp bars; `None` when it does not run
    /// here.
    fn sending(&self, account: AccountId) -> Option<Sending> {
        let _ = account;
        None
    }
    /// Why this accepted message has not gone out yet; `None` when it is not waiting.
    fn waiting(&self, account: AccountId, message: MessageId) -> Option<Waiting>;
    /// When the account's next connection attempt starts, while it is waiting for one.
    fn next_attempt(&self, account: AccountId) -> Option<Timestamp>;
    /// How an account is.
    fn condition(&self, account: AccountId) -> Condition {
        let _ = account;
        Condition::default()
    }
    /// An account's health; `None` when it does not run here or was not computed yet.
    fn health(&self, account: AccountId) -> Option<AccountHealth> {
        let _ = account;
        None
    }
    /// How loaded the machine is; `None` when nobody measures.
    fn load(&self) -> Option<SystemLoad> {
        None
    }
    /// How long stages and parts take lately; `None` when nobody measures.
    fn performance(&self) -> Option<BTreeMap<Measured, Lately>> {
        None
    }
    /// A request to the API was answered, well or not.
    fn answered(&self, went: Went) {
        let _ = went;
    }
    /// How many accounts are being brought back, by rung.
    fn rungs(&self) -> BTreeMap<Rung, usize> {
        BTreeMap::new()
    }
    /// Shows the other side that somebody types. Best effort.
    async fn typing(
        &self,
        account: AccountId,
        to: &Address,
        typing: Typing,
    ) -> Result<(), FleetError>;
    /// Sends read receipts for messages that the store has just marked as read. Best effort.
    async fn mark_read(&self, read: MarkedRead) -> Result<(), FleetError>;
    /// Creates a group with these members.
    async fn group_create(
        &self,
        account: AccountId,
        subject: &str,
        members: &[Address],
    ) -> Result<GroupInfo, FleetError>;
    /// Adds and removes members.
    async fn group_members(
        &self,
        account: AccountId,
        group: &Address,
        add: &[Address],
        remove: &[Address],
    ) -> Result<GroupInfo, FleetError>;
    /// Asks WhatsApp for a group.
    async fn group_info(
        &self,
        account: AccountId,
        group: &Address,
    ) -> Result<GroupInfo, FleetError>;
    /// Asks WhatsApp whether a number is there; the address to write to when it is.
    async fn on_whatsapp(
        &self,
        account: AccountId,
        number: &Address,
    ) -> Result<Option<Address>, FleetError> {
        let _ = (account, number);
        Err(FleetError::NotConnected)
    }
    /// What reads messages in this process.
    fn text(&self) -> Option<Arc<TextParts>> {
        None
    }
    /// Rules were added, changed or removed.
    fn rules_changed(&self, workspace: WorkspaceId);
}
