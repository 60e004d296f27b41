//! Chats, their messages, and whether a number is on WhatsApp.

use super::super::inside::Refused;
use super::{Answer, Front, Wanted, id, shape};
use crate::api::AppState;
use crate::auth::scope::Scope;
use axum::extract::{Path, Query};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use waypost_engine::model::Address;

/// Most chats or messages that one call reaches, skipped ones included.
const REACH_MAX: usize = 2_000;
/// Chats and messages answered when the caller does not say.
const LIMIT: usize = 100;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/{session}/chats", get(chats))
        .route("/api/{session}/chats/overview", get(overview))
        .route("/api/{session}/chats/{chat}/messages", get(messages))
        .route("/api/{session}/chats/{chat}/messages/read", post(read))
        .route(
            "/api/{session}/chats/{chat}/messages/{message}",
            put(edit).get(message).delete(revoke),
        )
        .route("/api/contacts/check-exists", get(check_exists))
        .route("/api/checkNumberStatus", get(check_exists))
}

#[derive(Debug, Deserialize)]
struct Reach {
    limit: Option<usize>,
    offset: Option<usize>,
    #[serde(rename = "filter.fromMe")]
    from_me: Option<String>,
}

impl Reach {
    fn end(&self) -> usize {
        let end = self
            .limit
            .unwrap_or(LIMIT)
            .saturating_add(self.offset.unwrap_or(0));
        end.min(REACH_MAX)
    }

    fn cut(&self, items: Vec<Value>) -> Vec<Value> {
        items.into_iter().skip(self.offset.unwrap_or(0)).collect()
    }
}

fn chat_of(conversation: &Value) -> String {
    shape::chat_id(conversation["address"].as_str().unwrap_or_default())
}

async fn conversations(front: &Front, session: &str, reach: &Reach) -> Result<Vec<Value>, Refused> {
    let account = front.account(session).await?;
    let path = format!(
        "/conversations?account={}",
        account["id"].as_str().unwrap_or_default()
    );
    Ok(reach.cut(front.call.all(&path, reach.end()).await?))
}

async fn chats(front: Front, Path(session): Path<String>, Query(reach): Query<Reach>) -> Answer {
    let found = conversations(&front, &session, &reach).await?;
    let chats = found.iter().map(|one| {
        json!({
            "id": chat_of(one), "name": one["title"], "unreadCount": one["unread"],
            "conversationTimestamp": shape::seconds(&one["last_message"]["at"]),
        })
    });
    Ok(Json(chats.collect()))
}

async fn overview(front: Front, Path(session): Path<String>, Query(reach): Query<Reach>) -> Answer {
    let found = conversations(&front, &session, &reach).await?;
    let chats = found.iter().map(|one| {
        let last = &one["last_message"];
        json!({
            "id": chat_of(one), "name": one["title"], "picture": "",
            "lastMessage": {
                "id": last["id"], "timestamp": shape::seconds(&last["at"]), "body": last["preview"],
                "fromMe": last["direction"] == "out",
            },
            "_chat": {"unreadCount": one["unread"], "waypost": one["id"]},
        })
    });
    Ok(Json(chats.collect()))
}

async fn messages(
    front: Front,
    Path((session, chat)): Path<(String, String)>,
    Query(reach): Query<Reach>,
) -> Answer {
    let account = front.account(&session).await?;
    let Some(id) = front.conversation(&account, &chat).await? else {
        return Ok(Json(json!([])));
    };
    let path = format!("/conversations/{id}/messages");
    let found = reach.cut(front.call.all(&path, reach.end()).await?);
    let chat = shape::chat_id(&shape::address(&chat));
    let wanted = found
        .iter()
        .filter(|message| match reach.from_me.as_deref() {
            Some("true") => message["direction"] == "out",
            Some("false") => message["direction"] == "in",
            _ => true,
        });
    Ok(Json(
        wanted.map(|m| shape::message(m, &chat, &account)).collect(),
    ))
}

async fn message(
    front: Front,
    Path((session, chat, wanted)): Path<(String, String, String)>,
) -> Answer {
    let account = front.account(&session).await?;
    let found = front.find(&account, &chat, &wanted).await?;
    let chat = shape::chat_id(&shape::address(&chat));
    Ok(Json(shape::message(&found, &chat, &account)))
}

async fn read(front: Front, Path((session, chat)): Path<(String, String)>) -> Answer {
    let account = front.account(&session).await?;
    front.read(&account, &chat).await?;
    Ok(Json(json!({"ids": []})))
}

#[derive(Debug, Deserialize)]
struct NewWords {
    text: String,
}

async fn edit(
    front: Front,
    Path((session, chat, wanted)): Path<(String, String, String)>,
    Wanted(words): Wanted<NewWords>,
) -> Answer {
    let account = front.account(&session).await?;
    let found = front.find(&account, &chat, &wanted).await?;
    let content = json!({"kind": "edit", "message": found["id"], "body": words.text});
    Ok(front.send(&account, &chat, content).await?.1)
}

async fn revoke(
    front: Front,
    Path((session, chat, wanted)): Path<(String, String, String)>,
) -> Answer {
    let account = front.account(&session).await?;
    let found = front.find(&account, &chat, &wanted).await?;
    let content = json!({"kind": "revoke", "message": found["id"]});
    Ok(front.send(&account, &chat, content).await?.1)
}

#[derive(Debug, Deserialize)]
struct Number {
    phone: String,
    session: Option<String>,
}

async fn check_exists(front: Front, Query(asked): Query<Number>) -> Answer {
    front.caller.require(Scope::ContactsRead)?;
    let session = asked.session.as_deref().unwrap_or("default");
    let account = front.account(session).await?;
    let number = Address::phone(asked.phone.split('@').next().unwrap_or_default());
    if number.user().is_empty() {
        return Err(Refused::invalid(
            "phone must be a number with its country code",
        ));
    }
    let fleet = front.state.fleet();
    let found = fleet.on_whatsapp(id(&account)?, &number).await;
    let found = found.map_err(crate::api::problem::ApiError::from)?;
    Ok(Json(match found {
        None => json!({"numberExists": false}),
        Some(address) => json!({
            "numberExists": true, "chatId": shape::chat_id(&address.to_string()),
            "pn": shape::chat_id(&number.to_string()),
        }),
    }))
}
