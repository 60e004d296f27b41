//! Errors as `application/problem+json` (RFC 9457).

use super::ports::FleetError;
use crate::sheets::SheetsError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use waypost_store::StoreError;

/// Seconds after which a request that met a busy server may be tried again.
const BUSY_RETRY_S: u64 = 1;
/// Seconds after which a request that Google was too busy for may be tried again.
const GOOGLE_RETRY_S: u64 = 30;
/// The media type of every error.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, for a program (`code`) and for a person (`detail`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// A stable name of this kind of problem, as a URI.
    #[serde(rename = "type")]
    #[schema(example = "urn:waypost:problem:not_found")]
    kind: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// One sentence that says what to do next.
    detail: String,
    /// A stable name of this kind of problem.
    code: String,
    /// The field of the request that is at fault, as a dotted path.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// An error on its way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    field: Option<String>,
    retry_after_s: Option<u64>,
}

/// What every handler returns.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: sentence(detail.into()),
            field: None,
            retry_after_s: None,
        }
    }

    /// The request is understood but a value in it is not acceptable.
    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail).at(field)
    }

    /// The request cannot be read at all.
    pub(crate) fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unreadable", detail)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        let detail = format!("There is no such {what}; check the id.");
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", detail)
    }

    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(BUSY_RETRY_S)
    }

    /// A fault of the program: the cause goes to the log, not to the caller.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        let detail = "The server could not do this; its log says why.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// The status and the sentence, for answers of another shape.
    pub(crate) fn said(self) -> (StatusCode, String) {
        (self.status, self.detail)
    }

    /// Names the field at fault.
    pub(crate) fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

/// The same text with a capital letter in front and a full stop behind.
fn sentence(text: String) -> String {
    let mut chars = text.trim().chars();
    let Some(first) = chars.next() else {
        return "The server did not say why.".into();
    };
    let mut out: String = first.to_uppercase().chain(chars).collect();
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = Problem {
            kind: format!("urn:waypost:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code.to_owned(),
            field: self.field,
        };
        let mut response = (self.status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer realm=\"waypost\"");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { what } => Self::not_found(what),
            StoreError::Conflict { what } => Self::conflict(what),
            StoreError::Invalid { what } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", what)
            }
            StoreError::Resync { .. } => Self::new(StatusCode::GONE, "resync", error.to_string()),
            StoreError::Busy | StoreError::Closed | StoreError::Full | StoreError::NotOwner => {
                Self::busy(error.to_string())
            }
            StoreError::Unreachable { .. } => {
                tracing::warn!(%error, "a request met a database that is away");
                Self::busy("the database cannot be reached; try again in a moment")
            }
            StoreError::Unconfirmed { .. } => {
                tracing::warn!(%error, "a request lost its database");
                let detail = "The connection to the database was lost at the last moment, so that \
                    nobody knows whether this was done. Look before you repeat it; a send with an \
                    Idempotency-Key can be repeated as it is.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unconfirmed", detail)
            }
            other => Self::internal(other),
        }
    }
}

impl From<SheetsError> for ApiError {
    fn from(error: SheetsError) -> Self {
        match error {
            SheetsError::Store(error) => error.into(),
            SheetsError::Google(error) => error.into(),
        }
    }
}

impl From<waypost_sheets::Error> for ApiError {
    fn from(error: waypost_sheets::Error) -> Self {
        use waypost_sheets::Error as E;
        let text = error.to_string();
        match error {
            E::Invalid(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", text),
            E::Credentials(_) | E::Refused { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused_by_google", text)
            }
            E::Busy { .. } | E::Quota { .. } | E::Open { .. } | E::NotSent(_) => {
                Self::busy(text).retry_after(GOOGLE_RETRY_S)
            }
            E::Unknown(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, "unconfirmed", text),
        }
    }
}

impl From<FleetError> for ApiError {
    fn from(error: FleetError) -> Self {
        let text = error.to_string();
        match error {
            FleetError::NotConnected => Self::new(StatusCode::CONFLICT, "not_connected", text),
            FleetError::WrongState(_) => Self::new(StatusCode::CONFLICT, "wrong_state", text),
            FleetError::Busy => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "links_busy", text).retry_after(10)
            }
            FleetError::NoSuchAccount => Self::not_found("account"),
            FleetError::Refused(_) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "refused_by_whatsapp",
                text,
            ),
            FleetError::Unanswered(_) => Self::busy(text),
            FleetError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detail_is_a_sentence() {
        assert_eq!(sentence("no such thing".into()), "No such thing.");
        assert_eq!(sentence("Already one.".into()), "Already one.");
        assert_eq!(sentence("  ".into()), "The server did not say why.");
    }

    #[test]
    fn a_fault_inside_is_not_told_outside() {
        let error = ApiError::from(StoreError::Corrupt {
            what: "page 7 of person".into(),
        });
        assert_eq!(error.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!error.detail.contains("person"));
    }
}
