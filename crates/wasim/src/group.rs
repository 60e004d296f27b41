//! Groups: members, metadata and messages under sender keys.

use crate::content::{Kind, Outgoing};
use crate::error::{Result, SimError};
use crate::person::Person;
use crate::sending::RetryRequest;
use crate::server::Session;
use crate::signal::Sealed;
use crate::world::World;
use std::sync::Arc;
use wa::message::SenderKeyDistributionMessage;
use wacore_binary::{Jid, Node};
use waproto::whatsapp as wa;

/// One group.
pub(crate) struct Group {}

pub(crate) fn repeat_stanza(
    _world: &World,
    _sender: &Person,
    group: &str,
    _request: &RetryRequest,
    _kind: Kind,
    _sealed: Sealed,
) -> Result<Node> {
    Err(SimError::UnknownGroup(group.to_owned()))
}

pub(crate) async fn fan_out(
    _session: &Arc<Session>,
    _node: &Node,
    _id: &str,
    group: &Jid,
    _sealed: Sealed,
) -> Result<()> {
    Err(SimError::UnknownGroup(group.user.to_string()))
}

pub(crate) async fn learn(
    _session: &Session,
    _person: &Person,
    group: &Jid,
    _distribution: &SenderKeyDistributionMessage,
) -> Result<()> {
    Err(SimError::UnknownGroup(group.user.to_string()))
}

pub(crate) async fn send(
    _world: &Arc<World>,
    _sender: &Arc<Person>,
    group: &str,
    _what: &Outgoing,
    _id: Option<String>,
) -> Result<String> {
    Err(SimError::UnknownGroup(group.to_owned()))
}
