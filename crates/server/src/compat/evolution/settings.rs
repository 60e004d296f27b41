//! Settings of an instance. None of Evolution's has a counterpart here, so each may only be off.

use super::super::inside::Refused;
use super::{Answer, Front, Made, Wanted, not_here};
use crate::api::AppState;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

/// What can be switched on in Evolution, and is always off here.
pub(super) const ALL_OFF: [&str; 6] = [
    "rejectCall",
    "groupsIgnore",
    "alwaysOnline",
    "readMessages",
    "readStatus",
    "syncFullHistory",
];

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/settings/set/{instance}", post(set))
        .route("/settings/find/{instance}", get(find))
}

/// Refuses settings that are switched on, by their names.
pub(super) fn check(wanted: &Value) -> Result<(), Refused> {
    let on: Vec<&str> = ALL_OFF
        .into_iter()
        .filter(|name| wanted[*name] == true)
        .collect();
    if on.is_empty() {
        return Ok(());
    }
    Err(not_here(format!(
        "these settings are not supported and must be false: {}",
        on.join(", ")
    )))
}

/// All of them, as they are.
pub(super) fn shown() -> Value {
    let off = ALL_OFF
        .iter()
        .map(|name| ((*name).to_owned(), json!(false)));
    let mut all: Map<String, Value> = off.collect();
    all.insert("msgCall".to_owned(), json!(""));
    Value::Object(all)
}

async fn set(front: Front, Path(name): Path<String>, Wanted(wanted): Wanted<Value>) -> Made {
    front.instance(&name).await?;
    check(&wanted)?;
    let settings = json!({"settings": {"instanceName": name, "settings": shown()}});
    Ok((StatusCode::CREATED, Json(settings)))
}

async fn find(front: Front, Path(name): Path<String>) -> Answer {
    front.instance(&name).await?;
    Ok(Json(shown()))
}
