//! From a person's primary device to linked devices: sealing, stanzas, own-device copies, repeats.

use crate::clock::unix_seconds;
use crate::companion::Companion;
use crate::contact::{SendHow, UseAddress};
use crate::content::{self, Kind, MESSAGE_SECRET_LEN, Outgoing, Surroundings};
use crate::error::{Result, SimError};
use crate::group;
use crate::keys::{KeyBundle, OneTimeKey};
use crate::ledger::Sent;
use crate::lock::Locked;
use crate::mailbox::{Class, OWN_LANE};
use crate::media::MediaStore;
use crate::person::{Chat, Person, Remembered};
use crate::server::push;
use crate::signal::{Sealed, SignalDevice};
use crate::world::World;
use std::sync::Arc;
use std::time::Duration;
use wa::message::DeviceSentMessage;
use wacore::messages::MessageUtils;
use wacore_binary::builder::NodeBuilder;
use wacore_binary::{Jid, Node, Server};
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;

/// The sender's view of a conversation, for building contents that refer to something.
pub(crate) struct View<'a> {
    pub(crate) world: &'a World,
    pub(crate) sender: &'a Person,
    /// The conversation's address as the sender writes it.
    pub(crate) chat: Jid,
}

impl View<'_> {
    fn remembered(&self, id: &str) -> Result<Remembered> {
        let live = self.sender.live(self.world.config.seed)?;
        let found = live.memory.locked().get(id);
        found.ok_or_else(|| SimError::UnknownMessage(id.to_owned()))
    }

    fn author_jid(&self, lid: &str) -> Jid {
        let author = self.world.person_at(&Jid::lid(lid));
        let like_pn = self.chat.server == Server::Pn;
        match author {
            Some(author) if like_pn => author.pn_jid(),
            _ => Jid::lid(lid),
        }
    }
}

impl Surroundings for View<'_> {
    fn key_of(&self, id: &str) -> Result<wa::MessageKey> {
        let known = self.remembered(id)?;
        let from_me = known.author == self.sender.lid;
        let participant = matches!(known.chat, Chat::Group(_))
            .then(|| self.author_jid(&known.author).to_string());
        Ok(wa::MessageKey {
            remote_jid: Some(self.chat.to_string()),
            from_me: Some(from_me),
            id: Some(id.to_owned()),
            participant,
        })
    }

    fn author_of(&self, id: &str) -> Result<String> {
        let known = self.remembered(id)?;
        Ok(self.author_jid(&known.author).to_string())
    }

    fn content_of(&self, id: &str) -> Option<wa::Message> {
        self.remembered(id).ok().map(|r| (*r.message).clone())
    }

    fn mention(&self, number: &str) -> Result<String> {
        let person = self.world.person(number)?;
        let like_pn = self.chat.server == Server::Pn;
        Ok(if like_pn {
            person.pn_jid()
        } else {
            person.lid_jid()
        }
        .to_string())
    }

    fn media(&self) -> &MediaStore {
        &self.world.media
    }

    fn now_millis(&self) -> i64 {
        unix_seconds() as i64 * 1000
    }
}

/// A content that is ready to be sealed.
pub(crate) struct Prepared {
    pub(crate) id: String,
    pub(crate) message: Arc<wa::Message>,
    pub(crate) kind: Kind,
    pub(crate) text: String,
}

/// Builds the protocol message and gives it an id and a secret.
pub(crate) fn prepare(
    world: &World,
    sender: &Person,
    chat: Jid,
    outgoing: &Outgoing,
    id: Option<String>,
) -> Result<Prepared> {
    let mut message = content::build(
        outgoing,
        &View {
            world,
            sender,
            chat,
        },
    )?;
    let described = content::describe(&message);
    let (kind, text) = described.map_or((Kind::Other, String::new()), |d| (d.kind, d.text));
    if !matches!(
        kind,
        Kind::Reaction | Kind::Edit | Kind::Revoke | Kind::Vote
    ) {
        let context = message.message_context_info.get_or_insert_default();
        if context.message_secret.is_none() {
            context.message_secret = Some(world.random::<MESSAGE_SECRET_LEN>().to_vec());
        }
    }
    let id = id.unwrap_or_else(|| world.message_id());
    Ok(Prepared {
        id,
        message: Arc::new(message),
        kind,
        text,
    })
}

/// How one stanza is labelled.
struct Label<'a> {
    from: Jid,
    /// The person's other address, so that the receiver can connect the two.
    other: Option<(&'static str, Jid)>,
    id: &'a str,
    kind: Kind,
    push_name: &'a str,
    recipient: Option<Jid>,
    peer: bool,
    retry: Option<u32>,
    at: u64,
}

impl Label<'_> {
    fn stanza(&self, sealed: Sealed) -> Node {
        let mut enc = NodeBuilder::new("enc")
            .attr("v", "2")
            .attr("type", sealed.kind.wire());
        if let Some(media) = self.kind.media_type() {
            enc = enc.attr("mediatype", media);
        }
        if let Some(count) = self.retry {
            enc = enc.attr("count", count);
        }
        let mut node = NodeBuilder::new("message")
            .attr("from", self.from.clone())
            .attr("id", self.id.to_owned())
            .attr("t", self.at)
            .attr("type", self.kind.stanza_type())
            .attr("notify", self.push_name.to_owned());
        if self.from.server == Server::Lid {
            node = node.attr("addressing_mode", "lid");
        }
        if let Some((key, jid)) = &self.other {
            node = node.attr(key, jid.clone());
        }
        if let Some(recipient) = &self.recipient {
            node = node.attr("recipient", recipient.clone());
        }
        if self.peer {
            node = node.attr("category", "peer");
        }
        if let Some(edit) = self.kind.edit_attribute() {
            node = node.attr("edit", edit);
        }
        node.children([enc.bytes(sealed.bytes).build()]).build()
    }
}

/// The address a message is sent from, after the wish of the caller and the account's faults.
fn from_address(world: &World, sender: &Person, account: &Person, how: &SendHow) -> Jid {
    let usual = sender.jid_for(account.addressing);
    let other = |jid: &Jid| {
        if jid.server == Server::Lid {
            sender.pn_jid()
        } else {
            sender.lid_jid()
        }
    };
    let plan = world.faults.plan(&account.pn);
    match how.address {
        UseAddress::Lid => sender.lid_jid(),
        UseAddress::Pn => sender.pn_jid(),
        UseAddress::Usual if world.faults.happens(&account.pn, plan.other_address) => other(&usual),
        UseAddress::Usual => usual,
    }
}

fn alternative(sender: &Person, from: &Jid) -> (&'static str, Jid) {
    if from.server == Server::Lid {
        ("sender_pn", sender.pn_jid())
    } else {
        ("sender_lid", sender.lid_jid())
    }
}

/// One person writes to another. Linked devices of both get it: the recipient's as a message, the
/// sender's as a copy. Returns the wire id.
pub(crate) async fn direct(
    world: &Arc<World>,
    sender: &Arc<Person>,
    recipient: &Arc<Person>,
    outgoing: &Outgoing,
    how: &SendHow,
) -> Result<String> {
    let chat = recipient.jid_for(sender.addressing);
    let prepared = prepare(world, sender, chat.clone(), outgoing, how.id.clone())?;
    let live = sender.live(world.config.seed)?;
    let plain = MessageUtils::pad_message_v2(prepared.message.encode_to_vec());
    let from = from_address(world, sender, recipient, how);
    let label = Label {
        other: Some(alternative(sender, &from)),
        from,
        id: &prepared.id,
        kind: prepared.kind,
        push_name: &sender.push_name,
        recipient: None,
        peer: false,
        retry: None,
        at: how.sent_at.unwrap_or_else(unix_seconds),
    };
    // Held over sealing and queueing, so that the order of sends is the order on the wire.
    let mut device = live.device.lock().await;
    live.memory.locked().remember(
        &prepared.id,
        Remembered {
            chat: Chat::Person(recipient.lid.clone()),
            author: sender.lid.clone(),
            message: prepared.message.clone(),
            at: label.at,
        },
    );
    let companions = recipient.companions();
    if !companions.is_empty() {
        world.ledger.locked().sent(
            &recipient.pn,
            Sent {
                chat: sender.lid.clone(),
                author: sender.lid.clone(),
                id: prepared.id.clone(),
                text: prepared.text.clone(),
                at: world.clock.now(),
            },
        );
    }
    for companion in companions {
        let mut sealed = seal(&mut device, &companion, &plain).await?;
        let intact = if how.undecryptable_first {
            Intact::Never
        } else {
            Intact::Usually
        };
        spoil_if_wanted(world, &recipient.pn, intact, &mut sealed);
        let node = label.stanza(sealed);
        push(
            world,
            &companion,
            Class::Message,
            &prepared.id,
            &sender.lid,
            node,
        )?;
    }
    copy_to_own_devices(world, sender, &mut device, &prepared, &chat).await?;
    drop(device);
    recipient.remember(
        world.config.seed,
        &prepared.id,
        Remembered {
            chat: Chat::Person(sender.lid.clone()),
            author: sender.lid.clone(),
            message: prepared.message.clone(),
            at: label.at,
        },
    )?;
    Ok(prepared.id)
}

/// Whether a ciphertext is to arrive intact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intact {
    /// Unless the account's faults say otherwise.
    Usually,
    /// Damaged on purpose.
    Never,
}

/// Damages a ciphertext so that the receiver has to ask again.
pub(crate) fn spoil_if_wanted(world: &World, account: &str, intact: Intact, sealed: &mut Sealed) {
    let plan = world.faults.plan(account);
    if intact == Intact::Never || world.faults.happens(account, plan.undecryptable) {
        sealed.damage();
    }
}

async fn copy_to_own_devices(
    world: &World,
    sender: &Person,
    device: &mut SignalDevice,
    prepared: &Prepared,
    chat: &Jid,
) -> Result<()> {
    let companions = sender.companions();
    if companions.is_empty() {
        return Ok(());
    }
    let copy = wrapped_copy(&prepared.message, chat);
    let plain = MessageUtils::pad_message_v2(copy.encode_to_vec());
    let label = Label {
        from: sender.jid_like(chat),
        other: None,
        id: &prepared.id,
        kind: prepared.kind,
        push_name: &sender.push_name,
        recipient: Some(chat.clone()),
        peer: false,
        retry: None,
        at: unix_seconds(),
    };
    let lane = lane_of(world, chat);
    for companion in companions {
        let sealed = seal(device, &companion, &plain).await?;
        push(
            world,
            &companion,
            Class::Message,
            &prepared.id,
            &lane,
            label.stanza(sealed),
        )?;
    }
    Ok(())
}

/// The name of a conversation in mailboxes and ledger: the LID of the person, or the group's id.
pub(crate) fn lane_of(world: &World, chat: &Jid) -> String {
    world
        .person_at(chat)
        .map_or_else(|| chat.user.to_string(), |p| p.lid.clone())
}

/// Encrypts for one linked device, opening a session from its keys if there is none.
pub(crate) async fn seal(
    device: &mut SignalDevice,
    companion: &Companion,
    plain: &[u8],
) -> Result<Sealed> {
    let address = companion.lid_jid();
    if !device.has_session(&address) {
        let (bundle, one_time) = companion.keys.locked().take();
        device
            .open_session(&address, &bundle, one_time.as_ref())
            .await?;
    }
    device.encrypt(&address, plain).await
}

/// The phone tells one of its own linked devices something that no app shows.
pub(crate) async fn to_own_device(
    world: &World,
    account: &Person,
    companion: &Companion,
    message: &wa::Message,
) -> Result<String> {
    let id = world.message_id();
    let plain = MessageUtils::pad_message_v2(message.encode_to_vec());
    let label = Label {
        from: account.pn_jid(),
        other: Some(("sender_lid", account.lid_jid())),
        id: &id,
        kind: Kind::Other,
        push_name: &account.push_name,
        recipient: None,
        peer: true,
        retry: None,
        at: unix_seconds(),
    };
    let mut device = account.live(world.config.seed)?.device.lock().await;
    let sealed = seal(&mut device, companion, &plain).await?;
    push(
        world,
        companion,
        Class::Message,
        &id,
        OWN_LANE,
        label.stanza(sealed),
    )?;
    Ok(id)
}

/// A linked device's request to have a message again.
pub(crate) struct RetryRequest {
    pub(crate) id: String,
    /// The address under which it was received, which is also that of the repeat.
    pub(crate) as_address: Jid,
    pub(crate) count: u32,
    pub(crate) keys: Option<(KeyBundle, Option<OneTimeKey>)>,
}

/// Repeats a message for one device, under the same id. Does nothing if the sender forgot it.
pub(crate) async fn repeat(
    world: &World,
    sender: &Person,
    companion: &Companion,
    request: RetryRequest,
    after: Duration,
) -> Result<()> {
    if !after.is_zero() {
        tokio::time::sleep(after).await;
    }
    let live = sender.live(world.config.seed)?;
    let Some(known) = live.memory.locked().get(&request.id) else {
        return Ok(());
    };
    let kind = content::describe(&known.message).map_or(Kind::Other, |d| d.kind);
    let mut device = live.device.lock().await;
    if let Some((bundle, one_time)) = &request.keys {
        device
            .open_session(&companion.lid_jid(), bundle, one_time.as_ref())
            .await?;
    }
    let lid = match &known.chat {
        Chat::Person(lid) => lid,
        Chat::Group(group) => {
            let (room, content) =
                group::repeat_parts(world, sender, &mut device, group, &known.message).await?;
            let plain = MessageUtils::pad_message_v2(content.encode_to_vec());
            let sealed = seal(&mut device, companion, &plain).await?;
            let node = room.repeat_stanza(sender, &request.id, kind, request.count, &sealed);
            return push(world, companion, Class::Message, &request.id, group, node);
        }
    };
    let own = sender.lid == companion.lid;
    let chat = Jid::lid(lid.as_str());
    let content = if own {
        wrapped_copy(&known.message, &chat)
    } else {
        (*known.message).clone()
    };
    let plain = MessageUtils::pad_message_v2(content.encode_to_vec());
    let sealed = seal(&mut device, companion, &plain).await?;
    let label = Label {
        from: request.as_address.to_non_ad(),
        other: Some(alternative(sender, &request.as_address)),
        id: &request.id,
        kind,
        push_name: &sender.push_name,
        recipient: own.then(|| chat.clone()),
        peer: false,
        retry: Some(request.count),
        at: unix_seconds(),
    };
    push(
        world,
        companion,
        Class::Message,
        &request.id,
        &sender.lid,
        label.stanza(sealed),
    )
}

fn wrapped_copy(message: &wa::Message, chat: &Jid) -> wa::Message {
    wa::Message {
        device_sent_message: MessageField::some(DeviceSentMessage {
            destination_jid: Some(chat.to_string()),
            message: MessageField::some(message.clone()),
            ..Default::default()
        }),
        ..Default::default()
    }
}
