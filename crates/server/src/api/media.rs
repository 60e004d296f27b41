//! `/messages/{id}/media`: a message's file.
//!
//! What an outsider sent is handed to browsers so that it can do nothing: its type comes from
//! its content, it is never sniffed again, and a policy forbids it scripts and everything else.

use super::AppState;
use super::extract::Id;
use super::messages::own_message;
use super::problem::{ApiError, ApiResult};
use crate::auth::caller::May;
use crate::auth::scope::need::MessagesRead;
use crate::disposition::disposition;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use std::ops::Range;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{BlobId, MediaState, MessageId};
use waypost_store::admin::conversations::MessageView as Stored;

/// What a file may do in a browser: nothing.
const POLICY: &str = "default-src 'none'; sandbox";

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(file))
}

/// A message's file. `Range` with one range is understood.
#[utoipa::path(get, path = "/messages/{id}/media", tag = "messages", params(("id" = String, Path)),
    responses((status = 200, content_type = "*/*", body = Vec<u8>),
        (status = 206, content_type = "*/*", body = Vec<u8>),
        (status = 416, description = "The range lies outside of the file",
            content_type = "application/problem+json", body = super::problem::Problem)),
    security(("api_key" = ["messages:read"]), ("session" = ["messages:read"])))]
async fn file(
    State(state): State<AppState>,
    caller: May<MessagesRead>,
    Id(id): Id<MessageId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let message = own_message(&state, &caller, id).await?;
    let blob = state.store().blob(blob_of(&message)?).await?;
    let range = range(&headers, blob.bytes)?;
    let reader = state.store().open_blob(blob.id, range.clone()).await?;
    let name = message
        .content
        .file()
        .and_then(|file| file.file_name.clone());
    let mut response = Body::from_stream(reader.body).into_response();
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, value(&blob.mime));
    out.insert(
        header::CONTENT_DISPOSITION,
        value(&disposition(&blob.mime, name.as_deref())),
    );
    out.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=3600"),
    );
    let (from, to) = range.as_ref().map_or((0, blob.bytes), |r| (r.start, r.end));
    out.insert(header::CONTENT_LENGTH, HeaderValue::from(to - from));
    if range.is_some() {
        let last = to.saturating_sub(1);
        out.insert(
            header::CONTENT_RANGE,
            value(&format!("bytes {from}-{last}/{}", blob.bytes)),
        );
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text)
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"))
}

fn blob_of(message: &Stored) -> ApiResult<BlobId> {
    let no = |code, text: String| Err(ApiError::new(StatusCode::NOT_FOUND, code, text));
    if message.revoked_at.is_some() {
        return no(
            "media_revoked",
            "This message was deleted for everyone".into(),
        );
    }
    match message.media.as_ref().map(|media| &media.state) {
        Some(MediaState::Stored { blob, .. }) => Ok(*blob),
        Some(MediaState::Pending) => no(
            "media_pending",
            "The file is still being fetched; try again in a moment".into(),
        ),
        Some(MediaState::AskedAgain) => no(
            "media_pending",
            "The phone was asked to upload this file again; try again later".into(),
        ),
        Some(MediaState::Failed { reason }) => no(
            "media_failed",
            format!("The file could not be had: {reason}"),
        ),
        None => match message.content.file().and_then(|file| file.blob) {
            Some(blob) => Ok(blob),
            None => no("no_media", "This message has no file".into()),
        },
    }
}

/// The one range asked for. Several, and units other than bytes, are answered with the whole file,
/// as RFC 9110 allows.
fn range(headers: &HeaderMap, length: u64) -> ApiResult<Option<Range<u64>>> {
    let Some(asked) = headers.get(header::RANGE).and_then(|v| v.to_str().ok()) else {
        return Ok(None);
    };
    let Some((from, to)) = asked
        .trim()
        .strip_prefix("bytes=")
        .and_then(|r| r.split_once('-'))
    else {
        return Ok(None);
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let range = match (number(from), number(to)) {
        (Some(from), Some(to)) if from <= to => from..to.saturating_add(1).min(length),
        (Some(from), None) if to.trim().is_empty() => from..length,
        (None, Some(last)) if from.trim().is_empty() => length.saturating_sub(last)..length,
        _ => return Ok(None),
    };
    if range.is_empty() {
        return Err(ApiError::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            "range",
            format!("The range lies outside of the file, which has {length} bytes"),
        ));
    }
    Ok(Some(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_browsers_write_it() {
        let ask = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, text.parse().unwrap());
            range(&headers, 100)
        };
        assert_eq!(ask("bytes=0-").unwrap(), Some(0..100));
        assert_eq!(ask("bytes=10-19").unwrap(), Some(10..20));
        assert_eq!(ask("bytes=-5").unwrap(), Some(95..100));
        assert_eq!(ask("bytes=90-1000").unwrap(), Some(90..100));
        assert_eq!(ask("bytes=0-1,5-6").unwrap(), None);
        assert_eq!(ask("rows=1-2").unwrap(), None);
        assert!(ask("bytes=100-").is_err());
        assert!(ask("bytes=-0").is_err());
    }
}
