//! `/system/load`: how loaded the machine is, and what is put off because of it.

use super::AppState;
use super::ports::SystemLoad;
use super::problem::{ApiError, ApiResult};
use super::shape::iso_or_null;
use crate::auth::caller::Caller;
use crate::clock::iso;
use crate::performance::{Lately, Measured};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::flow::parts::ShedLevel;
use waypost_engine::watch::degrade::Gauge;
use waypost_engine::watch::latency::Durations;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(load))
        .routes(routes!(performance))
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
    /// Messages that wait to be read completely.
    put_off: i64,
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

impl LoadView {
    fn of(shown: SystemLoad, put_off: i64) -> Self {
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
            put_off,
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
    let put_off = state.store().deferred_count().await?;
    Ok(Json(LoadView::of(shown, put_off)))
}

/// How long the work on a message takes, over the last five minutes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Performance)]
struct PerformanceView {
    /// Stages that messages went through, in their order.
    stages: Vec<TimingView>,
    /// Parts that read messages.
    parts: Vec<TimingView>,
}

/// How long a stage or part takes. Durations are milliseconds; they are null where nothing happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Timing)]
struct TimingView {
    of: TimedText,
    #[schema(example = "conversation")]
    name: String,
    /// What a stage may take; null for a part.
    budget_ms: Option<u64>,
    /// Messages.
    count: u64,
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    longest_ms: Option<f64>,
    /// Messages for which a stage took longer than its budget.
    over_budget: Option<u64>,
    /// The 95th percentile of an ordinary minute; null until ten minutes were busy enough.
    ordinary_p95_ms: Option<f64>,
    /// A minute of the last five that stood out.
    anomaly: Option<AnomalyView>,
}

/// What is timed.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Timed)]
enum TimedText {
    Stage,
    Part,
}

/// A minute that stood out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TimingAnomaly)]
struct AnomalyView {
    #[schema(format = DateTime)]
    at: String,
    p95_ms: f64,
    ordinary_ms: f64,
    /// How many robust deviations it lies above what is ordinary.
    deviations: f64,
}

fn millis(micros: u32) -> f64 {
    f64::from(micros) / 1_000.0
}

impl TimingView {
    fn of(what: Measured, lately: &Lately) -> Self {
        let (of, name, budget_ms) = match what {
            Measured::Stage(stage) => (
                TimedText::Stage,
                stage.name(),
                Some(stage.budget().as_millis()),
            ),
            Measured::Part(part) => (TimedText::Part, part.name(), None),
        };
        let recent = &lately.recent;
        let at = |percent| recent.percentile(percent).map(millis);
        Self {
            of,
            name: name.to_owned(),
            budget_ms,
            count: recent.count(),
            p50_ms: at(50),
            p95_ms: at(95),
            p99_ms: at(99),
            longest_ms: (recent.count() > 0).then(|| millis(recent.longest())),
            over_budget: budget_ms.map(|budget| over(recent, budget)),
            ordinary_p95_ms: lately.ordinary.map(millis),
            anomaly: lately.anomaly.map(|anomaly| AnomalyView {
                at: iso(anomaly.at),
                p95_ms: millis(anomaly.p95),
                ordinary_ms: millis(anomaly.ordinary),
                deviations: tenths(anomaly.deviations),
            }),
        }
    }
}

fn over(recent: &Durations, budget_ms: u64) -> u64 {
    let micros = u32::try_from(budget_ms.saturating_mul(1_000)).unwrap_or(u32::MAX);
    recent.longer_than(micros)
}

/// How long the work on a message takes, by stage and part, and what stands out.
#[utoipa::path(get, path = "/system/performance", tag = "status",
    responses((status = 200, body = PerformanceView)),
    security(("api_key" = []), ("session" = [])))]
async fn performance(State(state): State<AppState>, _: Caller) -> ApiResult<Json<PerformanceView>> {
    let measured = state.fleet().performance();
    let measured = measured.ok_or_else(|| ApiError::not_found("measurement of the work"))?;
    let (mut stages, mut parts) = (Vec::new(), Vec::new());
    for (what, lately) in &measured {
        let view = TimingView::of(*what, lately);
        match what {
            Measured::Stage(_) => stages.push(view),
            Measured::Part(_) => parts.push(view),
        }
    }
    Ok(Json(PerformanceView { stages, parts }))
}
