//! Other people's devices, as Baileys and whatsmeow name them: `user_domain` and a device number.

use std::collections::BTreeMap;
use wacore::types::jid::JidExt as _;
use wacore_binary::Jid;

/// Where a device belongs. The numbers are the domain types of WhatsApp's binary addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Domain {
    Phone,
    Lid,
    Hosted,
    HostedLid,
}

impl Domain {
    fn numbered(number: &str) -> Option<Self> {
        match number {
            "0" => Some(Self::Phone),
            "1" => Some(Self::Lid),
            "128" => Some(Self::Hosted),
            "129" => Some(Self::HostedLid),
            _ => None,
        }
    }

    fn server(self) -> &'static str {
        match self {
            Self::Phone => "s.whatsapp.net",
            Self::Lid => "lid",
            Self::Hosted => "hosted",
            Self::HostedLid => "hosted.lid",
        }
    }
}

/// Pairs of numbers and LIDs.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    lid_of: BTreeMap<String, String>,
    number_of: BTreeMap<String, String>,
}

impl Pairs {
    pub(super) fn insert(&mut self, number: &str, lid: &str) {
        self.lid_of.insert(number.to_owned(), lid.to_owned());
        self.number_of.insert(lid.to_owned(), number.to_owned());
    }

    /// Every pair, number first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lid_of.iter().map(|(n, l)| (n.as_str(), l.as_str()))
    }

    pub(super) fn lid_of(&self, number: &str) -> Option<&str> {
        self.lid_of.get(number).map(String::as_str)
    }

    fn is_lid(&self, user: &str) -> bool {
        self.number_of.contains_key(user)
    }
}

/// One device of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    user: String,
    domain: Domain,
    device: u16,
}

impl Peer {
    /// Reads `user_domain` and the device. Older clients wrote no domain: what is known as a LID is
    /// one.
    pub(super) fn parse(name: &str, device: &str, pairs: &Pairs) -> Option<Self> {
        let device = device.parse().ok()?;
        let (user, domain) = match name.split_once('_') {
            Some((user, domain)) => (user, Domain::numbered(domain)?),
            None if pairs.is_lid(name) => (name, Domain::Lid),
            None => (name, Domain::Phone),
        };
        let legible = !user.is_empty() && user.chars().all(|c| c.is_ascii_digit() || c == '.');
        legible.then(|| Self {
            user: user.to_owned(),
            domain,
            device,
        })
    }

    /// The same device under the LID of its owner, where that is known: sessions are kept there.
    pub(super) fn by_lid(&self, pairs: &Pairs) -> Option<Self> {
        let domain = match self.domain {
            Domain::Phone => Domain::Lid,
            Domain::Hosted => Domain::HostedLid,
            Domain::Lid | Domain::HostedLid => return None,
        };
        Some(Self {
            user: pairs.lid_of(&self.user)?.to_owned(),
            domain,
            device: self.device,
        })
    }

    /// Whether this is exactly the device with that address.
    pub(super) fn is(&self, jid: &Jid) -> bool {
        jid.user.as_str() == self.user && jid.device == self.device
    }

    /// The person, without the device.
    pub(super) fn person(&self) -> Self {
        Self {
            device: 0,
            ..self.clone()
        }
    }

    /// The name under which its session and identity are stored; `None` when it is no address.
    pub(super) fn signal_address(&self) -> Option<String> {
        let Self {
            user,
            domain,
            device,
        } = self;
        let server = domain.server();
        let text = match device {
            0 => format!("{user}@{server}"),
            _ => format!("{user}:{device}@{server}"),
        };
        let jid: Jid = text.parse().ok()?;
        Some(jid.to_protocol_address_string())
    }
}
