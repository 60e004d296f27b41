//! `/dead-letters`: what could not be processed or sent.

use super::AppState;
use super::extract::{Body, Id, Params, page};
use super::message_view::{DirectionText, MessageView};
use super::messages::view as message_view;
use super::problem::{ApiError, ApiResult};
use super::shape::List;
use crate::auth::caller::{Caller, May};
use crate::auth::scope::need::{DeadLettersRead, DeadLettersWrite};
use crate::clock::{self, iso};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::DeadLetterId;
use waypost_store::{DeadLetter, DeadLetterState, Replay};

/// Most dead letters replayed by one call.
const REPLAY_MAX: usize = 200;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(replay_many))
        .routes(routes!(show))
        .routes(routes!(replay))
        .routes(routes!(archive))
}

/// Where a dead letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadLetterState)]
enum StateText {
    /// Waiting for a person.
    Pending,
    /// Being tried again.
    Retrying,
    /// A replay succeeded.
    Resolved,
    /// A person put it aside, or nobody dealt with it for 30 days.
    Archived,
    /// It failed again after a replay: look before trying it once more.
    ManualReview,
}

/// A message that could not be processed or sent.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
struct DeadLetterView {
    #[schema(example = "dlq_0C3M5V7K2QH8J")]
    id: String,
    account: String,
    conversation: String,
    message: String,
    direction: DirectionText,
    /// Where it failed: a stage's name, or `send`.
    stage: String,
    error: String,
    state: StateText,
    /// How often it came here.
    attempts: u32,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// A dead letter with its message.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct DeadLetterWithPayload {
    #[serde(flatten)]
    letter: DeadLetterView,
    /// The message; null when its account was deleted meanwhile.
    payload: Option<MessageView>,
}

/// Which dead letters.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only those in this state.
    #[param(inline)]
    state: Option<StateText>,
    /// Most items wanted.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Dead letters to try again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ToReplay {
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 200)]
    ids: Vec<DeadLetterId>,
}

/// What a replay of many did.
#[derive(Debug, Serialize, ToSchema)]
struct Replayed {
    /// Being tried again.
    replayed: Vec<String>,
    /// Left alone, because they are being tried, are done, or do not exist.
    skipped: Vec<String>,
}

impl From<DeadLetterState> for StateText {
    fn from(state: DeadLetterState) -> Self {
        match state {
            DeadLetterState::Pending => Self::Pending,
            DeadLetterState::Retrying => Self::Retrying,
            DeadLetterState::Resolved => Self::Resolved,
            DeadLetterState::Archived => Self::Archived,
            DeadLetterState::ManualReview => Self::ManualReview,
        }
    }
}

impl From<StateText> for DeadLetterState {
    fn from(state: StateText) -> Self {
        match state {
            StateText::Pending => Self::Pending,
            StateText::Retrying => Self::Retrying,
            StateText::Resolved => Self::Resolved,
            StateText::Archived => Self::Archived,
            StateText::ManualReview => Self::ManualReview,
        }
    }
}

fn view(letter: DeadLetter) -> DeadLetterView {
    DeadLetterView {
        id: letter.id.to_string(),
        account: letter.account.to_string(),
        conversation: letter.conversation.to_string(),
        message: letter.message.to_string(),
        direction: letter.direction.into(),
        stage: letter.stage,
        error: letter.error,
        state: letter.state.into(),
        attempts: letter.attempts,
        created_at: iso(letter.created_at),
        updated_at: iso(letter.updated_at),
    }
}

async fn own_letter(state: &AppState, caller: &Caller, id: DeadLetterId) -> ApiResult<DeadLetter> {
    let letter = state.store().dead_letter(id).await?;
    if letter.workspace == caller.workspace() {
        return Ok(letter);
    }
    Err(ApiError::not_found("dead letter"))
}

async fn with_payload(
    state: &AppState,
    caller: &Caller,
    letter: DeadLetter,
) -> ApiResult<Json<DeadLetterWithPayload>> {
    let payload = match state
        .store()
        .message(caller.workspace(), letter.message)
        .await
    {
        Ok(message) => Some(message_view(state, message)),
        Err(waypost_store::StoreError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Json(DeadLetterWithPayload {
        letter: view(letter),
        payload,
    }))
}

/// Dead letters, newest first.
#[utoipa::path(get, path = "/dead-letters", tag = "dead letters", params(ListParams),
    responses((status = 200, body = List<DeadLetterView>)),
    security(("api_key" = ["dead_letters:read"]), ("session" = ["dead_letters:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<DeadLettersRead>,
    Params(params): Params<ListParams>,
) -> ApiResult<Json<List<DeadLetterView>>> {
    let page = page(params.limit, params.cursor)?;
    let wanted = params.state.map(Into::into);
    let found = state
        .store()
        .dead_letters(caller.workspace(), wanted, page)
        .await?;
    Ok(Json(List::of(found, view)))
}

/// One dead letter with its message.
#[utoipa::path(get, path = "/dead-letters/{id}", tag = "dead letters",
    params(("id" = String, Path)), responses((status = 200, body = DeadLetterWithPayload)),
    security(("api_key" = ["dead_letters:read"]), ("session" = ["dead_letters:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<DeadLettersRead>,
    Id(id): Id<DeadLetterId>,
) -> ApiResult<Json<DeadLetterWithPayload>> {
    let letter = own_letter(&state, &caller, id).await?;
    with_payload(&state, &caller, letter).await
}

/// Puts a letter back to work and wakes whoever works on it.
async fn put_back(state: &AppState, letter: &DeadLetter) -> ApiResult<Option<DeadLetterState>> {
    match state
        .store()
        .replay_dead_letter(letter.id, clock::now())
        .await?
    {
        // Either is older than what was read last, so everything is read again.
        Replay::Inbound(_) | Replay::Outbound(_) => state.fleet().wake_flow(letter.account),
        Replay::NotPending(state) => return Ok(Some(state)),
    }
    Ok(None)
}

/// Tries a dead letter again, openly out of its conversation's order.
#[utoipa::path(post, path = "/dead-letters/{id}/replay", tag = "dead letters",
    params(("id" = String, Path)), responses((status = 200, body = DeadLetterWithPayload)),
    security(("api_key" = ["dead_letters:write"]), ("session" = ["dead_letters:write"])))]
async fn replay(
    State(state): State<AppState>,
    caller: May<DeadLettersWrite>,
    Id(id): Id<DeadLetterId>,
) -> ApiResult<Json<DeadLetterWithPayload>> {
    let letter = own_letter(&state, &caller, id).await?;
    if let Some(now) = put_back(&state, &letter).await? {
        return Err(ApiError::conflict(match now {
            DeadLetterState::Resolved => "This dead letter was replayed successfully already",
            DeadLetterState::Archived => "This dead letter is archived; it stays as it is",
            DeadLetterState::Retrying
            | DeadLetterState::Pending
            | DeadLetterState::ManualReview => "This dead letter is being tried again already",
        }));
    }
    let letter = own_letter(&state, &caller, id).await?;
    with_payload(&state, &caller, letter).await
}

/// Tries many dead letters again.
#[utoipa::path(post, path = "/dead-letters/replay", tag = "dead letters", request_body = ToReplay,
    responses((status = 200, body = Replayed)),
    security(("api_key" = ["dead_letters:write"]), ("session" = ["dead_letters:write"])))]
async fn replay_many(
    State(state): State<AppState>,
    caller: May<DeadLettersWrite>,
    Body(wanted): Body<ToReplay>,
) -> ApiResult<Json<Replayed>> {
    if wanted.ids.is_empty() || wanted.ids.len() > REPLAY_MAX {
        return Err(ApiError::invalid(
            "ids",
            format!("Name 1 to {REPLAY_MAX} dead letters"),
        ));
    }
    let mut done = Replayed {
        replayed: Vec::new(),
        skipped: Vec::new(),
    };
    for id in wanted.ids {
        let back = match own_letter(&state, &caller, id).await {
            Ok(letter) => put_back(&state, &letter).await?.is_none(),
            Err(_) => false,
        };
        if back {
            &mut done.replayed
        } else {
            &mut done.skipped
        }
        .push(id.to_string());
    }
    Ok(Json(done))
}

/// Puts a dead letter aside; its message is kept.
#[utoipa::path(post, path = "/dead-letters/{id}/archive", tag = "dead letters",
    params(("id" = String, Path)), responses((status = 200, body = DeadLetterWithPayload)),
    security(("api_key" = ["dead_letters:write"]), ("session" = ["dead_letters:write"])))]
async fn archive(
    State(state): State<AppState>,
    caller: May<DeadLettersWrite>,
    Id(id): Id<DeadLetterId>,
) -> ApiResult<Json<DeadLetterWithPayload>> {
    own_letter(&state, &caller, id).await?;
    state.store().archive_dead_letter(id, clock::now()).await?;
    let letter = own_letter(&state, &caller, id).await?;
    with_payload(&state, &caller, letter).await
}
