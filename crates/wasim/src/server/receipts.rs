//! Receipts, acks, typing and presence, in both directions.

use crate::clock::unix_seconds;
use crate::error::{Result, SimError};
use crate::event::NetEvent;
use crate::keys::parse_retry_keys;
use crate::lock::Locked;
use crate::mailbox::Class;
use crate::person::Person;
use crate::phone::phone_is_online;
use crate::sending::{self, RetryRequest};
use crate::server::reupload;
use crate::server::session::{Session, push};
use crate::stanza::{attr, child, first_child, grandchildren, jid_attr, need_jid, opt_attr};
use crate::world::World;
use std::sync::Arc;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};

/// Repeats of one message that a sender grants, as real apps do.
const MAX_REPEATS: u32 = 5;

/// A receipt of a linked device. It settles the messages it names, unless it asks for them or for their
/// media: the ack that follows a retry receipt settles what could not be read, and what the sender
/// repeats under the same id stays owed by itself.
pub(crate) async fn from_device(session: &Arc<Session>, receipt: &Node) -> Result<()> {
    let to = need_jid(receipt, "to")?;
    let kind = opt_attr(receipt, "type").unwrap_or_else(|| "delivery".into());
    let mut ids = vec![attr(receipt, "id")];
    ids.extend(
        grandchildren(receipt, "list")
            .iter()
            .map(|item| attr(item, "id")),
    );
    let mut ack = NodeBuilder::new("ack")
        .attr("class", "receipt")
        .attr("id", attr(receipt, "id"))
        .attr("from", to.clone());
    for key in ["type", "participant", "recipient"] {
        if let Some(value) = receipt.attrs.get(key) {
            ack = ack.attr(key, value.clone());
        }
    }
    session.conn.answer(ack.build()).await;
    if !matches!(kind.as_str(), "retry" | "server-error") {
        ids.iter()
            .for_each(|id| settle(session, Class::Message, id));
    }
    match kind.as_str() {
        "retry" => return retry(session, receipt, &to),
        "server-error" => return reupload::answer(session, receipt),
        _ => {}
    }
    session.world.event(NetEvent::Receipt {
        account: session.account.pn.clone(),
        device: session.companion.device,
        to: to.to_string(),
        ids,
        kind,
    });
    Ok(())
}

/// Marks a stanza as acknowledged.
pub(crate) fn settle(session: &Session, class: Class, id: &str) {
    let settled = session.companion.post.locked().mailbox().settle(class, id);
    if !settled.is_some_and(|owed| owed.is_said()) {
        return;
    }
    let account = session.account.pn.clone();
    let device = session.companion.device;
    session.world.ledger.locked().acked(&account, device, id);
    session.world.event(NetEvent::Acked {
        account,
        device,
        id: id.to_owned(),
    });
}

/// The device could not decrypt: its sender repeats the message, if it still has it.
fn retry(session: &Arc<Session>, receipt: &Node, to: &Jid) -> Result<()> {
    let author = jid_attr(receipt, "participant").unwrap_or_else(|| to.clone());
    let id = attr(receipt, "id");
    let count = child(receipt, "retry")
        .and_then(|r| attr(r, "count").parse().ok())
        .unwrap_or(1);
    session.world.event(NetEvent::DeviceAskedRetry {
        account: session.account.pn.clone(),
        device: session.companion.device,
        id: id.clone(),
        count,
    });
    let sender = session
        .world
        .person_at(&author)
        .ok_or_else(|| SimError::protocol("a retry of a message from nobody"))?;
    if count > MAX_REPEATS || !phone_is_online(&session.world, &sender) {
        return Ok(());
    }
    let request = RetryRequest {
        id,
        as_address: author,
        count,
        keys: parse_retry_keys(receipt)?,
    };
    let late = session.world.faults.plan(&session.account.pn).retry_late_by;
    let (world, companion) = (session.world.clone(), session.companion.clone());
    tokio::spawn(async move {
        if let Err(error) = sending::repeat(&world, &sender, &companion, request, late).await {
            tracing::warn!(%error, "a message could not be repeated");
        }
    });
    Ok(())
}

/// Typing and presence of a linked device.
pub(crate) fn presence(session: &Session, node: &Node) {
    let account = session.account.pn.clone();
    if node.tag == "presence" {
        let state = opt_attr(node, "type").unwrap_or_else(|| "available".into());
        session.world.event(NetEvent::Presence { account, state });
        return;
    }
    let state = first_child(node).map(|what| {
        if attr(what, "media") == "audio" {
            "recording".to_owned()
        } else {
            what.tag.to_string()
        }
    });
    session.world.event(NetEvent::Typing {
        account,
        to: attr(node, "to"),
        state: state.unwrap_or_default(),
    });
}

/// A person's app tells an account's linked devices that it got, or read, one of their messages.
pub(crate) fn receipt_to_account(
    world: &World,
    reader: &Person,
    account: &Person,
    group: Option<&str>,
    id: &str,
    kind: Option<&'static str>,
) -> Result<()> {
    for companion in account.companions() {
        let mut node = NodeBuilder::new("receipt")
            .attr("id", id.to_owned())
            .attr("t", unix_seconds());
        let own = reader.jid_for(account.addressing);
        node = match group {
            Some(group) => node
                .attr("from", Jid::group(group))
                .attr("participant", own),
            None => node.attr("from", own),
        };
        if let Some(kind) = kind {
            node = node.attr("type", kind);
        }
        push(
            world,
            &companion,
            Class::Receipt,
            id,
            group.unwrap_or(&reader.lid),
            node.build(),
        )?;
    }
    Ok(())
}

/// An account's owner read messages on the phone: the linked devices are told, as `read-self`.
pub(crate) fn read_by_owner(
    world: &World,
    account: &Person,
    chat: &str,
    ids: &[&str],
) -> Result<()> {
    let Some((first, more)) = ids.split_first() else {
        return Ok(());
    };
    let chat = match world.group(chat) {
        Ok(room) => room.jid(),
        Err(_) => world.person(chat)?.jid_for(account.addressing),
    };
    for companion in account.companions() {
        let mut node = NodeBuilder::new("receipt")
            .attr("id", (*first).to_owned())
            .attr("t", unix_seconds())
            .attr("type", "read-self")
            .attr("from", account.jid_for(account.addressing))
            .attr("recipient", chat.clone());
        if !more.is_empty() {
            let items = more.iter().map(|id| {
                NodeBuilder::new("item")
                    .attr("id", (*id).to_owned())
                    .build()
            });
            node = node.children([NodeBuilder::new("list").children(items).build()]);
        }
        let order = chat.to_string();
        push(
            world,
            &companion,
            Class::Receipt,
            first,
            &order,
            node.build(),
        )?;
    }
    Ok(())
}
