//! `/accounts/{id}/proxy/check`, and what is known of an account's proxy.

use super::AppState;
use super::accounts::own_account;
use super::condition::explain;
use super::extract::Id;
use super::problem::{ApiError, ApiResult};
use super::shape::{Explained, iso_or_null};
use crate::auth::caller::May;
use crate::auth::scope::need::AccountsWrite;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::fleet::DownReason;
use waypost_engine::fleet::proxy_watch::{ProxyState, ProxyView};
use waypost_engine::model::{AccountId, Reason};
use waypost_wa::Proxy;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(check_proxy))
}

/// What is known of a proxy. It is tried now and then, whether or not its account is connected.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ProxyState)]
pub(super) struct ProxyStateView {
    state: StateText,
    /// Why it gives no way to WhatsApp; set while `doubtful` and `failing`.
    reason: Option<Explained>,
    /// When it was last tried, or a connection opened through it.
    #[schema(format = DateTime)]
    checked_at: Option<String>,
    /// Since when it gives no way.
    #[schema(format = DateTime)]
    failing_since: Option<String>,
    /// When it is tried next, if no connection opens through it before.
    #[schema(format = DateTime)]
    next_check_at: Option<String>,
}

/// Whether a proxy gives a way to WhatsApp: not tried yet; yes; failed once, which is asked again; no.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProxyCondition)]
enum StateText {
    Unknown,
    Works,
    Doubtful,
    Failing,
}

impl From<ProxyState> for StateText {
    fn from(state: ProxyState) -> Self {
        match state {
            ProxyState::Unknown => Self::Unknown,
            ProxyState::Works => Self::Works,
            ProxyState::Doubtful => Self::Doubtful,
            ProxyState::Failing => Self::Failing,
        }
    }
}

impl From<ProxyView> for ProxyStateView {
    fn from(known: ProxyView) -> Self {
        Self {
            state: known.state.into(),
            reason: known.reason.as_ref().map(explain),
            checked_at: iso_or_null(known.tried_at),
            failing_since: iso_or_null(known.failing_since),
            next_check_at: iso_or_null(known.next_at),
        }
    }
}

/// What came of trying a proxy.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ProxyCheck)]
struct ProxyCheckView {
    /// Whether it gave a way to WhatsApp.
    works: bool,
    /// Why not: `proxy_unreachable` or `proxy_refused`.
    code: Option<String>,
    /// The same as a sentence.
    error: Option<String>,
    /// How long it took, in milliseconds.
    took_ms: u64,
}

/// The proxy that was typed; `None` takes the one there is away.
pub(super) fn typed(text: Option<String>) -> ApiResult<Option<Proxy>> {
    let read = |text: String| {
        let read = text.parse::<Proxy>();
        read.map_err(|error| ApiError::invalid("proxy", error.to_string()))
    };
    text.map(read).transpose()
}

/// Sees whether the account's proxy gives a way to WhatsApp. Nothing is said there.
#[utoipa::path(post, path = "/accounts/{id}/proxy/check", tag = "accounts",
    params(("id" = String, Path)), responses((status = 200, body = ProxyCheckView)),
    security(("api_key" = ["accounts:write"]), ("session" = ["accounts:write"])))]
async fn check_proxy(
    State(state): State<AppState>,
    caller: May<AccountsWrite>,
    Id(id): Id<AccountId>,
) -> ApiResult<Json<ProxyCheckView>> {
    own_account(&state, &caller, id).await?;
    let checked = state.fleet().check_proxy(id).await?;
    let reason = checked
        .outcome
        .err()
        .map(|error| DownReason::from(error).reason());
    Ok(Json(ProxyCheckView {
        works: reason.is_none(),
        code: reason.as_ref().map(|reason| reason.code().to_owned()),
        error: reason.as_ref().map(Reason::explain),
        took_ms: checked.took.0,
    }))
}
