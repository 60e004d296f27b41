//! How many calls a minute Google allows, pure.
//!
//! Google counts reads and writes separately, for each project and for each user of it
//! (<https://developers.google.com/workspace/sheets/api/limits>). A merged call counts once.

use std::collections::VecDeque;
use waypost_engine::model::{Duration, Timestamp};

/// Calls of one kind a minute for one project.
pub const PROJECT: usize = 300;
/// Calls of one kind a minute for one user of a project.
pub const USER: usize = 60;
/// What "a minute" is.
pub const MINUTE: Duration = Duration::secs(60);
/// Shortest pause after Google said that it was too much.
pub const HOLD_MIN: Duration = Duration::secs(2);
/// Longest pause after Google said that it was too much.
pub const HOLD_MAX: Duration = Duration::mins(5);

/// Calls of one kind by one counted party. In no stretch of a minute are there more than allowed,
/// wherever Google's minutes begin.
#[derive(Debug)]
pub struct Window {
    limit: usize,
    calls: VecDeque<Timestamp>,
    held_until: Option<Timestamp>,
}

impl Window {
    /// With so many calls a minute.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            calls: VecDeque::new(),
            held_until: None,
        }
    }

    /// How long until there is room for another call; zero for at once.
    pub fn wait(&mut self, now: Timestamp) -> Duration {
        // A clock that was set back must not block for longer than a minute.
        let is_over = |at: Timestamp| at + MINUTE <= now || at > now + MINUTE;
        while self.calls.front().is_some_and(|at| is_over(*at)) {
            self.calls.pop_front();
        }
        let held = self
            .held_until
            .map_or(Duration(0), |until| until.since(now));
        let full = match self.calls.front() {
            Some(oldest) if self.calls.len() >= self.limit => (*oldest + MINUTE).since(now),
            _ => Duration(0),
        };
        held.max(full)
    }

    /// Counts a call.
    pub fn count(&mut self, now: Timestamp) {
        self.calls.push_back(now);
    }

    /// Google says that it was too much: nothing goes for a while.
    pub fn hold(&mut self, retry_after: Option<Duration>, now: Timestamp) {
        let pause = retry_after.unwrap_or(HOLD_MIN).clamp(HOLD_MIN, HOLD_MAX);
        self.held_until = Some(now + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Timestamp = Timestamp(1_000_000);

    #[test]
    fn no_minute_has_more_calls_than_allowed() {
        let mut window = Window::new(3);
        let mut sent = Vec::new();
        let mut now = T;
        while now.since(T) < Duration::mins(5) {
            if window.wait(now) == Duration(0) {
                window.count(now);
                sent.push(now);
            }
            now = now + Duration::millis(700);
        }
        for from in &sent {
            let within = sent
                .iter()
                .filter(|at| **at >= *from && at.since(*from) < MINUTE);
            assert!(within.count() <= 3);
        }
        assert!(sent.len() >= 14, "it uses what it may: {}", sent.len());
    }

    #[test]
    fn it_waits_as_long_as_google_says() {
        let mut window = Window::new(3);
        window.hold(Some(Duration::secs(30)), T);
        assert_eq!(window.wait(T), Duration::secs(30));
        assert_eq!(window.wait(T + Duration::secs(30)), Duration(0));
        window.hold(Some(Duration::hours(9)), T);
        assert_eq!(window.wait(T), HOLD_MAX);
    }
}
