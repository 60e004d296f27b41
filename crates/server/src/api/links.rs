//! `/accounts/{id}/link`: linking an account by QR code or pairing code.

use super::AppState;
use super::accounts::own_account;
use super::extract::{Body, Id};
use super::ports::{LinkMethod, LinkPhase, LinkWay};
use super::problem::{ApiError, ApiResult};
use super::shape::iso_or_null;
use super::{phone, qr};
use crate::auth::caller::May;
use crate::auth::scope::need::AccountsWrite;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::fleet::window::{Basis, Habit, Learned, Strategy};
use waypost_engine::model::{AccountId, Duration};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(start, show, cancel))
        .routes(routes!(png))
        .routes(routes!(svg))
        .routes(routes!(text))
}

/// How a link is going.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Link {
    status: LinkStatusText,
    /// Which way it goes; it changes to `code` by itself when the QR codes are used up.
    method: Option<MethodText>,
    /// The text to draw as a QR code.
    qr: Option<String>,
    #[schema(format = DateTime)]
    qr_expires_at: Option<String>,
    /// The pairing code to type on the phone.
    #[schema(example = "ABCD-EFGH")]
    code: Option<String>,
    /// When this window closes.
    #[schema(format = DateTime)]
    window_ends_at: Option<String>,
    /// How often the codes were made anew.
    regeneration: u8,
    /// How often that may happen.
    regenerations_max: u8,
    /// One sentence for the person at the screen.
    message: String,
    /// How long a set of QR codes waits for this account's people; absent while it does not run.
    window: Option<Window>,
}

/// How long a set of QR codes waits for a scan, learned from the last 30 days.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = LinkWindow)]
struct Window {
    #[schema(example = 92)]
    seconds: u64,
    strategy: StrategyText,
    /// What it rests on: the setting, what other accounts have shown, or this account's own scans.
    basis: BasisText,
    /// From 0 to 1: how much of the account's own experience there is.
    #[schema(minimum = 0, maximum = 1)]
    confidence: f64,
    /// Scans of the last 30 days.
    samples: usize,
    /// Half of them were quicker, in seconds.
    median_s: Option<f64>,
    /// Nineteen of twenty were quicker, in seconds.
    p95_s: Option<f64>,
    /// What stands out about how this account is scanned.
    flags: Vec<FlagText>,
    /// True when one set of codes does not live that long, so that the window needs another one.
    needs_new_refs: bool,
}

/// How windows are learned.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LinkWindowStrategy)]
enum StrategyText {
    Fixed,
    Blend,
    Survival,
}

/// What a window rests on.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LinkWindowBasis)]
enum BasisText {
    Base,
    Others,
    Own,
}

/// What stands out about an account's scans.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LinkWindowFlag)]
enum FlagText {
    Slow,
    Consistent,
    Erratic,
}

impl From<Learned> for Window {
    fn from(learned: Learned) -> Self {
        let seconds = |time: Duration| std::time::Duration::from(time).as_secs_f64();
        Self {
            seconds: learned.window.as_millis() / 1_000,
            strategy: match learned.strategy {
                Strategy::Fixed => StrategyText::Fixed,
                Strategy::Blend => StrategyText::Blend,
                Strategy::Survival => StrategyText::Survival,
            },
            basis: match learned.basis {
                Basis::Base => BasisText::Base,
                Basis::Others => BasisText::Others,
                Basis::Own => BasisText::Own,
            },
            confidence: learned.confidence,
            samples: learned.scans,
            median_s: learned.median.map(seconds),
            p95_s: learned.p95.map(seconds),
            needs_new_refs: learned.needs_new_refs(),
            flags: learned.habits.into_iter().map(FlagText::from).collect(),
        }
    }
}

impl From<Habit> for FlagText {
    fn from(habit: Habit) -> Self {
        match habit {
            Habit::Slow => Self::Slow,
            Habit::Consistent => Self::Consistent,
            Habit::Erratic => Self::Erratic,
        }
    }
}

/// Where a link stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LinkState)]
enum LinkStatusText {
    Idle,
    Waiting,
    ShowingQr,
    ShowingCode,
    Linked,
    Failed,
    Cancelled,
}

/// The two ways to link.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LinkMethod)]
enum MethodText {
    Qr,
    Code,
}

/// How to link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkToStart {
    method: MethodText,
    /// The phone's number, for a pairing code; the account's own number when absent.
    phone: Option<String>,
}

/// How the newest link of an account is going.
fn going(state: &AppState, account: AccountId) -> Link {
    let status = state.fleet().link_status(account);
    Link {
        status: match status.phase {
            LinkPhase::Idle => LinkStatusText::Idle,
            LinkPhase::Waiting => LinkStatusText::Waiting,
            LinkPhase::ShowingQr => LinkStatusText::ShowingQr,
            LinkPhase::ShowingCode => LinkStatusText::ShowingCode,
            LinkPhase::Linked => LinkStatusText::Linked,
            LinkPhase::Failed => LinkStatusText::Failed,
            LinkPhase::Cancelled => LinkStatusText::Cancelled,
        },
        method: status.method.map(|way| match way {
            LinkWay::Qr => MethodText::Qr,
            LinkWay::Code => MethodText::Code,
        }),
        qr: status.qr,
        qr_expires_at: iso_or_null(status.qr_expires_at),
        code: status.code.map(|code| dashed(&code)),
        window_ends_at: iso_or_null(status.window_ends_at),
        regeneration: status.regeneration,
        regenerations_max: status.regenerations_max,
        message: status.message,
        window: state.fleet().link_window(account).map(Window::from),
    }
}

/// The code as phones show it: two groups of four.
fn dashed(code: &str) -> String {
    match (code.get(..4), code.get(4..)) {
        (Some(a), Some(b)) if !code.contains('-') && !b.is_empty() => format!("{a}-{b}"),
        _ => code.to_owned(),
    }
}

/// Starts linking; a link in progress of this account is replaced.
#[utoipa::path(post, path = "/accounts/{id}/link", tag = "linking", params(("id" = String, Path)),
    request_body = LinkToStart, responses((status = 202, body = Link)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn start(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
    Body(wanted): Body<LinkToStart>,
) -> ApiResult<(StatusCode, Json<Link>)> {
    let account = own_account(&state, &caller, id).await?;
    let given = wanted
        .phone
        .as_deref()
        .map(|p| phone::parse("phone", p))
        .transpose()?;
    let method = match wanted.method {
        MethodText::Qr => LinkMethod::Qr,
        MethodText::Code => LinkMethod::Code {
            phone: given.or(account.phone).ok_or_else(|| {
                ApiError::invalid(
                    "phone",
                    "A pairing code needs the phone's number; give 'phone'",
                )
            })?,
        },
    };
    state.fleet().link(id, method).await?;
    Ok((StatusCode::ACCEPTED, Json(going(&state, id))))
}

/// How the newest link is going.
#[utoipa::path(get, path = "/accounts/{id}/link", tag = "linking", params(("id" = String, Path)),
    responses((status = 200, body = Link)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<Link>> {
    own_account(&state, &caller, id).await?;
    Ok(Json(going(&state, id)))
}

/// Cancels a link in progress.
#[utoipa::path(delete, path = "/accounts/{id}/link", tag = "linking", params(("id" = String, Path)),
    responses((status = 200, body = Link)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn cancel(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<Link>> {
    own_account(&state, &caller, id).await?;
    state.fleet().cancel_link(id).await?;
    Ok(Json(going(&state, id)))
}

/// The text on show. Whoever reads it can link, so it needs the right to link.
async fn code_on_show(
    state: &AppState,
    caller: &May<AccountsWrite>,
    id: AccountId,
) -> ApiResult<String> {
    own_account(state, caller, id).await?;
    state.fleet().link_status(id).qr.ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no_qr",
            "No QR code is on show; start linking with method 'qr' first",
        )
    })
}

fn picture(kind: &'static str, bytes: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}

/// The QR code as a PNG picture.
#[utoipa::path(get, path = "/accounts/{id}/link/qr.png", tag = "linking",
    params(("id" = String, Path)),
    responses((status = 200, content_type = "image/png", body = Vec<u8>)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn png(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<Response> {
    let code = code_on_show(&state, &caller, id).await?;
    Ok(picture(
        "image/png",
        qr::png(&code).map_err(ApiError::internal)?,
    ))
}

/// The QR code as an SVG picture.
#[utoipa::path(get, path = "/accounts/{id}/link/qr.svg", tag = "linking",
    params(("id" = String, Path)),
    responses((status = 200, content_type = "image/svg+xml", body = String)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn svg(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<Response> {
    let code = code_on_show(&state, &caller, id).await?;
    Ok(picture(
        "image/svg+xml",
        qr::svg(&code).map_err(ApiError::internal)?,
    ))
}

/// The QR code in block characters, for a terminal.
#[utoipa::path(get, path = "/accounts/{id}/link/qr.txt", tag = "linking",
    params(("id" = String, Path)),
    responses((status = 200, content_type = "text/plain", body = String)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn text(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<Response> {
    let code = code_on_show(&state, &caller, id).await?;
    Ok(picture(
        "text/plain; charset=utf-8",
        qr::blocks(&code).map_err(ApiError::internal)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::dashed;

    #[test]
    fn a_pairing_code_is_shown_in_two_groups() {
        assert_eq!(dashed("ABCDEFGH"), "ABCD-EFGH");
        assert_eq!(dashed("ABCD-EFGH"), "ABCD-EFGH");
        assert_eq!(dashed("AB"), "AB");
    }
}
