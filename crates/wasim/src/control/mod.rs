//! The network driven over HTTP, for tools and tests in other languages.
//!
//! Every route takes and gives JSON. See `docs/wasim.md` for the whole list with examples.

mod faults;
mod groups;
mod ledger;
mod people;

use crate::{Network, SimError};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};

/// The routes.
pub fn router(network: Network) -> Router {
    Router::new()
        .route("/", get(about))
        .route("/phones", get(people::phones).post(people::add_phone))
        .route("/phones/{number}/devices", get(people::devices))
        .route("/phones/{number}/devices/{device}", delete(people::unlink))
        .route("/phones/{number}/scan", post(people::scan))
        .route("/phones/{number}/code", post(people::type_code))
        .route("/phones/{number}/send", post(people::phone_send))
        .route("/phones/{number}/kick", post(faults::kick))
        .route("/phones/{number}/stream-error", post(faults::stream_error))
        .route("/phones/{number}/offline", post(people::go_offline))
        .route("/phones/{number}/online", post(people::go_online))
        .route("/phones/{number}/history", post(people::set_history))
        .route(
            "/phones/{number}/history-sharing",
            post(people::set_history_sharing),
        )
        .route(
            "/phones/{number}/link-policy",
            post(people::set_link_policy),
        )
        .route(
            "/phones/{number}/placeholder-help",
            post(people::set_placeholder_help),
        )
        .route("/phones/{number}/lose-waiting", post(people::lose_waiting))
        .route("/phones/{number}/forget", post(people::forget))
        .route("/contacts", get(people::contacts).post(people::add_contact))
        .route("/contacts/{number}/send", post(people::send))
        .route("/contacts/{number}/burst", post(people::burst))
        .route("/contacts/{number}/typing", post(people::typing))
        .route("/contacts/{number}/script", post(people::script))
        .route("/contacts/{number}/presence", post(people::presence))
        .route("/contacts/{number}/read", post(people::read))
        .route("/groups", get(groups::list).post(groups::create))
        .route("/groups/{id}", get(groups::get).patch(groups::change))
        .route("/groups/{id}/send", post(groups::send))
        .route("/faults", post(faults::set).delete(faults::clear))
        .route("/media-faults", post(faults::set_media))
        .route("/ledger", get(ledger::counts).delete(ledger::clear))
        .route("/ledger/judgement", get(ledger::judgement))
        .fallback(unknown)
        .with_state(network)
}

/// Where clients connect.
#[derive(Debug, Serialize)]
struct About {
    ws_url: String,
    media_url: String,
    root_public_key: String,
}

async fn about(State(network): State<Network>) -> Json<About> {
    Json(About {
        ws_url: network.ws_url(),
        media_url: network.media_url(),
        root_public_key: hex::encode(network.root_public_key()),
    })
}

async fn unknown() -> Response {
    let error = json!({"error": "there is no such route; see docs/wasim.md"});
    (StatusCode::NOT_FOUND, Json(error)).into_response()
}

/// A refusal: the status that fits, and one sentence.
struct Refusal(SimError);

impl From<SimError> for Refusal {
    fn from(error: SimError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self.0 {
            SimError::UnknownNumber(_)
            | SimError::UnknownMessage(_)
            | SimError::UnknownDevice { .. }
            | SimError::UnknownGroup(_) => StatusCode::NOT_FOUND,
            SimError::Taken(_) => StatusCode::CONFLICT,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        (status, Json(json!({"error": self.0.to_string()}))).into_response()
    }
}

type Answer = Result<Json<Value>, Refusal>;

fn done() -> Answer {
    Ok(Json(json!({"done": true})))
}
