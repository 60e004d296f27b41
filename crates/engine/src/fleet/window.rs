//! The learned link window: how long a set of QR codes should wait for this account's people.
//!
//! Three strategies, all from the same record of attempts of the last 30 days:
//!
//! - [`Strategy::Fixed`]: always the base.
//! - [`Strategy::Blend`]: four parts base, one part the account's own 95th percentile and ten
//!   seconds, once the account has enough scans.
//! - [`Strategy::Survival`] (default): weighs two costs. Closing a window on somebody who would have
//!   scanned the same set costs [`NEEDLESS_COST`]; keeping an attempt open that nobody will ever
//!   scan costs the time it stays open. How likely each is comes from a survival curve in steps of
//!   four seconds, which counts attempts that ended unscanned for what they are: a scan that had not
//!   happened *yet*. Where an account has seen little itself, accounts of a similar pace speak for
//!   it, and all accounts for those. People who take over from others are noticed by their first scans
//!   ([`CHANGE_AT`]); the longer one of the windows with and without those before them holds.
//!
//! One set of codes lives [`REFS_LIFE`]. A longer window (only the blend asks for one) goes on with
//! a new set from a new socket; [`Learned::needs_new_refs`] says so. How the strategies compare is
//! measured in `docs/learned-window.md`.

use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long one set of codes lives: WhatsApp accepts the first for 60 s and five more for 20 s each.
pub const REFS_LIFE: Duration = Duration::secs(160);
/// Shortest window that is ever learned.
pub const WINDOW_MIN: Duration = Duration::secs(60);
/// Longest window of the blend; the survival strategy stops at [`REFS_LIFE`].
pub const BLEND_MAX: Duration = Duration::secs(180);
/// Added to the 95th percentile by the blend.
pub const BLEND_MARGIN: Duration = Duration::secs(10);
/// The blend leaves the base with this many scans,
pub const BLEND_SCANS_MIN: usize = 30;
/// and this much confidence.
pub const BLEND_CONFIDENCE_MIN: f64 = 0.85;
/// Scans that make the confidence whole.
pub const CONFIDENCE_SCANS: usize = 60;
/// Attempts older than this teach nothing any more.
pub const KEEP: Duration = Duration::hours(30 * 24);
/// How often windows are computed anew.
pub const RECOMPUTE_EVERY: Duration = Duration::hours(1);
/// The survival strategy leaves the base once all accounts together have this many scans.
pub const POOL_SCANS_MIN: usize = 30;
/// Newest attempts of one account that count for others, so that a busy one does not drown them.
pub const POOL_ATTEMPTS_MAX: usize = 60;
/// Newest attempts of one account that count for itself.
pub const OWN_ATTEMPTS_MAX: usize = 1_000;
/// What a needless regeneration costs, as time that an attempt nobody scans stays open: fifteen
/// minutes of one of the few link slots for making somebody fetch the phone once more.
pub const NEEDLESS_COST: Duration = Duration::mins(15);
/// Windows of one attempt; see [`super::link::REGENERATIONS_MAX`].
const WINDOWS: usize = super::link::REGENERATIONS_MAX as usize + 1;
/// Scans needed before an account is called slow, consistent or erratic.
pub const HABIT_SCANS_MIN: usize = 10;
/// Slow: the 95th percentile is above this.
pub const SLOW_P95: Duration = Duration::secs(30);
/// Consistent: the standard deviation is below this share of the mean.
pub const CONSISTENT_BELOW: f64 = 0.3;
/// Erratic: the standard deviation is above this share of the mean.
pub const ERRATIC_ABOVE: f64 = 0.5;

/// Width of a step of the survival curve.
const STEP: Duration = Duration::secs(4);
/// Steps: two lives of a set, since a second window can be closed needlessly too.
const STEPS: usize = (2 * REFS_LIFE.0 / STEP.0) as usize;
/// Steps within the life of one set.
const LIFE: usize = (REFS_LIFE.0 / STEP.0) as usize;
/// How many attempts the accounts of similar pace weigh against an account's own.
const BAND_WEIGHT: f64 = 2.0;
/// How many attempts all accounts weigh against those of similar pace.
const FLEET_WEIGHT: f64 = 5.0;
/// Without any experience: half of those still to come do so every forty seconds.
const PRIOR_HALF_LIFE_S: f64 = 40.0;
/// Without any experience: so many of all attempts are scanned by nobody,
const PRIOR_UNSEEN: f64 = 0.1;
/// and so many attempts this is worth.
const PRIOR_UNSEEN_WEIGHT: f64 = 50.0;
/// What each attempt of an account counts for against the next newer one, so that a change of hands
/// is noticed: thirty-three attempts in all.
const FADING: f64 = 0.97;
/// Other people have the phone when their scans are likelier of anybody than of those before them by
/// this much together, as a logarithm: twenty times.
const CHANGE_AT: f64 = 3.0;
/// Scans needed to know an account's pace, and how many of the newest tell it.
const PACE_SCANS_MIN: usize = 5;
const PACE_SCANS_MAX: usize = 15;
/// Accounts are of similar pace between these medians.
const PACE_BOUNDS: [Duration; 3] = [Duration::secs(15), Duration::secs(30), Duration::secs(60)];

/// How windows are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Always the base.
    Fixed,
    /// Base and own 95th percentile, four to one.
    Blend,
    /// The least cost by the survival curve.
    #[default]
    Survival,
}

impl Strategy {
    /// The name as set and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Blend => "blend",
            Self::Survival => "survival",
        }
    }
}

/// Whether anybody scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The phone scanned a code.
    Scanned,
    /// It had not when the attempt ended, or turned to a pairing code.
    NotScanned,
}

/// What one attempt by QR code teaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When it ended.
    pub at: Timestamp,
    /// From its first code to the scan or the end. Regenerations do not start the count anew: the
    /// person was on the way all the time.
    pub waited: Duration,
    /// Whether anybody scanned.
    pub seen: Seen,
}

impl Sample {
    /// Nobody scanned, and nobody cancelled before a window could have closed.
    fn is_abandoned(&self) -> bool {
        self.seen == Seen::NotScanned && self.waited >= WINDOW_MIN
    }
}

/// How an account's people scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Habit {
    /// One scan in twenty takes longer than [`SLOW_P95`].
    Slow,
    /// Nearly always the same time.
    Consistent,
    /// Now quick, now slow.
    Erratic,
}

/// What a window rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The setting; too little is known yet.
    Base,
    /// Mostly what other accounts have shown.
    Others,
    /// Mostly this account's own scans.
    Own,
}

/// A window with its reasons.
#[derive(Debug, Clone, PartialEq)]
pub struct Learned {
    /// How long a set of codes waits.
    pub window: Duration,
    /// How it was chosen.
    pub strategy: Strategy,
    /// What it rests on.
    pub basis: Basis,
    /// From 0 to 1: the account's scans of the last 30 days against [`CONFIDENCE_SCANS`].
    pub confidence: f64,
    /// The account's scans of the last 30 days.
    pub scans: usize,
    /// Half of them were quicker.
    pub median: Option<Duration>,
    /// Nineteen of twenty were quicker.
    pub p95: Option<Duration>,
    /// What stands out.
    pub habits: Vec<Habit>,
}

impl Learned {
    /// The base, when nothing is known of the account.
    #[must_use]
    pub fn base(strategy: Strategy, base: Duration) -> Self {
        Self {
            window: base,
            strategy,
            basis: Basis::Base,
            confidence: 0.0,
            scans: 0,
            median: None,
            p95: None,
            habits: Vec::new(),
        }
    }

    /// True when one set of codes does not live that long, so that the window goes on with another.
    #[must_use]
    pub fn needs_new_refs(&self) -> bool {
        self.window > REFS_LIFE
    }
}

/// The samples that still count, newest last; `samples` are in order of time.
#[must_use]
pub fn recent(samples: &[Sample], now: Timestamp) -> &[Sample] {
    let old = samples.partition_point(|sample| now.since(sample.at) > KEEP);
    let fresh = &samples[old..];
    &fresh[fresh.len().saturating_sub(OWN_ATTEMPTS_MAX)..]
}

/// Chooses the window of an account from its [`recent`] samples and what all accounts have shown.
#[must_use]
pub fn learn(strategy: Strategy, base: Duration, own: &[Sample], pool: &Pool) -> Learned {
    let times = Times::of(own);
    let known = Learned {
        confidence: times.confidence(),
        scans: times.0.len(),
        median: times.quantile(0.5),
        p95: times.quantile(0.95),
        habits: times.habits(),
        ..Learned::base(strategy, base)
    };
    match strategy {
        Strategy::Fixed => known,
        Strategy::Blend => blend(base, &times, known),
        Strategy::Survival if pool.scans < POOL_SCANS_MIN => known,
        Strategy::Survival => Learned {
            window: pool.window(own),
            basis: if times.0.len() >= PACE_SCANS_MIN {
                Basis::Own
            } else {
                Basis::Others
            },
            ..known
        },
    }
}

fn blend(base: Duration, times: &Times, known: Learned) -> Learned {
    let enough = times.0.len() >= BLEND_SCANS_MIN && times.confidence() >= BLEND_CONFIDENCE_MIN;
    let Some(p95) = known.p95.filter(|_| enough) else {
        return known;
    };
    let own = p95.0.saturating_add(BLEND_MARGIN.0);
    let mixed = base.0.saturating_mul(4).saturating_add(own) / 5;
    Learned {
        window: Duration(mixed.clamp(WINDOW_MIN.0, BLEND_MAX.0)),
        basis: Basis::Own,
        ..known
    }
}

/// The times of those who scanned, shortest first.
struct Times(Vec<Duration>);

impl Times {
    fn of(samples: &[Sample]) -> Self {
        let scanned = samples.iter().filter(|s| s.seen == Seen::Scanned);
        let mut times: Vec<Duration> = scanned.map(|s| s.waited).collect();
        times.sort_unstable();
        Self(times)
    }

    fn confidence(&self) -> f64 {
        (self.0.len() as f64 / CONFIDENCE_SCANS as f64).min(1.0)
    }

    /// The nearest rank: the smallest time that this share of all do not exceed.
    fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.max(1) - 1).copied()
    }

    fn habits(&self) -> Vec<Habit> {
        let mut habits = Vec::new();
        if self.0.len() < HABIT_SCANS_MIN {
            return habits;
        }
        if self.quantile(0.95).is_some_and(|p95| p95 > SLOW_P95) {
            habits.push(Habit::Slow);
        }
        let spread = self.spread();
        if spread < CONSISTENT_BELOW {
            habits.push(Habit::Consistent);
        }
        if spread > ERRATIC_ABOVE {
            habits.push(Habit::Erratic);
        }
        habits
    }

    /// The standard deviation as a share of the mean.
    fn spread(&self) -> f64 {
        let count = self.0.len() as f64;
        let mean = self.0.iter().map(|t| t.0 as f64).sum::<f64>() / count;
        let square = |t: &Duration| (t.0 as f64 - mean).powi(2);
        let deviation = (self.0.iter().map(square).sum::<f64>() / count).sqrt();
        deviation / mean.max(1.0)
    }
}

/// Which accounts are of similar pace by the newest scans; `None` while too little is known.
fn band(own: &[Sample]) -> Option<usize> {
    let scans = own.iter().rev().filter(|s| s.seen == Seen::Scanned);
    let mut newest: Vec<Duration> = scans.take(PACE_SCANS_MAX).map(|s| s.waited).collect();
    newest.sort_unstable();
    let known = newest.len() >= PACE_SCANS_MIN;
    let median = newest.get(newest.len() / 2).filter(|_| known)?;
    let below = PACE_BOUNDS.iter().take_while(|bound| *median >= **bound);
    Some(below.count())
}

/// Attempts by step: how many were still unscanned when it began, and how many were scanned in it.
#[derive(Debug, Clone)]
struct Tally {
    open: [f64; STEPS],
    scanned: [f64; STEPS],
}

impl Tally {
    const EMPTY: Self = Self {
        open: [0.0; STEPS],
        scanned: [0.0; STEPS],
    };

    /// An attempt that ended unscanned within a step was not open for all of it, and does not count
    /// there.
    fn add(&mut self, sample: &Sample, weight: f64) {
        let step = (sample.waited.0 / STEP.0) as usize;
        for open in self.open.iter_mut().take(step) {
            *open += weight;
        }
        if sample.seen == Seen::Scanned && step < STEPS {
            self.open[step] += weight;
            self.scanned[step] += weight;
        }
    }

    /// An account's attempts among those of others: each counts the same.
    fn add_all(&mut self, samples: &[Sample]) {
        for sample in samples {
            self.add(sample, 1.0);
        }
    }

    /// An account's own attempts, newest last: the older the less.
    fn fading(samples: &[Sample]) -> Self {
        let mut tally = Self::EMPTY;
        for sample in samples {
            tally.add_newer(sample);
        }
        tally
    }

    /// An attempt that came after all that is counted here.
    fn add_newer(&mut self, sample: &Sample) {
        for count in self.open.iter_mut().chain(&mut self.scanned) {
            *count *= FADING;
        }
        self.add(sample, 1.0);
    }

    /// The chance of a scan in each step, given none before; `prior` counts as `weight` attempts.
    fn chances(&self, prior: &Chances, weight: f64) -> Chances {
        std::array::from_fn(|i| (self.scanned[i] + weight * prior[i]) / (self.open[i] + weight))
    }
}

type Chances = [f64; STEPS];

/// What holds of people of whom nothing is known.
fn anybody() -> Chances {
    [1.0 - (-(STEP.0 as f64 / 1_000.0) / PRIOR_HALF_LIFE_S).exp2(); STEPS]
}

/// The logarithm of how likely a scan after this long is.
fn likelihood(chances: &Chances, waited: Duration) -> f64 {
    let step = ((waited.0 / STEP.0) as usize).min(STEPS - 1);
    let before = chances[..step].iter().map(|chance| 1.0 - chance);
    let likely = before.product::<f64>() * chances[step];
    likely.max(f64::MIN_POSITIVE).ln()
}

/// The share of people still to come at the beginning of each step, and after the last one.
type Curve = [f64; STEPS + 1];

/// What all accounts together have shown.
#[derive(Debug, Clone)]
pub struct Pool {
    scans: usize,
    /// The share of attempts that nobody scans, left out those that somebody cancelled early: they
    /// hold no place open.
    unseen: f64,
    fleet: Chances,
    bands: [Chances; PACE_BOUNDS.len() + 1],
}

impl Default for Pool {
    fn default() -> Self {
        Self::of(std::iter::empty())
    }
}

impl Pool {
    /// From every account's [`recent`] samples.
    pub fn of<'a>(accounts: impl IntoIterator<Item = &'a [Sample]>) -> Self {
        let mut all = Tally::EMPTY;
        let mut bands = [Tally::EMPTY; PACE_BOUNDS.len() + 1];
        let (mut scans, mut abandoned) = (0, 0);
        for own in accounts {
            let newest = &own[own.len().saturating_sub(POOL_ATTEMPTS_MAX)..];
            let times = Times::of(newest);
            scans += times.0.len();
            abandoned += newest.iter().filter(|sample| sample.is_abandoned()).count();
            all.add_all(newest);
            if let Some(band) = band(newest) {
                bands[band].add_all(newest);
            }
        }
        let fleet = all.chances(&anybody(), 1.0);
        let unseen = abandoned as f64 + PRIOR_UNSEEN * PRIOR_UNSEEN_WEIGHT;
        Self {
            scans,
            unseen: unseen / ((scans + abandoned) as f64 + PRIOR_UNSEEN_WEIGHT),
            bands: bands.map(|band| band.chances(&fleet, FLEET_WEIGHT)),
            fleet,
        }
    }

    /// Scans of all accounts that count here.
    #[must_use]
    pub fn scans(&self) -> usize {
        self.scans
    }

    /// The window of an account. Habits may come back, and a window that is too long costs less than one
    /// that is too short: so people who took over lengthen it at once, and shorten it only as those before
    /// them fade.
    fn window(&self, own: &[Sample]) -> Duration {
        let all = self.cheapest(&self.curve(own, &self.fleet));
        match people_of_today(self, own) {
            Some(today) => all.max(self.cheapest(&self.curve(today, &anybody()))),
            None => all,
        }
    }

    /// The chances of people with these attempts, of whom `strangers` holds until their pace is known.
    fn chances(&self, tally: &Tally, own: &[Sample], strangers: &Chances) -> Chances {
        let similar = band(own).map_or(strangers, |band| &self.bands[band]);
        tally.chances(similar, BAND_WEIGHT)
    }

    fn curve(&self, own: &[Sample], strangers: &Chances) -> Curve {
        let chances = self.chances(&Tally::fading(own), own, strangers);
        let (mut curve, mut left) = ([1.0; STEPS + 1], 1.0);
        for (after, chance) in curve.iter_mut().skip(1).zip(chances) {
            left *= 1.0 - chance;
            *after = left;
        }
        curve
    }

    /// The window of least cost: needless regenerations against attempts that stay open for nobody.
    fn cheapest(&self, curve: &Curve) -> Duration {
        let cost = |window: usize| {
            let open = (WINDOWS * window) as f64 * STEP.0 as f64;
            needless(curve, window) * NEEDLESS_COST.0 as f64 + self.unseen * open
        };
        let least = (WINDOW_MIN.0 / STEP.0) as usize;
        let best = (least..=LIFE).min_by(|a, b| cost(*a).total_cmp(&cost(*b)));
        Duration(best.unwrap_or(LIFE) as u64 * STEP.0)
    }
}

/// The attempts of the people of today; `None` when they are those of always. Found by a cumulative sum
/// (Page, 1954): each scan that is likelier of anybody than of the people before it adds to a suspicion,
/// each other one takes from it. One that grows to [`CHANGE_AT`] began with their first scan.
fn people_of_today<'a>(pool: &Pool, own: &'a [Sample]) -> Option<&'a [Sample]> {
    let anybody = anybody();
    let (mut begin, mut suspected, mut suspicion) = (0, 0, 0.0);
    let (mut tally, mut scans) = (Tally::EMPTY, 0);
    for (place, sample) in own.iter().enumerate() {
        if sample.seen == Seen::Scanned {
            scans += 1;
            if scans > PACE_SCANS_MIN {
                let strangers = if begin > 0 { &anybody } else { &pool.fleet };
                let expected = pool.chances(&tally, &own[begin..place], strangers);
                suspicion += likelihood(&anybody, sample.waited);
                suspicion -= likelihood(&expected, sample.waited);
            }
            if suspicion <= 0.0 {
                (suspicion, suspected) = (0.0, place + 1);
            }
            if suspicion >= CHANGE_AT {
                (begin, suspicion) = (suspected, 0.0);
                tally = Tally::fading(&own[begin..place]);
                scans = Times::of(&own[begin..=place]).0.len();
                suspected = place + 1;
            }
        }
        tally.add_newer(sample);
    }
    (begin > 0).then(|| &own[begin..])
}

/// How many windows of this many steps are expected to close on somebody who would have scanned
/// before the set's codes had run out.
fn needless(curve: &Curve, window: usize) -> f64 {
    let closed = (1..=WINDOWS).map(|n| n * window);
    closed
        .map(|end| {
            let gone = end - window + LIFE;
            curve[end.min(STEPS)] - curve[gone.min(STEPS)]
        })
        .sum()
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
