//! `/events`: the event log, read by cursor.

use super::AppState;
use super::extract::Params;
use super::problem::{ApiError, ApiResult};
use crate::auth::caller::May;
use crate::auth::scope::need::EventsRead;
use crate::clock::iso;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{AccountId, Event, WorkspaceId};
use waypost_store::page::{PAGE_DEFAULT, PAGE_MAX};
use waypost_store::{Cursor, EventFilter};

/// Most kinds named in one filter.
const KINDS_MAX: usize = 32;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Something that happened.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView {
    #[schema(example = "evt_0C3M5V7K2QH8J")]
    id: String,
    #[schema(example = "message.received")]
    kind: String,
    /// Version of the shape of `data`.
    version: u16,
    account: Option<String>,
    conversation: Option<String>,
    #[schema(format = DateTime)]
    at: String,
    #[schema(value_type = Object)]
    data: serde_json::Value,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            id: event.id.to_string(),
            kind: event.kind,
            version: event.version,
            account: event.account.map(|id| id.to_string()),
            conversation: event.conversation.map(|id| id.to_string()),
            at: iso(event.at),
            data: event.data,
        }
    }
}

/// Events, oldest first.
#[derive(Debug, Serialize, ToSchema)]
struct Events {
    items: Vec<EventView>,
    /// Give this as `after` to go on; always there, also when nothing is new.
    next: String,
    /// Whether more is there already.
    more: bool,
}

/// Which events.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventParams {
    /// Only what happened after this cursor; what happens from now on when absent.
    after: Option<String>,
    /// Only these kinds, separated by commas.
    #[param(example = "message.received,account.state")]
    kinds: Option<String>,
    /// Only events of this account.
    #[param(value_type = Option<String>)]
    account: Option<AccountId>,
    /// Most items wanted.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
}

/// Which events a stream carries.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamParams {
    /// Only what happened after this cursor; what happens from now on when absent.
    after: Option<String>,
    /// Only these kinds, separated by commas.
    #[param(example = "message.received,account.state")]
    kinds: Option<String>,
    /// Only events of this account.
    #[param(value_type = Option<String>)]
    account: Option<AccountId>,
}

impl From<StreamParams> for EventParams {
    fn from(params: StreamParams) -> Self {
        let StreamParams {
            after,
            kinds,
            account,
        } = params;
        Self {
            after,
            kinds,
            account,
            limit: None,
        }
    }
}

impl EventParams {
    pub(super) fn filter(&self, workspace: WorkspaceId) -> ApiResult<EventFilter> {
        let kinds: Vec<String> = self
            .kinds
            .iter()
            .flat_map(|list| list.split(','))
            .map(|kind| kind.trim().to_owned())
            .filter(|kind| !kind.is_empty())
            .collect();
        if kinds.len() > KINDS_MAX {
            return Err(ApiError::invalid(
                "kinds",
                format!("Name at most {KINDS_MAX} kinds"),
            ));
        }
        Ok(EventFilter {
            workspace,
            account: self.account,
            kinds,
        })
    }

    /// Where to start; at the newest event when nobody says.
    pub(super) fn start(&self, state: &AppState) -> ApiResult<Cursor> {
        match &self.after {
            None => Ok(state.store().head_cursor()),
            Some(text) => Ok(text.parse()?),
        }
    }
}

/// Events after a cursor, oldest first. A cursor that cannot be continued is answered with 410
/// and the code `resync`: read the present state, then go on without `after`.
#[utoipa::path(get, path = "/events", tag = "events", params(EventParams),
    responses((status = 200, body = Events),
        (status = 410, description = "The cursor cannot be continued: read everything anew",
            content_type = "application/problem+json", body = super::problem::Problem)),
    security(("api_key" = ["events:read"]), ("session" = ["events:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<EventsRead>,
    Params(params): Params<EventParams>,
) -> ApiResult<Json<Events>> {
    let limit = params.limit.unwrap_or(PAGE_DEFAULT);
    if limit == 0 || limit > PAGE_MAX {
        let text = format!("A page has 1 to {PAGE_MAX} items, not {limit}");
        return Err(ApiError::invalid("limit", text));
    }
    let filter = params.filter(caller.workspace())?;
    let after = params.start(&state)?;
    let page = state
        .store()
        .events_after(after, filter, usize::from(limit))
        .await?;
    Ok(Json(Events {
        items: page.events.into_iter().map(Into::into).collect(),
        next: page.next.to_string(),
        more: page.more,
    }))
}
