//! `/accounts/{id}/sending`: what an account may still begin today, and what WhatsApp bars.

use super::AppState;
use super::accounts::own_account;
use super::extract::Id;
use super::problem::{ApiError, ApiResult};
use super::shape::iso_or_null;
use crate::auth::caller::May;
use crate::auth::scope::need::AccountsRead;
use crate::clock::iso;
use crate::driver::Sending;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::flow::caution::{Restriction, Source};
use waypost_engine::flow::outbox::Waiting;
use waypost_engine::model::AccountId;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show))
}

/// What an account may begin. Answers to people who wrote within a day are only paced.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sending)]
struct SendingView {
    /// Messages to people who had not written for a day.
    unasked: Allowance,
    /// Chats with people there never was a word with.
    new_chats: Allowance,
    /// The share of each limit that the account's age allows, in percent.
    #[schema(example = 40)]
    share_percent: u32,
    /// Which day of the warm-up it is, from 1; absent when it is over or switched off.
    #[schema(example = 9)]
    warm_up_day: Option<u32>,
    /// Set while WhatsApp bars new chats.
    restriction: Option<RestrictionView>,
    /// Why sends wait, the commonest reason first. At most 1,000 are looked at.
    waiting: Vec<WaitingView>,
}

/// A reason why sends wait.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SendingWaiting)]
struct WaitingView {
    /// A short, stable name, as at a message.
    #[schema(example = "warm_up")]
    code: String,
    /// The same as a sentence.
    text: String,
    /// How many sends wait for it.
    count: usize,
    /// When the first of them may go, where that is known.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// A limit over 24 hours.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SendingAllowance)]
struct Allowance {
    /// Used within the last 24 hours.
    used: u32,
    /// Of how many; absent without a limit.
    limit: Option<u32>,
}

/// What WhatsApp bars.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SendingRestriction)]
struct RestrictionView {
    /// No new chats until then.
    #[schema(format = DateTime)]
    until: String,
    source: SourceText,
}

/// Where a restriction is known from: WhatsApp said so when it was asked, or sends were refused.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SendingRestrictionSource)]
enum SourceText {
    Told,
    Inferred,
}

impl From<Restriction> for RestrictionView {
    fn from(restriction: Restriction) -> Self {
        Self {
            until: iso(restriction.until),
            source: match restriction.source {
                Source::Told => SourceText::Told,
                Source::Inferred => SourceText::Inferred,
            },
        }
    }
}

impl From<(Waiting, usize)> for WaitingView {
    fn from((why, count): (Waiting, usize)) -> Self {
        Self {
            code: why.code().to_owned(),
            text: why.explain(),
            count,
            until: iso_or_null(why.until()),
        }
    }
}

impl From<Sending> for SendingView {
    fn from(sending: Sending) -> Self {
        let used = sending.used;
        Self {
            unasked: Allowance {
                used: used.unasked,
                limit: used.unasked_max,
            },
            new_chats: Allowance {
                used: used.new_chats,
                limit: used.new_chats_max,
            },
            share_percent: used.share,
            warm_up_day: used.warm_up_day,
            restriction: sending.restriction.map(Into::into),
            waiting: sending.waiting.into_iter().map(Into::into).collect(),
        }
    }
}

/// What an account may still begin today, and what WhatsApp bars.
#[utoipa::path(get, path = "/accounts/{id}/sending", tag = "accounts", params(("id" = String, Path)),
    responses((status = 200, body = SendingView)),
    security(("api_key" = ["accounts:read"]), ("session" = ["accounts:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<AccountsRead>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<SendingView>> {
    own_account(&state, &caller, id).await?;
    let sending = state.fleet().sending(id);
    let sending = sending.ok_or_else(|| ApiError::not_found("running account"))?;
    Ok(Json(sending.into()))
}
