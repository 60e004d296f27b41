//! Whether a browser's request comes from our own pages.

use crate::api::problem::{ApiError, ApiResult};
use axum::http::{HeaderMap, header};

/// Refuses a request whose `Origin` is another site. Requests without one are left to `missing`.
///
/// Our own origin is the one people type (`server.public_url`), or the `Host` the request was
/// sent to.
pub(crate) fn check(
    headers: &HeaderMap,
    public_url: Option<&str>,
    missing: Missing,
) -> ApiResult<()> {
    let foreign = || {
        ApiError::forbidden(
            "This request came from another site; open the dashboard itself and try again",
        )
    };
    let Some(origin) = headers.get(header::ORIGIN) else {
        return match missing {
            Missing::Allowed => Ok(()),
            Missing::Refused => Err(foreign()),
        };
    };
    let origin = origin.to_str().unwrap_or_default();
    if public_url.is_some_and(|url| url.trim_end_matches('/') == origin) {
        return Ok(());
    }
    let host = headers
        .get(header::HOST)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let authority = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    if !host.is_empty() && authority == Some(host) {
        Ok(())
    } else {
        Err(foreign())
    }
}

/// What a request without an `Origin` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// It is a program that carries its own secret.
    Allowed,
    /// A browser always names one here.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(origin: Option<&str>, host: &str, public: Option<&str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        check(&headers, public, Missing::Refused).is_ok()
    }

    #[test]
    fn only_our_own_pages_may_change_anything() {
        assert!(said(Some("http://127.0.0.1:8080"), "127.0.0.1:8080", None));
        assert!(said(
            Some("https://way.example"),
            "10.0.0.7:8080",
            Some("https://way.example/")
        ));
        assert!(!said(Some("http://evil.example"), "127.0.0.1:8080", None));
        assert!(!said(Some("http://127.0.0.1:8081"), "127.0.0.1:8080", None));
        assert!(!said(
            Some("http://way.example.evil.example"),
            "way.example",
            None
        ));
        assert!(!said(Some("null"), "127.0.0.1:8080", None));
        assert!(!said(None, "127.0.0.1:8080", None));
    }
}
