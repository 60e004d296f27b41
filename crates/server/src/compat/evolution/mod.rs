//! Evolution API's calls (version 2), as its bots make them. An instance there is an account here, by
//! its name.
//!
//! Written from its published source, release 2.3.6.

mod chats;
mod groups;
pub(crate) mod hooks;
mod instances;
mod sending;
mod settings;
mod shape;

use super::front::{Front, Wanted};
use super::inside::{Inside, Refused};
use crate::api::AppState;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

/// The version of Evolution API whose calls these are.
const VERSION: &str = "2.3.6";

/// What a call is answered with.
type Answer = Result<Json<Value>, Refused>;
/// What a call that makes something is answered with.
type Made = Result<(StatusCode, Json<Value>), Refused>;

/// The calls, relative to Evolution's base address.
pub(super) fn routes(inside: Inside) -> Router<AppState> {
    let keep = move |mut request: Request, next: Next| {
        request.extensions_mut().insert(inside.clone());
        async move { next.run(request).await }
    };
    Router::new()
        .route("/", get(welcome))
        .route("/verify-creds", post(verify))
        .merge(instances::routes())
        .merge(sending::routes())
        .merge(chats::routes())
        .merge(groups::routes())
        .merge(settings::routes())
        .merge(hooks::routes())
        .fallback(unknown)
        .layer(from_fn(keep))
}

async fn welcome() -> Json<Value> {
    Json(json!({
        "status": 200, "message": "Welcome to the Evolution API, it is working!",
        "version": VERSION, "clientName": concat!("waypost/", env!("CARGO_PKG_VERSION")),
    }))
}

async fn verify(_: Front) -> Json<Value> {
    Json(json!({"status": 200, "message": "Credentials are valid"}))
}

async fn unknown(request: Request) -> Response {
    use axum::response::IntoResponse as _;
    let (method, path) = (request.method(), request.uri().path());
    let text = format!(
        "{method} {path} is not among the calls of Evolution API that Waypost answers; see \
         docs/compat.md"
    );
    Refused::new(StatusCode::NOT_IMPLEMENTED, text).into_response()
}

impl Front {
    /// The account that an instance is.
    async fn instance(&self, name: &str) -> Result<Value, Refused> {
        let found = self.named(name).await?;
        let text = || format!("The \"{name}\" instance does not exist");
        found.ok_or_else(|| Refused::not_found(text()))
    }
}

/// What is understood and not done here.
fn not_here(what: impl Into<String>) -> Refused {
    Refused::new(StatusCode::BAD_REQUEST, what)
}
