//! Completing messages: the second commit, and what happens when it cannot be reached.

use crate::accounts::OwnerEpoch;
use crate::command::Write;
use crate::error::StoreError;
use crate::flow::{Complete, Completed};
use crate::reading::Read;
use crate::sql::accounts::home;
use crate::sql::codec::cut;
use crate::sql::dead_letters::resolve_replayed;
use crate::sql::deferred::{self, Open};
use crate::sql::events::{About, emit, insert_new};
use crate::sql::identity::Evidence;
use crate::sql::messages::{Place, Stored, stored};
use crate::sql::outbox::{Prepared, insert_send};
use crate::sql::threads;
use crate::store::Store;
use crate::writer::Tx;
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use waypost_engine::model::event::kind;
use waypost_engine::model::{
    AccountId, Content, ConversationId, MessageId, NewEvent, Seq, Timestamp,
};

struct CompleteMessage {
    message: MessageId,
    account: AccountId,
    owner: OwnerEpoch,
    now: Timestamp,
    /// In JSON, for the row and for the event.
    findings: Box<RawValue>,
    /// What of its reading is still to be done.
    open: Open,
    read: Option<Box<Read>>,
    sends: Vec<Prepared>,
    events: Vec<NewEvent>,
}

/// What the event of a completed message says.
#[derive(Serialize)]
struct Processed<'a> {
    message: MessageId,
    conversation: ConversationId,
    seq: Seq,
    findings: &'a RawValue,
    sends: Vec<MessageId>,
}

impl Write for CompleteMessage {
    type Output = Completed;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Completed, StoreError> {
        let home = home(tx, self.account)?;
        if home.owner != self.owner {
            return Ok(Completed::NotOwner);
        }
        let at = stored(tx.conn(), self.message)?;
        let Stored {
            conversation, seq, ..
        } = at;
        if !take_pending(tx, self.account, seq)? {
            return Ok(Completed::AlreadyDone);
        }
        let thread = match &self.read {
            Some(read) => threads::keep(tx, read, conversation, self.message)?,
            None => None,
        };
        tx.prepare(
            "INSERT INTO finding (message, data, at, thread, traces) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (message) DO UPDATE SET data = excluded.data, at = excluded.at,
               thread = excluded.thread, traces = excluded.traces",
        )?
        .execute((
            self.message.raw(),
            self.findings.get(),
            self.now.0,
            thread,
            self.read.as_ref().map(|read| read.traces.as_str()),
        ))?;
        deferred::note(tx, self.open, self.message, &at, self.now)?;
        let sends = self
            .sends
            .iter()
            .map(|send| insert_send(tx, home, send, self.now));
        let sends = sends.collect::<Result<Vec<_>, _>>()?;
        let place = Place {
            home,
            conversation,
            sender: None,
            now: self.now,
            evidence: Evidence::Fresh,
        };
        let data = Processed {
            message: self.message,
            conversation,
            seq,
            findings: &self.findings,
            sends: sends.iter().map(|queued| queued.message).collect(),
        };
        emit(tx, place.about(), kind::MESSAGE_PROCESSED, &data)?;
        for event in &self.events {
            insert_new(tx, event)?;
        }
        resolve_replayed(tx, self.message, self.now)?;
        Ok(Completed::Done { sends })
    }
}

/// Marks a message done. False when it was done already: the compare-and-set.
pub(crate) fn take_pending(
    tx: &mut Tx<'_>,
    account: AccountId,
    seq: Seq,
) -> Result<bool, StoreError> {
    let taken = tx
        .prepare("DELETE FROM pending WHERE account = ?1 AND seq = ?2")?
        .execute((account.raw(), seq.0))?;
    Ok(taken == 1)
}

struct PassOver {
    message: MessageId,
    owner: OwnerEpoch,
}

impl Write for PassOver {
    type Output = bool;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let Stored { account, seq, .. } = stored(tx.conn(), self.message)?;
        if home(tx, account)?.owner != self.owner {
            return Err(StoreError::NotOwner);
        }
        let passed = tx
            .prepare(
                "DELETE FROM pending WHERE account = ?1 AND seq = ?2 AND EXISTS
                   (SELECT 1 FROM message WHERE id = ?3 AND kind = ?4)",
            )?
            .execute((
                account.raw(),
                seq.0,
                self.message.raw(),
                Content::Placeholder.kind(),
            ))?;
        Ok(passed == 1)
    }
}

struct Postpone {
    message: MessageId,
    attempt: u32,
    next_at: Timestamp,
    error: String,
    now: Timestamp,
}

impl Write for Postpone {
    type Output = bool;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let Stored {
            account,
            conversation,
            seq,
            ..
        } = stored(tx.conn(), self.message)?;
        let changed = tx
            .prepare(
                "UPDATE pending SET attempt = ?3, next_at = ?4, last_error = ?5
                 WHERE account = ?1 AND seq = ?2",
            )?
            .execute((
                account.raw(),
                seq.0,
                self.attempt,
                self.next_at.0,
                &self.error,
            ))?;
        if changed == 1 {
            let about = About {
                workspace: home(tx, account)?.workspace,
                account: Some(account),
                conversation: Some(conversation),
                at: self.now,
            };
            let data = json!({
                "message": self.message, "attempt": self.attempt, "error": self.error,
                "retry_in_ms": self.next_at.since(self.now).as_millis(),
            });
            emit(tx, about, kind::MESSAGE_FAILED, &data)?;
        }
        Ok(changed == 1)
    }
}

impl Store {
    /// Commits the outcome of a message's stages as one: findings, sends, events, "done".
    /// Nothing is written when it was done already or the account has another owner.
    pub async fn complete(&self, complete: Complete) -> Result<Completed, StoreError> {
        let Complete {
            message,
            account,
            owner,
            now,
            findings,
            read,
            sends,
            events,
        } = complete;
        let sealer = &self.shared.sealer;
        let sends = sends.into_iter().map(|draft| Prepared::new(sealer, draft));
        let sends: Vec<Prepared> = sends.collect::<Result<_, _>>()?;
        let open = Open::of(&findings);
        let findings = to_raw_value(&findings)?;
        if let Some(read) = &read {
            threads::check(read)?;
        }
        #[cfg(feature = "fault-injection")]
        if self.mutated(crate::fault::Mutation::OutboxOutsideCommit) {
            let done = CompleteMessage {
                message,
                account,
                owner,
                now,
                findings,
                open,
                read,
                sends: vec![],
                events,
            };
            let done = self.write(done).await?;
            return match done {
                Completed::Done { .. } => self.send_apart(sends, now).await,
                other => Ok(other),
            };
        }
        self.write(CompleteMessage {
            message,
            account,
            owner,
            now,
            findings,
            open,
            read,
            sends,
            events,
        })
        .await
    }

    /// Goes on without the content of a placeholder. False, and nothing changed, when it was filled
    /// meanwhile or is not waited for. [`StoreError::NotOwner`] when another process has the account.
    pub async fn pass_over(
        &self,
        message: MessageId,
        owner: OwnerEpoch,
    ) -> Result<bool, StoreError> {
        self.write(PassOver { message, owner }).await
    }

    /// Remembers that working on a message failed, and when to try again. False when it is done.
    pub async fn postpone(
        &self,
        message: MessageId,
        attempt: u32,
        next_at: Timestamp,
        error: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let error = cut(error, crate::dead_letters::ERROR_MAX).to_owned();
        self.write(Postpone {
            message,
            attempt,
            next_at,
            error,
            now,
        })
        .await
    }
}
