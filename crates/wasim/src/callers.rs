//! Where connections come from: what shows whether a client kept to its proxy.

use crate::lock::Locked;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;
use tokio::net::TcpStream;

/// Addresses told apart; connections from further ones are counted with the last.
const ADDRESSES_MAX: usize = 1_024;

/// How many connections came from which address, since the network began.
#[derive(Debug, Default)]
pub(crate) struct Callers(Mutex<BTreeMap<IpAddr, u64>>);

impl Callers {
    /// Notes a connection; one that is gone already came from nowhere.
    pub(crate) fn note(&self, connection: &TcpStream) {
        let Ok(address) = connection.peer_addr() else {
            return;
        };
        let mut known = self.0.locked();
        if known.contains_key(&address.ip()) || known.len() < ADDRESSES_MAX {
            *known.entry(address.ip()).or_default() += 1;
        } else if let Some(mut last) = known.last_entry() {
            *last.get_mut() += 1;
        }
    }

    pub(crate) fn counts(&self) -> BTreeMap<IpAddr, u64> {
        self.0.locked().clone()
    }
}
