//! Two months of attempts under one strategy, with the same people and the same chances for each.

use super::desk::{self, Cost};
use super::people::{Kind, Person, unit};
use crate::dice::Dice;
use std::collections::BTreeMap;
use waypost_engine::fleet::window::{Pool, Sample, Strategy, learn, recent};
use waypost_engine::model::{Duration, Timestamp};

/// How long a trial lasts.
pub const DAYS: u32 = 60;
/// From this day on the estimators have seen all that they keep.
pub const LEARNED_DAY: u32 = 30;
const DAY_MS: f64 = 86_400_000.0;

/// How windows are chosen in a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Always so many seconds.
    Fixed(u64),
    /// The engine's blend, around 120 s.
    Blend,
    /// The engine's survival strategy, from 120 s.
    Survival,
}

impl Rule {
    /// As shown in tables.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Fixed(seconds) => format!("fixed {seconds} s"),
            Self::Blend => Strategy::Blend.as_str().to_owned(),
            Self::Survival => Strategy::Survival.as_str().to_owned(),
        }
    }

    fn window(self, own: &[Sample], pool: &Pool) -> Duration {
        let (strategy, base) = match self {
            Self::Fixed(seconds) => (Strategy::Fixed, seconds),
            Self::Blend => (Strategy::Blend, 120),
            Self::Survival => (Strategy::Survival, 120),
        };
        learn(strategy, Duration::secs(base), own, pool).window
    }
}

/// How many accounts of each kind.
#[derive(Debug, Clone)]
pub struct Population {
    /// As shown in tables.
    pub name: &'static str,
    /// Accounts by kind.
    pub accounts: Vec<(Kind, usize)>,
}

/// Attempts added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub attempts: u64,
    /// Windows closed on somebody who would have scanned before the codes had run out.
    pub needless: u64,
    /// Sets whose codes ran out.
    pub renewals: u64,
    /// Sets that went away shortly before a scan.
    pub interrupted: u64,
    /// Attempts to which nobody came,
    pub deserted: u64,
    /// and how long they stayed open, in seconds.
    pub deserted_open_s: u64,
    /// Attempts that ended before somebody came.
    pub missed: u64,
    /// All windows, in seconds.
    pub window_s: u64,
}

impl Sum {
    fn add(&mut self, window: Duration, comes: Option<Duration>, cost: Cost) {
        self.attempts += 1;
        self.needless += u64::from(cost.needless);
        self.renewals += u64::from(cost.renewals);
        self.interrupted += u64::from(cost.interrupted);
        self.window_s += window.0 / 1_000;
        match comes {
            None => {
                self.deserted += 1;
                self.deserted_open_s += cost.open.0 / 1_000;
            }
            Some(_) if !cost.scanned => self.missed += 1,
            Some(_) => {}
        }
    }

    /// Adds another one's.
    pub fn join(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.needless += other.needless;
        self.renewals += other.renewals;
        self.interrupted += other.interrupted;
        self.deserted += other.deserted;
        self.deserted_open_s += other.deserted_open_s;
        self.missed += other.missed;
        self.window_s += other.window_s;
    }

    /// So many of `count` in a thousand attempts.
    #[must_use]
    pub fn per_mille(&self, count: u64) -> f64 {
        1_000.0 * count as f64 / self.attempts.max(1) as f64
    }

    /// How long an attempt stays open to which nobody comes, in seconds.
    #[must_use]
    pub fn deserted_s(&self) -> f64 {
        self.deserted_open_s as f64 / self.deserted.max(1) as f64
    }

    /// The mean window, in seconds.
    #[must_use]
    pub fn mean_window_s(&self) -> f64 {
        self.window_s as f64 / self.attempts.max(1) as f64
    }
}

/// What a trial came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Result {
    /// By kind and day.
    pub by: BTreeMap<(Kind, u32), Sum>,
}

impl Result {
    /// Over the kinds and days wanted.
    #[must_use]
    pub fn sum(&self, wanted: impl Fn(Kind, u32) -> bool) -> Sum {
        let mut sum = Sum::default();
        for ((kind, day), part) in &self.by {
            if wanted(*kind, *day) {
                sum.join(part);
            }
        }
        sum
    }

    /// Over everything.
    #[must_use]
    pub fn total(&self) -> Sum {
        self.sum(|_, _| true)
    }

    /// Adds another trial's.
    pub fn join(&mut self, other: &Self) {
        for (key, part) in &other.by {
            self.by.entry(*key).or_default().join(part);
        }
    }
}

/// One attempt of the calendar.
struct Entry {
    account: usize,
    day: f64,
    comes: Option<Duration>,
}

fn calendar(seed: u64, people: &[Person]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut dice = Dice::new(seed ^ 0x5EED);
    for (account, person) in people.iter().enumerate() {
        let mut dice = dice.fork();
        let mut day = 0.0;
        loop {
            day += -unit(&mut dice).ln() / person.attempts_a_day;
            if day >= f64::from(DAYS) {
                break;
            }
            let comes = person.comes(day, &mut dice);
            entries.push(Entry {
                account,
                day,
                comes,
            });
        }
    }
    entries.sort_by(|a, b| a.day.total_cmp(&b.day));
    entries
}

/// Runs one trial. What all accounts together have shown is computed anew every day (the program
/// does it every hour), an account's own window before each attempt.
#[must_use]
pub fn run(seed: u64, population: &Population, rule: Rule) -> Result {
    let mut dice = Dice::new(seed);
    let kinds = population.accounts.iter();
    let people: Vec<Person> = kinds
        .flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count))
        .map(|kind| Person::draw(kind, &mut dice))
        .collect();
    let mut seen: Vec<Vec<Sample>> = vec![Vec::new(); people.len()];
    let (mut pool, mut today) = (Pool::default(), 0);
    let mut result = Result::default();
    for entry in calendar(seed, &people) {
        let at = Timestamp((entry.day * DAY_MS) as i64);
        let day = entry.day as u32;
        if day != today {
            today = day;
            pool = Pool::of(seen.iter().map(|own| recent(own, at)));
        }
        let own = &mut seen[entry.account];
        let window = rule.window(recent(own, at), &pool);
        let (cost, sample) = desk::attempt(window, entry.comes, at);
        own.push(sample);
        let kind = people[entry.account].kind;
        let sum = result.by.entry((kind, day)).or_default();
        sum.add(window, entry.comes, cost);
    }
    result
}
