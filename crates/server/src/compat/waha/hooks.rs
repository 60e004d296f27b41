//! Webhooks in WAHA's form. An endpoint whose address begins with `waha+` (`waha+https://…`) gets it.

use super::super::hooks::{self, Language};
use super::super::inside::Refused;
use super::{Front, environment, shape};
use crate::webhooks::form::Form;
use serde::Deserialize;
use serde_json::{Value, json};
use waypost_engine::model::Event;
use waypost_engine::model::event::kind;
use waypost_store::{Store, StoreError};

/// A webhook that a bot asks for.
#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    url: String,
    #[serde(default)]
    events: Vec<String>,
}

/// How WAHA speaks of webhooks.
const LANGUAGE: Language = Language {
    form: Form::Waha,
    gateway: "WAHA",
    account: "session",
    events: &[
        ("message", &[kind::MESSAGE_RECEIVED, kind::MESSAGE_REPAIRED]),
        (
            "message.any",
            &[kind::MESSAGE_RECEIVED, kind::MESSAGE_REPAIRED],
        ),
        ("message.ack", &[kind::MESSAGE_STATE]),
        ("session.status", &[kind::ACCOUNT_STATE]),
    ],
    all: "*",
};

fn shared(wishes: Vec<Wish>) -> Vec<hooks::Wish> {
    let shared = |wish: Wish| hooks::Wish {
        url: wish.url,
        events: wish.events,
    };
    wishes.into_iter().map(shared).collect()
}

/// Refuses webhooks that could not be made.
pub(super) fn check(wishes: &[Wish]) -> Result<(), Refused> {
    wishes
        .iter()
        .try_for_each(|wish| LANGUAGE.kinds(&wish.events).map(drop))
}

/// The webhooks of a session; none when the caller may not see them.
pub(super) async fn of_session(front: &Front, account: &Value) -> Result<Value, Refused> {
    let endpoints = LANGUAGE.endpoints(front, account).await.unwrap_or_default();
    let shown = endpoints.iter().map(|endpoint| {
        // The two names of one event are not told apart.
        let mut events = LANGUAGE.events_of(endpoint);
        events.retain(|name| *name != "message.any");
        let url = endpoint["url"].as_str().unwrap_or_default();
        json!({"url": Form::split(url).1, "events": events})
    });
    Ok(shown.collect())
}

/// Makes these the webhooks of a session.
pub(super) async fn replace(
    front: &Front,
    account: &Value,
    wishes: Vec<Wish>,
) -> Result<(), Refused> {
    LANGUAGE.replace(front, account, shared(wishes)).await
}

/// An event in WAHA's form; `None` when WAHA has no word for it.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn body(store: &Store, event: &Event) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(account) = hooks::account_of(store, event).await? else {
        return Ok(None);
    };
    let told = match event.kind.as_str() {
        kind::MESSAGE_RECEIVED | kind::MESSAGE_REPAIRED => message(store, event, &account).await?,
        kind::MESSAGE_STATE => ack(store, event, &account).await?,
        kind::ACCOUNT_STATE => Some(("session.status", session_status(event))),
        _ => None,
    };
    let Some((name, payload)) = told else {
        return Ok(None);
    };
    let body = json!({
        "id": event.id.to_string().to_lowercase(),
        "timestamp": event.at.0, "session": account["name"], "metadata": {}, "engine": "NOWEB",
        "event": name, "payload": payload, "me": shape::me(&account), "environment": environment(),
    });
    Ok(Some(body.to_string().into_bytes()))
}

/// The message of an event and its chat.
async fn told_of(store: &Store, event: &Event) -> Result<Option<(Value, String)>, StoreError> {
    let told = hooks::message_of(store, event).await?;
    Ok(told.map(|(message, address)| (message, shape::chat_id(&address))))
}

type Told = Result<Option<(&'static str, Value)>, StoreError>;

async fn message(store: &Store, event: &Event, account: &Value) -> Told {
    let Some((message, chat)) = told_of(store, event).await? else {
        return Ok(None);
    };
    let news = hooks::is_news(&message);
    let news = news.then(|| ("message", shape::message(&message, &chat, account)));
    Ok(news)
}

async fn ack(store: &Store, event: &Event, account: &Value) -> Told {
    let Some((message, chat)) = told_of(store, event).await? else {
        return Ok(None);
    };
    // As it was when this was told: the message itself may have come further.
    let then = json!({"state": event.data["state"]});
    let (ack, name) = shape::ack(&then);
    let own = account["phone"]
        .as_str()
        .map(shape::chat_id)
        .unwrap_or_default();
    let payload = json!({
        "id": shape::message_id(&message, &chat), "from": own, "to": chat, "participant": "",
        "fromMe": true, "ack": ack, "ackName": name, "_data": {"waypost": message["id"]},
    });
    Ok(Some(("message.ack", payload)))
}

fn session_status(event: &Event) -> Value {
    let then = json!({"state": event.data["to"], "reason": event.data["reason"]});
    let scans = event.data["to"] == "linking";
    let status = if scans {
        "SCAN_QR_CODE"
    } else {
        shape::status(&then, None)
    };
    json!({
        "name": event.data["name"], "status": status, "data": null,
        "statuses": [{"status": status, "timestamp": event.at.0}],
    })
}
