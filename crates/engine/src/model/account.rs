//! Accounts and the states they go through.

use super::address::Address;
use super::id::{AccountId, WorkspaceId};
use super::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most state changes kept per account; older ones are dropped first.
pub const HISTORY_MAX: usize = 1_000;

/// The state of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Created, never linked.
    New,
    /// Showing a QR code or a pairing code.
    Linking,
    /// Opening a connection.
    Connecting,
    /// Connected and proven alive.
    Online,
    /// Connected, but something is wrong.
    Degraded,
    /// Lost, and being brought back.
    Recovering,
    /// A person must act.
    NeedsAttention,
    /// Unlinked from the phone, or by us.
    LoggedOut,
    /// WhatsApp refuses the number.
    Banned,
    /// Switched off by a person.
    Disabled,
}

impl AccountState {
    /// Every state, in the order of an account's life.
    pub const ALL: [Self; 10] = [
        Self::New,
        Self::Linking,
        Self::Connecting,
        Self::Online,
        Self::Degraded,
        Self::Recovering,
        Self::NeedsAttention,
        Self::LoggedOut,
        Self::Banned,
        Self::Disabled,
    ];

    /// The name as stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Linking => "linking",
            Self::Connecting => "connecting",
            Self::Online => "online",
            Self::Degraded => "degraded",
            Self::Recovering => "recovering",
            Self::NeedsAttention => "needs_attention",
            Self::LoggedOut => "logged_out",
            Self::Banned => "banned",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for AccountState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an account is in its state. As precise as the channel allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Reason {
    /// Just created.
    Created,
    /// A person asked for it.
    Requested,
    /// Waiting for somebody to scan the QR code.
    AwaitingScan,
    /// Waiting for somebody to type the pairing code.
    AwaitingCode,
    /// The phone accepted the link.
    Linked,
    /// The connection is up.
    Connected,
    /// The process is starting and the account is known.
    Starting,
    /// The link window closed too often without a scan.
    LinkExpired,
    /// Linking was cancelled.
    LinkCancelled,
    /// The phone wants a passkey before it links.
    PasskeyRequired,
    /// The link failed; the text says how.
    LinkFailed {
        /// What happened, for a person.
        error: String,
    },
    /// The connection closed.
    ConnectionLost,
    /// No answer to keep-alive probes.
    KeepaliveTimeout,
    /// WhatsApp's server answered with this stream or connect error.
    ServerError {
        /// WhatsApp's code.
        status: u32,
    },
    /// Another client took over this session.
    StreamReplaced,
    /// The device was removed on the phone.
    DeviceRemoved,
    /// The account's main device is gone.
    MainDeviceGone,
    /// WhatsApp wants a newer client version; raise `whatsapp.version` in the settings.
    ClientOutdated,
    /// Banned until then.
    TemporaryBan {
        /// WhatsApp's reason code.
        ban: u32,
        /// When it ends.
        until: Timestamp,
    },
    /// WhatsApp blocked the number.
    Blocked,
    /// More work is waiting than may be in flight; WhatsApp keeps the rest meanwhile.
    Backpressure,
    /// Offline messages were interrupted; they are asked for again.
    OfflineSyncInterrupted,
    /// The store could not commit; nothing was acknowledged.
    StoreFailed {
        /// What happened, for a person.
        error: String,
    },
    /// The account's proxy gives no way to WhatsApp.
    ProxyUnreachable {
        /// What happened, for a person.
        error: String,
    },
    /// The account's proxy does not take the user and password.
    ProxyRefused {
        /// What happened, for a person.
        error: String,
    },
    /// The database was restored from a backup; the session is renewed.
    Restored,
    /// The stored session is missing or unreadable: link again.
    SessionInvalid,
    /// WhatsApp answers probes, but takes no message and gives none.
    NotServed,
    /// Messages arrive, and none of them can be decrypted.
    DecryptFailing,
    /// The account's health score is so low that a new connection is tried.
    Unwell {
        /// The score, from 0 to 100.
        score: u8,
    },
    /// WhatsApp lets the number start no new chats for now.
    Restricted,
    /// The phone has not been seen for long; WhatsApp unlinks devices after 14 days.
    PhoneOffline {
        /// When it was last seen.
        since: Timestamp,
        /// When WhatsApp unlinks this device, if it is not seen until then.
        until: Timestamp,
    },
    /// Something that nobody foresaw.
    Unexpected {
        /// What happened, for a person.
        error: String,
    },
}

impl Reason {
    /// The code as stored and shown.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Requested => "requested",
            Self::AwaitingScan => "awaiting_scan",
            Self::AwaitingCode => "awaiting_code",
            Self::Linked => "linked",
            Self::Connected => "connected",
            Self::Starting => "starting",
            Self::LinkExpired => "link_expired",
            Self::LinkCancelled => "link_cancelled",
            Self::PasskeyRequired => "passkey_required",
            Self::LinkFailed { .. } => "link_failed",
            Self::ConnectionLost => "connection_lost",
            Self::KeepaliveTimeout => "keepalive_timeout",
            Self::ServerError { .. } => "server_error",
            Self::StreamReplaced => "stream_replaced",
            Self::DeviceRemoved => "device_removed",
            Self::MainDeviceGone => "main_device_gone",
            Self::ClientOutdated => "client_outdated",
            Self::TemporaryBan { .. } => "temporary_ban",
            Self::Blocked => "blocked",
            Self::Backpressure => "backpressure",
            Self::OfflineSyncInterrupted => "offline_sync_interrupted",
            Self::StoreFailed { .. } => "store_failed",
            Self::ProxyUnreachable { .. } => "proxy_unreachable",
            Self::ProxyRefused { .. } => "proxy_refused",
            Self::Restored => "restored",
            Self::SessionInvalid => "session_invalid",
            Self::NotServed => "not_served",
            Self::DecryptFailing => "decrypt_failing",
            Self::Unwell { .. } => "unwell",
            Self::Restricted => "restricted",
            Self::PhoneOffline { .. } => "phone_offline",
            Self::Unexpected { .. } => "unexpected",
        }
    }

    /// One sentence for a person, with what to do next where there is something to do.
    #[must_use]
    pub fn explain(&self) -> String {
        let fixed = match self {
            Self::Created => "Created; link it with a QR code or a pairing code.",
            Self::Requested => "Somebody asked for this.",
            Self::AwaitingScan => {
                "Scan the QR code with WhatsApp on the phone: Settings, Linked devices, Link a device."
            }
            Self::AwaitingCode => {
                "Type the pairing code on the phone: Settings, Linked devices, Link with phone number."
            }
            Self::Linked => "The phone accepted the link.",
            Self::Connected => "Connected to WhatsApp.",
            Self::Starting => "Waypost is starting and will connect this account in its turn.",
            Self::LinkExpired => {
                "Nobody scanned in time; start linking again when the phone is at hand."
            }
            Self::LinkCancelled => "Linking was cancelled; start it again when you are ready.",
            Self::PasskeyRequired => {
                "The phone asks for a passkey, which a linked device cannot give; switch the passkey off on the phone (Settings, Account, Passkeys) and link again."
            }
            Self::ConnectionLost => "The connection closed; Waypost is reconnecting.",
            Self::KeepaliveTimeout => {
                "WhatsApp stopped answering on an open connection; Waypost is replacing it."
            }
            Self::StreamReplaced => {
                "Another program is using this session; stop it, then reconnect."
            }
            Self::DeviceRemoved => "This device was removed on the phone; link it again.",
            Self::MainDeviceGone => {
                "The account's phone is gone or was logged out; sign in on the phone, then link again."
            }
            Self::ClientOutdated => {
                "WhatsApp refuses this client version; raise `whatsapp.version` in waypost.toml and restart."
            }
            Self::Blocked => "WhatsApp has blocked this number; check the phone.",
            Self::Backpressure => {
                "Too much work is waiting; WhatsApp keeps further messages until it is done."
            }
            Self::OfflineSyncInterrupted => {
                "Messages kept while away were interrupted; asking for them again."
            }
            Self::Restored => "The database came from a backup; the session is being renewed.",
            Self::SessionInvalid => {
                "The stored session is missing or unreadable; link this account again."
            }
            Self::NotServed => {
                "WhatsApp takes no messages on an open connection; Waypost is replacing it."
            }
            Self::DecryptFailing => {
                "Messages arrive but none can be read; their senders are asked again. If it lasts, link this account again."
            }
            Self::Restricted => {
                "WhatsApp lets this number start no new chats for now; people who have written are answered as usual. Write to fewer strangers."
            }
            Self::PhoneOffline { .. } => {
                "The phone has not been seen for long; switch it on with internet access, or WhatsApp unlinks this device."
            }
            Self::Unwell { score } => {
                return format!(
                    "This account's health score fell to {score} of 100; Waypost is replacing its connection."
                );
            }
            Self::Unexpected { error } => {
                return format!(
                    "Something unexpected happened ({error}); Waypost is building the connection anew."
                );
            }
            Self::LinkFailed { error } => {
                return format!("Linking failed: {error}. Start it again.");
            }
            Self::ServerError { status } => {
                return format!(
                    "WhatsApp's server answered with error {status}; Waypost tries again."
                );
            }
            Self::TemporaryBan { ban, .. } => {
                return format!(
                    "WhatsApp has banned this number for a while (code {ban}); send less, and wait until it ends."
                );
            }
            Self::ProxyUnreachable { error } => {
                return format!(
                    "This account's proxy gives no way to WhatsApp ({error}); check it or set another. Waypost tries again, and never connects without it."
                );
            }
            Self::ProxyRefused { error } => {
                return format!(
                    "This account's proxy refuses us ({error}); set its user and password anew. Nothing connects without it."
                );
            }
            Self::StoreFailed { error } => {
                return format!(
                    "Messages could not be stored ({error}); check the disk. Nothing was acknowledged."
                );
            }
        };
        fixed.to_owned()
    }
}

/// One change of an account's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateChange {
    /// Before.
    pub from: AccountState,
    /// After.
    pub to: AccountState,
    /// Why.
    pub reason: Reason,
    /// When.
    pub at: Timestamp,
}

/// An account as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Who it belongs to.
    pub workspace: WorkspaceId,
    /// What people call it.
    pub name: String,
    /// Its phone number: given for pairing codes, or learned when linked.
    pub phone: Option<Address>,
    /// Its LID, learned when linked.
    pub lid: Option<Address>,
    /// `primary` or `secondary` within a pool.
    pub role: Role,
    /// Lower goes first; 999 when nobody said.
    pub priority: u16,
    /// Its state now.
    pub state: AccountState,
    /// Why.
    pub reason: Reason,
    /// Since when.
    pub state_at: Timestamp,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The part an account plays in a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Carries the traffic.
    #[default]
    #[serde(alias = "master")]
    Primary,
    /// Stands in.
    #[serde(alias = "servant")]
    Secondary,
}
