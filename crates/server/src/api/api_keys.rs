//! `/api-keys`: keys for programs.

use super::AppState;
use super::extract::{Body, Id, Params, line, page};
use super::problem::{ApiError, ApiResult};
use super::shape::{List, PageParams, iso_or_null};
use crate::auth::caller::May;
use crate::auth::key::{Grant, issue};
use crate::auth::scope::Scope;
use crate::auth::scope::need::{KeysRead, KeysWrite};
use crate::clock::{self, iso};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{ApiKeyId, Timestamp};
use waypost_store::admin::api_keys::ApiKey;

/// Longest name of a key, in characters.
const NAME_CHARS_MAX: usize = 100;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
}

/// A key, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ApiKey)]
struct KeyView {
    #[schema(example = "key_0C3M5V7K2QH8J")]
    id: String,
    name: String,
    /// The first characters of the key, to tell keys apart.
    #[schema(example = "wpk_1f2e3d4c")]
    shown: String,
    scopes: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    /// To the minute.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

/// A new key with its text, which is shown only now.
#[derive(Debug, Serialize, ToSchema)]
struct NewKey {
    #[serde(flatten)]
    about: KeyView,
    /// Keep it safe; it cannot be shown again.
    key: String,
}

/// A key to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyToCreate {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(min_items = 1)]
    scopes: BTreeSet<Scope>,
    /// When it ends by itself; never when absent.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

fn view(key: ApiKey) -> KeyView {
    KeyView {
        id: key.id.to_string(),
        name: key.name,
        shown: key.shown,
        scopes: key.scopes,
        created_at: iso(key.created_at),
        expires_at: iso_or_null(key.expires_at),
        revoked_at: iso_or_null(key.revoked_at),
        last_used_at: iso_or_null(key.used_at),
    }
}

/// All keys, newest first, revoked ones too.
#[utoipa::path(get, path = "/api-keys", tag = "keys", params(PageParams),
    responses((status = 200, body = List<KeyView>)),
    security(("api_key" = ["keys:read"]), ("session" = ["keys:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<KeysRead>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<KeyView>>> {
    let page = page(params.limit, params.cursor)?;
    let keys = state.store().api_keys(caller.workspace(), page).await?;
    Ok(Json(List::of(keys, view)))
}

/// Creates a key. Nobody can give a key more than they may do themselves.
#[utoipa::path(post, path = "/api-keys", tag = "keys", request_body = KeyToCreate,
    responses((status = 201, body = NewKey)),
    security(("api_key" = ["keys:write"]), ("session" = ["keys:write"])))]
async fn create(
    State(state): State<AppState>,
    caller: May<KeysWrite>,
    Body(wanted): Body<KeyToCreate>,
) -> ApiResult<(StatusCode, Json<NewKey>)> {
    let now = clock::now();
    if wanted.scopes.is_empty() {
        return Err(ApiError::invalid(
            "scopes",
            "A key needs at least one scope",
        ));
    }
    if let Some(more) = wanted.scopes.iter().find(|scope| !caller.may(**scope)) {
        let text = format!("You may not do '{more}' yourself, so you cannot give it to a key");
        return Err(ApiError::forbidden(text).at("scopes"));
    }
    let expires_at = wanted.expires_at.as_deref().map(expiry).transpose()?;
    if expires_at.is_some_and(|at| at <= now) {
        return Err(ApiError::invalid(
            "expires_at",
            "This time has passed; choose a later one",
        ));
    }
    let grant = Grant {
        workspace: caller.workspace(),
        name: line("name", &wanted.name, NAME_CHARS_MAX)?,
        scopes: wanted.scopes.into_iter().collect(),
        expires_at,
    };
    let (about, key) = issue(state.store(), grant, now).await?;
    Ok((
        StatusCode::CREATED,
        Json(NewKey {
            about: view(about),
            key,
        }),
    ))
}

fn expiry(text: &str) -> ApiResult<Timestamp> {
    let wrong = |_| ApiError::invalid("expires_at", "Give a time in UTC like 2027-01-31T12:00:00Z");
    let at: jiff::Timestamp = text.trim().parse().map_err(wrong)?;
    Ok(Timestamp(at.as_millisecond()))
}

/// Revokes a key for good.
#[utoipa::path(delete, path = "/api-keys/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 204)),
    security(("api_key" = ["keys:write"]), ("session" = ["keys:write"])))]
async fn revoke(
    State(state): State<AppState>,
    caller: May<KeysWrite>,
    Id(id): Id<ApiKeyId>,
) -> ApiResult<StatusCode> {
    state
        .store()
        .revoke_api_key(caller.workspace(), id, clock::now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
