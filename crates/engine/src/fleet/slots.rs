//! Who may link or connect now: few at once, the rest in a queue.

use crate::flow::rate::{Bucket, Rate};
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
/// Connections dialled in any one second by all accounts together, unless set otherwise. They go
/// out evenly, one after the other.
pub const CONNECTS_PER_SECOND: u32 = 10;
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

/// How connections may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaveConfig {
    /// Being opened at once; at least one.
    pub at_once: usize,
    /// Dialled in any one second; at least one.
    pub per_second: u32,
}

impl Default for WaveConfig {
    fn default() -> Self {
        Self {
            at_once: CONNECTING_DEFAULT,
            per_second: CONNECTS_PER_SECOND,
        }
    }
}

impl WaveConfig {
    /// Evenly: never more than `per_second` in a second, wherever it begins.
    fn rate(self) -> Rate {
        let per_second = u64::from(self.per_second.max(1));
        Rate {
            burst: 1,
            gap: Duration::millis(1_000u64.div_ceil(per_second)),
        }
    }
}

/// Lets connections open in jittered waves: a limited number at once, and a limited number a second.
/// Every opening goes through it, at start-up and later, so that neither a restart nor the end of an
/// outage makes a storm. Whoever asked first goes first.
#[derive(Debug)]
pub struct StartWaves {
    at_once: usize,
    rate: Rate,
    pace: Bucket,
    connecting: BTreeSet<AccountId>,
    waiting: BTreeSet<(Timestamp, AccountId)>,
    due: BTreeMap<AccountId, Timestamp>,
}

impl StartWaves {
    /// Within these limits.
    #[must_use]
    pub fn new(config: WaveConfig) -> Self {
        Self {
            at_once: config.at_once.max(1),
            rate: config.rate(),
            pace: Bucket::default(),
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
        let free_at = self.pace.free_at(self.rate, now);
        if at > now || free_at > now || self.connecting.len() >= self.at_once {
            return None;
        }
        self.pace.take(self.rate, now);
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
    pub fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let free = self.connecting.len() < self.at_once;
        let first = self.waiting.first().map(|(at, _)| *at).filter(|_| free)?;
        Some(first.max(self.pace.free_at(self.rate, now)))
    }

    /// Accounts that wait for their turn.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
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

    /// Brings so many accounts up, each connection taking this long; the times they dial at.
    fn dialled(accounts: i64, config: WaveConfig, takes: i64) -> Vec<i64> {
        let mut waves = StartWaves::new(config);
        for n in 0..accounts {
            let jitter = Jitter::from_random((n as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 13);
            waves.request(account(n), Timestamp(0), jitter);
        }
        let (mut now, mut online) = (0, BTreeSet::new());
        let (mut connecting, mut dialled) = (VecDeque::new(), Vec::new());
        while online.len() < accounts as usize {
            while let Some(next) = waves.next(Timestamp(now)) {
                connecting.push_back((now + takes, next));
                dialled.push(now);
            }
            assert!(connecting.len() <= config.at_once);
            while let Some((at, done)) = connecting.front().copied() {
                if at > now {
                    break;
                }
                connecting.pop_front();
                assert!(online.insert(done), "nobody connects twice");
                waves.settled(done);
            }
            let due = waves.wake_at(Timestamp(now)).map(|at| at.0);
            let done = connecting.front().map(|(at, _)| *at);
            now = [due, done]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(now)
                .max(now + 1);
            assert!(now < 3_600_000, "stuck at {}", online.len());
        }
        assert_eq!((waves.wake_at(Timestamp(now)), waves.waiting()), (None, 0));
        dialled
    }

    fn most_in_a_second(dialled: &[i64]) -> usize {
        let within = |from: &i64| {
            let from = *from;
            dialled
                .iter()
                .filter(move |at| (from..from + 1_000).contains(*at))
        };
        dialled
            .iter()
            .map(|from| within(from).count())
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn five_hundred_accounts_come_back_in_waves_within_a_minute_and_without_a_storm() {
        let dialled = dialled(500, WaveConfig::default(), 400);
        assert_eq!(most_in_a_second(&dialled), CONNECTS_PER_SECOND as usize);
        assert!(
            dialled[499] < 60_000,
            "the last one dials at {}",
            dialled[499]
        );
    }

    #[test]
    fn slow_connections_are_opened_a_few_at_a_time() {
        let config = WaveConfig {
            at_once: 4,
            per_second: 100,
        };
        let dialled = dialled(40, config, 5_000);
        assert!(dialled[39] >= 45_000, "{dialled:?}");
    }
}
