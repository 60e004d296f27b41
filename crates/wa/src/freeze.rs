//! From the normal form to the finished protobuf that every attempt of a send repeats.
//!
//! Pure: the secret and the time are handed in, so the same input always gives the same bytes. The
//! message secret is part of them, because the library would otherwise draw a new one per attempt and
//! later reactions, edits and votes on the message could not be decrypted.

use waproto::buffa::MessageField;
use waproto::whatsapp as wa;
use waproto::whatsapp::message::protocol_message::Type as ProtocolKind;
use waypost_engine::model::content::{MENTIONS_MAX, Media};
use waypost_engine::model::{Address, Content, MediaKind, MediaPointer, Quote, Timestamp};

/// Longest text WhatsApp takes, in characters.
pub const TEXT_CHARS_MAX: usize = 65_536;
/// Where WhatsApp's own apps look for files; the path is what counts.
const MEDIA_BASE: &str = "https://mmg.whatsapp.net";

/// Who wrote the message that a reaction, edit, deletion or reply is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// The account itself.
    Own,
    /// Somebody else.
    Other(Address),
}

/// What is needed beside the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The person or group the message goes to.
    pub chat: Address,
    /// The account's own address, as the chat knows it.
    pub own: Address,
    /// Who wrote the message this one is about; `None` when it is about none.
    pub author: Option<Author>,
    /// Where the file is, for content with a file; otherwise the content's own pointer is used.
    pub pointer: Option<MediaPointer>,
    /// 32 random bytes, drawn once per message.
    pub secret: [u8; 32],
    /// When it was decided.
    pub at: Timestamp,
}

/// Why content cannot be finished.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FreezeError {
    /// Upload the file first.
    #[error("the file is not uploaded yet; upload it, then finish the message")]
    NeedsUpload,
    /// Say who wrote the message this one is about.
    #[error(
        "it is not known who wrote the message this one is about; send it without the reference"
    )]
    NeedsAuthor,
    /// Only own messages can be edited.
    #[error("only messages of this account can be edited")]
    NotOwn,
    /// Deleting somebody else's message works in groups only, and for admins.
    #[error("other people's messages can be deleted in groups only")]
    NotInGroup,
    /// The text is longer than [`TEXT_CHARS_MAX`].
    #[error("the text is {0} characters long; WhatsApp takes at most {TEXT_CHARS_MAX}")]
    TooLong(usize),
    /// There is nothing to say.
    #[error("the message is empty; give it a text or a file")]
    Empty,
    /// This kind cannot be sent.
    #[error("messages of kind '{0}' cannot be sent")]
    Unsupported(String),
}

/// Finishes a message.
///
/// # Errors
/// See [`FreezeError`]; none of them passes by waiting.
pub fn freeze(content: &Content, target: &Target) -> Result<Vec<u8>, FreezeError> {
    let message = message(content, target)?;
    Ok(waproto::codec::message_to_vec(&message))
}

fn message(content: &Content, target: &Target) -> Result<wa::Message, FreezeError> {
    let message = match content {
        Content::Text {
            body,
            quote,
            mentions,
        } => text(body, context(quote.as_ref(), mentions, target)?)?,
        Content::Media {
            file,
            quote,
            mentions,
        } => media(file, context(quote.as_ref(), mentions, target)?, target)?,
        Content::Reaction { target: id, emoji } => return reaction(id, emoji, target),
        Content::Edit { target: id, body } => return edit(id, body, target),
        Content::Revoke { target: id } => return revoke(id, target),
        Content::Placeholder | Content::Unsupported { .. } => {
            return Err(FreezeError::Unsupported(content.kind().to_owned()));
        }
    };
    let info = wa::MessageContextInfo {
        message_secret: Some(target.secret.to_vec()),
        ..Default::default()
    };
    Ok(wa::Message {
        message_context_info: MessageField::some(info),
        ..message
    })
}

fn checked(body: &str) -> Result<&str, FreezeError> {
    match body.chars().count() {
        0 => Err(FreezeError::Empty),
        n if n > TEXT_CHARS_MAX => Err(FreezeError::TooLong(n)),
        _ => Ok(body),
    }
}

fn text(body: &str, context: Option<wa::ContextInfo>) -> Result<wa::Message, FreezeError> {
    let body = checked(body)?.to_owned();
    let Some(context) = context else {
        return Ok(wa::Message {
            conversation: Some(body),
            ..Default::default()
        });
    };
    let text = wa::message::ExtendedTextMessage {
        text: Some(body),
        context_info: MessageField::some(context),
        ..Default::default()
    };
    Ok(wa::Message {
        extended_text_message: MessageField::some(text),
        ..Default::default()
    })
}

fn context(
    quote: Option<&Quote>,
    mentions: &[Address],
    target: &Target,
) -> Result<Option<wa::ContextInfo>, FreezeError> {
    if quote.is_none() && mentions.is_empty() {
        return Ok(None);
    }
    let mentioned_jid = mentions
        .iter()
        .take(MENTIONS_MAX)
        .map(Address::to_string)
        .collect();
    let mut context = wa::ContextInfo {
        mentioned_jid,
        ..Default::default()
    };
    if let Some(quote) = quote {
        context.stanza_id = Some(quote.wire_id.clone());
        context.participant = Some(quoted_author(quote, target)?.to_string());
        let words = quote.text.clone().unwrap_or_default();
        context.quoted_message = MessageField::some(wa::Message {
            conversation: Some(words),
            ..Default::default()
        });
    }
    Ok(Some(context))
}

fn quoted_author<'a>(quote: &'a Quote, target: &'a Target) -> Result<&'a Address, FreezeError> {
    match (&target.author, &quote.sender) {
        (Some(Author::Own), _) => Ok(&target.own),
        (Some(Author::Other(author)), _) | (None, Some(author)) => Ok(author),
        (None, None) if target.chat.is_person() => Ok(&target.chat),
        (None, None) => Err(FreezeError::NeedsAuthor),
    }
}

/// The key of the message this one is about.
fn key(id: &str, target: &Target) -> Result<wa::MessageKey, FreezeError> {
    let from_me = target.author == Some(Author::Own);
    let participant = match &target.author {
        Some(Author::Own) => None,
        _ if target.chat.is_person() => None,
        Some(Author::Other(author)) => Some(author.to_string()),
        None => return Err(FreezeError::NeedsAuthor),
    };
    Ok(wa::MessageKey {
        remote_jid: Some(target.chat.to_string()),
        from_me: Some(from_me),
        id: Some(id.to_owned()),
        participant,
    })
}

fn reaction(id: &str, emoji: &str, target: &Target) -> Result<wa::Message, FreezeError> {
    let reaction = wa::message::ReactionMessage {
        key: MessageField::some(key(id, target)?),
        text: Some(emoji.to_owned()),
        sender_timestamp_ms: Some(target.at.0),
        ..Default::default()
    };
    Ok(wa::Message {
        reaction_message: MessageField::some(reaction),
        ..Default::default()
    })
}

fn protocol(message: wa::message::ProtocolMessage) -> wa::Message {
    wa::Message {
        protocol_message: MessageField::some(message),
        ..Default::default()
    }
}

fn edit(id: &str, body: &str, target: &Target) -> Result<wa::Message, FreezeError> {
    if target
        .author
        .as_ref()
        .is_some_and(|author| *author != Author::Own)
    {
        return Err(FreezeError::NotOwn);
    }
    let own = Target {
        author: Some(Author::Own),
        ..target.clone()
    };
    Ok(protocol(wa::message::ProtocolMessage {
        key: MessageField::some(key(id, &own)?),
        r#type: Some(ProtocolKind::MESSAGE_EDIT),
        edited_message: MessageField::some(text(body, None)?),
        timestamp_ms: Some(target.at.0),
        ..Default::default()
    }))
}

fn revoke(id: &str, target: &Target) -> Result<wa::Message, FreezeError> {
    if matches!(target.author, Some(Author::Other(_))) && !target.chat.is_group() {
        return Err(FreezeError::NotInGroup);
    }
    let author = target.author.clone().unwrap_or(Author::Own);
    let target = Target {
        author: Some(author),
        ..target.clone()
    };
    Ok(protocol(wa::message::ProtocolMessage {
        key: MessageField::some(key(id, &target)?),
        r#type: Some(ProtocolKind::REVOKE),
        ..Default::default()
    }))
}

/// Fills what all file messages share; they have no common type.
macro_rules! file_message {
    ($kind:ident, $pointer:expr, $file:expr, $context:expr, $at:expr, { $($field:ident: $value:expr),* $(,)? }) => {
        MessageField::some(wa::message::$kind {
            url: Some(format!("{MEDIA_BASE}{}", $pointer.direct_path)),
            direct_path: Some($pointer.direct_path.clone()),
            media_key: Some($pointer.media_key.clone()),
            file_sha256: Some($pointer.file_sha256.clone()),
            file_enc_sha256: Some($pointer.file_enc_sha256.clone()),
            file_length: Some($pointer.file_length),
            media_key_timestamp: Some($at.as_secs()),
            mimetype: Some($file.mime.clone()),
            context_info: $context.map(MessageField::some).unwrap_or_default(),
            $($field: $value,)*
            ..Default::default()
        })
    };
}

fn media(
    file: &Media,
    context: Option<wa::ContextInfo>,
    target: &Target,
) -> Result<wa::Message, FreezeError> {
    let pointer = target
        .pointer
        .as_ref()
        .or(file.pointer.as_ref())
        .ok_or(FreezeError::NeedsUpload)?;
    if let Some(caption) = &file.caption {
        checked(caption)?;
    }
    let (width, height) = file.size.unzip();
    let caption = file.caption.clone();
    let empty = wa::Message::default();
    let at = target.at;
    Ok(match file.media {
        MediaKind::Image => wa::Message {
            image_message: file_message!(ImageMessage, pointer, file, context, at, {
                caption: caption, width: width, height: height,
            }),
            ..empty
        },
        MediaKind::Video => wa::Message {
            video_message: file_message!(VideoMessage, pointer, file, context, at, {
                caption: caption, width: width, height: height, seconds: file.seconds,
            }),
            ..empty
        },
        MediaKind::Sticker => wa::Message {
            sticker_message: file_message!(StickerMessage, pointer, file, context, at, {
                width: width, height: height,
            }),
            ..empty
        },
        MediaKind::Voice | MediaKind::Audio => wa::Message {
            audio_message: file_message!(AudioMessage, pointer, file, context, at, {
                seconds: file.seconds, ptt: Some(file.media == MediaKind::Voice),
            }),
            ..empty
        },
        MediaKind::Document => document(
            wa::Message {
                document_message: file_message!(DocumentMessage, pointer, file, context, at, {
                    file_name: file.file_name.clone(), title: file.file_name.clone(), caption: caption,
                }),
                ..empty
            },
            file,
        ),
    })
}

/// Apps show a document's caption only inside this wrapper.
fn document(message: wa::Message, file: &Media) -> wa::Message {
    if file.caption.is_none() {
        return message;
    }
    let wrapper = wa::message::FutureProofMessage {
        message: MessageField::some(message),
    };
    wa::Message {
        document_with_caption_message: MessageField::some(wrapper),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
