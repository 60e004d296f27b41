//! The small history a phone gives a device that was just linked.

use crate::clock::unix_seconds;
use crate::content::MESSAGE_SECRET_LEN;
use crate::error::{Result, SimError};
use crate::lock::Locked;
use crate::sending;
use crate::server::session::Session;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use wa::history_sync::HistorySyncType as BlobKind;
use wa::message::protocol_message::Type;
use wa::message::{HistorySyncNotification, HistorySyncType as NoteKind, ProtocolMessage};
use wacore::download::MediaType;
use waproto::buffa::{Message as _, MessageField};
use waproto::whatsapp as wa;

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

/// Puts a portion where the device can fetch it, and tells the device.
async fn hand_over(
    session: &Session,
    history: wa::HistorySync,
    note_kind: NoteKind,
    chunk: u32,
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
