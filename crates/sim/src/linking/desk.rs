//! One attempt to link: the engine's flow, a socket that brings codes, and a person on the way.
//!
//! A **needless** closing takes a set of codes away from somebody who would have scanned it before
//! its codes had run out. When the codes themselves run out nobody could have waited longer; that
//! is a **renewal**. Either way a person whose camera was pointed at the old set, or who comes while
//! there is none, has to begin again.

use waypost_engine::fleet::link::{LinkConfig, LinkEvent, LinkMethod};
use waypost_engine::fleet::window::{REFS_LIFE, Sample, Seen};
use waypost_engine::fleet::{LinkEffect, LinkFlow, LinkOutcome, LinkRecord, SocketNo};
use waypost_engine::model::{AccountState, Duration, Timestamp};

/// From opening a socket to its first code.
const OPENING: Duration = Duration::millis(1_500);
/// How long a camera needs to be pointed at a code.
const POINTING: Duration = Duration::secs(3);
/// What it takes to begin again when the code changed under the camera.
const BEGIN_AGAIN: Duration = Duration::secs(2);
/// A set that goes away this shortly before somebody would have scanned counts as interrupting.
const SHORTLY: Duration = Duration::secs(30);

/// What an attempt came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Windows closed on somebody who would have scanned before the codes had run out.
    pub needless: u32,
    /// Sets whose codes ran out.
    pub renewals: u32,
    /// Sets that went away, for either reason, at most 30 s before somebody would have scanned.
    pub interrupted: u32,
    /// From the first code to the end.
    pub open: Duration,
    /// Whether it was scanned in the end.
    pub scanned: bool,
}

struct Desk {
    flow: LinkFlow,
    now: Timestamp,
    socket: SocketNo,
    /// The socket's first code comes then.
    code_due: Option<Timestamp>,
    /// Since when a set of codes is on show.
    shown: Option<Timestamp>,
    first_code: Option<Timestamp>,
    /// From the first code to when the person would scan.
    wants: Option<Duration>,
    /// When they do, as things stand.
    ready: Option<Timestamp>,
    record: Option<LinkRecord>,
    cost: Cost,
}

/// Runs an attempt with this window; `comes` is when somebody would scan, from the first code.
/// Answers with what it cost and what it teaches.
#[must_use]
pub fn attempt(window: Duration, comes: Option<Duration>, at: Timestamp) -> (Cost, Sample) {
    let config = LinkConfig {
        window,
        ..LinkConfig::default()
    };
    let before = AccountState::New;
    let (flow, effects) = LinkFlow::start(config, LinkMethod::Qr, None, before, at);
    let mut desk = Desk {
        flow,
        now: at,
        socket: SocketNo(0),
        code_due: None,
        shown: None,
        first_code: None,
        wants: comes,
        ready: None,
        record: None,
        cost: Cost::default(),
    };
    desk.obey(effects);
    while desk.record.is_none() {
        desk.step();
    }
    desk.judged()
}

impl Desk {
    /// Whatever happens next: the person scans, the first code comes, the codes run out, or the
    /// flow's own timer.
    fn step(&mut self) {
        let runs_out = self.shown.map(|since| since + REFS_LIFE);
        let scans = self.ready.filter(|_| self.shown.is_some());
        let wakes = self.flow.wake_at();
        let events = [scans, self.code_due, runs_out, wakes];
        let Some(next) = events.iter().flatten().min().copied() else {
            return self.give_up();
        };
        self.now = next;
        let effects = if scans == Some(next) {
            self.flow.event(self.socket, LinkEvent::Linked, next)
        } else if self.code_due == Some(next) {
            self.show()
        } else if wakes == Some(next) {
            self.flow.tick(next)
        } else {
            self.taken_away();
            self.cost.renewals += 1;
            self.flow.event(self.socket, LinkEvent::QrExhausted, next)
        };
        self.obey(effects);
    }

    /// The flow waits for nothing and has not ended: that would be a fault of the flow.
    fn give_up(&mut self) {
        let effects = self.flow.cancel(self.now);
        self.obey(effects);
    }

    fn show(&mut self) -> Vec<LinkEffect> {
        self.code_due = None;
        self.shown = Some(self.now);
        let first = *self.first_code.get_or_insert(self.now);
        let pointed = self.now + POINTING;
        let wanted = self.ready.or(self.wants.map(|wants| first + wants));
        self.ready = wanted.map(|at| {
            if at < pointed {
                pointed + BEGIN_AGAIN
            } else {
                at
            }
        });
        let text = String::new();
        let valid_for = Duration::secs(60);
        self.flow
            .event(self.socket, LinkEvent::QrCode { text, valid_for }, self.now)
    }

    /// The set on show goes away.
    fn taken_away(&mut self) {
        self.shown = None;
        if self.ready.is_some_and(|at| at <= self.now + SHORTLY) {
            self.cost.interrupted += 1;
        }
    }

    fn obey(&mut self, effects: Vec<LinkEffect>) {
        for effect in effects {
            match effect {
                LinkEffect::OpenSocket(socket) => {
                    self.socket = socket;
                    self.code_due = Some(self.now + OPENING);
                }
                LinkEffect::CloseSocket(_) => {
                    if let Some(since) = self.shown {
                        let would = self.ready.is_some_and(|at| at <= since + REFS_LIFE);
                        self.cost.needless += u32::from(would);
                        self.taken_away();
                    }
                }
                LinkEffect::Record(record) => self.record = Some(record),
                _ => {}
            }
        }
    }

    fn judged(self) -> (Cost, Sample) {
        let linked = |record: &LinkRecord| record.outcome == LinkOutcome::Linked;
        let scanned = self.record.as_ref().is_some_and(linked);
        let open = self.now.since(self.first_code.unwrap_or(self.now));
        let cost = Cost {
            open,
            scanned,
            ..self.cost
        };
        let seen = if scanned {
            Seen::Scanned
        } else {
            Seen::NotScanned
        };
        (
            cost,
            Sample {
                at: self.now,
                waited: open,
                seen,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(window: u64, comes: Option<u64>) -> Cost {
        attempt(
            Duration::secs(window),
            comes.map(Duration::secs),
            Timestamp(0),
        )
        .0
    }

    #[test]
    fn a_scan_within_the_window_costs_nothing() {
        let open = Duration::secs(30);
        assert_eq!(
            run(120, Some(30)),
            Cost {
                open,
                scanned: true,
                ..Cost::default()
            }
        );
    }

    #[test]
    fn a_window_closed_on_somebody_on_the_way_is_needless() {
        let cost = run(120, Some(150));
        assert_eq!((cost.needless, cost.renewals, cost.scanned), (1, 0, true));
        assert_eq!(run(160, Some(150)).needless, 0);
        // Not even a whole set would have been enough.
        assert_eq!(run(120, Some(200)).needless, 0);
    }

    #[test]
    fn a_short_window_can_close_on_the_same_person_twice() {
        assert_eq!(run(60, Some(130)).needless, 2);
    }

    #[test]
    fn a_window_beyond_the_life_of_a_set_renews_it_and_wastes_the_new_one() {
        let cost = run(180, Some(190));
        assert_eq!((cost.needless, cost.renewals), (1, 1));
    }

    #[test]
    fn an_attempt_that_nobody_scans_stays_open_for_four_windows() {
        let cost = run(120, None);
        assert!(!cost.scanned && cost.needless == 0);
        assert!((480..490).contains(&(cost.open.0 / 1_000)), "{cost:?}");
    }
}
