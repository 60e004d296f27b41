//! `/webhooks`: endpoints that events are delivered to.

use super::AppState;
use super::accounts::own_account;
use super::extract::{Body, Id, Params, page};
use super::problem::{ApiError, ApiResult};
use super::shape::{List, PageParams, iso_or_null};
use crate::auth::caller::{Caller, May};
use crate::auth::scope::need::{WebhooksRead, WebhooksWrite};
use crate::clock::{self, iso};
use crate::webhooks::form::Form;
use crate::webhooks::{sign, test_event};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{AccountId, Duration, EndpointId, Timestamp};
use waypost_store::Cursor;
use waypost_store::admin::deliveries::Delivery;
use waypost_store::admin::endpoints::{
    BlockSummary, DisabledReason, Endpoint, EndpointSpec, RecoverSince, URL_LEN_MAX,
};

/// How long the secret before the current one still signs after a rotation.
const ROTATION: Duration = Duration::hours(24);
/// Longest description, in characters.
const DESCRIPTION_CHARS_MAX: usize = 500;
/// Most kinds of event or accounts named by one endpoint.
const FILTER_MAX: usize = 64;
/// Longest kind of event, in characters.
const KIND_CHARS_MAX: usize = 64;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(rotate))
        .routes(routes!(test))
        .routes(routes!(recover))
        .routes(routes!(deliveries))
        .routes(routes!(blocked))
}

/// A webhook endpoint.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Webhook)]
struct EndpointView {
    #[schema(example = "whk_0C3M5V7K2QH8J")]
    id: String,
    url: String,
    description: String,
    /// Only these kinds of event; all when empty.
    kinds: Vec<String>,
    /// Only events of this account; of all when null.
    account: Option<String>,
    enabled: bool,
    /// `person`, `gone` (it answered 410) or `failing` (nothing got through for five days).
    disabled_reason: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// When the last delivery succeeded.
    #[schema(format = DateTime)]
    succeeded_at: Option<String>,
    /// Since when nothing has succeeded.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    /// Until when the secret before the current one still signs.
    #[schema(format = DateTime)]
    previous_secret_until: Option<String>,
}

/// An endpoint with its secret, which is shown only now.
#[derive(Debug, Serialize, ToSchema)]
struct WebhookWithSecret {
    #[serde(flatten)]
    endpoint: EndpointView,
    /// Check signatures with it; it cannot be shown again.
    #[schema(example = "whsec_...")]
    secret: String,
}

/// An endpoint to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndpointToCreate {
    #[schema(max_length = 2048, example = "https://example.com/waypost")]
    url: String,
    #[serde(default)]
    #[schema(max_length = 500)]
    description: String,
    #[serde(default)]
    #[schema(max_items = 64)]
    kinds: Vec<String>,
    #[schema(value_type = Option<String>)]
    account: Option<AccountId>,
}

/// What to change about an endpoint; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndpointChange {
    #[schema(max_length = 2048)]
    url: Option<String>,
    #[schema(max_length = 500)]
    description: Option<String>,
    #[schema(max_items = 64)]
    kinds: Option<Vec<String>>,
    /// Null for all accounts.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    account: Option<Option<AccountId>>,
    /// Switches the endpoint off, or on again where it stopped.
    enabled: Option<bool>,
}

/// From where to deliver again: a time or a cursor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RecoverFrom {
    /// A time in ISO 8601, or a cursor of the event log.
    #[schema(example = "2026-11-21T09:00:00Z")]
    since: String,
}

/// One attempt to deliver one event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
struct DeliveryView {
    id: String,
    event: String,
    /// The event's kind; null when the event log has forgotten it.
    kind: Option<String>,
    /// 1 for the first attempt.
    attempt: u32,
    #[schema(format = DateTime)]
    at: String,
    /// The HTTP status, when there was an answer.
    status: Option<u16>,
    /// What went wrong, if it did.
    error: Option<String>,
    /// The beginning of the answer.
    response: String,
    duration_ms: u32,
}

/// A conversation that waits because one of its events failed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BlockedConversation)]
struct BlockView {
    /// Null for events without a conversation.
    conversation: Option<String>,
    /// Events waiting.
    waiting: i64,
    /// Failed attempts of the first of them.
    attempts: u32,
    #[schema(format = DateTime)]
    next_at: String,
    last_error: String,
}

/// Tells `null` from an absent field.
fn given<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<Option<AccountId>>, D::Error> {
    Option::<AccountId>::deserialize(d).map(Some)
}

fn view(endpoint: Endpoint) -> EndpointView {
    let reason = endpoint.disabled.map(|reason| match reason {
        DisabledReason::Person => "person",
        DisabledReason::Gone => "gone",
        DisabledReason::Failing => "failing",
    });
    EndpointView {
        id: endpoint.id.to_string(),
        url: endpoint.url,
        description: endpoint.description,
        kinds: endpoint.kinds,
        account: endpoint.accounts.first().map(ToString::to_string),
        enabled: endpoint.disabled.is_none(),
        disabled_reason: reason.map(str::to_owned),
        created_at: iso(endpoint.created_at),
        succeeded_at: iso_or_null(endpoint.succeeded_at),
        failing_since: iso_or_null(endpoint.failing_since),
        previous_secret_until: iso_or_null(endpoint.previous_secret_until),
    }
}

fn check_url(state: &AppState, text: &str) -> ApiResult<String> {
    if text.len() > URL_LEN_MAX {
        return Err(ApiError::invalid(
            "url",
            format!("An address has at most {URL_LEN_MAX} bytes"),
        ));
    }
    let url = state
        .guard()
        .url(text)
        .map_err(|error| ApiError::invalid("url", error.to_string()))?;
    Ok(Form::split(text).0.joined(url.as_str()))
}

fn check_description(text: &str) -> ApiResult<String> {
    let text = text.trim();
    if text.chars().count() > DESCRIPTION_CHARS_MAX || text.contains(char::is_control) {
        let what =
            format!("A description is one line of at most {DESCRIPTION_CHARS_MAX} characters");
        return Err(ApiError::invalid("description", what));
    }
    Ok(text.to_owned())
}

fn check_kinds(kinds: Vec<String>) -> ApiResult<Vec<String>> {
    let kind = |kind: &String| {
        let fits = |c: char| c.is_ascii_lowercase() || matches!(c, '.' | '_');
        !kind.is_empty() && kind.len() <= KIND_CHARS_MAX && kind.chars().all(fits)
    };
    if kinds.len() <= FILTER_MAX && kinds.iter().all(kind) {
        return Ok(kinds);
    }
    Err(ApiError::invalid(
        "kinds",
        "Name kinds of event like message.received, 64 at most",
    ))
}

async fn check_account(
    state: &AppState,
    caller: &Caller,
    account: Option<AccountId>,
) -> ApiResult<Vec<AccountId>> {
    let Some(id) = account else {
        return Ok(Vec::new());
    };
    let unknown = |_| ApiError::invalid("account", "There is no such account; check the id");
    own_account(state, caller, id).await.map_err(unknown)?;
    Ok(vec![id])
}

/// All endpoints.
#[utoipa::path(get, path = "/webhooks", tag = "webhooks", params(PageParams),
    responses((status = 200, body = List<EndpointView>)),
    security(("api_key" = ["webhooks:read"]), ("session" = ["webhooks:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<WebhooksRead>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<EndpointView>>> {
    page(params.limit, params.cursor)?;
    let endpoints = state.store().endpoints(caller.workspace()).await?;
    Ok(Json(List::whole(endpoints.into_iter().map(view).collect())))
}

/// Creates an endpoint that gets what happens from now on. Its secret is shown only now.
#[utoipa::path(post, path = "/webhooks", tag = "webhooks", request_body = EndpointToCreate,
    responses((status = 201, body = WebhookWithSecret)),
    security(("api_key" = ["webhooks:write"]), ("session" = ["webhooks:write"])))]
async fn create(
    State(state): State<AppState>,
    caller: May<WebhooksWrite>,
    Body(wanted): Body<EndpointToCreate>,
) -> ApiResult<(StatusCode, Json<WebhookWithSecret>)> {
    let spec = EndpointSpec {
        workspace: caller.workspace(),
        url: check_url(&state, &wanted.url)?,
        description: check_description(&wanted.description)?,
        kinds: check_kinds(wanted.kinds)?,
        accounts: check_account(&state, &caller, wanted.account).await?,
    };
    let secret = sign::new_secret();
    let endpoint = state
        .store()
        .create_endpoint(spec, &secret, clock::now())
        .await?;
    let shown = WebhookWithSecret {
        endpoint: view(endpoint),
        secret: sign::shown(&secret),
    };
    Ok((StatusCode::CREATED, Json(shown)))
}

/// One endpoint.
#[utoipa::path(get, path = "/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = EndpointView)),
    security(("api_key" = ["webhooks:read"]), ("session" = ["webhooks:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<WebhooksRead>,
    Id(id): Id<EndpointId>,
) -> ApiResult<Json<EndpointView>> {
    Ok(Json(view(
        state.store().endpoint(caller.workspace(), id).await?,
    )))
}

/// Changes an endpoint, switches it off or on again.
#[utoipa::path(patch, path = "/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    request_body = EndpointChange, responses((status = 200, body = EndpointView)),
    security(("api_key" = ["webhooks:write"]), ("session" = ["webhooks:write"])))]
async fn change(
    State(state): State<AppState>,
    caller: May<WebhooksWrite>,
    Id(id): Id<EndpointId>,
    Body(wanted): Body<EndpointChange>,
) -> ApiResult<Json<EndpointView>> {
    let was = state.store().endpoint(caller.workspace(), id).await?;
    let accounts = match wanted.account {
        None => was.accounts.clone(),
        Some(account) => check_account(&state, &caller, account).await?,
    };
    let spec = EndpointSpec {
        workspace: caller.workspace(),
        url: wanted
            .url
            .as_deref()
            .map_or(Ok(was.url.clone()), |url| check_url(&state, url))?,
        description: wanted
            .description
            .as_deref()
            .map_or(Ok(was.description.clone()), check_description)?,
        kinds: wanted.kinds.map_or(Ok(was.kinds.clone()), check_kinds)?,
        accounts,
    };
    let mut now = state.store().change_endpoint(id, spec).await?;
    let (store, at) = (state.store(), clock::now());
    match wanted.enabled {
        Some(true) if now.disabled.is_some() => {
            now = store.enable_endpoint(caller.workspace(), id, at).await?;
        }
        Some(false) if now.disabled.is_none() => {
            let why = DisabledReason::Person;
            now = store
                .disable_endpoint(caller.workspace(), id, why, at)
                .await?;
        }
        _ => {}
    }
    Ok(Json(view(now)))
}

/// Deletes an endpoint with its log.
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 204)),
    security(("api_key" = ["webhooks:write"]), ("session" = ["webhooks:write"])))]
async fn delete(
    State(state): State<AppState>,
    caller: May<WebhooksWrite>,
    Id(id): Id<EndpointId>,
) -> ApiResult<StatusCode> {
    state
        .store()
        .delete_endpoint(caller.workspace(), id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets a new secret. For a day the one before signs too, so receivers can change over.
#[utoipa::path(post, path = "/webhooks/{id}/rotate-secret", tag = "webhooks",
    params(("id" = String, Path)), responses((status = 200, body = WebhookWithSecret)),
    security(("api_key" = ["webhooks:write"]), ("session" = ["webhooks:write"])))]
async fn rotate(
    State(state): State<AppState>,
    caller: May<WebhooksWrite>,
    Id(id): Id<EndpointId>,
) -> ApiResult<Json<WebhookWithSecret>> {
    let secret = sign::new_secret();
    let until = clock::now() + ROTATION;
    let endpoint = state
        .store()
        .rotate_endpoint_secret(caller.workspace(), id, &secret, until)
        .await?;
    Ok(Json(WebhookWithSecret {
        endpoint: view(endpoint),
        secret: sign::shown(&secret),
    }))
}

/// Sends a test event to this endpoint alone and answers what came of it.
#[utoipa::path(post, path = "/webhooks/{id}/test", tag = "webhooks", params(("id" = String, Path)),
    responses((status = 200, body = DeliveryResult)),
    security(("api_key" = ["webhooks:write"]), ("session" = ["webhooks:write"])))]
async fn test(
    State(state): State<AppState>,
    caller: May<WebhooksWrite>,
    Id(id): Id<EndpointId>,
) -> ApiResult<Json<DeliveryResult>> {
    let endpoint = state.store().endpoint(caller.workspace(), id).await?;
    let answer = test_event(state.store(), state.sender(), &endpoint, clock::now()).await?;
    Ok(Json(DeliveryResult {
        delivered: answer.is_success(),
        status: answer.status,
        error: answer.error,
        response: answer.response,
        duration_ms: answer.duration_ms,
    }))
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryResult {
    /// The endpoint answered with 2xx.
    delivered: bool,
    status: Option<u16>,
    error: Option<String>,
    /// The beginning of the answer.
    response: String,
    duration_ms: u32,
}

/// Delivers stored events again from a time or a cursor on; receivers know them by their ids.
#[utoipa::path(post, path = "/webhooks/{id}/recover", tag = "webhooks",
    params(("id" = String, Path)), request_body = RecoverFrom,
    responses((status = 202, body = EndpointView),
        (status = 410, description = "The cursor is of another life of the database",
            content_type = "application/problem+json", body = super::problem::Problem)),
    security(("api_key" = ["webhooks:write"]), ("session" = ["webhooks:write"])))]
async fn recover(
    State(state): State<AppState>,
    caller: May<WebhooksWrite>,
    Id(id): Id<EndpointId>,
    Body(wanted): Body<RecoverFrom>,
) -> ApiResult<(StatusCode, Json<EndpointView>)> {
    let since = since(&state, &wanted.since)?;
    let endpoint = state
        .store()
        .recover_endpoint(caller.workspace(), id, since)
        .await?;
    Ok((StatusCode::ACCEPTED, Json(view(endpoint))))
}

fn since(state: &AppState, text: &str) -> ApiResult<RecoverSince> {
    if let Ok(time) = text.trim().parse::<jiff::Timestamp>() {
        return Ok(RecoverSince::Time(Timestamp(time.as_millisecond())));
    }
    let unknown = |_| {
        ApiError::invalid(
            "since",
            "Give a time like 2026-11-21T09:00:00Z or a cursor of the event log",
        )
    };
    let cursor: Cursor = text.trim().parse().map_err(unknown)?;
    let here = state.store().cursor_at(cursor.position);
    if here != cursor {
        return Err(ApiError::new(
            StatusCode::GONE,
            "resync",
            "This cursor belongs to another installation or an earlier life of this database; give a time",
        ));
    }
    Ok(RecoverSince::Position(cursor.position))
}

/// The log of deliveries, newest first. The last 10,000 are kept.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path), PageParams),
    responses((status = 200, body = List<DeliveryView>)),
    security(("api_key" = ["webhooks:read"]), ("session" = ["webhooks:read"])))]
async fn deliveries(
    State(state): State<AppState>,
    caller: May<WebhooksRead>,
    Id(id): Id<EndpointId>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<DeliveryView>>> {
    let page = page(params.limit, params.cursor)?;
    state.store().endpoint(caller.workspace(), id).await?;
    let log = state.store().deliveries(id, page).await?;
    Ok(Json(List::of(log, |delivery: Delivery| DeliveryView {
        id: delivery.id.to_string(),
        event: delivery.event.to_string(),
        kind: delivery.kind,
        attempt: delivery.attempt,
        at: iso(delivery.at),
        status: delivery.status,
        error: delivery.error,
        response: delivery.response,
        duration_ms: delivery.duration_ms,
    })))
}

/// The conversations whose events wait behind a failed one, longest waiting first.
#[utoipa::path(get, path = "/webhooks/{id}/blocked", tag = "webhooks",
    params(("id" = String, Path)), responses((status = 200, body = List<BlockView>)),
    security(("api_key" = ["webhooks:read"]), ("session" = ["webhooks:read"])))]
async fn blocked(
    State(state): State<AppState>,
    caller: May<WebhooksRead>,
    Id(id): Id<EndpointId>,
) -> ApiResult<Json<List<BlockView>>> {
    state.store().endpoint(caller.workspace(), id).await?;
    let blocks = state.store().blocks(id).await?;
    let show = |block: BlockSummary| BlockView {
        conversation: block.conversation.map(|id| id.to_string()),
        waiting: block.waiting,
        attempts: block.attempts,
        next_at: iso(block.next_at),
        last_error: block.last_error,
    };
    Ok(Json(List::whole(blocks.into_iter().map(show).collect())))
}
