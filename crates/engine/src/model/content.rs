//! What a message says, in one normal form for every channel.
//!
//! The raw protobuf is kept beside it, so a kind that is not understood today can be read later.

use super::address::Address;
use super::id::BlobId;
use serde::{Deserialize, Serialize};

/// Longest text kept in the normal form, in bytes. WhatsApp allows 65,536 characters; longer
/// bodies stay whole in the raw form and are cut here at a character boundary.
pub const BODY_LEN_MAX: usize = 262_144;
/// Most people one message can mention; further ones are dropped from the normal form.
pub const MENTIONS_MAX: usize = 1_024;

/// The kinds of file a message can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A recorded voice note (Opus in Ogg).
    Voice,
    /// A sound file.
    Audio,
    /// Any other file.
    Document,
    /// A sticker (WebP).
    Sticker,
}

/// Where WhatsApp keeps an encrypted file and how to open it. It expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaPointer {
    /// Path on the media hosts.
    pub direct_path: String,
    /// Key the file is encrypted with (32 bytes).
    #[serde(with = "hex_bytes")]
    pub media_key: Vec<u8>,
    /// SHA-256 of the plain file.
    #[serde(with = "hex_bytes")]
    pub file_sha256: Vec<u8>,
    /// SHA-256 of the encrypted file.
    #[serde(with = "hex_bytes")]
    pub file_enc_sha256: Vec<u8>,
    /// Length of the plain file in bytes.
    pub file_length: u64,
}

/// Where a message's file is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MediaState {
    /// Waiting to be fetched, or being fetched.
    Pending,
    /// Stored here.
    Stored {
        /// The stored file.
        blob: BlobId,
        /// Its length in bytes.
        bytes: u64,
    },
    /// The pointer has expired and the phone was asked to upload the file again.
    AskedAgain,
    /// It could not be had.
    Failed {
        /// Why, for a person.
        reason: String,
    },
}

/// What a message answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Wire id of the message answered.
    pub wire_id: String,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sender: Option<Address>,
    /// What it said, as far as the answer repeats it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}

/// A file with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// What kind of file.
    pub media: MediaKind,
    /// MIME type as the sender named it; never trusted.
    pub mime: String,
    /// Text under it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub caption: Option<String>,
    /// File name as the sender wrote it; never used as a path.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file_name: Option<String>,
    /// Length in seconds of sound and film.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seconds: Option<u32>,
    /// Width and height in pixels.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size: Option<(u32, u32)>,
    /// Where WhatsApp keeps it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pointer: Option<MediaPointer>,
    /// The file here, for a message we send.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub blob: Option<BlobId>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Content {
    /// Text; `*bold*`, `_italic_`, `~struck~` and code marks are left as they were typed.
    Text {
        /// The words.
        body: String,
        /// What it answers.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        quote: Option<Quote>,
        /// People it mentions.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        mentions: Vec<Address>,
    },
    /// A file.
    Media {
        /// The file.
        #[serde(flatten)]
        file: Media,
        /// What it answers.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        quote: Option<Quote>,
        /// People its caption mentions.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        mentions: Vec<Address>,
    },
    /// A reaction to another message; an empty emoji takes it back.
    Reaction {
        /// Wire id of the message reacted to.
        target: String,
        /// The emoji.
        emoji: String,
    },
    /// A new text for an earlier message.
    Edit {
        /// Wire id of the message edited.
        target: String,
        /// The new words.
        body: String,
    },
    /// An earlier message was deleted for everyone.
    Revoke {
        /// Wire id of the message deleted.
        target: String,
    },
    /// It arrived but could not be decrypted yet; its retry has the same id and fills it.
    Placeholder,
    /// Understood by WhatsApp but not by this version; kept raw.
    Unsupported {
        /// The name of the protobuf field it came in, e.g. `poll_creation_message`.
        what: String,
    },
}

impl Content {
    /// A plain text.
    #[must_use]
    pub fn text(body: impl Into<String>) -> Self {
        Self::Text {
            body: body.into(),
            quote: None,
            mentions: Vec::new(),
        }
    }

    /// The words a person would read: the body, or the caption of a file.
    #[must_use]
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Text { body, .. } | Self::Edit { body, .. } => Some(body),
            Self::Media { file, .. } => file.caption.as_deref(),
            _ => None,
        }
    }

    /// The short name of the kind, as stored and shown.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Media { file, .. } => match file.media {
                MediaKind::Image => "image",
                MediaKind::Video => "video",
                MediaKind::Voice => "voice",
                MediaKind::Audio => "audio",
                MediaKind::Document => "document",
                MediaKind::Sticker => "sticker",
            },
            Self::Reaction { .. } => "reaction",
            Self::Edit { .. } => "edit",
            Self::Revoke { .. } => "revoke",
            Self::Placeholder => "placeholder",
            Self::Unsupported { .. } => "unsupported",
        }
    }

    /// The file, if it carries one.
    #[must_use]
    pub fn file(&self) -> Option<&Media> {
        match self {
            Self::Media { file, .. } => Some(file),
            _ => None,
        }
    }

    /// True for kinds that change another message instead of standing for themselves.
    #[must_use]
    pub fn is_annotation(&self) -> bool {
        matches!(
            self,
            Self::Reaction { .. } | Self::Edit { .. } | Self::Revoke { .. }
        )
    }
}

/// Bytes as lower-case hex inside JSON.
mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::fmt::Write as _;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(bytes.len() * 2);
        for b in bytes {
            // Writing to a String cannot fail.
            let _ = write!(text, "{b:02x}");
        }
        s.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(d)?;
        let digits = text.as_bytes();
        if !digits.len().is_multiple_of(2) || !text.is_ascii() {
            return Err(serde::de::Error::custom(
                "hex needs an even number of ASCII digits",
            ));
        }
        digits
            .chunks_exact(2)
            .map(|pair| {
                let hex = std::str::from_utf8(pair).map_err(serde::de::Error::custom)?;
                u8::from_str_radix(hex, 16).map_err(serde::de::Error::custom)
            })
            .collect()
    }
}
