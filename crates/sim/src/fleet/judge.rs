//! What must hold for a fleet, whatever went wrong, and what is measured.

use super::FleetOptions;
use super::account::Standing;
use super::faults::{DAY, Fault, HOUR, MINUTE};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use waypost_engine::fleet::connect::OPENS_PER_HOUR;
use waypost_engine::fleet::slots::CONNECTS_PER_SECOND;

/// Share of the time that an account must serve, of what WhatsApp's bans and people leave it.
pub const AVAILABILITY_MIN: f64 = 0.999;
/// Days of all accounts together from which on the availability is judged; a single bad night of one
/// account says nothing about fewer.
pub const JUDGED_FROM: i64 = 1_000;
/// Share of messages that may be later than [`LATE_AFTER`].
pub const ERROR_RATE_MAX: f64 = 0.01;
/// A message that could not pass for this long after it was due is late, in milliseconds.
pub const LATE_AFTER: i64 = MINUTE;
/// A connection that fell silent is shown as something else within this, in milliseconds.
pub const FOUND_WITHIN: i64 = MINUTE;
/// Breaches kept; further ones are only counted.
const BREACHES_KEPT: usize = 20;

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// When, in milliseconds since the beginning.
    pub at: i64,
    /// Which account, if one.
    pub account: Option<usize>,
    /// What.
    pub what: String,
}

/// What happened to a fleet.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How many accounts.
    pub accounts: usize,
    /// How many days.
    pub days: u32,
    /// Share of the time served, of what WhatsApp's bans and people leave.
    pub availability: f64,
    /// The same of the account that fared worst.
    pub availability_worst: f64,
    /// Share of all time served, bans and people's absences included.
    pub availability_all: f64,
    /// Messages due.
    pub messages: u64,
    /// Of these, late; bans and people's absences included.
    pub late: u64,
    /// Connections dialled.
    pub dials: u64,
    /// Most dialled in any one second.
    pub dials_per_second: usize,
    /// Most dialled by one account in any hour.
    pub dials_per_account_hour: usize,
    /// Probes and round trips asked.
    pub probes: u64,
    /// Round trips asked.
    pub round_trips: u64,
    /// Healthy connections that the watchdog ended.
    pub killed_healthy: u64,
    /// Longest time that a silent connection was shown as online, in milliseconds.
    pub found_after_most: i64,
    /// Accounts whose phone stayed away until WhatsApp unlinked them; all were warned.
    pub unlinked_after_warning: u64,
    /// Sessions that went away without a person.
    pub sessions_lost: u64,
    /// Where the lost time went: what the account showed meanwhile, in seconds of all accounts.
    pub lost_s: BTreeMap<String, i64>,
    /// How often each fault struck.
    pub faults: BTreeMap<String, u64>,
    /// Broken promises, the first ones.
    pub breaches: Vec<Breach>,
    /// Broken promises in all.
    pub broken: u64,
    #[serde(skip)]
    second: VecDeque<i64>,
    #[serde(skip)]
    hours: Vec<VecDeque<i64>>,
    #[serde(skip)]
    times: Vec<Times>,
    #[serde(skip)]
    lost_ms: BTreeMap<&'static str, i64>,
}

/// What became of one account's time, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Times {
    serving: i64,
    barred: i64,
    lost: i64,
}

impl Times {
    fn availability(self) -> f64 {
        share(self.serving, self.serving + self.lost)
    }
}

fn share(part: i64, whole: i64) -> f64 {
    if whole == 0 {
        return 1.0;
    }
    part as f64 / whole as f64
}

impl Report {
    pub(super) fn new(seed: u64, options: FleetOptions) -> Self {
        Self {
            seed,
            accounts: options.accounts,
            days: options.days,
            hours: vec![VecDeque::new(); options.accounts],
            times: vec![Times::default(); options.accounts],
            ..Self::default()
        }
    }

    pub(super) fn breach(&mut self, at: i64, account: Option<usize>, what: impl Into<String>) {
        self.broken += 1;
        if self.breaches.len() < BREACHES_KEPT {
            let what = what.into();
            self.breaches.push(Breach { at, account, what });
        }
    }

    pub(super) fn struck(&mut self, fault: Fault) {
        *self.faults.entry(format!("{fault:?}")).or_default() += 1;
    }

    pub(super) fn spent(
        &mut self,
        account: usize,
        standing: Standing,
        span: i64,
        shown: &'static str,
    ) {
        if standing == Standing::Lost {
            *self.lost_ms.entry(shown).or_default() += span;
        }
        let times = &mut self.times[account];
        match standing {
            Standing::Serving => times.serving += span,
            Standing::Barred => times.barred += span,
            Standing::Lost => times.lost += span,
        }
    }

    /// Counts a dial and checks both bounds.
    pub(super) fn dialled(&mut self, account: usize, now: i64) {
        self.dials += 1;
        let (second, hour) = (&mut self.second, &mut self.hours[account]);
        for (window, span) in [(&mut *second, 1_000), (&mut *hour, HOUR)] {
            while window.front().is_some_and(|at| now - at >= span) {
                window.pop_front();
            }
            window.push_back(now);
        }
        let (in_second, in_hour) = (second.len(), hour.len());
        self.dials_per_second = self.dials_per_second.max(in_second);
        self.dials_per_account_hour = self.dials_per_account_hour.max(in_hour);
        if in_second > CONNECTS_PER_SECOND as usize {
            self.breach(now, None, format!("{in_second} dials in a second"));
        }
        if in_hour > OPENS_PER_HOUR {
            self.breach(now, Some(account), format!("{in_hour} dials in an hour"));
        }
    }

    /// A person acted: what follows is theirs.
    pub(super) fn person_acted(&mut self, account: usize) {
        self.hours[account].clear();
    }

    /// Sums up, and judges what can only be judged in the end.
    pub(super) fn close(&mut self, now: i64) {
        let mut all = Times::default();
        self.availability_worst = 1.0;
        for times in &self.times {
            all.serving += times.serving;
            all.barred += times.barred;
            all.lost += times.lost;
            self.availability_worst = self.availability_worst.min(times.availability());
        }
        let lost = self.lost_ms.iter();
        self.lost_s = lost
            .map(|(shown, ms)| ((*shown).to_owned(), ms / 1_000))
            .collect();
        self.availability = all.availability();
        self.availability_all = share(all.serving, all.serving + all.lost + all.barred);
        let account_days = self.accounts as i64 * i64::from(self.days);
        if account_days >= JUDGED_FROM && self.availability < AVAILABILITY_MIN {
            let what = format!("available {:.4} % of the time", self.availability * 100.0);
            self.breach(now, None, what);
        }
        let rate = self.error_rate();
        if rate > ERROR_RATE_MAX {
            self.breach(now, None, format!("{:.3} % of messages late", rate * 100.0));
        }
        if self.killed_healthy > 0 {
            let what = format!("{} healthy connections ended", self.killed_healthy);
            self.breach(now, None, what);
        }
        if self.sessions_lost > 0 {
            self.breach(now, None, format!("{} sessions lost", self.sessions_lost));
        }
        // An idle account asks twice a minute; more is a loop.
        let most = self.accounts as i64 * i64::from(self.days) * DAY / (MINUTE / 2) + 1_000;
        if self.probes as i64 > most {
            self.breach(now, None, format!("{} probes", self.probes));
        }
    }

    /// Share of messages that were late.
    #[must_use]
    pub fn error_rate(&self) -> f64 {
        share(self.late as i64, self.messages as i64)
    }
}
