//! The small history a phone gives a device that was just linked.

use crate::clock::unix_seconds;
use crate::content::MESSAGE_SECRET_LEN;
use crate::error::{Result, SimError};
use crate::lock::Locked;
use crate::person::{Chat, Person, Remembered};
use crate::sending;
use crate::server::session::Session;
use crate::world::World;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::sync::Arc;
use wa::history_sync::HistorySyncType as BlobKind;
use wa::message::peer_data_operation_request_message::HistorySyncOnDemandRequest;
use wa::message::protocol_message::Type;
use wa::message::{HistorySyncNotification, HistorySyncType as NoteKind, ProtocolMessage};
use wacore::download::MediaType;
use wacore_binary::Jid;
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;

/// Messages that a phone gives at once when it is asked for older ones.
const MAX_RECALLED: usize = 500;

/// One earlier message of a conversation with a contact.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PastMessage {
    /// Who the conversation is with: a number on this network.
    pub with: String,
    /// Who wrote it.
    pub by: PastAuthor,
    /// The text.
    pub text: String,
    /// How long ago, in seconds.
    pub seconds_ago: u64,
}

/// Author of an earlier message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PastAuthor {
    /// The account's owner.
    Owner,
    /// The other person.
    Contact,
}

/// How a phone gives its history to a device that is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistorySharing {
    /// All of it.
    #[default]
    Whole,
    /// Nothing comes, and nothing says so.
    Withheld,
    /// It breaks off after the newest message of each conversation.
    BreaksOff,
    /// All of it is announced, but the file of what follows the newest messages is not there.
    FileLost,
}

/// One message of a phone's history, with the id it has for all devices.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    id: String,
    past: PastMessage,
    message: Arc<wa::Message>,
}

/// What the phone knows of the time before the next link; it knows it when it is asked, too.
pub(crate) fn keep(world: &World, owner: &Person, mut past: Vec<PastMessage>) -> Result<()> {
    past.sort_by_key(|message| std::cmp::Reverse(message.seconds_ago));
    let live = owner.live(world.config.seed)?;
    let mut kept = Vec::with_capacity(past.len());
    for past in past {
        let other = world.person(&past.with)?;
        let (id, message) = (world.message_id(), Arc::new(content_of(world, &past)));
        let author = match past.by {
            PastAuthor::Owner => owner.lid.clone(),
            PastAuthor::Contact => other.lid.clone(),
        };
        live.memory.locked().remember(
            &id,
            Remembered {
                chat: Chat::Person(other.lid.clone()),
                author,
                message: Arc::clone(&message),
                at: unix_seconds().saturating_sub(past.seconds_ago),
            },
        );
        kept.push(Kept { id, past, message });
    }
    owner.account()?.phone.locked().history = kept;
    Ok(())
}

fn content_of(world: &World, past: &PastMessage) -> wa::Message {
    let context = wa::MessageContextInfo {
        message_secret: Some(world.random::<MESSAGE_SECRET_LEN>().to_vec()),
        ..Default::default()
    };
    wa::Message {
        conversation: Some(past.text.clone()),
        message_context_info: MessageField::some(context),
        ..Default::default()
    }
}

/// Gives a new device its history, in two portions as phones do: the newest message of each
/// conversation first, the rest after it. Clients wait for the first portion, so it comes even when
/// it is empty.
pub(crate) async fn share(session: &Session) -> Result<()> {
    let (past, sharing) = {
        let phone = session.account.account()?.phone.locked();
        (phone.history.clone(), phone.sharing)
    };
    if sharing == HistorySharing::Withheld {
        return Ok(());
    }
    let (first, rest) = conversations(session, &past)?;
    let progress = if rest.is_empty() { 100 } else { 50 };
    let newest = wa::HistorySync {
        sync_type: BlobKind::INITIAL_BOOTSTRAP,
        conversations: first,
        chunk_order: Some(1),
        progress: Some(progress),
        ..Default::default()
    };
    hand_over(session, newest, NoteKind::INITIAL_BOOTSTRAP).await?;
    if sharing == HistorySharing::BreaksOff {
        return Ok(());
    }
    if !rest.is_empty() {
        let recent = wa::HistorySync {
            sync_type: BlobKind::RECENT,
            conversations: rest,
            chunk_order: Some(2),
            progress: Some(100),
            ..Default::default()
        };
        let portion = match sharing {
            HistorySharing::FileLost => Portion::announced_only(recent)?,
            _ => Portion::stored(session, recent)?,
        };
        tell(session, portion, NoteKind::RECENT, None).await?;
    }
    let names = push_names(session, &past)?;
    if names.is_empty() {
        return Ok(());
    }
    let history = wa::HistorySync {
        sync_type: BlobKind::PUSH_NAME,
        pushnames: names,
        chunk_order: Some(3),
        progress: Some(100),
        ..Default::default()
    };
    hand_over(session, history, NoteKind::PUSH_NAME).await
}

/// What the people of the history call themselves, as phones tell it: apart from the messages.
fn push_names(session: &Session, past: &[Kept]) -> Result<Vec<wa::Pushname>> {
    let mut people: Vec<&str> = past.iter().map(|m| m.past.with.as_str()).collect();
    people.sort_unstable();
    people.dedup();
    let name = |number: &str| {
        let person = session.world.person(number)?;
        Ok(wa::Pushname {
            id: Some(person.pn_jid().to_string()),
            pushname: Some(person.push_name.clone()),
        })
    };
    people.into_iter().map(name).collect()
}

fn conversations(
    session: &Session,
    past: &[Kept],
) -> Result<(Vec<wa::Conversation>, Vec<wa::Conversation>)> {
    let mut people: Vec<&str> = past.iter().map(|m| m.past.with.as_str()).collect();
    people.sort_unstable();
    people.dedup();
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for number in people {
        let person = session.world.person(number)?;
        let chat = session.account.jid_for(person.addressing);
        let chat = person.jid_like(&chat).to_string();
        let mut messages: Vec<&Kept> = past.iter().filter(|m| m.past.with == number).collect();
        messages.sort_by_key(|m| m.past.seconds_ago);
        let entries: Vec<wa::HistorySyncMsg> = messages
            .iter()
            .enumerate()
            .map(|(n, m)| entry(&chat, &person.push_name, m, n as u64))
            .collect();
        let conversation = |messages: &[wa::HistorySyncMsg]| wa::Conversation {
            id: chat.clone(),
            messages: messages.to_vec(),
            name: Some(person.push_name.clone()),
            pn_jid: Some(person.pn_jid().to_string()),
            lid_jid: Some(person.lid_jid().to_string()),
            ..Default::default()
        };
        let (newest, older) = entries.split_at(entries.len().min(1));
        first.push(conversation(newest));
        if !older.is_empty() {
            rest.push(conversation(older));
        }
    }
    Ok((first, rest))
}

fn entry(chat: &str, push_name: &str, kept: &Kept, order: u64) -> wa::HistorySyncMsg {
    let past = &kept.past;
    let info = wa::WebMessageInfo {
        key: MessageField::some(wa::MessageKey {
            remote_jid: Some(chat.to_owned()),
            from_me: Some(past.by == PastAuthor::Owner),
            id: Some(kept.id.clone()),
            ..Default::default()
        }),
        message: MessageField::some((*kept.message).clone()),
        message_timestamp: Some(unix_seconds().saturating_sub(past.seconds_ago)),
        push_name: (past.by == PastAuthor::Contact).then(|| push_name.to_owned()),
        ..Default::default()
    };
    wa::HistorySyncMsg {
        message: MessageField::some(info),
        msg_order_id: Some(order),
    }
}

/// Gives a device the messages before one that it names, as many as it asks for. A phone that does
/// not know that message has nothing to say.
pub(crate) async fn recall(
    session: &Session,
    request_id: &str,
    wanted: &HistorySyncOnDemandRequest,
) -> Result<Recall> {
    let account = &session.account;
    let anchor = wanted.oldest_msg_id.clone().unwrap_or_default();
    let count = usize::try_from(wanted.on_demand_msg_count.unwrap_or(0)).unwrap_or(0);
    let live = account.live(session.world.config.seed)?;
    let Some(older) = live
        .memory
        .locked()
        .before(&anchor, count.min(MAX_RECALLED))
    else {
        return Ok(Recall::Unknown);
    };
    let chat = wanted.chat_jid.clone().unwrap_or_default();
    let messages = older.into_iter().zip(1..).map(|((id, known), order)| {
        let author = session.world.person_at(&Jid::lid(known.author.as_str()));
        let from_me = known.author == account.lid;
        let in_group = matches!(known.chat, Chat::Group(_));
        let info = wa::WebMessageInfo {
            key: MessageField::some(wa::MessageKey {
                remote_jid: Some(chat.clone()),
                from_me: Some(from_me),
                id: Some(id),
                participant: in_group.then(|| Jid::lid(known.author.as_str()).to_string()),
            }),
            message: MessageField::some((*known.message).clone()),
            message_timestamp: Some(known.at),
            push_name: author.filter(|_| !from_me).map(|a| a.push_name.clone()),
            ..Default::default()
        };
        wa::HistorySyncMsg {
            message: MessageField::some(info),
            msg_order_id: Some(order),
        }
    });
    let conversation = wa::Conversation {
        id: chat.clone(),
        messages: messages.collect(),
        ..Default::default()
    };
    let history = wa::HistorySync {
        sync_type: BlobKind::ON_DEMAND,
        conversations: vec![conversation],
        chunk_order: Some(1),
        progress: Some(100),
        ..Default::default()
    };
    let portion = Portion::stored(session, history)?;
    let asked_by = Some(request_id.to_owned());
    tell(session, portion, NoteKind::ON_DEMAND, asked_by).await?;
    Ok(Recall::Given)
}

/// What a phone did about a question for older messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recall {
    /// It gave what it has.
    Given,
    /// It does not know the message they are to come before.
    Unknown,
}

/// Puts a portion where the device can fetch it, and tells the device.
async fn hand_over(session: &Session, history: wa::HistorySync, note_kind: NoteKind) -> Result<()> {
    let portion = Portion::stored(session, history)?;
    tell(session, portion, note_kind, None).await
}

/// A portion as a device is told of it: a sealed file and where it is.
struct Portion {
    sealed: wacore::upload::EncryptedMedia,
    length: u64,
    direct_path: String,
    order: Option<u32>,
    progress: Option<u32>,
}

impl Portion {
    fn stored(session: &Session, history: wa::HistorySync) -> Result<Self> {
        let mut portion = Self::announced_only(history)?;
        let bytes = std::mem::take(&mut portion.sealed.data_to_upload);
        portion.direct_path = session.world.media.put_new(bytes).direct_path;
        Ok(portion)
    }

    /// Sealed, and put nowhere.
    fn announced_only(history: wa::HistorySync) -> Result<Self> {
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
        packer.write_all(&history.encode_to_vec())?;
        let packed = packer.finish()?;
        let sealed = wacore::upload::encrypt_media(&packed, MediaType::History)
            .map_err(SimError::protocol)?;
        Ok(Self {
            sealed,
            length: packed.len() as u64,
            direct_path: "/mms/md-msg-hist/lost".to_owned(),
            order: history.chunk_order,
            progress: history.progress,
        })
    }
}

async fn tell(
    session: &Session,
    portion: Portion,
    note_kind: NoteKind,
    asked_by: Option<String>,
) -> Result<()> {
    let sealed = portion.sealed;
    let note = HistorySyncNotification {
        file_sha256: Some(sealed.file_sha256.to_vec()),
        file_length: Some(portion.length),
        media_key: Some(sealed.media_key.to_vec()),
        file_enc_sha256: Some(sealed.file_enc_sha256.to_vec()),
        direct_path: Some(portion.direct_path),
        sync_type: Some(note_kind),
        chunk_order: portion.order,
        progress: portion.progress,
        peer_data_request_session_id: asked_by,
        ..Default::default()
    };
    let message = wa::Message {
        protocol_message: MessageField::some(ProtocolMessage {
            r#type: Some(Type::HISTORY_SYNC_NOTIFICATION),
            history_sync_notification: MessageField::some(note),
            ..Default::default()
        }),
        ..Default::default()
    };
    sending::to_own_device(
        &session.world,
        &session.account,
        &session.companion,
        &message,
    )
    .await?;
    Ok(())
}
