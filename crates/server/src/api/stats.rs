//! `/stats` and `/accounts/{id}/stats`: what went through lately.

use super::AppState;
use super::accounts::own_account;
use super::extract::{Id, Params};
use super::problem::{ApiError, ApiResult};
use crate::auth::caller::May;
use crate::auth::scope::need::AccountsRead;
use crate::clock::{self, iso};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{Account, AccountId, Duration, Timestamp};
use waypost_store::admin::traffic::{Times, Traffic};

/// The span when none is asked for.
const HOURS_DEFAULT: u16 = 24;
/// The longest span: 30 days.
const HOURS_MAX: u16 = 30 * 24;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(all))
        .routes(routes!(one))
}

/// Of which span.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SpanParams {
    /// The last so many hours; 24 when absent.
    #[param(minimum = 1, maximum = 720)]
    hours: Option<u16>,
}

/// What went through all accounts, together and each.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stats)]
struct StatsView {
    /// Since when it was counted.
    #[schema(format = DateTime)]
    since: String,
    total: TrafficView,
    accounts: Vec<AccountTraffic>,
}

/// What went through one account.
#[derive(Debug, Serialize, ToSchema)]
struct AccountTraffic {
    #[schema(example = "acc_0C3M5V7K2QH8J")]
    id: String,
    /// What people call it.
    name: String,
    #[serde(flatten)]
    traffic: TrafficView,
}

/// What went through one account, and since when.
#[derive(Debug, Serialize, ToSchema)]
struct AccountStats {
    /// Since when it was counted.
    #[schema(format = DateTime)]
    since: String,
    #[serde(flatten)]
    traffic: TrafficView,
}

/// Messages, failures and times.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Traffic)]
struct TrafficView {
    /// Messages from others; history is not among them.
    received: u64,
    /// Messages sent through here.
    sent: u64,
    /// Messages that the accounts' owners sent from other devices.
    sent_elsewhere: u64,
    /// Sends that failed for good.
    failed: u64,
    /// Sends of the span that WhatsApp has not accepted yet.
    waiting: u64,
    /// What could not be processed or sent and waits, or waited, for a person.
    dead_letters: u64,
    /// From a message's arrival to the end of the work on it.
    handled: TimesView,
    /// From a send's acceptance here to WhatsApp's.
    accepted: TimesView,
    /// From a send's acceptance here to the other side's device.
    delivered: TimesView,
    /// Attempts to link, by how they ended.
    links: BTreeMap<String, u64>,
}

/// How long something took, of the newest 2,000 of each account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Times)]
struct TimesView {
    /// How many it is taken from.
    count: usize,
    /// Half of them took at most so many milliseconds.
    median_ms: Option<u64>,
    /// Nineteen of twenty took at most so many milliseconds.
    p95_ms: Option<u64>,
}

impl From<&Times> for TimesView {
    fn from(times: &Times) -> Self {
        let millis = |percent: usize| times.within(percent).map(Duration::as_millis);
        Self {
            count: times.count(),
            median_ms: millis(50),
            p95_ms: millis(95),
        }
    }
}

impl From<&Traffic> for TrafficView {
    fn from(traffic: &Traffic) -> Self {
        Self {
            received: traffic.received,
            sent: traffic.sent,
            sent_elsewhere: traffic.sent_elsewhere,
            failed: traffic.failed,
            waiting: traffic.waiting,
            dead_letters: traffic.dead_letters,
            handled: (&traffic.handled).into(),
            accepted: (&traffic.accepted).into(),
            delivered: (&traffic.delivered).into(),
            links: traffic.links.clone(),
        }
    }
}

fn since(params: &SpanParams) -> ApiResult<Timestamp> {
    let hours = params.hours.unwrap_or(HOURS_DEFAULT);
    if hours == 0 || hours > HOURS_MAX {
        return Err(ApiError::invalid(
            "hours",
            format!("Ask for 1 to {HOURS_MAX} hours"),
        ));
    }
    Ok(clock::now() - Duration::hours(u64::from(hours)))
}

/// What went through all accounts lately, together and each.
#[utoipa::path(get, path = "/stats", tag = "status", params(SpanParams),
    responses((status = 200, body = StatsView)),
    security(("api_key" = ["accounts:read"]), ("session" = ["accounts:read"])))]
async fn all(
    State(state): State<AppState>,
    caller: May<AccountsRead>,
    Params(params): Params<SpanParams>,
) -> ApiResult<Json<StatsView>> {
    let since = since(&params)?;
    let mut accounts: Vec<Account> = state.store().accounts(caller.workspace()).await?;
    accounts.sort_by(|a, b| a.name.cmp(&b.name));
    let ids = accounts.iter().map(|account| account.id).collect();
    let counted = state.store().traffic(ids, since).await?;
    let mut total = Traffic::default();
    let mut each = Vec::with_capacity(accounts.len());
    for (account, (_, traffic)) in accounts.into_iter().zip(&counted) {
        total.add(traffic);
        each.push(AccountTraffic {
            id: account.id.to_string(),
            name: account.name,
            traffic: traffic.into(),
        });
    }
    Ok(Json(StatsView {
        since: iso(since),
        total: (&total).into(),
        accounts: each,
    }))
}

/// What went through one account lately.
#[utoipa::path(get, path = "/accounts/{id}/stats", tag = "accounts",
    params(("id" = String, Path), SpanParams), responses((status = 200, body = AccountStats)),
    security(("api_key" = ["accounts:read"]), ("session" = ["accounts:read"])))]
async fn one(
    State(state): State<AppState>,
    caller: May<AccountsRead>,
    Id(id): Id<AccountId>,
    Params(params): Params<SpanParams>,
) -> ApiResult<Json<AccountStats>> {
    own_account(&state, &caller, id).await?;
    let since = since(&params)?;
    let counted = state.store().traffic(vec![id], since).await?;
    let traffic = counted.first().map(|(_, traffic)| traffic);
    Ok(Json(AccountStats {
        since: iso(since),
        traffic: traffic.unwrap_or(&Traffic::default()).into(),
    }))
}
