//! What the fronts of all gateways share: who calls, which account and message they mean, and the
//! steps that take several calls of the API.

use super::fetch;
use super::inside::{Call, Inside, Refused};
use crate::api::AppState;
use crate::auth::caller::Caller;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use waypost_engine::model::{AccountId, Address, ConversationId};

/// Most accounts looked at for the one with a name.
pub(super) const ACCOUNTS_MAX: usize = 10_000;
/// Messages of a chat searched, newest first, for one that is named by WhatsApp's id.
const SEARCHED_MAX: usize = 1_000;
/// Pause between two looks at a link that is to show a code.
const LOOK: Duration = Duration::from_millis(250);
/// How often a link is looked at before the caller is told to ask again.
const LOOKS_MAX: usize = 60;

/// A caller of a front, with its way into the API.
pub(super) struct Front {
    pub(super) call: Call,
    pub(super) caller: Caller,
    pub(super) state: AppState,
}

impl FromRequestParts<AppState> for Front {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Refused> {
        let unready = || Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "the front is not ready");
        let call = {
            let inside = parts.extensions.get::<Inside>().ok_or_else(unready)?;
            inside.of(&parts.headers)
        };
        let caller = Caller::from_request_parts(parts, state).await?;
        let state = state.clone();
        Ok(Self {
            call,
            caller,
            state,
        })
    }
}

/// A file to send, as callers of other gateways give it.
pub(super) struct Given {
    /// Its bytes in base64, with or without `data:...;base64,` before them.
    pub(super) data: Option<String>,
    /// Where it is.
    pub(super) url: Option<String>,
    /// What it is; unknown when absent.
    pub(super) mime: Option<String>,
}

impl Front {
    /// The account of this name, if there is one.
    pub(super) async fn named(&self, name: &str) -> Result<Option<Value>, Refused> {
        let accounts = self.call.all("/accounts", ACCOUNTS_MAX).await?;
        Ok(accounts.into_iter().find(|account| account["name"] == name))
    }

    /// The conversation of an account with an address; `None` when they never spoke.
    pub(super) async fn conversation(
        &self,
        account: &Value,
        chat: &str,
    ) -> Result<Option<String>, Refused> {
        let id: AccountId = id(account)?;
        let address: Address = address(chat)
            .parse()
            .map_err(|_| Refused::invalid(format!("'{chat}' is no chat id")))?;
        // The account came through the API, so the caller may see it; what they may read of the
        // conversation is asked for through the API too.
        let found: Option<ConversationId> = self.state.store().conversation_at(id, address).await?;
        Ok(found.map(|id| id.to_string()))
    }

    /// The message with WhatsApp's id in a chat.
    pub(super) async fn message(
        &self,
        account: &Value,
        chat: &str,
        wire: &str,
    ) -> Result<Value, Refused> {
        let unknown = || Refused::not_found(format!("Message {wire} is not known in {chat}"));
        let conversation = self
            .conversation(account, chat)
            .await?
            .ok_or_else(unknown)?;
        let path = format!("/conversations/{conversation}/messages");
        let messages = self.call.all(&path, SEARCHED_MAX).await?;
        let found = messages.into_iter().find(|m| m["wire_id"] == wire);
        found.ok_or_else(unknown)
    }

    /// Sends something to an address; answers the message as the API shows it.
    pub(super) async fn put_out(
        &self,
        account: &Value,
        chat: &str,
        content: Value,
    ) -> Result<Value, Refused> {
        let body = json!({"account": account["id"], "to": address(chat), "content": content});
        self.call.post("/messages", body).await
    }

    /// Stores a file that is to be sent; answers its id.
    pub(super) async fn upload(&self, given: Given) -> Result<Value, Refused> {
        let limit = self.state.limits().blob_bytes_max;
        let bytes = match (given.data, given.url) {
            (Some(data), _) => {
                let data = data
                    .split_once(";base64,")
                    .map_or(&data[..], |(_, data)| data);
                BASE64_STANDARD
                    .decode(data.trim())
                    .map_err(|_| Refused::invalid("the file is not base64"))?
            }
            (None, Some(url)) => fetch::file(self.state.guard(), &url, limit).await?,
            (None, None) => {
                return Err(Refused::invalid(
                    "give the file itself in base64, or its address",
                ));
            }
        };
        self.upload_bytes(given.mime, bytes).await
    }

    /// The same for bytes that are here.
    pub(super) async fn upload_bytes(
        &self,
        mime: Option<String>,
        bytes: Vec<u8>,
    ) -> Result<Value, Refused> {
        let mime = mime.unwrap_or_else(|| "application/octet-stream".to_owned());
        let blob = self
            .call
            .send(Method::POST, "/blobs", &mime, Body::from(bytes))
            .await?;
        let mut blob: Value = serde_json::from_slice(&blob).unwrap_or_default();
        Ok(blob["id"].take())
    }

    /// Shows an address that somebody types here, or no more.
    pub(super) async fn typing(
        &self,
        account: &Value,
        chat: &str,
        active: bool,
    ) -> Result<(), Refused> {
        if let Some(id) = self.conversation(account, chat).await? {
            let path = format!("/conversations/{id}/typing");
            self.call.post(&path, json!({"active": active})).await?;
        }
        Ok(())
    }

    /// Marks a whole chat as read.
    pub(super) async fn read(&self, account: &Value, chat: &str) -> Result<(), Refused> {
        if let Some(id) = self.conversation(account, chat).await? {
            let path = format!("/conversations/{id}/read");
            self.call.post(&path, json!({})).await?;
        }
        Ok(())
    }

    /// How a link in progress is going; nothing when the caller may not link.
    pub(super) async fn link(&self, account: &Value) -> Option<Value> {
        self.call.get(&link_path(account)).await.ok()
    }

    /// Links the account, or connects it where it is linked already.
    pub(super) async fn start(&self, account: &Value) -> Result<(), Refused> {
        let id = account["id"].as_str().unwrap_or_default();
        match account["state"].as_str().unwrap_or_default() {
            "online" | "degraded" | "connecting" | "recovering" => Ok(()),
            "disabled" => {
                let path = format!("/accounts/{id}/resume");
                self.call.post(&path, json!({})).await.map(drop)
            }
            _ => {
                let body = json!({"method": "qr"});
                self.call.post(&link_path(account), body).await.map(drop)
            }
        }
    }

    /// Waits until a link shows a code of this kind: `qr` or `code`.
    pub(super) async fn code_on_show(
        &self,
        account: &Value,
        field: &str,
    ) -> Result<Value, Refused> {
        for _ in 0..LOOKS_MAX {
            let link = self.call.get(&link_path(account)).await?;
            if link[field].is_string() {
                return Ok(link);
            }
            let waits = matches!(
                link["status"].as_str(),
                Some("waiting" | "showing_qr" | "showing_code")
            );
            if !waits {
                let why = link["message"].as_str().unwrap_or_default();
                let text = format!("No code is on show; start the session first. {why}");
                return Err(Refused::invalid(text));
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "WhatsApp has not given a code yet; ask again",
        ))
    }

    /// The QR code on show as a PNG picture.
    pub(super) async fn qr_picture(&self, account: &Value) -> Result<Vec<u8>, Refused> {
        let path = format!("{}/qr.png", link_path(account));
        let send = self
            .call
            .send(Method::GET, &path, "application/json", Body::empty());
        Ok(send.await?.to_vec())
    }
}

/// Where the link of an account is.
pub(super) fn link_path(account: &Value) -> String {
    format!(
        "/accounts/{}/link",
        account["id"].as_str().unwrap_or_default()
    )
}

/// The id of something that the API answered.
pub(super) fn id<T: std::str::FromStr>(value: &Value) -> Result<T, Refused> {
    let text = value["id"].as_str().unwrap_or_default();
    text.parse()
        .map_err(|_| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "an answer without an id"))
}

/// What the API takes for an address, from what other gateways call a chat. A bare number is one too.
pub(super) fn address(chat: &str) -> String {
    let chat = chat.trim();
    match chat.strip_suffix("@c.us") {
        Some(number) => format!("{number}@s.whatsapp.net"),
        None if chat.contains('@') => chat.to_owned(),
        None => format!("{}@s.whatsapp.net", chat.trim_start_matches('+')),
    }
}

/// Seconds since 1970 of a time in ISO 8601.
pub(super) fn seconds(iso: &Value) -> i64 {
    let at = iso
        .as_str()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    at.map_or(0, jiff::Timestamp::as_second)
}

/// A JSON body with the fields that are understood; others, which other gateways have many of, are
/// passed over.
pub(super) struct Wanted<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Wanted<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Refused> {
        let bytes = crate::api::extract::whole(request.into_body(), body_max(state)).await?;
        let bytes = if bytes.is_empty() {
            &b"{}"[..]
        } else {
            &bytes[..]
        };
        Ok(Self(crate::api::extract::parse(bytes)?))
    }
}

/// Longest body of a call: a picture in base64 is a third longer than the file.
pub(super) fn body_max(state: &AppState) -> usize {
    state.limits().blob_bytes_max.saturating_mul(3) / 2
}
