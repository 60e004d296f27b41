//! Files to fetch, and the blobs they became.

use crate::command::{Write, found};
use crate::error::StoreError;
use crate::media::{MediaJob, MediaOutcome};
use crate::sql::accounts::home;
use crate::sql::codec::{address_at, address_or_none_at, collect, first, json_at, to_json, words};
use crate::sql::events::{About, emit};
use crate::sql::messages::{Place, stored};
use crate::store::Store;
use crate::writer::Tx;
use serde_json::json;
use waypost_engine::model::event::kind;
use waypost_engine::model::{
    AccountId, BlobId, Direction, MediaKind, MediaPointer, MediaState, MessageId, Timestamp,
};

words!(MediaKind, "media kind", {
    MediaKind::Image => "image", MediaKind::Video => "video", MediaKind::Voice => "voice",
    MediaKind::Audio => "audio", MediaKind::Document => "document", MediaKind::Sticker => "sticker",
});

/// Adds the job of fetching a message's file, in the transaction that stores the message.
pub(crate) fn add_job(
    tx: &mut Tx<'_>,
    place: Place,
    message: MessageId,
    kind: &str,
    pointer: &MediaPointer,
) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO media (message, account, kind, pointer, state, attempts, next_at)
         VALUES (?1, ?2, ?3, ?4, 'pending', 0, ?5) ON CONFLICT DO NOTHING",
    )?
    .execute((
        message.raw(),
        place.home.account.raw(),
        kind,
        to_json(pointer)?,
        place.now.0,
    ))?;
    Ok(())
}

struct Settle {
    message: MessageId,
    outcome: MediaOutcome,
    now: Timestamp,
}

impl Write for Settle {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let message = self.message.raw();
        let changed = match &self.outcome {
            MediaOutcome::Stored { blob } => tx
                .prepare(
                    "UPDATE media SET state = 'stored', blob = blob.id, bytes = blob.bytes,
                       mime = blob.mime, reason = NULL
                     FROM blob WHERE media.message = ?1 AND blob.id = ?2",
                )?
                .execute((message, blob.raw()))?,
            MediaOutcome::Later { reason, next_at } => tx
                .prepare(
                    "UPDATE media SET attempts = attempts + 1, reason = ?2, next_at = ?3
                     WHERE message = ?1",
                )?
                .execute((message, reason, next_at.0))?,
            MediaOutcome::AskedAgain { next_at } => tx
                .prepare(
                    "UPDATE media SET state = 'asked_again', attempts = attempts + 1, next_at = ?2
                     WHERE message = ?1",
                )?
                .execute((message, next_at.0))?,
            MediaOutcome::Moved { pointer, next_at } => tx
                .prepare(
                    "UPDATE media SET state = 'pending', pointer = ?2, next_at = ?3
                     WHERE message = ?1",
                )?
                .execute((message, to_json(pointer)?, next_at.0))?,
            MediaOutcome::Failed { reason } => tx
                .prepare("UPDATE media SET state = 'failed', reason = ?2 WHERE message = ?1")?
                .execute((message, reason))?,
        };
        found(changed, "file of this message")?;
        if matches!(self.outcome, MediaOutcome::Stored { .. }) {
            super::file_texts::add_job(tx, self.message, self.now)?;
        }
        tell(tx, self.message, self.now)
    }
}

/// Writes the event of a file's state, unless it is only waiting.
fn tell(tx: &mut Tx<'_>, message: MessageId, now: Timestamp) -> Result<(), StoreError> {
    let state = state_of(tx.conn(), message)?.ok_or(StoreError::NotFound { what: "file" })?;
    if state == MediaState::Pending {
        return Ok(());
    }
    let at = stored(tx.conn(), message)?;
    let about = About {
        workspace: home(tx, at.account)?.workspace,
        account: Some(at.account),
        conversation: Some(at.conversation),
        at: now,
    };
    emit(
        tx,
        about,
        kind::MEDIA_STATE,
        &json!({ "message": message, "media": state }),
    )?;
    Ok(())
}

fn state_of(
    conn: &crate::db::Connection,
    message: MessageId,
) -> Result<Option<MediaState>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT state, blob, bytes, reason FROM media WHERE message = ?1")?;
    first(statement.query([message.raw()])?, |row| {
        let state: String = row.get(0)?;
        Ok(match state.as_str() {
            "pending" => MediaState::Pending,
            "asked_again" => MediaState::AskedAgain,
            "stored" => MediaState::Stored {
                blob: BlobId::from_raw(row.get(1)?),
                bytes: row.get::<_, i64>(2)?.cast_unsigned(),
            },
            "failed" => MediaState::Failed {
                reason: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
            },
            other => return Err(StoreError::corrupt(format!("'{other}' is no media state"))),
        })
    })
}

impl Store {
    /// Files whose turn it is, the longest waiting first.
    pub async fn media_due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<MediaJob>, StoreError> {
        self.read(move |conn| {
            let mut statement = conn.prepare_cached(
                "SELECT f.message, f.account, f.kind, f.pointer, m.wire_id, m.chat,
                   m.sender_address, m.direction, f.attempts, f.state
                 FROM media f JOIN message m ON m.id = f.message
                 WHERE f.state IN ('pending', 'asked_again') AND f.next_at <= ?1
                 ORDER BY f.next_at LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            collect(statement.query((now.0, limit))?, |row| {
                let direction: Direction = crate::sql::codec::word_at(row, 7)?;
                Ok(MediaJob {
                    message: MessageId::from_raw(row.get(0)?),
                    account: AccountId::from_raw(row.get(1)?),
                    kind: crate::sql::codec::word_at(row, 2)?,
                    pointer: json_at(row, 3)?,
                    wire_id: row.get(4)?,
                    chat: address_at(row, 5)?,
                    sender: address_or_none_at(row, 6)?,
                    from_me: direction == Direction::Out,
                    attempts: row.get(8)?,
                    asked_again: row.get_ref(9)?.as_str() == Ok("asked_again"),
                })
            })
        })
        .await
    }

    /// Remembers what became of an attempt to fetch a file, with the event.
    pub async fn media_settled(
        &self,
        message: MessageId,
        outcome: MediaOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(Settle {
            message,
            outcome,
            now,
        })
        .await
    }

    /// Where a message's file is; `None` when the message carries none.
    pub async fn media_state(&self, message: MessageId) -> Result<Option<MediaState>, StoreError> {
        self.read(move |conn| state_of(conn, message)).await
    }
}
