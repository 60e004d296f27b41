//! Sending: text, files, reactions, read marks and typing.

use super::super::front::Given;
use super::super::inside::Refused;
use super::{Answer, Front, Wanted, shape};
use crate::api::AppState;
use axum::http::StatusCode;
use axum::routing::{post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

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
        let message = self.put_out(account, chat, content).await?;
        let shown = shape::message(&message, &shape::chat_id(&shape::address(chat)), account);
        Ok((StatusCode::CREATED, Json(shown)))
    }

    /// The message with one of WAHA's ids in a chat.
    pub(super) async fn find(
        &self,
        account: &Value,
        chat: &str,
        id: &str,
    ) -> Result<Value, Refused> {
        self.message(account, chat, shape::wire_id(id)).await
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
        let given = Given {
            data,
            url,
            mime: mimetype,
        };
        let blob = self.upload(given).await?;
        let content = json!({
            "kind": kind, "blob": blob, "caption": wanted.caption, "file_name": filename,
            "quote_message": quote,
        });
        self.send(&account, &wanted.chat_id, content).await
    }
}

async fn types(front: Front, wanted: Chat, active: bool) -> Sent {
    let account = front.account(named(&wanted.session)).await?;
    front.typing(&account, &wanted.chat_id, active).await?;
    Ok((StatusCode::CREATED, Json(Value::Null)))
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
    front.read(&account, &wanted.chat_id).await?;
    Ok(Json(json!({"success": true})))
}

async fn start_typing(front: Front, Wanted(wanted): Wanted<Chat>) -> Sent {
    types(front, wanted, true).await
}

async fn stop_typing(front: Front, Wanted(wanted): Wanted<Chat>) -> Sent {
    types(front, wanted, false).await
}
