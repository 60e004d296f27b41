//! Calls of the API from inside the process, as the caller of the front.

use crate::api::extract::whole;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Largest answer of the API that a front reads, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Where the API lives.
const BASE: &str = "/api/v1";

/// The API, reachable without a socket.
#[derive(Clone, Debug)]
pub(super) struct Inside(Router);

/// Why a call was not answered: the API's status and sentence, in the shapes that the clients of other
/// gateways show. One body has the fields of all of them.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    /// The call is understood, but not with this value.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({
            "statusCode": self.status.as_u16(), "message": self.message,
            "error": self.status.canonical_reason(),
            "status": self.status.as_u16(), "response": {"message": [self.message]},
        });
        (self.status, axum::Json(body)).into_response()
    }
}

impl From<crate::api::problem::ApiError> for Refused {
    fn from(error: crate::api::problem::ApiError) -> Self {
        let (status, message) = error.said();
        Self { status, message }
    }
}

impl From<waypost_store::StoreError> for Refused {
    fn from(error: waypost_store::StoreError) -> Self {
        crate::api::problem::ApiError::from(error).into()
    }
}

/// One call's way into the API: with the caller's own key.
#[derive(Clone, Debug)]
pub(super) struct Call {
    inside: Inside,
    authorization: Option<header::HeaderValue>,
}

impl Inside {
    pub(super) fn new(api: Router) -> Self {
        Self(api)
    }

    /// For whoever sent these headers.
    pub(super) fn of(&self, headers: &HeaderMap) -> Call {
        Call {
            inside: self.clone(),
            authorization: headers.get(header::AUTHORIZATION).cloned(),
        }
    }
}

impl Call {
    pub(super) async fn get(&self, path: &str) -> Result<Value, Refused> {
        self.json(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Value, Refused> {
        self.json(Method::POST, path, Some(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: Value) -> Result<Value, Refused> {
        self.json(Method::PATCH, path, Some(body)).await
    }

    /// The API key that the caller gave.
    pub(super) fn key(&self) -> Option<&str> {
        let header = self.authorization.as_ref()?.to_str().ok()?;
        header.strip_prefix("Bearer ")
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Value, Refused> {
        self.json(Method::DELETE, path, None).await
    }

    async fn json(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Refused> {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let answer = self.send(method, path, "application/json", body).await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer)
            .map_err(|error| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
    }

    /// Sends bytes of this type and answers bytes.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        kind: &str,
        body: Body,
    ) -> Result<Bytes, Refused> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"))
            .header(header::CONTENT_TYPE, kind);
        if let Some(key) = &self.authorization {
            request = request.header(header::AUTHORIZATION, key);
        }
        let request = request
            .body(body)
            .map_err(|error| Refused::invalid(error.to_string()))?;
        let Ok(response) = self.inside.0.clone().oneshot(request).await;
        let status = response.status();
        let bytes = whole(response.into_body(), ANSWER_BYTES_MAX).await?;
        if status.is_success() {
            return Ok(bytes);
        }
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or("no reason was given");
        Err(Refused::new(status, detail))
    }

    /// Every item of a list, up to `most`.
    pub(super) async fn all(&self, path: &str, most: usize) -> Result<Vec<Value>, Refused> {
        const PAGE: usize = 200;
        let (mut items, mut cursor) = (Vec::new(), String::new());
        let mark = if path.contains('?') { '&' } else { '?' };
        while items.len() < most {
            let limit = PAGE.min(most - items.len());
            let mut page = self
                .get(&format!("{path}{mark}limit={limit}{cursor}"))
                .await?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={}", escaped(next)),
                None => break,
            }
        }
        Ok(items)
    }
}

/// A text as a part of an address.
pub(super) fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
