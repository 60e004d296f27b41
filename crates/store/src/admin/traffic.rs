//! What went through an account in a span of time.

use std::collections::BTreeMap;
use waypost_engine::model::Duration;

/// Times kept of each account and kind; the newest ones.
pub const TIMES_MAX: i64 = 2_000;

/// What went through one account, or through several together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Messages from others; history is not among them.
    pub received: u64,
    /// Messages sent through here.
    pub sent: u64,
    /// Messages that the account's owner sent from another device.
    pub sent_elsewhere: u64,
    /// Sends that failed for good.
    pub failed: u64,
    /// Sends that WhatsApp has not accepted yet.
    pub waiting: u64,
    /// Messages that could not be processed or sent and wait for a person.
    pub dead_letters: u64,
    /// From a message's arrival to the end of the work on it.
    pub handled: Times,
    /// From a send's acceptance here to WhatsApp's.
    pub accepted: Times,
    /// From a send's acceptance here to the other side's device.
    pub delivered: Times,
    /// Attempts to link, by how they ended.
    pub links: BTreeMap<String, u64>,
}

/// How long something took, of the newest [`TIMES_MAX`] of each account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times(Vec<u64>);

impl Times {
    /// Of these, in milliseconds. A clock that was set back makes none negative.
    #[must_use]
    pub fn of(millis: impl IntoIterator<Item = i64>) -> Self {
        let mut times: Vec<u64> = millis
            .into_iter()
            .map(|millis| u64::try_from(millis).unwrap_or(0))
            .collect();
        times.sort_unstable();
        Self(times)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// This share of them, in percent, took at most so long; `None` when there are none.
    #[must_use]
    pub fn within(&self, percent: usize) -> Option<Duration> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        let at = rank.min(self.0.len()).checked_sub(1)?;
        self.0.get(at).map(|millis| Duration(*millis))
    }
}

impl Traffic {
    /// Adds what went through another account.
    pub fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.sent += other.sent;
        self.sent_elsewhere += other.sent_elsewhere;
        self.failed += other.failed;
        self.waiting += other.waiting;
        self.dead_letters += other.dead_letters;
        for (mine, more) in [
            (&mut self.handled, &other.handled),
            (&mut self.accepted, &other.accepted),
            (&mut self.delivered, &other.delivered),
        ] {
            mine.0.extend_from_slice(&more.0);
            mine.0.sort_unstable();
        }
        for (outcome, count) in &other.links {
            *self.links.entry(outcome.clone()).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_by_rank() {
        let times = Times::of([50, 10, -5, 40, 20]);
        assert_eq!(times.count(), 5);
        assert_eq!(times.within(50), Some(Duration(20)));
        assert_eq!(times.within(95), Some(Duration(50)));
        assert_eq!(Times::of([7]).within(50), Some(Duration(7)));
        assert_eq!(Times::default().within(50), None);
    }
}
