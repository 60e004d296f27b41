//! The event log: written with what it tells of, read by position.

use crate::command::Write;
use crate::cursor::Cursor;
use crate::db::Connection;
use crate::error::{ResyncReason, StoreError};
use crate::events::{EVENTS_MAX, EVENTS_SCANNED_MAX, EventFilter, EventPage};
use crate::sql::codec::{collect, first, json_at, to_json};
use crate::store::Store;
use crate::writer::{Tx, head};
use waypost_engine::model::{
    AccountId, ConversationId, Event, EventId, NewEvent, Timestamp, WorkspaceId,
};

/// What an event is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    pub(crate) workspace: WorkspaceId,
    pub(crate) account: Option<AccountId>,
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) at: Timestamp,
}

/// Version of the data written by [`emit`].
const DATA_VERSION: u16 = 1;

/// Writes an event in the same transaction as what it tells of.
pub(crate) fn emit(
    tx: &mut Tx<'_>,
    about: About,
    kind: &str,
    data: &impl serde::Serialize,
) -> Result<i64, StoreError> {
    let id = EventId::from_raw(tx.next_raw_id(about.at));
    insert(tx, id, about, (kind, DATA_VERSION), &to_json(data)?)
}

fn insert(
    tx: &mut Tx<'_>,
    id: EventId,
    about: About,
    (kind, version): (&str, u16),
    data: &str,
) -> Result<i64, StoreError> {
    let position = tx.next_position()?;
    tx.prepare(
        "INSERT INTO event (position, id, workspace, account, conversation, kind, version, data, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute((
        position,
        id.raw(),
        about.workspace.raw(),
        about.account.map(AccountId::raw),
        about.conversation.map(ConversationId::raw),
        kind,
        version,
        data,
        about.at.0,
    ))?;
    Ok(position)
}

/// Writes an event made elsewhere.
pub(crate) fn insert_new(tx: &mut Tx<'_>, event: &NewEvent) -> Result<i64, StoreError> {
    let about = About {
        workspace: event.workspace,
        account: event.account,
        conversation: event.conversation,
        at: event.at,
    };
    insert(
        tx,
        event.id,
        about,
        (event.kind, event.version),
        &to_json(&event.data)?,
    )
}

/// Name in `meta` of the newest position removed for its age. Events of a deleted account are
/// removed too, but leave followers nothing to miss.
const PRUNED_TO: &str = "events_pruned_to";

/// The newest position that was removed for its age; 0 when none was.
pub(crate) fn pruned_to(conn: &Connection) -> Result<i64, StoreError> {
    let mut statement = conn.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    let stored = first(statement.query([PRUNED_TO])?, |row| {
        Ok(row.get::<_, Vec<u8>>(0)?)
    })?;
    let Some(bytes) = stored else { return Ok(0) };
    let bytes = bytes
        .try_into()
        .map_err(|_| StoreError::corrupt(PRUNED_TO))?;
    Ok(i64::from_be_bytes(bytes))
}

/// Removes the oldest events, as long as they are older than `before`, at most `max` of them.
/// The newest event always stays: it holds the place of the log's end.
pub(crate) fn prune(tx: &Tx<'_>, before: Timestamp, max: i64) -> Result<usize, StoreError> {
    let young: Option<i64> = tx
        .prepare(
            "SELECT coalesce((SELECT position FROM event WHERE at >= ?1 ORDER BY position LIMIT 1),
               (SELECT max(position) FROM event))",
        )?
        .query_row([before.0], |row| row.get(0))?;
    let last: Option<i64> = tx
        .prepare(
            "SELECT max(position) FROM
               (SELECT position FROM event WHERE position < ?1 ORDER BY position LIMIT ?2) AS old",
        )?
        .query_row((young, max), |row| row.get(0))?;
    let Some(last) = last else { return Ok(0) };
    tx.prepare(
        "INSERT INTO meta (name, value) VALUES (?1, ?2)
                ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?
    .execute((PRUNED_TO, last.to_be_bytes()))?;
    Ok(tx
        .prepare("DELETE FROM event WHERE position <= ?1")?
        .execute([last])?)
}

struct AppendEvent(NewEvent);

impl Write for AppendEvent {
    type Output = i64;
    fn apply(&self, tx: &mut Tx<'_>) -> Result<i64, StoreError> {
        insert_new(tx, &self.0)
    }
}

impl Store {
    /// Writes an event that no other command writes. Returns its position.
    pub async fn append_event(&self, event: NewEvent) -> Result<i64, StoreError> {
        self.write(AppendEvent(event)).await
    }

    /// The newest position of the event log; 0 when it is empty.
    #[must_use]
    pub fn head(&self) -> i64 {
        *self.subscribe().borrow()
    }

    /// The cursor behind the event at `position`.
    #[must_use]
    pub fn cursor_at(&self, position: i64) -> Cursor {
        Cursor {
            cell: self.shared.config.cell,
            epoch: self.shared.epoch,
            position,
        }
    }

    /// The cursor behind the newest event.
    #[must_use]
    pub fn head_cursor(&self) -> Cursor {
        self.cursor_at(self.head())
    }

    /// Events after a cursor that pass the filter, oldest first, at most `limit` and at most
    /// [`EVENTS_MAX`]. Looks at up to [`EVENTS_SCANNED_MAX`] events; go on with
    /// [`EventPage::next`] while [`EventPage::more`].
    ///
    /// [`StoreError::Resync`] when the cursor is of another cell or an earlier life of the
    /// database, or events after it were pruned.
    pub async fn events_after(
        &self,
        after: Cursor,
        filter: EventFilter,
        limit: usize,
    ) -> Result<EventPage, StoreError> {
        let resync = |why| Err(StoreError::Resync { why });
        if after.cell != self.shared.config.cell {
            return resync(ResyncReason::Cell);
        }
        if after.epoch != self.shared.epoch {
            return resync(ResyncReason::Epoch);
        }
        let store = self.clone();
        self.read(move |conn| {
            let (events, next, more) = read_after(conn, after.position, &filter, limit)?;
            Ok(EventPage {
                events,
                next: store.cursor_at(next),
                more,
            })
        })
        .await
    }
}

/// No kind of event contains NUL, which PostgreSQL does not read in JSON.
fn nul_free(kinds: &[String]) -> Vec<String> {
    let plain = |kind: &String| kind.replace('\0', "\u{FFFD}");
    kinds.iter().map(plain).collect()
}

fn read_after(
    conn: &Connection,
    after: i64,
    filter: &EventFilter,
    limit: usize,
) -> Result<(Vec<Event>, i64, bool), StoreError> {
    // One snapshot for the bounds and the rows.
    let snapshot = conn.snapshot()?;
    let head = head(&snapshot)?;
    if after > head {
        return Err(StoreError::Resync {
            why: ResyncReason::Future,
        });
    }
    if after < pruned_to(&snapshot)? {
        return Err(StoreError::Resync {
            why: ResyncReason::Pruned,
        });
    }
    let limit = limit.clamp(1, EVENTS_MAX);
    let until = head.min(after.saturating_add(EVENTS_SCANNED_MAX));
    let kinds = to_json(&nul_free(&filter.kinds))?;
    let listed = snapshot.dialect().texts_in_json("?5");
    let mut statement = snapshot.prepare_cached(&format!(
        "SELECT position, id, workspace, account, conversation, kind, version, data, at
         FROM event
         WHERE position > ?1 AND position <= ?2 AND workspace = ?3
           AND (account = ?4 OR ?4 IS NULL)
           AND (?5 = '[]' OR kind IN ({listed}))
         ORDER BY position LIMIT ?6"
    ))?;
    let rows = statement.query((
        after,
        until,
        filter.workspace.raw(),
        filter.account.map(AccountId::raw),
        kinds,
        i64::try_from(limit).unwrap_or(i64::MAX),
    ))?;
    let events = collect(rows, event_at)?;
    let full = events.len() == limit;
    let next = events
        .last()
        .filter(|_| full)
        .map_or(until, |event| event.position);
    Ok((events, next, next < head))
}

/// An event from `position, id, workspace, account, conversation, kind, version, data, at`.
pub(crate) fn event_at(row: &crate::db::Row<'_>) -> Result<Event, StoreError> {
    Ok(Event {
        position: row.get(0)?,
        id: EventId::from_raw(row.get(1)?),
        workspace: WorkspaceId::from_raw(row.get(2)?),
        account: row.get::<_, Option<i64>>(3)?.map(AccountId::from_raw),
        conversation: row.get::<_, Option<i64>>(4)?.map(ConversationId::from_raw),
        kind: row.get(5)?,
        version: row.get(6)?,
        data: json_at(row, 7)?,
        at: Timestamp(row.get(8)?),
    })
}
