//! `/search`: finding messages by their words.

use super::AppState;
use super::extract::{Params, page};
use super::message_view::MessageView;
use super::messages::view;
use super::problem::ApiResult;
use crate::auth::caller::May;
use crate::auth::scope::need::MessagesRead;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{AccountId, ConversationId};
use waypost_store::admin::search::{Coverage, SearchQuery};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(search))
}

/// What to look for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchParams {
    /// Words that must all occur; the last may be unfinished.
    #[param(min_length = 1, max_length = 512)]
    q: String,
    /// Only in this account.
    #[param(value_type = Option<String>)]
    account: Option<AccountId>,
    /// Only in this conversation.
    #[param(value_type = Option<String>)]
    conversation: Option<ConversationId>,
    /// Most items wanted.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// What was found, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct Found {
    items: Vec<MessageView>,
    /// Give this as `cursor` to get the next page; null on the last one.
    next: Option<String>,
    /// False while the newest messages are still being indexed; search again in a moment.
    complete: bool,
}

/// Messages in which every word occurs, newest first.
#[utoipa::path(get, path = "/search", tag = "messages", params(SearchParams),
    responses((status = 200, body = Found)),
    security(("api_key" = ["messages:read"]), ("session" = ["messages:read"])))]
async fn search(
    State(state): State<AppState>,
    caller: May<MessagesRead>,
    Params(params): Params<SearchParams>,
) -> ApiResult<Json<Found>> {
    let page = page(params.limit, params.cursor)?;
    let query = SearchQuery {
        workspace: caller.workspace(),
        account: params.account,
        conversation: params.conversation,
        text: params.q,
    };
    let result = state.store().search(query, page).await?;
    Ok(Json(Found {
        items: result
            .found
            .items
            .into_iter()
            .map(|m| view(&state, m))
            .collect(),
        next: result.found.next,
        complete: result.coverage == Coverage::Complete,
    }))
}
