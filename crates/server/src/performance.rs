//! How long stages and parts take lately, and what stands out.

use crate::clock;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use waypost_engine::flow::parts::Part;
use waypost_engine::flow::stage::Group;
use waypost_engine::watch::latency::{Anomaly, Durations, Series};

/// What is measured. There are as many as there are stages and parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measured {
    /// A whole stage.
    Stage(Group),
    /// One part of it.
    Part(Part),
}

/// How one thing does.
#[derive(Debug, Clone)]
pub struct Lately {
    /// Everything of the last minutes.
    pub recent: Durations,
    /// The 95th percentile of an ordinary minute, in microseconds.
    pub ordinary: Option<u32>,
    /// The minute that stood out last.
    pub anomaly: Option<Anomaly>,
}

/// The figures of this process since it started.
#[derive(Debug, Default)]
pub struct Performance {
    series: Mutex<BTreeMap<Measured, Series>>,
}

impl Performance {
    /// Something took this long.
    pub fn record(&self, what: Measured, micros: u32) {
        let mut all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(what).or_default().record(micros, clock::now());
    }

    /// How everything that was measured does.
    #[must_use]
    pub fn lately(&self) -> BTreeMap<Measured, Lately> {
        let now = clock::now();
        let all = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .map(|(what, series)| {
                let lately = Lately {
                    recent: series.recent(now),
                    ordinary: series.ordinary(),
                    anomaly: series.anomaly(now),
                };
                (*what, lately)
            })
            .collect()
    }
}
