//! Public keys as the server stores and hands them out.

use crate::clock::unix_seconds;
use crate::error::{Result, SimError};
use crate::stanza::{be_number, bytes, children, grandchildren, leaf, need};
use std::collections::VecDeque;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

/// One-time keys kept per device; an upload beyond it is refused.
pub(crate) const MAX_ONE_TIME_KEYS: usize = 10_000;

/// The lasting public keys of a device.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyBundle {
    pub(crate) registration: u32,
    pub(crate) identity: Vec<u8>,
    pub(crate) signed_id: u32,
    pub(crate) signed_key: Vec<u8>,
    pub(crate) signed_signature: Vec<u8>,
}

/// A public key that is handed out once.
#[derive(Debug, Clone)]
pub(crate) struct OneTimeKey {
    pub(crate) id: u32,
    pub(crate) public: Vec<u8>,
}

/// What the server holds for a linked device.
#[derive(Debug, Default)]
pub(crate) struct DeviceKeys {
    pub(crate) bundle: KeyBundle,
    pub(crate) one_time: VecDeque<OneTimeKey>,
}

impl DeviceKeys {
    /// The lasting keys and, while there are any, a one-time key that is then gone.
    pub(crate) fn take(&mut self) -> (KeyBundle, Option<OneTimeKey>) {
        let one_time = self.one_time.pop_front();
        (self.bundle.clone(), one_time)
    }

    /// Stores an upload: `<registration> <type> <identity> <list> <skey>`.
    pub(crate) fn upload(&mut self, iq: &Node) -> Result<()> {
        let fresh: Vec<OneTimeKey> = grandchildren(iq, "list")
            .iter()
            .map(parse_key)
            .collect::<Result<_>>()?;
        if self.one_time.len() + fresh.len() > MAX_ONE_TIME_KEYS {
            return Err(SimError::protocol("too many one-time keys uploaded"));
        }
        self.rotate(iq)?;
        self.one_time
            .retain(|old| fresh.iter().all(|new| new.id != old.id));
        self.one_time.extend(fresh);
        Ok(())
    }

    /// Replaces the signed key.
    pub(crate) fn rotate(&mut self, holder: &Node) -> Result<()> {
        let signed = need(holder, "skey")?;
        self.bundle.signed_id = be_number(&bytes(need(signed, "id")?));
        self.bundle.signed_key = bytes(need(signed, "value")?);
        self.bundle.signed_signature = bytes(need(signed, "signature")?);
        Ok(())
    }

    /// The digest a client compares with its own keys.
    pub(crate) fn digest(&self) -> Node {
        let publics: Vec<&[u8]> = self.one_time.iter().map(|k| k.public.as_slice()).collect();
        let hash = wacore::prekeys::compute_key_bundle_digest(
            &self.bundle.identity,
            &self.bundle.signed_key,
            &self.bundle.signed_signature,
            &publics,
        );
        let ids = self.one_time.iter().map(|k| leaf("id", short_id(k.id)));
        let mut parts = lasting_nodes(&self.bundle);
        parts.push(NodeBuilder::new("list").children(ids).build());
        parts.push(leaf("hash", hash));
        NodeBuilder::new("digest").children(parts).build()
    }
}

fn parse_key(node: &Node) -> Result<OneTimeKey> {
    Ok(OneTimeKey {
        id: be_number(&bytes(need(node, "id")?)),
        public: bytes(need(node, "value")?),
    })
}

/// Key ids travel as three big-endian bytes.
fn short_id(id: u32) -> Vec<u8> {
    id.to_be_bytes()[1..].to_vec()
}

fn lasting_nodes(bundle: &KeyBundle) -> Vec<Node> {
    vec![
        leaf("registration", bundle.registration.to_be_bytes()),
        leaf("type", [5u8]),
        leaf("identity", bundle.identity.clone()),
        NodeBuilder::new("skey")
            .children([
                leaf("id", short_id(bundle.signed_id)),
                leaf("value", bundle.signed_key.clone()),
                leaf("signature", bundle.signed_signature.clone()),
            ])
            .build(),
    ]
}

/// The answer to a key request for one device; `adv` proves a companion's place in its account.
pub(crate) fn bundle_node(
    device: &Jid,
    bundle: &KeyBundle,
    one_time: Option<&OneTimeKey>,
    adv: Option<Vec<u8>>,
) -> Node {
    let mut parts = lasting_nodes(bundle);
    if let Some(key) = one_time {
        parts.push(key_node(key));
    }
    parts.extend(adv.map(|a| leaf("device-identity", a)));
    NodeBuilder::new("user")
        .attr("jid", device.clone())
        .attr("t", unix_seconds())
        .children(parts)
        .build()
}

fn key_node(key: &OneTimeKey) -> Node {
    NodeBuilder::new("key")
        .children([
            leaf("id", short_id(key.id)),
            leaf("value", key.public.clone()),
        ])
        .build()
}

/// The `<keys>` of a retry receipt, so that the sender can open a session anew.
pub(crate) fn retry_keys_node(bundle: &KeyBundle, one_time: &OneTimeKey) -> Node {
    let mut parts: Vec<Node> = lasting_nodes(bundle)
        .into_iter()
        .filter(|n| n.tag != "registration")
        .collect();
    parts.insert(2, key_node(one_time));
    NodeBuilder::new("keys").children(parts).build()
}

/// Reads the `<keys>` of a client's retry receipt, with its `<registration>` beside it.
pub(crate) fn parse_retry_keys(receipt: &Node) -> Result<Option<(KeyBundle, Option<OneTimeKey>)>> {
    let Some(keys) = crate::stanza::child(receipt, "keys") else {
        return Ok(None);
    };
    let registration = be_number(&bytes(need(receipt, "registration")?));
    let mut parsed = DeviceKeys {
        bundle: KeyBundle {
            registration,
            identity: bytes(need(keys, "identity")?),
            ..KeyBundle::default()
        },
        one_time: VecDeque::new(),
    };
    parsed.rotate(keys)?;
    let one_time = children(keys)
        .iter()
        .find(|n| n.tag == "key")
        .map(parse_key)
        .transpose()?;
    Ok(Some((parsed.bundle, one_time)))
}
