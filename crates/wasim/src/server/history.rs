//! The small history a phone gives a device that was just linked.

use crate::clock::unix_seconds;
use crate::content::MESSAGE_SECRET_LEN;
use crate::error::{Result, SimError};
use crate::lock::Locked;
use crate::person::Chat;
use crate::sending;
use crate::server::session::Session;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
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

/// Gives a new device its history, in two portions as phones do: the newest message of each
/// conversation first, the rest after it. Clients wait for the first portion, so it comes even when
/// it is empty.
pub(crate) async fn share(session: &Session) -> Result<()> {
    let past = session.account.account()?.phone.locked().history.clone();
    let (first, rest) = conversations(session, &past)?;
    send(
        session,
        BlobKind::INITIAL_BOOTSTRAP,
        NoteKind::INITIAL_BOOTSTRAP,
        1,
        first,
    )
    .await?;
    if !rest.is_empty() {
        send(session, BlobKind::RECENT, NoteKind::RECENT, 2, rest).await?;
    }
    let names = push_names(session, &past)?;
    if names.is_empty() {
        return Ok(());
    }
    let history = wa::HistorySync {
        sync_type: BlobKind::PUSH_NAME,
        pushnames: names,
        ..Default::default()
    };
    hand_over(session, history, NoteKind::PUSH_NAME, 3).await
}

/// What the people of the history call themselves, as phones tell it: apart from the messages.
fn push_names(session: &Session, past: &[PastMessage]) -> Result<Vec<wa::Pushname>> {
    let mut people: Vec<&str> = past.iter().map(|m| m.with.as_str()).collect();
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
    past: &[PastMessage],
) -> Result<(Vec<wa::Conversation>, Vec<wa::Conversation>)> {
    let mut people: Vec<&str> = past.iter().map(|m| m.with.as_str()).collect();
    people.sort_unstable();
    people.dedup();
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for number in people {
        let person = session.world.person(number)?;
        let chat = session.account.jid_for(person.addressing);
        let chat = person.jid_like(&chat).to_string();
        let mut messages: Vec<&PastMessage> = past.iter().filter(|m| m.with == number).collect();
        messages.sort_by_key(|m| m.seconds_ago);
        let entries: Vec<wa::HistorySyncMsg> = messages
            .iter()
            .enumerate()
            .map(|(n, m)| entry(session, &chat, &person.push_name, m, n as u64))
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

fn entry(
    session: &Session,
    chat: &str,
    push_name: &str,
    past: &PastMessage,
    order: u64,
) -> wa::HistorySyncMsg {
    let context = wa::MessageContextInfo {
        message_secret: Some(session.world.random::<MESSAGE_SECRET_LEN>().to_vec()),
        ..Default::default()
    };
    let message = wa::Message {
        conversation: Some(past.text.clone()),
        message_context_info: MessageField::some(context),
        ..Default::default()
    };
    let info = wa::WebMessageInfo {
        key: MessageField::some(wa::MessageKey {
            remote_jid: Some(chat.to_owned()),
            from_me: Some(past.by == PastAuthor::Owner),
            id: Some(session.world.message_id()),
            ..Default::default()
        }),
        message: MessageField::some(message),
        message_timestamp: Some(unix_seconds().saturating_sub(past.seconds_ago)),
        push_name: (past.by == PastAuthor::Contact).then(|| push_name.to_owned()),
        ..Default::default()
    };
    wa::HistorySyncMsg {
        message: MessageField::some(info),
        msg_order_id: Some(order),
    }
}

async fn send(
    session: &Session,
    blob_kind: BlobKind,
    note_kind: NoteKind,
    chunk: u32,
    conversations: Vec<wa::Conversation>,
) -> Result<()> {
    let history = wa::HistorySync {
        sync_type: blob_kind,
        conversations,
        chunk_order: Some(chunk),
        progress: Some(chunk * 50),
        ..Default::default()
    };
    hand_over(session, history, note_kind, chunk).await
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
    let asked_by = Some(request_id.to_owned());
    hand_over_to(session, history, NoteKind::ON_DEMAND, 1, asked_by).await?;
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
async fn hand_over(
    session: &Session,
    history: wa::HistorySync,
    note_kind: NoteKind,
    chunk: u32,
) -> Result<()> {
    hand_over_to(session, history, note_kind, chunk, None).await
}

async fn hand_over_to(
    session: &Session,
    history: wa::HistorySync,
    note_kind: NoteKind,
    chunk: u32,
    asked_by: Option<String>,
) -> Result<()> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(&history.encode_to_vec())?;
    let packed = packer.finish()?;
    let sealed =
        wacore::upload::encrypt_media(&packed, MediaType::History).map_err(SimError::protocol)?;
    let place = session.world.media.put_new(sealed.data_to_upload);
    let note = HistorySyncNotification {
        file_sha256: Some(sealed.file_sha256.to_vec()),
        file_length: Some(packed.len() as u64),
        media_key: Some(sealed.media_key.to_vec()),
        file_enc_sha256: Some(sealed.file_enc_sha256.to_vec()),
        direct_path: Some(place.direct_path),
        sync_type: Some(note_kind),
        chunk_order: Some(chunk),
        progress: Some((chunk * 50).min(100)),
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
