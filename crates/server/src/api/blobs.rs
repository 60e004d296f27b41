//! `/blobs`: files to send, uploaded before the message that carries them.

use super::AppState;
use super::extract::{Params, line, too_large};
use super::problem::{ApiError, ApiResult};
use crate::auth::caller::May;
use crate::auth::scope::need::MessagesSend;
use crate::{clock, file_type};
use axum::Json;
use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::http::{StatusCode, header};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Longest file name taken, in characters.
const FILE_NAME_CHARS_MAX: usize = 255;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(upload))
}

/// A stored file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Blob)]
struct BlobView {
    #[schema(example = "blb_0C3M5V7K2QH8J")]
    id: String,
    bytes: u64,
    /// In hex.
    sha256: String,
    /// As found in the file itself.
    mime: String,
    /// As given; name the file again in the message that carries it.
    file_name: Option<String>,
}

/// About the file.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UploadParams {
    /// What the file is called.
    #[param(max_length = 255)]
    file_name: Option<String>,
}

/// A form with one file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the form")]
struct FileForm {
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Stores a file to send: as the raw body, or as the first file of a form.
#[utoipa::path(post, path = "/blobs", tag = "messages", params(UploadParams),
    request_body(content(
        (Vec<u8> = "application/octet-stream"),
        (FileForm = "multipart/form-data")
    )),
    responses((status = 201, body = BlobView)),
    security(("api_key" = ["messages:send"]), ("session" = ["messages:send"])))]
async fn upload(
    State(state): State<AppState>,
    _: May<MessagesSend>,
    Params(params): Params<UploadParams>,
    request: Request,
) -> ApiResult<(StatusCode, Json<BlobView>)> {
    let given = params.file_name.filter(|name| !name.trim().is_empty());
    let given = given
        .map(|name| line("file_name", &name, FILE_NAME_CHARS_MAX))
        .transpose()?;
    let declared = content_type(&request);
    if declared.starts_with("multipart/form-data") {
        return from_form(&state, request, given).await;
    }
    let body = request.into_body().into_data_stream().map_err(broken);
    let stored = store(&state, body, &declared, given).await?;
    Ok((StatusCode::CREATED, Json(stored)))
}

fn content_type(request: &Request) -> String {
    let named = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    named.unwrap_or_default().to_ascii_lowercase()
}

fn broken(error: impl Display) -> ApiError {
    ApiError::unreadable(format!(
        "The upload broke off ({error}); send the file again"
    ))
}

async fn from_form(
    state: &AppState,
    request: Request,
    given: Option<String>,
) -> ApiResult<(StatusCode, Json<BlobView>)> {
    let wrong = |error: &dyn Display| {
        ApiError::invalid("file", format!("The form cannot be read: {error}"))
    };
    let mut form = Multipart::from_request(request, state)
        .await
        .map_err(|e| wrong(&e.body_text()))?;
    while let Some(field) = form
        .next_field()
        .await
        .map_err(|e: MultipartError| wrong(&e.body_text()))?
    {
        if field.name() != Some("file") && field.file_name().is_none() {
            continue;
        }
        let named = field
            .file_name()
            .map(|name| line("file_name", name, FILE_NAME_CHARS_MAX));
        let name = given.or(named.transpose().unwrap_or_default());
        let declared = field
            .content_type()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let body = field.map_err(|e| broken(e.body_text()));
        let stored = store(state, body, &declared, name).await?;
        return Ok((StatusCode::CREATED, Json(stored)));
    }
    Err(ApiError::invalid(
        "file",
        "The form has no file; add a part called 'file'",
    ))
}

async fn store(
    state: &AppState,
    body: impl Stream<Item = ApiResult<Bytes>> + Send,
    declared: &str,
    file_name: Option<String>,
) -> ApiResult<BlobView> {
    let limit = state.limits().blob_bytes_max;
    let now = clock::now();
    let mut writer = state.store().blob_writer(limit as u64, now).await?;
    let mut body = std::pin::pin!(body);
    let mut head = Vec::new();
    let mut bytes = 0_usize;
    while let Some(piece) = body.next().await {
        let piece = piece?;
        bytes = bytes.saturating_add(piece.len());
        if bytes > limit {
            return Err(too_large(limit));
        }
        let wanted = file_type::HEAD_BYTES
            .saturating_sub(head.len())
            .min(piece.len());
        head.extend_from_slice(&piece[..wanted]);
        writer.write(&piece).await?;
    }
    if bytes == 0 {
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "empty_file",
            "The file is empty; send its bytes as the body",
        ));
    }
    let blob = writer.finish(&kind(&head, declared), now).await?;
    Ok(BlobView {
        id: blob.id.to_string(),
        bytes: blob.bytes,
        sha256: blob.sha256,
        mime: blob.mime,
        file_name,
    })
}

/// What the file is by its content. What the sender says only tells kinds of text apart, which
/// no content can.
fn kind(head: &[u8], declared: &str) -> String {
    let found = file_type::of(head);
    let declared = declared.split(';').next().unwrap_or_default().trim();
    match (found, declared) {
        ("text/plain", "text/csv" | "text/vcard" | "text/calendar" | "application/json") => {
            declared.to_owned()
        }
        _ => found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_is_in_it_not_what_it_is_called() {
        assert_eq!(kind(b"%PDF-1.7", "image/png"), "application/pdf");
        assert_eq!(kind(b"a,b\n1,2\n", "text/csv; charset=utf-8"), "text/csv");
        assert_eq!(kind(b"<html>", "text/html"), "text/plain");
    }
}
