//! The loop that fetches files of received messages, at once, before their pointers expire.

use super::context::Context;
use crate::clock;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use waypost_engine::model::{Duration, Timestamp};
use waypost_store::{MediaJob, MediaOutcome, StoreError};
use waypost_wa::freeze::Author;
use waypost_wa::{Connection, MediaError, MediaKey};

/// Files looked up at a time.
const JOBS: usize = 32;
/// Attempts to fetch one file; then it counts as failed.
const ATTEMPTS_MAX: u32 = 8;
/// Wait before the second attempt; doubled each time.
const RETRY_BASE: Duration = Duration::secs(5);
/// Longest wait between two attempts, also for an account that is not connected.
const RETRY_CAP: Duration = Duration::mins(10);
/// How long a phone has to upload a file again.
const REUPLOAD_WAIT: Duration = Duration::secs(60);
/// How often the store is asked without being told.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(5);

/// Fetches until told to stop; files under way are finished first.
pub(super) async fn run(context: Arc<Context>, bell: Arc<Notify>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(context.config.media.parallel));
    let all = u32::try_from(context.config.media.parallel).unwrap_or(u32::MAX);
    while !stop.is_cancelled() {
        let jobs = context
            .store
            .media_due(clock::now(), JOBS)
            .await
            .unwrap_or_else(|error| {
                tracing::error!(%error, "files to fetch cannot be looked up");
                Vec::new()
            });
        let idle = jobs.is_empty();
        for job in jobs {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let context = Arc::clone(&context);
            tokio::spawn(async move {
                let message = job.message;
                let outcome = fetch(&context, job).await;
                if let Err(error) = context
                    .store
                    .media_settled(message, outcome, clock::now())
                    .await
                {
                    tracing::error!(%message, %error, "the state of a file cannot be stored");
                }
                context.files_here.notify_one();
                drop(place);
            });
        }
        // The jobs of this round are settled before the next look, or they would be seen twice.
        drop(places.acquire_many(all).await);
        if idle {
            tokio::select! {
                () = bell.notified() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = stop.cancelled() => {}
            }
        }
    }
}

async fn fetch(context: &Context, job: MediaJob) -> MediaOutcome {
    let now = clock::now();
    if job.pointer.file_length > context.config.media.bytes_max {
        let reason = format!(
            "it has {} bytes, more than media.bytes_max allows; fetch it on the phone",
            job.pointer.file_length
        );
        return MediaOutcome::Failed { reason };
    }
    let connection = context
        .registry
        .get(job.account)
        .and_then(|running| running.connection.borrow().clone());
    let Some(connection) = connection else {
        let reason = "the account is not connected".to_owned();
        return MediaOutcome::Later {
            reason,
            next_at: now + RETRY_CAP.min(Duration::secs(30)),
        };
    };
    match download(context, &connection, &job).await {
        Ok(outcome) => outcome,
        Err(Trouble::Gone) if !job.asked_again => ask_again(&connection, &job, now).await,
        Err(Trouble::Gone) => MediaOutcome::Failed {
            reason: "WhatsApp no longer has it, nor does the phone".into(),
        },
        Err(Trouble::Other(reason)) if job.attempts + 1 >= ATTEMPTS_MAX => {
            MediaOutcome::Failed { reason }
        }
        Err(Trouble::Other(reason)) => {
            let wait = Duration::millis(RETRY_BASE.0 << job.attempts.min(10)).min(RETRY_CAP);
            MediaOutcome::Later {
                reason,
                next_at: now + wait,
            }
        }
    }
}

enum Trouble {
    /// WhatsApp does not have the file any more.
    Gone,
    Other(String),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Other(error.to_string())
    }
}

async fn download(
    context: &Context,
    connection: &Connection,
    job: &MediaJob,
) -> Result<MediaOutcome, Trouble> {
    let incoming = super::files::incoming(&context.config.data_dir)?;
    let file = incoming
        .reopen()
        .map_err(|e| Trouble::Other(e.to_string()))?;
    connection
        .download(job.kind, &job.pointer, file)
        .await
        .map_err(|error| match error {
            MediaError::Gone => Trouble::Gone,
            other => Trouble::Other(other.to_string()),
        })?;
    let blob =
        super::files::copy_in(&context.store, incoming, context.config.media.bytes_max).await?;
    Ok(MediaOutcome::Stored { blob })
}

async fn ask_again(connection: &Connection, job: &MediaJob, now: Timestamp) -> MediaOutcome {
    let author = match (&job.sender, job.from_me) {
        (_, true) => Author::Own,
        (Some(sender), false) => Author::Other(sender.clone()),
        (None, false) => Author::Other(job.chat.clone()),
    };
    let key = MediaKey {
        chat: job.chat.clone(),
        author,
        wire_id: job.wire_id.clone(),
        pointer: job.pointer.clone(),
    };
    match connection.ask_reupload(&key).await {
        Ok(pointer) => MediaOutcome::Moved {
            pointer,
            next_at: now,
        },
        Err(error) => {
            tracing::info!(message = %job.message, %error, "the phone did not upload a file again yet");
            MediaOutcome::AskedAgain {
                next_at: now + REUPLOAD_WAIT,
            }
        }
    }
}
