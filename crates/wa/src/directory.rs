//! Whom the protocol library knows, and under which addresses.

use crate::jid;
use std::sync::{Arc, Weak};
use wacore_binary::Jid;
use waypost_engine::model::Address;
use whatsapp_rust::Client;

/// Asks the library. Does not keep it alive.
#[derive(Clone)]
pub(crate) struct Directory {
    client: Weak<Client>,
}

impl Directory {
    pub(crate) fn of(client: &Arc<Client>) -> Self {
        Self {
            client: Arc::downgrade(client),
        }
    }

    /// The account's own number, once known.
    pub(crate) fn own(&self) -> Option<Address> {
        self.client.upgrade()?.pn().map(|own| jid::address(&own))
    }

    /// Whether this is the account's own phone, and not another of its linked devices.
    pub(crate) fn is_own_phone(&self, device: &Jid) -> bool {
        if device.device != 0 {
            return false;
        }
        let Some(client) = self.client.upgrade() else {
            return false;
        };
        let is_own = |own: Option<Jid>| own.is_some_and(|own| own.user == device.user);
        is_own(client.pn()) || is_own(client.lid())
    }

    /// A person's number for their LID, or the other way round.
    pub(crate) async fn other(&self, person: &Address) -> Option<Address> {
        let client = self.client.upgrade()?;
        let found = client.get_lid_pn_entry(&jid::jid(person)?).await;
        let entry = found
            .inspect_err(|error| tracing::warn!(%error, "an address cannot be looked up"))
            .ok()??;
        match person {
            Address::Lid(_) => Some(Address::phone(&entry.phone_number)),
            Address::Phone(_) => Some(Address::lid(&entry.lid)),
            _ => None,
        }
    }
}
