//! `/pipeline` as an entry: messages tried out, one or many, and stored ones read again.

use super::AppState;
use super::accounts::own_account;
use super::explain::{PartExplained, parts};
use super::extract::Body;
use super::problem::{ApiError, ApiResult};
use crate::auth::caller::{Caller, May};
use crate::auth::scope::need::{MessagesRead, PipelineWrite};
use crate::clock;
use crate::insight::{ZONE_DEFAULT, zone};
use crate::parts::again::Again;
use crate::parts::{Done, State as Known};
use axum::Json;
use axum::extract::State;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use waypost_engine::flow::stage::{Effect, Findings, Input, Outcome, Pipeline};
use waypost_engine::model::{
    AccountId, Address, Content, ConversationId, MessageId, Origin, Rule, Seq, Timestamp,
};
use waypost_insight::time::moment;

/// Most messages of one batch.
const BATCH_MAX: usize = 1_000;
/// Longest message that is tried out, in bytes; what is behind the first 65,536 characters is not read.
const TEXT_LEN_MAX: usize = 262_144;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(one))
        .routes(routes!(batch))
        .routes(routes!(replay))
}

/// A message to try out. Nothing is stored and nothing is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TextToRun {
    #[schema(example = "Can I see the 2BR in JVC tomorrow at 5pm?")]
    text: String,
    /// When it is written, in ISO 8601; now when absent.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// The number of whoever writes: its country says which time is meant.
    #[schema(example = "+971505760056")]
    phone: Option<String>,
    /// As the next message of this conversation: its topic and threads are known then.
    #[schema(value_type = Option<String>)]
    conversation: Option<ConversationId>,
    /// Let the reply rules of this account decide.
    #[schema(value_type = Option<String>)]
    account: Option<AccountId>,
}

/// What a message that was tried out comes to.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Run {
    /// What the stages found out, as it would be stored.
    #[schema(value_type = Object)]
    findings: serde_json::Value,
    /// What each part did.
    parts: Vec<PartExplained>,
    /// What a rule would answer; null without one, or without an account.
    answer: Option<String>,
    /// In microseconds, waiting for a free processor included.
    took_us: u32,
}

/// One message of a batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BatchItem {
    text: String,
    /// Messages with the same label are one conversation, in their order. It needs no meaning elsewhere.
    conversation: Option<String>,
    #[schema(format = DateTime)]
    at: Option<String>,
    /// The number of whoever writes, taken from the first message of a conversation.
    phone: Option<String>,
}

/// Messages to try out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Batch {
    #[schema(min_items = 1, max_items = 1000)]
    messages: Vec<BatchItem>,
}

/// What the messages of a batch come to, in the same order.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct BatchRun {
    items: Vec<BatchResult>,
}

/// What one message of a batch comes to.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct BatchResult {
    #[schema(value_type = Object)]
    findings: serde_json::Value,
    took_us: u32,
}

/// Which stored messages to read again: by their ids, or a range of an account's order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Replay {
    /// Their ids.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 1000)]
    messages: Vec<MessageId>,
    /// The account of a range.
    #[schema(value_type = Option<String>)]
    account: Option<AccountId>,
    /// From behind this place in the account's order; its beginning when absent.
    after_seq: Option<i64>,
    /// Up to this place; its end when absent.
    until_seq: Option<i64>,
}

/// What was read again.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Replayed {
    /// Messages whose findings were replaced.
    replaced: usize,
    /// Messages without words to read.
    without_words: usize,
    /// Messages that could not be read again, with the reason.
    failed: Vec<NotReplayed>,
    /// Give this as `after_seq` to go on with the range; null when it is done.
    next_seq: Option<i64>,
}

/// A message that could not be read again.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct NotReplayed {
    message: String,
    text: String,
}

fn time(at: Option<&str>) -> ApiResult<Timestamp> {
    let Some(at) = at else {
        return Ok(clock::now());
    };
    let zone = zone(ZONE_DEFAULT).ok_or_else(|| ApiError::internal("no time zones"))?;
    let at = moment(at, &zone).ok_or_else(|| {
        ApiError::invalid(
            "at",
            "Write the time in ISO 8601, like 2026-02-23T10:00:00Z",
        )
    })?;
    Ok(Timestamp(at.timestamp().as_millisecond()))
}

fn checked(text: &str) -> ApiResult<()> {
    if text.len() > TEXT_LEN_MAX {
        let most = format!("A message to try out has at most {TEXT_LEN_MAX} bytes");
        return Err(ApiError::invalid("text", most));
    }
    Ok(())
}

fn writer(phone: Option<&str>) -> Address {
    Address::phone(phone.unwrap_or_default())
}

/// Takes words that were read through the stages. Nothing comes of it but the outcome.
fn stages(
    words: String,
    at: Timestamp,
    done: &Done,
    chat: Address,
    rules: (AccountId, Vec<Rule>),
) -> ApiResult<Outcome> {
    let input = Input {
        message: MessageId::from_raw(0),
        account: rules.0,
        conversation: ConversationId::from_raw(0),
        seq: Seq(0),
        origin: Origin::Live,
        content: Content::text(words),
        chat,
        sender_name: None,
        sent_at: at,
        recent: Vec::new(),
        answered_at: Vec::new(),
        rules: Arc::new(rules.1),
        reading: Some(Arc::new(done.reading.clone())),
        file_text: None,
    };
    // Judged at its own time, so that an old message is not too old to be tried.
    Pipeline::default()
        .process(&input, at)
        .map_err(ApiError::internal)
}

fn json(findings: &Findings) -> ApiResult<serde_json::Value> {
    serde_json::to_value(findings).map_err(ApiError::internal)
}

async fn known(state: &AppState, caller: &Caller, wanted: &TextToRun) -> ApiResult<Known> {
    let Some(conversation) = wanted.conversation else {
        return Ok(Known::of_number(&writer(wanted.phone.as_deref())));
    };
    let unknown = |_| {
        ApiError::invalid(
            "conversation",
            "There is no such conversation; check the id",
        )
    };
    let found = state
        .store()
        .conversation(caller.workspace(), conversation)
        .await;
    let found = found.map_err(unknown)?;
    Ok(state.text().known(found.id).await?)
}

/// Runs one message through the pipeline, to try it. Nothing is stored and nothing is sent.
#[utoipa::path(post, path = "/pipeline", tag = "pipeline", request_body = TextToRun,
    responses((status = 200, body = Run)),
    security(("api_key" = ["messages:read"]), ("session" = ["messages:read"])))]
async fn one(
    State(state): State<AppState>,
    caller: May<MessagesRead>,
    Body(wanted): Body<TextToRun>,
) -> ApiResult<Json<Run>> {
    checked(&wanted.text)?;
    let at = time(wanted.at.as_deref())?;
    let rules = match wanted.account {
        None => (AccountId::from_raw(0), Vec::new()),
        Some(account) => {
            let unknown =
                |_| ApiError::invalid("account", "There is no such account; check the id");
            own_account(&state, &caller, account)
                .await
                .map_err(unknown)?;
            (account, state.store().rules_for(account).await?)
        }
    };
    let begun = clock::monotonic();
    let known = known(&state, &caller, &wanted).await?;
    let done = state.text().try_out(wanted.text.clone(), at, known).await;
    let chat = writer(wanted.phone.as_deref());
    let outcome = stages(wanted.text, at, &done, chat, rules)?;
    let answer = outcome.effects.iter().find_map(|effect| {
        let Effect::Send { content, .. } = effect;
        content.words().map(str::to_owned)
    });
    Ok(Json(Run {
        findings: json(&outcome.findings)?,
        parts: parts(&done.reading.traces, &outcome.findings),
        answer,
        took_us: clock::micros_since(begun),
    }))
}

/// Reads the messages of one conversation in their order.
async fn conversation(
    state: &AppState,
    items: Vec<(usize, BatchItem, Timestamp)>,
) -> ApiResult<Vec<(usize, BatchResult)>> {
    let first = items.first().and_then(|(_, item, _)| item.phone.as_deref());
    let mut known = Known::of_number(&writer(first));
    let mut results = Vec::with_capacity(items.len());
    for (place, item, at) in items {
        let begun = clock::monotonic();
        let done = state
            .text()
            .try_out(item.text.clone(), at, known.clone())
            .await;
        let nobody = (AccountId::from_raw(0), Vec::new());
        let chat = writer(item.phone.as_deref());
        let outcome = stages(item.text, at, &done, chat, nobody)?;
        let result = BatchResult {
            findings: json(&outcome.findings)?,
            took_us: clock::micros_since(begun),
        };
        results.push((place, result));
        known = done.after.unwrap_or(known);
    }
    Ok(results)
}

/// Runs many messages through the pipeline, to try them: conversations side by side, each in its order.
/// Nothing is stored and nothing is sent.
#[utoipa::path(post, path = "/pipeline/batch", tag = "pipeline", request_body = Batch,
    responses((status = 200, body = BatchRun)),
    security(("api_key" = ["messages:read"]), ("session" = ["messages:read"])))]
async fn batch(
    State(state): State<AppState>,
    _caller: May<MessagesRead>,
    Body(batch): Body<Batch>,
) -> ApiResult<Json<BatchRun>> {
    if batch.messages.is_empty() || batch.messages.len() > BATCH_MAX {
        let text = format!("A batch has 1 to {BATCH_MAX} messages");
        return Err(ApiError::invalid("messages", text));
    }
    let mut conversations: BTreeMap<(Option<String>, usize), Vec<_>> = BTreeMap::new();
    for (place, item) in batch.messages.into_iter().enumerate() {
        checked(&item.text)?;
        let at = time(item.at.as_deref())?;
        // A message without a label is a conversation of its own.
        let alone = if item.conversation.is_some() {
            0
        } else {
            place
        };
        let lane = conversations.entry((item.conversation.clone(), alone));
        lane.or_default().push((place, item, at));
    }
    let lanes = conversations
        .into_values()
        .map(|items| conversation(&state, items));
    let mut all = Vec::new();
    for lane in join_all(lanes).await {
        all.extend(lane?);
    }
    all.sort_by_key(|(place, _)| *place);
    let items = all.into_iter().map(|(_, result)| result).collect();
    Ok(Json(BatchRun { items }))
}

/// The messages that a replay names, and where its range goes on.
async fn named(
    state: &AppState,
    caller: &Caller,
    wanted: Replay,
) -> ApiResult<(Vec<MessageId>, Option<i64>)> {
    let ranged = wanted.after_seq.is_some() || wanted.until_seq.is_some();
    match (wanted.account, wanted.messages.is_empty()) {
        (None, false) if !ranged && wanted.messages.len() <= BATCH_MAX => {
            Ok((wanted.messages, None))
        }
        (None, false) if !ranged => {
            let most = format!("Name at most {BATCH_MAX} messages");
            Err(ApiError::invalid("messages", most))
        }
        (Some(account), true) => {
            let unknown =
                |_| ApiError::invalid("account", "There is no such account; check the id");
            own_account(state, caller, account).await.map_err(unknown)?;
            let after = Seq(wanted.after_seq.unwrap_or(0));
            let until = Seq(wanted.until_seq.unwrap_or(i64::MAX));
            let store = state.store();
            let found = store
                .messages_between(account, after, until, BATCH_MAX)
                .await?;
            let next = found.last().map(|(_, seq)| seq.0);
            let next = next.filter(|_| found.len() == BATCH_MAX);
            Ok((found.into_iter().map(|(id, _)| id).collect(), next))
        }
        _ => Err(ApiError::invalid(
            "messages",
            "Name either messages, or an account with the range of its order",
        )),
    }
}

/// Reads stored messages again with the parts that are on, and replaces what they found: values, intent,
/// feeling, language. Threads and replies stay what they were, and nothing is sent. At most 1,000 messages.
#[utoipa::path(post, path = "/pipeline/replay", tag = "pipeline", request_body = Replay,
    responses((status = 200, body = Replayed)),
    security(("api_key" = ["pipeline:write"]), ("session" = ["pipeline:write"])))]
async fn replay(
    State(state): State<AppState>,
    caller: May<PipelineWrite>,
    Body(wanted): Body<Replay>,
) -> ApiResult<Json<Replayed>> {
    let (messages, next_seq) = named(&state, &caller, wanted).await?;
    let mut replayed = Replayed {
        replaced: 0,
        without_words: 0,
        failed: Vec::new(),
        next_seq,
    };
    for id in messages {
        let failed = |text: String| NotReplayed {
            message: id.to_string(),
            text,
        };
        match state.text().read_again(caller.workspace(), id).await {
            Ok(Again::Replaced) => replayed.replaced += 1,
            Ok(Again::NoWords) => replayed.without_words += 1,
            Ok(Again::Unreadable) => {
                let text = "What was found before cannot be read by this version.";
                replayed.failed.push(failed(text.to_owned()));
            }
            Err(error) => replayed.failed.push(failed(error.to_string())),
        }
    }
    Ok(Json(replayed))
}
