//! Message contents: what people send, turned into protocol messages, and back into a short description.

use crate::error::{Result, SimError};
use crate::media::MediaStore;
use serde::{Deserialize, Serialize};
use wa::message::{
    AudioMessage, ContactMessage, DocumentMessage, ExtendedTextMessage, ImageMessage,
    LocationMessage, PollCreationMessage, ProtocolMessage, ReactionMessage, StickerMessage,
    VideoMessage, protocol_message,
};
use wacore::download::MediaType;
use waproto::buffa::MessageField;
use waproto::whatsapp as wa;

/// Length of the random secret that votes and edits are derived from.
pub(crate) const MESSAGE_SECRET_LEN: usize = 32;

/// What a person sends. Media bytes are plain; they are encrypted and put on the media host.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outgoing {
    /// Text, with WhatsApp's formatting characters as typed.
    Text {
        /// The text.
        text: String,
    },
    /// Text that answers an earlier message.
    Reply {
        /// The text.
        text: String,
        /// The wire id of the earlier message.
        to: String,
    },
    /// Text that mentions people; the text should contain `@number` for each.
    Mention {
        /// The text.
        text: String,
        /// The numbers that are mentioned.
        numbers: Vec<String>,
    },
    /// A picture.
    Image {
        /// JPEG bytes.
        bytes: Vec<u8>,
        /// The text below it.
        caption: Option<String>,
    },
    /// A film.
    Video {
        /// MP4 bytes.
        bytes: Vec<u8>,
        /// The text below it.
        caption: Option<String>,
        /// Its length.
        seconds: u32,
    },
    /// A voice note.
    Voice {
        /// Ogg Opus bytes.
        bytes: Vec<u8>,
        /// Its length.
        seconds: u32,
    },
    /// Any file.
    Document {
        /// The file.
        bytes: Vec<u8>,
        /// Its name, as the sender chose it.
        name: String,
        /// Its media type.
        mime: String,
        /// The text below it.
        caption: Option<String>,
    },
    /// A sticker.
    Sticker {
        /// WebP bytes.
        bytes: Vec<u8>,
    },
    /// A reaction to an earlier message; an empty emoji takes it back.
    Reaction {
        /// The wire id of the earlier message.
        to: String,
        /// The emoji.
        emoji: String,
    },
    /// A new text for an own earlier message.
    Edit {
        /// The wire id of the earlier message.
        of: String,
        /// The new text.
        text: String,
    },
    /// Takes back an own earlier message.
    Revoke {
        /// The wire id of the earlier message.
        of: String,
    },
    /// A place.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// What the place is called.
        name: Option<String>,
    },
    /// A contact card.
    ContactCard {
        /// The name on it.
        name: String,
        /// The number on it.
        number: String,
    },
    /// A poll.
    Poll {
        /// The question.
        question: String,
        /// The choices.
        options: Vec<String>,
        /// How many may be chosen; 0 is any number.
        selectable: u32,
    },
    /// A finished protocol message, for kinds that have no shorthand here.
    #[serde(skip)]
    Raw(Box<wa::Message>),
}

impl Outgoing {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }
}

/// The kinds the ledger and the events tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// Text, with or without quote, mentions or formatting.
    Text,
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A voice note or other audio.
    Audio,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
    /// A reaction.
    Reaction,
    /// An edit of an earlier message.
    Edit,
    /// A message taken back.
    Revoke,
    /// A place.
    Location,
    /// A contact card.
    ContactCard,
    /// A poll.
    Poll,
    /// A vote in a poll.
    Vote,
    /// Anything else.
    Other,
}

impl Kind {
    /// The `type` attribute of the stanza.
    pub(crate) fn stanza_type(self) -> &'static str {
        match self {
            Self::Image
            | Self::Video
            | Self::Audio
            | Self::Document
            | Self::Sticker
            | Self::Location
            | Self::ContactCard => "media",
            Self::Reaction => "reaction",
            Self::Poll | Self::Vote => "poll",
            _ => "text",
        }
    }

    /// The `mediatype` attribute of the ciphertext, for kinds that have one.
    pub(crate) fn media_type(self) -> Option<&'static str> {
        match self {
            Self::Image => Some("image"),
            Self::Video => Some("video"),
            Self::Audio => Some("ptt"),
            Self::Document => Some("document"),
            Self::Sticker => Some("sticker"),
            Self::Location => Some("location"),
            Self::ContactCard => Some("vcard"),
            _ => None,
        }
    }

    /// The `edit` attribute of the stanza, for kinds that change an earlier message.
    pub(crate) fn edit_attribute(self) -> Option<&'static str> {
        match self {
            Self::Edit => Some("1"),
            Self::Revoke => Some("7"),
            _ => None,
        }
    }
}

/// A message in one line: its kind and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// What kind it is.
    pub kind: Kind,
    /// Its text, caption, emoji, file name or question; empty if it has none.
    pub text: String,
    /// The wire id of the message it refers to, for replies, reactions, edits and revokes.
    pub target: Option<String>,
}

/// Says what a protocol message is; `None` for housekeeping that no app shows.
#[must_use]
pub fn describe(message: &wa::Message) -> Option<Described> {
    let told = |kind, text: Option<&String>| {
        Some(Described {
            kind,
            text: text.cloned().unwrap_or_default(),
            target: None,
        })
    };
    if message.conversation.is_some() {
        return told(Kind::Text, message.conversation.as_ref());
    }
    if let Some(m) = message.extended_text_message.as_option() {
        let target = m.context_info.as_option().and_then(|c| c.stanza_id.clone());
        return Some(Described {
            kind: Kind::Text,
            text: m.text.clone().unwrap_or_default(),
            target,
        });
    }
    if let Some(m) = message.image_message.as_option() {
        return told(Kind::Image, m.caption.as_ref());
    }
    if let Some(m) = message.video_message.as_option() {
        return told(Kind::Video, m.caption.as_ref());
    }
    if message.audio_message.as_option().is_some() {
        return told(Kind::Audio, None);
    }
    if let Some(m) = message.document_message.as_option() {
        return told(Kind::Document, m.caption.as_ref().or(m.file_name.as_ref()));
    }
    if let Some(wrapped) = message.document_with_caption_message.as_option() {
        return wrapped.message.as_option().and_then(describe);
    }
    if message.sticker_message.as_option().is_some() {
        return told(Kind::Sticker, None);
    }
    if let Some(m) = message.location_message.as_option() {
        return told(Kind::Location, m.name.as_ref());
    }
    if let Some(m) = message.contact_message.as_option() {
        return told(Kind::ContactCard, m.display_name.as_ref());
    }
    describe_reference(message).or_else(|| describe_poll(message))
}

fn describe_reference(message: &wa::Message) -> Option<Described> {
    if let Some(m) = message.reaction_message.as_option() {
        let target = m.key.as_option().and_then(|k| k.id.clone());
        let text = m.text.clone().unwrap_or_default();
        return Some(Described {
            kind: Kind::Reaction,
            text,
            target,
        });
    }
    if let Some(wrapped) = message.edited_message.as_option() {
        return wrapped.message.as_option().and_then(describe);
    }
    let protocol = message.protocol_message.as_option()?;
    let target = protocol.key.as_option().and_then(|k| k.id.clone());
    match protocol.r#type {
        Some(protocol_message::Type::REVOKE) => Some(Described {
            kind: Kind::Revoke,
            text: String::new(),
            target,
        }),
        Some(protocol_message::Type::MESSAGE_EDIT) => {
            let edited = protocol.edited_message.as_option().and_then(describe);
            let text = edited.map(|e| e.text).unwrap_or_default();
            Some(Described {
                kind: Kind::Edit,
                text,
                target,
            })
        }
        _ => None,
    }
}

fn describe_poll(message: &wa::Message) -> Option<Described> {
    let polls = [
        &message.poll_creation_message,
        &message.poll_creation_message_v2,
        &message.poll_creation_message_v3,
    ];
    if let Some(poll) = polls.into_iter().find_map(|p| p.as_option()) {
        let text = poll.name.clone().unwrap_or_default();
        return Some(Described {
            kind: Kind::Poll,
            text,
            target: None,
        });
    }
    if let Some(vote) = message.poll_update_message.as_option() {
        let target = vote
            .poll_creation_message_key
            .as_option()
            .and_then(|k| k.id.clone());
        return Some(Described {
            kind: Kind::Vote,
            text: String::new(),
            target,
        });
    }
    let housekeeping = message.protocol_message.as_option().is_some()
        || message.device_sent_message.as_option().is_some();
    let only_sender_key = message
        .sender_key_distribution_message
        .as_option()
        .is_some();
    (!housekeeping && !only_sender_key).then(|| Described {
        kind: Kind::Other,
        text: String::new(),
        target: None,
    })
}

/// What building a message needs to know about the sender's world.
pub(crate) trait Surroundings {
    /// The key of an earlier message as this sender would write it.
    fn key_of(&self, id: &str) -> Result<wa::MessageKey>;
    /// The author of an earlier message, as an address in text form.
    fn author_of(&self, id: &str) -> Result<String>;
    /// The content of an earlier message.
    fn content_of(&self, id: &str) -> Option<wa::Message>;
    /// The address in text form by which a number is mentioned.
    fn mention(&self, number: &str) -> Result<String>;
    /// The media host.
    fn media(&self) -> &MediaStore;
    /// Milliseconds since 1970.
    fn now_millis(&self) -> i64;
}

/// Turns what a person sends into a protocol message.
pub(crate) fn build(outgoing: &Outgoing, world: &impl Surroundings) -> Result<wa::Message> {
    let mut message = wa::Message::default();
    match outgoing {
        Outgoing::Raw(raw) => return Ok((**raw).clone()),
        Outgoing::Text { text } => message.conversation = Some(text.clone()),
        Outgoing::Reply { text, to } => {
            let context = wa::ContextInfo {
                stanza_id: Some(to.clone()),
                participant: Some(world.author_of(to)?),
                quoted_message: world
                    .content_of(to)
                    .map_or_else(MessageField::none, MessageField::some),
                ..Default::default()
            };
            message.extended_text_message = extended(text, context);
        }
        Outgoing::Mention { text, numbers } => {
            let mentioned_jid = numbers
                .iter()
                .map(|n| world.mention(n))
                .collect::<Result<Vec<_>>>()?;
            let context = wa::ContextInfo {
                mentioned_jid,
                ..Default::default()
            };
            message.extended_text_message = extended(text, context);
        }
        Outgoing::Reaction { to, emoji } => {
            message.reaction_message = MessageField::some(ReactionMessage {
                key: MessageField::some(world.key_of(to)?),
                text: Some(emoji.clone()),
                sender_timestamp_ms: Some(world.now_millis()),
                ..Default::default()
            });
        }
        Outgoing::Edit { of, text } => {
            let new = wa::Message {
                conversation: Some(text.clone()),
                ..Default::default()
            };
            message.protocol_message = MessageField::some(ProtocolMessage {
                key: MessageField::some(world.key_of(of)?),
                r#type: Some(protocol_message::Type::MESSAGE_EDIT),
                edited_message: MessageField::some(new),
                timestamp_ms: Some(world.now_millis()),
                ..Default::default()
            });
        }
        Outgoing::Revoke { of } => {
            message.protocol_message = MessageField::some(ProtocolMessage {
                key: MessageField::some(world.key_of(of)?),
                r#type: Some(protocol_message::Type::REVOKE),
                ..Default::default()
            });
        }
        Outgoing::Location {
            latitude,
            longitude,
            name,
        } => {
            message.location_message = MessageField::some(LocationMessage {
                degrees_latitude: Some(*latitude),
                degrees_longitude: Some(*longitude),
                name: name.clone(),
                ..Default::default()
            });
        }
        Outgoing::ContactCard { name, number } => {
            message.contact_message = MessageField::some(ContactMessage {
                display_name: Some(name.clone()),
                vcard: Some(vcard(name, number)),
                ..Default::default()
            });
        }
        Outgoing::Poll {
            question,
            options,
            selectable,
        } => {
            message.poll_creation_message_v3 = MessageField::some(PollCreationMessage {
                name: Some(question.clone()),
                options: options.iter().map(|o| poll_option(o)).collect(),
                selectable_options_count: Some(*selectable),
                ..Default::default()
            });
        }
        media => build_media(media, world, &mut message)?,
    }
    Ok(message)
}

fn extended(text: &str, context: wa::ContextInfo) -> MessageField<ExtendedTextMessage> {
    MessageField::some(ExtendedTextMessage {
        text: Some(text.to_owned()),
        context_info: MessageField::some(context),
        ..Default::default()
    })
}

fn poll_option(name: &str) -> wa::message::poll_creation_message::Option {
    wa::message::poll_creation_message::Option {
        option_name: Some(name.to_owned()),
        ..Default::default()
    }
}

fn vcard(name: &str, number: &str) -> String {
    format!("BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nTEL;type=CELL;waid={number}:+{number}\nEND:VCARD")
}

/// Where a stored file is and how to open it.
struct Stored {
    url: Option<String>,
    direct_path: Option<String>,
    media_key: Option<Vec<u8>>,
    sha256: Option<Vec<u8>>,
    enc_sha256: Option<Vec<u8>>,
    length: Option<u64>,
}

fn store(world: &impl Surroundings, bytes: &[u8], kind: MediaType) -> Result<Stored> {
    let sealed = wacore::upload::encrypt_media(bytes, kind).map_err(SimError::protocol)?;
    let place = world.media().put_new(sealed.data_to_upload);
    Ok(Stored {
        url: Some(place.url),
        direct_path: Some(place.direct_path),
        media_key: Some(sealed.media_key.to_vec()),
        sha256: Some(sealed.file_sha256.to_vec()),
        enc_sha256: Some(sealed.file_enc_sha256.to_vec()),
        length: Some(bytes.len() as u64),
    })
}

fn build_media(
    media: &Outgoing,
    world: &impl Surroundings,
    message: &mut wa::Message,
) -> Result<()> {
    let key_time = Some(world.now_millis() / 1000);
    match media {
        Outgoing::Image { bytes, caption } => {
            let stored = store(world, bytes, MediaType::Image)?;
            message.image_message = MessageField::some(ImageMessage {
                url: stored.url,
                direct_path: stored.direct_path,
                media_key: stored.media_key,
                file_sha256: stored.sha256,
                file_enc_sha256: stored.enc_sha256,
                file_length: stored.length,
                mimetype: Some("image/jpeg".into()),
                caption: caption.clone(),
                media_key_timestamp: key_time,
                ..Default::default()
            });
        }
        Outgoing::Video {
            bytes,
            caption,
            seconds,
        } => {
            let stored = store(world, bytes, MediaType::Video)?;
            message.video_message = MessageField::some(VideoMessage {
                url: stored.url,
                direct_path: stored.direct_path,
                media_key: stored.media_key,
                file_sha256: stored.sha256,
                file_enc_sha256: stored.enc_sha256,
                file_length: stored.length,
                mimetype: Some("video/mp4".into()),
                caption: caption.clone(),
                seconds: Some(*seconds),
                media_key_timestamp: key_time,
                ..Default::default()
            });
        }
        Outgoing::Voice { bytes, seconds } => {
            let stored = store(world, bytes, MediaType::Audio)?;
            message.audio_message = MessageField::some(AudioMessage {
                url: stored.url,
                direct_path: stored.direct_path,
                media_key: stored.media_key,
                file_sha256: stored.sha256,
                file_enc_sha256: stored.enc_sha256,
                file_length: stored.length,
                mimetype: Some("audio/ogg; codecs=opus".into()),
                seconds: Some(*seconds),
                ptt: Some(true),
                media_key_timestamp: key_time,
                ..Default::default()
            });
        }
        Outgoing::Document {
            bytes,
            name,
            mime,
            caption,
        } => {
            let stored = store(world, bytes, MediaType::Document)?;
            message.document_message = MessageField::some(DocumentMessage {
                url: stored.url,
                direct_path: stored.direct_path,
                media_key: stored.media_key,
                file_sha256: stored.sha256,
                file_enc_sha256: stored.enc_sha256,
                file_length: stored.length,
                mimetype: Some(mime.clone()),
                title: Some(name.clone()),
                file_name: Some(name.clone()),
                caption: caption.clone(),
                media_key_timestamp: key_time,
                ..Default::default()
            });
        }
        Outgoing::Sticker { bytes } => {
            let stored = store(world, bytes, MediaType::Sticker)?;
            message.sticker_message = MessageField::some(StickerMessage {
                url: stored.url,
                direct_path: stored.direct_path,
                media_key: stored.media_key,
                file_sha256: stored.sha256,
                file_enc_sha256: stored.enc_sha256,
                file_length: stored.length,
                mimetype: Some("image/webp".into()),
                media_key_timestamp: key_time,
                ..Default::default()
            });
        }
        other => return Err(SimError::protocol(format!("{other:?} is not media"))),
    }
    Ok(())
}
