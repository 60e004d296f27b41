//! `/messages/{id}/explain` and `/conversations/{id}/threads`: why a message was taken as it was.

use super::AppState;
use super::extract::{Id, Params, page};
use super::messages::own_message;
use super::problem::{ApiError, ApiResult};
use super::shape::{List, PageParams, iso_or_null};
use crate::auth::caller::May;
use crate::auth::scope::need::MessagesRead;
use crate::clock::iso;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::flow::meaning::{PartOutcome, Trace};
use waypost_engine::flow::parts::Part;
use waypost_engine::flow::stage::Findings;
use waypost_engine::model::{ConversationId, Direction, MessageId, Origin};
use waypost_store::reading::{Processed, Thread};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(explain))
        .routes(routes!(threads))
}

/// What one part did about a message.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct PartExplained {
    /// Its short name.
    #[schema(example = "intent")]
    part: &'static str,
    title: &'static str,
    /// `found`, `nothing`, `no_text`, `off`, `stage_off`, `shed` or `failed`; null when nobody noted it.
    outcome: Option<&'static str>,
    /// The same in a sentence.
    text: String,
    /// In microseconds; null when it did not run.
    took_us: Option<u32>,
    /// What it decided: a list of values, an intent, a feeling, a turn or a thread. Null when nothing.
    #[schema(value_type = Value)]
    decided: Option<serde_json::Value>,
}

/// Why a message was taken as it was.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Explanation {
    message: String,
    /// Whether it went through the stages.
    processed: bool,
    /// The same in a sentence.
    text: String,
    #[schema(format = DateTime)]
    processed_at: Option<String>,
    /// The parts that read what is said, in the order in which they ran.
    parts: Vec<PartExplained>,
    /// The language of the latest words.
    #[schema(value_type = Option<Object>)]
    language: Option<serde_json::Value>,
    /// What the reply rules made of it.
    #[schema(value_type = Option<Object>)]
    reply: Option<serde_json::Value>,
    /// Parts whose work is still to be done.
    partial: Vec<&'static str>,
    /// Its thread within the conversation, as it is counted now.
    thread: Option<u64>,
}

/// A matter of a conversation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ConversationThread)]
struct ThreadView {
    /// Its number within the conversation, from 1.
    number: u64,
    #[schema(format = DateTime)]
    opened_at: String,
    /// When it was last spoken of.
    #[schema(format = DateTime)]
    last_at: String,
    /// When it ended; null while it is open.
    #[schema(format = DateTime)]
    closed_at: Option<String>,
    /// How many messages it has.
    messages: u32,
    first_message: String,
    last_message: String,
    /// What it is about: a list of `{kind, value}`.
    #[schema(value_type = Vec<Object>)]
    subjects: serde_json::Value,
}

fn thread_view(thread: Thread) -> ThreadView {
    ThreadView {
        number: thread.number,
        opened_at: iso(thread.opened_at),
        last_at: iso(thread.last_at),
        closed_at: iso_or_null(thread.closed_at),
        messages: thread.messages,
        first_message: thread.first_message.to_string(),
        last_message: thread.last_message.to_string(),
        subjects: thread.subjects,
    }
}

/// Why a message without findings has none.
fn unprocessed(direction: Direction, origin: Origin) -> &'static str {
    match (direction, origin) {
        (_, Origin::History) => "It came with the history, which is stored and not acted on.",
        (Direction::Out, _) => {
            "It went out from this account; only what arrives goes through the stages."
        }
        (Direction::In, _) => "It has not gone through the stages yet.",
    }
}

fn json(value: impl Serialize) -> Option<serde_json::Value> {
    serde_json::to_value(value).ok()
}

/// What a part decided, as it stands in the findings.
fn decided(part: Part, findings: &Findings) -> Option<serde_json::Value> {
    match part {
        Part::Entities => (!findings.values.is_empty()).then(|| json(&findings.values))?,
        Part::Intent => json(findings.intent.as_ref()?),
        Part::Sentiment => json(findings.sentiment?),
        Part::Flow => json(findings.turn.as_ref()?),
        Part::Threads => json(findings.thread.as_ref()?),
        _ => None,
    }
}

const UNREAD: &str = "It did not read this message: there were no words, or every part was off.";

/// What a part did, and what came of asking a language model, for people.
fn sentence(trace: &Trace) -> String {
    let done = trace.outcome.explain();
    match trace.asked {
        Some(asked) => format!("{done} {}", asked.explain()),
        None => done.to_owned(),
    }
}

/// What each text part did, from its traces.
pub(super) fn parts(traces: &[Trace], findings: &Findings) -> Vec<PartExplained> {
    let of: BTreeMap<Part, &Trace> = traces.iter().map(|trace| (trace.part, trace)).collect();
    let explained = |part: Part| {
        let trace = of.get(&part);
        let outcome = trace.map(|trace| trace.outcome);
        let ran = matches!(
            outcome,
            Some(PartOutcome::Found | PartOutcome::Nothing | PartOutcome::Failed)
        );
        PartExplained {
            part: part.name(),
            title: part.title(),
            outcome: outcome.map(PartOutcome::name),
            text: trace.map_or_else(|| UNREAD.to_owned(), |trace| sentence(trace)),
            took_us: trace.filter(|_| ran).map(|trace| trace.took_us),
            decided: decided(part, findings),
        }
    };
    Part::TEXT.into_iter().map(explained).collect()
}

fn explanation(message: MessageId, processed: &Processed, findings: &Findings) -> Explanation {
    let text = match findings.partial.is_empty() {
        true => "It went through the stages.",
        false => "It went through the stages; some work on it is put off.",
    };
    let traces: Vec<Trace> = processed
        .traces
        .clone()
        .and_then(|traces| serde_json::from_value(traces).ok())
        .unwrap_or_default();
    Explanation {
        message: message.to_string(),
        processed: true,
        text: text.to_owned(),
        processed_at: Some(iso(processed.at)),
        parts: parts(&traces, findings),
        language: findings.language.as_ref().and_then(json),
        reply: findings.reply.as_ref().and_then(json),
        partial: findings.partial.iter().map(|part| part.name()).collect(),
        thread: processed.thread,
    }
}

/// Why a message was taken as it was: what each part decided, how long it took, and what was left out.
#[utoipa::path(get, path = "/messages/{id}/explain", tag = "messages", params(("id" = String, Path)),
    responses((status = 200, body = Explanation)),
    security(("api_key" = ["messages:read"]), ("session" = ["messages:read"])))]
async fn explain(
    State(state): State<AppState>,
    caller: May<MessagesRead>,
    Id(id): Id<MessageId>,
) -> ApiResult<Json<Explanation>> {
    let message = own_message(&state, &caller, id).await?;
    let Some(processed) = state.store().processed(id).await? else {
        return Ok(Json(Explanation {
            message: id.to_string(),
            processed: false,
            text: unprocessed(message.direction, message.origin).to_owned(),
            processed_at: None,
            parts: Vec::new(),
            language: None,
            reply: None,
            partial: Vec::new(),
            thread: None,
        }));
    };
    let findings = Findings::from_stored(processed.findings.clone()).map_err(ApiError::internal)?;
    Ok(Json(explanation(id, &processed, &findings)))
}

/// The matters of a conversation, newest first.
#[utoipa::path(get, path = "/conversations/{id}/threads", tag = "conversations",
    params(("id" = String, Path), PageParams),
    responses((status = 200, body = List<ThreadView>)),
    security(("api_key" = ["messages:read"]), ("session" = ["messages:read"])))]
async fn threads(
    State(state): State<AppState>,
    caller: May<MessagesRead>,
    Id(id): Id<ConversationId>,
    Params(params): Params<PageParams>,
) -> ApiResult<Json<List<ThreadView>>> {
    let page = page(params.limit, params.cursor)?;
    let threads = state.store().threads(caller.workspace(), id, page).await?;
    Ok(Json(List::of(threads, thread_view)))
}
