//! Messages of linked devices: accepted, acknowledged, and passed on to every device they are for.

use crate::clock::unix_seconds;
use crate::contact::{self, SendHow, TypingState};
use crate::content::{self, Described, Kind};
use crate::error::{Result, SimError};
use crate::event::NetEvent;
use crate::keys::retry_keys_node;
use crate::ledger::{Seen, Shown};
use crate::lock::Locked;
use crate::mailbox::Class;
use crate::network::Dedupe;
use crate::person::{Chat, Incoming, Person, Remembered};
use crate::script::Act;
use crate::sending;
use crate::server::placeholder;
use crate::server::receipts::receipt_to_account;
use crate::server::session::{Session, push};
use crate::signal::{EncKind, Sealed, Undecrypted};
use crate::stanza::{
    attr, bytes, child, children, grandchildren, jid_attr, leaf, need_jid, opt_attr,
};
use crate::world::World;
use std::sync::Arc;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};
use waproto::buffa::Message as _;
use waproto::whatsapp as wa;

/// Devices that one message may be sealed for.
const MAX_RECIPIENTS: usize = 4_096;
/// Times an app asks for a message that it cannot decrypt.
const MAX_RETRIES: u32 = 5;
/// Error code for messages to groups that the account is not in.
const NOT_A_MEMBER: u32 = 403;
/// From this attempt on an app sends new keys along.
const RETRY_WITH_KEYS: u32 = 2;

/// A `<message>` of a linked device.
pub(crate) async fn message(session: &Arc<Session>, node: &Node) -> Result<()> {
    let world = &session.world;
    let account = &session.account.pn;
    let to = need_jid(node, "to")?;
    let id = attr(node, "id");
    if id.is_empty() {
        return Err(SimError::protocol("a message without an id"));
    }
    let chat = sending::lane_of(world, &to);
    let encs = ciphertexts(node, &to)?;
    let repeat = encs
        .iter()
        .any(|(_, enc)| opt_attr(enc, "count").is_some_and(|c| c != "0"));
    let outsider = to.server == Server::Group && !is_member(session, &to);
    let peer = attr(node, "category") == "peer";

    if !repeat && !peer {
        world
            .ledger
            .locked()
            .raw(account, session.companion.device, &chat, &id);
    }
    let plan = world.faults.plan(account);
    let refusal = if outsider {
        Some(NOT_A_MEMBER)
    } else {
        plan.refuse_sends
    };
    if let Some(code) = refusal.filter(|_| !peer) {
        session.conn.answer(ack(node, &id, &to, Some(code))).await;
        return Ok(());
    }
    let seen = if repeat || peer {
        Seen::First
    } else {
        session
            .companion
            .accepted
            .locked()
            .note(&accepted_key(&chat, &id))
    };
    if !world.faults.happens(account, plan.lose_ack) {
        session.conn.answer(ack(node, &id, &to, None)).await;
    }
    if seen == Seen::Again && world.config.dedupe == Dedupe::On {
        world.ledger.locked().dropped_by_server(account);
        return Ok(());
    }
    if to.server == Server::Group {
        return crate::group::distribute(session, node, &to, &id).await;
    }
    let parcel = Parcel {
        session,
        node,
        to: &to,
        id: &id,
        chat: &chat,
    };
    for (jid, enc) in encs {
        if let Err(error) = parcel.hand_over(&jid, enc).await {
            tracing::warn!(%error, %account, %id, "a ciphertext could not be passed on");
        }
    }
    Ok(())
}

/// How an accepted message is remembered: its id counts within its conversation.
fn accepted_key(chat: &str, id: &str) -> String {
    format!("{chat}|{id}")
}

fn is_member(session: &Session, group: &Jid) -> bool {
    session
        .world
        .group(group.user.as_str())
        .is_ok_and(|room| room.has(&session.account))
}

fn ciphertexts<'a>(node: &'a Node, to: &Jid) -> Result<Vec<(Jid, &'a Node)>> {
    let mut found = Vec::new();
    for holder in grandchildren(node, "participants") {
        for enc in children(holder).iter().filter(|n| n.tag == "enc") {
            found.push((need_jid(holder, "jid")?, enc));
        }
    }
    let beside = children(node).iter().filter(|n| n.tag == "enc");
    let recipient = jid_attr(node, "participant").unwrap_or_else(|| to.clone());
    found.extend(beside.map(|enc| (recipient.clone(), enc)));
    if found.len() > MAX_RECIPIENTS {
        return Err(SimError::protocol("too many recipients"));
    }
    Ok(found)
}

fn ack(node: &Node, id: &str, to: &Jid, error: Option<u32>) -> Node {
    let mut ack = NodeBuilder::new("ack")
        .attr("class", "message")
        .attr("id", id.to_owned())
        .attr("from", to.clone())
        .attr("t", unix_seconds());
    if let Some(participant) = node.attrs.get("participant") {
        ack = ack.attr("participant", participant.clone());
    }
    if let Some(code) = error {
        ack = ack.attr("error", code);
    }
    ack.build()
}

/// One message on its way through the server.
struct Parcel<'a> {
    session: &'a Arc<Session>,
    node: &'a Node,
    to: &'a Jid,
    id: &'a str,
    chat: &'a str,
}

impl Parcel<'_> {
    fn world(&self) -> &Arc<World> {
        &self.session.world
    }

    async fn hand_over(&self, jid: &Jid, enc: &Node) -> Result<()> {
        let sealed = Sealed {
            kind: EncKind::parse(&attr(enc, "type"))?,
            bytes: bytes(enc),
        };
        let person = self
            .world()
            .person_at(jid)
            .ok_or_else(|| SimError::UnknownNumber(jid.user.to_string()))?;
        if jid.device == 0 {
            self.to_primary(&person, jid, sealed).await
        } else {
            self.to_companion(&person, jid, enc)
        }
    }

    /// Another linked device, of the same account or of another: it decrypts for itself.
    fn to_companion(&self, person: &Person, jid: &Jid, enc: &Node) -> Result<()> {
        let companion = person
            .companion(jid.device)
            .ok_or_else(|| SimError::UnknownDevice {
                account: person.pn.clone(),
                device: jid.device,
            })?;
        let own = person.lid == self.session.account.lid;
        let sender = self
            .session
            .account
            .jid_like(jid)
            .with_device(self.session.companion.device);
        let mut node = NodeBuilder::new("message")
            .attr("id", self.id.to_owned())
            .attr("t", unix_seconds())
            .attr("type", attr(self.node, "type"))
            .attr("notify", self.session.account.push_name.clone());
        node = node.attr("from", sender.clone());
        if own {
            node = node.attr("recipient", self.to.to_non_ad());
        } else if sender.server == Server::Lid {
            node = node.attr("sender_pn", self.session.account.pn_jid());
            node = node.attr("addressing_mode", "lid");
        } else {
            node = node.attr("sender_lid", self.session.account.lid_jid());
        }
        for key in ["edit", "category"] {
            if let Some(value) = self.node.attrs.get(key) {
                node = node.attr(key, value.clone());
            }
        }
        let mut parts = vec![enc.clone()];
        parts.extend(child(self.node, "device-identity").cloned());
        let node = node.children(parts).build();
        push(
            self.world(),
            &companion,
            Class::Message,
            self.id,
            self.chat,
            node,
        )
    }

    async fn to_primary(&self, person: &Arc<Person>, jid: &Jid, mut sealed: Sealed) -> Result<()> {
        damage_if_wanted(self.session, person, self.id, &mut sealed)?;
        let from = self.session.companion.lid_jid();
        let opened = {
            let mut device = person.live(self.world().config.seed)?.device.lock().await;
            device.decrypt(&from, &sealed).await
        };
        match opened {
            Ok(plain) => {
                let message =
                    wa::Message::decode_from_slice(&unpadded(plain)).map_err(SimError::protocol)?;
                self.opened(person, message).await
            }
            Err(Undecrypted::Double) => {
                self.world()
                    .ledger
                    .locked()
                    .double(&self.session.account.pn);
                Ok(())
            }
            Err(Undecrypted::Broken(why)) => self.ask_again(person, jid, why).await,
        }
    }

    async fn opened(&self, person: &Arc<Person>, message: wa::Message) -> Result<()> {
        // Keys of groups may also come alone, outside a group message.
        if let Some(key) = message.sender_key_distribution_message.as_option()
            && let Some(group) = key
                .group_id
                .as_deref()
                .and_then(|id| id.parse::<Jid>().ok())
        {
            crate::group::learn(self.session, person, &group, key).await?;
        }
        shown_or_copied(self.session, person, None, self.id, message).await
    }

    /// The recipient's app asks the linked device for the message again.
    async fn ask_again(&self, person: &Arc<Person>, as_address: &Jid, why: String) -> Result<()> {
        ask_again(self.session, person, None, as_address, self.id, why).await
    }
}

/// A decrypted message is shown by a contact's app, or kept as a copy by the owner's own phone.
pub(crate) async fn shown_or_copied(
    session: &Arc<Session>,
    person: &Arc<Person>,
    group: Option<&str>,
    id: &str,
    message: wa::Message,
) -> Result<()> {
    if person.lid == session.account.lid {
        let protocol = message.protocol_message.as_option();
        let asked = protocol.and_then(|p| p.peer_data_operation_request_message.as_option());
        return match asked {
            Some(request) => placeholder::answer(session, id, request).await,
            None => copied(session, person, group, id, message),
        };
    }
    show(session, person, group, id, message).await
}

/// The owner's phone gets copies of what its linked devices send, and their requests.
fn copied(
    session: &Session,
    phone: &Person,
    group: Option<&str>,
    id: &str,
    message: wa::Message,
) -> Result<()> {
    let (to, copy) = match (message.device_sent_message.as_option(), group) {
        (Some(sent), _) => {
            let Some(copy) = sent.message.as_option() else {
                return Ok(());
            };
            (
                sent.destination_jid.clone().unwrap_or_default(),
                copy.clone(),
            )
        }
        (None, Some(group)) => (group.to_owned(), message),
        (None, None) => return Ok(()),
    };
    let Some(described) = content::describe(&copy) else {
        return Ok(());
    };
    let copy = Arc::new(copy);
    let chat = match group {
        Some(group) => Chat::Group(group.to_owned()),
        None => {
            let to: Jid = to.parse().map_err(SimError::protocol)?;
            Chat::Person(sending::lane_of(&session.world, &to))
        }
    };
    let remembered = Remembered {
        chat,
        author: phone.lid.clone(),
        message: copy.clone(),
        at: unix_seconds(),
    };
    phone.remember(session.world.config.seed, id, remembered)?;
    session.world.event(NetEvent::MessageReceived {
        reader: phone.pn.clone(),
        account: phone.pn.clone(),
        device: session.companion.device,
        group: group.map(str::to_owned),
        id: id.to_owned(),
        kind: described.kind,
        text: described.text,
        message: copy,
    });
    Ok(())
}

/// Lets a recipient fail to decrypt a message of the device, once per message.
pub(crate) fn damage_if_wanted(
    session: &Session,
    person: &Person,
    id: &str,
    sealed: &mut Sealed,
) -> Result<()> {
    let faults = &session.world.faults;
    let account = &session.account.pn;
    let own = person.lid == session.account.lid;
    if own || !faults.happens(account, faults.plan(account).recipient_undecryptable) {
        return Ok(());
    }
    let live = person.live(session.world.config.seed)?;
    if !live.memory.locked().retries.contains_key(id) {
        sealed.damage();
    }
    Ok(())
}

/// A recipient's app asks a linked device for a message again.
pub(crate) async fn ask_again(
    session: &Session,
    person: &Arc<Person>,
    group: Option<&str>,
    as_address: &Jid,
    id: &str,
    why: String,
) -> Result<()> {
    let world = &session.world;
    let lane = group.unwrap_or(&person.lid);
    let account = &session.account.pn;
    world
        .ledger
        .locked()
        .undecryptable(account, lane, &person.lid, id);
    let live = person.live(world.config.seed)?;
    let count = {
        let mut memory = live.memory.locked();
        let count = memory.retries.entry(id.to_owned()).or_default();
        *count += 1;
        *count
    };
    if count > MAX_RETRIES {
        return Ok(());
    }
    let (bundle, one_time) = live.device.lock().await.bundle();
    let mut parts = vec![
        NodeBuilder::new("retry")
            .attr("count", count)
            .attr("id", id.to_owned())
            .attr("t", unix_seconds())
            .attr("v", "1")
            .build(),
        leaf("registration", bundle.registration.to_be_bytes()),
    ];
    if count >= RETRY_WITH_KEYS {
        parts.push(retry_keys_node(&bundle, &one_time));
    }
    let mut node = NodeBuilder::new("receipt")
        .attr("type", "retry")
        .attr("id", id.to_owned())
        .attr("t", unix_seconds());
    node = match group {
        Some(group) => node
            .attr("from", Jid::group(group))
            .attr("participant", as_address.to_non_ad()),
        None => node.attr("from", as_address.to_non_ad()),
    };
    // Some clients answer a retry by sending the whole message again, under the same id.
    let accepted = accepted_key(lane, id);
    session.companion.accepted.locked().forget(&accepted);
    let node = node.children(parts).build();
    push(world, &session.companion, Class::Receipt, id, lane, node)?;
    world.event(NetEvent::RetryAsked {
        reader: person.pn.clone(),
        account: session.account.pn.clone(),
        id: id.to_owned(),
        why,
    });
    Ok(())
}

/// A decrypted message appears in a recipient's app, which confirms it and may react.
pub(crate) async fn show(
    session: &Arc<Session>,
    reader: &Arc<Person>,
    group: Option<&str>,
    id: &str,
    message: wa::Message,
) -> Result<()> {
    let Some(described) = content::describe(&message) else {
        return Ok(());
    };
    let world = &session.world;
    let account = &session.account;
    let message = Arc::new(message);
    let chat = group.unwrap_or(&reader.lid).to_owned();
    world.ledger.locked().shown(
        &account.pn,
        Shown {
            chat,
            reader: reader.lid.clone(),
            id: id.to_owned(),
            kind: described.kind,
            text: described.text.clone(),
            at: world.clock.now(),
        },
    );
    let place = match group {
        Some(group) => Chat::Group(group.to_owned()),
        None => Chat::Person(account.lid.clone()),
    };
    let remembered = Remembered {
        chat: place,
        author: account.lid.clone(),
        message: message.clone(),
        at: unix_seconds(),
    };
    reader.remember(world.config.seed, id, remembered)?;
    receipt_to_account(world, reader, account, group, id, None)?;
    world.event(NetEvent::MessageReceived {
        reader: reader.pn.clone(),
        account: account.pn.clone(),
        device: session.companion.device,
        group: group.map(str::to_owned),
        id: id.to_owned(),
        kind: described.kind,
        text: described.text.clone(),
        message,
    });
    react(world, reader, account, group, id, described).await
}

async fn react(
    world: &Arc<World>,
    reader: &Arc<Person>,
    account: &Arc<Person>,
    group: Option<&str>,
    id: &str,
    described: Described,
) -> Result<()> {
    if matches!(described.kind, Kind::Edit | Kind::Revoke | Kind::Reaction) {
        return Ok(());
    }
    let script = reader.script.locked().clone();
    let incoming = Incoming {
        account: account.pn.clone(),
        group: group.map(str::to_owned),
        id: id.to_owned(),
        described,
    };
    match script.react(&incoming) {
        Act::Nothing => Ok(()),
        Act::Read => receipt_to_account(world, reader, account, group, id, Some("read")),
        Act::Send(answer) => say(world, reader, account, group, &answer).await,
        Act::TypeThenSend(answer, wait) => {
            contact::typing(world, reader, &account.pn, TypingState::Composing)?;
            let (world, reader, account) = (world.clone(), reader.clone(), account.clone());
            let group = group.map(str::to_owned);
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                let said = say(&world, &reader, &account, group.as_deref(), &answer).await;
                if let Err(error) = said {
                    tracing::warn!(%error, "a scripted answer could not be sent");
                }
            });
            Ok(())
        }
    }
}

async fn say(
    world: &Arc<World>,
    reader: &Arc<Person>,
    account: &Arc<Person>,
    group: Option<&str>,
    answer: &content::Outgoing,
) -> Result<()> {
    match group {
        Some(group) => crate::group::send(world, reader, group, answer, None)
            .await
            .map(|_| ()),
        None => {
            let how = SendHow::default();
            sending::direct(world, reader, account, answer, &how)
                .await
                .map(|_| ())
        }
    }
}

/// Plaintexts end with padding whose last byte is its length.
pub(crate) fn unpadded(mut plain: Vec<u8>) -> Vec<u8> {
    if let Some(&padding) = plain.last() {
        plain.truncate(plain.len().saturating_sub(usize::from(padding)));
    }
    plain
}
