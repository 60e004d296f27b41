//! Ids: 63-bit integers made of time, node and a counter, unique across every node and cell.
//!
//! An id is shown as a prefix and Crockford base32 (`msg_0C3M...`). It says nothing about order
//! and is never a cursor: order belongs to the account's sequence.

use super::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Bits of the counter within one millisecond of one node.
const COUNTER_BITS: u32 = 12;
/// Bits of the node number.
const NODE_BITS: u32 = 10;
/// 2025-01-01T00:00:00Z. 41 bits of milliseconds from here last until 2094.
const EPOCH_MS: i64 = 1_735_689_600_000;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 63 bits in base32.
const DIGITS: usize = 13;

/// An id that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{got}' is not an id of this kind; it should look like {prefix}_ and {DIGITS} characters")]
pub struct IdError {
    got: String,
    prefix: &'static str,
}

fn encode(raw: i64) -> String {
    let raw = raw.cast_unsigned();
    (0..DIGITS)
        .rev()
        .map(|i| char::from(ALPHABET[((raw >> (5 * i)) & 31) as usize]))
        .collect()
}

fn decode(text: &str) -> Option<i64> {
    if text.len() != DIGITS {
        return None;
    }
    let raw = text.bytes().try_fold(0u64, |acc, b| {
        let digit = match b.to_ascii_uppercase() {
            b'O' => 0,
            b'I' | b'L' => 1,
            up => ALPHABET.iter().position(|c| *c == up)? as u64,
        };
        if acc >> 59 != 0 {
            return None;
        }
        Some((acc << 5) | digit)
    })?;
    i64::try_from(raw).ok()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// What an id of this kind starts with when shown.
            pub const PREFIX: &'static str = $prefix;

            /// From the stored integer.
            #[must_use]
            pub const fn from_raw(raw: i64) -> Self {
                Self(raw)
            }

            /// The integer to store.
            #[must_use]
            pub const fn raw(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix($prefix)
                    .and_then(|t| t.strip_prefix('_'))
                    .and_then(decode)
                    .map(Self)
                    .ok_or_else(|| IdError { got: text.chars().take(64).collect(), prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A workspace: the boundary within which people, accounts and contacts see each other.
    WorkspaceId = "wsp";
    /// One WhatsApp number that Waypost operates.
    AccountId = "acc";
    /// A person on the other side.
    ContactId = "ctc";
    /// One account with one contact or group.
    ConversationId = "cnv";
    /// One message, in either direction.
    MessageId = "msg";
    /// One event of the event log.
    EventId = "evt";
    /// A webhook endpoint.
    EndpointId = "whk";
    /// One attempt series of one event at one endpoint.
    DeliveryId = "dlv";
    /// A reply rule.
    RuleId = "rul";
    /// An API key.
    ApiKeyId = "key";
    /// Somebody who signs in.
    PersonId = "usr";
    /// A message that could not be processed or sent.
    DeadLetterId = "dlq";
    /// A stored file.
    BlobId = "blb";
    /// Credentials for Google Sheets.
    SheetConnectionId = "gsc";
    /// What becomes a row of which spreadsheet.
    SheetMappingId = "gsm";
}

impl WorkspaceId {
    /// The workspace that every installation starts with.
    pub const DEFAULT: Self = Self(1);
}

/// Makes ids. One per node and process; ids keep rising even when the clock steps back.
#[derive(Debug)]
pub struct IdSource {
    node: i64,
    last_ms: i64,
    counter: i64,
}

impl IdSource {
    /// For the node with this number; only its lowest 10 bits count.
    #[must_use]
    pub fn new(node: u16) -> Self {
        Self {
            node: i64::from(node) & ((1 << NODE_BITS) - 1),
            last_ms: 0,
            counter: 0,
        }
    }

    /// Goes on past `last`, the largest id known, so that a clock that was set back while the
    /// program was stopped cannot bring an id a second time.
    pub fn resume_after(&mut self, last: i64) {
        let ms = last >> (NODE_BITS + COUNTER_BITS);
        if ms >= self.last_ms {
            self.last_ms = ms + 1;
            self.counter = 0;
        }
    }

    /// The next id. After 4,096 in one millisecond it borrows from the next one.
    pub fn next_raw(&mut self, now: Timestamp) -> i64 {
        let ms = (now.0 - EPOCH_MS).clamp(0, (1 << 41) - 1);
        if ms > self.last_ms {
            self.last_ms = ms;
            self.counter = 0;
        } else if self.counter + 1 < (1 << COUNTER_BITS) {
            self.counter += 1;
        } else {
            self.last_ms += 1;
            self.counter = 0;
        }
        (self.last_ms << (NODE_BITS + COUNTER_BITS)) | (self.node << COUNTER_BITS) | self.counter
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn an_id_reads_back_as_it_was_shown(raw in 0..=i64::MAX) {
            let id = MessageId::from_raw(raw);
            prop_assert_eq!(id.to_string().parse::<MessageId>(), Ok(id));
        }

        #[test]
        fn a_foreign_text_is_refused_and_never_panics(text in ".{0,40}") {
            let _ = text.parse::<AccountId>();
            let foreign = ["msg_", &text].concat();
            prop_assert!(foreign.parse::<AccountId>().is_err());
        }
    }

    #[test]
    fn ids_are_unique_and_rise_even_when_the_clock_steps_back() {
        let mut source = IdSource::new(7);
        let mut seen = HashSet::new();
        let mut last = 0;
        for i in 0..20_000i64 {
            let jitter = if i % 3 == 0 { -50 } else { 0 };
            let id = source.next_raw(Timestamp(EPOCH_MS + 1_000 + i / 5_000 + jitter));
            assert!(id > last, "{id} after {last}");
            assert!(seen.insert(id));
            last = id;
        }
    }

    #[test]
    fn a_clock_set_back_before_a_restart_brings_no_id_twice() {
        let mut before = IdSource::new(7);
        let last = before.next_raw(Timestamp(EPOCH_MS + 9_000));
        let mut after = IdSource::new(7);
        after.resume_after(last);
        assert!(after.next_raw(Timestamp(EPOCH_MS + 10)) > last);
    }

    #[test]
    fn two_nodes_never_make_the_same_id() {
        let (mut a, mut b) = (IdSource::new(1), IdSource::new(2));
        let now = Timestamp(EPOCH_MS + 5);
        let from_a: HashSet<_> = (0..5_000).map(|_| a.next_raw(now)).collect();
        assert!((0..5_000).all(|_| !from_a.contains(&b.next_raw(now))));
    }
}
