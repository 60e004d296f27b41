//! What was read of files: to do, done, and shown.

use super::column::{json_at, json_or_null_at, name_at, name_of, time_at};
use super::search::words_condition;
use crate::command::{Write, found};
use crate::db::{Connection, Row, named_params};
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::readings::{
    EVENT_TEXT_CHARS_MAX, FileReading, FileText, GALLERY_TEXT_CHARS_MAX, GalleryItem, GalleryQuery,
    KnownLook, LOOKS_MAX, ReadingJob, ReadingKind, ReadingOutcome, ReadingState,
};
use crate::sql::accounts::home;
use crate::sql::codec::{cut, to_json};
use crate::sql::events::{About, emit};
use crate::sql::messages::stored;
use crate::store::Store;
use crate::writer::Tx;
use serde_json::json;
use waypost_engine::model::event::kind;
use waypost_engine::model::{AccountId, BlobId, Content, ConversationId, MessageId, Timestamp};

/// Adds the job of reading a message's file, in the transaction that stores the file.
pub(crate) fn add_job(tx: &Tx<'_>, message: MessageId, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO media_reading
            (message, account, kind, state, attempts, next_at, at, same_as, truncated, text)
         SELECT f.message, f.account,
            CASE f.kind WHEN 'image' THEN 'picture' WHEN 'sticker' THEN 'picture'
                WHEN 'document' THEN 'document' ELSE 'audio' END,
            'pending', 0, ?2, ?2, f.message, 0, ''
         FROM media f WHERE f.message = ?1 AND f.kind <> 'video'
         ON CONFLICT (message) DO NOTHING",
    )?
    .execute((message.raw(), now.0))?;
    Ok(())
}

/// The text read of a message's file, for the search index.
pub(super) fn text_of(tx: &Tx<'_>, message: i64) -> Result<Option<String>, StoreError> {
    let sql = "SELECT text FROM media_reading WHERE message = ?1 AND text <> ''";
    Ok(tx
        .prepare(sql)?
        .query_map([message], |row| row.get(0))?
        .next()
        .transpose()?)
}

struct Settle {
    message: MessageId,
    outcome: ReadingOutcome,
    now: Timestamp,
}

impl Settle {
    fn done(&self, tx: &Tx<'_>, text: &FileText) -> Result<usize, StoreError> {
        let message = self.message.raw();
        let same_as = text.same_as.unwrap_or(self.message).raw();
        let tables = text.tables.as_ref().map(to_json).transpose()?;
        let entities = text.entities.as_ref().map(to_json).transpose()?;
        let took = i64::try_from(text.took_ms).unwrap_or(i64::MAX);
        let (width, height) = text.size.unzip();
        let changed = tx
            .prepare(
                "UPDATE media_reading SET state = 'done', at = :now, same_as = :same_as,
                    truncated = :truncated, text = :text, tables = :tables, entities = :entities,
                    language = :language, confidence = :confidence, took_ms = :took,
                    width = :width, height = :height, error = NULL, look = :look,
                    thumbnail = :thumbnail
                 WHERE message = :message AND state = 'pending'",
            )?
            .execute(named_params! {
                ":now": self.now.0, ":same_as": same_as, ":truncated": i64::from(text.truncated),
                ":text": text.text, ":tables": tables, ":entities": entities,
                ":language": text.language, ":confidence": text.confidence.map(i64::from),
                ":took": took, ":width": width.map(i64::from), ":height": height.map(i64::from),
                ":look": text.look, ":thumbnail": text.thumbnail, ":message": message,
            })?;
        if changed > 0 && !text.text.is_empty() {
            tx.prepare("INSERT INTO searchable_again (message) VALUES (?1) ON CONFLICT (message) DO NOTHING")?
                .execute([message])?;
        }
        Ok(changed)
    }

    fn ended(&self, tx: &Tx<'_>, state: ReadingState, reason: &str) -> Result<usize, StoreError> {
        Ok(tx
            .prepare(
                "UPDATE media_reading SET state = ?2, error = ?3, at = ?4
                 WHERE message = ?1 AND state = 'pending'",
            )?
            .execute((self.message.raw(), name_of(&state)?, reason, self.now.0))?)
    }
}

impl Write for Settle {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let changed = match &self.outcome {
            ReadingOutcome::Done(text) => self.done(tx, text)?,
            ReadingOutcome::Failed { reason } => self.ended(tx, ReadingState::Failed, reason)?,
            ReadingOutcome::Skipped { reason } => self.ended(tx, ReadingState::Skipped, reason)?,
            ReadingOutcome::Later { reason, next_at } => tx
                .prepare(
                    "UPDATE media_reading SET attempts = attempts + 1, error = ?2, next_at = ?3
                     WHERE message = ?1 AND state = 'pending'",
                )?
                .execute((self.message.raw(), reason, next_at.0))?,
        };
        found(changed, "file to read of this message")?;
        match self.outcome {
            ReadingOutcome::Done(_) | ReadingOutcome::Failed { .. } => {
                tell(tx, self.message, self.now)
            }
            ReadingOutcome::Skipped { .. } | ReadingOutcome::Later { .. } => Ok(()),
        }
    }
}

/// Writes the event of a reading that has ended.
fn tell(tx: &mut Tx<'_>, message: MessageId, now: Timestamp) -> Result<(), StoreError> {
    let reading =
        by_message(tx.conn(), message)?.ok_or(StoreError::NotFound { what: "reading" })?;
    let at = stored(tx.conn(), message)?;
    let about = About {
        workspace: home(tx, at.account)?.workspace,
        account: Some(at.account),
        conversation: Some(at.conversation),
        at: now,
    };
    let text = cut(&reading.found.text, EVENT_TEXT_CHARS_MAX);
    let data = json!({
        "message": message,
        "state": reading.state,
        "kind": reading.kind,
        "text": text,
        "text_cut": text.len() < reading.found.text.len(),
        "language": reading.found.language,
        "entities": reading.found.entities,
        "error": reading.error,
    });
    emit(tx, about, kind::MEDIA_READ, &data)?;
    Ok(())
}

fn by_message(conn: &Connection, message: MessageId) -> Result<Option<FileReading>, StoreError> {
    conn.prepare_cached(
        "SELECT message, kind, state, at, same_as, truncated, text, tables, entities, language,
            confidence, took_ms, width, height, error,
            CASE WHEN thumbnail IS NULL THEN 0 ELSE 1 END AS small
         FROM media_reading WHERE message = ?1",
    )?
    .query_and_then([message.raw()], reading)?
    .next()
    .transpose()
}

fn reading(row: &Row<'_>) -> Result<FileReading, StoreError> {
    let message = MessageId::from_raw(row.get("message")?);
    let same_as = MessageId::from_raw(row.get("same_as")?);
    Ok(FileReading {
        message,
        state: name_at(row, "state")?,
        kind: name_at(row, "kind")?,
        found: FileText {
            text: row.get("text")?,
            tables: json_or_null_at(row, "tables")?,
            entities: json_or_null_at(row, "entities")?,
            language: row.get("language")?,
            truncated: row.get::<_, i64>("truncated")? != 0,
            confidence: row
                .get::<_, Option<i64>>("confidence")?
                .and_then(|c| u8::try_from(c).ok()),
            took_ms: row
                .get::<_, Option<i64>>("took_ms")?
                .unwrap_or(0)
                .cast_unsigned(),
            size: size(row)?,
            look: None,
            same_as: (same_as != message).then_some(same_as),
            thumbnail: None,
        },
        error: row.get("error")?,
        has_thumbnail: row.get::<_, i64>("small")? != 0,
        at: time_at(row, "at")?,
    })
}

fn size(row: &Row<'_>) -> Result<Option<(u32, u32)>, StoreError> {
    let side = |at: &str| -> Result<Option<u32>, StoreError> {
        Ok(row
            .get::<_, Option<i64>>(at)?
            .and_then(|n| u32::try_from(n).ok()))
    };
    Ok(side("width")?.zip(side("height")?))
}

fn file_name(content: &Content) -> Option<String> {
    content.file().and_then(|file| file.file_name.clone())
}

fn job(row: &Row<'_>) -> Result<ReadingJob, StoreError> {
    Ok(ReadingJob {
        message: MessageId::from_raw(row.get("message")?),
        account: AccountId::from_raw(row.get("account")?),
        blob: BlobId::from_raw(row.get("blob")?),
        bytes: row.get::<_, i64>("bytes")?.cast_unsigned(),
        kind: name_at(row, "kind")?,
        file_name: file_name(&json_at(row, "content")?),
        sent_at: time_at(row, "sent_at")?,
        attempts: row.get("attempts")?,
    })
}

fn item(row: &Row<'_>) -> Result<GalleryItem, StoreError> {
    Ok(GalleryItem {
        message: MessageId::from_raw(row.get("message")?),
        account: AccountId::from_raw(row.get("account")?),
        conversation: ConversationId::from_raw(row.get("conversation")?),
        sender_name: row.get("sender_name")?,
        file_name: file_name(&json_at(row, "content")?),
        mime: row.get("mime")?,
        bytes: row
            .get::<_, Option<i64>>("bytes")?
            .unwrap_or(0)
            .cast_unsigned(),
        sent_at: time_at(row, "sent_at")?,
        kind: name_at(row, "kind")?,
        state: name_at(row, "state")?,
        text: row.get("start")?,
        size: size(row)?,
        has_thumbnail: row.get::<_, i64>("small")? != 0,
        same_as: MessageId::from_raw(row.get("same_as")?),
        copies: u32::try_from(row.get::<_, i64>("copies")?).unwrap_or(u32::MAX),
    })
}

/// What the gallery lists; `r` is the reading, `m` its message.
fn gallery_sql(words: &str) -> String {
    format!(
        "SELECT r.message, r.account, m.conversation, m.content, m.sent_at, r.kind, r.state,
            substr(r.text, 1, {GALLERY_TEXT_CHARS_MAX}) AS start, r.width, r.height, r.same_as,
            CASE WHEN r.thumbnail IS NULL THEN 0 ELSE 1 END AS small, f.mime, f.bytes,
            coalesce(s.name, m.sender_name, s.push_name) AS sender_name,
            (SELECT count(*) FROM media_reading c WHERE c.same_as = r.same_as) AS copies
         FROM media_reading r
         JOIN message m ON m.id = r.message
         JOIN media f ON f.message = r.message
         JOIN account a ON a.id = r.account
         LEFT JOIN contact s ON s.id = m.sender
         {words}
         WHERE r.message < :before AND a.workspace = :workspace AND f.state = 'stored'
            AND NOT EXISTS (SELECT 1 FROM annotation x WHERE x.target = r.message AND x.kind = 'revoke')
            AND (r.account = :account OR :account IS NULL)
            AND (m.conversation = :conversation OR :conversation IS NULL)
            AND (r.kind = :kind OR :kind IS NULL)
            AND (r.same_as = :copies OR (:copies IS NULL AND NOT EXISTS (
                SELECT 1 FROM media_reading n JOIN message nm ON nm.id = n.message
                WHERE n.same_as = r.same_as AND n.message > r.message
                    AND (nm.conversation = :conversation OR :conversation IS NULL))))
         ORDER BY r.message DESC LIMIT :rows"
    )
}

/// What must be known to read a file whose turn it is.
const DUE: &str =
    "SELECT r.message, r.account, f.blob, f.bytes, r.kind, m.content, m.sent_at, r.attempts
     FROM media_reading r
     JOIN media f ON f.message = r.message
     JOIN message m ON m.id = r.message
     WHERE r.state = 'pending' AND r.next_at <= ?1 AND f.blob IS NOT NULL";

impl Store {
    /// Files whose turn it is to be read, the longest waiting first.
    pub async fn readings_due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<ReadingJob>, StoreError> {
        self.read(move |conn| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let sql = format!("{DUE} ORDER BY r.next_at, r.message LIMIT ?2");
            conn.prepare_cached(&sql)?
                .query_and_then((now.0, limit), job)?
                .collect()
        })
        .await
    }

    /// The file of this message, when its turn to be read has come.
    pub async fn reading_due(
        &self,
        message: MessageId,
        now: Timestamp,
    ) -> Result<Option<ReadingJob>, StoreError> {
        self.read(move |conn| {
            let sql = format!("{DUE} AND r.message = ?2");
            conn.prepare_cached(&sql)?
                .query_and_then((now.0, message.raw()), job)?
                .next()
                .transpose()
        })
        .await
    }

    /// Remembers what became of an attempt to read a file, with the event `media.read`.
    /// [`StoreError::NotFound`] when the message is gone or was read already.
    pub async fn reading_settled(
        &self,
        message: MessageId,
        outcome: ReadingOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(Settle {
            message,
            outcome,
            now,
        })
        .await
    }

    /// What was read of a message's file; `None` when it has none that is read.
    pub async fn file_reading(
        &self,
        message: MessageId,
    ) -> Result<Option<FileReading>, StoreError> {
        self.read(move |conn| by_message(conn, message)).await
    }

    /// The small picture of a message's file (JPEG), if there is one.
    pub async fn file_thumbnail(&self, message: MessageId) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(move |conn| {
            let sql = "SELECT thumbnail FROM media_reading WHERE message = ?1";
            let found: Option<Option<Vec<u8>>> = conn
                .prepare_cached(sql)?
                .query_map([message.raw()], |row| row.get(0))?
                .next()
                .transpose()?;
            Ok(found.flatten())
        })
        .await
    }

    /// What an account's latest pictures look like, each once, at most [`LOOKS_MAX`].
    pub async fn known_looks(&self, account: AccountId) -> Result<Vec<KnownLook>, StoreError> {
        self.read(move |conn| {
            let limit = i64::try_from(LOOKS_MAX).unwrap_or(i64::MAX);
            conn.prepare_cached(
                "SELECT same_as, look FROM media_reading
                 WHERE account = ?1 AND look IS NOT NULL ORDER BY message DESC LIMIT ?2",
            )?
            .query_and_then((account.raw(), limit), |row| {
                Ok(KnownLook {
                    same_as: MessageId::from_raw(row.get("same_as")?),
                    look: row.get("look")?,
                })
            })?
            .collect()
        })
        .await
    }

    /// Files that came, newest first; of pictures that look the same only the newest, with their
    /// number. Words are looked for in messages and in what was read of files.
    pub async fn gallery(
        &self,
        query: GalleryQuery,
        page: Page,
    ) -> Result<Paged<GalleryItem>, StoreError> {
        self.read(move |conn| {
            let [before] = page.after()?.unwrap_or([i64::MAX]);
            let words = query
                .text
                .as_deref()
                .map(|text| words_condition(conn.dialect(), text));
            let (join, expression) = words.transpose()?.unzip();
            let sql = gallery_sql(join.as_deref().unwrap_or_default());
            let kind = query
                .kind
                .as_ref()
                .map(name_of::<ReadingKind>)
                .transpose()?;
            let (workspace, rows) = (query.workspace.raw(), page.fetch());
            let account = query.account.map(AccountId::raw);
            let conversation = query.conversation.map(ConversationId::raw);
            let copies = query.copies_of.map(MessageId::raw);
            let mut values: Vec<(&str, &dyn crate::db::ToSql)> = vec![
                (":before", &before),
                (":workspace", &workspace),
                (":account", &account),
                (":conversation", &conversation),
                (":kind", &kind),
                (":copies", &copies),
                (":rows", &rows),
            ];
            if let Some(expression) = &expression {
                values.push((":expression", expression));
            }
            let found: Result<Vec<_>, StoreError> = conn
                .prepare_cached(&sql)?
                .query_and_then(values.as_slice(), item)?
                .collect();
            Ok(page.cut(found?, |item| [item.message.raw()]))
        })
        .await
    }
}
