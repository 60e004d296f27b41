//! `/insight`: what a message means, to be tried and tested alone.

use super::AppState;
use super::extract::Body;
use super::problem::{ApiError, ApiResult};
use crate::auth::caller::May;
use crate::auth::scope::need::MessagesRead;
use crate::insight::{ZONE_DEFAULT, now, zone};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_insight::eval::place_in_time;
use waypost_insight::{Analysis, Input};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(analyze))
}

/// A message to analyse.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TextToAnalyze {
    /// The message. Its first 65,536 characters are read.
    #[schema(example = "2BR in JVC, budget 85k, viewing tomorrow 5pm?")]
    text: String,
    /// The contact's locale, such as `en-GB`: its country's phone numbers are read.
    locale: Option<String>,
    /// The contact's time zone, an IANA name; `Asia/Dubai` when absent.
    timezone: Option<String>,
    /// When the message was written, in ISO 8601; now when absent.
    #[schema(format = DateTime)]
    at: Option<String>,
}

/// One value that a message mentions.
#[derive(Debug, Serialize, ToSchema)]
struct EntityView {
    /// `phone`, `money`, `date`, `location`, ...
    kind: &'static str,
    /// Its normal form, such as `+971505760056` or `AED 85000`.
    value: String,
    /// What was typed.
    text: String,
    /// First character, counted in Unicode code points from 0.
    start: usize,
    /// Character after the last.
    end: usize,
    /// Between 0.7 and 1.
    confidence: f32,
    /// Who found it: `rule`, `model`, `gazetteer` or `llm`.
    #[schema(value_type = String)]
    source: waypost_insight::entity::Source,
}

/// What a message wants.
#[derive(Debug, Serialize, ToSchema)]
struct IntentView {
    name: String,
    /// Between 0 and 1.
    confidence: f32,
}

/// How a message feels.
#[derive(Debug, Serialize, ToSchema)]
struct SentimentView {
    /// From -1, very bad, to 1, very good.
    score: f32,
    /// `positive`, `neutral` or `negative`.
    #[schema(value_type = String)]
    label: waypost_insight::sentiment::Feeling,
}

/// What a message means.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Analysis)]
struct AnalysisView {
    entities: Vec<EntityView>,
    intent: IntentView,
    sentiment: SentimentView,
    /// `normal`, `high` or `critical`.
    #[schema(value_type = String)]
    urgency: waypost_insight::sentiment::Urgency,
    /// `en`, `ar`, `mixed`, another ISO 639 code, or `und`.
    language: String,
    /// Whether the message was too long to be read whole.
    truncated: bool,
}

impl From<Analysis> for AnalysisView {
    fn from(analysis: Analysis) -> Self {
        let entities = analysis.entities.into_iter().map(|e| EntityView {
            kind: e.kind.name(),
            value: e.value,
            text: e.text,
            start: e.start,
            end: e.end,
            confidence: e.confidence,
            source: e.source,
        });
        Self {
            entities: entities.collect(),
            intent: IntentView {
                name: analysis.intent.name,
                confidence: analysis.intent.confidence,
            },
            sentiment: SentimentView {
                score: analysis.sentiment.score,
                label: analysis.sentiment.label,
            },
            urgency: analysis.urgency,
            language: analysis.language,
            truncated: analysis.truncated,
        }
    }
}

/// Says what a message means: its values in normal form, its intent, sentiment, urgency and language. Nothing
/// is stored, and nothing leaves the machine.
#[utoipa::path(post, path = "/insight/analyze", tag = "insight", request_body = TextToAnalyze,
    responses((status = 200, body = AnalysisView)),
    security(("api_key" = ["messages:read"]), ("session" = ["messages:read"])))]
async fn analyze(
    State(state): State<AppState>,
    _caller: May<MessagesRead>,
    Body(message): Body<TextToAnalyze>,
) -> ApiResult<Json<AnalysisView>> {
    let name = message.timezone.as_deref().unwrap_or(ZONE_DEFAULT);
    let zone_here = zone(name)
        .ok_or_else(|| ApiError::invalid("timezone", format!("There is no time zone '{name}'")))?;
    let at =
        place_in_time(message.at.as_deref(), None, &zone, &now(zone_here)).ok_or_else(|| {
            ApiError::invalid(
                "at",
                "Write the time in ISO 8601, like 2026-02-23T10:00:00Z",
            )
        })?;
    // The first call trains the intent model, and a long message takes milliseconds.
    let analysis = tokio::task::spawn_blocking(move || {
        let analyzer = state.text().analyzer().map_err(ApiError::internal)?;
        let input = Input {
            text: &message.text,
            at: &at,
            locale: message.locale.as_deref(),
        };
        Ok(analyzer.analyze(&input).in_characters(&message.text))
    })
    .await
    .map_err(ApiError::internal)?;
    analysis.map(|found: Analysis| Json(found.into()))
}
