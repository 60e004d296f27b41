//! `/events/stream`: events over a WebSocket as they happen.
//!
//! A reader that is too slow is not disconnected: what it missed is skipped and it gets a
//! `resync`, after which it reads the present state and goes on from the cursor given.

use super::AppState;
use super::events::{EventParams, EventView, StreamParams};
use super::extract::Params;
use super::problem::{ApiError, ApiResult};
use crate::auth::caller::May;
use crate::auth::scope::need::EventsRead;
use axum::extract::State;
use axum::extract::ws::{
    Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection,
};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _, stream::SplitSink};
use serde::Serialize;
use std::time::Duration;
use tokio::sync::watch;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_store::{Cursor, EventFilter, Store, StoreError};

/// Events read from the store at a time.
const BATCH: usize = 100;
/// How often a silent stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// How long one frame may take to leave before the reader counts as gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// How far, in events, a reader may fall behind before the rest is skipped with a resync.
pub(super) const LAG_MAX: i64 = 10_000;
/// Longest frame taken from a reader, in bytes; readers have nothing to say.
const FRAME_IN_MAX: usize = 4_096;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(stream))
}

/// One frame of the stream.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Frame {
    /// Something happened. Open the stream again with `after=cursor` to go on behind it.
    Event {
        cursor: String,
        event: Box<EventView>,
    },
    /// Events were skipped, or the cursor cannot be continued: read the present state. The stream
    /// goes on from here.
    Resync { cursor: String, reason: String },
    /// Nothing happened, all is well.
    Ping,
}

/// Events as they happen, as JSON text frames. Resume with the last cursor.
#[utoipa::path(get, path = "/events/stream", tag = "events", params(StreamParams),
    responses((status = 101, description = "The WebSocket; its frames are of this shape", body = Frame),
        (status = 426, description = "Open a WebSocket here",
            content_type = "application/problem+json", body = super::problem::Problem)),
    security(("api_key" = ["events:read"]), ("session" = ["events:read"])))]
async fn stream(
    State(state): State<AppState>,
    caller: May<EventsRead>,
    Params(params): Params<StreamParams>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> ApiResult<Response> {
    let params = EventParams::from(params);
    let filter = params.filter(caller.workspace())?;
    let upgrade = upgrade.map_err(|_| {
        ApiError::new(
            StatusCode::UPGRADE_REQUIRED,
            "websocket_only",
            "Open a WebSocket here, or read GET /events",
        )
    })?;
    let start = params.start(&state);
    let store = state.store().clone();
    Ok(upgrade
        .max_message_size(FRAME_IN_MAX)
        .on_upgrade(async move |socket| {
            let head = store.head_cursor();
            let (cursor, problem) = match start {
                Ok(cursor) => (cursor, None),
                Err(_) => (head, Some("the cursor cannot be read".to_owned())),
            };
            run(
                socket,
                Reader {
                    store,
                    filter,
                    cursor,
                },
                problem,
            )
            .await;
        }))
}

/// Where one reader is.
struct Reader {
    store: Store,
    filter: EventFilter,
    cursor: Cursor,
}

/// The reader is gone.
struct Gone;

async fn run(socket: WebSocket, mut reader: Reader, problem: Option<String>) {
    let (mut out, mut from) = socket.split();
    let mut bell = reader.store.subscribe();
    if let Some(reason) = problem {
        let frame = Frame::Resync {
            cursor: reader.cursor.to_string(),
            reason,
        };
        if send(&mut out, &frame).await.is_err() {
            return;
        }
    }
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    heartbeat.tick().await;
    loop {
        if reader.catch_up(&mut out, &mut bell).await.is_err() {
            return;
        }
        tokio::select! {
            rung = bell.changed() => if rung.is_err() { break },
            _ = heartbeat.tick() => if send(&mut out, &Frame::Ping).await.is_err() { return },
            said = from.next() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
    let _ = out.send(Message::Close(None)).await;
}

impl Reader {
    /// Sends everything that is stored.
    async fn catch_up(
        &mut self,
        out: &mut SplitSink<WebSocket, Message>,
        bell: &mut watch::Receiver<i64>,
    ) -> Result<(), Gone> {
        loop {
            let head = *bell.borrow_and_update();
            if head - self.cursor.position > LAG_MAX {
                self.skip(out, "you were too slow and events were skipped")
                    .await?;
            }
            let read = self
                .store
                .events_after(self.cursor, self.filter.clone(), BATCH)
                .await;
            let page = match read {
                Ok(page) => page,
                Err(StoreError::Resync { why }) => {
                    self.skip(out, &why.to_string()).await?;
                    continue;
                }
                Err(StoreError::Busy) => return Ok(()),
                Err(error) => {
                    tracing::warn!(%error, "an event stream ends because the store cannot be read");
                    return Err(Gone);
                }
            };
            for event in page.events {
                let cursor = self.store.cursor_at(event.position);
                let event = Box::new(event.into());
                send(
                    out,
                    &Frame::Event {
                        cursor: cursor.to_string(),
                        event,
                    },
                )
                .await?;
                self.cursor = cursor;
            }
            self.cursor = page.next;
            if !page.more {
                return Ok(());
            }
        }
    }

    /// Goes to the newest event and says so.
    async fn skip(
        &mut self,
        out: &mut SplitSink<WebSocket, Message>,
        reason: &str,
    ) -> Result<(), Gone> {
        self.cursor = self.store.head_cursor();
        let frame = Frame::Resync {
            cursor: self.cursor.to_string(),
            reason: reason.to_owned(),
        };
        send(out, &frame).await
    }
}

async fn send(out: &mut SplitSink<WebSocket, Message>, frame: &Frame) -> Result<(), Gone> {
    let text = serde_json::to_string(frame).map_err(|_| Gone)?;
    let sent = tokio::time::timeout(SEND_TIMEOUT, out.send(Message::Text(text.into())));
    match sent.await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Gone),
    }
}
