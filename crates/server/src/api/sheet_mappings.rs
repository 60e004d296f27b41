//! `/sheets/mappings`: which events become rows of which spreadsheet.

use super::AppState;
use super::extract::{Body, Id, Params, line, page};
use super::problem::{ApiError, ApiResult};
use super::shape::{List, PageParams, iso_or_null};
use super::sheet_values::tab;
use crate::auth::caller::{Caller, May};
use crate::auth::scope::need::{SheetsRead, SheetsWrite};
use crate::clock::{self, iso};
use crate::sheets::document;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{
    AccountId, Duration, Event, EventId, SheetConnectionId, SheetMappingId,
};
use waypost_sheets::{Cell, Mapping, Range, Row, SpreadsheetId};
use waypost_store::EventFilter;
use waypost_store::admin::sheets::{
    GivenUp, SheetCounts, SheetMapping, SheetMappingSpec, SheetWrite, SheetWriteState,
};

/// Longest name of a mapping, in characters.
const NAME_CHARS_MAX: usize = 100;
/// Most kinds of event or accounts named by one mapping.
const FILTER_MAX: usize = 64;
/// Longest kind of event, in characters.
const KIND_CHARS_MAX: usize = 64;
/// Longest window for repetitions, in seconds.
const WINDOW_S_MAX: u64 = 86_400;
/// How far back a preview looks for an event, in positions of the log.
const LOOK_BACK: i64 = 1_000;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(preview))
        .routes(routes!(show, change, delete))
        .routes(routes!(test))
        .routes(routes!(replay))
        .routes(routes!(rows))
}

/// A column of a row.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SheetColumn)]
struct ColumnSpec {
    /// What stands above it.
    #[schema(max_length = 500, example = "Text")]
    header: String,
    from: ColumnFrom,
    /// For `path` and `time`: a JSON pointer into the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500, example = "/data/content/body")]
    path: Option<String>,
    /// For `literal`: the text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    text: Option<String>,
    /// For `time`: as in strftime; `%Y-%m-%d %H:%M:%S` unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    /// For `time`: an IANA zone; UTC unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Asia/Dubai")]
    zone: Option<String>,
    #[serde(default)]
    missing: ColumnMissing,
}

/// Where a cell comes from. Exactly one column of a mapping is the event's id.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ColumnFrom {
    EventId,
    Path,
    Literal,
    Time,
}

/// What to do when the event lacks the value: leave the cell blank, or write no row and say so.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ColumnMissing {
    #[default]
    Blank,
    Refuse,
}

/// A mapping of events to rows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SheetMapping)]
struct MappingView {
    #[schema(example = "gsm_0C3M5V7K2QH8J")]
    id: String,
    name: String,
    connection: String,
    spreadsheet: String,
    /// The tab's title.
    tab: String,
    /// Only these kinds of event; all when empty.
    kinds: Vec<String>,
    /// Only events of this account; of all when null.
    account: Option<String>,
    columns: Vec<ColumnSpec>,
    /// Within so many seconds the same content makes no second row; off when null.
    repetition_window_s: Option<u64>,
    enabled: bool,
    #[schema(format = DateTime)]
    paused_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    rows: CountsView,
}

/// How many rows are in which state.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SheetCounts)]
struct CountsView {
    waiting: i64,
    in_doubt: i64,
    done: i64,
    failed: i64,
    duplicate: i64,
}

impl From<SheetCounts> for CountsView {
    fn from(counts: SheetCounts) -> Self {
        Self {
            waiting: counts.waiting,
            in_doubt: counts.in_doubt,
            done: counts.done,
            failed: counts.failed,
            duplicate: counts.duplicate,
        }
    }
}

/// A mapping to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MappingToCreate {
    #[schema(max_length = 100, example = "Leads")]
    name: String,
    #[schema(value_type = String)]
    connection: SheetConnectionId,
    /// Its id or address.
    spreadsheet: String,
    /// The tab's title.
    #[schema(max_length = 100)]
    tab: String,
    #[serde(default)]
    #[schema(max_items = 64, example = json!(["message.received"]))]
    kinds: Vec<String>,
    #[schema(value_type = Option<String>)]
    account: Option<AccountId>,
    #[schema(max_items = 100)]
    columns: Vec<ColumnSpec>,
    #[schema(maximum = 86400)]
    repetition_window_s: Option<u64>,
}

/// What to change about a mapping; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MappingChange {
    #[schema(max_length = 100)]
    name: Option<String>,
    spreadsheet: Option<String>,
    #[schema(max_length = 100)]
    tab: Option<String>,
    #[schema(max_items = 64)]
    kinds: Option<Vec<String>>,
    #[schema(max_items = 100)]
    columns: Option<Vec<ColumnSpec>>,
    /// Off when 0.
    #[schema(maximum = 86400)]
    repetition_window_s: Option<u64>,
    /// Switches the mapping off, or on again where it stopped.
    enabled: Option<bool>,
}

/// Columns to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ColumnsToTry {
    #[schema(max_items = 100)]
    columns: Vec<ColumnSpec>,
    /// The newest event of one of these kinds is taken; of any when empty.
    #[serde(default)]
    #[schema(max_items = 64)]
    kinds: Vec<String>,
}

/// A row as it would be written.
#[derive(Debug, Serialize, ToSchema)]
struct SheetPreview {
    headers: Vec<String>,
    /// Null when there was no such event lately, or it cannot be made a row.
    cells: Option<Vec<String>>,
    /// Why there are no cells.
    error: Option<String>,
    /// The event as paths see it.
    #[schema(value_type = Option<Object>)]
    event: Option<Value>,
}

/// Whether rows can be written.
#[derive(Debug, Serialize, ToSchema)]
struct SheetMappingTest {
    works: bool,
    /// What is wrong, if something is.
    error: Option<String>,
    headers: HeadersText,
}

/// What is in the first row of the tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HeadersText {
    /// Nothing is known.
    Unknown,
    /// It was empty, and the headers were written.
    Written,
    /// The headers.
    Same,
    /// Something else; rows are written all the same.
    Different,
}

/// Which rows are tried again.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReplayParams {
    /// Only the row of this event; every failed one when absent.
    #[param(value_type = Option<String>)]
    event: Option<EventId>,
}

/// How many rows are tried again.
#[derive(Debug, Serialize, ToSchema)]
struct RowsReplayed {
    replayed: u64,
}

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RowParams {
    /// Most items wanted.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Only rows in this state.
    #[param(value_type = Option<RowState>)]
    state: Option<RowState>,
}

/// How far a row has come.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SheetRowState)]
enum RowState {
    Pending,
    Sending,
    /// Nobody knows whether it is there; it is looked up before it is tried again.
    InDoubt,
    Done,
    /// Given up; replay it when the cause is gone.
    Failed,
    /// The same content was written a moment ago.
    Duplicate,
}

/// A row of a mapping.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SheetRow)]
struct RowView {
    event: String,
    /// Spreadsheet and tab.
    destination: String,
    state: RowState,
    cells: Vec<String>,
    attempts: u32,
    last_error: Option<String>,
    /// Where it stands, as far as Google said: the range of all rows of its call.
    place: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

fn row_view(write: SheetWrite) -> RowView {
    let cells: Row = serde_json::from_value(write.cells).unwrap_or_default();
    RowView {
        event: write.event.to_string(),
        destination: write.destination,
        state: match write.state {
            SheetWriteState::Pending => RowState::Pending,
            SheetWriteState::Sending => RowState::Sending,
            SheetWriteState::InDoubt => RowState::InDoubt,
            SheetWriteState::Done => RowState::Done,
            SheetWriteState::Failed => RowState::Failed,
            SheetWriteState::Duplicate => RowState::Duplicate,
        },
        cells: cells.iter().map(Cell::shown).collect(),
        attempts: write.attempts,
        last_error: Some(write.last_error).filter(|text| !text.is_empty()),
        place: write.place,
        created_at: iso(write.created_at),
        updated_at: iso(write.updated_at),
    }
}

fn stored_state(state: RowState) -> SheetWriteState {
    match state {
        RowState::Pending => SheetWriteState::Pending,
        RowState::Sending => SheetWriteState::Sending,
        RowState::InDoubt => SheetWriteState::InDoubt,
        RowState::Done => SheetWriteState::Done,
        RowState::Failed => SheetWriteState::Failed,
        RowState::Duplicate => SheetWriteState::Duplicate,
    }
}

async fn view(state: &AppState, mapping: SheetMapping) -> ApiResult<MappingView> {
    let counts = state.store().sheet_counts(mapping.id).await?;
    let spec = mapping.spec;
    Ok(MappingView {
        id: mapping.id.to_string(),
        name: spec.name,
        connection: spec.connection.to_string(),
        spreadsheet: spec.spreadsheet,
        tab: spec.tab,
        kinds: spec.kinds,
        account: spec.accounts.first().map(ToString::to_string),
        columns: serde_json::from_value(spec.columns).map_err(ApiError::internal)?,
        repetition_window_s: spec.window.map(|w| w.as_millis() / 1_000),
        enabled: mapping.paused_at.is_none(),
        paused_at: iso_or_null(mapping.paused_at),
        created_at: iso(mapping.created_at),
        rows: counts.into(),
    })
}

/// The columns as the connector understands them, checked.
fn check_columns(columns: &[ColumnSpec]) -> ApiResult<Mapping> {
    let as_json = serde_json::to_value(columns).map_err(ApiError::internal)?;
    serde_json::from_value(as_json).map_err(|error| ApiError::invalid("columns", error.to_string()))
}

fn stored_columns(columns: &[ColumnSpec]) -> ApiResult<Value> {
    check_columns(columns)?;
    serde_json::to_value(columns).map_err(ApiError::internal)
}

fn check_kinds(kinds: Vec<String>) -> ApiResult<Vec<String>> {
    let fits = |kind: &String| {
        let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '.' | '_');
        !kind.is_empty()
            && kind.len() <= KIND_CHARS_MAX
            && kind.chars().all(plain)
            && !kind.starts_with("sheet.")
    };
    if kinds.len() <= FILTER_MAX && kinds.iter().all(fits) {
        return Ok(kinds);
    }
    Err(ApiError::invalid(
        "kinds",
        "Name kinds of event like message.received, 64 at most, none of them about sheets",
    ))
}

fn check_window(seconds: Option<u64>) -> ApiResult<Option<Duration>> {
    match seconds {
        None | Some(0) => Ok(None),
        Some(seconds) if seconds <= WINDOW_S_MAX => Ok(Some(Duration::secs(seconds))),
        Some(_) => Err(ApiError::invalid(
            "repetition_window_s",
            format!("Repetitions are looked for within {WINDOW_S_MAX} seconds at most"),
        )),
    }
}

fn book(text: &str) -> ApiResult<SpreadsheetId> {
    SpreadsheetId::parse(text).map_err(|error| ApiError::from(error).at("spreadsheet"))
}

async fn check_account(
    state: &AppState,
    caller: &Caller,
    account: Option<AccountId>,
) -> ApiResult<Vec<AccountId>> {
    let Some(id) = account else {
        return Ok(Vec::new());
    };
    super::accounts::own_account(state, caller, id)
        .await
        .map_err(|_| ApiError::invalid("account", "There is no such account; check the id"))?;
    Ok(vec![id])
}

/// All mappings.
#[utoipa::path(get, path = "/sheets/mappings", tag = "sheets", params(PageParams),
    responses((status = 200, body = List<MappingView>)),
    security(("api_key" = ["sheets:read"]), ("session" = ["sheets:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<SheetsRead>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<MappingView>>> {
    page(params.limit, params.cursor)?;
    let mut shown = Vec::new();
    for mapping in state.store().sheet_mappings(caller.workspace()).await? {
        shown.push(view(&state, mapping).await?);
    }
    Ok(Json(List::whole(shown)))
}

/// Makes a mapping that writes what happens from now on, one row for each event.
#[utoipa::path(post, path = "/sheets/mappings", tag = "sheets", request_body = MappingToCreate,
    responses((status = 201, body = MappingView)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn create(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Body(wanted): Body<MappingToCreate>,
) -> ApiResult<(StatusCode, Json<MappingView>)> {
    let spec = SheetMappingSpec {
        workspace: caller.workspace(),
        connection: wanted.connection,
        name: line("name", &wanted.name, NAME_CHARS_MAX)?,
        spreadsheet: book(&wanted.spreadsheet)?.to_string(),
        tab: tab(&wanted.tab)?.as_str().to_owned(),
        kinds: check_kinds(wanted.kinds)?,
        accounts: check_account(&state, &caller, wanted.account).await?,
        columns: stored_columns(&wanted.columns)?,
        window: check_window(wanted.repetition_window_s)?,
    };
    let store = state.store();
    store
        .sheet_connection(caller.workspace(), spec.connection)
        .await
        .map_err(|_| {
            ApiError::invalid("connection", "There is no such connection; check the id")
        })?;
    let made = store.create_sheet_mapping(spec, clock::now()).await?;
    let shown = view(&state, made).await?;
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Shows what columns would make of the newest event that fits.
#[utoipa::path(post, path = "/sheets/preview", tag = "sheets", request_body = ColumnsToTry,
    responses((status = 200, body = SheetPreview)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn preview(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Body(wanted): Body<ColumnsToTry>,
) -> ApiResult<Json<SheetPreview>> {
    let mapping = check_columns(&wanted.columns)?;
    let headers = mapping.headers().iter().map(Cell::shown).collect();
    let kinds = check_kinds(wanted.kinds)?;
    let Some(event) = newest(&state, &caller, kinds).await? else {
        return Ok(Json(SheetPreview {
            headers,
            cells: None,
            error: Some("nothing of this kind has happened lately".to_owned()),
            event: None,
        }));
    };
    let seen = document(state.store(), &event).await?;
    let row = mapping.row(&event.id.to_string(), &seen);
    let error = row.as_ref().err().map(ToString::to_string);
    Ok(Json(SheetPreview {
        headers,
        cells: row.ok().map(|row| row.iter().map(Cell::shown).collect()),
        error,
        event: Some(seen),
    }))
}

/// The newest event of one of these kinds, if there was one lately.
async fn newest(state: &AppState, caller: &Caller, kinds: Vec<String>) -> ApiResult<Option<Event>> {
    let store = state.store();
    let filter = EventFilter {
        kinds,
        ..EventFilter::all(caller.workspace())
    };
    let mut cursor = store.cursor_at((store.head() - LOOK_BACK).max(0));
    let mut newest = None;
    loop {
        let limit = usize::try_from(LOOK_BACK).unwrap_or(1);
        let page = match store.events_after(cursor, filter.clone(), limit).await {
            // The log is shorter than that: it begins where it begins.
            Err(waypost_store::StoreError::Resync { .. }) => return Ok(newest),
            page => page?,
        };
        let is_shown = |event: &Event| !event.kind.starts_with("sheet.");
        newest = page.events.into_iter().rfind(is_shown).or(newest);
        if !page.more {
            return Ok(newest);
        }
        cursor = page.next;
    }
}

/// One mapping.
#[utoipa::path(get, path = "/sheets/mappings/{id}", tag = "sheets",
    params(("id" = String, Path)), responses((status = 200, body = MappingView)),
    security(("api_key" = ["sheets:read"]), ("session" = ["sheets:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<SheetsRead>,
    Id(id): Id<SheetMappingId>,
) -> ApiResult<Json<MappingView>> {
    let found = state.store().sheet_mapping(caller.workspace(), id).await?;
    Ok(Json(view(&state, found).await?))
}

/// Changes a mapping, switches it off or on again. Rows that wait keep their cells.
#[utoipa::path(patch, path = "/sheets/mappings/{id}", tag = "sheets",
    params(("id" = String, Path)), request_body = MappingChange,
    responses((status = 200, body = MappingView)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn change(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Id(id): Id<SheetMappingId>,
    Body(wanted): Body<MappingChange>,
) -> ApiResult<Json<MappingView>> {
    let store = state.store();
    let mut spec = store.sheet_mapping(caller.workspace(), id).await?.spec;
    if let Some(name) = &wanted.name {
        spec.name = line("name", name, NAME_CHARS_MAX)?;
    }
    if let Some(text) = &wanted.spreadsheet {
        spec.spreadsheet = book(text)?.to_string();
    }
    if let Some(text) = &wanted.tab {
        tab(text)?.as_str().clone_into(&mut spec.tab);
    }
    if let Some(kinds) = wanted.kinds {
        spec.kinds = check_kinds(kinds)?;
    }
    if let Some(columns) = &wanted.columns {
        spec.columns = stored_columns(columns)?;
    }
    if wanted.repetition_window_s.is_some() {
        spec.window = check_window(wanted.repetition_window_s)?;
    }
    let mut now = store.change_sheet_mapping(id, spec).await?;
    if let Some(enabled) = wanted.enabled
        && enabled != now.paused_at.is_none()
    {
        let paused_at = (!enabled).then(clock::now);
        now = store
            .pause_sheet_mapping(caller.workspace(), id, paused_at)
            .await?;
    }
    Ok(Json(view(&state, now).await?))
}

/// Deletes a mapping and forgets its rows; what stands in the sheet stays.
#[utoipa::path(delete, path = "/sheets/mappings/{id}", tag = "sheets",
    params(("id" = String, Path)), responses((status = 204)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn delete(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Id(id): Id<SheetMappingId>,
) -> ApiResult<StatusCode> {
    state
        .store()
        .delete_sheet_mapping(caller.workspace(), id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Looks whether rows can be written, and writes the headers when the first row is empty.
#[utoipa::path(post, path = "/sheets/mappings/{id}/test", tag = "sheets",
    params(("id" = String, Path)), responses((status = 200, body = SheetMappingTest)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn test(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Id(id): Id<SheetMappingId>,
) -> ApiResult<Json<SheetMappingTest>> {
    let mapping = state.store().sheet_mapping(caller.workspace(), id).await?;
    let columns: Vec<ColumnSpec> =
        serde_json::from_value(mapping.spec.columns.clone()).map_err(ApiError::internal)?;
    let headers = check_columns(&columns)?.headers();
    let connector = state
        .sheets()
        .get(caller.workspace(), mapping.spec.connection)
        .await?;
    let book = book(&mapping.spec.spreadsheet)?;
    let first = Range::row(&tab(&mapping.spec.tab)?, 1, headers.len());
    let found = async {
        let there = connector.read_now(&book, &first).await?;
        let there: Vec<String> = there
            .first()
            .into_iter()
            .flatten()
            .map(Cell::shown)
            .collect();
        if there.iter().all(|cell| cell.trim().is_empty()) {
            connector.update(&book, &[(first, vec![headers])]).await?;
            return Ok(HeadersText::Written);
        }
        let same = headers.iter().map(Cell::shown).eq(there);
        Ok::<_, waypost_sheets::Error>(if same {
            HeadersText::Same
        } else {
            HeadersText::Different
        })
    };
    let found = found.await;
    Ok(Json(SheetMappingTest {
        works: found.is_ok(),
        headers: *found.as_ref().unwrap_or(&HeadersText::Unknown),
        error: found.err().map(|error| error.to_string()),
    }))
}

/// Tries rows again that were given up: all of them, or the one of an event. An event that could not be made a
/// row stays failed.
#[utoipa::path(post, path = "/sheets/mappings/{id}/replay", tag = "sheets",
    params(("id" = String, Path), ReplayParams), responses((status = 200, body = RowsReplayed)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn replay(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Id(id): Id<SheetMappingId>,
    Params(params): Params<ReplayParams>,
) -> ApiResult<Json<RowsReplayed>> {
    let which = params.event.map_or(GivenUp::All, GivenUp::Of);
    let replayed = state
        .store()
        .replay_sheet_writes(caller.workspace(), id, which, clock::now())
        .await?;
    Ok(Json(RowsReplayed { replayed }))
}

/// The rows of a mapping, newest event first.
#[utoipa::path(get, path = "/sheets/mappings/{id}/rows", tag = "sheets",
    params(("id" = String, Path), RowParams), responses((status = 200, body = List<RowView>)),
    security(("api_key" = ["sheets:read"]), ("session" = ["sheets:read"])))]
async fn rows(
    State(state): State<AppState>,
    caller: May<SheetsRead>,
    Id(id): Id<SheetMappingId>,
    Params(params): Params<RowParams>,
) -> ApiResult<Json<List<RowView>>> {
    let page = page(params.limit, params.cursor)?;
    let store = state.store();
    let mapping = store.sheet_mapping(caller.workspace(), id).await?;
    let state = params.state.map(stored_state);
    let found = store.sheet_writes(mapping.id, state, page).await?;
    Ok(Json(List::of(found, row_view)))
}
