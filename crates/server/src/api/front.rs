//! What stands before every route: limits, headers, and answers to paths nobody knows.

use super::AppState;
use super::problem::ApiError;
use crate::{assets, clock};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use std::any::Any;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use waypost_engine::watch::recent::Went;

/// Paths that transfer files or stream, and so take as long as they take.
const UNTIMED: &[&str] = &[
    "/api/v1/blobs",
    "/api/v1/events/stream",
    "/api/v1/imports",
    "/media",
];
/// Paths that must answer even when every turn is taken.
const ALWAYS_ADMITTED: &[&str] = &["/healthz", "/readyz", "/metrics"];

/// The routes with everything around them.
pub(super) fn around(routes: Router<AppState>, state: AppState) -> Router {
    routes
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(unknown_path)
        // Handlers that read a body set their own limits.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(state.clone(), admit))
        .layer(from_fn_with_state(state.clone(), headers))
        .layer(CatchPanicLayer::custom(after_panic))
        .with_state(state)
}

async fn method_not_allowed(method: Method) -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("This path does not know {method}; the Allow header lists what it knows"),
    )
}

/// Everything outside the API is the dashboard's.
async fn unknown_path(request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/api/") {
        return ApiError::new(
            StatusCode::NOT_FOUND,
            "unknown_path",
            "There is no such path; /openapi.json lists them",
        )
        .into_response();
    }
    match *request.method() {
        Method::GET | Method::HEAD => assets::serve(path, request.headers()),
        _ => {
            let mut refused = method_not_allowed(request.method().clone())
                .await
                .into_response();
            refused
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            refused
        }
    }
}

/// Waits for a turn, then runs the request, both within the time limit.
async fn admit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if ALWAYS_ADMITTED.contains(&path) {
        return next.run(request).await;
    }
    let timed = !UNTIMED.iter().any(|end| path.ends_with(end));
    let limit = state.limits().request_timeout;
    let turn = tokio::time::timeout(limit, state.turns().clone().acquire_owned()).await;
    let Ok(Ok(_turn)) = turn else {
        let most = state.limits().requests_max;
        let text = format!("{most} requests are under way already; try again in a moment");
        return ApiError::busy(text).into_response();
    };
    if !timed {
        return next.run(request).await;
    }
    tokio::time::timeout(limit, next.run(request))
        .await
        .unwrap_or_else(|_| {
            ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                "timeout",
                format!(
                    "The request took longer than {} s; try again",
                    limit.as_secs()
                ),
            )
            .into_response()
        })
}

/// Counts the request and adds headers that keep browsers from guessing and caches from keeping.
async fn headers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (method, started) = (known(request.method()), clock::now());
    let mut response = next.run(request).await;
    let took = Duration::from(clock::now().since(started));
    state
        .fleet()
        .answered(if response.status().is_server_error() {
            Went::Wrong
        } else {
            Went::Well
        });
    let status = response.status().as_u16().to_string();
    metrics::counter!("waypost_http_requests_total", "method" => method, "status" => status)
        .increment(1);
    metrics::histogram!("waypost_http_request_seconds").record(took.as_secs_f64());
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Methods as labels: an outsider must not be able to make new ones.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn after_panic(panic: Box<dyn Any + Send>) -> Response {
    let said = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let said = said
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    ApiError::internal(format!("a handler panicked: {said}")).into_response()
}
