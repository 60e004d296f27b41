//! The dashboard, built into the program.
//!
//! `web/dist` is embedded when it exists while the program is built; a program built without it
//! says how to build it.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// The page every address of the dashboard begins with.
const INDEX: &str = "index.html";
/// What the dashboard may do: nothing that does not come from here. Scripts and styles are files
/// of their own, never inline; text becomes markup only through the policy of the framework that
/// the dashboard is written in, which takes nothing but its own templates.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types svelte-trusted-html";
/// Shown when the dashboard was not built.
const MISSING: &str = "<!doctype html><meta charset=\"utf-8\"><title>Waypost</title>\
    <p>This program was built without the dashboard. Run <code>npm ci && npm run build</code> in \
    <code>web</code>, then build it again. The API works: see <a href=\"/openapi.json\">its \
    description</a>.</p>";

/// The file at a path, or the dashboard's page for the paths it routes by itself.
pub(crate) fn serve(path: &str, headers: &HeaderMap) -> Response {
    let name = path.trim_start_matches('/');
    if let Some(file) = Dist::get(name).filter(|_| !name.is_empty()) {
        return answer(name, &file, headers);
    }
    // A missing script must not be answered with a page.
    if name.starts_with("assets/") {
        return (
            StatusCode::NOT_FOUND,
            "There is no such file; reload the page.\n",
        )
            .into_response();
    }
    match Dist::get(INDEX) {
        Some(file) => answer(INDEX, &file, headers),
        None => page(
            StatusCode::OK,
            Body::from(MISSING),
            "text/html; charset=utf-8",
        ),
    }
}

fn answer(name: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok());
    let mut response = if known == Some(tag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = match &file.data {
            Cow::Borrowed(bytes) => Body::from(*bytes),
            Cow::Owned(bytes) => Body::from(bytes.clone()),
        };
        page(StatusCode::OK, body, kind(name))
    };
    // Names below assets/ carry a hash of their content.
    let keep = if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        out.insert(header::ETAG, tag);
    }
    response
}

fn page(status: StatusCode, body: Body, kind: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (status, headers, body).into_response()
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_of_the_dashboard_answers_with_a_page_under_the_policy() {
        for path in [
            "/",
            "/accounts/acc_1",
            "/../../etc/passwd",
            "/setup?token=x",
        ] {
            let response = serve(path, &HeaderMap::new());
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(
                response.headers()[header::CONTENT_TYPE],
                "text/html; charset=utf-8"
            );
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
                .to_str()
                .unwrap();
            assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
            for lax in [
                "unsafe-inline",
                "unsafe-eval",
                "ws:",
                "http:",
                "https:",
                "*",
            ] {
                assert!(!policy.contains(lax), "{lax} in {policy}");
            }
        }
    }

    #[test]
    fn a_missing_script_is_not_a_page() {
        assert_eq!(
            serve("/assets/none.js", &HeaderMap::new()).status(),
            StatusCode::NOT_FOUND
        );
    }

    #[test]
    fn a_page_that_was_not_changed_is_not_sent_again() {
        let first = serve("/", &HeaderMap::new());
        let Some(tag) = first.headers().get(header::ETAG).cloned() else {
            return;
        };
        let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)]);
        assert_eq!(serve("/", &headers).status(), StatusCode::NOT_MODIFIED);
    }
}
