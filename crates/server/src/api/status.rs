//! `/status`, `/healthz`, `/readyz`, `/metrics`, `/openapi.json`.

use super::AppState;
use super::problem::{ApiError, ApiResult};
use crate::auth::caller::Caller;
use crate::clock;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::fleet::Rung;
use waypost_engine::fleet::proxy_watch::ProxyState;
use waypost_engine::model::AccountState;
use waypost_store::admin::counts::Counts;

/// How often histograms are tidied; without it they grow.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// Bounds of every histogram of seconds.
const SECONDS: &[f64] = &[
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Bounds for how long a part reads a message.
const PART_SECONDS: &[f64] = &[
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05,
    0.25,
];

/// Bounds for how long people take to scan a code.
const SCAN_SECONDS: &[f64] = &[
    5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 160.0, 240.0, 480.0,
];

/// The routes of this file inside the API.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(status))
}

/// The routes of this file outside the API.
pub(super) fn outside() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(description))
}

/// What is going on, in numbers.
#[derive(Debug, Serialize, ToSchema)]
struct Status {
    version: String,
    uptime_s: u64,
    /// How many accounts are in each state.
    accounts: BTreeMap<String, i64>,
    queues: Queues,
    /// True for a build that talks to the simulator and never to WhatsApp.
    sim: bool,
}

/// What may pile up.
#[derive(Debug, Serialize, ToSchema)]
struct Queues {
    unfinished: i64,
    waiting_to_send: i64,
    held: i64,
    media: i64,
    dead_letters: i64,
    webhook_backlog: i64,
}

impl From<&Counts> for Queues {
    fn from(counts: &Counts) -> Self {
        Self {
            unfinished: counts.unfinished,
            waiting_to_send: counts.sends_waiting,
            held: counts.sends_held,
            media: counts.media_waiting,
            dead_letters: counts.dead_letters,
            webhook_backlog: counts.webhook_backlog,
        }
    }
}

/// What is going on, in numbers.
#[utoipa::path(get, path = "/status", tag = "status",
    responses((status = 200, body = Status)), security(("api_key" = []), ("session" = [])))]
async fn status(State(state): State<AppState>, _: Caller) -> ApiResult<Json<Status>> {
    let counts = state.store().counts().await?;
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_s: clock::now().since(state.started_at()).as_millis() / 1000,
        queues: (&counts).into(),
        accounts: counts.accounts,
        sim: cfg!(feature = "sim"),
    }))
}

/// The process runs.
async fn alive() -> &'static str {
    "ok\n"
}

/// The process can do its work: the database answers.
async fn ready(State(state): State<AppState>) -> Result<&'static str, ApiError> {
    match state.store().counts().await {
        Ok(_) => Ok("ready\n"),
        Err(error) => Err(ApiError::busy(format!("Not ready: {error}"))),
    }
}

async fn description() -> Response {
    static TEXT: OnceLock<Option<String>> = OnceLock::new();
    match TEXT.get_or_init(|| super::openapi().to_pretty_json().ok()) {
        Some(text) => ([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response(),
        None => ApiError::internal("the description cannot be written").into_response(),
    }
}

/// The numbers for Prometheus. They name no contact and no account; whoever may reach the port
/// may read them.
async fn metrics(State(state): State<AppState>) -> ApiResult<Response> {
    let counts = state.store().counts().await?;
    gauges(&counts, &state);
    let text = state.meter().render();
    Ok((
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        text,
    )
        .into_response())
}

fn gauges(counts: &Counts, state: &AppState) {
    for account in AccountState::ALL {
        let count = counts
            .accounts
            .get(account.as_str())
            .copied()
            .unwrap_or_default();
        metrics::gauge!("waypost_accounts", "state" => account.as_str()).set(as_f64(count));
    }
    for (name, count) in [
        ("waypost_messages_unfinished", counts.unfinished),
        ("waypost_sends_waiting", counts.sends_waiting),
        ("waypost_sends_held", counts.sends_held),
        ("waypost_media_waiting", counts.media_waiting),
        ("waypost_dead_letters_pending", counts.dead_letters),
        ("waypost_webhook_backlog", counts.webhook_backlog),
        (
            "waypost_webhook_endpoints_disabled",
            counts.endpoints_disabled,
        ),
        ("waypost_messages_missing", counts.messages_missing),
        ("waypost_event_log_position", state.store().head()),
    ] {
        metrics::gauge!(name).set(as_f64(count));
    }
    let rungs = state.fleet().rungs();
    for rung in Rung::ALL {
        let count = rungs.get(&rung).copied().unwrap_or_default();
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        metrics::gauge!("waypost_accounts_recovering", "rung" => rung.as_str()).set(as_f64(count));
    }
    let proxies = state.fleet().proxy_states();
    for proxy in ProxyState::ALL {
        let count = proxies.get(&proxy).copied().unwrap_or_default();
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        metrics::gauge!("waypost_proxies", "state" => proxy.as_str()).set(as_f64(count));
    }
    let uptime = clock::now().since(state.started_at()).as_millis();
    metrics::gauge!("waypost_uptime_seconds").set(as_f64(uptime.cast_signed()) / 1000.0);
}

/// Exact up to 2^53, and nothing that is counted here gets there.
#[expect(
    clippy::cast_precision_loss,
    reason = "gauges are floating point numbers"
)]
fn as_f64(count: i64) -> f64 {
    count as f64
}

/// The metrics of this process.
#[derive(Clone)]
pub(super) struct Meter(Option<Arc<PrometheusHandle>>);

impl Meter {
    /// The one meter of this process; started by the first caller.
    pub(super) fn shared() -> Self {
        static METER: OnceLock<Meter> = OnceLock::new();
        METER.get_or_init(Self::start).clone()
    }

    fn start() -> Self {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), SECONDS)
            .and_then(|builder| {
                let scans = Matcher::Full("waypost_link_scan_seconds".into());
                builder.set_buckets_for_metric(scans, SCAN_SECONDS)
            })
            .and_then(|builder| {
                let parts = Matcher::Full("waypost_part_seconds".into());
                builder.set_buckets_for_metric(parts, PART_SECONDS)
            });
        match builder.and_then(PrometheusBuilder::install_recorder) {
            Ok(handle) => {
                describe();
                let handle = Arc::new(handle);
                keep_up(Arc::clone(&handle));
                Self(Some(handle))
            }
            Err(error) => {
                tracing::warn!(%error, "metrics are off");
                Self(None)
            }
        }
    }

    fn render(&self) -> String {
        self.0
            .as_ref()
            .map(|handle| handle.render())
            .unwrap_or_default()
    }
}

/// Tidies on a thread of its own, which ends with the process: the meter outlives any runtime.
fn keep_up(handle: Arc<PrometheusHandle>) {
    let upkeep = move || {
        loop {
            std::thread::park_timeout(UPKEEP_EVERY);
            handle.run_upkeep();
        }
    };
    if let Err(error) = std::thread::Builder::new()
        .name("metrics".into())
        .spawn(upkeep)
    {
        tracing::warn!(%error, "histograms are not tidied");
    }
}

fn describe() {
    for (name, text) in [
        ("waypost_accounts", "Accounts by state"),
        (
            "waypost_accounts_recovering",
            "Accounts being brought back, by rung of the recovery ladder",
        ),
        (
            "waypost_proxies",
            "Accounts' proxies by what is known of them",
        ),
        (
            "waypost_messages_unfinished",
            "Messages accepted and not processed yet",
        ),
        (
            "waypost_sends_waiting",
            "Sends that WhatsApp has not accepted yet",
        ),
        (
            "waypost_sends_held",
            "Sends held for a person after a restore",
        ),
        ("waypost_media_waiting", "Files still to be fetched"),
        (
            "waypost_dead_letters_pending",
            "Dead letters nobody has dealt with",
        ),
        (
            "waypost_webhook_backlog",
            "Events waiting behind a failed webhook delivery",
        ),
        (
            "waypost_webhook_endpoints_disabled",
            "Webhook endpoints that are switched off",
        ),
        ("waypost_messages_missing", "Messages known to be missing"),
        (
            "waypost_event_log_position",
            "Newest position of the event log",
        ),
        (
            "waypost_sheet_cache_bytes",
            "Bytes of cells held in the cache of Google Sheets",
        ),
        ("waypost_uptime_seconds", "Seconds since the start"),
        (
            "waypost_health_accounts",
            "Accounts by the rating of their health",
        ),
        (
            "waypost_load_percent",
            "Use of processors and memory, and share of failed requests",
        ),
        (
            "waypost_shed_level",
            "What is put off: 0 nothing, 1 what is nice to have, 2 what is important too",
        ),
    ] {
        metrics::describe_gauge!(name, text);
    }
    for (name, text) in [
        ("waypost_connects_total", "Connections dialled"),
        (
            "waypost_sheet_operations_total",
            "Rows written, ranges read and other things asked of Google Sheets",
        ),
        (
            "waypost_sheet_calls_total",
            "Calls of Google's API; what operations are more than this was saved",
        ),
        (
            "waypost_sheet_appends_total",
            "Calls that append rows, by result",
        ),
        (
            "waypost_sheet_cache_hits_total",
            "Reads of Google Sheets answered from the cache",
        ),
        (
            "waypost_sheet_cache_misses_total",
            "Reads of Google Sheets that had to ask Google",
        ),
        (
            "waypost_sheet_breaker_changes_total",
            "Changes of breakers of spreadsheets, by change",
        ),
        (
            "waypost_liveness_questions_total",
            "Questions to open connections by kind and outcome",
        ),
        (
            "waypost_proxy_checks_total",
            "Trials of accounts' proxies, by outcome",
        ),
        (
            "waypost_recovery_attempts_total",
            "Attempts to bring an account back by rung",
        ),
        (
            "waypost_recovery_healed_total",
            "Accounts that came back by the rung that did it",
        ),
        (
            "waypost_health_drops_total",
            "Drops of a health score by 10 or more within an hour",
        ),
        (
            "waypost_health_recoveries_total",
            "Connections replaced because of a low health score, by urgency",
        ),
        (
            "waypost_flow_workers_changed_total",
            "Times that an account got more or fewer workers",
        ),
        (
            "waypost_shed_changes_total",
            "Times that work was put off or taken up again",
        ),
        (
            "waypost_recovery_calls_total",
            "Times that a person was called, by reason",
        ),
        (
            "waypost_messages_missed_total",
            "Messages found to be missing, by how",
        ),
        (
            "waypost_messages_backfilled_total",
            "Messages that were missing and came after all, by how they were missed",
        ),
        (
            "waypost_gap_questions_total",
            "Questions to accounts' phones for older messages",
        ),
    ] {
        metrics::describe_counter!(name, text);
    }
    metrics::describe_counter!(
        "waypost_http_requests_total",
        "Requests by method and status"
    );
    metrics::describe_histogram!("waypost_http_request_seconds", "Time to answer a request");
    for (name, text) in [
        (
            "waypost_link_codes_shown_total",
            "QR and pairing codes shown",
        ),
        (
            "waypost_link_scans_total",
            "Links accepted on the phone, by the kind of code",
        ),
        (
            "waypost_link_regenerations_total",
            "New sets of QR codes made because a window closed",
        ),
        (
            "waypost_link_fallbacks_total",
            "Links that fell back to a pairing code",
        ),
        (
            "waypost_link_attempts_total",
            "Attempts to link by how they ended",
        ),
    ] {
        metrics::describe_counter!(name, text);
    }
    metrics::describe_counter!(
        "waypost_part_outcomes_total",
        "What parts of the pipeline made of messages, by part and outcome"
    );
    metrics::describe_histogram!("waypost_part_seconds", "Time of a part for one message");
    metrics::describe_histogram!("waypost_stage_seconds", "Time of a stage for one message");
    metrics::describe_counter!(
        "waypost_stage_overruns_total",
        "Messages for which a stage took longer than its budget"
    );
    metrics::describe_histogram!(
        "waypost_link_scan_seconds",
        "From an attempt's first code to the phone's answer"
    );
    metrics::describe_counter!(
        "waypost_webhook_deliveries_total",
        "Webhook attempts by result"
    );
    metrics::describe_histogram!(
        "waypost_webhook_delivery_seconds",
        "Time of a webhook attempt"
    );
}
