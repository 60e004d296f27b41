//! What the server still owes one linked device: stanzas kept, in order, until acknowledged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use wacore_binary::Node;

/// Stanzas a device may be behind by; beyond it the sender is refused.
pub(crate) const MAX_WAITING: usize = 200_000;

/// The lane of what an account's phone and the server tell its devices: no conversation, and not in
/// the ledger.
pub(crate) const OWN_LANE: &str = "own";

/// What kind of acknowledgement settles a stanza.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Settled by a receipt or a message ack.
    Message,
    /// Settled by a receipt ack.
    Receipt,
    /// Settled by a notification ack.
    Notification,
}

impl Class {
    /// Reads the `class` of an ack.
    pub(crate) fn parse(wire: &str) -> Option<Self> {
        match wire {
            "message" => Some(Self::Message),
            "receipt" => Some(Self::Receipt),
            "notification" => Some(Self::Notification),
            _ => None,
        }
    }
}

/// One stanza owed to a device.
#[derive(Debug, Clone)]
pub(crate) struct Owed {
    pub(crate) class: Class,
    pub(crate) id: String,
    /// The conversation, within which order is kept whatever the faults.
    pub(crate) lane: String,
    pub(crate) node: Node,
    /// Not to be written before this time of the network's clock.
    pub(crate) due: Duration,
    /// How often it is written in a row; more than once is a fault.
    pub(crate) copies: u32,
    /// How often it was written so far, over all connections.
    pub(crate) written: u32,
}

impl Owed {
    /// Whether it is a message of a conversation, as the ledger counts them.
    pub(crate) fn is_said(&self) -> bool {
        self.class == Class::Message && self.lane != OWN_LANE
    }
}

/// What waits for a device that comes back.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backlog {
    pub(crate) messages: usize,
    pub(crate) receipts: usize,
    pub(crate) notifications: usize,
}

impl Backlog {
    pub(crate) fn total(self) -> usize {
        self.messages + self.receipts + self.notifications
    }
}

/// The ordered queue. Pure: no sockets, no clock.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    next: u64,
    owed: BTreeMap<u64, Owed>,
    by_id: HashMap<(Class, String), Vec<u64>>,
    cursor: u64,
}

/// The mailbox is at its limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Mailbox {
    /// Adds a stanza at the end.
    pub(crate) fn push(&mut self, owed: Owed) -> Result<(), Full> {
        if self.owed.len() >= MAX_WAITING {
            return Err(Full);
        }
        let seq = self.next;
        self.next += 1;
        self.by_id
            .entry((owed.class, owed.id.clone()))
            .or_default()
            .push(seq);
        self.owed.insert(seq, owed);
        Ok(())
    }

    /// A new connection starts over from the oldest unsettled stanza.
    pub(crate) fn rewind(&mut self) -> Backlog {
        self.cursor = 0;
        let mut backlog = Backlog::default();
        for owed in self.owed.values() {
            match owed.class {
                Class::Message => backlog.messages += 1,
                Class::Receipt => backlog.receipts += 1,
                Class::Notification => backlog.notifications += 1,
            }
        }
        backlog
    }

    /// The stanza to write next, without moving on.
    pub(crate) fn peek(&self) -> Option<(u64, &Owed)> {
        self.owed
            .range(self.cursor..)
            .next()
            .map(|(seq, owed)| (*seq, owed))
    }

    /// Takes the next stanza for writing and moves on; it stays owed.
    pub(crate) fn advance(&mut self) -> Option<(u64, Owed)> {
        let (seq, owed) = self.owed.range_mut(self.cursor..).next()?;
        owed.written += 1;
        let seq = *seq;
        self.cursor = seq + 1;
        Some((seq, owed.clone()))
    }

    /// Moves past the next stanza without writing it; it stays owed.
    pub(crate) fn skip(&mut self) {
        if let Some((seq, _)) = self.peek() {
            self.cursor = seq + 1;
        }
    }

    /// Moves the newest stanza's earliest time.
    #[cfg(test)]
    pub(crate) fn delay_last(&mut self, due: Duration) {
        if let Some(mut last) = self.owed.last_entry() {
            last.get_mut().due = due;
        }
    }

    /// Lets the next stanza of another conversation overtake the next one. Returns whether it did.
    pub(crate) fn overtake(&mut self) -> bool {
        let Some((first, lane)) = self.peek().map(|(s, o)| (s, o.lane.clone())) else {
            return false;
        };
        let other = self
            .owed
            .range(first + 1..)
            .find(|(_, o)| o.lane != lane)
            .map(|(s, _)| *s);
        let Some(other) = other else { return false };
        // Everything of the other lane before `other` is already written, so order within lanes holds.
        self.swap(first, other)
    }

    fn swap(&mut self, first: u64, other: u64) -> bool {
        // Rotating keeps the stanzas between the two in their order.
        let keys: Vec<u64> = self.owed.range(first..=other).map(|(s, _)| *s).collect();
        let mut values: Vec<Owed> = keys.iter().filter_map(|k| self.owed.remove(k)).collect();
        values.rotate_right(1);
        for (key, owed) in keys.iter().zip(&values) {
            self.reindex(owed, *key);
        }
        self.owed.extend(keys.iter().copied().zip(values));
        let ids: Vec<(Class, String)> = keys
            .iter()
            .filter_map(|k| self.owed.get(k))
            .map(|o| (o.class, o.id.clone()))
            .collect();
        for id in ids {
            if let Some(seqs) = self.by_id.get_mut(&id) {
                seqs.sort_unstable();
                seqs.dedup();
                seqs.retain(|s| {
                    self.owed
                        .get(s)
                        .is_some_and(|o| (o.class, &o.id) == (id.0, &id.1))
                });
            }
        }
        true
    }

    fn reindex(&mut self, owed: &Owed, seq: u64) {
        self.by_id
            .entry((owed.class, owed.id.clone()))
            .or_default()
            .push(seq);
    }

    /// Settles the oldest written stanza with this id. Returns it, or `None` if nothing matched.
    pub(crate) fn settle(&mut self, class: Class, id: &str) -> Option<Owed> {
        let key = (class, id.to_owned());
        let seqs = self.by_id.get_mut(&key)?;
        let at = seqs
            .iter()
            .position(|s| self.owed.get(s).is_some_and(|o| o.written > 0))?;
        let seq = seqs.remove(at);
        if seqs.is_empty() {
            self.by_id.remove(&key);
        }
        self.owed.remove(&seq)
    }

    /// Loses messages of conversations for good, as if the server never had them. Returns how many.
    pub(crate) fn lose(&mut self, ids: &HashSet<String>) -> usize {
        let said = |owed: &Owed| owed.is_said() && ids.contains(&owed.id);
        let lost: Vec<u64> = self
            .owed
            .iter()
            .filter(|(_, owed)| said(owed))
            .map(|(seq, _)| *seq)
            .collect();
        for seq in &lost {
            if let Some(owed) = self.owed.remove(seq)
                && let Some(seqs) = self.by_id.get_mut(&(owed.class, owed.id))
            {
                seqs.retain(|known| known != seq);
            }
        }
        lost.len()
    }

    /// How many stanzas are owed.
    pub(crate) fn len(&self) -> usize {
        self.owed.len()
    }

    /// The sequence number that the next pushed stanza gets.
    pub(crate) fn end(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wacore_binary::builder::NodeBuilder;

    fn message(id: &str, lane: &str) -> Owed {
        Owed {
            class: Class::Message,
            id: id.into(),
            lane: lane.into(),
            node: NodeBuilder::new("message").build(),
            due: Duration::ZERO,
            copies: 1,
            written: 0,
        }
    }

    fn drain(mailbox: &mut Mailbox) -> Vec<String> {
        std::iter::from_fn(|| mailbox.advance().map(|(_, o)| o.id)).collect()
    }

    #[test]
    fn unsettled_stanzas_come_again_in_order_on_the_next_connection() {
        let mut mailbox = Mailbox::default();
        for id in ["1", "2", "3"] {
            mailbox.push(message(id, "a")).unwrap();
        }
        assert_eq!(drain(&mut mailbox), ["1", "2", "3"]);
        assert!(mailbox.settle(Class::Message, "2").is_some());
        assert_eq!(mailbox.rewind().messages, 2);
        assert_eq!(drain(&mut mailbox), ["1", "3"]);
        assert_eq!(mailbox.len(), 2);
    }

    #[test]
    fn an_ack_for_something_never_written_settles_nothing() {
        let mut mailbox = Mailbox::default();
        mailbox.push(message("1", "a")).unwrap();
        assert!(mailbox.settle(Class::Message, "1").is_none());
        assert!(mailbox.settle(Class::Receipt, "1").is_none());
        assert_eq!(mailbox.len(), 1);
    }

    #[test]
    fn another_conversation_may_overtake_but_each_keeps_its_order() {
        let mut mailbox = Mailbox::default();
        for (id, lane) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")] {
            mailbox.push(message(id, lane)).unwrap();
        }
        assert!(mailbox.overtake());
        assert_eq!(drain(&mut mailbox), ["b1", "a1", "a2", "b2"]);
        for id in ["b1", "a1", "a2", "b2"] {
            assert!(mailbox.settle(Class::Message, id).is_some(), "{id}");
        }
        assert_eq!(mailbox.len(), 0);
    }

    #[test]
    fn a_device_that_is_too_far_behind_gets_nothing_more() {
        let mut mailbox = Mailbox::default();
        for n in 0..MAX_WAITING {
            mailbox.push(message(&n.to_string(), "a")).unwrap();
        }
        assert_eq!(mailbox.push(message("one too many", "a")), Err(Full));
    }
}
