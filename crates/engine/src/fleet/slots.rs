//! Who may link or connect now: few at once, the rest in a queue.

use crate::flow::retry::Jitter;
use crate::model::id::AccountId;
use crate::model::time::{Duration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Links in progress at once, unless set otherwise.
pub const LINKS_DEFAULT: usize = 2;
/// Accounts that may wait for a link; further ones are told to come back.
pub const LINK_QUEUE_MAX: usize = 100;
/// Connections being opened at once, unless set otherwise.
pub const CONNECTING_DEFAULT: usize = 16;
/// A start is put off by up to this much, so that a fleet does not knock as one.
pub const START_SPREAD: Duration = Duration::millis(500);

/// Whether a link may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkTurn {
    /// Now.
    Granted,
    /// After this many others.
    Queued {
        /// How many are ahead in the queue.
        ahead: usize,
    },
    /// Too many wait already; try again later.
    Full,
}

/// The links in progress. First come, first served.
#[derive(Debug)]
pub struct LinkSlots {
    at_once: usize,
    linking: BTreeSet<AccountId>,
    queue: VecDeque<AccountId>,
}

impl LinkSlots {
    /// With this many links at once; at least one.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self {
            at_once: at_once.max(1),
            linking: BTreeSet::new(),
            queue: VecDeque::new(),
        }
    }

    /// Asks for a turn. Asking again changes nothing.
    pub fn request(&mut self, account: AccountId) -> LinkTurn {
        if self.linking.contains(&account) {
            return LinkTurn::Granted;
        }
        if let Some(ahead) = self.queue.iter().position(|a| *a == account) {
            return LinkTurn::Queued { ahead };
        }
        if self.linking.len() < self.at_once {
            self.linking.insert(account);
            return LinkTurn::Granted;
        }
        if self.queue.len() >= LINK_QUEUE_MAX {
            return LinkTurn::Full;
        }
        self.queue.push_back(account);
        LinkTurn::Queued {
            ahead: self.queue.len() - 1,
        }
    }

    /// The link ended, or the account gave up waiting. Returns whose turn it is now.
    pub fn release(&mut self, account: AccountId) -> Option<AccountId> {
        self.queue.retain(|a| *a != account);
        if !self.linking.remove(&account) {
            return None;
        }
        let next = self.queue.pop_front()?;
        self.linking.insert(next);
        Some(next)
    }
}

/// Lets connections open in jittered waves, a limited number at once. Every opening goes through
/// it, at start-up and later, so that neither a restart nor the end of an outage makes a storm.
#[derive(Debug)]
pub struct StartWaves {
    at_once: usize,
    connecting: BTreeSet<AccountId>,
    waiting: BTreeSet<(Timestamp, AccountId)>,
    due: BTreeMap<AccountId, Timestamp>,
}

impl StartWaves {
    /// With this many connecting at once; at least one.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self {
            at_once: at_once.max(1),
            connecting: BTreeSet::new(),
            waiting: BTreeSet::new(),
            due: BTreeMap::new(),
        }
    }

    /// Asks to connect at start-up, put off by up to [`START_SPREAD`]. Asking again changes
    /// nothing.
    pub fn request(&mut self, account: AccountId, now: Timestamp, jitter: Jitter) {
        self.request_at(account, now + jitter.of(START_SPREAD));
    }

    /// Asks to connect not before `at`; for reconnects, whose wait is jittered already.
    pub fn request_at(&mut self, account: AccountId, at: Timestamp) {
        if self.connecting.contains(&account) || self.due.contains_key(&account) {
            return;
        }
        self.due.insert(account, at);
        self.waiting.insert((at, account));
    }

    /// The next account to connect now, if a place is free. Call until `None`.
    pub fn next(&mut self, now: Timestamp) -> Option<AccountId> {
        let (at, account) = self.waiting.first().copied()?;
        if at > now || self.connecting.len() >= self.at_once {
            return None;
        }
        self.waiting.pop_first();
        self.due.remove(&account);
        self.connecting.insert(account);
        Some(account)
    }

    /// The account is online, failed, or no longer wants to connect.
    pub fn settled(&mut self, account: AccountId) {
        self.connecting.remove(&account);
        if let Some(at) = self.due.remove(&account) {
            self.waiting.remove(&(at, account));
        }
    }

    /// When to call [`StartWaves::next`] if nothing else happens first.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        let free = self.connecting.len() < self.at_once;
        self.waiting.first().map(|(at, _)| *at).filter(|_| free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(n: i64) -> AccountId {
        AccountId::from_raw(n)
    }

    #[test]
    fn two_link_at_once_and_others_wait_their_turn() {
        let mut slots = LinkSlots::new(LINKS_DEFAULT);
        assert_eq!(slots.request(account(1)), LinkTurn::Granted);
        assert_eq!(slots.request(account(2)), LinkTurn::Granted);
        assert_eq!(slots.request(account(2)), LinkTurn::Granted);
        assert_eq!(slots.request(account(3)), LinkTurn::Queued { ahead: 0 });
        assert_eq!(slots.request(account(4)), LinkTurn::Queued { ahead: 1 });
        assert_eq!(slots.request(account(4)), LinkTurn::Queued { ahead: 1 });
        assert_eq!(slots.release(account(3)), None, "it gave up waiting");
        assert_eq!(slots.release(account(1)), Some(account(4)));
        assert_eq!(slots.release(account(2)), None);
    }

    #[test]
    fn the_queue_of_links_ends_somewhere() {
        let mut slots = LinkSlots::new(1);
        let turns = (0..=102).map(|n| slots.request(account(n)));
        assert_eq!(turns.filter(|t| *t == LinkTurn::Full).count(), 2);
    }

    #[test]
    fn two_hundred_accounts_start_in_waves() {
        let mut waves = StartWaves::new(CONNECTING_DEFAULT);
        for n in 0..200 {
            let jitter = Jitter::from_random((n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 13);
            waves.request(account(n), Timestamp(0), jitter);
        }
        let (mut now, mut online, mut connecting) = (0, BTreeSet::new(), VecDeque::new());
        while online.len() < 200 {
            while let Some(next) = waves.next(Timestamp(now)) {
                connecting.push_back((now + 40, next));
            }
            assert!(connecting.len() <= CONNECTING_DEFAULT);
            while let Some((at, done)) = connecting.front().copied() {
                if at > now {
                    break;
                }
                connecting.pop_front();
                assert!(online.insert(done), "nobody connects twice");
                waves.settled(done);
            }
            now += 1;
            assert!(now < 60_000, "stuck at {}", online.len());
        }
        assert_eq!(waves.wake_at(), None);
    }
}
