//! Webhooks in WAHA's form.
//!
//! They are Waypost's webhooks, with its queue, its order per conversation and its days of attempts;
//! only the body is another. An endpoint whose address begins with `waha+` (`waha+https://…`) gets it.

use super::super::inside::Refused;
use super::{Front, environment, shape};
use crate::webhooks::form::Form;
use serde::Deserialize;
use serde_json::{Value, json};
use waypost_engine::model::event::kind;
use waypost_engine::model::{Event, MessageId};
use waypost_store::admin::conversations::Party;
use waypost_store::{Store, StoreError};

/// Most endpoints looked at for those of a session.
const ENDPOINTS_MAX: usize = 1_000;

/// A webhook that a bot asks for.
#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    url: String,
    #[serde(default)]
    events: Vec<String>,
}

/// WAHA's events and the kinds here that they are made from.
const EVENTS: [(&str, &[&str]); 4] = [
    ("message", &[kind::MESSAGE_RECEIVED, kind::MESSAGE_REPAIRED]),
    (
        "message.any",
        &[kind::MESSAGE_RECEIVED, kind::MESSAGE_REPAIRED],
    ),
    ("message.ack", &[kind::MESSAGE_STATE]),
    ("session.status", &[kind::ACCOUNT_STATE]),
];

/// The kinds that make these events; an event that does not exist here is refused by its name.
fn kinds(events: &[String]) -> Result<Vec<&'static str>, Refused> {
    let mut kinds = Vec::new();
    for event in events {
        match EVENTS.iter().find(|(name, _)| *name == event.as_str()) {
            _ if event == "*" => {
                for (_, made_from) in EVENTS {
                    kinds.extend_from_slice(made_from);
                }
            }
            Some((_, made_from)) => kinds.extend_from_slice(made_from),
            None => {
                let known: Vec<&str> = EVENTS.iter().map(|(name, _)| *name).collect();
                return Err(Refused::invalid(format!(
                    "the event '{event}' is not among those that Waypost can tell in WAHA's form: {}",
                    known.join(", ")
                )));
            }
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

/// Refuses webhooks that could not be made.
pub(super) fn check(wishes: &[Wish]) -> Result<(), Refused> {
    wishes
        .iter()
        .try_for_each(|wish| kinds(&wish.events).map(drop))
}

async fn endpoints(front: &Front, account: &Value) -> Result<Vec<Value>, Refused> {
    let all = front.call.all("/webhooks", ENDPOINTS_MAX).await?;
    let ours = |endpoint: &Value| {
        let url = endpoint["url"].as_str().unwrap_or_default();
        endpoint["account"] == account["id"] && Form::split(url).0 == Form::Waha
    };
    Ok(all.into_iter().filter(ours).collect())
}

/// The webhooks of a session; none when the caller may not see them.
pub(super) async fn of_session(front: &Front, account: &Value) -> Result<Value, Refused> {
    let endpoints = endpoints(front, account).await.unwrap_or_default();
    let shown = endpoints.iter().map(|endpoint| {
        let kinds = endpoint["kinds"].as_array();
        let has = |kind: &str| kinds.is_some_and(|all| all.iter().any(|one| one == kind));
        let mut events = Vec::new();
        for (name, made_from) in EVENTS {
            // The two names of one event are not told apart.
            if name != "message.any" && made_from.iter().all(|kind| has(kind)) {
                events.push(name);
            }
        }
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
    let mut wanted = Vec::with_capacity(wishes.len());
    for wish in &wishes {
        wanted.push((Form::Waha.joined(&wish.url), kinds(&wish.events)?));
    }
    let before = if wanted.is_empty() {
        endpoints(front, account).await.unwrap_or_default()
    } else {
        endpoints(front, account).await?
    };
    for endpoint in before {
        let id = endpoint["id"].as_str().unwrap_or_default();
        front.call.delete(&format!("/webhooks/{id}")).await?;
    }
    for (url, kinds) in wanted {
        let session = account["name"].as_str().unwrap_or_default();
        let body = json!({
            "url": url, "kinds": kinds, "account": account["id"],
            "description": format!("WAHA session {session}"),
        });
        front.call.post("/webhooks", body).await?;
    }
    Ok(())
}

/// An event in WAHA's form; `None` when WAHA has no word for it.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn body(store: &Store, event: &Event) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(id) = event.account else {
        return Ok(None);
    };
    let account = match store.account(id).await {
        Ok(account) => json!({
            "name": account.name, "phone": account.phone.map(|phone| phone.to_string()),
            "lid": account.lid.map(|lid| lid.to_string()),
        }),
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
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
    let id = event.data["message"].as_str().unwrap_or_default();
    let Ok(id) = id.parse::<MessageId>() else {
        return Ok(None);
    };
    let message = match store.message(event.workspace, id).await {
        Ok(message) => message,
        // Deleted since.
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let conversation = store
        .conversation(event.workspace, message.conversation)
        .await?;
    let address = match conversation.party {
        Party::Contact { phone, lid, .. } => phone.or(lid),
        Party::Chat { address, .. } => Some(address),
    };
    let address = address.map(|address| address.to_string());
    let chat = shape::chat_id(&address.unwrap_or_default());
    Ok(Some((crate::api::message_shown(message), chat)))
}

type Told = Result<Option<(&'static str, Value)>, StoreError>;

async fn message(store: &Store, event: &Event, account: &Value) -> Told {
    let Some((message, chat)) = told_of(store, event).await? else {
        return Ok(None);
    };
    // Only what somebody wrote just now is news to a bot, and only once it can be read.
    let origin = message["origin"].as_str();
    let is_recent = matches!(origin, Some("live" | "offline" | "repair"));
    let is_news = is_recent && message["kind"] != "placeholder";
    let news = is_news.then(|| ("message", shape::message(&message, &chat, account)));
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
