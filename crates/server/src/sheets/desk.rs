//! One mapping's work: what is in doubt, what is new, what is due.

use super::Office;
use super::connectors::SheetsError;
use super::letter::document;
use crate::clock;
use crate::driver::crash::point;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use waypost_engine::flow::retry::doubled;
use waypost_engine::model::{Duration as Span, Event, SheetMappingId, Timestamp, WorkspaceId};
use waypost_sheets::a1::TabName;
use waypost_sheets::batch::{self, Company, ROWS_MAX};
use waypost_sheets::{Connector, Error, Mapping, Outcome, Row, SpreadsheetId};
use waypost_store::admin::sheets::{
    Attempt, NewSheetWrite, SheetAdvance, SheetAdvanced, SheetCompany, SheetMapping, SheetOutcome,
    SheetRow, SheetWrite, SheetWriteState,
};
use waypost_store::{EventFilter, ResyncReason, StoreError};

/// Events read at a time.
const EVENTS: usize = 200;
/// Rows looked up at a time.
const LOOK_UP_MAX: u16 = 1_000;
/// Calls that a row may be part of before it is given up.
const ATTEMPTS_MAX: u32 = 8;
/// Wait before the second call; doubled each time.
const RETRY_BASE: Span = Span::secs(15);
/// Longest wait between two calls.
const RETRY_MAX: Span = Span::mins(30);
/// Wait before another look when looking up failed.
const LOOK_AGAIN: Span = Span::secs(30);
/// How often an idle mapping looks by itself.
const IDLE: Duration = Duration::from_millis(500);
/// How long to wait when the store or the key file fails.
const TROUBLE_WAIT: Duration = Duration::from_secs(2);
/// How many unwanted events are passed before the cursor is written.
const LAZY: i64 = 1_000;

/// One mapping's task.
pub(super) struct Desk {
    office: Office,
    id: SheetMappingId,
    workspace: WorkspaceId,
    known: i64,
    read: i64,
}

/// What to do next.
enum Next {
    More,
    Wait,
    End,
}

impl Desk {
    pub(super) fn new(office: Office, mapping: &SheetMapping) -> Self {
        Self {
            office,
            id: mapping.id,
            workspace: mapping.spec.workspace,
            known: mapping.position,
            read: mapping.position,
        }
    }

    pub(super) async fn run(mut self) {
        let mut bell = self.office.store.subscribe();
        while !self.office.stop.is_cancelled() {
            bell.borrow_and_update();
            let pause = match self.round().await {
                Ok(Next::More) => continue,
                Ok(Next::Wait) => IDLE,
                Ok(Next::End)
                | Err(SheetsError::Store(StoreError::Closed | StoreError::NotFound { .. })) => {
                    return;
                }
                Err(error) => {
                    tracing::warn!(mapping = %self.id, %error, "a mapping waits");
                    TROUBLE_WAIT
                }
            };
            tokio::select! {
                () = self.office.stop.cancelled() => return,
                rung = bell.changed() => if rung.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn round(&mut self) -> Result<Next, SheetsError> {
        let store = &self.office.store;
        let mapping = store.sheet_mapping(self.workspace, self.id).await?;
        if mapping.paused_at.is_some() {
            return Ok(Next::End);
        }
        if mapping.position != self.known {
            (self.known, self.read) = (mapping.position, mapping.position);
        }
        let forwarded = self.forward(&mapping).await?;
        let connector = self
            .office
            .connectors
            .get(self.workspace, mapping.spec.connection)
            .await?;
        let looked = self.look_up(&connector).await?;
        let sent = self.send(&connector).await?;
        let is_busy = [forwarded, looked, sent].contains(&Busy::Yes);
        Ok(if is_busy { Next::More } else { Next::Wait })
    }

    /// Notes the rows of what is new.
    async fn forward(&mut self, mapping: &SheetMapping) -> Result<Busy, SheetsError> {
        let store = &self.office.store;
        let filter = EventFilter::all(self.workspace);
        let page = match store
            .events_after(store.cursor_at(self.read), filter, EVENTS)
            .await
        {
            Err(StoreError::Resync {
                why: ResyncReason::Pruned,
            }) => return self.skip_pruned().await,
            page => page?,
        };
        let to = page.next.position;
        let more = if page.more { Busy::Yes } else { Busy::No };
        let wanted = page.events.iter().filter(|event| mapping.wants(event));
        let columns: Mapping = read_columns(mapping)?;
        let mut step = SheetAdvance {
            from: self.known,
            to,
            ..SheetAdvance::default()
        };
        for event in wanted {
            step.writes.push(self.note(&columns, event).await?);
        }
        self.read = to;
        if to == self.known || (step.writes.is_empty() && to - self.known < LAZY) {
            return Ok(more);
        }
        match store
            .advance_sheet_mapping(self.id, step, clock::now())
            .await?
        {
            SheetAdvanced::Done => {
                self.known = to;
                Ok(more)
            }
            SheetAdvanced::Moved => Ok(Busy::Yes),
            SheetAdvanced::Full => {
                tracing::warn!(mapping = %self.id, "too many rows wait; new events stay in the log");
                self.read = self.known;
                Ok(Busy::No)
            }
        }
    }

    async fn note(&self, columns: &Mapping, event: &Event) -> Result<NewSheetWrite, StoreError> {
        let seen = document(&self.office.store, event).await?;
        let id = event.id.to_string();
        let row = columns
            .row(&id, &seen)
            .map(|row| SheetRow {
                content: columns.content(&row),
                id_column: u32::try_from(columns.id_column()).unwrap_or(0),
                cells: serde_json::json!(row),
            })
            .map_err(|error| error.to_string());
        Ok(NewSheetWrite {
            event: event.id,
            position: event.position,
            row,
        })
    }

    /// The cursor is at events that were removed for their age: it goes on at the newest.
    async fn skip_pruned(&mut self) -> Result<Busy, SheetsError> {
        let store = &self.office.store;
        tracing::warn!(mapping = %self.id, "events it never wrote were removed, being too old");
        let step = SheetAdvance {
            from: self.known,
            to: store.head(),
            ..SheetAdvance::default()
        };
        store
            .advance_sheet_mapping(self.id, step, clock::now())
            .await?;
        Ok(Busy::Yes)
    }

    /// Looks up rows of which nobody knows whether they are there.
    async fn look_up(&self, connector: &Arc<Connector>) -> Result<Busy, SheetsError> {
        let store = &self.office.store;
        let now = clock::now();
        let doubted = store
            .sheet_writes_due(self.id, SheetWriteState::InDoubt, now, LOOK_UP_MAX)
            .await?;
        let mut by_place: BTreeMap<(String, u32), Vec<SheetWrite>> = BTreeMap::new();
        for write in doubted {
            let place = (write.destination.clone(), write.id_column);
            by_place.entry(place).or_default().push(write);
        }
        if by_place.is_empty() {
            return Ok(Busy::No);
        }
        for ((destination, column), writes) in by_place {
            let ids: HashSet<String> = writes.iter().map(|w| w.event.to_string()).collect();
            let column = usize::try_from(column).unwrap_or(0);
            let found = match parse(&destination) {
                Ok((book, tab)) => connector.find_ids(&book, &tab, column, &ids).await,
                Err(error) => Err(error),
            };
            let outcomes = writes
                .into_iter()
                .map(|write| (looked_up(&write, &found), write))
                .map(|(outcome, write)| (write, outcome));
            store
                .settle_sheet_writes(outcomes.collect(), clock::now())
                .await?;
        }
        Ok(Busy::Yes)
    }

    /// Sends the rows that are due and have gathered long enough, in one call.
    async fn send(&self, connector: &Arc<Connector>) -> Result<Busy, SheetsError> {
        let store = &self.office.store;
        let now = clock::now();
        let limit = u16::try_from(ROWS_MAX).unwrap_or(u16::MAX);
        let due = store
            .sheet_writes_due(self.id, SheetWriteState::Pending, now, limit)
            .await?;
        let Some(first) = due.first() else {
            return Ok(Busy::No);
        };
        let oldest = due.iter().map(|w| w.created_at).min().unwrap_or(now);
        if due.len() < ROWS_MAX && now.since(oldest) < self.office.linger {
            return Ok(Busy::No);
        }
        let destination = first.destination.clone();
        let (mut writes, mut rows) = (Vec::new(), Vec::new());
        for write in due.into_iter().filter(|w| w.destination == destination) {
            rows.push(read_row(&write)?);
            writes.push(write);
        }
        let companies = writes.iter().map(|w| match w.company {
            SheetCompany::Shared => Company::Shared,
            SheetCompany::Alone => Company::Alone,
        });
        let count = batch::next(rows.iter().zip(companies));
        writes.truncate(count);
        rows.truncate(count);
        self.send_batch(connector, &destination, writes, &rows)
            .await
    }

    async fn send_batch(
        &self,
        connector: &Arc<Connector>,
        destination: &str,
        mut writes: Vec<SheetWrite>,
        rows: &[Row],
    ) -> Result<Busy, SheetsError> {
        let store = &self.office.store;
        let settled_at = clock::now() + self.office.settled_after;
        store
            .begin_sheet_writes(writes.clone(), settled_at, clock::now())
            .await?;
        for write in &mut writes {
            write.attempts += 1;
        }
        point("sheets_before_send");
        let done = match parse(destination) {
            Ok((book, tab)) => connector.append(&book, &tab, rows).await,
            Err(error) => Err(error),
        };
        point("sheets_after_send");
        let now = clock::now();
        let result = if done.is_ok() { "done" } else { "failed" };
        metrics::counter!("waypost_sheet_appends_total", "result" => result).increment(1);
        let settled_at = now + self.office.settled_after;
        let together = writes.len();
        let outcomes = writes.into_iter().map(|write| {
            let outcome = match &done {
                Ok(place) => SheetOutcome::Done {
                    place: Some(place.clone()),
                },
                Err(error) => failed(&write, error, together, settled_at, now),
            };
            (write, outcome)
        });
        store.settle_sheet_writes(outcomes.collect(), now).await?;
        point("sheets_after_settle");
        Ok(Busy::Yes)
    }
}

/// Whether there may be more to do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Busy {
    Yes,
    No,
}

/// What becomes of a row whose call failed.
fn failed(
    write: &SheetWrite,
    error: &Error,
    together: usize,
    settled_at: Timestamp,
    now: Timestamp,
) -> SheetOutcome {
    let again = |at, company, counted| SheetOutcome::Again {
        at,
        company,
        counted,
        error: error.to_string(),
    };
    match error {
        Error::Open { until } => again(*until, write.company, Attempt::Free),
        Error::Quota { wait } => again(now + *wait, write.company, Attempt::Free),
        Error::Busy { retry_after } => {
            let wait = retry_after.unwrap_or(RETRY_BASE);
            again(now + wait, write.company, Attempt::Free)
        }
        error if error.outcome() == Outcome::Unknown => SheetOutcome::InDoubt {
            at: settled_at,
            error: error.to_string(),
        },
        // One of them is wrong, and nobody knows which.
        error if error.is_final() && together > 1 => again(now, SheetCompany::Alone, Attempt::Free),
        error if error.is_final() || write.attempts >= ATTEMPTS_MAX => SheetOutcome::Failed {
            error: error.to_string(),
        },
        _ => {
            let n = write.attempts.saturating_sub(1);
            let wait = doubled(RETRY_BASE, n, RETRY_MAX);
            again(now + wait, write.company, Attempt::Counts)
        }
    }
}

/// What becomes of a row that was looked up.
fn looked_up(write: &SheetWrite, found: &Result<HashSet<String>, Error>) -> SheetOutcome {
    let now = clock::now();
    match found {
        Ok(there) if there.contains(&write.event.to_string()) => SheetOutcome::Done { place: None },
        Ok(_) if write.attempts >= ATTEMPTS_MAX => SheetOutcome::Failed {
            error: format!(
                "it was not there after {} attempts: {}",
                write.attempts, write.last_error
            ),
        },
        Ok(_) => SheetOutcome::Again {
            at: now,
            company: write.company,
            counted: Attempt::Counts,
            error: write.last_error.clone(),
        },
        Err(error) => {
            let at = match error {
                Error::Open { until } => *until,
                _ => now + LOOK_AGAIN,
            };
            SheetOutcome::InDoubt {
                at,
                error: error.to_string(),
            }
        }
    }
}

/// Spreadsheet and tab: the id has no slash, the title may.
fn parse(destination: &str) -> Result<(SpreadsheetId, TabName), Error> {
    let (book, tab) = destination.split_once('/').unwrap_or((destination, ""));
    Ok((SpreadsheetId::parse(book)?, TabName::parse(tab)?))
}

fn read_columns(mapping: &SheetMapping) -> Result<Mapping, SheetsError> {
    let read = serde_json::from_value(mapping.spec.columns.clone());
    Ok(read.map_err(|error| Error::Invalid(error.to_string()))?)
}

fn read_row(write: &SheetWrite) -> Result<Row, SheetsError> {
    let read = serde_json::from_value(write.cells.clone());
    Ok(read.map_err(|error| Error::Invalid(error.to_string()))?)
}
