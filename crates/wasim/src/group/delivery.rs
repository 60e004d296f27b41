//! Group messages: one ciphertext for all, and the sender key for those who lack it.

use crate::clock::unix_seconds;
use crate::companion::Companion;
use crate::content::{Kind, Outgoing};
use crate::error::{Result, SimError};
use crate::group::Room;
use crate::ledger::Sent;
use crate::lock::Locked;
use crate::mailbox::Class;
use crate::person::{Chat, Person, Remembered};
use crate::sending::{self, Intact, Prepared};
use crate::server::{self, Session, push};
use crate::signal::{EncKind, Sealed, SignalDevice, Undecrypted};
use crate::stanza::{attr, bytes, child, children, grandchildren, jid_attr, need_jid};
use crate::world::World;
use std::collections::HashMap;
use std::sync::Arc;
use wa::message::SenderKeyDistributionMessage;
use wacore::messages::MessageUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;

/// A member writes from the primary device. Returns the wire id.
pub(crate) async fn send(
    world: &Arc<World>,
    sender: &Arc<Person>,
    group: &str,
    what: &Outgoing,
    id: Option<String>,
) -> Result<String> {
    let room = world.group(group)?;
    let prepared = sending::prepare(world, sender, room.jid(), what, id)?;
    let live = sender.live(world.config.seed)?;
    let own = sender.lid_jid();
    let plain = MessageUtils::pad_message_v2(prepared.message.encode_to_vec());
    // Held over sealing and queueing, so that the order of sends is the order on the wire.
    let mut device = live.device.lock().await;
    let have = freshen(&room, sender, &mut device, &own);
    let key = device.own_sender_key(&room.jid(), &own).await?;
    let sealed = device.encrypt_group(&room.jid(), &own, &plain).await?;
    let people = room.people(world);
    note_sent(world, &room, sender, &people, &prepared);
    for person in &people {
        for companion in person.companions() {
            let mut parts = Vec::new();
            if !have.contains(&companion.lid_jid().to_string()) {
                parts.push(key_part(&room, &mut device, &companion, &key).await?);
            }
            let mut for_all = sealed.clone();
            sending::spoil_if_wanted(world, &person.pn, Intact::Usually, &mut for_all);
            parts.push(enc_node(&for_all, prepared.kind));
            let node = stanza(&room, sender, &own, &prepared, parts);
            push(
                world,
                &companion,
                Class::Message,
                &prepared.id,
                &room.id,
                node,
            )?;
        }
    }
    let now_known = people.iter().flat_map(|p| p.companions());
    let mut handed = room.handed.locked();
    let handed = handed.entry(sender.lid.clone()).or_default();
    handed
        .devices
        .extend(now_known.map(|c| c.lid_jid().to_string()));
    drop(device);
    Ok(prepared.id)
}

/// Makes a new sender key if somebody left. Returns the devices that have the current one.
fn freshen(
    room: &Room,
    sender: &Person,
    device: &mut SignalDevice,
    own: &Jid,
) -> std::collections::HashSet<String> {
    let epoch = room.state.locked().epoch;
    let mut handed = room.handed.locked();
    let handed = handed.entry(sender.lid.clone()).or_default();
    if handed.epoch != epoch {
        device.rotate_sender_key(&room.jid(), own);
        handed.devices.clear();
        handed.epoch = epoch;
    }
    handed.devices.clone()
}

async fn key_part(
    room: &Room,
    device: &mut SignalDevice,
    companion: &Companion,
    key: &[u8],
) -> Result<Node> {
    let message = wa::Message {
        sender_key_distribution_message: distribution(room, key),
        ..Default::default()
    };
    let plain = MessageUtils::pad_message_v2(message.encode_to_vec());
    let sealed = sending::seal(device, companion, &plain).await?;
    Ok(enc_node(&sealed, Kind::Other))
}

fn distribution(room: &Room, key: &[u8]) -> MessageField<SenderKeyDistributionMessage> {
    MessageField::some(SenderKeyDistributionMessage {
        group_id: Some(room.jid().to_string()),
        axolotl_sender_key_distribution_message: Some(key.to_vec()),
    })
}

fn enc_node(sealed: &Sealed, kind: Kind) -> Node {
    let mut enc = NodeBuilder::new("enc")
        .attr("v", "2")
        .attr("type", sealed.kind.wire());
    if let Some(media) = kind.media_type() {
        enc = enc.attr("mediatype", media);
    }
    enc.bytes(sealed.bytes.clone()).build()
}

fn stanza(room: &Room, sender: &Person, own: &Jid, prepared: &Prepared, parts: Vec<Node>) -> Node {
    let participant = room.address(sender).with_device(own.device);
    let mut node = labelled(room, sender, participant, &prepared.id, prepared.kind);
    if let Some(edit) = prepared.kind.edit_attribute() {
        node = node.attr("edit", edit);
    }
    node.children(parts).build()
}

fn labelled(room: &Room, sender: &Person, participant: Jid, id: &str, kind: Kind) -> NodeBuilder {
    let (other_key, other) = room.other_address(sender);
    NodeBuilder::new("message")
        .attr("from", room.jid())
        .attr("participant", participant)
        .attr(other_key, other)
        .attr("addressing_mode", room.mode())
        .attr("id", id.to_owned())
        .attr("t", unix_seconds())
        .attr("type", kind.stanza_type())
        .attr("notify", sender.push_name.clone())
}

fn note_sent(
    world: &World,
    room: &Room,
    sender: &Person,
    people: &[Arc<Person>],
    prepared: &Prepared,
) {
    for person in people {
        let remembered = Remembered {
            chat: Chat::Group(room.id.clone()),
            author: sender.lid.clone(),
            message: prepared.message.clone(),
            at: unix_seconds(),
        };
        if let Err(error) = person.remember(world.config.seed, &prepared.id, remembered) {
            tracing::warn!(%error, "a member could not remember a message");
        }
        if person.lid != sender.lid && !person.companions().is_empty() {
            let sent = Sent {
                chat: room.id.clone(),
                author: sender.lid.clone(),
                id: prepared.id.clone(),
                text: prepared.text.clone(),
                at: world.clock.now(),
            };
            world.ledger.locked().sent(&person.pn, sent);
        }
    }
}

/// What a repeat of a group message for one device needs: the message with the sender key inside,
/// and afterwards the stanza around its ciphertext.
pub(crate) async fn repeat_parts(
    world: &World,
    sender: &Person,
    device: &mut SignalDevice,
    group: &str,
    message: &wa::Message,
) -> Result<(Arc<Room>, wa::Message)> {
    let room = world.group(group)?;
    let key = device
        .own_sender_key(&room.jid(), &sender.lid_jid())
        .await?;
    let mut message = message.clone();
    message.sender_key_distribution_message = distribution(&room, &key);
    Ok((room, message))
}

impl Room {
    /// The stanza around a repeated, pairwise ciphertext.
    pub(crate) fn repeat_stanza(
        &self,
        sender: &Person,
        id: &str,
        kind: Kind,
        count: u32,
        sealed: &Sealed,
    ) -> Node {
        let mut enc = enc_node(sealed, kind);
        enc.attrs.insert("count", count);
        labelled(self, sender, self.address(sender), id, kind)
            .children([enc])
            .build()
    }
}

/// A linked device's message to a group: to every device of every member.
pub(crate) async fn distribute(
    session: &Arc<Session>,
    node: &Node,
    to: &Jid,
    id: &str,
) -> Result<()> {
    let room = session.world.group(to.user.as_str())?;
    let post = Post {
        session,
        room,
        node,
        id,
    };
    if let Some(participant) = jid_attr(node, "participant") {
        let encs: Vec<&Node> = children(node).iter().filter(|n| n.tag == "enc").collect();
        return post.to_device(&participant, &encs).await;
    }
    let mut single: HashMap<String, Vec<&Node>> = HashMap::new();
    for holder in grandchildren(node, "participants") {
        let jid = need_jid(holder, "jid")?;
        if let Some(person) = session.world.person_at(&jid) {
            let device = Jid::lid_device(person.lid.as_str(), jid.device);
            let encs = children(holder).iter().filter(|n| n.tag == "enc");
            single.entry(device.to_string()).or_default().extend(encs);
        }
    }
    let common: Vec<&Node> = children(node).iter().filter(|n| n.tag == "enc").collect();
    for person in post.room.people(&session.world) {
        let companions = person.companions();
        for device in std::iter::once(0).chain(companions.iter().map(|c| c.device)) {
            let jid = Jid::lid_device(person.lid.as_str(), device);
            if jid == session.companion.lid_jid() {
                continue;
            }
            let own = single.get(&jid.to_string()).into_iter().flatten().copied();
            let encs: Vec<&Node> = own.chain(common.iter().copied()).collect();
            if let Err(error) = post.to_device(&jid, &encs).await {
                tracing::warn!(%error, %id, "a group message could not be passed on");
            }
        }
    }
    Ok(())
}

struct Post<'a> {
    session: &'a Arc<Session>,
    room: Arc<Room>,
    node: &'a Node,
    id: &'a str,
}

impl Post<'_> {
    async fn to_device(&self, jid: &Jid, encs: &[&Node]) -> Result<()> {
        let world = &self.session.world;
        let person = world
            .person_at(jid)
            .ok_or_else(|| SimError::UnknownNumber(jid.user.to_string()))?;
        if jid.device == 0 {
            return self.to_primary(&person, encs).await;
        }
        let companion = person
            .companion(jid.device)
            .ok_or_else(|| SimError::UnknownDevice {
                account: person.pn.clone(),
                device: jid.device,
            })?;
        let account = &self.session.account;
        let (other_key, other) = self.room.other_address(account);
        let participant = self
            .room
            .address(account)
            .with_device(self.session.companion.device);
        let mut stanza = NodeBuilder::new("message")
            .attr("from", self.room.jid())
            .attr("participant", participant)
            .attr(other_key, other)
            .attr("addressing_mode", self.room.mode())
            .attr("id", self.id.to_owned())
            .attr("t", unix_seconds())
            .attr("type", attr(self.node, "type"))
            .attr("notify", account.push_name.clone());
        if let Some(edit) = self.node.attrs.get("edit") {
            stanza = stanza.attr("edit", edit.clone());
        }
        let mut parts: Vec<Node> = encs.iter().map(|n| (*n).clone()).collect();
        parts.extend(child(self.node, "device-identity").cloned());
        let stanza = stanza.children(parts).build();
        push(
            world,
            &companion,
            Class::Message,
            self.id,
            &self.room.id,
            stanza,
        )
    }

    /// A member's phone opens the parts in order: first the sender key, then the message.
    async fn to_primary(&self, person: &Arc<Person>, encs: &[&Node]) -> Result<()> {
        for enc in encs {
            let mut sealed = Sealed {
                kind: EncKind::parse(&attr(enc, "type"))?,
                bytes: bytes(enc),
            };
            server::damage_if_wanted(self.session, person, self.id, &mut sealed)?;
            match self.open(person, &sealed).await {
                Ok(plain) => {
                    let plain = server::unpadded(plain);
                    let message =
                        wa::Message::decode_from_slice(&plain).map_err(SimError::protocol)?;
                    self.opened(person, message).await?;
                }
                Err(Undecrypted::Double) => {
                    self.session
                        .world
                        .ledger
                        .locked()
                        .double(&self.session.account.pn);
                }
                Err(Undecrypted::Broken(why)) => {
                    return ask_from_device(self.session, person, &self.room, self.id, why).await;
                }
            }
        }
        Ok(())
    }

    async fn open(&self, person: &Person, sealed: &Sealed) -> Result<Vec<u8>, Undecrypted> {
        let from = self.session.companion.lid_jid();
        let live = person
            .live(self.session.world.config.seed)
            .map_err(|e| Undecrypted::Broken(e.to_string()))?;
        let mut device = live.device.lock().await;
        match sealed.kind {
            EncKind::SenderKey => {
                device
                    .decrypt_group(&self.room.jid(), &from, &sealed.bytes)
                    .await
            }
            _ => device.decrypt(&from, sealed).await,
        }
    }

    async fn opened(&self, person: &Arc<Person>, message: wa::Message) -> Result<()> {
        if let Some(key) = message.sender_key_distribution_message.as_option() {
            learn(self.session, person, &self.room.jid(), key).await?;
        }
        server::shown_or_copied(self.session, person, Some(&self.room.id), self.id, message).await
    }
}

/// A phone learns a linked device's sender key.
pub(crate) async fn learn(
    session: &Session,
    person: &Person,
    group: &Jid,
    key: &SenderKeyDistributionMessage,
) -> Result<()> {
    let Some(key) = &key.axolotl_sender_key_distribution_message else {
        return Ok(());
    };
    let mut device = person.live(session.world.config.seed)?.device.lock().await;
    device
        .learn_sender_key(group, &session.companion.lid_jid(), key)
        .await
}

/// A member's phone asks a linked device for a group message again.
async fn ask_from_device(
    session: &Session,
    person: &Arc<Person>,
    room: &Room,
    id: &str,
    why: String,
) -> Result<()> {
    let address = room.address(person);
    server::ask_again(session, person, Some(&room.id), &address, id, why).await
}
