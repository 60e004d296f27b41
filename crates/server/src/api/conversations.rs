//! `/conversations`: one account with one contact or group.

use super::AppState;
use super::extract::{Body, Id, Params, page, search_text};
use super::message_view::{DirectionText, MessageView, StateText};
use super::messages::view as message_view;
use super::ports::Typing;
use super::problem::{ApiError, ApiResult};
use super::shape::{List, PageParams, shown};
use crate::auth::caller::May;
use crate::auth::scope::need::{ConversationsRead, ConversationsWrite, MessagesRead};
use crate::clock::{self, iso};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{AccountId, ConversationId, Seq, Timestamp};
use waypost_store::admin::conversations::{
    Around, ConversationFilter, ConversationView as Stored, Party, Place, Preview, Show,
};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(messages))
        .routes(routes!(read))
        .routes(routes!(typing))
}

/// A conversation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Conversation)]
struct ConversationView {
    #[schema(example = "cnv_0C3M5V7K2QH8J")]
    id: String,
    account: String,
    kind: KindText,
    /// What to call it: the contact's name or number, or the group's subject.
    title: String,
    address: Option<String>,
    /// The contact's id; null for a group.
    contact: Option<String>,
    /// Unread messages.
    unread: i64,
    last_message: Option<LastMessage>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// With one person, or a group.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConversationKind)]
enum KindText {
    Direct,
    Group,
}

/// The last message of a conversation in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct LastMessage {
    id: String,
    kind: String,
    /// Its first words; empty when it has none or was deleted.
    preview: String,
    #[schema(format = DateTime)]
    at: String,
    direction: DirectionText,
    /// Who wrote it, in a group.
    sender: Option<String>,
    state: Option<StateText>,
}

/// Which conversations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only those of this account.
    #[param(value_type = Option<String>)]
    account: Option<AccountId>,
    /// Only those with this text in a name or number.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Only those with unread messages.
    unread: Option<bool>,
    /// Most items wanted.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Whether somebody types.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TypingNow {
    active: bool,
}

fn view(stored: Stored) -> ConversationView {
    let (kind, address, contact) = match stored.party {
        Party::Contact {
            contact,
            phone,
            lid,
        } => (KindText::Direct, phone.or(lid), Some(contact.to_string())),
        Party::Chat { address, .. } => (KindText::Group, Some(address), None),
    };
    ConversationView {
        id: stored.id.to_string(),
        account: stored.account.to_string(),
        kind,
        title: stored.title,
        address: address.as_ref().map(shown),
        contact,
        unread: stored.unread,
        last_message: stored.last.map(|last| last_message(last, stored.last_at)),
        created_at: iso(stored.created_at),
    }
}

fn last_message(last: Preview, at: Timestamp) -> LastMessage {
    LastMessage {
        id: last.message.to_string(),
        kind: last.kind,
        preview: last.text.unwrap_or_default(),
        at: iso(at),
        direction: last.direction.into(),
        sender: last.sender_name,
        state: last.state.map(Into::into),
    }
}

/// Conversations, the one with the newest message first.
#[utoipa::path(get, path = "/conversations", tag = "conversations", params(ListParams),
    responses((status = 200, body = List<ConversationView>)),
    security(("api_key" = ["conversations:read"]), ("session" = ["conversations:read"])))]
async fn list(
    State(state): State<AppState>,
    caller: May<ConversationsRead>,
    Params(params): Params<ListParams>,
) -> ApiResult<Json<List<ConversationView>>> {
    let page = page(params.limit, params.cursor)?;
    let text = search_text(params.search)?;
    let show = if params.unread == Some(true) {
        Show::Unread
    } else {
        Show::All
    };
    let filter = ConversationFilter {
        workspace: caller.workspace(),
        account: params.account,
        text,
        show,
    };
    let found = state.store().conversations(filter, page).await?;
    Ok(Json(List::of(found, view)))
}

/// One conversation.
#[utoipa::path(get, path = "/conversations/{id}", tag = "conversations",
    params(("id" = String, Path)), responses((status = 200, body = ConversationView)),
    security(("api_key" = ["conversations:read"]), ("session" = ["conversations:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<ConversationsRead>,
    Id(id): Id<ConversationId>,
) -> ApiResult<Json<ConversationView>> {
    Ok(Json(view(
        state.store().conversation(caller.workspace(), id).await?,
    )))
}

/// The messages of a conversation, newest first.
#[utoipa::path(get, path = "/conversations/{id}/messages", tag = "conversations",
    params(("id" = String, Path), PageParams),
    responses((status = 200, body = List<MessageView>)),
    security(("api_key" = ["messages:read"]), ("session" = ["messages:read"])))]
async fn messages(
    State(state): State<AppState>,
    caller: May<MessagesRead>,
    Id(id): Id<ConversationId>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<MessageView>>> {
    let page = page(params.limit, params.cursor)?;
    let around = match page.cursor.as_deref() {
        None => Around::Newest,
        Some(cursor) => Around::Before(place(cursor)?),
    };
    let found = state
        .store()
        .messages(caller.workspace(), id, around, page.limit)
        .await?;
    Ok(Json(List {
        items: found
            .messages
            .into_iter()
            .rev()
            .map(|m| message_view(&state, m))
            .collect(),
        next: found
            .older
            .map(|place| format!("{:x}-{:x}", place.sent_at.0, place.seq.0)),
    }))
}

/// Reads a cursor of [`messages`].
fn place(cursor: &str) -> ApiResult<Place> {
    let number = |text: &str| i64::from_str_radix(text, 16).ok().filter(|n| *n >= 0);
    let read = cursor
        .split_once('-')
        .and_then(|(at, seq)| Some((number(at)?, number(seq)?)));
    match read {
        Some((sent_at, seq)) => Ok(Place {
            sent_at: Timestamp(sent_at),
            seq: Seq(seq),
        }),
        None => Err(ApiError::invalid(
            "cursor",
            "This cursor is not one of this list; start without it",
        )),
    }
}

/// Marks a conversation as read, here and for the other side.
#[utoipa::path(post, path = "/conversations/{id}/read", tag = "conversations",
    params(("id" = String, Path)), responses((status = 200, body = ConversationView)),
    security(("api_key" = ["conversations:write"]), ("session" = ["conversations:write"])))]
async fn read(
    State(state): State<AppState>,
    caller: May<ConversationsWrite>,
    Id(id): Id<ConversationId>,
) -> ApiResult<Json<ConversationView>> {
    let marked = state
        .store()
        .mark_read(caller.workspace(), id, clock::now())
        .await?;
    if !marked.receipts.is_empty() {
        // Receipts are best effort: what is read here stays read when the account is offline.
        if let Err(error) = state.fleet().mark_read(marked).await {
            tracing::debug!(conversation = %id, %error, "read receipts were not sent");
        }
    }
    Ok(Json(view(
        state.store().conversation(caller.workspace(), id).await?,
    )))
}

/// Shows the other side that somebody types, or stopped.
#[utoipa::path(post, path = "/conversations/{id}/typing", tag = "conversations",
    params(("id" = String, Path)), request_body = TypingNow, responses((status = 204)),
    security(("api_key" = ["conversations:write"]), ("session" = ["conversations:write"])))]
async fn typing(
    State(state): State<AppState>,
    caller: May<ConversationsWrite>,
    Id(id): Id<ConversationId>,
    Body(now): Body<TypingNow>,
) -> ApiResult<StatusCode> {
    let conversation = state.store().conversation(caller.workspace(), id).await?;
    let typing = if now.active {
        Typing::Started
    } else {
        Typing::Stopped
    };
    let to = super::recipient::address(&conversation)?;
    state
        .fleet()
        .typing(conversation.account, &to, typing)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_a_strange_one_is_refused() {
        let place = place("18f-1a").unwrap();
        assert_eq!((place.sent_at.0, place.seq.0), (0x18f, 0x1a));
        for strange in ["", "-", "1", "1-", "x-y", "-1-1", "1-ffffffffffffffffff"] {
            assert!(super::place(strange).is_err(), "{strange}");
        }
    }
}
