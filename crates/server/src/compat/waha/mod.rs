//! WAHA's calls (WhatsApp HTTP API), as its bots make them. A session there is an account here, by its
//! name.
//!
//! Written from its published OpenAPI document, release 2026.9.

mod chats;
pub(crate) mod hooks;
mod sending;
mod sessions;
mod shape;

use super::front::{ACCOUNTS_MAX, Front, Wanted, id};
use super::inside::{Inside, Refused};
use crate::api::AppState;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

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

impl Front {
    /// The account that a session is.
    async fn account(&self, session: &str) -> Result<Value, Refused> {
        let found = self.named(session).await?;
        found.ok_or_else(|| Refused::not_found(format!("Session \"{session}\" does not exist")))
    }
}
