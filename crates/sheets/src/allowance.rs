//! Who may call Google when: a user of a project keeps to its own quota and, with all other users of the
//! project, to the project's.
//!
//! Google answers 429 without saying reliably whose quota it was, so whoever hears it pauses, and the others go
//! on until they hear it too.

use crate::credentials::Credentials;
use crate::quota::{self, Window};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use waypost_engine::model::{Duration, Timestamp};

/// What Google counts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A call that reads.
    Read,
    /// A call that changes something.
    Write,
}

/// The calls of one user or one project.
#[derive(Debug)]
struct Calls {
    reads: Window,
    writes: Window,
}

impl Calls {
    fn new(limit: usize) -> Shared {
        Arc::new(Mutex::new(Self {
            reads: Window::new(limit),
            writes: Window::new(limit),
        }))
    }

    fn of(&mut self, kind: Kind) -> &mut Window {
        match kind {
            Kind::Read => &mut self.reads,
            Kind::Write => &mut self.writes,
        }
    }
}

type Shared = Arc<Mutex<Calls>>;

fn lock(calls: &Shared) -> MutexGuard<'_, Calls> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one user may still call.
#[derive(Debug, Clone)]
pub struct Allowance {
    user: Shared,
    project: Shared,
}

impl Allowance {
    /// Room for a call now, which is counted then; or how long until there is.
    #[must_use]
    pub fn take(&self, kind: Kind, now: Timestamp) -> Duration {
        // Always in this order, so that nobody waits for each other.
        let (mut user, mut project) = (lock(&self.user), lock(&self.project));
        quota::take(&mut [user.of(kind), project.of(kind)], now)
    }

    /// Google says that it was too much: this user pauses.
    pub fn hold(&self, retry_after: Option<Duration>, now: Timestamp) {
        let mut user = lock(&self.user);
        for kind in [Kind::Read, Kind::Write] {
            user.of(kind).hold(retry_after, now);
        }
    }
}

/// Everybody's. Users and projects are remembered while a connector uses them.
#[derive(Default)]
pub struct Allowances(Mutex<Known>);

impl fmt::Debug for Allowances {
    // What tells users apart is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowances").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Known {
    /// By project and what tells users of it apart.
    users: HashMap<(String, String), Shared>,
    /// By what Google calls them.
    projects: HashMap<String, Shared>,
}

impl Allowances {
    /// What these credentials may call, shared with all that name the same user or project.
    pub fn of(&self, credentials: &Credentials) -> Allowance {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.users.retain(|_, calls| Arc::strong_count(calls) > 1);
        known
            .projects
            .retain(|_, calls| Arc::strong_count(calls) > 1);
        let project = credentials.project().to_owned();
        let user = (project.clone(), credentials.user().to_owned());
        let user = known.users.entry(user);
        let user = Arc::clone(user.or_insert_with(|| Calls::new(quota::USER)));
        let project = known.projects.entry(project);
        let project = Arc::clone(project.or_insert_with(|| Calls::new(quota::PROJECT)));
        Allowance { user, project }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(refresh_token: &str) -> Credentials {
        let file = serde_json::json!({
            "type": "authorized_user", "client_id": "4711-x.apps.example", "client_secret": "s",
            "refresh_token": refresh_token,
        });
        Credentials::read(&file.to_string()).unwrap()
    }

    #[test]
    fn two_connections_of_one_user_have_one_quota_and_two_users_of_a_project_share_the_projects() {
        let all = Allowances::default();
        let now = Timestamp(1_000_000);
        let used = |allowance: &Allowance, kind| {
            let mut taken = 0;
            while allowance.take(kind, now) == Duration(0) {
                taken += 1;
            }
            taken
        };
        let ana = [all.of(&person("ana")), all.of(&person("ana"))];
        assert_eq!(used(&ana[0], Kind::Write), quota::USER);
        assert_eq!(used(&ana[1], Kind::Write), 0);
        assert_eq!(used(&ana[1], Kind::Read), quota::USER, "reads count apart");
        let others: Vec<Allowance> = (0..6).map(|n| all.of(&person(&n.to_string()))).collect();
        let taken: Vec<usize> = others.iter().map(|one| used(one, Kind::Write)).collect();
        assert_eq!(taken, [60, 60, 60, 60, 0, 0], "300 for the project");
    }

    #[test]
    fn who_is_not_used_any_more_is_forgotten() {
        let all = Allowances::default();
        for n in 0..100 {
            drop(all.of(&person(&n.to_string())));
        }
        assert!(all.0.lock().unwrap().users.len() <= 1);
    }
}
