//! What a soak run must show, and whether it did. Pure: everything it judges was noted before.

use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Memory may grow by this share over the second half of the run.
const GROWTH_MAX: f64 = 0.10;
/// The same for a run too short for caches to fill.
const GROWTH_MAX_SHORT: f64 = 0.25;
/// A run is short below this many minutes.
const SHORT_MIN: f64 = 20.0;
/// The last quarter's memory may be this many times the third quarter's.
const RATIO_MAX: f64 = 1.10;
/// Growth below this is noise, in MiB.
const NOISE_MIB: f64 = 8.0;
/// Samples of memory without which nothing can be said of it.
const SAMPLES_MIN: usize = 20;
/// Every account serves at least this share of the time that the faults leave it.
const EACH_MIN: f64 = 0.50;
/// And all of them together this.
const ALL_MIN: f64 = 0.90;

/// Memory at one moment.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Sample {
    /// Since the traffic began, in seconds.
    pub(super) at_s: f64,
    /// Of the program, in MiB.
    pub(super) rss_mib: f64,
}

/// How an account was while it was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Seen {
    /// Looks at which it served.
    pub(super) served: u32,
    /// Looks at which it did not.
    pub(super) away: u32,
    /// Of these, looks at which a fault left it no way to serve.
    pub(super) barred: u32,
    /// Whether it served at the end.
    pub(super) well: bool,
    /// Messages that it says are missing, at the end.
    pub(super) missing: u64,
}

impl Seen {
    /// The share of the looks at which it served.
    pub(super) fn availability(&self) -> f64 {
        share(self.served, self.served + self.away)
    }

    /// The same without those that a fault left no way.
    pub(super) fn availability_left(&self) -> f64 {
        share(self.served, self.served + self.away - self.barred)
    }
}

fn share(part: u32, of: u32) -> f64 {
    if of == 0 {
        return 1.0;
    }
    f64::from(part) / f64::from(of)
}

/// What the network's ledger says at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Ledger {
    pub(super) expected: u64,
    pub(super) answered: u64,
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) reordered: u64,
    pub(super) unexpected: u64,
    pub(super) truncated: bool,
    /// What stands in the messages that were lost, and in those that were answered out of order.
    pub(super) marks: BTreeMap<&'static str, Vec<String>>,
}

/// Everything that was noted.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Notes {
    /// How long the traffic ran, in minutes.
    pub(super) minutes: f64,
    /// Memory of each process that ran, one list for each: a restart begins a new one.
    pub(super) memory: Vec<Vec<Sample>>,
    pub(super) accounts: BTreeMap<String, Seen>,
    pub(super) ledger: Ledger,
    /// How often each fault struck.
    pub(super) faults: BTreeMap<&'static str, u64>,
    /// Where the program's data and log are, when a promise was broken.
    pub(super) kept: Option<PathBuf>,
}

/// How memory went over the second half.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct MemoryTrend {
    /// MiB an hour, by least squares.
    pub(super) slope_per_hour: f64,
    /// That slope over the half, as a share of the middle.
    pub(super) growth: f64,
    /// The last quarter's middle over the third's.
    pub(super) ratio: f64,
    /// The middle of the half, in MiB.
    pub(super) middle: f64,
}

/// How memory went over the second half; `None` when too little of it was seen.
pub(super) fn trend(samples: &[Sample]) -> Option<MemoryTrend> {
    let (first, last) = (samples.first()?.at_s, samples.last()?.at_s);
    let (half, three) = (
        f64::midpoint(first, last),
        f64::midpoint(f64::midpoint(first, last), last),
    );
    let second: Vec<&Sample> = samples.iter().filter(|s| s.at_s >= half).collect();
    if second.len() < SAMPLES_MIN {
        return None;
    }
    let of = |from: f64, to: f64| -> Vec<f64> {
        let some = second.iter().filter(|s| s.at_s >= from && s.at_s < to);
        some.map(|s| s.rss_mib).collect()
    };
    let (third, fourth) = (of(half, three), of(three, f64::INFINITY));
    let middle = crate::report::median(&of(half, f64::INFINITY));
    let slope = slope(&second);
    Some(MemoryTrend {
        slope_per_hour: slope * 3_600.0,
        growth: slope * (last - half) / middle.max(1.0),
        ratio: crate::report::median(&fourth) / crate::report::median(&third).max(1.0),
        middle,
    })
}

/// MiB a second, by least squares.
fn slope(samples: &[&Sample]) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: fn(&Sample) -> f64| samples.iter().map(|s| of(s)).sum::<f64>() / count;
    let (at, rss) = (mean(|s| s.at_s), mean(|s| s.rss_mib));
    let both = samples.iter().map(|s| (s.at_s - at) * (s.rss_mib - rss));
    let square: f64 = samples.iter().map(|s| (s.at_s - at).powi(2)).sum();
    both.sum::<f64>() / square.max(f64::EPSILON)
}

/// A sentence for every promise that was broken; none when the run is clean.
pub(super) fn judge(notes: &Notes) -> Vec<String> {
    let mut broken = Vec::new();
    ledger(&notes.ledger, &mut broken);
    memory(notes, &mut broken);
    accounts(notes, &mut broken);
    if notes.faults.values().sum::<u64>() == 0 {
        broken.push("no fault struck, so nothing was proved".to_owned());
    }
    broken
}

fn ledger(ledger: &Ledger, broken: &mut Vec<String>) {
    for (count, what) in [
        (ledger.lost, "lost"),
        (ledger.doubled, "doubled"),
        (ledger.reordered, "out of order"),
        (ledger.unexpected, "made up"),
    ] {
        if count > 0 {
            broken.push(format!("{count} answers {what}"));
        }
    }
    if ledger.truncated {
        broken.push("the network's ledger was full; later messages are not judged".to_owned());
    }
    if ledger.expected == 0 || ledger.answered < ledger.expected {
        let Ledger {
            expected, answered, ..
        } = ledger;
        broken.push(format!("{answered} of {expected} messages answered"));
    }
}

fn memory(notes: &Notes, broken: &mut Vec<String>) {
    let growth_max = if notes.minutes < SHORT_MIN {
        GROWTH_MAX_SHORT
    } else {
        GROWTH_MAX
    };
    // The longest life says the most.
    let longest = notes.memory.iter().max_by_key(|samples| samples.len());
    let Some(trend) = longest.and_then(|samples| trend(samples)) else {
        broken.push("memory was looked at too seldom to say anything of it".to_owned());
        return;
    };
    let grown = trend.growth * trend.middle;
    let grows = trend.growth > growth_max && trend.ratio > RATIO_MAX.min(1.0 + growth_max / 2.0);
    if grown > NOISE_MIB && grows {
        broken.push(format!(
            "memory grew by {:.0} MiB ({:.0} %) over the second half",
            grown,
            trend.growth * 100.0
        ));
    }
}

fn accounts(notes: &Notes, broken: &mut Vec<String>) {
    for (account, seen) in &notes.accounts {
        if !seen.well {
            broken.push(format!("account {account} did not come back"));
        }
        if seen.missing > 0 {
            let missing = seen.missing;
            broken.push(format!(
                "account {account} says that {missing} messages are missing"
            ));
        }
        if seen.availability_left() < EACH_MIN {
            broken.push(format!(
                "account {account} served {:.1} % of the time that faults left it",
                seen.availability_left() * 100.0
            ));
        }
    }
    let all = mean(notes, Seen::availability_left);
    if all < ALL_MIN {
        broken.push(format!(
            "the accounts served {:.1} % of the time that faults left them",
            all * 100.0
        ));
    }
}

/// The mean over all accounts.
pub(super) fn mean(notes: &Notes, of: fn(&Seen) -> f64) -> f64 {
    let sum: f64 = notes.accounts.values().map(of).sum();
    sum / (notes.accounts.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory every five seconds for an hour, by a formula of the second.
    fn hour(rss: impl Fn(f64) -> f64) -> Vec<Sample> {
        let at = (0..720).map(|n| f64::from(n) * 5.0);
        at.map(|at_s| Sample {
            at_s,
            rss_mib: rss(at_s),
        })
        .collect()
    }

    fn clean() -> Notes {
        let seen = Seen {
            served: 990,
            away: 10,
            barred: 6,
            well: true,
            missing: 0,
        };
        Notes {
            minutes: 60.0,
            // Caches fill in the first half; then it goes up and down with the day.
            memory: vec![hour(|s| {
                200.0 + (s / 60.0).min(25.0) + 3.0 * (s / 300.0).sin()
            })],
            accounts: [("1".to_owned(), seen.clone()), ("2".to_owned(), seen)].into(),
            ledger: Ledger {
                expected: 1_000,
                answered: 1_000,
                ..Ledger::default()
            },
            faults: [("cut", 12)].into(),
            kept: None,
        }
    }

    /// The only sentence about `notes` contains these words.
    fn flagged(notes: &Notes, words: &str) {
        let broken = judge(notes);
        assert!(
            broken.len() == 1 && broken[0].contains(words),
            "{words}: {broken:?}"
        );
    }

    #[test]
    fn a_clean_run_is_clean() {
        assert_eq!(judge(&clean()), Vec::<String>::new());
    }

    #[test]
    fn whatever_the_ledger_finds_is_told() {
        type Spoil = fn(&mut Ledger);
        let spoils: [(Spoil, &str); 5] = [
            (|l| l.lost = 1, "1 answers lost"),
            (|l| l.doubled = 2, "2 answers doubled"),
            (|l| l.reordered = 3, "3 answers out of order"),
            (|l| l.unexpected = 1, "made up"),
            (|l| l.answered = 999, "999 of 1000"),
        ];
        for (spoil, words) in spoils {
            let mut notes = clean();
            spoil(&mut notes.ledger);
            flagged(&notes, words);
        }
    }

    #[test]
    fn a_leak_is_found_whether_it_is_steady_or_begins_late() {
        let mut notes = clean();
        notes.memory = vec![hour(|s| 200.0 + s / 30.0)];
        flagged(&notes, "memory grew");
        notes.memory = vec![hour(|s| 200.0 + (s - 2_400.0).max(0.0) / 20.0)];
        flagged(&notes, "memory grew");
    }

    #[test]
    fn a_step_that_is_over_and_a_day_that_goes_up_and_down_are_no_leak() {
        let mut notes = clean();
        notes.memory = vec![hour(|s| if s < 1_700.0 { 150.0 } else { 230.0 })];
        assert_eq!(judge(&notes), Vec::<String>::new());
        notes.memory = vec![hour(|s| 200.0 + 20.0 * (s / 280.0).sin())];
        assert_eq!(judge(&notes), Vec::<String>::new());
    }

    #[test]
    fn the_life_before_a_restart_does_not_hide_the_one_after_it() {
        let mut notes = clean();
        let leak = hour(|s| 200.0 + s / 30.0);
        let short = hour(|_| 100.0).into_iter().take(30).collect();
        notes.memory = vec![short, leak];
        flagged(&notes, "memory grew");
        notes.memory = vec![hour(|_| 100.0).into_iter().take(5).collect()];
        flagged(&notes, "too seldom");
    }

    #[test]
    fn an_account_that_stays_away_serves_too_little_or_misses_messages_is_told() {
        let mut notes = clean();
        let seen = notes.accounts.get_mut("1").unwrap();
        seen.well = false;
        flagged(&notes, "account 1 did not come back");
        let mut notes = clean();
        notes.accounts.get_mut("2").unwrap().missing = 3;
        flagged(&notes, "3 messages are missing");
        let mut notes = clean();
        let seen = notes.accounts.get_mut("2").unwrap();
        (seen.served, seen.away) = (400, 600);
        let broken = judge(&notes);
        assert!(broken[0].contains("account 2 served 40"), "{broken:?}");
    }

    #[test]
    fn a_run_without_faults_proves_nothing() {
        let mut notes = clean();
        notes.faults.clear();
        flagged(&notes, "no fault struck");
    }
}
