//! `/accounts/{id}/gaps`: messages that never came, and what is done about them.

use super::AppState;
use super::accounts::own_account;
use super::extract::{Id, Params, page};
use super::problem::ApiResult;
use super::shape::{PageParams, iso_or_null, shown};
use crate::auth::caller::May;
use crate::auth::scope::need::AccountsRead;
use crate::clock::iso;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::fleet::gaps::{Gap, GapKind, GapState};
use waypost_engine::model::{AccountId, Timestamp};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// How many messages are missing, with the holes they left, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gaps)]
struct GapsView {
    /// Messages known to be missing.
    missing: i64,
    /// Messages that were missing and came after all.
    filled: i64,
    /// Messages that are named and may be from before the link; they do not count as missing.
    doubtful: i64,
    /// The holes.
    items: Vec<GapView>,
    /// Give this as `cursor` to get the next page; null on the last one.
    next: Option<String>,
}

/// A hole in what was received.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Gap)]
struct GapView {
    kind: KindText,
    /// What happened, in one sentence.
    text: &'static str,
    state: StateText,
    /// Its messages that are missing still.
    missing: u32,
    /// How many were missing when it was found; 0 for `history`, where nobody knows.
    expected: u32,
    /// How many came after all.
    filled: u32,
    /// The chat, if it is known.
    chat: Option<String>,
    /// The message, if it is known by name.
    wire_id: Option<String>,
    /// What is missing was sent then or later; null when that is not known.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// And not after.
    #[schema(format = DateTime)]
    until: String,
    #[schema(format = DateTime)]
    found_at: String,
    #[schema(format = DateTime)]
    filled_at: Option<String>,
    /// Rounds of asking the account's phone that brought nothing.
    attempts: u32,
    /// When the phone is asked next, while it is to be asked.
    #[schema(format = DateTime)]
    next_attempt_at: Option<String>,
}

/// How a hole was found.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GapKind)]
enum KindText {
    Announced,
    Unreadable,
    Quoted,
    Reacted,
    Edited,
    Deleted,
    ReadElsewhere,
    Recalled,
    History,
}

/// How a hole stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GapState)]
enum StateText {
    Open,
    Doubtful,
    Filled,
    Lost,
}

impl KindText {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Announced => {
                "WhatsApp announced more messages kept while the account was away than it delivered."
            }
            Self::Unreadable => "A message could not be decrypted, and its repair never came.",
            Self::Quoted => "Somebody answered a message that is not here.",
            Self::Reacted => "Somebody reacted to a message that is not here.",
            Self::Edited => "A message was changed that is not here.",
            Self::Deleted => "A message was deleted that is not here.",
            Self::ReadElsewhere => "A message was read on the phone that is not here.",
            Self::Recalled => "The phone gave messages that had never come.",
            Self::History => {
                "The history that the phone gives at linking never came, or not all of it. What can be had of it is asked for chat by chat; link the account again to get the rest."
            }
        }
    }
}

impl From<GapKind> for KindText {
    fn from(kind: GapKind) -> Self {
        match kind {
            GapKind::Announced => Self::Announced,
            GapKind::Unreadable => Self::Unreadable,
            GapKind::Quoted => Self::Quoted,
            GapKind::Reacted => Self::Reacted,
            GapKind::Edited => Self::Edited,
            GapKind::Deleted => Self::Deleted,
            GapKind::ReadElsewhere => Self::ReadElsewhere,
            GapKind::Recalled => Self::Recalled,
            GapKind::History => Self::History,
        }
    }
}

impl From<GapState> for StateText {
    fn from(state: GapState) -> Self {
        match state {
            // One that is only suspected is not stored.
            GapState::Suspected | GapState::Open => Self::Open,
            GapState::Doubtful => Self::Doubtful,
            GapState::Filled => Self::Filled,
            GapState::Lost => Self::Lost,
        }
    }
}

impl From<Gap> for GapView {
    fn from(gap: Gap) -> Self {
        let kind = KindText::from(gap.kind);
        let next_attempt = gap.next_attempt_at();
        Self {
            kind,
            text: kind.sentence(),
            state: gap.state.into(),
            missing: gap.missing(),
            expected: gap.expected,
            filled: gap.filled,
            chat: gap.chat.as_ref().map(shown),
            wire_id: gap.wire_id,
            since: iso_or_null(Some(gap.since).filter(|since| *since > Timestamp(0))),
            until: iso(gap.until),
            found_at: iso(gap.found_at),
            filled_at: iso_or_null(gap.filled_at),
            attempts: gap.attempts,
            next_attempt_at: iso_or_null(next_attempt),
        }
    }
}

/// Messages that never came, newest first: what was noticed, what came after all, and what is done.
#[utoipa::path(get, path = "/accounts/{id}/gaps", tag = "accounts",
    params(("id" = String, Path), PageParams),
    responses((status = 200, body = GapsView)),
    security(("api_key" = ["accounts:read"]), ("session" = ["accounts:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<AccountsRead>,
    Id(id): Id<AccountId>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<GapsView>> {
    own_account(&state, &caller, id).await?;
    let page = page(params.limit, params.cursor)?;
    let counts = state.store().gap_counts(id).await?;
    let gaps = state.store().gaps(id, page).await?;
    Ok(Json(GapsView {
        missing: counts.missing,
        filled: counts.filled,
        doubtful: counts.doubtful,
        items: gaps.items.into_iter().map(Into::into).collect(),
        next: gaps.next,
    }))
}
