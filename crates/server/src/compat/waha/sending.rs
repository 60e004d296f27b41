//! Sending: text, files, reactions, read marks and typing.

use super::super::fetch;
use super::super::inside::Refused;
use super::{Answer, Front, Wanted, shape};
use crate::api::AppState;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::routing::{post, put};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

/// Messages of a chat searched, newest first, for one that is named by WhatsApp's id.
const SEARCHED_MAX: usize = 1_000;

type Sent = Result<(StatusCode, Json<Value>), Refused>;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/sendText", post(text))
        .route("/api/reply", post(text))
        .route("/api/sendImage", post(image))
        .route("/api/sendFile", post(file))
        .route("/api/sendVoice", post(voice))
        .route("/api/sendVideo", post(video))
        .route("/api/reaction", put(reaction))
        .route("/api/sendSeen", post(seen))
        .route("/api/startTyping", post(start_typing))
        .route("/api/stopTyping", post(stop_typing))
}

/// A text to send.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    session: Option<String>,
    chat_id: String,
    text: String,
    #[serde(default, alias = "reply_to")]
    reply_to: Option<String>,
    #[serde(default)]
    mentions: Option<Vec<String>>,
}

/// A file to send.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    session: Option<String>,
    chat_id: String,
    file: Contents,
    #[serde(default)]
    caption: Option<String>,
    #[serde(default, alias = "reply_to")]
    reply_to: Option<String>,
}

/// The file itself, or where it is.
#[derive(Debug, Deserialize)]
struct Contents {
    mimetype: Option<String>,
    filename: Option<String>,
    data: Option<String>,
    url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chat {
    session: Option<String>,
    chat_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reaction {
    session: Option<String>,
    message_id: String,
    reaction: String,
}

/// A session that is not named is the one called `default`.
fn named(session: &Option<String>) -> &str {
    session.as_deref().unwrap_or("default")
}

impl Front {
    pub(super) async fn send(&self, account: &Value, chat: &str, content: Value) -> Sent {
        let body = json!({
            "account": account["id"], "to": shape::address(chat), "content": content,
        });
        let message = self.call.post("/messages", body).await?;
        let shown = shape::message(&message, &shape::chat_id(&shape::address(chat)), account);
        Ok((StatusCode::CREATED, Json(shown)))
    }

    /// The message with WhatsApp's id in a chat.
    pub(super) async fn find(
        &self,
        account: &Value,
        chat: &str,
        id: &str,
    ) -> Result<Value, Refused> {
        let unknown = || Refused::not_found(format!("Message {id} is not known in {chat}"));
        let conversation = self
            .conversation(account, chat)
            .await?
            .ok_or_else(unknown)?;
        let path = format!("/conversations/{conversation}/messages");
        let messages = self.call.all(&path, SEARCHED_MAX).await?;
        let wire = shape::wire_id(id);
        let found = messages.into_iter().find(|m| m["wire_id"] == wire);
        found.ok_or_else(unknown)
    }

    async fn quoted(
        &self,
        account: &Value,
        chat: &str,
        reply_to: Option<&str>,
    ) -> Result<Value, Refused> {
        match reply_to.filter(|id| !id.is_empty()) {
            None => Ok(Value::Null),
            Some(id) => Ok(self.find(account, chat, id).await?["id"].take()),
        }
    }

    async fn send_file(&self, kind: &str, wanted: File) -> Sent {
        let account = self.account(named(&wanted.session)).await?;
        let quote = self
            .quoted(&account, &wanted.chat_id, wanted.reply_to.as_deref())
            .await?;
        let Contents {
            mimetype,
            filename,
            data,
            url,
        } = wanted.file;
        let limit = self.state.limits().blob_bytes_max;
        let bytes = match (data, url) {
            (Some(data), _) => {
                let data = data
                    .split_once(";base64,")
                    .map_or(&data[..], |(_, data)| data);
                BASE64_STANDARD
                    .decode(data.trim())
                    .map_err(|_| Refused::invalid("file.data is not base64"))?
            }
            (None, Some(url)) => fetch::file(self.state.guard(), &url, limit).await?,
            (None, None) => return Err(Refused::invalid("file needs 'data' or 'url'")),
        };
        let mime = mimetype.unwrap_or_else(|| "application/octet-stream".to_owned());
        let blob = self
            .call
            .send(Method::POST, "/blobs", &mime, Body::from(bytes))
            .await?;
        let blob: Value = serde_json::from_slice(&blob).unwrap_or_default();
        let content = json!({
            "kind": kind, "blob": blob["id"], "caption": wanted.caption, "file_name": filename,
            "quote_message": quote,
        });
        self.send(&account, &wanted.chat_id, content).await
    }

    async fn typing(&self, wanted: Chat, active: bool) -> Sent {
        let account = self.account(named(&wanted.session)).await?;
        if let Some(id) = self.conversation(&account, &wanted.chat_id).await? {
            let path = format!("/conversations/{id}/typing");
            self.call.post(&path, json!({"active": active})).await?;
        }
        Ok((StatusCode::CREATED, Json(Value::Null)))
    }
}

async fn text(front: Front, Wanted(wanted): Wanted<Text>) -> Sent {
    let account = front.account(named(&wanted.session)).await?;
    let quote = front
        .quoted(&account, &wanted.chat_id, wanted.reply_to.as_deref())
        .await?;
    let mentions: Vec<String> = wanted
        .mentions
        .unwrap_or_default()
        .iter()
        .map(|who| shape::address(who))
        .collect();
    let content = json!({
        "kind": "text", "body": wanted.text, "quote_message": quote, "mentions": mentions,
    });
    front.send(&account, &wanted.chat_id, content).await
}

async fn image(front: Front, Wanted(wanted): Wanted<File>) -> Sent {
    front.send_file("image", wanted).await
}

async fn file(front: Front, Wanted(wanted): Wanted<File>) -> Sent {
    front.send_file("document", wanted).await
}

async fn voice(front: Front, Wanted(wanted): Wanted<File>) -> Sent {
    front.send_file("voice", wanted).await
}

async fn video(front: Front, Wanted(wanted): Wanted<File>) -> Sent {
    front.send_file("video", wanted).await
}

async fn reaction(front: Front, Wanted(wanted): Wanted<Reaction>) -> Sent {
    let account = front.account(named(&wanted.session)).await?;
    // The chat stands in the id: `false_number@c.us_WIREID`.
    let chat = wanted.message_id.split('_').nth(1);
    let chat = chat
        .ok_or_else(|| Refused::invalid("messageId names no chat"))?
        .to_owned();
    let message = front.find(&account, &chat, &wanted.message_id).await?;
    let content = json!({"kind": "reaction", "message": message["id"], "emoji": wanted.reaction});
    front.send(&account, &chat, content).await
}

async fn seen(front: Front, Wanted(wanted): Wanted<Chat>) -> Answer {
    let account = front.account(named(&wanted.session)).await?;
    if let Some(id) = front.conversation(&account, &wanted.chat_id).await? {
        front
            .call
            .post(&format!("/conversations/{id}/read"), json!({}))
            .await?;
    }
    Ok(Json(json!({"success": true})))
}

async fn start_typing(front: Front, Wanted(wanted): Wanted<Chat>) -> Sent {
    front.typing(wanted, true).await
}

async fn stop_typing(front: Front, Wanted(wanted): Wanted<Chat>) -> Sent {
    front.typing(wanted, false).await
}
