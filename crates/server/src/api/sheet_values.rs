//! `/sheets/{spreadsheet}`: reading and writing a spreadsheet by hand.

use super::AppState;
use super::extract::{Body, Id, Params};
use super::problem::{ApiError, ApiResult};
use crate::auth::caller::{Caller, May};
use crate::auth::scope::need::{SheetsRead, SheetsWrite};
use crate::clock::iso;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::SheetConnectionId;
use waypost_sheets::a1::TabName;
use waypost_sheets::{Cell, Connector, Range, Row, SpreadsheetId};

/// Most rows of one call.
const ROWS_MAX: usize = 500;
/// Most cells of a row.
const CELLS_MAX: usize = 1_000;
/// Most rows that a search answers with.
const FOUND_MAX: usize = 200;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(info))
        .routes(routes!(read, update))
        .routes(routes!(append, delete))
        .routes(routes!(search))
}

/// Who reads.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ByConnection {
    /// The connection's id.
    #[param(value_type = String)]
    connection: SheetConnectionId,
}

/// What to read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RangeToRead {
    /// The connection's id.
    #[param(value_type = String)]
    connection: SheetConnectionId,
    /// In A1 notation.
    #[param(example = "Leads!A1:D20")]
    range: String,
}

/// What to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TextToFind {
    /// The connection's id.
    #[param(value_type = String)]
    connection: SheetConnectionId,
    /// The tab's title.
    tab: String,
    /// A text that stands anywhere in a cell, whatever its case.
    text: String,
}

/// Which rows to delete.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RowsToDelete {
    /// The connection's id.
    #[param(value_type = String)]
    connection: SheetConnectionId,
    /// The tab's title.
    tab: String,
    /// The first row, counted from 1.
    #[param(minimum = 1)]
    first: u32,
    /// The last row; the first when absent.
    #[param(minimum = 1)]
    last: Option<u32>,
}

/// A spreadsheet and its tabs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Spreadsheet)]
struct InfoView {
    title: String,
    time_zone: String,
    tabs: Vec<TabView>,
}

/// A tab.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SpreadsheetTab)]
struct TabView {
    title: String,
    rows: u64,
    columns: u64,
}

/// Cells as they were read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SheetValues)]
struct ValuesView {
    /// As people see them.
    rows: Vec<Vec<String>>,
    /// When Google was asked.
    #[schema(format = DateTime)]
    read_at: String,
    /// They are older than half a minute, because Google cannot be asked or is being asked now.
    stale: bool,
}

/// Rows to append.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RowsToAppend {
    #[schema(value_type = String)]
    connection: SheetConnectionId,
    /// The tab's title.
    #[schema(max_length = 100)]
    tab: String,
    /// Texts, numbers, true and false. Written as they are: nothing is calculated.
    #[schema(value_type = Vec<Vec<Object>>, max_items = 500)]
    rows: Vec<Vec<Value>>,
}

/// Where the rows are.
#[derive(Debug, Serialize, ToSchema)]
struct RowsAppended {
    range: String,
}

/// Cells to write.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ValuesToWrite {
    #[schema(value_type = String)]
    connection: SheetConnectionId,
    /// In A1 notation; the rows begin at its first cell.
    range: String,
    /// Texts, numbers, true and false; null leaves a cell as it is.
    #[schema(value_type = Vec<Vec<Object>>, max_items = 500)]
    rows: Vec<Vec<Value>>,
}

/// What was written.
#[derive(Debug, Serialize, ToSchema)]
struct ValuesWritten {
    cells: u64,
}

/// Rows in which the text stands.
#[derive(Debug, Serialize, ToSchema)]
struct RowsFound {
    items: Vec<RowFound>,
    /// There are more; search for something longer.
    more: bool,
}

/// A row in which the text stands.
#[derive(Debug, Serialize, ToSchema)]
struct RowFound {
    /// Counted from 1.
    row: usize,
    cells: Vec<String>,
}

async fn connector(
    state: &AppState,
    caller: &Caller,
    id: SheetConnectionId,
) -> ApiResult<Arc<Connector>> {
    Ok(state.sheets().get(caller.workspace(), id).await?)
}

fn range(text: &str) -> ApiResult<Range> {
    Range::parse(text).map_err(|error| ApiError::from(error).at("range"))
}

pub(super) fn tab(text: &str) -> ApiResult<TabName> {
    TabName::parse(text).map_err(|error| ApiError::from(error).at("tab"))
}

fn cells(rows: &[Vec<Value>]) -> ApiResult<Vec<Row>> {
    if rows.is_empty() || rows.len() > ROWS_MAX || rows.iter().any(|r| r.len() > CELLS_MAX) {
        return Err(ApiError::invalid(
            "rows",
            format!("Write 1 to {ROWS_MAX} rows of at most {CELLS_MAX} cells"),
        ));
    }
    let cell = |value: &Value| match value {
        Value::Null => Cell::Empty(()),
        other => Cell::of(other),
    };
    Ok(rows
        .iter()
        .map(|row| row.iter().map(cell).collect())
        .collect())
}

fn shown(rows: &[Row]) -> Vec<Vec<String>> {
    let row = |row: &Row| row.iter().map(Cell::shown).collect();
    rows.iter().map(row).collect()
}

/// What a spreadsheet is made of.
#[utoipa::path(get, path = "/sheets/{spreadsheet}/info", tag = "sheets",
    params(("spreadsheet" = String, Path), ByConnection),
    responses((status = 200, body = InfoView)),
    security(("api_key" = ["sheets:read"]), ("session" = ["sheets:read"])))]
async fn info(
    State(state): State<AppState>,
    caller: May<SheetsRead>,
    Id(book): Id<SpreadsheetId>,
    Params(params): Params<ByConnection>,
) -> ApiResult<Json<InfoView>> {
    let connector = connector(&state, &caller, params.connection).await?;
    let found = connector.info(&book).await?;
    let tab = |tab: waypost_sheets::client::TabInfo| TabView {
        title: tab.title,
        rows: tab.rows,
        columns: tab.columns,
    };
    Ok(Json(InfoView {
        title: found.title,
        time_zone: found.time_zone,
        tabs: found.tabs.into_iter().map(tab).collect(),
    }))
}

/// Reads a range. What was read half a minute ago is not read again.
#[utoipa::path(get, path = "/sheets/{spreadsheet}/values", tag = "sheets",
    params(("spreadsheet" = String, Path), RangeToRead),
    responses((status = 200, body = ValuesView)),
    security(("api_key" = ["sheets:read"]), ("session" = ["sheets:read"])))]
async fn read(
    State(state): State<AppState>,
    caller: May<SheetsRead>,
    Id(book): Id<SpreadsheetId>,
    Params(params): Params<RangeToRead>,
) -> ApiResult<Json<ValuesView>> {
    let range = range(&params.range)?;
    let connector = connector(&state, &caller, params.connection).await?;
    let read = connector.read(&book, &range).await?;
    Ok(Json(ValuesView {
        rows: shown(&read.rows),
        read_at: iso(read.at),
        stale: read.is_stale,
    }))
}

/// Writes cells where the range begins. Safe to repeat.
#[utoipa::path(put, path = "/sheets/{spreadsheet}/values", tag = "sheets",
    params(("spreadsheet" = String, Path)), request_body = ValuesToWrite,
    responses((status = 200, body = ValuesWritten)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn update(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Id(book): Id<SpreadsheetId>,
    Body(wanted): Body<ValuesToWrite>,
) -> ApiResult<Json<ValuesWritten>> {
    let write = (range(&wanted.range)?, cells(&wanted.rows)?);
    let connector = connector(&state, &caller, wanted.connection).await?;
    let cells = connector.update(&book, &[write]).await?;
    Ok(Json(ValuesWritten { cells }))
}

/// Appends rows to a tab. When the answer says that nobody knows whether it was done, look before
/// you repeat it.
#[utoipa::path(post, path = "/sheets/{spreadsheet}/rows", tag = "sheets",
    params(("spreadsheet" = String, Path)), request_body = RowsToAppend,
    responses((status = 201, body = RowsAppended)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn append(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Id(book): Id<SpreadsheetId>,
    Body(wanted): Body<RowsToAppend>,
) -> ApiResult<(StatusCode, Json<RowsAppended>)> {
    let (tab, rows) = (tab(&wanted.tab)?, cells(&wanted.rows)?);
    let connector = connector(&state, &caller, wanted.connection).await?;
    let range = connector.append(&book, &tab, &rows).await?;
    Ok((StatusCode::CREATED, Json(RowsAppended { range })))
}

/// Deletes rows of a tab; those below move up.
#[utoipa::path(delete, path = "/sheets/{spreadsheet}/rows", tag = "sheets",
    params(("spreadsheet" = String, Path), RowsToDelete), responses((status = 204)),
    security(("api_key" = ["sheets:write"]), ("session" = ["sheets:write"])))]
async fn delete(
    State(state): State<AppState>,
    caller: May<SheetsWrite>,
    Id(book): Id<SpreadsheetId>,
    Params(params): Params<RowsToDelete>,
) -> ApiResult<StatusCode> {
    let tab = tab(&params.tab)?;
    let last = params.last.unwrap_or(params.first);
    let connector = connector(&state, &caller, params.connection).await?;
    connector
        .delete_rows(&book, &tab, params.first, last)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Rows of a tab in which a text stands, at most 200.
#[utoipa::path(get, path = "/sheets/{spreadsheet}/search", tag = "sheets",
    params(("spreadsheet" = String, Path), TextToFind),
    responses((status = 200, body = RowsFound)),
    security(("api_key" = ["sheets:read"]), ("session" = ["sheets:read"])))]
async fn search(
    State(state): State<AppState>,
    caller: May<SheetsRead>,
    Id(book): Id<SpreadsheetId>,
    Params(params): Params<TextToFind>,
) -> ApiResult<Json<RowsFound>> {
    let tab = tab(&params.tab)?;
    let wanted = params.text.trim().to_lowercase();
    if wanted.is_empty() {
        return Err(ApiError::invalid("text", "Say what to look for"));
    }
    let connector = connector(&state, &caller, params.connection).await?;
    let read = connector.read(&book, &Range::tab(&tab)).await?;
    let mut found = read.rows.iter().enumerate().filter_map(|(index, row)| {
        let cells: Vec<String> = row.iter().map(Cell::shown).collect();
        let has = cells
            .iter()
            .any(|cell| cell.to_lowercase().contains(&wanted));
        has.then_some(RowFound {
            row: index + 1,
            cells,
        })
    });
    let items: Vec<RowFound> = found.by_ref().take(FOUND_MAX).collect();
    Ok(Json(RowsFound {
        more: found.next().is_some(),
        items,
    }))
}
