//! What happens on the network, as a stream that tests and tools follow.

use crate::content::Kind;
use crate::error::{Result, SimError};
use crate::noise::Handshake;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use waproto::whatsapp as wa;

/// Events kept; older ones are forgotten, and a follower that is further behind skips ahead.
pub const MAX_EVENTS: usize = 100_000;

/// How a device was linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkMethod {
    /// The phone scanned a QR code.
    Qr,
    /// The owner typed the eight characters.
    Code,
}

/// One thing that happened. Numbers are phone numbers without a plus sign.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NetEvent {
    /// A client connected without a session and was given QR refs.
    LinkOffered {
        /// How many refs.
        refs: usize,
    },
    /// A client asked for a pairing code.
    CodeAsked {
        /// The number it was asked for.
        account: String,
        /// How the client names itself on the phone.
        display: String,
    },
    /// A link was held up by the demand for a passkey.
    PasskeyDemanded {
        /// The account's number.
        account: String,
    },
    /// A device was linked.
    Linked {
        /// The account's number.
        account: String,
        /// The device's number in the account.
        device: u16,
        /// By which way.
        by: LinkMethod,
    },
    /// A linked device logged in.
    LoggedIn {
        /// The account's number.
        account: String,
        /// The device.
        device: u16,
        /// Which handshake it used.
        handshake: Handshake,
    },
    /// A login was refused.
    LoginRefused {
        /// The account's number.
        account: String,
        /// The device.
        device: u16,
        /// WhatsApp's reason code.
        reason: u16,
    },
    /// A device received its whole backlog.
    CaughtUp {
        /// The account's number.
        account: String,
        /// The device.
        device: u16,
        /// How many stanzas were waiting.
        count: usize,
    },
    /// A device's connection ended.
    Disconnected {
        /// The account's number.
        account: String,
        /// The device.
        device: u16,
    },
    /// A device is no longer linked.
    Unlinked {
        /// The account's number.
        account: String,
        /// The device.
        device: u16,
    },
    /// A device acknowledged a message that was delivered to it.
    Acked {
        /// The account's number.
        account: String,
        /// The device.
        device: u16,
        /// The wire id.
        id: String,
    },
    /// A message of a linked device reached somebody's app (or its own phone).
    MessageReceived {
        /// Whose app: a phone number.
        reader: String,
        /// The account's number.
        account: String,
        /// The device that sent it.
        device: u16,
        /// The group, if it was sent to one.
        group: Option<String>,
        /// The wire id.
        id: String,
        /// What kind.
        kind: Kind,
        /// Its text or caption.
        text: String,
        /// The decrypted message.
        #[serde(skip)]
        message: Arc<wa::Message>,
    },
    /// A recipient could not decrypt a message and asked for it again.
    RetryAsked {
        /// Whose app.
        reader: String,
        /// The account's number.
        account: String,
        /// The wire id.
        id: String,
        /// Why it could not be decrypted.
        why: String,
    },
    /// A linked device could not decrypt a message and asked for it again.
    DeviceAskedRetry {
        /// The account's number.
        account: String,
        /// The device.
        device: u16,
        /// The wire id.
        id: String,
        /// Which attempt it is, from 1.
        count: u32,
    },
    /// A linked device sent a receipt.
    Receipt {
        /// The account's number.
        account: String,
        /// The device.
        device: u16,
        /// To whom, as addressed.
        to: String,
        /// The messages it is about.
        ids: Vec<String>,
        /// `delivery`, `read`, `sender`, `inactive`, `retry`, ...
        kind: String,
    },
    /// A linked device shows that it types, or stopped.
    Typing {
        /// The account's number.
        account: String,
        /// To whom, as addressed.
        to: String,
        /// `composing`, `recording` or `paused`.
        state: String,
    },
    /// A linked device announced itself as available or unavailable.
    Presence {
        /// The account's number.
        account: String,
        /// `available` or `unavailable`.
        state: String,
    },
    /// A group changed.
    GroupChanged {
        /// The group's id.
        group: String,
        /// What changed: `create`, `add`, `remove`, `subject`, ...
        change: String,
    },
}

struct Log {
    first: u64,
    events: VecDeque<NetEvent>,
}

/// The shared, bounded event log.
pub(crate) struct EventLog {
    log: Mutex<Log>,
    added: Notify,
}

impl EventLog {
    pub(crate) fn new() -> Self {
        Self {
            log: Mutex::new(Log {
                first: 0,
                events: VecDeque::new(),
            }),
            added: Notify::new(),
        }
    }

    pub(crate) fn add(&self, event: NetEvent) {
        tracing::trace!(?event, "network event");
        {
            let mut log = self.lock();
            if log.events.len() == MAX_EVENTS {
                log.events.pop_front();
                log.first += 1;
            }
            log.events.push_back(event);
        }
        self.added.notify_waiters();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) -> u64 {
        let log = self.lock();
        log.first + log.events.len() as u64
    }

    fn get(&self, position: &mut u64) -> Option<NetEvent> {
        let log = self.lock();
        *position = (*position).max(log.first);
        let event = log.events.get((*position - log.first) as usize)?.clone();
        *position += 1;
        Some(event)
    }
}

/// Follows the network's events from a point on.
pub struct Events {
    log: Arc<EventLog>,
    position: u64,
}

impl Events {
    pub(crate) fn from_now(log: Arc<EventLog>) -> Self {
        let position = log.end();
        Self { log, position }
    }

    pub(crate) fn from_start(log: Arc<EventLog>) -> Self {
        Self { log, position: 0 }
    }

    /// The next event; waits for it.
    pub async fn next(&mut self) -> NetEvent {
        let log = self.log.clone();
        loop {
            let added = log.added.notified();
            tokio::pin!(added);
            // Registered before looking, so that nothing slips in between.
            added.as_mut().enable();
            if let Some(event) = log.get(&mut self.position) {
                return event;
            }
            added.await;
        }
    }

    /// The next event that has happened already, without waiting.
    pub fn try_next(&mut self) -> Option<NetEvent> {
        self.log.get(&mut self.position)
    }

    /// The next event that `wanted` accepts.
    ///
    /// # Errors
    /// [`SimError::Timeout`] when none comes within `limit`.
    pub async fn wait_for(
        &mut self,
        limit: Duration,
        mut wanted: impl FnMut(&NetEvent) -> bool,
    ) -> Result<NetEvent> {
        let search = async {
            loop {
                let event = self.next().await;
                if wanted(&event) {
                    return event;
                }
            }
        };
        tokio::time::timeout(limit, search)
            .await
            .map_err(|_| SimError::Timeout(limit))
    }
}
