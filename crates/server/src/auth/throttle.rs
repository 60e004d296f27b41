//! Guessing passwords is slow: failed sign-ins are counted per login and in all.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use waypost_engine::model::{Duration, Timestamp};

/// Failed sign-ins of one login within [`WINDOW`] before it has to wait.
pub(crate) const FAILURES_PER_LOGIN: u32 = 10;
/// Failed sign-ins of all logins together within [`WINDOW`] before everybody has to wait.
pub(crate) const FAILURES_IN_ALL: u32 = 200;
/// How long failures count.
pub(crate) const WINDOW: Duration = Duration::mins(15);
/// Logins remembered; when there are more, those whose window has passed are forgotten, and if
/// that is not enough, new ones only count in all.
const LOGINS_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    since: Timestamp,
    failures: u32,
}

impl Count {
    fn fail(&mut self, now: Timestamp) {
        if self.left(now) == Duration::default() {
            *self = Self {
                since: now,
                failures: 0,
            };
        }
        self.failures = self.failures.saturating_add(1);
    }

    /// How long this window still lasts.
    fn left(&self, now: Timestamp) -> Duration {
        (self.since + WINDOW).since(now)
    }

    fn wait(&self, now: Timestamp, max: u32) -> Option<Duration> {
        let left = self.left(now);
        (self.failures >= max && left > Duration::default()).then_some(left)
    }
}

#[derive(Debug, Default)]
struct Counts {
    all: Count,
    logins: HashMap<String, Count>,
}

/// The counts of this process.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<Counts>);

impl Throttle {
    /// How long this login has to wait before the next try, if it has to.
    pub(crate) fn wait(&self, login: &str, now: Timestamp) -> Option<Duration> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = counts.logins.get(&key(login));
        own.and_then(|count| count.wait(now, FAILURES_PER_LOGIN))
            .or_else(|| counts.all.wait(now, FAILURES_IN_ALL))
    }

    /// A try failed.
    pub(crate) fn failed(&self, login: &str, now: Timestamp) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all.fail(now);
        if counts.logins.len() >= LOGINS_MAX {
            counts
                .logins
                .retain(|_, count| count.left(now) > Duration::default());
        }
        if counts.logins.len() < LOGINS_MAX {
            counts.logins.entry(key(login)).or_default().fail(now);
        }
    }

    /// A try that was counted with [`Self::failed`] beforehand succeeded after all: the login's
    /// failures are forgotten.
    pub(crate) fn succeeded(&self, login: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all.failures = counts.all.failures.saturating_sub(1);
        counts.logins.remove(&key(login));
    }
}

fn key(login: &str) -> String {
    login.trim().to_lowercase().chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn after_ten_wrong_passwords_a_login_waits_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        for _ in 0..FAILURES_PER_LOGIN {
            assert_eq!(throttle.wait("ana", NOW), None);
            throttle.failed("Ana ", NOW);
        }
        assert_eq!(throttle.wait("ana", NOW), Some(WINDOW));
        assert_eq!(throttle.wait("ben", NOW), None);
        assert_eq!(throttle.wait("ana", NOW + WINDOW), None);
    }

    #[test]
    fn many_logins_do_not_get_around_it() {
        let throttle = Throttle::default();
        for i in 0..FAILURES_IN_ALL {
            throttle.failed(&format!("user{i}"), NOW);
        }
        assert_eq!(throttle.wait("someone else", NOW), Some(WINDOW));
    }

    #[test]
    fn the_right_password_forgets_the_wrong_ones() {
        let throttle = Throttle::default();
        for _ in 0..FAILURES_PER_LOGIN {
            throttle.failed("ana", NOW);
        }
        throttle.succeeded("ana");
        assert_eq!(throttle.wait("ana", NOW), None);
    }
}
