//! `/messages`: sending, and one message's state and file.

use super::AppState;
use super::accounts::own_account;
use super::extract::{Body, Id};
use super::message_content::ToSend;
use super::message_view::MessageView;
use super::ports::{TakenBack, Waiting};
use super::problem::{ApiError, ApiResult};
use super::recipient;
use crate::auth::caller::{Caller, May};
use crate::auth::random_bytes;
use crate::auth::scope::need::{MessagesRead, MessagesSend};
use crate::clock;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::model::{AccountId, AccountState, Draft, MessageId, SendOrigin, SendState};
use waypost_store::admin::conversations::MessageView as Stored;
use waypost_store::sending::IDEMPOTENCY_KEY_MAX;
use waypost_store::{Enqueued, Idempotency, Moved};

/// The header with which a repeated request is recognised.
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header that says that a request was recognised as a repetition.
const REPLAYED: &str = "idempotency-replayed";

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(send))
        .routes(routes!(show))
        .routes(routes!(cancel))
        .routes(routes!(release))
}

/// A message to send.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MessageToSend {
    /// The sending account.
    #[schema(value_type = String, example = "acc_0C3M5V7K2QH8J")]
    account: AccountId,
    /// A phone number with country code, an address, or a conversation's id.
    #[schema(example = "+971505760056", max_length = 128)]
    to: String,
    content: ToSend,
}

/// The id that WhatsApp and the recipient's app see, in the form that WhatsApp's own web client
/// gives its messages: 3EB0 and 18 hex digits.
#[must_use]
pub fn new_wire_id() -> String {
    format!("3EB0{}", hex::encode_upper(random_bytes::<9>()))
}

/// Sends a message. It is committed before this answers; `GET /messages/{id}` says how far it is.
///
/// With an `Idempotency-Key` a repeated request answers with the message the first one made.
#[utoipa::path(post, path = "/messages", tag = "messages", request_body = MessageToSend,
    params(("Idempotency-Key" = Option<String>, Header,
        description = "At most 255 visible characters; remembered for 24 hours")),
    responses((status = 202, body = MessageView)),
    security(("api_key" = ["messages:send"]), ("session" = ["messages:send"])))]
async fn send(
    State(state): State<AppState>,
    caller: May<MessagesSend>,
    headers: HeaderMap,
    Body(wanted): Body<MessageToSend>,
) -> ApiResult<Response> {
    let unknown = |_| ApiError::invalid("account", "There is no such account; check the id");
    let account = own_account(&state, &caller, wanted.account)
        .await
        .map_err(unknown)?;
    if account.state == AccountState::New {
        return Err(ApiError::conflict(
            "This account was never linked; link it before sending",
        ));
    }
    let idempotency = idempotency(&caller, &headers, &wanted)?;
    let recipient = recipient::resolve(&state, caller.workspace(), account.id, &wanted.to).await?;
    let content = wanted.content.resolve(&state, &recipient).await?;
    let now = clock::now();
    let draft = Draft {
        id: state.store().next_id(now),
        account: account.id,
        conversation: recipient.conversation,
        to: recipient.address,
        wire_id: new_wire_id(),
        content,
        frozen: None,
        origin: SendOrigin::Api,
        created_at: now,
    };
    match state.store().enqueue(draft, idempotency, now).await? {
        Enqueued::New(queued) => {
            state.fleet().wake_outbox(account.id);
            let message = view(&state, own_message(&state, &caller, queued.message).await?);
            Ok((StatusCode::ACCEPTED, Json(message)).into_response())
        }
        Enqueued::Replayed(queued) => {
            let message = view(&state, own_message(&state, &caller, queued.message).await?);
            Ok((StatusCode::ACCEPTED, [(REPLAYED, "true")], Json(message)).into_response())
        }
        Enqueued::KeyReused => Err(ApiError::new(
            StatusCode::CONFLICT,
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request; use a new one",
        )),
    }
}

fn idempotency(
    caller: &Caller,
    headers: &HeaderMap,
    wanted: &MessageToSend,
) -> ApiResult<Option<Idempotency>> {
    let Some(given) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let key = given.to_str().unwrap_or_default().trim();
    let readable =
        !key.is_empty() && key.len() <= IDEMPOTENCY_KEY_MAX && !key.contains(char::is_control);
    if !readable {
        return Err(ApiError::invalid(
            "Idempotency-Key",
            format!("The Idempotency-Key must have 1 to {IDEMPOTENCY_KEY_MAX} visible characters"),
        ));
    }
    // The request as understood, so that white space and the order of fields do not matter.
    let request = serde_json::to_vec(wanted).map_err(ApiError::internal)?;
    Ok(Some(Idempotency {
        workspace: caller.workspace(),
        key: key.to_owned(),
        request_hash: Sha256::digest(request).to_vec(),
    }))
}

/// A message of the caller's workspace.
pub(super) async fn own_message(
    state: &AppState,
    caller: &Caller,
    id: MessageId,
) -> ApiResult<Stored> {
    let message = state.store().message(caller.workspace(), id).await?;
    Ok(message)
}

/// As shown, with what the fleet knows about it.
pub(super) fn view(state: &AppState, stored: Stored) -> MessageView {
    let waiting = match stored.send.as_ref().map(|send| send.state) {
        Some(SendState::Accepted) => state.fleet().waiting(stored.account, stored.id),
        Some(SendState::Held) => Some(held()),
        _ => None,
    };
    MessageView::of(stored).waiting(waiting)
}

/// Why a held message waits.
fn held() -> Waiting {
    Waiting {
        code: "held",
        text: "This database was restored from a backup, so nobody knows whether the message \
               went out. Release it to send it under its first id, or cancel it."
            .to_owned(),
        until: None,
    }
}

/// One message.
#[utoipa::path(get, path = "/messages/{id}", tag = "messages", params(("id" = String, Path)),
    responses((status = 200, body = MessageView)),
    security(("api_key" = ["messages:read"]), ("session" = ["messages:read"])))]
async fn show(
    State(state): State<AppState>,
    caller: May<MessagesRead>,
    Id(id): Id<MessageId>,
) -> ApiResult<Json<MessageView>> {
    let stored = own_message(&state, &caller, id).await?;
    Ok(Json(view(&state, stored)))
}

/// Lets a message go out that is held after a restore from a backup. It keeps its id, so the
/// recipient's app drops it when it went out before. To discard it, cancel it.
#[utoipa::path(post, path = "/messages/{id}/release", tag = "messages", params(("id" = String, Path)),
    responses((status = 200, body = MessageView)),
    security(("api_key" = ["messages:send"]), ("session" = ["messages:send"])))]
async fn release(
    State(state): State<AppState>,
    caller: May<MessagesSend>,
    Id(id): Id<MessageId>,
) -> ApiResult<Json<MessageView>> {
    let message = own_message(&state, &caller, id).await?;
    match state.store().release(id, clock::now()).await? {
        // An older send was put back, behind what the outbox has read.
        Moved::To(_) => state.fleet().wake_flow(message.account),
        // Somebody released it already.
        Moved::Already(SendState::Accepted) => {}
        Moved::Already(_) | Moved::Unknown => {
            return Err(ApiError::conflict(
                "Only messages that are held after a restore can be released",
            ));
        }
    }
    Ok(Json(view(&state, own_message(&state, &caller, id).await?)))
}

/// Cancels a message that has not gone out, or is held.
#[utoipa::path(post, path = "/messages/{id}/cancel", tag = "messages", params(("id" = String, Path)),
    responses((status = 200, body = MessageView)),
    security(("api_key" = ["messages:send"]), ("session" = ["messages:send"])))]
async fn cancel(
    State(state): State<AppState>,
    caller: May<MessagesSend>,
    Id(id): Id<MessageId>,
) -> ApiResult<Json<MessageView>> {
    let message = own_message(&state, &caller, id).await?;
    let gone = "It has gone out already and cannot be cancelled; delete it for everyone instead";
    match state.fleet().take_back(message.account, id).await? {
        TakenBack::Done => {}
        TakenBack::UnderWay => return Err(ApiError::conflict(gone)),
        TakenBack::NotHeld => match state.store().cancel(id, clock::now()).await? {
            Moved::To(_) => state.fleet().wake_outbox(message.account),
            Moved::Already(SendState::Failed) => {}
            Moved::Already(_) => return Err(ApiError::conflict(gone)),
            Moved::Unknown => {
                let text = "Only messages sent through Waypost can be cancelled";
                return Err(ApiError::conflict(text));
            }
        },
    }
    Ok(Json(view(&state, own_message(&state, &caller, id).await?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_ids_look_like_those_of_whatsapp_and_differ() {
        let (a, b) = (new_wire_id(), new_wire_id());
        assert!(a.len() == 22 && a.starts_with("3EB0") && a != b, "{a} {b}");
    }
}
