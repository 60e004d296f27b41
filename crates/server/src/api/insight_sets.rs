//! `/insight/sets`: the lists that messages are read by.

use super::AppState;
use super::extract::{Id, json_up_to};
use super::pipeline::name_of;
use super::problem::{ApiError, ApiResult};
use super::shape::List;
use crate::auth::caller::{Caller, May};
use crate::auth::scope::need::{PipelineRead, PipelineWrite};
use crate::clock::iso;
use crate::parts::sets::{SET_LEN_MAX, SetName, Training};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_store::reading::InsightSet;

/// Largest body that carries a set: its text may double in JSON.
const BODY_BYTES_MAX: usize = 2 * SET_LEN_MAX + 1_024;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, put, reset))
        .routes(routes!(training, retrain))
}

/// A list that messages are read by.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InsightSet)]
struct SetView {
    /// `places`, `names`, `feelings`, `intents` or `labelled`.
    #[schema(example = "places")]
    name: &'static str,
    /// `yaml`, which takes JSON too, or `jsonl`: one JSON object a line.
    format: &'static str,
    /// Whether it stands in place of the one that comes with the program.
    edited: bool,
    #[schema(format = DateTime)]
    changed_at: Option<String>,
    bytes: usize,
}

/// A list with what is in it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InsightSetContent)]
struct ContentView {
    #[serde(flatten)]
    set: SetView,
    content: String,
}

/// What a list is to hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetToWrite {
    /// In the format of the set, at most 4 MiB.
    content: String,
}

/// How the lists in use came to be.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InsightTraining)]
struct TrainingView {
    /// `not_yet`, `running`, `done` or `failed`; after a failure the lists before are still in use.
    state: &'static str,
    /// When that began or ended.
    #[schema(format = DateTime)]
    at: Option<String>,
    took_ms: Option<u64>,
    error: Option<String>,
}

impl From<Training> for TrainingView {
    fn from(training: Training) -> Self {
        let blank = Self {
            state: "not_yet",
            at: None,
            took_ms: None,
            error: None,
        };
        match training {
            Training::NotYet => blank,
            Training::Running(since) => Self {
                state: "running",
                at: Some(iso(since)),
                ..blank
            },
            Training::Done { at, took_ms } => Self {
                state: "done",
                at: Some(iso(at)),
                took_ms: Some(took_ms),
                ..blank
            },
            Training::Failed { at, error } => Self {
                state: "failed",
                at: Some(iso(at)),
                error: Some(error),
                ..blank
            },
        }
    }
}

fn view(set: SetName, edited: Option<&InsightSet>) -> SetView {
    SetView {
        name: set.name(),
        format: set.format(),
        edited: edited.is_some(),
        changed_at: edited.map(|edited| iso(edited.changed_at)),
        bytes: edited.map_or(set.built_in().len(), |edited| edited.content.len()),
    }
}

async fn edited(state: &AppState, caller: &Caller) -> ApiResult<Vec<InsightSet>> {
    Ok(state.store().insight_sets(caller.workspace()).await?)
}

async fn whole(state: &AppState, caller: &Caller, set: SetName) -> ApiResult<ContentView> {
    let all = edited(state, caller).await?;
    let found = all.into_iter().find(|one| one.name == set.name());
    Ok(ContentView {
        set: view(set, found.as_ref()),
        content: found.map_or_else(|| set.built_in().to_owned(), |found| found.content),
    })
}

/// The lists that messages are read by.
#[utoipa::path(get, path = "/insight/sets", tag = "insight",
    responses((status = 200, body = List<SetView>)),
    security(("api_key" = ["pipeline:read"]), ("session" = ["pipeline:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<PipelineRead>,
) -> ApiResult<Json<List<SetView>>> {
    let all = edited(&state, &caller).await?;
    let of = |set: SetName| all.iter().find(|one| one.name == set.name());
    let sets = SetName::ALL.into_iter().map(|set| view(set, of(set)));
    Ok(Json(List::whole(sets.collect())))
}

/// One list with what is in it.
#[utoipa::path(get, path = "/insight/sets/{id}", tag = "insight", params(("id" = String, Path)),
    responses((status = 200, body = ContentView)),
    security(("api_key" = ["pipeline:read"]), ("session" = ["pipeline:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<PipelineRead>,
    Id(set): Id<SetName>,
) -> ApiResult<Json<ContentView>> {
    Ok(Json(whole(&state, &caller, set).await?))
}

/// Puts a list in place. What cannot be read is refused with its place; what can is stored, and learnt in the
/// background within seconds.
#[utoipa::path(put, path = "/insight/sets/{id}", tag = "insight", params(("id" = String, Path)),
    request_body = SetToWrite, responses((status = 200, body = ContentView)),
    security(("api_key" = ["pipeline:write"]), ("session" = ["pipeline:write"])))]
async fn put(
    State(state): State<AppState>,
    caller: May<PipelineWrite>,
    Id(set): Id<SetName>,
    request: Request,
) -> ApiResult<Json<ContentView>> {
    let SetToWrite { content } = json_up_to(request, BODY_BYTES_MAX).await?;
    let checked = tokio::task::spawn_blocking(move || set.check(&content).map(|()| content));
    let content = checked.await.map_err(ApiError::internal)?;
    let content = content.map_err(|error| ApiError::invalid("content", error))?;
    state
        .text()
        .change_set(caller.workspace(), set, Some(content), &name_of(&caller))
        .await?;
    Ok(Json(whole(&state, &caller, set).await?))
}

/// Brings back the list that comes with the program.
#[utoipa::path(delete, path = "/insight/sets/{id}", tag = "insight", params(("id" = String, Path)),
    responses((status = 204)),
    security(("api_key" = ["pipeline:write"]), ("session" = ["pipeline:write"])))]
async fn reset(
    State(state): State<AppState>,
    caller: May<PipelineWrite>,
    Id(set): Id<SetName>,
) -> ApiResult<StatusCode> {
    state
        .text()
        .change_set(caller.workspace(), set, None, &name_of(&caller))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How the lists in use came to be.
#[utoipa::path(get, path = "/insight/training", tag = "insight",
    responses((status = 200, body = TrainingView)),
    security(("api_key" = ["pipeline:read"]), ("session" = ["pipeline:read"])))]
async fn training(
    State(state): State<AppState>,
    _caller: May<PipelineRead>,
) -> ApiResult<Json<TrainingView>> {
    Ok(Json(state.text().training().into()))
}

/// Learns the stored lists again, in the background.
#[utoipa::path(post, path = "/insight/training", tag = "insight",
    responses((status = 202, body = TrainingView)),
    security(("api_key" = ["pipeline:write"]), ("session" = ["pipeline:write"])))]
async fn retrain(
    State(state): State<AppState>,
    _caller: May<PipelineWrite>,
) -> ApiResult<(StatusCode, Json<TrainingView>)> {
    state.text().retrain();
    Ok((StatusCode::ACCEPTED, Json(state.text().training().into())))
}
