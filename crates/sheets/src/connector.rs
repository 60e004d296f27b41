//! All of it together, for one set of credentials: the client behind breakers, quotas and the
//! cache, with reads gathered into few calls.

use crate::a1::{Range, SpreadsheetId, TabName};
use crate::allowance::{Allowance, Kind};
use crate::breaker::{Breaker, Change, State, Went};
use crate::cache::{Cache, Hit, Key, Reach};
use crate::cell::Row;
use crate::client::{Client, Info, Shown};
use crate::clock::now;
use crate::error::Error;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use waypost_engine::model::{Duration, Timestamp};

/// How long reads of one spreadsheet are gathered before they go in one call.
const GATHER: std::time::Duration = std::time::Duration::from_millis(15);
/// Most ranges of one call; the address must not become too long.
const RANGES_MAX: usize = 30;
/// How long a read waits for room in the quota.
const READ_WAIT_MAX: Duration = Duration::secs(20);
/// Most breakers remembered: one per spreadsheet that ever failed.
const BREAKERS_MAX: usize = 10_000;
/// Most changes of breakers that wait to be fetched; the oldest goes.
const CHANGES_MAX: usize = 1_000;
/// What a cell costs in the cache besides its text, in bytes.
const CELL_BYTES: usize = 32;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The rows, without empty ones at the end.
    pub rows: Arc<Vec<Row>>,
    /// When Google was asked.
    pub at: Timestamp,
    /// Whether it is older than it should be.
    pub is_stale: bool,
}

/// A breaker that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Of this spreadsheet.
    pub book: SpreadsheetId,
    /// How.
    pub change: Change,
    /// As it is now, to be stored.
    pub breaker: Breaker,
}

/// What was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counters {
    /// What was asked of the connector: rows to write, ranges to read, and so on, one each.
    pub operations: u64,
    /// Calls of Google's API, lookups and repeats included.
    pub calls: u64,
    /// Reads answered from the cache.
    pub cache_hits: u64,
    /// Reads that had to ask Google.
    pub cache_misses: u64,
    /// Bytes in the cache.
    pub cache_bytes: u64,
}

type Waiting = HashMap<SpreadsheetId, BTreeMap<Range, Vec<oneshot::Sender<Result<Read, Error>>>>>;

/// The connector. Shared by cloning the [`Arc`] it is made in.
#[derive(Debug)]
pub struct Connector {
    client: Client,
    allowance: Allowance,
    inside: Mutex<Inside>,
    operations: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Debug)]
struct Inside {
    cache: Cache<Vec<Row>>,
    breakers: HashMap<SpreadsheetId, Breaker>,
    changes: Vec<Changed>,
    waiting: Waiting,
}

impl Connector {
    /// A connector for whoever has this allowance, with its breakers as they were stored.
    #[must_use]
    pub fn new(
        client: Client,
        allowance: Allowance,
        breakers: impl IntoIterator<Item = (SpreadsheetId, Breaker)>,
    ) -> Arc<Self> {
        let breakers = breakers.into_iter().map(|(book, mut breaker)| {
            breaker.restart();
            (book, breaker)
        });
        Arc::new(Self {
            client,
            allowance,
            inside: Mutex::new(Inside {
                cache: Cache::default(),
                breakers: breakers.collect(),
                changes: Vec::new(),
                waiting: HashMap::new(),
            }),
            operations: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, operations: usize) {
        let more = u64::try_from(operations).unwrap_or(0);
        self.operations.fetch_add(more, Ordering::Relaxed);
    }

    /// What was saved so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            operations: self.operations.load(Ordering::Relaxed),
            calls: self.client.calls(),
            cache_hits: self.hits.load(Ordering::Relaxed),
            cache_misses: self.misses.load(Ordering::Relaxed),
            cache_bytes: u64::try_from(self.lock().cache.bytes()).unwrap_or(0),
        }
    }

    /// The state of a spreadsheet's breaker.
    #[must_use]
    pub fn breaker(&self, book: &SpreadsheetId) -> State {
        self.lock()
            .breakers
            .get(book)
            .map(Breaker::state)
            .unwrap_or_default()
    }

    /// Closes a breaker, because a person says so.
    pub fn reset(&self, book: &SpreadsheetId) {
        self.lock().breakers.remove(book);
    }

    /// The breakers that changed since this was asked last, oldest first.
    #[must_use]
    pub fn take_changes(&self) -> Vec<Changed> {
        std::mem::take(&mut self.lock().changes)
    }

    /// Whether Google knows us.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn check(&self) -> Result<(), Error> {
        self.client.check().await
    }

    /// What a spreadsheet is made of. Never cached.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn info(&self, book: &SpreadsheetId) -> Result<Info, Error> {
        self.count(1);
        self.wait_for_reads().await?;
        self.guarded(book, self.client.info(book)).await
    }

    /// Reads a range: from the cache when it was read a moment ago, in one call with others
    /// otherwise.
    ///
    /// # Errors
    /// See [`Error`]. While the spreadsheet cannot be read, a value of the last hour is given
    /// instead, marked stale.
    pub async fn read(
        self: &Arc<Self>,
        book: &SpreadsheetId,
        range: &Range,
    ) -> Result<Read, Error> {
        self.count(1);
        let key = Key {
            book: book.clone(),
            range: range.clone(),
        };
        if let Some(hit) = self.cached(&key, Reach::Good) {
            if hit.is_stale {
                let (me, key) = (Arc::clone(self), key.clone());
                tokio::spawn(async move { me.fetch(&key).await });
            }
            return Ok(given(hit));
        }
        match self.fetch(&key).await {
            Ok(read) => {
                self.misses.fetch_add(1, Ordering::Relaxed);
                Ok(read)
            }
            Err(error) => match self.cached(&key, Reach::None) {
                Some(hit) if !error.is_final() => Ok(given(hit)),
                _ => Err(error),
            },
        }
    }

    /// Reads a range as it is now, past the cache.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn read_now(&self, book: &SpreadsheetId, range: &Range) -> Result<Vec<Row>, Error> {
        self.count(1);
        self.wait_for_reads().await?;
        let ranges = std::slice::from_ref(range);
        let call = self.client.read(book, ranges, Shown::Plain);
        let mut found = self.guarded(book, call).await?;
        Ok(found.pop().unwrap_or_default())
    }

    /// Which of these ids stand in a column of a tab now. Not an operation of its own: the price
    /// of not knowing how a write ended.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn find_ids(
        &self,
        book: &SpreadsheetId,
        tab: &TabName,
        column: usize,
        ids: &HashSet<String>,
    ) -> Result<HashSet<String>, Error> {
        self.wait_for_reads().await?;
        let ranges = [Range::column(tab, column)];
        let call = self.client.read(book, &ranges, Shown::Plain);
        let found = self.guarded(book, call).await?;
        let there = found.iter().flatten().flatten().map(crate::Cell::shown);
        Ok(there.filter(|cell| ids.contains(cell)).collect())
    }

    /// Appends rows to a tab in one call; one operation each. Tells where they are.
    ///
    /// # Errors
    /// See [`Error`]. [`Error::Quota`] and [`Error::Open`] at once: who writes has a queue.
    pub async fn append(
        &self,
        book: &SpreadsheetId,
        tab: &TabName,
        rows: &[Row],
    ) -> Result<String, Error> {
        self.room_for_write()?;
        let range = Range::row(tab, 1, 1);
        let done = self
            .guarded(book, self.client.append(book, &range, rows))
            .await;
        if done.is_ok() {
            self.count(rows.len());
        }
        self.lock().cache.forget(book);
        done
    }

    /// Writes rows at given places, in one call; one operation each. Tells how many cells.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn update(
        &self,
        book: &SpreadsheetId,
        writes: &[(Range, Vec<Row>)],
    ) -> Result<u64, Error> {
        self.count(writes.len());
        self.room_for_write()?;
        let done = self.guarded(book, self.client.update(book, writes)).await;
        self.lock().cache.forget(book);
        done
    }

    /// Deletes rows of a tab, counted from 1, both ends included.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Invalid`] when there is no such tab.
    pub async fn delete_rows(
        &self,
        book: &SpreadsheetId,
        tab: &TabName,
        first: u32,
        last: u32,
    ) -> Result<(), Error> {
        let info = self.info(book).await?;
        let found = info.tabs.iter().find(|t| t.title == tab.as_str());
        let Some(found) = found else {
            return Err(Error::Invalid(format!(
                "the spreadsheet has no tab called {}",
                tab.as_str()
            )));
        };
        self.room_for_write()?;
        let call = self.client.delete_rows(book, found.id, first, last);
        let done = self.guarded(book, call).await;
        self.lock().cache.forget(book);
        done
    }

    fn cached(&self, key: &Key, reach: Reach) -> Option<Hit<Vec<Row>>> {
        let hit = self.lock().cache.get(key, reach, now())?;
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(hit)
    }

    /// Reads together with whoever wants something of the same spreadsheet in the same moment.
    async fn fetch(self: &Arc<Self>, key: &Key) -> Result<Read, Error> {
        let (to, from) = oneshot::channel();
        let is_first = {
            let mut inside = self.lock();
            let ranges = inside.waiting.entry(key.book.clone()).or_default();
            let is_first = ranges.is_empty();
            ranges.entry(key.range.clone()).or_default().push(to);
            is_first
        };
        if is_first {
            let (me, book) = (Arc::clone(self), key.book.clone());
            tokio::spawn(async move {
                tokio::time::sleep(GATHER).await;
                me.fetch_gathered(&book).await;
            });
        }
        from.await
            .unwrap_or_else(|_| Err(Error::NotSent("the read was given up".to_owned())))
    }

    async fn fetch_gathered(&self, book: &SpreadsheetId) {
        let mut wanted = self.lock().waiting.remove(book).unwrap_or_default();
        let ranges: Vec<Range> = wanted.keys().cloned().collect();
        for ranges in ranges.chunks(RANGES_MAX) {
            let read = self.fetch_ranges(book, ranges).await;
            // One range that does not exist must not spoil the others.
            let read = match read {
                Err(error) if error.is_final() && ranges.len() > 1 => {
                    let mut singly = Vec::new();
                    for range in ranges {
                        singly.push(self.fetch_ranges(book, std::slice::from_ref(range)).await);
                    }
                    singly
                }
                other => vec![other],
            };
            self.answer(ranges, read, &mut wanted);
        }
    }

    fn answer(
        &self,
        ranges: &[Range],
        read: Vec<Result<Vec<Read>, Error>>,
        wanted: &mut BTreeMap<Range, Vec<oneshot::Sender<Result<Read, Error>>>>,
    ) {
        let all: Vec<Result<Read, Error>> = match <[_; 1]>::try_from(read) {
            Ok([Ok(reads)]) => reads.into_iter().map(Ok).collect(),
            Ok([Err(error)]) => ranges.iter().map(|_| Err(error.clone())).collect(),
            Err(singly) => singly
                .into_iter()
                .map(|one| one.and_then(|mut reads| reads.pop().ok_or_else(no_answer)))
                .collect(),
        };
        for (range, read) in ranges.iter().zip(all) {
            for to in wanted.remove(range).unwrap_or_default() {
                let _ = to.send(read.clone());
            }
        }
    }

    async fn fetch_ranges(
        &self,
        book: &SpreadsheetId,
        ranges: &[Range],
    ) -> Result<Vec<Read>, Error> {
        self.wait_for_reads().await?;
        let at = now();
        let call = self.client.read(book, ranges, Shown::Formatted);
        let found = self.guarded(book, call).await?;
        let mut reads = Vec::with_capacity(found.len());
        for (range, rows) in ranges.iter().zip(found) {
            let bytes = bytes(&rows);
            let rows = Arc::new(rows);
            let key = Key {
                book: book.clone(),
                range: range.clone(),
            };
            self.lock().cache.put(key, Arc::clone(&rows), bytes, at);
            reads.push(Read {
                rows,
                at,
                is_stale: false,
            });
        }
        Ok(reads)
    }

    async fn wait_for_reads(&self) -> Result<(), Error> {
        let since = now();
        loop {
            let wait = self.allowance.take(Kind::Read, now());
            if wait == Duration(0) {
                return Ok(());
            }
            if now() + wait > since + READ_WAIT_MAX {
                return Err(Error::Quota { wait });
            }
            tokio::time::sleep(wait.into()).await;
        }
    }

    /// Room for a write now, or how long until there is.
    fn room_for_write(&self) -> Result<(), Error> {
        match self.allowance.take(Kind::Write, now()) {
            Duration(0) => Ok(()),
            wait => Err(Error::Quota { wait }),
        }
    }

    /// A call behind the spreadsheet's breaker.
    async fn guarded<T>(
        &self,
        book: &SpreadsheetId,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        {
            let mut inside = self.lock();
            if let Some(breaker) = inside.breakers.get_mut(book) {
                let permit = breaker.permit(now());
                let breaker = breaker.clone();
                match permit {
                    Err(until) => return Err(Error::Open { until }),
                    Ok(Some(change)) => inside.note(book, change, breaker),
                    Ok(None) => {}
                }
            }
        }
        let done = call.await;
        if let Err(Error::Busy { retry_after }) = &done {
            self.allowance.hold(*retry_after, now());
        }
        self.lock().record(book, &done);
        done
    }
}

impl Inside {
    fn record<T>(&mut self, book: &SpreadsheetId, done: &Result<T, Error>) {
        let went = match done {
            Ok(_) => Went::Well,
            Err(error) if error.is_failure() => Went::Badly,
            Err(_) => Went::Neither,
        };
        let is_known = self.breakers.contains_key(book);
        if !is_known && self.breakers.len() >= BREAKERS_MAX {
            return;
        }
        let breaker = self.breakers.entry(book.clone()).or_default();
        if let Some(change) = breaker.record(went, now()) {
            let breaker = breaker.clone();
            self.note(book, change, breaker);
        }
    }

    fn note(&mut self, book: &SpreadsheetId, change: Change, breaker: Breaker) {
        if self.changes.len() >= CHANGES_MAX {
            self.changes.remove(0);
        }
        self.changes.push(Changed {
            book: book.clone(),
            change,
            breaker,
        });
    }
}

fn given(hit: Hit<Vec<Row>>) -> Read {
    Read {
        rows: hit.value,
        at: hit.at,
        is_stale: hit.is_stale,
    }
}

fn no_answer() -> Error {
    Error::Unknown("the answer lacks the range".to_owned())
}

fn bytes(rows: &[Row]) -> usize {
    let cells = rows.iter().flatten();
    cells
        .map(|cell| match cell {
            crate::Cell::Text(text) => text.len() + CELL_BYTES,
            _ => CELL_BYTES,
        })
        .sum()
}
