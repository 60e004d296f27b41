//! Group requests of linked devices (`w:g2`).

use crate::error::{Result, SimError};
use crate::group::{self, Change, Room};
use crate::lock::Shared;
use crate::person::Person;
use crate::server::session::Session;
use crate::stanza::{
    attr, child, children, first_child, iq_error, iq_result, jid_attr, need, text,
};
use std::sync::Arc;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

/// Answers a group request; one that cannot be met gets an error of the protocol.
pub(crate) async fn answer(session: &Session, iq: &Node) -> Result<()> {
    let reply = match respond(session, iq) {
        Ok(content) => iq_result(iq, content),
        Err(SimError::UnknownGroup(_)) => iq_error(iq, 404, "item-not-found"),
        Err(error) => {
            tracing::debug!(%error, "a group request was refused");
            iq_error(iq, 400, "bad-request")
        }
    };
    session.conn.answer(reply).await;
    Ok(())
}

fn respond(session: &Session, iq: &Node) -> Result<Vec<Node>> {
    let what = first_child(iq).ok_or_else(|| SimError::protocol("an empty group request"))?;
    match &*what.tag {
        "create" => create(session, what),
        "participating" => Ok(vec![participating(session)]),
        "leave" => leave(session, what),
        "query" if child(what, "group").is_some() => {
            let asked = children(what).iter().filter_map(|g| jid_attr(g, "jid"));
            let rooms = asked.filter_map(|jid| session.world.group(jid.user.as_str()).ok());
            let groups: Vec<Node> = rooms.map(|room| room.node()).collect();
            Ok(vec![NodeBuilder::new("groups").children(groups).build()])
        }
        "query" => Ok(vec![room_of(session, iq)?.node()]),
        "invite" => Ok(vec![
            NodeBuilder::new("invite").attr("code", "simulated").build(),
        ]),
        _ => changed(session, iq, what),
    }
}

/// The group that a request is about; only members may ask.
fn room_of(session: &Session, iq: &Node) -> Result<Arc<Room>> {
    let jid = jid_attr(iq, "to").ok_or_else(|| SimError::protocol("no group named"))?;
    let room = session.world.group(jid.user.as_str())?;
    if room.has(&session.account) {
        Ok(room)
    } else {
        Err(SimError::UnknownGroup(room.id.clone()))
    }
}

fn create(session: &Session, what: &Node) -> Result<Vec<Node>> {
    let members = people(session, what)?;
    let room = group::create(
        &session.world,
        &session.account,
        &attr(what, "subject"),
        &members,
        Some(here(session)),
    )?;
    Ok(vec![room.node()])
}

/// The asking device, which needs no notification of what it did itself.
fn here(session: &Session) -> (&str, u16) {
    (session.account.pn.as_str(), session.companion.device)
}

fn people(session: &Session, holder: &Node) -> Result<Vec<Arc<Person>>> {
    children(holder)
        .iter()
        .filter(|n| n.tag == "participant")
        .map(|n| {
            let jid = jid_attr(n, "jid").ok_or_else(|| SimError::protocol("no address"))?;
            session
                .world
                .person_at(&jid)
                .ok_or_else(|| SimError::UnknownNumber(jid.user.to_string()))
        })
        .collect()
}

fn participating(session: &Session) -> Node {
    let groups: Vec<Arc<Room>> = session
        .world
        .directory
        .reading()
        .groups
        .values()
        .cloned()
        .collect();
    let mine = groups
        .iter()
        .filter(|room| room.has(&session.account))
        .map(|room| room.node());
    NodeBuilder::new("groups").children(mine).build()
}

fn leave(session: &Session, what: &Node) -> Result<Vec<Node>> {
    let mut left = Vec::new();
    for named in children(what) {
        let id = attr(named, "id");
        let id = id.split('@').next().unwrap_or_default();
        let room = session.world.group(id)?;
        let change = Change::Remove(vec![session.account.clone()]);
        group::change(
            &session.world,
            &room,
            &session.account,
            &change,
            Some(here(session)),
        )?;
        left.push(NodeBuilder::new("group").attr("id", room.jid()).build());
    }
    Ok(vec![NodeBuilder::new("leave").children(left).build()])
}

fn changed(session: &Session, iq: &Node, what: &Node) -> Result<Vec<Node>> {
    let room = room_of(session, iq)?;
    let (change, echoed) = match &*what.tag {
        "add" => (Change::Add(people(session, what)?), Echo::People),
        "remove" => (Change::Remove(people(session, what)?), Echo::People),
        "promote" => (Change::Promote(people(session, what)?), Echo::People),
        "demote" => (Change::Demote(people(session, what)?), Echo::People),
        "subject" => (Change::Subject(text(what)), Echo::Nothing),
        "description" => {
            let body = need(what, "body").ok().map(text);
            (Change::Description(body), Echo::Nothing)
        }
        // Settings that change nothing here (locked, announcement, ephemeral, ...) are accepted.
        _ => return Ok(Vec::new()),
    };
    group::change(
        &session.world,
        &room,
        &session.account,
        &change,
        Some(here(session)),
    )?;
    Ok(match echoed {
        Echo::People => vec![outcome(what)],
        Echo::Nothing => Vec::new(),
    })
}

/// What a successful change answers with.
enum Echo {
    People,
    Nothing,
}

fn outcome(what: &Node) -> Node {
    let done = children(what).iter().filter_map(|n| jid_attr(n, "jid"));
    let done = done.map(|jid: Jid| NodeBuilder::new("participant").attr("jid", jid).build());
    NodeBuilder::new_dynamic(what.tag.to_string())
        .children(done)
        .build()
}
