//! What a message to send says.

use super::AppState;
use super::phone;
use super::problem::{ApiError, ApiResult};
use super::recipient::Recipient;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use waypost_engine::model::content::{MENTIONS_MAX, Media};
use waypost_engine::model::{Address, BlobId, Content, Direction, MediaKind, MessageId, Quote};
use waypost_store::admin::conversations::{MessageView as Stored, Party};

/// Longest text, in characters: WhatsApp's own limit.
const BODY_CHARS_MAX: usize = 65_536;
/// Longest caption, in characters.
const CAPTION_CHARS_MAX: usize = 4_096;
/// Longest file name, in characters.
const FILE_NAME_CHARS_MAX: usize = 255;
/// Longest emoji, in characters (flags and families are made of many).
const EMOJI_CHARS_MAX: usize = 16;
/// Characters of a message repeated in an answer to it.
const QUOTE_CHARS: usize = 256;

/// What a message to send says.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = ContentToSend)]
pub(super) enum ToSend {
    /// Text; `*bold*`, `_italic_` and `~struck~` as people type them.
    Text {
        #[schema(min_length = 1, max_length = 65536)]
        body: String,
        /// The message it answers.
        #[schema(value_type = Option<String>)]
        quote_message: Option<MessageId>,
        /// Numbers or addresses of people it mentions; name them in the text as `@number`.
        #[serde(default)]
        mentions: Vec<String>,
    },
    /// A picture.
    Image(FileToSend),
    /// A film.
    Video(FileToSend),
    /// A voice note (Opus in Ogg).
    Voice(FileToSend),
    /// A sound file.
    Audio(FileToSend),
    /// Any other file.
    Document(FileToSend),
    /// A sticker (WebP).
    Sticker(FileToSend),
    /// A reaction; an empty emoji takes it back.
    Reaction {
        #[schema(value_type = String)]
        message: MessageId,
        #[schema(max_length = 16)]
        emoji: String,
    },
    /// New words for a message sent before.
    Edit {
        #[schema(value_type = String)]
        message: MessageId,
        #[schema(min_length = 1, max_length = 65536)]
        body: String,
    },
    /// Deletes a message sent before, for everyone.
    Revoke {
        #[schema(value_type = String)]
        message: MessageId,
    },
}

/// A file to send.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(super) struct FileToSend {
    /// From `POST /blobs`.
    #[schema(value_type = String, example = "blb_0C3M5V7K2QH8J")]
    blob: BlobId,
    #[schema(max_length = 4096)]
    caption: Option<String>,
    #[schema(max_length = 255)]
    file_name: Option<String>,
    /// The message it answers.
    #[schema(value_type = Option<String>)]
    quote_message: Option<MessageId>,
}

impl ToSend {
    /// The content as the store keeps it, with every reference looked up.
    pub(super) async fn resolve(self, state: &AppState, to: &Recipient) -> ApiResult<Content> {
        match self {
            Self::Text {
                body,
                quote_message,
                mentions,
            } => Ok(Content::Text {
                body: words("content.body", body, BODY_CHARS_MAX)?,
                quote: quote(state, to, quote_message).await?,
                mentions: addresses(&mentions)?,
            }),
            Self::Image(file) => file.resolve(state, to, MediaKind::Image).await,
            Self::Video(file) => file.resolve(state, to, MediaKind::Video).await,
            Self::Voice(file) => file.resolve(state, to, MediaKind::Voice).await,
            Self::Audio(file) => file.resolve(state, to, MediaKind::Audio).await,
            Self::Document(file) => file.resolve(state, to, MediaKind::Document).await,
            Self::Sticker(file) => file.resolve(state, to, MediaKind::Sticker).await,
            Self::Reaction { message, emoji } => {
                let emoji = emoji.trim().to_owned();
                if emoji.chars().count() > EMOJI_CHARS_MAX || emoji.contains(char::is_control) {
                    return Err(ApiError::invalid(
                        "content.emoji",
                        "A reaction is one emoji",
                    ));
                }
                let target = target(state, to, message).await?;
                Ok(Content::Reaction {
                    target: target.wire_id,
                    emoji,
                })
            }
            Self::Edit { message, body } => {
                let target = own(target(state, to, message).await?)?;
                let body = words("content.body", body, BODY_CHARS_MAX)?;
                Ok(Content::Edit {
                    target: target.wire_id,
                    body,
                })
            }
            Self::Revoke { message } => {
                let target = own(target(state, to, message).await?)?;
                Ok(Content::Revoke {
                    target: target.wire_id,
                })
            }
        }
    }
}

impl FileToSend {
    async fn resolve(
        self,
        state: &AppState,
        to: &Recipient,
        kind: MediaKind,
    ) -> ApiResult<Content> {
        let unknown = || {
            ApiError::invalid(
                "content.blob",
                "There is no such file; upload it with POST /blobs first",
            )
        };
        let blob = state.store().blob(self.blob).await.map_err(|_| unknown())?;
        suits(kind, &blob.mime)?;
        let caption = self.caption.filter(|text| !text.trim().is_empty());
        let caption = caption
            .map(|text| words("content.caption", text, CAPTION_CHARS_MAX))
            .transpose()?;
        let name = self.file_name.filter(|text| !text.trim().is_empty());
        let file_name =
            name.map(|text| super::extract::line("content.file_name", &text, FILE_NAME_CHARS_MAX));
        let file = Media {
            media: kind,
            mime: blob.mime,
            caption,
            file_name: file_name.transpose()?,
            seconds: None,
            size: None,
            pointer: None,
            blob: Some(self.blob),
        };
        let quote = quote(state, to, self.quote_message).await?;
        Ok(Content::Media {
            file,
            quote,
            mentions: Vec::new(),
        })
    }
}

/// Refuses a file that WhatsApp would show as broken.
fn suits(kind: MediaKind, mime: &str) -> ApiResult<()> {
    let family = mime.split('/').next().unwrap_or_default();
    let (fits, wanted) = match kind {
        MediaKind::Image => (
            matches!(mime, "image/jpeg" | "image/png"),
            "a JPEG or PNG picture",
        ),
        MediaKind::Sticker => (mime == "image/webp", "a WebP picture"),
        MediaKind::Video => (family == "video", "a film"),
        MediaKind::Voice => (mime.starts_with("audio/ogg"), "Opus sound in an Ogg file"),
        MediaKind::Audio => (family == "audio", "a sound file"),
        MediaKind::Document => (true, "a file"),
    };
    if fits {
        return Ok(());
    }
    let text =
        format!("This file is {mime}, but {wanted} is needed; send it as a document instead");
    Err(ApiError::invalid("content.blob", text))
}

/// Words as they were typed, neither empty nor too long.
fn words(field: &'static str, text: String, max: usize) -> ApiResult<String> {
    if text.trim().is_empty() {
        return Err(ApiError::invalid(
            field,
            format!("'{field}' is empty; write something"),
        ));
    }
    if text.chars().count() > max {
        return Err(ApiError::invalid(
            field,
            format!("'{field}' is longer than {max} characters"),
        ));
    }
    Ok(text)
}

fn addresses(typed: &[String]) -> ApiResult<Vec<Address>> {
    if typed.len() > MENTIONS_MAX {
        let text = format!("A message can mention at most {MENTIONS_MAX} people");
        return Err(ApiError::invalid("content.mentions", text));
    }
    typed
        .iter()
        .map(|text| phone::parse_address("content.mentions", text))
        .collect()
}

/// The message referred to; it must be of the same account and conversation.
async fn target(state: &AppState, to: &Recipient, id: MessageId) -> ApiResult<Stored> {
    let unknown =
        |_| ApiError::invalid("content.message", "There is no such message; check the id");
    let found = state
        .store()
        .message(to.workspace, id)
        .await
        .map_err(unknown)?;
    let same_chat = match to.conversation {
        Some(conversation) => found.conversation == conversation,
        None => {
            let conversation = state
                .store()
                .conversation(to.workspace, found.conversation)
                .await?;
            reached_at(&conversation.party, &to.address)
        }
    };
    if found.account == to.account && same_chat {
        return Ok(found);
    }
    Err(ApiError::invalid(
        "content.message",
        "That message belongs to another conversation",
    ))
}

/// Whether this address leads to that conversation. Somebody else's words must not be quoted to
/// a third person by mistake.
fn reached_at(party: &Party, to: &Address) -> bool {
    match party {
        Party::Contact { phone, lid, .. } => [phone, lid].into_iter().flatten().any(|a| a == to),
        Party::Chat { address, .. } => address == to,
    }
}

fn own(message: Stored) -> ApiResult<Stored> {
    if message.direction == Direction::Out {
        return Ok(message);
    }
    Err(ApiError::invalid(
        "content.message",
        "Only messages of this account can be edited or deleted",
    ))
}

async fn quote(
    state: &AppState,
    to: &Recipient,
    id: Option<MessageId>,
) -> ApiResult<Option<Quote>> {
    let Some(id) = id else { return Ok(None) };
    let answered = target(state, to, id)
        .await
        .map_err(|e| e.at("content.quote_message"))?;
    let text = answered
        .content
        .words()
        .map(|words| words.chars().take(QUOTE_CHARS).collect());
    Ok(Some(Quote {
        wire_id: answered.wire_id,
        sender: answered.sender_address,
        text,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_must_be_what_it_is_sent_as() {
        assert!(suits(MediaKind::Image, "image/png").is_ok());
        assert!(suits(MediaKind::Image, "text/html").is_err());
        assert!(suits(MediaKind::Sticker, "image/png").is_err());
        assert!(suits(MediaKind::Voice, "audio/ogg; codecs=opus").is_ok());
        assert!(suits(MediaKind::Document, "text/html").is_ok());
    }

    #[test]
    fn words_are_kept_as_typed_but_never_empty() {
        assert_eq!(words("b", " hi ".into(), 10).unwrap(), " hi ");
        assert!(words("b", " \n ".into(), 10).is_err());
        assert!(words("b", "x".repeat(11), 10).is_err());
    }
}
