//! What was read a moment ago, pure.
//!
//! Fresh, it is given as it is. Stale, it is given at once and read anew behind the scenes. While a
//! breaker is open it may be older still. Writes are never cached; one forgets its spreadsheet.

use crate::a1::{Range, SpreadsheetId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use waypost_engine::model::{Duration, Timestamp};

/// Most bytes held.
pub const BYTES_MAX: usize = 300 << 20;
/// How long a value is given without another look.
pub const FRESH: Duration = Duration::secs(30);
/// How long a value is given while it is being read anew.
pub const STALE: Duration = Duration::mins(5);
/// How long a value is given while the spreadsheet cannot be read.
pub const STALE_OPEN: Duration = Duration::hours(1);
/// What an entry costs besides its value.
const ENTRY_BYTES: usize = 256;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Where.
    pub book: SpreadsheetId,
    /// Which cells.
    pub range: Range,
}

/// Something found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit<V> {
    /// The value.
    pub value: Arc<V>,
    /// When it was read.
    pub at: Timestamp,
    /// Whether it should be read anew behind the scenes.
    pub is_stale: bool,
}

/// How well the spreadsheet can be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// As always.
    Good,
    /// Not at all: older values are better than none.
    None,
}

/// The cache.
#[derive(Debug)]
pub struct Cache<V> {
    entries: HashMap<Key, Entry<V>>,
    /// By last use, oldest first.
    order: BTreeMap<u64, Key>,
    bytes: usize,
    bytes_max: usize,
    uses: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: Arc<V>,
    bytes: usize,
    at: Timestamp,
    used: u64,
}

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self::with_room(BYTES_MAX)
    }
}

impl<V> Cache<V> {
    /// With room for so many bytes.
    #[must_use]
    pub fn with_room(bytes_max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            bytes: 0,
            bytes_max,
            uses: 0,
        }
    }

    /// Looks up a value that may still be given.
    pub fn get(&mut self, key: &Key, reach: Reach, now: Timestamp) -> Option<Hit<V>> {
        let entry = self.entries.get_mut(key)?;
        let age = now.since(entry.at);
        let limit = match reach {
            Reach::Good => STALE,
            Reach::None => STALE_OPEN,
        };
        if age > limit {
            return None;
        }
        self.uses += 1;
        self.order.remove(&entry.used);
        entry.used = self.uses;
        self.order.insert(self.uses, key.clone());
        Some(Hit {
            value: Arc::clone(&entry.value),
            at: entry.at,
            is_stale: age > FRESH,
        })
    }

    /// Keeps a value of this size, and drops what was used longest ago to make room. One that
    /// would not fit at all is not kept.
    pub fn put(&mut self, key: Key, value: Arc<V>, bytes: usize, now: Timestamp) {
        self.remove(&key);
        let bytes = bytes + ENTRY_BYTES;
        if bytes > self.bytes_max {
            return;
        }
        while self.bytes + bytes > self.bytes_max {
            let Some((_, oldest)) = self.order.pop_first() else {
                break;
            };
            self.remove(&oldest);
        }
        self.uses += 1;
        self.bytes += bytes;
        self.order.insert(self.uses, key.clone());
        let entry = Entry {
            value,
            bytes,
            at: now,
            used: self.uses,
        };
        self.entries.insert(key, entry);
    }

    /// Forgets a spreadsheet: it was written to.
    pub fn forget(&mut self, book: &SpreadsheetId) {
        let keys: Vec<Key> = self
            .entries
            .keys()
            .filter(|k| k.book == *book)
            .cloned()
            .collect();
        for key in keys {
            self.remove(&key);
        }
    }

    /// Bytes held now.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Timestamp = Timestamp(1_000_000);

    fn key(book: &str, range: &str) -> Key {
        Key {
            book: SpreadsheetId::parse(book).unwrap(),
            range: Range::parse(range).unwrap(),
        }
    }

    fn after(span: Duration) -> Timestamp {
        T + span + Duration::millis(1)
    }

    #[test]
    fn a_value_is_fresh_then_stale_then_gone_and_lasts_longer_while_nothing_can_be_read() {
        let mut cache = Cache::default();
        cache.put(key("b", "A1"), Arc::new(7), 1, T);
        let mut look = |reach, now| cache.get(&key("b", "A1"), reach, now).map(|h| h.is_stale);
        assert_eq!(look(Reach::Good, T), Some(false));
        assert_eq!(look(Reach::Good, after(FRESH)), Some(true));
        assert_eq!(look(Reach::Good, after(STALE)), None);
        assert_eq!(look(Reach::None, after(STALE)), Some(true));
        assert_eq!(look(Reach::None, after(STALE_OPEN)), None);
    }

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let mut cache = Cache::with_room(3 * (100 + ENTRY_BYTES));
        for range in ["A1", "A2", "A3"] {
            cache.put(key("b", range), Arc::new(range), 100, T);
        }
        cache.get(&key("b", "A1"), Reach::Good, T);
        cache.put(key("b", "A4"), Arc::new("A4"), 100, T);
        let there = |cache: &mut Cache<_>, r| cache.get(&key("b", r), Reach::Good, T).is_some();
        assert!(there(&mut cache, "A1") && !there(&mut cache, "A2") && there(&mut cache, "A4"));
        cache.put(key("b", "A5"), Arc::new("A5"), 1 << 20, T);
        assert!(!there(&mut cache, "A5"), "too large to keep");
        assert!(cache.bytes() <= 3 * (100 + ENTRY_BYTES));
    }

    #[test]
    fn a_write_forgets_its_spreadsheet_only() {
        let mut cache = Cache::default();
        cache.put(key("b", "A1"), Arc::new(1), 10, T);
        cache.put(key("c", "A1"), Arc::new(2), 10, T);
        cache.forget(&SpreadsheetId::parse("b").unwrap());
        assert!(cache.get(&key("b", "A1"), Reach::Good, T).is_none());
        assert!(cache.get(&key("c", "A1"), Reach::Good, T).is_some());
        assert_eq!(cache.bytes(), 10 + ENTRY_BYTES);
    }
}
