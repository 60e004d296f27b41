//! Everything the server knows, shared by all connections.

use crate::callers::Callers;
use crate::clock::Clock;
use crate::error::{Result, SimError};
use crate::event::{EventLog, NetEvent};
use crate::faults::Faults;
use crate::group::Room;
use crate::ledger::Ledger;
use crate::lock::{Locked, Shared};
use crate::media::MediaStore;
use crate::network::NetworkConfig;
use crate::noise::ServerIdentity;
use crate::person::Person;
use crate::seed::SimRng;
use crate::server::linking::Linking;
use rand::Rng;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use tokio_util::sync::CancellationToken;
use wacore_binary::{Jid, Server};

/// People and groups by their addresses.
#[derive(Default)]
pub(crate) struct Directory {
    by_pn: HashMap<String, Arc<Person>>,
    by_lid: HashMap<String, Arc<Person>>,
    pub(crate) groups: HashMap<String, Arc<Room>>,
}

impl Directory {
    pub(crate) fn add(&mut self, person: Arc<Person>) -> Result<()> {
        if self.by_pn.contains_key(&person.pn) || self.by_lid.contains_key(&person.lid) {
            return Err(SimError::Taken(person.pn.clone()));
        }
        self.by_pn.insert(person.pn.clone(), person.clone());
        self.by_lid.insert(person.lid.clone(), person);
        Ok(())
    }

    pub(crate) fn by_jid(&self, jid: &Jid) -> Option<Arc<Person>> {
        let map = if jid.server == Server::Lid {
            &self.by_lid
        } else {
            &self.by_pn
        };
        map.get(jid.user.as_str()).cloned()
    }

    pub(crate) fn by_pn(&self, pn: &str) -> Option<Arc<Person>> {
        self.by_pn.get(pn).cloned()
    }

    pub(crate) fn by_lid(&self, lid: &str) -> Option<Arc<Person>> {
        self.by_lid.get(lid).cloned()
    }

    pub(crate) fn people(&self) -> Vec<Arc<Person>> {
        self.by_pn.values().cloned().collect()
    }
}

/// The network's state.
pub(crate) struct World {
    pub(crate) config: NetworkConfig,
    pub(crate) clock: Clock,
    pub(crate) identity: ServerIdentity,
    pub(crate) media: Arc<MediaStore>,
    pub(crate) callers: Arc<Callers>,
    pub(crate) directory: RwLock<Directory>,
    pub(crate) linking: Mutex<Linking>,
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) events: Arc<EventLog>,
    pub(crate) faults: Faults,
    pub(crate) dice: Mutex<SimRng>,
    pub(crate) stop: CancellationToken,
    pub(crate) counter: AtomicU64,
}

impl World {
    /// A number that was not used before, for ids of connections, IQs and notifications.
    pub(crate) fn number(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    /// Random bytes of the network's own stream.
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0u8; N];
        self.dice.locked().fill_bytes(&mut bytes);
        bytes
    }

    /// A message id as apps make them.
    pub(crate) fn message_id(&self) -> String {
        format!("3EB0{}", hex::encode_upper(self.random::<9>()))
    }

    pub(crate) fn event(&self, event: NetEvent) {
        self.events.add(event);
    }

    /// The person with this number.
    pub(crate) fn person(&self, number: &str) -> Result<Arc<Person>> {
        self.directory
            .reading()
            .by_pn(number)
            .ok_or_else(|| SimError::UnknownNumber(number.to_owned()))
    }

    /// The person with this address, whichever family.
    pub(crate) fn person_at(&self, jid: &Jid) -> Option<Arc<Person>> {
        self.directory.reading().by_jid(jid)
    }

    /// The person with this LID.
    pub(crate) fn directory_by_lid(&self, lid: &str) -> Result<Arc<Person>> {
        let found = self.directory.reading().by_lid(lid);
        found.ok_or_else(|| SimError::UnknownNumber(lid.to_owned()))
    }

    pub(crate) fn group(&self, id: &str) -> Result<Arc<Room>> {
        let groups = self.directory.reading();
        groups
            .groups
            .get(id)
            .cloned()
            .ok_or_else(|| SimError::UnknownGroup(id.to_owned()))
    }
}
