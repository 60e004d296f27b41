//! The rows of sheets: noted with the cursor, sent, looked up, done or given up.

use super::column::{cut, json_at, name_at, name_of, time_at};
use super::events::{About, emit};
use super::sheets::mapping_by_id;
use crate::admin::sheets::{
    Attempt, DONE_KEPT, ERROR_KEPT, GivenUp, NewSheetWrite, SheetAdvance, SheetAdvanced,
    SheetCompany, SheetCounts, SheetMapping, SheetOutcome, SheetRow, SheetWrite, SheetWriteState,
    WAITING_MAX,
};
use crate::command::Write;
use crate::db::{Row, named_params};
use crate::error::StoreError;
use crate::page::{Page, Paged};
use crate::store::Store;
use crate::writer::Tx;
use waypost_engine::model::event::kind;
use waypost_engine::model::{EventId, SheetMappingId, Timestamp, WorkspaceId};

const COLUMNS: &str = "mapping, event, destination, position, state, cells, id_column, company, \
    attempts, due_at, last_error, place, created_at, updated_at";
/// Rows forgotten at a time.
const FORGET_MAX: i64 = 1_000;

fn write_at(row: &Row<'_>) -> Result<SheetWrite, StoreError> {
    Ok(SheetWrite {
        mapping: SheetMappingId::from_raw(row.get("mapping")?),
        event: EventId::from_raw(row.get("event")?),
        destination: row.get("destination")?,
        position: row.get("position")?,
        state: name_at(row, "state")?,
        cells: json_at(row, "cells")?,
        id_column: row.get("id_column")?,
        company: name_at(row, "company")?,
        attempts: row.get("attempts")?,
        due_at: time_at(row, "due_at")?,
        last_error: row.get("last_error")?,
        place: row.get("place")?,
        created_at: time_at(row, "created_at")?,
        updated_at: time_at(row, "updated_at")?,
    })
}

struct AdvanceMapping {
    id: SheetMappingId,
    step: SheetAdvance,
    now: Timestamp,
}

impl AdvanceMapping {
    fn has_room(&self, tx: &Tx<'_>) -> Result<bool, StoreError> {
        let waiting: i64 = tx
            .prepare(
                "SELECT count(*) FROM sheet_write
                 WHERE mapping = ?1 AND state IN ('pending', 'sending', 'in_doubt')",
            )?
            .query_row([self.id.raw()], |row| row.get(0))?;
        let more = i64::try_from(self.step.writes.len()).unwrap_or(i64::MAX);
        Ok(more == 0 || waiting.saturating_add(more) <= WAITING_MAX)
    }

    fn note(
        &self,
        tx: &mut Tx<'_>,
        mapping: &SheetMapping,
        write: &NewSheetWrite,
    ) -> Result<(), StoreError> {
        let none = SheetRow {
            cells: serde_json::Value::Null,
            id_column: 0,
            content: [0; 32],
        };
        let (row, state, error) = match &write.row {
            Ok(row) if self.is_repetition(tx, mapping, row)? => {
                (row, SheetWriteState::Duplicate, "")
            }
            Ok(row) => (row, SheetWriteState::Pending, ""),
            Err(why) => (&none, SheetWriteState::Failed, why.as_str()),
        };
        let added = tx
            .prepare(
                "INSERT INTO sheet_write (mapping, event, destination, position, state, cells,
                    id_column, content, company, attempts, due_at, last_error, created_at,
                    updated_at)
                 VALUES (:mapping, :event, :destination, :position, :state, :cells,
                    :id_column, :content, 'shared', 0, :now, :error, :now, :now)
                 ON CONFLICT (mapping, event, destination) DO NOTHING",
            )?
            .execute(named_params! {
                ":mapping": self.id.raw(), ":event": write.event.raw(),
                ":destination": mapping.destination(), ":position": write.position,
                ":state": name_of(&state)?, ":cells": row.cells.to_string(),
                ":id_column": row.id_column, ":content": row.content.as_slice(),
                ":error": cut(error, ERROR_KEPT), ":now": self.now.0,
            })?;
        if added > 0 && state == SheetWriteState::Failed {
            tell(tx, mapping, write.event, error, self.now)?;
        }
        Ok(())
    }

    /// Whether the mapping looks for repetitions and this is one.
    fn is_repetition(
        &self,
        tx: &Tx<'_>,
        mapping: &SheetMapping,
        row: &SheetRow,
    ) -> Result<bool, StoreError> {
        let Some(window) = mapping.spec.window else {
            return Ok(false);
        };
        let since = self.now - window;
        let sql = "SELECT EXISTS (SELECT 1 FROM sheet_write
            WHERE mapping = ?1 AND content = ?2 AND created_at > ?3
                AND state NOT IN ('duplicate', 'failed'))";
        Ok(tx
            .prepare(sql)?
            .query_row((self.id.raw(), row.content.as_slice(), since.0), |row| {
                row.get(0)
            })?)
    }
}

fn tell(
    tx: &mut Tx<'_>,
    mapping: &SheetMapping,
    event: EventId,
    error: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let about = About {
        workspace: mapping.spec.workspace,
        account: None,
        conversation: None,
        at: now,
    };
    let data = serde_json::json!({
        "mapping": mapping.id, "event": event, "error": cut(error, ERROR_KEPT),
    });
    emit(tx, about, kind::SHEET_ROW_FAILED, &data)?;
    Ok(())
}

impl Write for AdvanceMapping {
    type Output = SheetAdvanced;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<SheetAdvanced, StoreError> {
        let mapping = mapping_by_id(tx.conn(), self.id)?;
        if mapping.position != self.step.from {
            return Ok(SheetAdvanced::Moved);
        }
        if !self.has_room(tx)? {
            return Ok(SheetAdvanced::Full);
        }
        for write in &self.step.writes {
            self.note(tx, &mapping, write)?;
        }
        tx.prepare("UPDATE sheet_mapping SET position = ?2 WHERE id = ?1")?
            .execute((self.id.raw(), self.step.to))?;
        Ok(SheetAdvanced::Done)
    }
}

struct Begin {
    writes: Vec<SheetWrite>,
    in_doubt_at: Timestamp,
    now: Timestamp,
}

impl Write for Begin {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        for write in &self.writes {
            // Should the program die now, this is when the row may be looked up.
            let changed = tx
                .prepare(
                    "UPDATE sheet_write SET state = 'sending', attempts = attempts + 1,
                        due_at = ?4, updated_at = ?5
                     WHERE mapping = ?1 AND event = ?2 AND destination = ?3 AND state = 'pending'",
                )?
                .execute((
                    write.mapping.raw(),
                    write.event.raw(),
                    &write.destination,
                    self.in_doubt_at.0,
                    self.now.0,
                ))?;
            if changed == 0 {
                return Err(StoreError::conflict(
                    "a row that was to be sent is not waiting",
                ));
            }
        }
        Ok(())
    }
}

struct Settle {
    outcomes: Vec<(SheetWrite, SheetOutcome)>,
    now: Timestamp,
}

/// What an outcome changes.
struct Change<'a> {
    state: SheetWriteState,
    due_at: Timestamp,
    company: Option<SheetCompany>,
    refund: i64,
    error: &'a str,
    place: Option<&'a str>,
}

impl<'a> Change<'a> {
    fn of(outcome: &'a SheetOutcome, now: Timestamp) -> Self {
        let plain = |state, due_at, error| Self {
            state,
            due_at,
            company: None,
            refund: 0,
            error,
            place: None,
        };
        match outcome {
            SheetOutcome::Done { place } => Self {
                place: place.as_deref(),
                ..plain(SheetWriteState::Done, now, "")
            },
            SheetOutcome::Again {
                at,
                company,
                counted,
                error,
            } => Self {
                company: Some(*company),
                refund: i64::from(*counted == Attempt::Free),
                ..plain(SheetWriteState::Pending, *at, error)
            },
            SheetOutcome::InDoubt { at, error } => plain(SheetWriteState::InDoubt, *at, error),
            SheetOutcome::Failed { error } => plain(SheetWriteState::Failed, now, error),
        }
    }
}

impl Write for Settle {
    type Output = ();

    fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        for (write, outcome) in &self.outcomes {
            let change = Change::of(outcome, self.now);
            let company = change.company.unwrap_or(write.company);
            // Gone when its mapping was deleted meanwhile.
            let changed = tx
                .prepare(
                    "UPDATE sheet_write SET state = :state, due_at = :due, company = :company,
                        attempts = attempts - :refund, last_error = :error,
                        place = coalesce(:place, place), updated_at = :now
                     WHERE mapping = :mapping AND event = :event AND destination = :destination
                        AND state IN ('sending', 'in_doubt')",
                )?
                .execute(named_params! {
                    ":state": name_of(&change.state)?, ":due": change.due_at.0,
                    ":company": name_of(&company)?, ":refund": change.refund,
                    ":error": cut(change.error, ERROR_KEPT), ":place": change.place,
                    ":now": self.now.0, ":mapping": write.mapping.raw(),
                    ":event": write.event.raw(), ":destination": write.destination,
                })?;
            if changed > 0 && change.state == SheetWriteState::Failed {
                let mapping = mapping_by_id(tx.conn(), write.mapping)?;
                tell(tx, &mapping, write.event, change.error, self.now)?;
            }
        }
        Ok(())
    }
}

/// After a start: what was on its way is in doubt.
struct DoubtSending;

impl Write for DoubtSending {
    type Output = u64;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let doubted = tx
            .prepare(
                "UPDATE sheet_write SET state = 'in_doubt',
                    last_error = 'Waypost was stopped while it was on its way'
                 WHERE state = 'sending'",
            )?
            .execute([])?;
        Ok(doubted as u64)
    }
}

struct Replay {
    mapping: SheetMappingId,
    workspace: WorkspaceId,
    which: GivenUp,
    now: Timestamp,
}

impl Write for Replay {
    type Output = u64;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let mapping = mapping_by_id(tx.conn(), self.mapping)?;
        crate::command::found(
            usize::from(mapping.spec.workspace == self.workspace),
            "sheet mapping",
        )?;
        // An event that could not be made a row has no cells, and replaying would not make them.
        let again = |only: &str| {
            tx.prepare(&format!(
                "UPDATE sheet_write SET state = 'pending', attempts = 0, due_at = ?2,
                    updated_at = ?2, company = 'shared'
                 WHERE mapping = ?1 AND state = 'failed' AND cells <> 'null'{only}"
            ))
        };
        let (mapping, now) = (self.mapping.raw(), self.now.0);
        let replayed = match self.which {
            GivenUp::All => again("")?.execute((mapping, now))?,
            GivenUp::Of(event) => {
                let replayed = again(" AND event = ?3")?.execute((mapping, now, event.raw()))?;
                crate::command::found(replayed, "failed row of this event that has cells")?;
                replayed
            }
        };
        Ok(replayed as u64)
    }
}

struct Forget {
    before: Timestamp,
}

impl Write for Forget {
    type Output = u64;

    fn apply(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
        let old: Vec<(i64, i64, String)> = tx
            .prepare(
                "SELECT mapping, event, destination FROM sheet_write
                 WHERE state IN ('done', 'duplicate') AND updated_at < ?1 LIMIT ?2",
            )?
            .query_and_then((self.before.0, FORGET_MAX), |row| {
                Ok::<_, StoreError>((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<Result<_, _>>()?;
        for (mapping, event, destination) in &old {
            tx.prepare(
                "DELETE FROM sheet_write WHERE mapping = ?1 AND event = ?2 AND destination = ?3",
            )?
            .execute((mapping, event, destination))?;
        }
        Ok(old.len() as u64)
    }
}

impl Store {
    /// Moves a mapping's cursor and notes the rows, in one commit.
    pub async fn advance_sheet_mapping(
        &self,
        id: SheetMappingId,
        step: SheetAdvance,
        now: Timestamp,
    ) -> Result<SheetAdvanced, StoreError> {
        if step.to < step.from {
            return Err(StoreError::invalid("a cursor only moves forward"));
        }
        self.write(AdvanceMapping { id, step, now }).await
    }

    /// Rows of a mapping in this state whose time has come, in the order of their events.
    pub async fn sheet_writes_due(
        &self,
        mapping: SheetMappingId,
        state: SheetWriteState,
        now: Timestamp,
        limit: u16,
    ) -> Result<Vec<SheetWrite>, StoreError> {
        let state = name_of(&state)?;
        self.read(move |conn| {
            let sql = format!(
                "SELECT {COLUMNS} FROM sheet_write
                 WHERE mapping = ?1 AND state = ?2 AND due_at <= ?3
                 ORDER BY position, event LIMIT ?4"
            );
            conn.prepare_cached(&sql)?
                .query_and_then((mapping.raw(), &state, now.0, limit), write_at)?
                .collect()
        })
        .await
    }

    /// Notes that these rows are about to be sent. Should the program die then, they are looked up
    /// after `in_doubt_at`. [`StoreError::Conflict`] when one of them is not waiting any more.
    pub async fn begin_sheet_writes(
        &self,
        writes: Vec<SheetWrite>,
        in_doubt_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(Begin {
            writes,
            in_doubt_at,
            now,
        })
        .await
    }

    /// Notes how rows fared that were on their way or in doubt.
    pub async fn settle_sheet_writes(
        &self,
        outcomes: Vec<(SheetWrite, SheetOutcome)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(Settle { outcomes, now }).await
    }

    /// At the start, before anything is sent: what was on its way when the program ended is in
    /// doubt. Tells how many.
    pub async fn doubt_sheet_writes(&self) -> Result<u64, StoreError> {
        self.write(DoubtSending).await
    }

    /// Makes rows of a mapping that were given up wait again. Tells how many. [`StoreError::NotFound`] when a
    /// single one is meant and did not fail, or never had cells.
    pub async fn replay_sheet_writes(
        &self,
        workspace: WorkspaceId,
        mapping: SheetMappingId,
        which: GivenUp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.write(Replay {
            mapping,
            workspace,
            which,
            now,
        })
        .await
    }

    /// Forgets rows that were done [`DONE_KEPT`] ago, some at a time. Tells how many.
    pub async fn forget_sheet_writes(&self, now: Timestamp) -> Result<u64, StoreError> {
        let before = now - DONE_KEPT;
        self.write(Forget { before }).await
    }

    /// How many rows of a mapping are in which state.
    pub async fn sheet_counts(&self, mapping: SheetMappingId) -> Result<SheetCounts, StoreError> {
        self.read(move |conn| {
            let counted: Vec<(SheetWriteState, i64)> = conn
                .prepare_cached(
                    "SELECT state, count(*) AS n FROM sheet_write WHERE mapping = ?1
                     GROUP BY state",
                )?
                .query_and_then([mapping.raw()], |row| {
                    Ok::<_, StoreError>((name_at(row, "state")?, row.get("n")?))
                })?
                .collect::<Result<_, _>>()?;
            let mut counts = SheetCounts::default();
            for (state, n) in counted {
                match state {
                    SheetWriteState::Pending | SheetWriteState::Sending => counts.waiting += n,
                    SheetWriteState::InDoubt => counts.in_doubt += n,
                    SheetWriteState::Done => counts.done += n,
                    SheetWriteState::Failed => counts.failed += n,
                    SheetWriteState::Duplicate => counts.duplicate += n,
                }
            }
            Ok(counts)
        })
        .await
    }

    /// The rows of a mapping for people to look at, newest event first, in one state or all.
    pub async fn sheet_writes(
        &self,
        mapping: SheetMappingId,
        state: Option<SheetWriteState>,
        page: Page,
    ) -> Result<Paged<SheetWrite>, StoreError> {
        let state = state.as_ref().map(name_of).transpose()?;
        let before = page.after::<2>()?.unwrap_or([i64::MAX, i64::MAX]);
        let rows: Vec<SheetWrite> = self
            .read({
                let fetch = page.fetch();
                move |conn| {
                    let sql = format!(
                        "SELECT {COLUMNS} FROM sheet_write
                         WHERE mapping = ?1 AND state = coalesce(?2, state)
                            AND (position < ?3 OR (position = ?3 AND event < ?4))
                         ORDER BY position DESC, event DESC LIMIT ?5"
                    );
                    conn.prepare_cached(&sql)?
                        .query_and_then(
                            (mapping.raw(), &state, before[0], before[1], fetch),
                            write_at,
                        )?
                        .collect::<Result<_, StoreError>>()
                }
            })
            .await?;
        Ok(page.cut(rows, |write| [write.position, write.event.raw()]))
    }
}
