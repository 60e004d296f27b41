//! Messages whose reading is not whole: parts of it rested because the machine was overloaded.
//!
//! What a message says by itself can be found at any time. Its turn in its conversation cannot: it depends on
//! what was said before. So a message whose turn is open holds up the turns of those that follow, and they are
//! found in their order, each in one commit with the conversation as it is after it.

use super::threads;
use crate::command::Write;
use crate::db::Connection;
use crate::error::StoreError;
use crate::reading::{CaughtUp, LateReading};
use crate::sql::messages::{Stored, stored};
use crate::store::Store;
use crate::writer::Tx;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use waypost_engine::flow::parts::Part;
use waypost_engine::model::{MessageId, Timestamp, WorkspaceId};

/// What of a message's reading is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// Nothing.
    Nothing,
    /// Something that it says by itself.
    Words,
    /// Its turn in its conversation, perhaps among other things.
    Turn,
}

impl Open {
    /// What findings say of it.
    pub(super) fn of(findings: &Value) -> Self {
        let parts = findings["partial"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let in_order = |part: &Value| {
            let name = part.as_str().unwrap_or_default();
            Part::IN_ORDER.iter().any(|part| part.name() == name)
        };
        match parts {
            [] => Self::Nothing,
            parts if parts.iter().any(in_order) => Self::Turn,
            _ => Self::Words,
        }
    }
}

/// Notes that a message is to be read again, if something of it is open.
pub(super) fn note(
    tx: &Tx<'_>,
    open: Open,
    message: MessageId,
    at: &Stored,
    now: Timestamp,
) -> Result<(), StoreError> {
    if open == Open::Nothing {
        return Ok(());
    }
    // The order of the rows must be the order in which they came, whatever the clock does.
    let last: Option<i64> = tx
        .prepare("SELECT max(at) FROM deferred")?
        .query_row([], |row| row.get(0))?;
    let turn_in = (open == Open::Turn).then_some(at.conversation.raw());
    tx.prepare(
        "INSERT INTO deferred (message, account, conversation, seq, at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (message) DO NOTHING",
    )?
    .execute((
        message.raw(),
        at.account.raw(),
        turn_in,
        at.seq.0,
        last.map_or(now.0, |last| last.max(now.0)),
    ))?;
    Ok(())
}

/// Whether the turn of an earlier message of this conversation is still to be found.
pub(super) fn is_behind(conn: &Connection, conversation: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM deferred WHERE conversation = ?1)";
    Ok(conn
        .prepare_cached(sql)?
        .query_row([conversation], |row| row.get(0))?)
}

/// Follows messages that went from one conversation into another.
pub(super) fn pour(tx: &Tx<'_>, from: i64, into: i64) -> Result<(), StoreError> {
    tx.prepare("UPDATE deferred SET conversation = ?2 WHERE conversation = ?1")?
        .execute((from, into))?;
    Ok(())
}

fn settle(tx: &Tx<'_>, message: MessageId) -> Result<bool, StoreError> {
    let settled = tx
        .prepare("DELETE FROM deferred WHERE message = ?1")?
        .execute([message.raw()])?;
    Ok(settled == 1)
}

struct Settle(Vec<MessageId>);

impl Write for Settle {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        for message in &self.0 {
            settle(tx, *message)?;
        }
        Ok(())
    }
}

struct CatchUp {
    late: LateReading,
    findings: Box<RawValue>,
}

impl CatchUp {
    /// Whether the conversation is not any more as it was when the message was read.
    fn is_outdated(&self, tx: &Tx<'_>, at: &Stored) -> Result<bool, StoreError> {
        let Some(before) = &self.late.before else {
            return Ok(false);
        };
        let is_same = self.late.read.conversation == at.conversation
            && threads::known(tx.conn(), at.conversation)? == *before;
        Ok(!is_same)
    }
}

impl Write for CatchUp {
    type Output = CaughtUp;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<CaughtUp, StoreError> {
        let LateReading {
            workspace,
            message,
            read,
            now,
            ..
        } = &self.late;
        let at = stored(tx.conn(), *message)?;
        if self.is_outdated(tx, &at)? {
            return Ok(CaughtUp::NotNow);
        }
        if !settle(tx, *message)? {
            return Ok(CaughtUp::Already);
        }
        let thread = threads::keep(tx, read, at.conversation, *message)?;
        threads::replace(
            tx,
            *workspace,
            *message,
            (&self.findings, &read.traces),
            *now,
        )?;
        if thread.is_some() {
            tx.prepare("UPDATE finding SET thread = ?2 WHERE message = ?1")?
                .execute((message.raw(), thread))?;
        }
        Ok(CaughtUp::Done)
    }
}

impl Store {
    /// Messages whose reading was put off, the longest waiting first and those of a conversation in its
    /// order, at most `limit`, with their workspaces.
    pub async fn deferred(&self, limit: u16) -> Result<Vec<(WorkspaceId, MessageId)>, StoreError> {
        self.read(move |conn| {
            conn.prepare_cached(
                "SELECT a.workspace, d.message FROM deferred d JOIN account a ON a.id = d.account
                 ORDER BY d.at, d.seq LIMIT ?1",
            )?
            .query_and_then([i64::from(limit)], |row| -> Result<_, StoreError> {
                let workspace = WorkspaceId::from_raw(row.get(0)?);
                Ok((workspace, MessageId::from_raw(row.get(1)?)))
            })?
            .collect()
        })
        .await
    }

    /// How many messages wait for their reading to be completed.
    pub async fn deferred_count(&self) -> Result<i64, StoreError> {
        self.read(|conn| {
            let sql = "SELECT count(*) FROM deferred";
            Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
        })
        .await
    }

    /// Keeps what was found of a message that was put off, with its turn in its conversation, and takes it
    /// off the list: once, all in one, with the event `message.reread`. Nothing is written when it was done
    /// already, or when the conversation is not as it was when the message was read.
    pub async fn catch_up(&self, late: LateReading) -> Result<CaughtUp, StoreError> {
        threads::check(&late.read)?;
        let findings = to_raw_value(&late.findings)?;
        self.write(CatchUp { late, findings }).await
    }

    /// Nothing can be done about what was put off of these messages.
    pub async fn settle_deferred(&self, messages: Vec<MessageId>) -> Result<(), StoreError> {
        self.write(Settle(messages)).await
    }
}
