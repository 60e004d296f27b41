//! Threads of conversations, and what was found out about single messages.

use super::conversations::current;
use super::deferred;
use crate::command::Write;
use crate::db::{Connection, OptionalExtension as _, Row};
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::reading::{
    ConversationReading, OPEN_THREADS_MAX, Processed, Read, SUBJECTS_LEN_MAX, Thread, ThreadChange,
};
use crate::sql::column::{json_at, json_or_null_at, time_at, time_or_null_at};
use crate::sql::events::{About, emit};
use crate::sql::messages::{Stored, stored};
use crate::store::Store;
use crate::writer::Tx;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use waypost_engine::model::event::kind;
use waypost_engine::model::{
    AccountId, Address, ConversationId, MessageId, Seq, Timestamp, WorkspaceId,
};

const COLUMNS: &str = "number, opened_at, last_at, closed_at, messages, first_message, last_message, \
    subjects";

fn thread(row: &Row<'_>) -> Result<Thread, StoreError> {
    Ok(Thread {
        number: row.get::<_, i64>("number")?.cast_unsigned(),
        opened_at: time_at(row, "opened_at")?,
        last_at: time_at(row, "last_at")?,
        closed_at: time_or_null_at(row, "closed_at")?,
        messages: row.get("messages")?,
        first_message: MessageId::from_raw(row.get("first_message")?),
        last_message: MessageId::from_raw(row.get("last_message")?),
        subjects: json_at(row, "subjects")?,
    })
}

/// Keeps what reading a message changed. Returns the number of its thread, if it has one.
pub(super) fn keep(
    tx: &Tx<'_>,
    read: &Read,
    conversation: ConversationId,
    message: MessageId,
) -> Result<Option<i64>, StoreError> {
    if read.conversation != conversation {
        return Ok(None);
    }
    if let Some(topic) = &read.topic {
        tx.prepare(
            "INSERT INTO conversation_topic (conversation, data) VALUES (?1, ?2)
             ON CONFLICT (conversation) DO UPDATE SET data = excluded.data",
        )?
        .execute((conversation.raw(), topic))?;
    }
    let Some(change) = &read.thread else {
        return Ok(None);
    };
    // A thread with this number that was opened at another time came with a merge meanwhile.
    let kept = tx
        .prepare(
            "INSERT INTO thread (conversation, number, opened_at, last_at, messages,
               first_message, last_message, subjects)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
             ON CONFLICT (conversation, number) DO UPDATE SET last_at = excluded.last_at,
               messages = excluded.messages, last_message = excluded.last_message,
               subjects = excluded.subjects, closed_at = NULL
             WHERE thread.opened_at = excluded.opened_at",
        )?
        .execute((
            conversation.raw(),
            change.number.cast_signed(),
            change.opened_at.0,
            change.last_at.0,
            change.messages,
            message.raw(),
            &change.subjects,
        ))?;
    if kept == 0 {
        return Ok(None);
    }
    for closed in &change.closed {
        tx.prepare(
            "UPDATE thread SET closed_at = ?3 WHERE conversation = ?1 AND number = ?2
             AND closed_at IS NULL",
        )?
        .execute((conversation.raw(), closed.cast_signed(), change.last_at.0))?;
    }
    Ok(Some(change.number.cast_signed()))
}

/// Refuses what could not be read back. Found out before anything is written.
pub(super) fn check(read: &Read) -> Result<(), StoreError> {
    let long = |change: &ThreadChange| change.subjects.len() > SUBJECTS_LEN_MAX;
    if read.thread.as_ref().is_some_and(long) {
        return Err(StoreError::invalid(format!(
            "the subjects of a thread take more than {SUBJECTS_LEN_MAX} bytes"
        )));
    }
    Ok(())
}

/// Moves the threads of a conversation behind those of another that goes on for both, and what is still to be
/// found of its messages with them. To be done
/// before the messages are moved.
pub(super) fn pour(tx: &Tx<'_>, from: i64, into: i64) -> Result<(), StoreError> {
    let last: i64 = last_number(tx.conn(), into)?;
    tx.prepare(
        "UPDATE finding SET thread = thread + ?2 WHERE thread IS NOT NULL AND message IN
         (SELECT id FROM message WHERE conversation = ?1)",
    )?
    .execute((from, last))?;
    tx.prepare(
        "UPDATE thread SET conversation = ?2, number = number + ?3 WHERE conversation = ?1",
    )?
    .execute((from, into, last))?;
    let most = i64::try_from(OPEN_THREADS_MAX).unwrap_or(i64::MAX);
    tx.prepare(
        "UPDATE thread SET closed_at = last_at WHERE conversation = ?1 AND closed_at IS NULL
         AND number NOT IN (SELECT number FROM thread WHERE conversation = ?1 AND closed_at IS NULL
           ORDER BY number DESC LIMIT ?2)",
    )?
    .execute((into, most))?;
    tx.prepare("DELETE FROM conversation_topic WHERE conversation = ?1")?
        .execute([from])?;
    deferred::pour(tx, from, into)
}

fn last_number(conn: &Connection, conversation: i64) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(number), 0) FROM thread WHERE conversation = ?1";
    Ok(conn
        .prepare_cached(sql)?
        .query_row([conversation], |row| row.get(0))?)
}

fn open_threads(conn: &Connection, conversation: i64) -> Result<Vec<Thread>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM thread WHERE conversation = ?1 AND closed_at IS NULL
         ORDER BY number DESC LIMIT ?2"
    );
    let most = i64::try_from(OPEN_THREADS_MAX).unwrap_or(i64::MAX);
    let mut open = conn
        .prepare_cached(&sql)?
        .query_and_then((conversation, most), thread)?
        .collect::<Result<Vec<_>, _>>()?;
    open.reverse();
    Ok(open)
}

/// The number of the person that a conversation is with.
fn phone_of(conn: &Connection, conversation: i64) -> Result<Option<Address>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT a.address FROM alias a JOIN conversation c ON c.contact = a.contact
         WHERE c.id = ?1 AND a.valid_to IS NULL",
    )?;
    let addresses: Vec<String> = statement
        .query_map([conversation], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let parsed = addresses.iter().filter_map(|text| text.parse().ok());
    Ok(parsed
        .into_iter()
        .find(|address| matches!(address, Address::Phone(_))))
}

/// What the event of a message that was read again says.
#[derive(Serialize)]
struct Reread<'a> {
    message: MessageId,
    conversation: ConversationId,
    findings: &'a RawValue,
}

/// Replaces what was found out about a message, and tells of it. `found` are the findings, and what each part
/// did.
pub(super) fn replace(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    message: MessageId,
    (findings, traces): (&RawValue, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    let Stored {
        account,
        conversation,
        ..
    } = stored(tx.conn(), message)?;
    tx.prepare(
        "INSERT INTO finding (message, data, at, traces) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (message) DO UPDATE SET data = excluded.data, at = excluded.at,
           traces = excluded.traces",
    )?
    .execute((message.raw(), findings.get(), now.0, traces))?;
    let about = About {
        workspace,
        account: Some(account),
        conversation: Some(conversation),
        at: now,
    };
    let data = Reread {
        message,
        conversation,
        findings,
    };
    emit(tx, about, kind::MESSAGE_REREAD, &data)?;
    Ok(())
}

struct ReplaceFindings {
    workspace: WorkspaceId,
    message: MessageId,
    findings: Box<RawValue>,
    traces: String,
    now: Timestamp,
}

impl Write for ReplaceFindings {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let found = (&*self.findings, self.traces.as_str());
        replace(tx, self.workspace, self.message, found, self.now)
    }
}

/// What must be known of a conversation to read its next message.
pub(super) fn known(
    conn: &Connection,
    conversation: ConversationId,
) -> Result<ConversationReading, StoreError> {
    let id = conversation.raw();
    let topic: Option<String> = conn
        .prepare_cached("SELECT data FROM conversation_topic WHERE conversation = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(ConversationReading {
        topic: topic.map(|text| serde_json::from_str(&text)).transpose()?,
        open: open_threads(conn, id)?,
        last_number: last_number(conn, id)?.cast_unsigned(),
        phone: phone_of(conn, id)?,
        is_behind: deferred::is_behind(conn, id)?,
    })
}

impl Store {
    /// What must be known of a conversation to read its next message.
    pub async fn conversation_reading(
        &self,
        conversation: ConversationId,
    ) -> Result<ConversationReading, StoreError> {
        self.read(move |conn| known(&*conn.snapshot()?, conversation))
            .await
    }

    /// Threads of a conversation, newest first.
    pub async fn threads(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        page: Page,
    ) -> Result<Paged<Thread>, StoreError> {
        self.read(move |conn| {
            let conversation = current(conn, workspace, conversation)?;
            let below = page.after::<1>()?.map_or(i64::MAX, |[number]| number);
            let sql = format!(
                "SELECT {COLUMNS} FROM thread WHERE conversation = ?1 AND number < ?2
                 ORDER BY number DESC LIMIT ?3"
            );
            let items = conn
                .prepare_cached(&sql)?
                .query_and_then((conversation.raw(), below, page.fetch()), thread)?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(page.cut(items, |thread| [thread.number.cast_signed()]))
        })
        .await
    }

    /// What is kept about how a message was processed; `None` when it was not, or not yet.
    pub async fn processed(&self, message: MessageId) -> Result<Option<Processed>, StoreError> {
        self.read(move |conn| {
            let sql = "SELECT data, traces, thread, at FROM finding WHERE message = ?1";
            conn.prepare_cached(sql)?
                .query_and_then([message.raw()], |row| {
                    Ok(Processed {
                        findings: json_at(row, "data")?,
                        traces: json_or_null_at(row, "traces")?,
                        thread: row.get::<_, Option<i64>>("thread")?.map(i64::cast_unsigned),
                        at: time_at(row, "at")?,
                    })
                })?
                .next()
                .transpose()
        })
        .await
    }

    /// Messages of an account after `after` up to `until` in its order, at most `limit` of them.
    pub async fn messages_between(
        &self,
        account: AccountId,
        after: Seq,
        until: Seq,
        limit: usize,
    ) -> Result<Vec<(MessageId, Seq)>, StoreError> {
        self.read(move |conn| {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = conn
                .prepare_cached(
                    "SELECT id, seq FROM message WHERE account = ?1 AND seq > ?2 AND seq <= ?3
                     ORDER BY seq LIMIT ?4",
                )?
                .query_map((account.raw(), after.0, until.0, limit), |row| {
                    Ok((MessageId::from_raw(row.get(0)?), Seq(row.get(1)?)))
                })?
                .collect::<Result<_, _>>()?;
            Ok(rows)
        })
        .await
    }

    /// Replaces what was found out about a message. Nothing else changes: neither its thread, nor what was
    /// sent because of it.
    pub async fn replace_findings(
        &self,
        workspace: WorkspaceId,
        message: MessageId,
        findings: &serde_json::Value,
        traces: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(ReplaceFindings {
            workspace,
            message,
            findings: to_raw_value(findings)?,
            traces,
            now,
        })
        .await
    }
}
