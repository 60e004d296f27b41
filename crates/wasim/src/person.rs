//! People on the network: an owner of linked devices ("account") or a plain contact. Either has a
//! primary device with its own keys, made on first use so that idle contacts cost little.

use crate::companion::Companion;
use crate::content::Described;
use crate::error::{Result, SimError};
use crate::lock::Locked;
use crate::script::Script;
use crate::signal::SignalDevice;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};
use wacore_binary::{Jid, Server};
use waproto::whatsapp as wa;

/// Messages an app remembers for quoting, reacting and answering retry requests; older ones are forgotten.
pub const MAX_REMEMBERED: usize = 2_000;
/// Devices that may be linked to one account, as on the real network.
pub const MAX_LINKED_DEVICES: usize = 4;

/// Whether an account or contact has moved to LID addressing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressing {
    /// Stanzas carry LIDs, with the phone number beside.
    #[default]
    Migrated,
    /// Stanzas carry phone numbers, with the LID beside.
    Unmigrated,
}

/// A conversation as a primary device sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Chat {
    /// With one person, by LID.
    Person(String),
    /// A group, by id.
    Group(String),
}

/// A message an app knows.
#[derive(Debug, Clone)]
pub(crate) struct Remembered {
    pub(crate) chat: Chat,
    /// LID of the author.
    pub(crate) author: String,
    pub(crate) message: Arc<wa::Message>,
    /// When it was sent, in seconds since 1970.
    pub(crate) at: u64,
}

/// What an app remembers.
#[derive(Default)]
pub(crate) struct Memory {
    by_id: HashMap<String, Remembered>,
    order: VecDeque<String>,
    /// How often a retry was asked for, per message id.
    pub(crate) retries: HashMap<String, u32>,
}

impl Memory {
    pub(crate) fn remember(&mut self, id: &str, remembered: Remembered) {
        if self.by_id.insert(id.to_owned(), remembered).is_none() {
            self.order.push_back(id.to_owned());
        }
        if self.order.len() > MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_id.remove(&oldest);
            self.retries.remove(&oldest);
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Remembered> {
        self.by_id.get(id).cloned()
    }

    /// Forgets a message, as when its owner deleted it.
    pub(crate) fn forget(&mut self, id: &str) {
        if self.by_id.remove(id).is_some() {
            self.order.retain(|known| known != id);
        }
    }

    /// At most `count` messages of a message's conversation that came before it, newest first;
    /// `None` when the message is not known.
    pub(crate) fn before(&self, id: &str, count: usize) -> Option<Vec<(String, Remembered)>> {
        let chat = &self.by_id.get(id)?.chat;
        let older = self.order.iter().rev().skip_while(|known| *known != id);
        let older = older.skip(1).filter_map(|known| {
            let message = self.by_id.get(known)?;
            (message.chat == *chat).then(|| (known.clone(), message.clone()))
        });
        Some(older.take(count).collect())
    }
}

/// The parts that exist only once somebody used them.
pub(crate) struct Live {
    pub(crate) device: tokio::sync::Mutex<SignalDevice>,
    pub(crate) memory: Mutex<Memory>,
}

/// One person.
pub(crate) struct Person {
    pub(crate) pn: String,
    pub(crate) lid: String,
    pub(crate) push_name: String,
    pub(crate) addressing: Addressing,
    pub(crate) script: Mutex<Script>,
    live: OnceLock<Box<Live>>,
    pub(crate) account: Option<Box<Account>>,
}

/// What an account has beyond a contact.
pub(crate) struct Account {
    pub(crate) platform: String,
    pub(crate) companions: Mutex<BTreeMap<u16, Arc<Companion>>>,
    pub(crate) next_device: Mutex<u16>,
    pub(crate) sync_key_id: [u8; 6],
    pub(crate) sync_key: [u8; 32],
    pub(crate) collections: Mutex<crate::server::appstate::Collections>,
    pub(crate) phone: Mutex<PhoneState>,
}

/// What the owner's phone is up to.
#[derive(Debug, Default)]
pub(crate) struct PhoneState {
    /// Switched off until this time of the network's clock.
    pub(crate) offline_until: Option<std::time::Duration>,
    /// What a newly linked device is given.
    pub(crate) history: Vec<crate::server::history::Kept>,
    /// How it is given that.
    pub(crate) sharing: crate::server::history::HistorySharing,
    /// What happens when a code is scanned or typed.
    pub(crate) linking: LinkPolicy,
    /// What happens when a linked device could not decrypt a message.
    pub(crate) placeholders: PlaceholderHelp,
}

/// Whether a phone gives its linked devices messages that they could not decrypt themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceholderHelp {
    /// It leaves that to the sender, who is asked as well.
    #[default]
    Never,
    /// It sends what it knows, which may overtake or double the sender's own repeat.
    WhenAsked,
}

/// How an account's owner links devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPolicy {
    /// A scan or a code is enough.
    #[default]
    Open,
    /// The server demands a passkey as well, which nothing here can provide: no link comes about.
    PasskeyDemanded,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("pn", &self.pn)
            .finish_non_exhaustive()
    }
}

impl Person {
    pub(crate) fn new(
        pn: String,
        lid: String,
        push_name: String,
        addressing: Addressing,
        account: Option<Box<Account>>,
    ) -> Self {
        Self {
            pn,
            lid,
            push_name,
            addressing,
            script: Mutex::new(Script::Ignore),
            live: OnceLock::new(),
            account,
        }
    }

    /// Keys and memory, made now if nobody needed them before.
    pub(crate) fn live(&self, seed: u64) -> Result<&Live> {
        if let Some(live) = self.live.get() {
            return Ok(live);
        }
        let device = SignalDevice::generate(seed, &format!("primary device of {}", self.lid))?;
        // Two tasks may get here at once; the keys are the same either way and one set wins.
        let fresh = Live {
            device: tokio::sync::Mutex::new(device),
            memory: Mutex::default(),
        };
        Ok(self.live.get_or_init(|| Box::new(fresh)))
    }

    pub(crate) fn account(&self) -> Result<&Account> {
        self.account
            .as_deref()
            .ok_or_else(|| SimError::NotAnAccount(self.pn.clone()))
    }

    pub(crate) fn pn_jid(&self) -> Jid {
        Jid::pn(self.pn.as_str())
    }

    pub(crate) fn lid_jid(&self) -> Jid {
        Jid::lid(self.lid.as_str())
    }

    /// The address under which this person writes to somebody with that addressing.
    pub(crate) fn jid_for(&self, other: Addressing) -> Jid {
        match (self.addressing, other) {
            (Addressing::Migrated, Addressing::Migrated) => self.lid_jid(),
            _ => self.pn_jid(),
        }
    }

    /// This person's address of the same family as `like`.
    pub(crate) fn jid_like(&self, like: &Jid) -> Jid {
        if like.server == Server::Lid {
            self.lid_jid()
        } else {
            self.pn_jid()
        }
    }

    /// The linked devices, none for a contact.
    pub(crate) fn companions(&self) -> Vec<Arc<Companion>> {
        self.account.as_ref().map_or_else(Vec::new, |a| {
            a.companions.locked().values().cloned().collect()
        })
    }

    pub(crate) fn companion(&self, device: u16) -> Option<Arc<Companion>> {
        self.account
            .as_ref()?
            .companions
            .locked()
            .get(&device)
            .cloned()
    }

    pub(crate) fn remember(&self, seed: u64, id: &str, remembered: Remembered) -> Result<()> {
        self.live(seed)?.memory.locked().remember(id, remembered);
        Ok(())
    }
}

/// What a script is told about a message that arrived.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The account that sent it.
    pub account: String,
    /// The group it was sent to, if any.
    pub group: Option<String>,
    /// The wire id.
    pub id: String,
    /// What it says.
    pub described: Described,
}
