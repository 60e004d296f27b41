//! Sessions: an account each.

use super::super::front::link_path;
use super::super::inside::Refused;
use super::{ACCOUNTS_MAX, Answer, Front, Wanted, hooks, shape};
use crate::api::AppState;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/sessions", get(list).post(create))
        .route("/api/sessions/start", post(start_named))
        .route("/api/sessions/stop", post(stop_named))
        .route("/api/sessions/logout", post(logout_named))
        .route(
            "/api/sessions/{session}",
            get(show).put(change).delete(remove),
        )
        .route("/api/sessions/{session}/me", get(me))
        .route("/api/sessions/{session}/start", post(start))
        .route("/api/sessions/{session}/stop", post(stop))
        .route("/api/sessions/{session}/logout", post(logout))
        .route("/api/sessions/{session}/restart", post(restart))
        .route("/api/{session}/auth/qr", get(qr))
        .route("/api/{session}/auth/request-code", post(request_code))
}

/// What a bot says of a session.
#[derive(Debug, Deserialize)]
struct Session {
    name: Option<String>,
    start: Option<bool>,
    config: Option<Config>,
}

#[derive(Debug, Deserialize)]
struct Config {
    webhooks: Option<Vec<hooks::Wish>>,
}

impl Session {
    /// The webhooks it is to have, where something was said of them.
    fn webhooks(self) -> Option<Vec<hooks::Wish>> {
        self.config.and_then(|config| config.webhooks)
    }
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
struct All {
    all: Option<String>,
}

async fn view(front: &Front, account: &Value) -> Result<Value, Refused> {
    let link = front.link(account).await;
    let status = shape::status(account, link.as_ref());
    let webhooks = hooks::of_session(front, account).await?;
    let working = status == "WORKING";
    Ok(json!({
        "name": account["name"], "status": status,
        "config": {"webhooks": webhooks},
        "me": if working { shape::me(account) } else { Value::Null },
        "presence": {}, "apps": null, "assignedWorker": "",
        "timestamps": {"activity": shape::seconds(&account["state_since"]) * 1_000},
        "engine": {"engine": "NOWEB"},
    }))
}

impl Front {
    async fn act(&self, session: &str, action: &str) -> Answer {
        let account = self.account(session).await?;
        let id = account["id"].as_str().unwrap_or_default();
        self.call
            .post(&format!("/accounts/{id}/{action}"), json!({}))
            .await?;
        Ok(Json(view(self, &self.account(session).await?).await?))
    }
}

async fn list(front: Front, Query(which): Query<All>) -> Answer {
    let all = which.all.is_some_and(|all| all == "true" || all == "1");
    let mut sessions = Vec::new();
    for account in front.call.all("/accounts", ACCOUNTS_MAX).await? {
        let session = view(&front, &account).await?;
        if all || session["status"] != "STOPPED" {
            sessions.push(session);
        }
    }
    Ok(Json(Value::Array(sessions)))
}

async fn create(
    front: Front,
    Wanted(wanted): Wanted<Session>,
) -> Result<(StatusCode, Json<Value>), Refused> {
    let name = wanted.name.clone();
    let name = name.unwrap_or_else(|| "default".to_owned());
    let is_to_start = wanted.start.unwrap_or(true);
    let wishes = wanted.webhooks();
    hooks::check(wishes.as_deref().unwrap_or_default())?;
    let account = front.call.post("/accounts", json!({"name": name})).await;
    let account = account.map_err(|refused| match refused.status {
        // As WAHA's bots expect it of a session that is there.
        StatusCode::CONFLICT => Refused::invalid(refused.message),
        _ => refused,
    })?;
    if let Some(wishes) = wishes {
        hooks::replace(&front, &account, wishes).await?;
    }
    if is_to_start {
        front.start(&account).await?;
    }
    let session = view(&front, &front.account(&name).await?).await?;
    Ok((StatusCode::CREATED, Json(session)))
}

async fn show(front: Front, Path(session): Path<String>) -> Answer {
    Ok(Json(view(&front, &front.account(&session).await?).await?))
}

async fn change(
    front: Front,
    Path(session): Path<String>,
    Wanted(wanted): Wanted<Session>,
) -> Answer {
    let account = front.account(&session).await?;
    hooks::replace(&front, &account, wanted.webhooks().unwrap_or_default()).await?;
    Ok(Json(view(&front, &account).await?))
}

async fn remove(front: Front, Path(session): Path<String>) -> Result<StatusCode, Refused> {
    let account = front.account(&session).await?;
    hooks::replace(&front, &account, Vec::new()).await?;
    let id = account["id"].as_str().unwrap_or_default();
    front.call.delete(&format!("/accounts/{id}")).await?;
    Ok(StatusCode::OK)
}

async fn me(front: Front, Path(session): Path<String>) -> Answer {
    Ok(Json(shape::me(&front.account(&session).await?)))
}

async fn started(front: &Front, session: &str) -> Result<(StatusCode, Json<Value>), Refused> {
    front.start(&front.account(session).await?).await?;
    let session = view(front, &front.account(session).await?).await?;
    Ok((StatusCode::CREATED, Json(session)))
}

async fn start(
    front: Front,
    Path(session): Path<String>,
) -> Result<(StatusCode, Json<Value>), Refused> {
    started(&front, &session).await
}

/// The older call makes the session when there is none.
async fn start_named(
    front: Front,
    Wanted(named): Wanted<Named>,
) -> Result<(StatusCode, Json<Value>), Refused> {
    if front.account(&named.name).await.is_err() {
        front
            .call
            .post("/accounts", json!({"name": named.name}))
            .await?;
    }
    started(&front, &named.name).await
}

async fn stop(front: Front, Path(session): Path<String>) -> Answer {
    front.act(&session, "pause").await
}

async fn stop_named(front: Front, Wanted(named): Wanted<Named>) -> Answer {
    front.act(&named.name, "pause").await
}

async fn logout(front: Front, Path(session): Path<String>) -> Answer {
    front.act(&session, "unlink").await
}

async fn logout_named(front: Front, Wanted(named): Wanted<Named>) -> Answer {
    front.act(&named.name, "unlink").await
}

async fn restart(front: Front, Path(session): Path<String>) -> Answer {
    front.act(&session, "reconnect").await
}

#[derive(Debug, Deserialize)]
struct QrHow {
    format: Option<String>,
}

/// The code as text (`format=raw`), as a picture, or as a picture in JSON for callers that want JSON.
async fn qr(
    front: Front,
    Path(session): Path<String>,
    Query(how): Query<QrHow>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let account = front.account(&session).await?;
    let link = front.code_on_show(&account, "qr").await?;
    if how.format.as_deref() == Some("raw") {
        return Ok(Json(json!({"value": link["qr"]})).into_response());
    }
    let png = front.qr_picture(&account).await?;
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("application/json")) {
        let data = BASE64_STANDARD.encode(&png);
        return Ok(Json(json!({"mimetype": "image/png", "data": data})).into_response());
    }
    Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
}

#[derive(Debug, Deserialize)]
struct CodeFor {
    #[serde(rename = "phoneNumber")]
    phone_number: String,
}

async fn request_code(
    front: Front,
    Path(session): Path<String>,
    Wanted(wanted): Wanted<CodeFor>,
) -> Result<(StatusCode, Json<Value>), Refused> {
    let account = front.account(&session).await?;
    let body = json!({"method": "code", "phone": wanted.phone_number});
    front.call.post(&link_path(&account), body).await?;
    let link = front.code_on_show(&account, "code").await?;
    Ok((StatusCode::CREATED, Json(json!({"code": link["code"]}))))
}
