//! The loop that reads files once they are here, beside the lanes of the conversations.

use super::context::Context;
use crate::clock;
use crate::reading::{Read, Reader, same_as};
use bytes::BytesMut;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use waypost_engine::flow::parts::{Part, Standing};
use waypost_engine::flow::stage::Group;
use waypost_engine::model::{Duration, MessageId};
use waypost_media::limits::DOCUMENT_BYTES_MAX;
use waypost_store::StoreError;
use waypost_store::readings::{
    FileText, READING_ATTEMPTS_MAX, ReadingJob, ReadingKind, ReadingOutcome,
};

/// Files looked up, and held in memory, at a time.
const JOBS: usize = 4;
/// Wait before the second attempt; doubled each time.
const RETRY_BASE: Duration = Duration::secs(15);
/// How often the store is asked without being told.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(2);

/// Reads until told to stop; files under way are given up then, and read again after a restart.
pub(super) async fn run(
    context: Arc<Context>,
    reader: Arc<Reader>,
    bell: Arc<Notify>,
    stop: CancellationToken,
) {
    let mut under_way: HashSet<MessageId> = HashSet::new();
    // One at a time asks for earlier pictures and is written down, or two copies would not know each other.
    let looks = Mutex::new(());
    let mut running = FuturesUnordered::new();
    loop {
        for job in next(&context, &under_way).await {
            under_way.insert(job.message);
            running.push(one(&context, &reader, &looks, job));
        }
        tokio::select! {
            Some(message) = running.next(), if !running.is_empty() => {
                under_way.remove(&message);
            }
            () = bell.notified() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Files to begin with now.
async fn next(context: &Context, under_way: &HashSet<MessageId>) -> Vec<ReadingJob> {
    let room = JOBS.saturating_sub(under_way.len());
    if room == 0 {
        return Vec::new();
    }
    // All of them are of the class that rests first: while the machine is short of breath they stay due,
    // save those that a conversation waits for.
    let parts = context.text.switchboard().parts();
    if parts.shed().any(|part| part.stage() == Group::Media) {
        return asked(context, under_way, room).await;
    }
    // Those under way are still due, so as many more are asked for.
    let due = context.store.readings_due(clock::now(), JOBS + room).await;
    let due = due.unwrap_or_else(|error| {
        tracing::error!(%error, "files to read cannot be looked up");
        Vec::new()
    });
    let is_new = |job: &ReadingJob| !under_way.contains(&job.message);
    due.into_iter().filter(is_new).take(room).collect()
}

/// Files that conversations wait for, of those that are here.
async fn asked(context: &Context, under_way: &HashSet<MessageId>, room: usize) -> Vec<ReadingJob> {
    let mut jobs = Vec::new();
    for message in context.asked.now(clock::now()) {
        if jobs.len() == room {
            break;
        }
        if under_way.contains(&message) {
            continue;
        }
        match context.store.reading_due(message, clock::now()).await {
            Ok(job) => jobs.extend(job),
            Err(error) => tracing::error!(%message, %error, "a file to read cannot be looked up"),
        }
    }
    jobs
}

async fn one(context: &Context, reader: &Reader, looks: &Mutex<()>, job: ReadingJob) -> MessageId {
    let (message, account, kind) = (job.message, job.account, job.kind);
    let begun = clock::monotonic();
    let read = read_if_on(context, reader, &job).await;
    let _turn = looks.lock().await;
    let outcome = match read {
        Ok(Read::Done(mut text)) => {
            text.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            text.same_as = known(context, &job, &text).await;
            ReadingOutcome::Done(text)
        }
        Ok(Read::Skipped(reason)) => ReadingOutcome::Skipped { reason },
        Ok(Read::Failed(reason)) => ReadingOutcome::Failed { reason },
        Ok(Read::Later(reason)) => again(&job, reason),
        Err(error) => again(&job, error.to_string()),
    };
    if let ReadingOutcome::Failed { reason } = &outcome {
        tracing::info!(%account, %message, ?kind, reason, "a file cannot be read");
    }
    metrics::histogram!("waypost_media_reading_seconds").record(begun.elapsed());
    match context
        .store
        .reading_settled(message, outcome, clock::now())
        .await
    {
        // The message was deleted with its account meanwhile.
        Ok(()) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => tracing::error!(%message, %error, "what was read of a file cannot be stored"),
    }
    message
}

fn again(job: &ReadingJob, reason: String) -> ReadingOutcome {
    if job.attempts + 1 >= READING_ATTEMPTS_MAX {
        return ReadingOutcome::Failed { reason };
    }
    let wait = Duration::millis(RETRY_BASE.0 << job.attempts.min(10));
    ReadingOutcome::Later {
        reason,
        next_at: clock::now() + wait,
    }
}

/// The part that reads this kind of file.
fn part_for(kind: ReadingKind) -> Part {
    match kind {
        ReadingKind::Picture => Part::Ocr,
        ReadingKind::Document => Part::Documents,
        ReadingKind::Audio => Part::Transcription,
    }
}

async fn read_if_on(
    context: &Context,
    reader: &Reader,
    job: &ReadingJob,
) -> Result<Read, StoreError> {
    let part = part_for(job.kind);
    match context.text.switchboard().parts().of(part) {
        Standing::PartOff | Standing::StageOff => {
            Ok(Read::Skipped(format!("{part} is switched off")))
        }
        Standing::On | Standing::Shed => read(context, reader, job).await,
    }
}

async fn read(context: &Context, reader: &Reader, job: &ReadingJob) -> Result<Read, StoreError> {
    if job.bytes > DOCUMENT_BYTES_MAX as u64 {
        return Ok(Read::Failed(format!(
            "the file has {} bytes, more than the {DOCUMENT_BYTES_MAX} that are read",
            job.bytes
        )));
    }
    let mut stored = context.store.open_blob(job.blob, None).await?;
    let mut file = BytesMut::new();
    while let Some(piece) = stored.body.next().await {
        file.extend_from_slice(&piece?);
    }
    Ok(reader
        .read(file.freeze(), job.file_name.as_deref(), job.sent_at)
        .await)
}

/// The earlier message with the same picture.
async fn known(context: &Context, job: &ReadingJob, text: &FileText) -> Option<MessageId> {
    let look = text.look.clone()?;
    let known = context
        .store
        .known_looks(job.account)
        .await
        .unwrap_or_else(|error| {
            tracing::error!(%error, "earlier pictures cannot be looked up");
            Vec::new()
        });
    tokio::task::spawn_blocking(move || same_as(&look, &known))
        .await
        .ok()
        .flatten()
}
