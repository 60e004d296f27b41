//! `/accounts/{id}/health`: how well an account does, what lowered its score, and how it was.

use super::AppState;
use super::accounts::own_account;
use super::extract::{Id, Params, page};
use super::ports::AccountHealth;
use super::problem::{ApiError, ApiResult};
use super::shape::{List, PageParams};
use crate::auth::caller::May;
use crate::auth::scope::need::AccountsRead;
use crate::clock::iso;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::AccountId;
use waypost_engine::watch::health::{Assessed, Factor, Rating};
use waypost_engine::watch::trend::{Direction, Trend};
use waypost_store::admin::health::Score;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(history))
}

/// An account's health in two words.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = HealthSummary)]
pub(super) struct Summary {
    /// From 0 to 100.
    #[schema(minimum = 0, maximum = 100)]
    score: u8,
    rating: RatingText,
    trend: DirectionText,
    /// What lowered the score most; absent when nothing did.
    lowered_by: Option<FactorText>,
}

/// How well an account does. Computed every five minutes, and soon after its state changed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Health)]
struct HealthView {
    /// From 0 to 100. What is unknown counts half.
    #[schema(minimum = 0, maximum = 100)]
    score: u8,
    rating: RatingText,
    /// How much of the score rests on something measured, in percent.
    known_percent: u32,
    /// Whether somebody should look for the cause.
    wants_diagnosis: bool,
    /// Every factor, the heaviest first.
    factors: Vec<FactorView>,
    /// The factors that lowered the score, the worst first.
    lowered_by: Vec<FactorText>,
    trend: TrendView,
    /// The highest score of the last hour, when the score has dropped by 10 or more since.
    dropped_from: Option<u8>,
    #[schema(format = DateTime)]
    computed_at: String,
}

/// One factor's part in a score.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = HealthFactor)]
struct FactorView {
    factor: FactorText,
    /// Its share of the score.
    weight_percent: u32,
    /// From 0 to 100.
    points: u8,
    /// What was measured, in `unit`; null when nothing was, which counts 50 points.
    value: Option<f64>,
    /// `percent` or `seconds`.
    #[schema(example = "percent")]
    unit: String,
    /// On how many minutes, codes, attempts or messages.
    of: Option<u64>,
    /// The marks worth 100, 80, 50 and 20 points, in `unit`.
    marks: [f64; 4],
    /// How many points of the score it costs.
    lowered: f64,
    /// The same as a sentence.
    text: String,
}

/// Where a score is going.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = HealthTrend)]
struct TrendView {
    direction: DirectionText,
    /// Points an hour.
    per_hour: f64,
    /// The score in one, six and 24 hours, if it goes on like this; empty when unknown.
    ahead: Vec<AheadView>,
    /// The next line the score falls below within a day, if it goes on like this.
    falls_below: Option<AheadView>,
}

/// A score to come.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = HealthAhead)]
struct AheadView {
    #[schema(format = DateTime)]
    at: String,
    score: u8,
}

/// A score as it was.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = HealthSample)]
struct SampleView {
    #[schema(format = DateTime)]
    at: String,
    score: u8,
    rating: RatingText,
    /// The points of each factor; null where nothing was known.
    points: BTreeMap<String, Option<u8>>,
}

/// A score in one word; `unknown` is neither ill nor well.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HealthRating)]
enum RatingText {
    Excellent,
    Good,
    Fair,
    Poor,
    Critical,
    Unknown,
}

/// What a score is made of.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HealthFactorName)]
enum FactorText {
    Uptime,
    QrQuality,
    ErrorRate,
    Response,
    MessageSuccess,
}

/// Which way a score goes.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HealthDirection)]
enum DirectionText {
    Falling,
    Steady,
    Rising,
    Unknown,
}

impl From<Rating> for RatingText {
    fn from(rating: Rating) -> Self {
        match rating {
            Rating::Excellent => Self::Excellent,
            Rating::Good => Self::Good,
            Rating::Fair => Self::Fair,
            Rating::Poor => Self::Poor,
            Rating::Critical => Self::Critical,
            Rating::Unknown => Self::Unknown,
        }
    }
}

impl From<Factor> for FactorText {
    fn from(factor: Factor) -> Self {
        match factor {
            Factor::Uptime => Self::Uptime,
            Factor::QrQuality => Self::QrQuality,
            Factor::ErrorRate => Self::ErrorRate,
            Factor::Response => Self::Response,
            Factor::MessageSuccess => Self::MessageSuccess,
        }
    }
}

impl From<Direction> for DirectionText {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Falling => Self::Falling,
            Direction::Steady => Self::Steady,
            Direction::Rising => Self::Rising,
            Direction::Unknown => Self::Unknown,
        }
    }
}

impl From<Assessed> for FactorView {
    fn from(assessed: Assessed) -> Self {
        let factor = assessed.factor;
        Self {
            factor: factor.into(),
            weight_percent: factor.weight(),
            points: assessed.points,
            value: assessed.figure.map(|figure| rounded(figure.value)),
            unit: factor.unit().to_owned(),
            of: assessed.figure.map(|figure| figure.of),
            marks: factor.marks(),
            lowered: assessed.lowered,
            text: assessed.text,
        }
    }
}

impl From<Trend> for TrendView {
    fn from(trend: Trend) -> Self {
        let ahead = |at, score| AheadView { at: iso(at), score };
        Self {
            direction: trend.direction.into(),
            per_hour: rounded(trend.per_hour),
            ahead: trend.ahead.iter().map(|a| ahead(a.at, a.score)).collect(),
            falls_below: trend.falls_below.map(|(score, at)| ahead(at, score)),
        }
    }
}

impl From<AccountHealth> for HealthView {
    fn from(shown: AccountHealth) -> Self {
        let health = shown.health;
        let lowered = health.lowered_by();
        Self {
            score: health.score,
            rating: health.rating.into(),
            known_percent: health.known,
            wants_diagnosis: health.wants_diagnosis(),
            lowered_by: lowered.iter().map(|f| f.factor.into()).collect(),
            factors: health.factors.into_iter().map(Into::into).collect(),
            trend: shown.trend.into(),
            dropped_from: shown.dropped_from,
            computed_at: iso(shown.at),
        }
    }
}

impl From<Score> for SampleView {
    fn from(score: Score) -> Self {
        let points = Factor::ALL.iter().zip(score.points);
        Self {
            at: iso(score.at),
            score: score.score,
            rating: score.rating.into(),
            points: points
                .map(|(factor, points)| (factor.as_str().to_owned(), points))
                .collect(),
        }
    }
}

/// Figures are shown with three decimals: more would only look exact.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// An account's health in two words, once it was computed.
pub(super) fn summary(state: &AppState, account: AccountId) -> Option<Summary> {
    let shown = state.fleet().health(account)?;
    let worst = shown.health.lowered_by().first().map(|f| f.factor.into());
    Some(Summary {
        score: shown.health.score,
        rating: shown.health.rating.into(),
        trend: shown.trend.direction.into(),
        lowered_by: worst,
    })
}

/// How well an account does, factor by factor.
#[utoipa::path(get, path = "/accounts/{id}/health", tag = "accounts", params(("id" = String, Path)),
    responses((status = 200, body = HealthView)),
    security(("api_key" = ["accounts:read"]), ("session" = ["accounts:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<AccountsRead>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<HealthView>> {
    own_account(&state, &caller, id).await?;
    let shown = state.fleet().health(id);
    let shown = shown.ok_or_else(|| ApiError::not_found("health of this account yet"))?;
    Ok(Json(shown.into()))
}

/// How well an account did, newest first; kept for 90 days.
#[utoipa::path(get, path = "/accounts/{id}/health/history", tag = "accounts",
    params(("id" = String, Path), PageParams),
    responses((status = 200, body = List<SampleView>)),
    security(("api_key" = ["accounts:read"]), ("session" = ["accounts:read"])))]
async fn history(
    State(state): State<AppState>,
    caller: May<AccountsRead>,
    Id(id): Id<AccountId>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<SampleView>>> {
    own_account(&state, &caller, id).await?;
    let page = page(params.limit, params.cursor)?;
    let scores = state.store().scores(id, page).await?;
    Ok(Json(List::of(scores, Into::into)))
}
