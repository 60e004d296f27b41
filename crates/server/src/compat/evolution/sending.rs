//! Sending: text, files and reactions.

use super::super::front::{Given, id};
use super::super::inside::Refused;
use super::{Front, Made, Wanted, shape};
use crate::api::AppState;
use axum::extract::{FromRequest, Multipart, Path, Request};
use axum::http::{StatusCode, header};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use waypost_engine::model::AccountId;

/// What a form's file is kept under; no field of Evolution has this name.
const FORM_FILE: &str = "file";

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/message/sendText/{instance}", post(text))
        .route("/message/sendMedia/{instance}", post(media))
        .route("/message/sendWhatsAppAudio/{instance}", post(voice))
        .route("/message/sendSticker/{instance}", post(sticker))
        .route("/message/sendReaction/{instance}", post(reaction))
}

/// To whom, and what all messages may carry. Delays are not waited for: Waypost has its own pace.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    number: String,
    quoted: Option<Quoted>,
    #[serde(default)]
    mentions_every_one: bool,
    mentioned: Option<Vec<String>>,
}

/// A message that is answered.
#[derive(Debug, Deserialize)]
struct Quoted {
    key: Key,
}

/// What tells a message from every other.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) remote_jid: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(flatten)]
    envelope: Envelope,
    text: String,
}

#[derive(Debug, Deserialize)]
struct Reaction {
    key: Key,
    reaction: String,
}

/// A file with its words, from JSON or from a form.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(flatten)]
    envelope: Envelope,
    mediatype: Option<String>,
    mimetype: Option<String>,
    caption: Option<String>,
    file_name: Option<String>,
    /// The file in base64, or its address; under another name for voices and stickers.
    #[serde(alias = "audio", alias = "sticker")]
    media: Option<String>,
}

/// A call that brings a file.
struct WithFile {
    file: File,
    /// The file that came with a form, and what it said it is.
    attached: Option<(Vec<u8>, Option<String>)>,
}

impl FromRequest<AppState> for WithFile {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Refused> {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("multipart/form-data")) {
            let Wanted(file) = Wanted::from_request(request, state).await?;
            let attached = None;
            return Ok(Self { file, attached });
        }
        let unread = |error: &dyn std::fmt::Display| {
            Refused::invalid(format!("the form cannot be read: {error}"))
        };
        let mut form = Multipart::from_request(request, state)
            .await
            .map_err(|error| unread(&error))?;
        let (mut fields, mut attached) = (Map::new(), None);
        while let Some(part) = form.next_field().await.map_err(|error| unread(&error))? {
            let name = part.name().unwrap_or_default().to_owned();
            let kind = part.content_type().map(str::to_owned);
            let body = part.bytes().await.map_err(|error| unread(&error))?;
            if name == FORM_FILE {
                attached = Some((body.to_vec(), kind));
            } else {
                let text = String::from_utf8_lossy(&body).into_owned();
                fields.insert(name, field(text));
            }
        }
        let file = serde_json::from_value(Value::Object(fields)).map_err(|error| unread(&error))?;
        Ok(Self { file, attached })
    }
}

/// A form's field as JSON would bring it.
fn field(text: String) -> Value {
    match text.as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if text.starts_with(['{', '[']) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        _ => Value::String(text),
    }
}

impl Front {
    /// Sends it and answers as Evolution does.
    pub(super) async fn post_out(&self, account: &Value, to: &str, content: Value) -> Made {
        let message = self.put_out(account, to, content).await?;
        let chat = super::super::front::address(to);
        let shown = shape::message(&message, &shape::jid(&chat), account);
        Ok((StatusCode::CREATED, Json(shown)))
    }

    async fn answered(&self, account: &Value, envelope: &Envelope) -> Result<Value, Refused> {
        match &envelope.quoted {
            None => Ok(Value::Null),
            Some(quoted) => {
                let chat = quoted.key.remote_jid.as_deref();
                let chat = chat.unwrap_or(&envelope.number);
                let mut message = self.message(account, chat, &quoted.key.id).await?;
                Ok(message["id"].take())
            }
        }
    }

    /// Whom a text mentions: those named, or everybody in the group.
    async fn mentions(&self, account: &Value, envelope: &Envelope) -> Result<Vec<String>, Refused> {
        let named = envelope.mentioned.iter().flatten();
        let mut mentioned: Vec<String> =
            named.map(|who| super::super::front::address(who)).collect();
        if envelope.mentions_every_one && envelope.number.ends_with("@g.us") {
            let account: AccountId = id(account)?;
            let path = format!("/groups/{account}:{}", envelope.number);
            let group = self.call.get(&path).await?;
            let members = group["members"].as_array().into_iter().flatten();
            mentioned.extend(members.filter_map(|m| m["address"].as_str().map(str::to_owned)));
        }
        Ok(mentioned)
    }

    async fn send_with_file(&self, name: &str, kind: &str, wanted: WithFile) -> Made {
        let account = self.instance(name).await?;
        let WithFile { file, attached } = wanted;
        let quote = self.answered(&account, &file.envelope).await?;
        let blob = match attached {
            Some((bytes, kind)) => {
                let mime = file.mimetype.filter(|mime| !mime.is_empty()).or(kind);
                self.upload_bytes(mime, bytes).await?
            }
            None => {
                let given = file.media.filter(|media| !media.is_empty());
                let (data, url) = match given {
                    Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                        (None, Some(url))
                    }
                    data => (data, None),
                };
                let mime = file.mimetype.or_else(|| assumed(kind).map(str::to_owned));
                self.upload(Given { data, url, mime }).await?
            }
        };
        let mut content = json!({"kind": kind, "blob": blob, "quote_message": quote});
        let words = [("caption", file.caption), ("file_name", file.file_name)];
        for (field, text) in words {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                content[field] = Value::String(text);
            }
        }
        self.post_out(&account, &file.envelope.number, content)
            .await
    }
}

/// What a file is when nobody says so.
fn assumed(kind: &str) -> Option<&'static str> {
    match kind {
        "voice" => Some("audio/ogg"),
        "sticker" => Some("image/webp"),
        "image" => Some("image/jpeg"),
        "video" => Some("video/mp4"),
        _ => None,
    }
}

async fn text(front: Front, Path(name): Path<String>, Wanted(wanted): Wanted<Text>) -> Made {
    let account = front.instance(&name).await?;
    let quote = front.answered(&account, &wanted.envelope).await?;
    let mentions = front.mentions(&account, &wanted.envelope).await?;
    let content = json!({
        "kind": "text", "body": wanted.text, "quote_message": quote, "mentions": mentions,
    });
    front
        .post_out(&account, &wanted.envelope.number, content)
        .await
}

async fn media(front: Front, Path(name): Path<String>, wanted: WithFile) -> Made {
    let kind = match wanted.file.mediatype.as_deref() {
        Some("image") => "image",
        Some("video" | "ptv") => "video",
        Some("audio") => "audio",
        Some("document") => "document",
        other => {
            let other = other.unwrap_or("none");
            return Err(Refused::invalid(format!(
                "mediatype is '{other}'; use image, video, audio or document"
            )));
        }
    };
    front.send_with_file(&name, kind, wanted).await
}

async fn voice(front: Front, Path(name): Path<String>, wanted: WithFile) -> Made {
    front.send_with_file(&name, "voice", wanted).await
}

async fn sticker(front: Front, Path(name): Path<String>, wanted: WithFile) -> Made {
    front.send_with_file(&name, "sticker", wanted).await
}

async fn reaction(
    front: Front,
    Path(name): Path<String>,
    Wanted(wanted): Wanted<Reaction>,
) -> Made {
    let account = front.instance(&name).await?;
    let Some(chat) = wanted.key.remote_jid else {
        return Err(Refused::invalid("key.remoteJid is missing"));
    };
    let message = front.message(&account, &chat, &wanted.key.id).await?;
    let content = json!({"kind": "reaction", "message": message["id"], "emoji": wanted.reaction});
    front.post_out(&account, &chat, content).await
}
