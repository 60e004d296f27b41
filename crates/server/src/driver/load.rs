//! The loop that measures the machine and lets the engine decide what is put off.

use super::told::{Whom, tell_at};
use crate::api::ports::SystemLoad;
use crate::clock;
use crate::config;
use crate::load::{SAMPLE_EVERY, Sampler};
use serde_json::json;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;
use waypost_engine::flow::parts::ShedLevel;
use waypost_engine::model::event::kind;
use waypost_engine::model::{Timestamp, WorkspaceId};
use waypost_engine::watch::degrade::{Degradation, Gauge, Load, Shift};
use waypost_engine::watch::recent::{RecentErrors, Went};
use waypost_store::{Store, StoreError};

/// The load of the machine, as everybody in the process sees it.
pub(super) struct LoadWatch {
    shedding: config::Shedding,
    state: Mutex<State>,
    errors: Mutex<RecentErrors>,
}

struct State {
    machine: Degradation,
    last: Load,
    at: Option<Timestamp>,
}

impl LoadWatch {
    pub(super) fn new(settings: &config::Load) -> Self {
        Self {
            shedding: settings.shedding,
            state: Mutex::new(State {
                machine: Degradation::new(settings.marks()),
                last: Load::default(),
                at: None,
            }),
            errors: Mutex::default(),
        }
    }

    /// Something was done for somebody, well or not.
    pub(super) fn count(&self, went: Went) {
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        errors.count(went, clock::now());
    }

    /// What is being put off now.
    pub(super) fn level(&self) -> ShedLevel {
        self.state().machine.level()
    }

    /// All that is known, to show.
    pub(super) fn shown(&self) -> SystemLoad {
        let state = self.state();
        SystemLoad {
            load: state.last,
            at: state.at,
            level: state.machine.level(),
            since: state.machine.since(),
            cause: state.machine.cause(),
            marks: *state.machine.config(),
            sheds: self.shedding == config::Shedding::On,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Measures until told to stop; `tell` hears of every change of what is put off.
    pub(super) async fn run(
        &self,
        store: &Store,
        tell: impl Fn(ShedLevel) + Send,
        stop: &CancellationToken,
    ) {
        let mut sampler = Sampler::new();
        let mut due = tokio::time::interval(SAMPLE_EVERY);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        metrics::gauge!("waypost_shed_level").set(0.0);
        loop {
            tokio::select! {
                _ = due.tick() => {}
                () = stop.cancelled() => return,
            }
            // A few small files of the kernel's, which never wait for a disk.
            let mut load = sampler.sample();
            let now = clock::now();
            load.errors = {
                let errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
                errors.percent(now)
            };
            if let Some(shift) = self.read(load, now) {
                tell(shift.to);
                told(store, &shift).await;
            }
        }
    }

    fn read(&self, load: Load, now: Timestamp) -> Option<Shift> {
        for gauge in Gauge::ALL {
            if let Some(percent) = load.of(gauge) {
                metrics::gauge!("waypost_load_percent", "of" => gauge.as_str()).set(percent);
            }
        }
        let mut state = self.state();
        state.last = load;
        state.at = Some(now);
        match self.shedding {
            config::Shedding::On => state.machine.step(&load, now),
            config::Shedding::Off => None,
        }
    }
}

/// Logs, counts and tells a change of what is put off.
async fn told(store: &Store, shift: &Shift) {
    let (from, to) = (shift.from.as_str(), shift.to.as_str());
    let level = ShedLevel::ALL.iter().position(|level| *level == shift.to);
    metrics::gauge!("waypost_shed_level").set(f64::from(
        u8::try_from(level.unwrap_or(0)).unwrap_or(u8::MAX),
    ));
    let way = if shift.sheds() { "shed" } else { "recovered" };
    metrics::counter!("waypost_shed_changes_total", "way" => way).increment(1);
    match shift.cause {
        Some(cause) => tracing::warn!(
            from,
            to,
            of = cause.gauge.as_str(),
            percent = cause.value,
            mark = cause.mark,
            "the machine is overloaded; work is put off"
        ),
        None => tracing::info!(from, to, "the load has fallen; work is taken up again"),
    }
    if let Err(error) = tell(store, shift).await {
        tracing::error!(%error, "a change of what is put off cannot be told");
    }
}

async fn tell(store: &Store, shift: &Shift) -> Result<(), StoreError> {
    // The machine is everybody's; there is one workspace so far.
    let whom = Whom {
        workspace: WorkspaceId::DEFAULT,
        account: None,
        conversation: None,
    };
    let data = json!({ "from": shift.from, "level": shift.to, "cause": shift.cause });
    tell_at(store, whom, kind::SYSTEM_LOAD, data, shift.at).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use waypost_engine::model::Duration;

    fn settings(shedding: config::Shedding) -> config::Load {
        config::Load {
            shedding,
            ..config::Config::default().load
        }
    }

    fn full() -> Load {
        Load {
            cpu: Some(97.0),
            memory: Some(40.0),
            errors: None,
        }
    }

    #[test]
    fn an_overloaded_machine_shows_what_it_puts_off_and_why() {
        let watch = LoadWatch::new(&settings(config::Shedding::On));
        let start = Timestamp(1_800_000_000_000);
        for n in 0..3 {
            watch.read(full(), start + Duration::secs(5 * n));
        }
        let shown = watch.shown();
        assert_eq!(watch.level(), ShedLevel::NiceToHave);
        assert_eq!(shown.level, ShedLevel::NiceToHave);
        assert_eq!(shown.cause.unwrap().gauge, Gauge::Cpu);
        assert_eq!(shown.since, Some(start + Duration::secs(10)));
        assert_eq!(shown.load, full());
    }

    #[test]
    fn without_shedding_the_load_is_only_measured() {
        let watch = LoadWatch::new(&settings(config::Shedding::Off));
        let start = Timestamp(1_800_000_000_000);
        for n in 0..20 {
            assert_eq!(watch.read(full(), start + Duration::secs(5 * n)), None);
        }
        assert_eq!(watch.shown().load, full());
        assert!(!watch.shown().sheds);
    }
}
