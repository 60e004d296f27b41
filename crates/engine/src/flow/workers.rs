//! How many conversations of an account are worked on at once: few at rest, more as soon as
//! conversations wait, fewer again when it has been quiet.

use super::lanes::PARALLEL_DEFAULT;
use crate::model::time::{Duration, Timestamp};

/// Workers that are always there.
pub const WORKERS_MIN: usize = 2;
/// Most workers, unless set otherwise.
pub const WORKERS_MAX: usize = PARALLEL_DEFAULT;
/// At this many waiting messages all workers are called at once.
pub const HIGH_WATER: usize = 1_000;
/// Above this many no worker is sent away.
pub const LOW_WATER: usize = 100;
/// It must have been quiet for this long before a worker is sent away, and again before the next one.
pub const CALM: Duration = Duration::secs(10);

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// Messages held in memory, waiting and running.
    pub held: usize,
    /// Conversations that could be worked on now and have nobody.
    pub unserved: usize,
    /// Conversations being worked on.
    pub running: usize,
}

/// The workers of one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workers {
    min: usize,
    max: usize,
    now: usize,
    calm_since: Option<Timestamp>,
}

impl Workers {
    /// As few as there may be. At least one, whatever `max` says.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        let min = WORKERS_MIN.min(max);
        Self {
            min,
            max,
            now: min,
            calm_since: None,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.now
    }

    /// Takes the demand; answers how many there are from now on.
    pub fn step(&mut self, demand: Demand, now: Timestamp) -> usize {
        if demand.held >= HIGH_WATER {
            self.now = self.max;
        } else if demand.unserved > 0 && demand.running >= self.now {
            self.now = (self.now * 2).min(self.max);
        }
        let quiet = demand.held <= LOW_WATER && demand.unserved == 0 && demand.running < self.now;
        if !quiet {
            self.calm_since = None;
            return self.now;
        }
        let since = *self.calm_since.get_or_insert(now);
        if now.since(since) >= CALM && self.now > self.min {
            self.now -= 1;
            self.calm_since = Some(now);
        }
        self.now
    }

    /// When it is to be asked again if nothing else happens: `None` when nobody is to be sent away.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        let since = self.calm_since.filter(|_| self.now > self.min)?;
        Some(since + CALM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Timestamp = Timestamp(1_800_000_000_000);

    fn demand(held: usize, unserved: usize, running: usize) -> Demand {
        Demand {
            held,
            unserved,
            running,
        }
    }

    #[test]
    fn waiting_conversations_call_workers_and_quiet_sends_them_away_one_by_one() {
        let mut workers = Workers::new(WORKERS_MAX);
        assert_eq!(workers.count(), 2);
        assert_eq!(workers.step(demand(5, 3, 2), START), 4);
        assert_eq!(workers.step(demand(30, 9, 4), START), 8);
        assert_eq!(workers.step(demand(30, 9, 8), START), 16);
        assert_eq!(workers.step(demand(90, 50, 16), START), 16, "never more");
        let mut now = START;
        let mut counts = vec![];
        for _ in 0..30 {
            counts.push(workers.step(demand(0, 0, 0), now));
            now = now + Duration::secs(5);
        }
        // Every ten seconds one.
        let expected: Vec<usize> = (0..30).map(|n| 16 - (n / 2).min(14)).collect();
        assert_eq!(counts, expected);
        assert_eq!(workers.wake_at(), None, "two stay");
    }

    #[test]
    fn the_high_water_mark_calls_all_of_them() {
        let mut workers = Workers::new(WORKERS_MAX);
        assert_eq!(workers.step(demand(999, 0, 1), START), 2);
        assert_eq!(workers.step(demand(1_000, 0, 1), START), 16);
        // Above the low one nobody is sent away, however long it takes.
        let later = START + Duration::hours(1);
        assert_eq!(workers.step(demand(101, 0, 1), START), 16);
        assert_eq!(workers.step(demand(101, 0, 1), later), 16);
        assert_eq!(workers.step(demand(100, 0, 1), later), 16);
        assert_eq!(workers.wake_at(), Some(later + CALM));
        assert_eq!(workers.step(demand(100, 0, 1), later + CALM), 15);
    }

    #[test]
    fn a_single_worker_stays_a_single_worker() {
        let mut workers = Workers::new(1);
        assert_eq!(workers.step(demand(5_000, 40, 1), START), 1);
        assert_eq!(Workers::new(0).count(), 1);
    }

    proptest! {
        #[test]
        fn there_are_always_between_two_and_sixteen(
            steps in proptest::collection::vec((0usize..3_000, 0usize..50, 0usize..17, 0u64..30), 1..200),
        ) {
            let (mut workers, mut now) = (Workers::new(WORKERS_MAX), START);
            for (held, unserved, running, wait) in steps {
                now = now + Duration::secs(wait);
                let before = workers.count();
                let after = workers.step(demand(held, unserved, running), now);
                prop_assert!((WORKERS_MIN..=WORKERS_MAX).contains(&after));
                prop_assert!(after + 1 >= before, "one at a time");
            }
        }
    }
}
