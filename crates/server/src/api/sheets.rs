//! `/sheets/connections`: who we are for Google Sheets.

use super::AppState;
use super::extract::{Body, Id, Params, line, page};
use super::problem::{ApiError, ApiResult};
use super::shape::{List, PageParams};
use crate::auth::caller::May;
use crate::auth::scope::need::{SheetsRead, SheetsWrite};
use crate::clock::{self, iso};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::SheetConnectionId;
use waypost_sheets::breaker::{Breaker, State as BreakerState};
use waypost_sheets::{Connector, SpreadsheetId};
use waypost_store::admin::sheets::SheetConnection;

/// Longest name of a connection, in characters.
const NAME_CHARS_MAX: usize = 100;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, delete))
        .routes(routes!(test))
        .routes(routes!(reset))
}

/// A connection to Google Sheets, without its key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SheetConnection)]
struct ConnectionView {
    #[schema(example = "gsc_0C3M5V7K2QH8J")]
    id: String,
    name: String,
    /// A service account's address, with which spreadsheets are shared, or a client's id.
    identity: String,
    #[schema(format = DateTime)]
    created_at: String,
    /// Spreadsheets that failed lately.
    breakers: Vec<BreakerView>,
    saved: SavedView,
}

/// A spreadsheet that failed lately.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SheetBreaker)]
struct BreakerView {
    spreadsheet: String,
    /// `closed`, `open` (left alone) or `half_open` (being tried).
    state: &'static str,
    /// When it is tried again.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// What was saved since the start.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SheetSavings)]
struct SavedView {
    /// Rows written, ranges read and other things asked for.
    operations: u64,
    /// Calls of Google's API that they took.
    calls: u64,
    cache_hits: u64,
    cache_misses: u64,
    cache_bytes: u64,
}

/// A key file to connect with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConnectionToCreate {
    #[schema(max_length = 100, example = "Sales sheets")]
    name: String,
    /// The file that Google gives for a service account, or that its tools write for a user who
    /// agreed (`authorized_user`), as JSON. Stored sealed and never shown again.
    #[schema(value_type = Object)]
    key_file: serde_json::Value,
}

/// Whether Google knows us.
#[derive(Debug, Serialize, ToSchema)]
struct SheetConnectionTest {
    works: bool,
    /// What is wrong, if something is.
    error: Option<String>,
}

async fn view(state: &AppState, connection: SheetConnection) -> ApiResult<ConnectionView> {
    let saved = state.sheets().counters(connection.id);
    let stored = state.store().sheet_breakers(connection.id).await?;
    let breakers = stored.into_iter().filter_map(|stored| {
        let breaker: Breaker = serde_json::from_value(stored.breaker).ok()?;
        let (state, until) = match breaker.state() {
            BreakerState::Closed => ("closed", None),
            BreakerState::Open { until } => ("open", Some(iso(until))),
            BreakerState::HalfOpen { .. } => ("half_open", None),
        };
        Some(BreakerView {
            spreadsheet: stored.spreadsheet,
            state,
            until,
        })
    });
    Ok(ConnectionView {
        id: connection.id.to_string(),
        name: connection.name,
        identity: connection.identity,
        created_at: iso(connection.created_at),
        breakers: breakers.collect(),
        saved: SavedView {
            operations: saved.operations,
            calls: saved.calls,
            cache_hits: saved.cache_hits,
            cache_misses: saved.cache_misses,
            cache_bytes: saved.cache_bytes,
        },
    })
}

/// All connections.
#[utoipa::path(get, path = "/sheets/connections", tag = "sheets", params(PageParams),
    responses((status = 200, body = List<ConnectionView>)),
    security(("api_key" = ["sheets:read"]), ("session" = ["sheets:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<SheetsRead>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<ConnectionView>>> {
    page(params.limit, params.cursor)?;
    let mut shown = Vec::new();
    for connection in state.store().sheet_connections(caller.workspace()).await? {
        shown.push(view(&state, connection).await?);
    }
    Ok(Json(List::whole(shown)))
}

/// Connects with a key file. Google is asked first whether it is good.
#[utoipa::path(post, path = "/sheets/connections", tag = "sheets",
    request_body = ConnectionToCreate, responses((status = 201, body = ConnectionView)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn create(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Body(wanted): Body<ConnectionToCreate>,
) -> ApiResult<(StatusCode, Json<ConnectionView>)> {
    let name = line("name", &wanted.name, NAME_CHARS_MAX)?;
    let file = wanted.key_file.to_string();
    let (credentials, connector) = state
        .sheets()
        .fresh(&file)
        .map_err(|error| ApiError::from(error).at("key_file"))?;
    connector
        .check()
        .await
        .map_err(|error| ApiError::from(error).at("key_file"))?;
    let identity = credentials.name().to_owned();
    let connection = state
        .store()
        .create_sheet_connection(
            caller.workspace(),
            name,
            identity,
            file.as_bytes(),
            clock::now(),
        )
        .await?;
    let shown = view(&state, connection).await?;
    Ok((StatusCode::CREATED, Json(shown)))
}

/// One connection.
#[utoipa::path(get, path = "/sheets/connections/{id}", tag = "sheets",
    params(("id" = String, Path)), responses((status = 200, body = ConnectionView)),
    security(("api_key" = ["sheets:read"]), ("session" = ["sheets:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<SheetsRead>,
    Id(id): Id<SheetConnectionId>,
) -> ApiResult<Json<ConnectionView>> {
    let found = state
        .store()
        .sheet_connection(caller.workspace(), id)
        .await?;
    Ok(Json(view(&state, found).await?))
}

/// Forgets a connection and its key. Its mappings must be deleted first.
#[utoipa::path(delete, path = "/sheets/connections/{id}", tag = "sheets",
    params(("id" = String, Path)), responses((status = 204)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn delete(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Id(id): Id<SheetConnectionId>,
) -> ApiResult<StatusCode> {
    let store = state.store();
    store
        .delete_sheet_connection(caller.workspace(), id)
        .await?;
    state.sheets().forget(id);
    Ok(StatusCode::NO_CONTENT)
}

/// Asks Google whether the key is still good.
#[utoipa::path(post, path = "/sheets/connections/{id}/test", tag = "sheets",
    params(("id" = String, Path)), responses((status = 200, body = SheetConnectionTest)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn test(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Id(id): Id<SheetConnectionId>,
) -> ApiResult<Json<SheetConnectionTest>> {
    let connector = state.sheets().get(caller.workspace(), id).await?;
    let error = connector.check().await.err().map(|e| e.to_string());
    Ok(Json(SheetConnectionTest {
        works: error.is_none(),
        error,
    }))
}

/// A spreadsheet to try again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BreakerToReset {
    /// Its id or address.
    spreadsheet: String,
}

/// Tries a spreadsheet again at once that is left alone because it failed.
#[utoipa::path(post, path = "/sheets/connections/{id}/reset", tag = "sheets",
    params(("id" = String, Path)), request_body = BreakerToReset,
    responses((status = 200, body = ConnectionView)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn reset(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Id(id): Id<SheetConnectionId>,
    Body(wanted): Body<BreakerToReset>,
) -> ApiResult<Json<ConnectionView>> {
    let book = SpreadsheetId::parse(&wanted.spreadsheet)
        .map_err(|error| ApiError::from(error).at("spreadsheet"))?;
    let connector = state.sheets().get(caller.workspace(), id).await?;
    Connector::reset(&connector, &book);
    let closed = waypost_store::admin::sheets::SheetBreaker {
        spreadsheet: book.to_string(),
        breaker: serde_json::to_value(Breaker::default()).unwrap_or_default(),
    };
    let store = state.store();
    store
        .put_sheet_breaker(
            caller.workspace(),
            id,
            closed,
            "closed".into(),
            clock::now(),
        )
        .await?;
    let found = store.sheet_connection(caller.workspace(), id).await?;
    Ok(Json(view(&state, found).await?))
}
