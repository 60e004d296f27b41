//! Which work is put off while the machine is overloaded.
//!
//! When the processor, the memory or the share of errors stays above its mark for a while, what is
//! nice to have is put off; when it stays there, what is important too; what is critical never
//! (accepting, storing, ordering, answering by rules, sending). It ends step by step, once all three have stayed
//! below their lower marks for [`RECOVER_AFTER`]. What is put off is done later, not dropped.

use crate::flow::parts::ShedLevel;
use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// A figure must stay above its mark for this long before something is put off, and for this long
/// again before more is.
pub const SHED_AFTER: Duration = Duration::secs(10);
/// All figures must stay below their lower marks for this long before something is taken up again,
/// and for this long again before more is.
pub const RECOVER_AFTER: Duration = Duration::secs(30);
/// Readings further apart than this say nothing about the time between.
pub const READINGS_APART_MAX: Duration = Duration::secs(20);

/// How much is put off, in a word and step by step.
impl ShedLevel {
    /// All of them, lightest first.
    pub const ALL: [Self; 3] = [Self::None, Self::NiceToHave, Self::Important];

    /// The name as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NiceToHave => "nice_to_have",
            Self::Important => "important",
        }
    }

    fn more(self) -> Self {
        match self {
            Self::None => Self::NiceToHave,
            Self::NiceToHave | Self::Important => Self::Important,
        }
    }

    fn less(self) -> Self {
        match self {
            Self::Important => Self::NiceToHave,
            Self::NiceToHave | Self::None => Self::None,
        }
    }
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gauge {
    /// Use of the processors this process may use.
    Cpu,
    /// Use of the memory this process may use.
    Memory,
    /// Requests that failed on our side.
    Errors,
}

impl Gauge {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Errors];

    /// The name as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Errors => "errors",
        }
    }
}

/// One reading, in percent; `None` where nothing could be measured, which neither sheds nor
/// prevents recovery.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Load {
    /// Use of the processors this process may use.
    pub cpu: Option<f64>,
    /// Use of the memory this process may use.
    pub memory: Option<f64>,
    /// Requests that failed on our side.
    pub errors: Option<f64>,
}

impl Load {
    /// One of its figures.
    #[must_use]
    pub fn of(&self, gauge: Gauge) -> Option<f64> {
        match gauge {
            Gauge::Cpu => self.cpu,
            Gauge::Memory => self.memory,
            Gauge::Errors => self.errors,
        }
    }
}

/// Between which figures a gauge sheds and recovers, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Marks {
    /// At this and above work is put off.
    pub shed: f64,
    /// At this and below it may be taken up again.
    pub recover: f64,
}

/// The marks of all gauges.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DegradeConfig {
    /// Of the processors.
    pub cpu: Marks,
    /// Of the memory.
    pub memory: Marks,
    /// Of the errors.
    pub errors: Marks,
}

impl DegradeConfig {
    /// The marks of one gauge.
    #[must_use]
    pub fn of(&self, gauge: Gauge) -> Marks {
        match gauge {
            Gauge::Cpu => self.cpu,
            Gauge::Memory => self.memory,
            Gauge::Errors => self.errors,
        }
    }
}

impl Default for DegradeConfig {
    fn default() -> Self {
        let marks = |shed, recover| Marks { shed, recover };
        Self {
            cpu: marks(80.0, 50.0),
            memory: marks(85.0, 70.0),
            errors: marks(30.0, 10.0),
        }
    }
}

/// The figure that made work be put off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// Which.
    pub gauge: Gauge,
    /// How high it was, in percent.
    pub value: f64,
    /// The mark it is above.
    pub mark: f64,
}

/// A change of what is put off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// Before.
    pub from: ShedLevel,
    /// After.
    pub to: ShedLevel,
    /// What made it so; absent when work is taken up again.
    pub cause: Option<Cause>,
    /// When.
    pub at: Timestamp,
}

impl Shift {
    /// True when more is put off than before.
    #[must_use]
    pub fn sheds(&self) -> bool {
        self.to > self.from
    }
}

/// The machine.
#[derive(Debug, Clone, Default)]
pub struct Degradation {
    config: DegradeConfig,
    level: ShedLevel,
    cause: Option<Cause>,
    since: Option<Timestamp>,
    high_since: Option<Timestamp>,
    low_since: Option<Timestamp>,
    read_at: Option<Timestamp>,
}

impl Degradation {
    /// Nothing is put off yet.
    #[must_use]
    pub fn new(config: DegradeConfig) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    /// What is being put off.
    #[must_use]
    pub fn level(&self) -> ShedLevel {
        self.level
    }

    /// Since when it is this much.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// What made it so.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.cause
    }

    /// The marks it works by.
    #[must_use]
    pub fn config(&self) -> &DegradeConfig {
        &self.config
    }

    /// Takes a reading.
    pub fn step(&mut self, load: &Load, now: Timestamp) -> Option<Shift> {
        self.forget_gaps(now);
        let worst = self.worst(load);
        if worst.is_some() {
            self.low_since = None;
            let since = *self.high_since.get_or_insert(now);
            let more = self.level.more();
            if more == self.level || now.since(since) < SHED_AFTER {
                return None;
            }
            self.high_since = Some(now);
            return Some(self.shift(more, worst, now));
        }
        self.high_since = None;
        if !self.is_low(load) {
            self.low_since = None;
            return None;
        }
        let since = *self.low_since.get_or_insert(now);
        let less = self.level.less();
        if less == self.level || now.since(since) < RECOVER_AFTER {
            return None;
        }
        self.low_since = Some(now);
        Some(self.shift(less, None, now))
    }

    /// A machine that slept, or a clock that was set: what was before proves nothing.
    fn forget_gaps(&mut self, now: Timestamp) {
        let apart = self
            .read_at
            .is_some_and(|at| now < at || now.since(at) > READINGS_APART_MAX);
        if apart {
            self.high_since = None;
            self.low_since = None;
        }
        self.read_at = Some(now);
    }

    fn shift(&mut self, to: ShedLevel, cause: Option<Cause>, at: Timestamp) -> Shift {
        let from = self.level;
        self.level = to;
        self.since = Some(at);
        self.cause = match to {
            ShedLevel::None => None,
            _ => cause.or(self.cause),
        };
        Shift {
            from,
            to,
            cause,
            at,
        }
    }

    /// The figure furthest above its mark, if one is above.
    fn worst(&self, load: &Load) -> Option<Cause> {
        let above = |gauge: &Gauge| {
            let (value, mark) = (load.of(*gauge)?, self.config.of(*gauge).shed);
            (value >= mark).then_some(Cause {
                gauge: *gauge,
                value,
                mark,
            })
        };
        let causes = Gauge::ALL.iter().filter_map(above);
        causes.max_by(|a, b| (a.value / a.mark).total_cmp(&(b.value / b.mark)))
    }

    fn is_low(&self, load: &Load) -> bool {
        Gauge::ALL.iter().all(|gauge| {
            load.of(*gauge)
                .is_none_or(|value| value <= self.config.of(*gauge).recover)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::parts::{Part, Parts, ShedClass, Standing, Switches};
    use proptest::prelude::*;

    const START: Timestamp = Timestamp(1_800_000_000_000);
    const CALM: Load = Load {
        cpu: Some(10.0),
        memory: Some(40.0),
        errors: Some(0.0),
    };

    fn cpu(percent: f64) -> Load {
        Load {
            cpu: Some(percent),
            ..CALM
        }
    }

    /// Reads `load` every five seconds, `readings` times; answers with the shifts and their second.
    fn read(
        machine: &mut Degradation,
        now: &mut Timestamp,
        load: &Load,
        readings: u32,
    ) -> Vec<(u64, ShedLevel)> {
        let mut shifts = Vec::new();
        for _ in 0..readings {
            *now = *now + Duration::secs(5);
            if let Some(shift) = machine.step(load, *now) {
                shifts.push((now.since(START).0 / 1_000, shift.to));
            }
        }
        shifts
    }

    #[test]
    fn a_busy_processor_sheds_step_by_step_and_recovers_after_thirty_calm_seconds_each() {
        let (mut machine, mut now) = (Degradation::default(), START);
        let shed = read(&mut machine, &mut now, &cpu(91.0), 12);
        assert_eq!(
            shed,
            [(15, ShedLevel::NiceToHave), (25, ShedLevel::Important)]
        );
        assert_eq!(machine.cause().unwrap().gauge, Gauge::Cpu);
        // Calm from second 65 on.
        let back = read(&mut machine, &mut now, &CALM, 20);
        assert_eq!(back, [(95, ShedLevel::NiceToHave), (125, ShedLevel::None)]);
        assert_eq!(machine.cause(), None);
    }

    #[test]
    fn a_short_peak_sheds_nothing() {
        let (mut machine, mut now) = (Degradation::default(), START);
        for _ in 0..10 {
            assert_eq!(read(&mut machine, &mut now, &cpu(99.0), 2), []);
            assert_eq!(read(&mut machine, &mut now, &CALM, 1), []);
        }
    }

    #[test]
    fn between_the_marks_nothing_changes() {
        let (mut machine, mut now) = (Degradation::default(), START);
        read(&mut machine, &mut now, &cpu(85.0), 3);
        assert_eq!(machine.level(), ShedLevel::NiceToHave);
        assert_eq!(read(&mut machine, &mut now, &cpu(65.0), 100), []);
        assert_eq!(machine.level(), ShedLevel::NiceToHave);
    }

    #[test]
    fn each_gauge_has_its_own_marks() {
        let loads = [
            (cpu(79.9), false),
            (cpu(80.0), true),
            (
                Load {
                    memory: Some(84.9),
                    ..CALM
                },
                false,
            ),
            (
                Load {
                    memory: Some(85.0),
                    ..CALM
                },
                true,
            ),
            (
                Load {
                    errors: Some(29.9),
                    ..CALM
                },
                false,
            ),
            (
                Load {
                    errors: Some(30.0),
                    ..CALM
                },
                true,
            ),
        ];
        for (load, sheds) in loads {
            let (mut machine, mut now) = (Degradation::default(), START);
            read(&mut machine, &mut now, &load, 3);
            assert_eq!(machine.level() > ShedLevel::None, sheds, "{load:?}");
        }
        // Recovery wants 50, 70 and 10.
        let almost = [
            Load {
                cpu: Some(50.1),
                ..CALM
            },
            Load {
                memory: Some(70.1),
                ..CALM
            },
            Load {
                errors: Some(10.1),
                ..CALM
            },
        ];
        for load in almost {
            let (mut machine, mut now) = (Degradation::default(), START);
            read(&mut machine, &mut now, &cpu(99.0), 3);
            assert_eq!(read(&mut machine, &mut now, &load, 100), [], "{load:?}");
        }
    }

    #[test]
    fn what_cannot_be_measured_neither_sheds_nor_holds_back() {
        let (mut machine, mut now) = (Degradation::default(), START);
        assert_eq!(read(&mut machine, &mut now, &Load::default(), 50), []);
        read(&mut machine, &mut now, &cpu(99.0), 3);
        let nothing = Load::default();
        assert_eq!(read(&mut machine, &mut now, &nothing, 10).len(), 1);
    }

    #[test]
    fn a_machine_that_slept_starts_to_count_anew() {
        let (mut machine, mut now) = (Degradation::default(), START);
        read(&mut machine, &mut now, &cpu(99.0), 1);
        now = now + Duration::hours(8);
        assert_eq!(read(&mut machine, &mut now, &cpu(99.0), 2), []);
        assert_eq!(read(&mut machine, &mut now, &cpu(99.0), 2).len(), 1);
    }

    #[test]
    fn what_is_critical_is_never_put_off() {
        for level in ShedLevel::ALL {
            let parts = Parts::effective(&Switches::default(), level);
            for part in Part::all().filter(|part| part.class() == ShedClass::Critical) {
                assert_ne!(parts.of(part), Standing::Shed, "{part} at {level:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn it_never_moves_faster_than_it_promises(
            loads in proptest::collection::vec((0.0f64..100.0, 0.0f64..100.0, 0.0f64..100.0), 1..200),
        ) {
            let (mut machine, mut now) = (Degradation::default(), START);
            let mut last: Option<Timestamp> = None;
            for (cpu, memory, errors) in loads {
                now = now + Duration::secs(2);
                let load = Load { cpu: Some(cpu), memory: Some(memory), errors: Some(errors) };
                if let Some(shift) = machine.step(&load, now) {
                    let least = if shift.sheds() { SHED_AFTER } else { RECOVER_AFTER };
                    if let Some(last) = last {
                        prop_assert!(now.since(last) >= least);
                    }
                    prop_assert_ne!(shift.from, shift.to);
                    last = Some(now);
                }
            }
        }
    }
}
