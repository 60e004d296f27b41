//! Reading requests: every mistake is answered with a problem that names the place.

use super::AppState;
use super::problem::{ApiError, ApiResult};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::str::FromStr;
use waypost_store::{Page, page};

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

/// Query parameters; unknown ones are refused by the type (`deny_unknown_fields`).
pub(crate) struct Params<T>(pub(crate) T);

/// The one id in a path.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> ApiResult<Self> {
        json_up_to(request, state.limits().json_bytes_max)
            .await
            .map(Self)
    }
}

/// A JSON body of at most `limit` bytes.
pub(crate) async fn json_up_to<T: DeserializeOwned>(
    request: Request,
    limit: usize,
) -> ApiResult<T> {
    if !is_json(request.headers()) {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            "Send the body as JSON, with Content-Type: application/json",
        ));
    }
    parse(&whole(request.into_body(), limit).await?)
}

fn is_json(headers: &HeaderMap) -> bool {
    let named = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    let essence = named
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// The whole body, refused when it is longer than `limit` bytes.
pub(crate) async fn whole(body: axum::body::Body, limit: usize) -> ApiResult<Bytes> {
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        if is_length_limit(&error) {
            return too_large(limit);
        }
        ApiError::unreadable("The body broke off before its end; send it again")
    })
}

fn is_length_limit(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.to_string().contains("length limit") {
            return true;
        }
        source = cause.source();
    }
    false
}

/// The answer to a body above `limit` bytes.
pub(crate) fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        format!(
            "The body is larger than {limit} bytes; send less, or raise the limit in waypost.toml"
        ),
    )
}

/// Reads JSON and names the field that does not fit.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> ApiResult<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let place = error.path().to_string();
        let inner = error.into_inner();
        if inner.is_data() {
            let said = inner.to_string();
            let what = said.split(" at line ").next().unwrap_or(&said).to_owned();
            return match place.as_str() {
                "." | "" => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", what),
                _ => ApiError::invalid(place, what),
            };
        }
        ApiError::unreadable(format!("The body is not JSON: {inner}"))
    })?;
    reader
        .end()
        .map_err(|error| ApiError::unreadable(format!("The body is not JSON: {error}")))?;
    Ok(value)
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        let Query(value) = Query::<T>::try_from_uri(&parts.uri).map_err(|refused| {
            let said = refused.body_text();
            let what = said
                .strip_prefix("Failed to deserialize query string: ")
                .unwrap_or(&said);
            ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid_query",
                format!("Query: {what}"),
            )
        })?;
        Ok(Self(value))
    }
}

impl<T, S> FromRequestParts<S> for Id<T>
where
    T: FromStr,
    T::Err: Display,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let nothing = || {
            ApiError::new(
                StatusCode::NOT_FOUND,
                "not_found",
                "There is no id in this path",
            )
        };
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| nothing())?;
        let (_, text) = params.iter().next().ok_or_else(nothing)?;
        let id = text.parse().map_err(|error: T::Err| {
            ApiError::new(StatusCode::NOT_FOUND, "not_found", error.to_string())
        })?;
        Ok(Self(id))
    }
}

/// Which page of a list `limit` and `cursor` ask for.
pub(crate) fn page(limit: Option<u16>, cursor: Option<String>) -> ApiResult<Page> {
    let limit = limit.unwrap_or(page::PAGE_DEFAULT);
    if limit == 0 || limit > page::PAGE_MAX {
        let text = format!("A page has 1 to {} items, not {limit}", page::PAGE_MAX);
        return Err(ApiError::invalid("limit", text));
    }
    Ok(Page { limit, cursor })
}

/// Longest text that lists are searched for, in characters.
const SEARCH_CHARS_MAX: usize = 200;

/// What a list is to be searched for; nothing when it is blank.
pub(crate) fn search_text(text: Option<String>) -> ApiResult<Option<String>> {
    let text = text.filter(|text| !text.trim().is_empty());
    if text
        .as_ref()
        .is_some_and(|text| text.chars().count() > SEARCH_CHARS_MAX)
    {
        let said = format!("Search for at most {SEARCH_CHARS_MAX} characters");
        return Err(ApiError::invalid("search", said));
    }
    Ok(text)
}

/// Text typed by a person: trimmed, not empty, at most `max` characters, no control characters.
pub(crate) fn line(field: &'static str, text: &str, max: usize) -> ApiResult<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ApiError::invalid(
            field,
            format!("'{field}' is empty; write something"),
        ));
    }
    if text.chars().count() > max {
        return Err(ApiError::invalid(
            field,
            format!("'{field}' is longer than {max} characters"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(ApiError::invalid(
            field,
            format!("'{field}' contains control characters; remove them"),
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse as _;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[allow(dead_code)]
        inner: Inner,
    }
    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        count: u8,
    }

    async fn said(text: &str) -> (StatusCode, serde_json::Value) {
        let response = parse::<Outer>(text.as_bytes()).unwrap_err().into_response();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 10_000)
            .await
            .unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn a_mistake_in_a_body_names_its_field() {
        let (status, problem) = said(r#"{"inner":{"count":300}}"#).await;
        assert_eq!(
            (status.as_u16(), problem["field"].as_str()),
            (422, Some("inner.count"))
        );
        let (status, problem) = said(r#"{"inner":{"count":3,"more":1}}"#).await;
        assert_eq!(status.as_u16(), 422);
        assert!(
            problem["detail"].as_str().unwrap().contains("more"),
            "{problem}"
        );
        let (status, problem) = said("{\"inner\":").await;
        assert_eq!(
            (status.as_u16(), problem["code"].as_str()),
            (400, Some("unreadable"))
        );
        let (status, _) = said("{\"inner\":{\"count\":3}} tail").await;
        assert_eq!(status.as_u16(), 400);
    }

    #[tokio::test]
    async fn a_body_above_the_limit_is_refused() {
        let refused = whole(axum::body::Body::from(vec![0; 11]), 10)
            .await
            .unwrap_err();
        assert_eq!(refused, too_large(10));
        assert_eq!(
            whole(axum::body::Body::from(vec![0; 10]), 10)
                .await
                .unwrap()
                .len(),
            10
        );
    }
}
