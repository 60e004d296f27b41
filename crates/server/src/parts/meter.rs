//! How long each part and stage takes, and what comes of it: for Prometheus and for the API.

use crate::performance::{Lately, Measured, Performance};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use waypost_engine::flow::meaning::{PartOutcome, Trace};
use waypost_engine::flow::parts::{Part, Parts};
use waypost_engine::flow::stage::Group;

/// Steps between two powers of two: a figure is at most a quarter too high.
const STEPS: u64 = 4;
/// Enough for `u32::MAX` microseconds.
const BUCKETS: usize = 33 * STEPS as usize;

/// Durations since the start of the process.
#[derive(Debug)]
pub(crate) struct Durations {
    buckets: [AtomicU64; BUCKETS],
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

/// The bucket of a duration: by its highest bit and the two behind it.
fn bucket(micros: u32) -> usize {
    let micros = u64::from(micros);
    if micros < STEPS {
        return usize::try_from(micros).unwrap_or(0);
    }
    let high = u64::from(micros.ilog2());
    let behind = (micros >> (high - 2)) & (STEPS - 1);
    usize::try_from(high * STEPS + behind).unwrap_or(BUCKETS - 1)
}

/// The longest duration of a bucket.
fn upper(bucket: usize) -> u64 {
    let at = bucket as u64;
    if at < 2 * STEPS {
        return at.min(STEPS);
    }
    let (high, behind) = (at / STEPS, at % STEPS);
    (1 << high) + ((behind + 1) << (high - 2)) - 1
}

impl Durations {
    fn record(&self, micros: u32) {
        if let Some(bucket) = self.buckets.get(bucket(micros)) {
            bucket.fetch_add(1, Relaxed);
        }
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|b| b.load(Relaxed)).sum()
    }

    /// The duration in microseconds that `percent` of all do not exceed; `None` before the first.
    pub(crate) fn percentile(&self, percent: u64) -> Option<u64> {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Relaxed)).collect();
        let all: u64 = counts.iter().sum();
        let wanted = (all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.filter(|_| all > 0).map(upper)
    }
}

/// What a part did since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct PartMeter {
    pub(crate) took: Durations,
    outcomes: [AtomicU64; OUTCOMES.len()],
}

/// Every outcome, in the order in which they are counted.
const OUTCOMES: [PartOutcome; 7] = [
    PartOutcome::Found,
    PartOutcome::Nothing,
    PartOutcome::NoText,
    PartOutcome::Off,
    PartOutcome::StageOff,
    PartOutcome::Shed,
    PartOutcome::Failed,
];

impl PartMeter {
    /// How often there was each outcome; those that never were are left out.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (PartOutcome, u64)> + '_ {
        let counted = OUTCOMES.iter().zip(&self.outcomes);
        counted
            .map(|(outcome, count)| (*outcome, count.load(Relaxed)))
            .filter(|(_, count)| *count > 0)
    }

    fn count(&self, outcome: PartOutcome) {
        let place = OUTCOMES.iter().position(|one| *one == outcome);
        if let Some(count) = place.and_then(|place| self.outcomes.get(place)) {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// What a stage did since the start of the process.
#[derive(Debug, Default)]
pub(crate) struct StageMeter {
    pub(crate) took: Durations,
    overruns: AtomicU64,
}

impl StageMeter {
    /// Messages for which it took longer than its budget.
    pub(crate) fn overruns(&self) -> u64 {
        self.overruns.load(Relaxed)
    }
}

/// All figures of this process.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    parts: [PartMeter; Part::TEXT.len()],
    stages: [StageMeter; Group::ALL.len()],
    /// The same over the last minutes only, and what is out of the ordinary.
    recent: Performance,
}

impl Meter {
    /// The figures of a part; `None` for one that is not measured per message.
    pub(crate) fn of_part(&self, part: Part) -> Option<&PartMeter> {
        let place = Part::TEXT.iter().position(|one| *one == part)?;
        self.parts.get(place)
    }

    /// The figures of a stage.
    pub(crate) fn of_stage(&self, stage: Group) -> Option<&StageMeter> {
        let place = Group::ALL.iter().position(|one| *one == stage)?;
        self.stages.get(place)
    }

    /// How stages and parts do lately.
    pub(crate) fn lately(&self) -> BTreeMap<Measured, Lately> {
        self.recent.lately()
    }

    pub(super) fn read(&self, traces: &[Trace]) {
        for trace in traces {
            self.part(*trace);
        }
    }

    /// Counts a message that no part could read.
    pub(super) fn skipped(&self, parts: &Parts, outcome: PartOutcome) {
        for part in Part::TEXT {
            if parts.runs(part) {
                self.part(Trace {
                    part,
                    outcome,
                    took_us: 0,
                    asked: None,
                });
            }
        }
    }

    fn part(&self, trace: Trace) {
        let (part, outcome) = (trace.part.name(), trace.outcome);
        metrics::counter!("waypost_part_outcomes_total", "part" => part, "outcome" => outcome.name())
            .increment(1);
        let meter = self.of_part(trace.part);
        if let Some(meter) = meter {
            meter.count(outcome);
        }
        let ran = matches!(
            outcome,
            PartOutcome::Found | PartOutcome::Nothing | PartOutcome::Failed
        );
        if ran {
            metrics::histogram!("waypost_part_seconds", "part" => part)
                .record(f64::from(trace.took_us) / 1e6);
            self.recent
                .record(Measured::Part(trace.part), trace.took_us);
            if let Some(meter) = meter {
                meter.took.record(trace.took_us);
            }
        }
    }

    pub(super) fn stage(&self, stage: Group, micros: u32) {
        metrics::histogram!("waypost_stage_seconds", "stage" => stage.name())
            .record(f64::from(micros) / 1e6);
        self.recent.record(Measured::Stage(stage), micros);
        let over = u64::from(micros) > stage.budget().as_millis() * 1_000;
        if over {
            metrics::counter!("waypost_stage_overruns_total", "stage" => stage.name()).increment(1);
        }
        if let Some(meter) = self.of_stage(stage) {
            meter.took.record(micros);
            if over {
                meter.overruns.fetch_add(1, Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percentiles_are_right_to_a_quarter() {
        let took = Durations::default();
        assert_eq!(took.percentile(99), None);
        for micros in 1..=1_000 {
            took.record(micros);
        }
        assert_eq!(took.count(), 1_000);
        for (percent, exact) in [(50, 500), (95, 950), (99, 990)] {
            let said = took.percentile(percent).unwrap();
            assert!((exact..=exact * 5 / 4).contains(&said), "{percent}: {said}");
        }
    }

    #[test]
    fn a_stage_over_its_budget_is_counted() {
        let meter = Meter::default();
        meter.stage(Group::Conversation, 150_000);
        meter.stage(Group::Conversation, 150_001);
        assert_eq!(meter.of_stage(Group::Conversation).unwrap().overruns(), 1);
    }

    proptest! {
        #[test]
        fn a_duration_lies_in_its_bucket(micros: u32) {
            let bucket = bucket(micros);
            prop_assert!(bucket < BUCKETS);
            let (upper, exact) = (upper(bucket), u64::from(micros));
            prop_assert!(upper >= exact && upper <= exact + exact / 4 + 1, "{exact} {upper}");
        }
    }
}
