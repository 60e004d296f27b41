//! Dead letters: put aside so that their conversation goes on, and made live again.

use crate::command::{Write, found};
use crate::db::{Connection, Row};
use crate::dead_letters::{DeadLetter, DeadLetterState, ERROR_MAX, Replay};
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::sql::accounts::home;
use crate::sql::codec::{ToWord as _, collect, cut, first, word_at};
use crate::sql::completion::take_pending;
use crate::sql::events::{About, emit};
use crate::sql::messages::{Stored, WORK, add_pending, stored, work_at};
use crate::sql::outbox::{ITEM, item_at, opened};
use crate::store::Store;
use crate::writer::Tx;
use serde_json::json;
use waypost_engine::model::event::kind;
use waypost_engine::model::{
    AccountId, ConversationId, DeadLetterId, Direction, MessageId, Timestamp, WorkspaceId,
};

/// A message to be put aside.
pub(crate) struct Letter<'a> {
    pub(crate) message: MessageId,
    pub(crate) account: AccountId,
    pub(crate) conversation: ConversationId,
    pub(crate) direction: Direction,
    pub(crate) stage: &'a str,
    pub(crate) error: &'a str,
}

/// Writes a dead letter, or brings the message's earlier one back, with the event.
pub(crate) fn bury_letter(
    tx: &mut Tx<'_>,
    letter: &Letter<'_>,
    now: Timestamp,
) -> Result<DeadLetterId, StoreError> {
    let workspace = home(tx, letter.account)?.workspace;
    let error = cut(letter.error, ERROR_MAX);
    let before = first(
        tx.prepare("SELECT id FROM dead_letter WHERE message = ?1")?
            .query([letter.message.raw()])?,
        |row| Ok(row.get::<_, i64>(0)?),
    )?;
    // Whatever failed again after a replay will hardly heal by another one.
    let state = match before {
        Some(_) => DeadLetterState::ManualReview,
        None => DeadLetterState::Pending,
    };
    let id = before.unwrap_or_else(|| tx.next_raw_id(now));
    tx.prepare(
        "INSERT INTO dead_letter (id, workspace, account, conversation, message, direction, stage,
           error, state, attempts, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?10)
         ON CONFLICT (id) DO UPDATE SET stage = excluded.stage, error = excluded.error,
           state = excluded.state, attempts = dead_letter.attempts + 1,
           updated_at = excluded.updated_at",
    )?
    .execute((
        id,
        workspace.raw(),
        letter.account.raw(),
        letter.conversation.raw(),
        letter.message.raw(),
        letter.direction.word(),
        letter.stage,
        error,
        state.word(),
        now.0,
    ))?;
    let id = DeadLetterId::from_raw(id);
    let about = About {
        workspace,
        account: Some(letter.account),
        conversation: Some(letter.conversation),
        at: now,
    };
    let data = json!({
        "dead_letter": id, "message": letter.message, "direction": letter.direction,
        "stage": letter.stage, "error": error, "state": state,
    });
    emit(tx, about, kind::DEAD_LETTER, &data)?;
    Ok(id)
}

/// A message whose dead letter was replayed came through.
pub(crate) fn resolve_replayed(
    tx: &mut Tx<'_>,
    message: MessageId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE dead_letter SET state = 'resolved', updated_at = ?2
         WHERE message = ?1 AND state = 'retrying'",
    )?
    .execute((message.raw(), now.0))?;
    Ok(())
}

struct Bury {
    message: MessageId,
    stage: String,
    error: String,
    now: Timestamp,
}

impl Write for Bury {
    type Output = Option<DeadLetterId>;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Option<DeadLetterId>, StoreError> {
        let Stored {
            account,
            conversation,
            seq,
            direction,
            ..
        } = stored(tx.conn(), self.message)?;
        if !take_pending(tx, account, seq)? {
            return Ok(None);
        }
        let (stage, error) = (self.stage.as_str(), self.error.as_str());
        let letter = Letter {
            message: self.message,
            account,
            conversation,
            direction,
            stage,
            error,
        };
        bury_letter(tx, &letter, self.now).map(Some)
    }
}

const COLUMNS: &str = "id, workspace, account, conversation, message, direction, stage, error,
    state, attempts, created_at, updated_at";

fn letter_at(row: &Row<'_>) -> Result<DeadLetter, StoreError> {
    Ok(DeadLetter {
        id: DeadLetterId::from_raw(row.get(0)?),
        workspace: WorkspaceId::from_raw(row.get(1)?),
        account: AccountId::from_raw(row.get(2)?),
        conversation: ConversationId::from_raw(row.get(3)?),
        message: MessageId::from_raw(row.get(4)?),
        direction: word_at(row, 5)?,
        stage: row.get(6)?,
        error: row.get(7)?,
        state: word_at(row, 8)?,
        attempts: row.get(9)?,
        created_at: Timestamp(row.get(10)?),
        updated_at: Timestamp(row.get(11)?),
    })
}

fn letter_by_id(conn: &Connection, id: DeadLetterId) -> Result<DeadLetter, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM dead_letter WHERE id = ?1");
    first(conn.prepare_cached(&sql)?.query([id.raw()])?, letter_at)?.ok_or(StoreError::NotFound {
        what: "dead letter",
    })
}

struct SetLetter {
    id: DeadLetterId,
    state: DeadLetterState,
    now: Timestamp,
}

impl Write for SetLetter {
    type Output = ();
    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let changed = tx
            .prepare("UPDATE dead_letter SET state = ?2, updated_at = ?3 WHERE id = ?1")?
            .execute((self.id.raw(), self.state.word(), self.now.0))?;
        found(changed, "dead letter")
    }
}

struct ReplayLetter {
    id: DeadLetterId,
    now: Timestamp,
}

impl Write for ReplayLetter {
    /// The payload of a send is still sealed.
    type Output = Replay;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<Replay, StoreError> {
        let letter = letter_by_id(tx.conn(), self.id)?;
        if !letter.state.is_open() {
            return Ok(Replay::NotPending(letter.state));
        }
        SetLetter {
            id: self.id,
            state: DeadLetterState::Retrying,
            now: self.now,
        }
        .apply(tx)?;
        match letter.direction {
            Direction::In => replay_inbound(tx, letter.message),
            Direction::Out => replay_outbound(tx, letter.message),
        }
    }
}

fn replay_inbound(tx: &mut Tx<'_>, message: MessageId) -> Result<Replay, StoreError> {
    let Stored { account, seq, .. } = stored(tx.conn(), message)?;
    add_pending(tx, account, seq, message, Timestamp(0))?;
    let sql = format!("{WORK} WHERE p.account = ?1 AND p.seq = ?2");
    let work = first(tx.prepare(&sql)?.query((account.raw(), seq.0))?, work_at)?;
    Ok(Replay::Inbound(Box::new(
        work.ok_or(StoreError::NotFound { what: "message" })?,
    )))
}

fn replay_outbound(tx: &mut Tx<'_>, message: MessageId) -> Result<Replay, StoreError> {
    let changed = tx
        .prepare(
            "UPDATE outbox SET state = 'accepted', fail = NULL, failed_at = NULL, attempts = 0,
               next_at = 0 WHERE message = ?1 AND state = 'failed'",
        )?
        .execute([message.raw()])?;
    found(changed, "failed send")?;
    let sql = format!("{ITEM} WHERE o.message = ?1");
    let item = first(tx.prepare(&sql)?.query([message.raw()])?, item_at)?;
    Ok(Replay::Outbound(Box::new(
        item.ok_or(StoreError::NotFound { what: "send" })?,
    )))
}

impl Store {
    /// Puts a message aside that cannot be processed: it counts as done, its conversation goes
    /// on. `None` when it was done already.
    pub async fn bury(
        &self,
        message: MessageId,
        stage: &str,
        error: &str,
        now: Timestamp,
    ) -> Result<Option<DeadLetterId>, StoreError> {
        let error = cut(error, ERROR_MAX).to_owned();
        self.write(Bury {
            message,
            stage: stage.to_owned(),
            error,
            now,
        })
        .await
    }

    /// Dead letters of a workspace, newest first, of one state or all.
    pub async fn dead_letters(
        &self,
        workspace: WorkspaceId,
        state: Option<DeadLetterState>,
        page: Page,
    ) -> Result<Paged<DeadLetter>, StoreError> {
        let before = page.after::<1>()?.map_or(i64::MAX, |[id]| id);
        self.read(move |conn| {
            let sql = format!(
                "SELECT {COLUMNS} FROM dead_letter
                 WHERE workspace = ?1 AND (state = ?2 OR ?2 IS NULL) AND id < ?3
                 ORDER BY id DESC LIMIT ?4"
            );
            let state = state.map(|state| state.word());
            let mut statement = conn.prepare_cached(&sql)?;
            let rows = statement.query((workspace.raw(), state, before, page.fetch()))?;
            Ok(page.cut(collect(rows, letter_at)?, |letter| [letter.id.raw()]))
        })
        .await
    }

    /// One dead letter.
    pub async fn dead_letter(&self, id: DeadLetterId) -> Result<DeadLetter, StoreError> {
        self.read(move |conn| letter_by_id(conn, id)).await
    }

    /// Makes a dead letter's message live again. It keeps its id and wire id and is openly out
    /// of its conversation's order.
    pub async fn replay_dead_letter(
        &self,
        id: DeadLetterId,
        now: Timestamp,
    ) -> Result<Replay, StoreError> {
        match self.write(ReplayLetter { id, now }).await? {
            Replay::Outbound(item) => Ok(Replay::Outbound(Box::new(opened(
                &self.shared.sealer,
                *item,
            )?))),
            other => Ok(other),
        }
    }

    /// Puts a dead letter aside for good; it is removed after
    /// [`crate::dead_letters::DEAD_LETTERS_KEPT`].
    pub async fn archive_dead_letter(
        &self,
        id: DeadLetterId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(SetLetter {
            id,
            state: DeadLetterState::Archived,
            now,
        })
        .await
    }
}
