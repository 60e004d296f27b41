//! WAHA's calls (WhatsApp HTTP API), as its bots make them. A session there is an account here, by its
//! name.
//!
//! Written from its published OpenAPI document, release 2026.9.

mod chats;
pub(crate) mod hooks;
mod sending;
mod sessions;
mod shape;

use super::inside::{Call, Inside, Refused};
use crate::api::AppState;
use crate::auth::caller::Caller;
use axum::extract::{FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use waypost_engine::model::{AccountId, Address, ConversationId};

/// Most accounts looked at for the one with a name.
const ACCOUNTS_MAX: usize = 10_000;
/// The version of WAHA whose calls these are.
const VERSION: &str = "2026.9.2";

/// What a call is answered with.
type Answer = Result<Json<Value>, Refused>;

/// The calls, relative to WAHA's base address.
pub(super) fn routes(inside: Inside) -> Router<AppState> {
    let keep = move |mut request: Request, next: Next| {
        request.extensions_mut().insert(inside.clone());
        async move { next.run(request).await }
    };
    Router::new()
        .route("/ping", get(ping))
        .route("/api/version", get(version))
        .route("/api/server/version", get(version))
        .merge(sessions::routes())
        .merge(sending::routes())
        .merge(chats::routes())
        .fallback(unknown)
        .layer(from_fn(keep))
}

async fn ping() -> Json<Value> {
    Json(json!({"message": "pong"}))
}

async fn version(_: Front) -> Json<Value> {
    Json(environment())
}

/// What WAHA says of itself in answers and webhooks.
fn environment() -> Value {
    json!({
        "version": VERSION, "engine": "NOWEB", "tier": "PLUS", "browser": "",
        "platform": concat!("waypost/", env!("CARGO_PKG_VERSION")), "worker": {"id": ""},
    })
}

async fn unknown(request: Request) -> Response {
    use axum::response::IntoResponse as _;
    let (method, path) = (request.method(), request.uri().path());
    let text = format!(
        "{method} {path} is not among the calls of WAHA that Waypost answers; see docs/compat.md"
    );
    Refused::new(StatusCode::NOT_IMPLEMENTED, text).into_response()
}

/// A caller of the front, with its way into the API.
struct Front {
    call: Call,
    caller: Caller,
    state: AppState,
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

impl Front {
    /// The account that a session is.
    async fn account(&self, session: &str) -> Result<Value, Refused> {
        let accounts = self.call.all("/accounts", ACCOUNTS_MAX).await?;
        let found = accounts
            .into_iter()
            .find(|account| account["name"] == session);
        found.ok_or_else(|| Refused::not_found(format!("Session \"{session}\" does not exist")))
    }

    /// The conversation of an account with a chat; `None` when they never spoke.
    async fn conversation(&self, account: &Value, chat: &str) -> Result<Option<String>, Refused> {
        let id: AccountId = id(account)?;
        let address: Address = shape::address(chat)
            .parse()
            .map_err(|_| Refused::invalid(format!("'{chat}' is no chat id")))?;
        // The account came through the API, so the caller may see it; what they may read of the
        // conversation is asked for through the API too.
        let found: Option<ConversationId> = self.state.store().conversation_at(id, address).await?;
        Ok(found.map(|id| id.to_string()))
    }
}

/// The id of something that the API answered.
fn id<T: std::str::FromStr>(value: &Value) -> Result<T, Refused> {
    let text = value["id"].as_str().unwrap_or_default();
    text.parse()
        .map_err(|_| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "an answer without an id"))
}

/// A JSON body with the fields that are understood; others, which WAHA has many of, are passed over.
struct Wanted<T>(T);

impl<T: DeserializeOwned> axum::extract::FromRequest<AppState> for Wanted<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Refused> {
        // A picture in base64 is a third longer than the file.
        let limit = state.limits().blob_bytes_max.saturating_mul(3) / 2;
        let bytes = crate::api::extract::whole(request.into_body(), limit).await?;
        let bytes = if bytes.is_empty() {
            &b"{}"[..]
        } else {
            &bytes[..]
        };
        Ok(Self(crate::api::extract::parse(bytes)?))
    }
}
