//! `/gallery`: files that came, with what was read of them; and one message's reading.

use super::AppState;
use super::extract::{Id, Params, page};
use super::messages::own_message;
use super::problem::{ApiError, ApiResult};
use super::shape::List;
use crate::auth::caller::May;
use crate::auth::scope::need::MessagesRead;
use crate::clock::iso;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{AccountId, ConversationId, MessageId};
use waypost_store::readings::{FileReading, GalleryItem, GalleryQuery, ReadingKind, ReadingState};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(gallery))
        .routes(routes!(reading))
        .routes(routes!(thumbnail))
}

/// What kind of file.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FileKind)]
enum KindText {
    Picture,
    Document,
    Audio,
}

impl From<ReadingKind> for KindText {
    fn from(kind: ReadingKind) -> Self {
        match kind {
            ReadingKind::Picture => Self::Picture,
            ReadingKind::Document => Self::Document,
            ReadingKind::Audio => Self::Audio,
        }
    }
}

impl From<KindText> for ReadingKind {
    fn from(kind: KindText) -> Self {
        match kind {
            KindText::Picture => Self::Picture,
            KindText::Document => Self::Document,
            KindText::Audio => Self::Audio,
        }
    }
}

/// How far the reading of a file is.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReadingState)]
enum StateText {
    /// It has not been read yet.
    Pending,
    /// It has.
    Done,
    /// It cannot be read.
    Failed,
    /// The settings say not to read it.
    Skipped,
}

impl From<ReadingState> for StateText {
    fn from(state: ReadingState) -> Self {
        match state {
            ReadingState::Pending => Self::Pending,
            ReadingState::Done => Self::Done,
            ReadingState::Failed => Self::Failed,
            ReadingState::Skipped => Self::Skipped,
        }
    }
}

/// A picture's size in points.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct Size {
    width: u32,
    height: u32,
}

fn size(size: Option<(u32, u32)>) -> Option<Size> {
    size.map(|(width, height)| Size { width, height })
}

/// What was read of a message's file. What it says is an outsider's text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FileReading)]
struct ReadingView {
    message: String,
    state: StateText,
    kind: KindText,
    text: String,
    /// `[{"name", "rows": [["cell"]]}]`
    #[schema(value_type = Vec<Object>)]
    tables: Value,
    /// Values that the text mentions, as `POST /insight/analyze` gives them.
    #[schema(value_type = Vec<Object>)]
    entities: Value,
    language: Option<String>,
    /// Whether there is more in the file than is read.
    truncated: bool,
    /// How sure text recognition is, from 0 to 100.
    confidence: Option<u8>,
    took_ms: u64,
    size: Option<Size>,
    /// An earlier message with the same picture.
    same_as: Option<String>,
    has_thumbnail: bool,
    /// Why it failed, was skipped, or is tried again.
    error: Option<String>,
    #[schema(format = DateTime)]
    at: String,
}

fn view(reading: FileReading) -> ReadingView {
    let found = reading.found;
    let list = |value: Option<Value>| value.unwrap_or_else(|| Value::Array(Vec::new()));
    ReadingView {
        message: reading.message.to_string(),
        state: reading.state.into(),
        kind: reading.kind.into(),
        text: found.text,
        tables: list(found.tables),
        entities: list(found.entities),
        language: found.language,
        truncated: found.truncated,
        confidence: found.confidence,
        took_ms: found.took_ms,
        size: size(found.size),
        same_as: found.same_as.map(|id| id.to_string()),
        has_thumbnail: reading.has_thumbnail,
        error: reading.error,
        at: iso(reading.at),
    }
}

/// A file that came.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GalleryItem)]
struct ItemView {
    message: String,
    account: String,
    conversation: String,
    sender_name: Option<String>,
    file_name: Option<String>,
    mime: Option<String>,
    bytes: u64,
    #[schema(format = DateTime)]
    sent_at: String,
    kind: KindText,
    state: StateText,
    /// The beginning of its text.
    text: String,
    size: Option<Size>,
    has_thumbnail: bool,
    /// The first message with the same picture; its own id when there is none before it.
    same_as: String,
    /// How often the picture came, this time included.
    copies: u32,
}

fn item(item: GalleryItem) -> ItemView {
    ItemView {
        message: item.message.to_string(),
        account: item.account.to_string(),
        conversation: item.conversation.to_string(),
        sender_name: item.sender_name,
        file_name: item.file_name,
        mime: item.mime,
        bytes: item.bytes,
        sent_at: iso(item.sent_at),
        kind: item.kind.into(),
        state: item.state.into(),
        text: item.text,
        size: size(item.size),
        has_thumbnail: item.has_thumbnail,
        same_as: item.same_as.to_string(),
        copies: item.copies,
    }
}

/// Which files.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct GalleryParams {
    /// Only of this account.
    #[param(value_type = Option<String>)]
    account: Option<AccountId>,
    /// Only of this conversation.
    #[param(value_type = Option<String>)]
    conversation: Option<ConversationId>,
    /// Only of this kind.
    #[param(inline)]
    kind: Option<KindText>,
    /// Only with these words, in the message, its file's name or what was read of it.
    #[param(min_length = 1, max_length = 512)]
    q: Option<String>,
    /// Every copy of the picture whose `same_as` this is, instead of the newest of each.
    #[param(value_type = Option<String>)]
    copies_of: Option<MessageId>,
    /// Most items wanted.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Files that came, newest first. Pictures that look the same are listed once, with their number.
#[utoipa::path(get, path = "/gallery", tag = "messages", params(GalleryParams),
    responses((status = 200, body = List<ItemView>)),
    security(("api_key" = ["messages:read"]), ("session" = ["messages:read"])))]
async fn gallery(
    State(state): State<AppState>,
    caller: May<MessagesRead>,
    Params(params): Params<GalleryParams>,
) -> ApiResult<Json<List<ItemView>>> {
    let page = page(params.limit, params.cursor)?;
    let query = GalleryQuery {
        workspace: caller.workspace(),
        account: params.account,
        conversation: params.conversation,
        kind: params.kind.map(ReadingKind::from),
        text: params.q,
        copies_of: params.copies_of,
    };
    let found = state.store().gallery(query, page).await?;
    Ok(Json(List::of(found, item)))
}

/// What was read of a message's file.
#[utoipa::path(get, path = "/messages/{id}/media/reading", tag = "messages", params(("id" = String, Path)),
    responses((status = 200, body = ReadingView)),
    security(("api_key" = ["messages:read"]), ("session" = ["messages:read"])))]
async fn reading(
    State(state): State<AppState>,
    caller: May<MessagesRead>,
    Id(id): Id<MessageId>,
) -> ApiResult<Json<ReadingView>> {
    not_revoked(&state, &caller, id).await?;
    match state.store().file_reading(id).await? {
        Some(found) => Ok(Json(view(found))),
        None => Err(nothing(
            "no_reading",
            "This message has no file that is read, or it is not here yet",
        )),
    }
}

/// A small picture of a message's file, JPEG.
#[utoipa::path(get, path = "/messages/{id}/media/thumbnail", tag = "messages", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>)),
    security(("api_key" = ["messages:read"]), ("session" = ["messages:read"])))]
async fn thumbnail(
    State(state): State<AppState>,
    caller: May<MessagesRead>,
    Id(id): Id<MessageId>,
) -> ApiResult<Response> {
    not_revoked(&state, &caller, id).await?;
    let Some(jpeg) = state.store().file_thumbnail(id).await? else {
        return Err(nothing(
            "no_thumbnail",
            "There is no small picture of this message's file",
        ));
    };
    let mut response = jpeg.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, max-age=3600"),
    );
    Ok(response)
}

/// A message that was deleted for everyone shows neither its file nor what was in it.
async fn not_revoked(state: &AppState, caller: &May<MessagesRead>, id: MessageId) -> ApiResult<()> {
    let message = own_message(state, caller, id).await?;
    if message.revoked_at.is_some() {
        return Err(nothing(
            "media_revoked",
            "This message was deleted for everyone",
        ));
    }
    Ok(())
}

fn nothing(code: &'static str, text: &'static str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, code, text)
}
