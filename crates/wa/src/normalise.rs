//! From the protobuf to the normal form. Everything in here comes from outsiders: it is cut to its
//! limits, never trusted, and nothing in it can make this panic.

mod kinds;

use crate::jid;
use wacore::types::message::MessageInfo;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as ProtocolKind;
use waypost_engine::model::content::{BODY_LEN_MAX, MENTIONS_MAX, Media};
use waypost_engine::model::{Content, Inbound, MediaKind, MediaPointer, Origin, Quote, Timestamp};

/// Deepest nesting of wrappers (disappearing, view once, edited ...) that is followed. What is
/// deeper counts as unsupported.
const WRAPPERS_MAX: usize = 8;
/// Longest name kept, in bytes: names of senders and files, MIME types.
const NAME_LEN_MAX: usize = 1_024;
/// Longest emoji kept, in bytes; composed ones take some thirty.
const EMOJI_LEN_MAX: usize = 64;
/// Longest wire id kept, in bytes.
const ID_LEN_MAX: usize = 256;
/// Longest path or key of a media pointer kept, in bytes.
const POINTER_LEN_MAX: usize = 4_096;
/// Longest text of a quote kept, in bytes.
const QUOTE_LEN_MAX: usize = 4_096;

/// The normal form of a raw protobuf, e.g. one kept by an earlier version. `None` when it says
/// nothing to people (key exchange, settings between devices) or is no such protobuf.
#[must_use]
pub fn content_of_raw(raw: &[u8]) -> Option<Content> {
    content(&waproto::codec::message_decode(raw).ok()?)
}

/// A message as the library hands it over; `None` when it says nothing to people.
pub(crate) fn inbound(
    message: &wa::Message,
    info: &MessageInfo,
    received_at: Timestamp,
) -> Option<Inbound> {
    let content = content(message)?;
    let raw = waproto::codec::message_to_vec(message);
    Some(envelope(info, received_at, content, raw))
}

/// A message that could not be decrypted.
pub(crate) fn placeholder(info: &MessageInfo, received_at: Timestamp) -> Inbound {
    envelope(info, received_at, Content::Placeholder, Vec::new())
}

/// A message that says nothing to people, where there must be one.
pub(crate) fn silent(info: &MessageInfo, received_at: Timestamp) -> Inbound {
    let what = "protocol_message".to_owned();
    envelope(info, received_at, Content::Unsupported { what }, Vec::new())
}

fn envelope(info: &MessageInfo, received_at: Timestamp, content: Content, raw: Vec<u8>) -> Inbound {
    let source = &info.source;
    let from_me = source.is_from_me;
    let chat = jid::address(&source.chat);
    let other = if from_me {
        &source.recipient_alt
    } else {
        &source.sender_alt
    };
    let chat_alt = if chat.is_person() {
        other.as_ref().map(jid::address)
    } else {
        None
    };
    let push_name = Some(cut(&info.push_name, NAME_LEN_MAX)).filter(|name| !name.is_empty());
    Inbound {
        wire_id: cut(&info.id, ID_LEN_MAX),
        chat_alt: chat_alt.filter(|alt| *alt != chat),
        chat,
        sender: jid::address(&source.sender),
        sender_alt: source.sender_alt.as_ref().map(jid::address),
        from_me,
        push_name: if from_me { None } else { push_name },
        origin: origin(info),
        sent_at: Timestamp(info.timestamp.timestamp_millis()),
        received_at,
        content,
        raw,
    }
}

fn origin(info: &MessageInfo) -> Origin {
    if info.source.is_from_me {
        Origin::Own
    } else if info.unavailable_request_id.is_some() {
        Origin::Repair
    } else if info.is_offline {
        Origin::Offline
    } else {
        Origin::Live
    }
}

/// One message of a history sync; `None` when it says nothing to people or is incomplete.
/// `own` is the account itself, as history addresses it.
pub(crate) fn history(
    chat: &str,
    web: &wa::WebMessageInfo,
    own: &waypost_engine::model::Address,
    received_at: Timestamp,
) -> Option<Inbound> {
    let key = web.key.as_option()?;
    let message = web.message.as_option()?;
    let content = content(message)?;
    let chat = jid::address_of_text(chat);
    let from_me = key.from_me.unwrap_or(false);
    let author = key
        .participant
        .as_deref()
        .or(web.participant.as_deref())
        .filter(|text| !text.is_empty());
    let sender = match (from_me, author) {
        (true, _) => own.clone(),
        (false, Some(author)) => jid::address_of_text(author),
        (false, None) => chat.clone(),
    };
    let seconds = i64::try_from(web.message_timestamp.unwrap_or(0)).unwrap_or(i64::MAX);
    Some(Inbound {
        wire_id: cut(key.id.as_deref().filter(|id| !id.is_empty())?, ID_LEN_MAX),
        chat,
        chat_alt: None,
        sender,
        sender_alt: None,
        from_me,
        push_name: web
            .push_name
            .as_deref()
            .filter(|_| !from_me)
            .map(|name| cut(name, NAME_LEN_MAX)),
        origin: Origin::History,
        sent_at: Timestamp::from_secs(seconds),
        received_at,
        content,
        raw: waproto::codec::message_to_vec(message),
    })
}

/// Takes one wrapper off.
fn unwrap(message: &wa::Message) -> Option<&wa::Message> {
    if let Some(sent) = message.device_sent_message.as_option() {
        return sent.message.as_option();
    }
    [
        &message.ephemeral_message,
        &message.view_once_message,
        &message.view_once_message_v2,
        &message.view_once_message_v2_extension,
        &message.document_with_caption_message,
        &message.edited_message,
        &message.associated_child_message,
        &message.group_mentioned_message,
        &message.bot_invoke_message,
        &message.lottie_sticker_message,
    ]
    .into_iter()
    .find_map(|wrapper| wrapper.as_option()?.message.as_option())
}

fn innermost(message: &wa::Message) -> &wa::Message {
    let mut inner = message;
    for _ in 0..WRAPPERS_MAX {
        match unwrap(inner) {
            Some(next) => inner = next,
            None => break,
        }
    }
    inner
}

/// What a message says; `None` when it says nothing to people.
pub(crate) fn content(message: &wa::Message) -> Option<Content> {
    let message = innermost(message);
    if let Some(protocol) = message.protocol_message.as_option() {
        return of_protocol(protocol);
    }
    text(message)
        .or_else(|| reaction(message))
        .or_else(|| media(message))
        .or_else(|| {
            let what = kinds::name(&waproto::codec::message_to_vec(message))?;
            Some(Content::Unsupported { what })
        })
}

/// Edits and deletions travel as protocol messages; the rest of them are between devices.
fn of_protocol(protocol: &wa::message::ProtocolMessage) -> Option<Content> {
    let target = target(protocol.key.as_option());
    match protocol.r#type? {
        ProtocolKind::REVOKE => Some(Content::Revoke { target: target? }),
        ProtocolKind::MESSAGE_EDIT => {
            let new = content(protocol.edited_message.as_option()?)?;
            Some(Content::Edit {
                target: target?,
                body: new.words().unwrap_or_default().to_owned(),
            })
        }
        _ => None,
    }
}

fn target(key: Option<&wa::MessageKey>) -> Option<String> {
    let id = key?.id.as_deref().filter(|id| !id.is_empty())?;
    Some(cut(id, ID_LEN_MAX))
}

fn text(message: &wa::Message) -> Option<Content> {
    if let Some(body) = &message.conversation {
        return Some(Content::text(cut(body, BODY_LEN_MAX)));
    }
    let text = message.extended_text_message.as_option()?;
    let (quote, mentions) = context(text.context_info.as_option());
    let body = cut(text.text.as_deref().unwrap_or_default(), BODY_LEN_MAX);
    Some(Content::Text {
        body,
        quote,
        mentions,
    })
}

fn reaction(message: &wa::Message) -> Option<Content> {
    let reaction = message.reaction_message.as_option()?;
    let emoji = cut(reaction.text.as_deref().unwrap_or_default(), EMOJI_LEN_MAX);
    Some(Content::Reaction {
        target: target(reaction.key.as_option())?,
        emoji,
    })
}

/// What it answers and whom it mentions.
fn context(info: Option<&wa::ContextInfo>) -> (Option<Quote>, Vec<waypost_engine::model::Address>) {
    let Some(info) = info else {
        return (None, Vec::new());
    };
    let quote = info
        .stanza_id
        .as_deref()
        .filter(|id| !id.is_empty())
        .map(|id| Quote {
            wire_id: cut(id, ID_LEN_MAX),
            sender: info
                .participant
                .as_deref()
                .and_then(|text| text.parse().ok()),
            text: info.quoted_message.as_option().and_then(quoted_words),
        });
    let mentions = info
        .mentioned_jid
        .iter()
        .filter_map(|text| text.parse().ok())
        .take(MENTIONS_MAX);
    (quote, mentions.collect())
}

/// The words of a quoted message. Its own quote is not followed, so quotes cannot nest.
fn quoted_words(message: &wa::Message) -> Option<String> {
    let message = innermost(message);
    let words = message
        .conversation
        .as_deref()
        .or_else(|| message.extended_text_message.as_option()?.text.as_deref())
        .or_else(|| message.image_message.as_option()?.caption.as_deref())
        .or_else(|| message.video_message.as_option()?.caption.as_deref())
        .or_else(|| message.document_message.as_option()?.caption.as_deref())?;
    Some(cut(words, QUOTE_LEN_MAX))
}

/// The pointer in any of the file messages; `None` when a part without which it is useless is
/// missing or absurd.
macro_rules! pointer {
    ($file:expr) => {
        pointer(
            $file.direct_path.as_deref(),
            [
                $file.media_key.as_deref(),
                $file.file_sha256.as_deref(),
                $file.file_enc_sha256.as_deref(),
            ],
            $file.file_length,
        )
    };
}

fn pointer(
    path: Option<&str>,
    keys: [Option<&[u8]>; 3],
    length: Option<u64>,
) -> Option<MediaPointer> {
    let path = path.filter(|path| !path.is_empty() && path.len() <= POINTER_LEN_MAX)?;
    let [media_key, file_sha256, file_enc_sha256] =
        keys.map(|key| key.filter(|key| key.len() == 32).map(<[u8]>::to_vec));
    Some(MediaPointer {
        direct_path: path.to_owned(),
        media_key: media_key?,
        file_sha256: file_sha256?,
        file_enc_sha256: file_enc_sha256?,
        file_length: length.unwrap_or(0),
    })
}

fn size(width: Option<u32>, height: Option<u32>) -> Option<(u32, u32)> {
    Some((width?, height?)).filter(|(width, height)| *width > 0 && *height > 0)
}

/// A file of this kind about which nothing is known yet.
fn file(media: MediaKind, mime: Option<&str>, pointer: Option<MediaPointer>) -> Media {
    Media {
        media,
        mime: cut(mime.unwrap_or_default(), NAME_LEN_MAX),
        caption: None,
        file_name: None,
        seconds: None,
        size: None,
        pointer,
        blob: None,
    }
}

fn caption(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty())
        .map(|text| cut(text, BODY_LEN_MAX))
}

fn media(message: &wa::Message) -> Option<Content> {
    let (file, info) = picture(message)
        .or_else(|| sound(message))
        .or_else(|| paper(message))?;
    let (quote, mentions) = context(info);
    Some(Content::Media {
        file,
        quote,
        mentions,
    })
}

type FileAndContext<'a> = (Media, Option<&'a wa::ContextInfo>);

fn picture(message: &wa::Message) -> Option<FileAndContext<'_>> {
    if let Some(image) = message.image_message.as_option() {
        let mut file = file(MediaKind::Image, image.mimetype.as_deref(), pointer!(image));
        file.caption = caption(image.caption.as_deref());
        file.size = size(image.width, image.height);
        return Some((file, image.context_info.as_option()));
    }
    if let Some(sticker) = message.sticker_message.as_option() {
        let mut file = file(
            MediaKind::Sticker,
            sticker.mimetype.as_deref(),
            pointer!(sticker),
        );
        file.size = size(sticker.width, sticker.height);
        return Some((file, sticker.context_info.as_option()));
    }
    let video = message
        .video_message
        .as_option()
        .or_else(|| message.ptv_message.as_option())?;
    let mut file = file(MediaKind::Video, video.mimetype.as_deref(), pointer!(video));
    file.caption = caption(video.caption.as_deref());
    file.seconds = video.seconds;
    file.size = size(video.width, video.height);
    Some((file, video.context_info.as_option()))
}

fn sound(message: &wa::Message) -> Option<FileAndContext<'_>> {
    let audio = message.audio_message.as_option()?;
    let kind = if audio.ptt == Some(true) {
        MediaKind::Voice
    } else {
        MediaKind::Audio
    };
    let mut file = file(kind, audio.mimetype.as_deref(), pointer!(audio));
    file.seconds = audio.seconds;
    Some((file, audio.context_info.as_option()))
}

fn paper(message: &wa::Message) -> Option<FileAndContext<'_>> {
    let document = message.document_message.as_option()?;
    let mut file = file(
        MediaKind::Document,
        document.mimetype.as_deref(),
        pointer!(document),
    );
    file.caption = caption(document.caption.as_deref());
    let name = document.file_name.as_deref().or(document.title.as_deref());
    file.file_name = name
        .filter(|name| !name.is_empty())
        .map(|name| cut(name, NAME_LEN_MAX));
    Some((file, document.context_info.as_option()))
}

/// At most `max` bytes of `text`, cut at a character boundary.
fn cut(text: &str, max: usize) -> String {
    text[..text.floor_char_boundary(max)].to_owned()
}

#[cfg(test)]
mod tests;
