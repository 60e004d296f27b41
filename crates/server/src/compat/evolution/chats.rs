//! Chats, their messages, people, and whether a number is on WhatsApp.

use super::super::front::id;
use super::super::inside::Refused;
use super::sending::Key;
use super::{Answer, Front, Made, Wanted, shape};
use crate::api::AppState;
use crate::auth::scope::Scope;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::routing::{delete, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use waypost_engine::model::Address;

/// Most chats, people or messages that one call reaches, earlier pages included.
const REACH_MAX: usize = 2_000;
/// Messages on a page when the caller does not say.
const PAGE: usize = 50;
/// Most numbers that one call asks about.
const NUMBERS_MAX: usize = 50;
/// Longest that typing is shown for a call.
const TYPING_MAX: Duration = Duration::from_secs(20);

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/chat/whatsappNumbers/{instance}", post(numbers))
        // As clients of the first version still call it.
        .route("/chat/checkIsWhatsappNumber/{instance}", post(numbers))
        .route("/chat/markMessageAsRead/{instance}", post(read).put(read))
        .route("/chat/findChats/{instance}", post(chats))
        .route("/chat/findMessages/{instance}", post(messages))
        .route("/chat/findContacts/{instance}", post(people))
        .route("/chat/sendPresence/{instance}", post(presence))
        .route("/chat/updateMessage/{instance}", post(edit))
        .route("/chat/deleteMessageForEveryone/{instance}", delete(revoke))
        .route("/chat/getBase64FromMediaMessage/{instance}", post(file))
}

#[derive(Debug, Deserialize)]
struct Numbers {
    numbers: Vec<String>,
}

async fn numbers(front: Front, Path(name): Path<String>, Wanted(asked): Wanted<Numbers>) -> Answer {
    front.caller.require(Scope::ContactsRead)?;
    if asked.numbers.len() > NUMBERS_MAX {
        return Err(Refused::invalid(format!(
            "ask about at most {NUMBERS_MAX} numbers at once"
        )));
    }
    let account = front.instance(&name).await?;
    let mut answers = Vec::with_capacity(asked.numbers.len());
    for number in asked.numbers {
        let address = Address::phone(number.split('@').next().unwrap_or_default());
        if address.user().is_empty() {
            let text = format!("'{number}' is no number with its country code");
            return Err(Refused::invalid(text));
        }
        let found = front
            .state
            .fleet()
            .on_whatsapp(id(&account)?, &address)
            .await;
        let found = found.map_err(crate::api::problem::ApiError::from)?;
        let jid = found.as_ref().unwrap_or(&address).to_string();
        answers.push(json!({"jid": shape::jid(&jid), "exists": found.is_some(), "number": number}));
    }
    Ok(Json(Value::Array(answers)))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadMessages {
    read_messages: Vec<Key>,
}

/// The chats of these messages are marked as read, whole.
async fn read(
    front: Front,
    Path(name): Path<String>,
    Wanted(wanted): Wanted<ReadMessages>,
) -> Made {
    let account = front.instance(&name).await?;
    let mut chats: Vec<String> = wanted
        .read_messages
        .into_iter()
        .filter_map(|key| key.remote_jid)
        .collect();
    chats.sort_unstable();
    chats.dedup();
    for chat in chats {
        front.read(&account, &chat).await?;
    }
    let done = json!({"message": "Read messages", "read": "success"});
    Ok((StatusCode::CREATED, Json(done)))
}

/// Which part of a list, as Evolution asks for it: `offset` is how many make a page.
#[derive(Debug, Default, Deserialize)]
struct Query {
    #[serde(default, rename = "where")]
    filter: Filter,
    page: Option<usize>,
    offset: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    id: Option<String>,
    remote_jid: Option<String>,
    key: Option<KeyFilter>,
    message_type: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct KeyFilter {
    id: Option<String>,
    remote_jid: Option<String>,
    from_me: Option<bool>,
}

impl Query {
    fn size(&self) -> usize {
        self.offset.unwrap_or(PAGE).clamp(1, REACH_MAX)
    }

    fn page(&self) -> usize {
        self.page.unwrap_or(1).max(1)
    }

    /// The page that is wanted of these.
    fn cut(&self, items: Vec<Value>) -> Vec<Value> {
        let before = self.size().saturating_mul(self.page() - 1);
        items.into_iter().skip(before).take(self.size()).collect()
    }
}

fn account_id(account: &Value) -> &str {
    account["id"].as_str().unwrap_or_default()
}

async fn chats(front: Front, Path(name): Path<String>, Wanted(query): Wanted<Query>) -> Answer {
    let account = front.instance(&name).await?;
    let path = format!("/conversations?account={}", account_id(&account));
    let all = front.call.all(&path, REACH_MAX).await?;
    let chat = |one: &Value| shape::jid(one["address"].as_str().unwrap_or_default());
    let wanted = query.filter.remote_jid.as_deref();
    let wanted = wanted.map(super::super::front::address);
    let shown = all
        .iter()
        .filter(|one| wanted.as_ref().is_none_or(|wanted| chat(one) == *wanted))
        .map(|one| {
            let last = &one["last_message"];
            json!({
                "id": one["id"], "remoteJid": chat(one), "pushName": one["title"],
                "profilePicUrl": null, "updatedAt": last["at"],
                "lastMessage": {
                    "key": {"remoteJid": chat(one), "fromMe": last["direction"] == "out"},
                    "message": {"conversation": last["preview"]},
                    "messageTimestamp": super::super::front::seconds(&last["at"]),
                },
                "unreadCount": one["unread"], "isSaved": one["contact"].is_string(),
            })
        });
    let shown: Vec<Value> = shown.collect();
    let is_paged = query.page.is_some() || query.offset.is_some();
    Ok(Json(Value::Array(if is_paged {
        query.cut(shown)
    } else {
        shown
    })))
}

async fn messages(front: Front, Path(name): Path<String>, Wanted(query): Wanted<Query>) -> Answer {
    let account = front.instance(&name).await?;
    let key = query.filter.key.as_ref();
    let chat = key.and_then(|key| key.remote_jid.as_deref());
    let Some(chat) = chat.or(query.filter.remote_jid.as_deref()) else {
        return Err(Refused::invalid(
            "where.key.remoteJid is missing: messages are read one chat at a time",
        ));
    };
    let jid = shape::jid(&super::super::front::address(chat));
    let found = match front.conversation(&account, chat).await? {
        Some(id) => {
            let path = format!("/conversations/{id}/messages");
            front.call.all(&path, REACH_MAX).await?
        }
        None => Vec::new(),
    };
    let fits = |shown: &Value| {
        let key_fits = key.is_none_or(|key| {
            key.id.as_ref().is_none_or(|id| shown["key"]["id"] == *id)
                && key
                    .from_me
                    .is_none_or(|mine| shown["key"]["fromMe"] == mine)
        });
        let filter = &query.filter;
        key_fits
            && filter.id.as_ref().is_none_or(|id| shown["id"] == *id)
            && filter
                .message_type
                .as_ref()
                .is_none_or(|kind| shown["messageType"] == *kind)
    };
    let shown: Vec<Value> = found
        .iter()
        .map(|message| shape::message(message, &jid, &account))
        .filter(fits)
        .collect();
    let total = shown.len();
    Ok(Json(json!({"messages": {
        "total": total, "pages": total.div_ceil(query.size()), "currentPage": query.page(),
        "records": query.cut(shown),
    }})))
}

async fn people(front: Front, Path(name): Path<String>, Wanted(query): Wanted<Query>) -> Answer {
    let account = front.instance(&name).await?;
    let path = format!("/contacts?account={}", account_id(&account));
    let all = front.call.all(&path, REACH_MAX).await?;
    let wanted = query.filter.remote_jid.as_deref();
    let wanted = wanted.map(super::super::front::address);
    let shown = all.iter().filter_map(|one| {
        let jid = shape::jid(one["phone"].as_str().or(one["lid"].as_str())?);
        let named = one["name"].as_str().or(one["push_name"].as_str());
        wanted
            .as_ref()
            .is_none_or(|wanted| jid == *wanted)
            .then(|| {
                json!({
                    "id": one["id"], "remoteJid": jid, "pushName": named, "profilePicUrl": null,
                    "createdAt": one["created_at"], "updatedAt": one["updated_at"],
                    "instanceId": account["id"], "isGroup": false, "isSaved": named.is_some(),
                    "type": if named.is_some() { "contact" } else { "group_member" },
                })
            })
    });
    let shown: Vec<Value> = shown.collect();
    let is_paged = query.page.is_some() || query.offset.is_some();
    Ok(Json(Value::Array(if is_paged {
        query.cut(shown)
    } else {
        shown
    })))
}

#[derive(Debug, Deserialize)]
struct Presence {
    number: String,
    presence: String,
    delay: Option<u64>,
}

/// Shows typing for as long as asked, as Evolution does, and answers then.
async fn presence(
    front: Front,
    Path(name): Path<String>,
    Wanted(wanted): Wanted<Presence>,
) -> Made {
    let account = front.instance(&name).await?;
    let active = match wanted.presence.as_str() {
        "composing" => true,
        "paused" => false,
        other => {
            return Err(Refused::invalid(format!(
                "presence is '{other}'; only composing and paused are supported"
            )));
        }
    };
    front.typing(&account, &wanted.number, active).await?;
    if active {
        let wait = Duration::from_millis(wanted.delay.unwrap_or(0)).min(TYPING_MAX);
        tokio::time::sleep(wait).await;
        front.typing(&account, &wanted.number, false).await?;
    }
    Ok((
        StatusCode::CREATED,
        Json(json!({"presence": wanted.presence})),
    ))
}

#[derive(Debug, Deserialize)]
struct NewWords {
    number: String,
    key: Key,
    text: String,
}

async fn edit(front: Front, Path(name): Path<String>, Wanted(wanted): Wanted<NewWords>) -> Answer {
    let account = front.instance(&name).await?;
    let message = front
        .message(&account, &wanted.number, &wanted.key.id)
        .await?;
    let content = json!({"kind": "edit", "message": message["id"], "body": wanted.text});
    Ok(front.post_out(&account, &wanted.number, content).await?.1)
}

async fn revoke(front: Front, Path(name): Path<String>, Wanted(wanted): Wanted<Key>) -> Made {
    let account = front.instance(&name).await?;
    let Some(chat) = wanted.remote_jid else {
        return Err(Refused::invalid("remoteJid is missing"));
    };
    let message = front.message(&account, &chat, &wanted.id).await?;
    let content = json!({"kind": "revoke", "message": message["id"]});
    front.post_out(&account, &chat, content).await
}

#[derive(Debug, Deserialize)]
struct FileOf {
    message: KeyOf,
}

#[derive(Debug, Deserialize)]
struct KeyOf {
    key: Key,
}

async fn file(front: Front, Path(name): Path<String>, Wanted(wanted): Wanted<FileOf>) -> Made {
    let account = front.instance(&name).await?;
    let key = wanted.message.key;
    let Some(chat) = key.remote_jid else {
        return Err(Refused::invalid("message.key.remoteJid is missing"));
    };
    let message = front.message(&account, &chat, &key.id).await?;
    let path = format!(
        "/messages/{}/media",
        message["id"].as_str().unwrap_or_default()
    );
    let send = front
        .call
        .send(Method::GET, &path, "application/json", Body::empty());
    let bytes = send.await?;
    let (kind, content) = (&message["kind"], &message["content"]);
    let file = json!({
        "mediaType": format!("{}Message", kind.as_str().unwrap_or_default()),
        "fileName": content["file_name"], "mimetype": content["mime"],
        "size": {"fileLength": bytes.len(), "height": content["height"], "width": content["width"]},
        "base64": BASE64_STANDARD.encode(&bytes), "buffer": null,
    });
    Ok((StatusCode::CREATED, Json(file)))
}
