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

/// Takes room for one call of everybody who is counted with it, or of nobody: then how long until all of them
/// have room. Zero when it was taken.
pub fn take(windows: &mut [&mut Window], now: Timestamp) -> Duration {
    let waits = windows.iter_mut().map(|window| window.wait(now));
    let wait = waits.max().unwrap_or(Duration(0));
    if wait == Duration(0) {
        windows.iter_mut().for_each(|window| window.count(now));
    }
    wait
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
    fn the_users_of_a_project_share_what_it_may_and_each_keeps_to_its_own() {
        let mut project = Window::new(PROJECT);
        let mut users: Vec<Window> = (0..8).map(|_| Window::new(USER)).collect();
        let mut sent = vec![0; users.len()];
        for second in 0..60 {
            let now = T + Duration::secs(second);
            for (user, count) in users.iter_mut().zip(&mut sent) {
                for _ in 0..10 {
                    if take(&mut [user, &mut project], now) == Duration(0) {
                        *count += 1;
                    }
                }
            }
        }
        assert_eq!(sent.iter().sum::<usize>(), PROJECT);
        assert!(sent.iter().all(|count| *count <= USER), "{sent:?}");
        // Who found no room of the project's was not counted for it.
        let later = T + Duration::secs(60);
        assert_eq!(take(&mut [&mut users[7], &mut project], later), Duration(0));
    }

    #[test]
    fn it_waits_for_whoever_has_room_last() {
        let (mut user, mut project) = (Window::new(1), Window::new(5));
        assert_eq!(take(&mut [&mut user, &mut project], T), Duration(0));
        let soon = T + Duration::secs(10);
        assert_eq!(
            take(&mut [&mut user, &mut project], soon),
            Duration::secs(50)
        );
        project.hold(Some(Duration::secs(90)), T);
        assert_eq!(
            take(&mut [&mut user, &mut project], soon),
            Duration::secs(80)
        );
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
