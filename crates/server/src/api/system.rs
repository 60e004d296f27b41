//! `/system/load`: how loaded the machine is, and what is put off because of it.

use super::AppState;
use super::ports::SystemLoad;
use super::problem::{ApiError, ApiResult};
use super::shape::iso_or_null;
use crate::auth::caller::Caller;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::flow::parts::ShedLevel;
use waypost_engine::watch::degrade::Gauge;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(load))
}

/// How loaded the machine is, and what is put off because of it. What is put off is done later.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SystemLoad)]
struct LoadView {
    level: LevelText,
    /// Since when it is that level.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// What made it so; absent while nothing is put off.
    cause: Option<CauseView>,
    /// Whether the settings allow that work is put off.
    shedding: bool,
    gauges: Vec<GaugeView>,
    #[schema(format = DateTime)]
    measured_at: Option<String>,
    /// The level as a sentence.
    text: String,
}

/// What is being put off.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ShedLevel)]
enum LevelText {
    None,
    NiceToHave,
    Important,
}

/// The figure that made work be put off.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShedCause)]
struct CauseView {
    gauge: GaugeText,
    /// How high it was, in percent.
    value: f64,
    /// The mark it was above.
    mark: f64,
}

/// One figure between its marks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LoadGauge)]
struct GaugeView {
    gauge: GaugeText,
    /// In percent; null when it cannot be measured, or of too few requests.
    percent: Option<f64>,
    /// At this and above work is put off.
    sheds_at: f64,
    /// At this and below it may be taken up again.
    recovers_at: f64,
}

/// What is measured: processors, memory, and requests that failed on our side.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LoadGaugeName)]
enum GaugeText {
    Cpu,
    Memory,
    Errors,
}

impl From<ShedLevel> for LevelText {
    fn from(level: ShedLevel) -> Self {
        match level {
            ShedLevel::None => Self::None,
            ShedLevel::NiceToHave => Self::NiceToHave,
            ShedLevel::Important => Self::Important,
        }
    }
}

impl From<Gauge> for GaugeText {
    fn from(gauge: Gauge) -> Self {
        match gauge {
            Gauge::Cpu => Self::Cpu,
            Gauge::Memory => Self::Memory,
            Gauge::Errors => Self::Errors,
        }
    }
}

impl From<SystemLoad> for LoadView {
    fn from(shown: SystemLoad) -> Self {
        let gauges = Gauge::ALL.iter().map(|gauge| GaugeView {
            gauge: (*gauge).into(),
            percent: shown.load.of(*gauge).map(tenths),
            sheds_at: shown.marks.of(*gauge).shed,
            recovers_at: shown.marks.of(*gauge).recover,
        });
        Self {
            level: shown.level.into(),
            since: iso_or_null(shown.since),
            cause: shown.cause.map(|cause| CauseView {
                gauge: cause.gauge.into(),
                value: tenths(cause.value),
                mark: cause.mark,
            }),
            shedding: shown.sheds,
            gauges: gauges.collect(),
            measured_at: iso_or_null(shown.at),
            text: explain(&shown),
        }
    }
}

fn tenths(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

fn explain(shown: &SystemLoad) -> String {
    let what = match shown.level {
        ShedLevel::None if shown.sheds => return "Everything is done at once.".to_owned(),
        ShedLevel::None => {
            return "Everything is done at once, however loaded the machine is (load.shedding is off)."
                .to_owned();
        }
        ShedLevel::NiceToHave => "What is nice to have is put off",
        ShedLevel::Important => "What is nice to have and what is important is put off",
    };
    let why = match shown.cause {
        Some(cause) => {
            let of = match cause.gauge {
                Gauge::Cpu => "the processors are",
                Gauge::Memory => "the memory is",
                Gauge::Errors => "requests fail:",
            };
            format!(" because {of} {:.0} %", cause.value)
        }
        None => String::new(),
    };
    format!("{what}{why}; it is done once the load has fallen. Messages, replies and sends go on.")
}

/// How loaded the machine is, and what is put off because of it.
#[utoipa::path(get, path = "/system/load", tag = "status",
    responses((status = 200, body = LoadView)), security(("api_key" = []), ("session" = [])))]
async fn load(State(state): State<AppState>, _: Caller) -> ApiResult<Json<LoadView>> {
    let shown = state.fleet().load();
    let shown = shown.ok_or_else(|| ApiError::not_found("measurement of the load"))?;
    Ok(Json(shown.into()))
}
