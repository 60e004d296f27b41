//! Webhooks in Evolution's form. An endpoint whose address begins with `evolution+` gets it.

use super::super::hooks::{self, Language};
use super::super::inside::Refused;
use super::{Answer, Front, Made, Wanted, not_here, shape};
use crate::api::AppState;
use crate::api::ports::Fleet;
use crate::auth::scope::Scope;
use crate::clock;
use crate::webhooks::form::Form;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use waypost_engine::model::Event;
use waypost_engine::model::event::kind;
use waypost_store::{Store, StoreError};

/// The event that carries the code to link with.
const QR: &str = "QRCODE_UPDATED";
/// WhatsApp's own codes for an end: nothing wrong, unlinked, taken over.
const WELL: u16 = 200;
const LOGGED_OUT: u16 = 401;
const REPLACED: u16 = 440;
const LOST: u16 = 428;

/// How Evolution speaks of webhooks.
const LANGUAGE: Language = Language {
    form: Form::Evolution,
    gateway: "Evolution",
    account: "instance",
    events: &[
        (
            "MESSAGES_UPSERT",
            &[kind::MESSAGE_RECEIVED, kind::MESSAGE_REPAIRED],
        ),
        ("MESSAGES_UPDATE", &[kind::MESSAGE_STATE]),
        ("SEND_MESSAGE", &[kind::MESSAGE_ACCEPTED]),
        ("CONNECTION_UPDATE", &[kind::ACCOUNT_STATE]),
        (QR, &[kind::LINK_CODE]),
    ],
    all: "*",
};

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/webhook/set/{instance}", post(set))
        .route("/webhook/find/{instance}", get(find))
}

/// A webhook that a bot asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wish {
    enabled: Option<bool>,
    url: Option<String>,
    #[serde(default)]
    events: Vec<String>,
    #[serde(default, alias = "webhookByEvents")]
    by_events: bool,
    #[serde(default, alias = "webhookBase64")]
    base64: bool,
    headers: Option<Value>,
}

impl Wish {
    /// The same in the words of the answer that makes an instance.
    pub(super) fn shown(&self) -> Value {
        json!({
            "webhookUrl": self.url, "webhookHeaders": null, "webhookByEvents": false,
            "webhookBase64": false,
        })
    }

    fn is_on(&self) -> bool {
        let has_address = self.url.as_deref().is_some_and(|url| !url.is_empty());
        self.enabled.unwrap_or(true) && has_address
    }

    fn shared(self) -> Vec<hooks::Wish> {
        if !self.is_on() {
            return Vec::new();
        }
        let mut events = self.events;
        if events.is_empty() {
            events = vec![LANGUAGE.all.to_owned()];
        }
        let url = self.url.unwrap_or_default();
        vec![hooks::Wish { url, events }]
    }
}

/// Refuses a webhook that could not be made as it is wanted.
pub(super) fn check(wish: &Wish) -> Result<(), Refused> {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(headers) => headers.is_empty(),
        _ => false,
    };
    let refused = [
        (wish.by_events, "byEvents", "all events go to one address"),
        (
            wish.base64,
            "base64",
            "files are fetched with getBase64FromMediaMessage",
        ),
        (
            !wish.headers.as_ref().is_none_or(empty),
            "headers",
            "webhooks are signed after Standard Webhooks",
        ),
    ];
    for (wanted, name, why) in refused {
        if wanted {
            return Err(not_here(format!(
                "webhook.{name} is not supported: {why}; leave it out"
            )));
        }
    }
    LANGUAGE.kinds(&wish.events).map(drop)
}

/// Makes this the webhook of an instance.
pub(super) async fn replace(front: &Front, account: &Value, wish: Wish) -> Result<(), Refused> {
    let wishes = wish.shared();
    let shows_codes = |wish: &hooks::Wish| {
        let mut events = wish.events.iter();
        events.any(|event| event == QR || event == LANGUAGE.all)
    };
    if wishes.iter().any(shows_codes) {
        // Whoever reads a code can link.
        front.caller.require(Scope::AccountsWrite)?;
    }
    LANGUAGE.replace(front, account, wishes).await
}

/// Takes the webhooks of an instance away.
pub(super) async fn clear(front: &Front, account: &Value) -> Result<(), Refused> {
    LANGUAGE.replace(front, account, Vec::new()).await
}

#[derive(Debug, Deserialize)]
struct Wishes {
    webhook: Wish,
}

async fn set(front: Front, Path(name): Path<String>, Wanted(wanted): Wanted<Wishes>) -> Made {
    let account = front.instance(&name).await?;
    check(&wanted.webhook)?;
    replace(&front, &account, wanted.webhook).await?;
    Ok((StatusCode::CREATED, Json(shown(&front, &account).await?)))
}

async fn find(front: Front, Path(name): Path<String>) -> Answer {
    let account = front.instance(&name).await?;
    Ok(Json(shown(&front, &account).await?))
}

/// The webhook of an instance; null when it has none.
async fn shown(front: &Front, account: &Value) -> Result<Value, Refused> {
    let endpoints = LANGUAGE.endpoints(front, account).await?;
    Ok(endpoints.first().map_or(Value::Null, |endpoint| {
        let url = endpoint["url"].as_str().unwrap_or_default();
        json!({
            "id": endpoint["id"], "url": Form::split(url).1, "headers": null,
            "enabled": endpoint["enabled"], "events": LANGUAGE.events_of(endpoint),
            "webhookByEvents": false, "webhookBase64": false,
            "createdAt": endpoint["created_at"], "updatedAt": endpoint["created_at"],
            "instanceId": account["id"],
        })
    }))
}

/// An event in Evolution's form; `None` when Evolution has no word for it, or it is no news any more.
/// Codes come from the fleet: they are in no event, because whoever reads one can link.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn body(
    store: &Store,
    fleet: &dyn Fleet,
    event: &Event,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(account) = hooks::account_of(store, event).await? else {
        return Ok(None);
    };
    let told = match event.kind.as_str() {
        kind::MESSAGE_RECEIVED | kind::MESSAGE_REPAIRED => received(store, event, &account).await?,
        kind::MESSAGE_ACCEPTED => sent(store, event, &account).await?,
        kind::MESSAGE_STATE => moved(store, event).await?,
        kind::ACCOUNT_STATE => Some(("connection.update", connection(event, &account))),
        kind::LINK_CODE => code(fleet, event, &account),
        _ => None,
    };
    let Some((name, data)) = told else {
        return Ok(None);
    };
    let body = json!({
        "event": name, "instance": account["name"], "data": data, "destination": null,
        "date_time": clock::iso(event.at), "sender": account["phone"].as_str().map(shape::jid),
        "server_url": null, "apikey": null,
    });
    Ok(Some(body.to_string().into_bytes()))
}

type Told = Result<Option<(&'static str, Value)>, StoreError>;

async fn received(store: &Store, event: &Event, account: &Value) -> Told {
    let Some((message, address)) = hooks::message_of(store, event).await? else {
        return Ok(None);
    };
    let news = hooks::is_news(&message) || message["origin"] == "own";
    Ok(news.then(|| {
        let shown = shape::message(&message, &shape::jid(&address), account);
        ("messages.upsert", shown)
    }))
}

async fn sent(store: &Store, event: &Event, account: &Value) -> Told {
    let found = hooks::message_of(store, event).await?;
    Ok(found.map(|(message, address)| {
        let shown = shape::message(&message, &shape::jid(&address), account);
        ("send.message", shown)
    }))
}

async fn moved(store: &Store, event: &Event) -> Told {
    let found = hooks::message_of(store, event).await?;
    Ok(found.map(|(message, address)| {
        // As it was when this was told: the message itself may have come further.
        let then = json!({"state": event.data["state"]});
        let data = json!({
            "keyId": message["wire_id"], "remoteJid": shape::jid(&address), "fromMe": true,
            "participant": null, "status": shape::status(&then), "instanceId": message["account"],
            "messageId": message["id"],
        });
        ("messages.update", data)
    }))
}

fn connection(event: &Event, account: &Value) -> Value {
    let state = shape::connection(&event.data["to"]);
    let reason = match event.data.pointer("/reason/code").and_then(Value::as_str) {
        _ if state != "close" => WELL,
        Some("stream_replaced") => REPLACED,
        _ if event.data["to"] == "logged_out" => LOGGED_OUT,
        _ => LOST,
    };
    let owner = account["phone"].as_str().map(shape::jid);
    json!({
        "instance": account["name"], "wuid": owner, "profileName": account["name"],
        "profilePictureUrl": null, "state": state, "statusReason": reason,
    })
}

/// The code that is on show now; an older one is of no use to anybody.
fn code(fleet: &dyn Fleet, event: &Event, account: &Value) -> Option<(&'static str, Value)> {
    let link = fleet.link_status(event.account?);
    let picture = link.qr.as_deref().and_then(crate::api::qr_png);
    let picture =
        picture.map(|png| format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png)));
    if link.qr.is_none() && link.code.is_none() {
        return None;
    }
    let data = json!({"qrcode": {
        "instance": account["name"], "pairingCode": link.code, "code": link.qr, "base64": picture,
    }});
    Some(("qrcode.updated", data))
}
