//! Misbehaviour on demand and by seed, for one account or for all.

use crate::lock::Locked;
use crate::seed::{self, SimRng};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// Chance of something, from 0 (never) to 1 (always).
pub type Chance = f64;

/// A refusal of logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRefusal {
    /// WhatsApp's reason code: 401, 402 (temporary ban), 403, 405, 429, 500, 503, ...
    pub reason: u16,
    /// For a temporary ban: seconds until it ends.
    #[serde(default)]
    pub expires_in: Option<u64>,
    /// How many logins are refused; `None` is all.
    #[serde(default)]
    pub times: Option<u32>,
}

/// What the server says as it ends a connection with `stream:error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamError {
    /// A code: 401, 409, 429, 503, 515, ...
    Code(u16),
    /// No code, but the acknowledgement of the message with this id, which it did not like.
    Ack(String),
}

/// Everything that can be wrong at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaultPlan {
    /// Messages, receipts and notifications reach the device this much later, at least. Answers and
    /// acks are never delayed.
    pub latency_min: Duration,
    /// They reach the device this much later, at most.
    pub latency_max: Duration,
    /// A message is not delivered on this connection; it and what follows it in its conversation
    /// come after the next login.
    pub lose_delivery: Chance,
    /// The server accepts a message of the device but its ack is lost.
    pub lose_ack: Chance,
    /// A message is delivered twice in a row.
    pub duplicate: Chance,
    /// A message overtakes one of another conversation; order within conversations holds.
    pub reorder: Chance,
    /// A stanza carries the sender's other address (number instead of LID, or the reverse).
    pub other_address: Chance,
    /// A message cannot be decrypted at first; the sender answers the retry request.
    pub undecryptable: Chance,
    /// A recipient cannot decrypt a message of the device at first, and asks it again.
    pub recipient_undecryptable: Chance,
    /// The connection is cut right after a message was delivered.
    pub kick: Chance,
    /// At a login, a backlog stops after its first half, and the server says that that was all.
    pub short_backlog: Chance,
    /// How long the sender takes to answer a retry request.
    pub retry_late_by: Duration,
    /// Sockets stay open but the server neither reads nor writes.
    pub silent: bool,
    /// Logins are refused.
    pub refuse_login: Option<LoginRefusal>,
    /// Messages of the device are refused with this error code (463: restricted, 479: invalid).
    pub refuse_sends: Option<u32>,
    /// When the device asks until when it is barred from new chats, it is told: seconds from then.
    pub bars_new_chats_for: Option<u64>,
}

impl FaultPlan {
    /// A rough day: a little of everything that heals by itself, mixed by the seed. What a client
    /// does right survives it without loss; refusals and silence are not part of it.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let mut dice = seed::stream(seed, "fault plan");
        let mut up_to = |most: Chance| dice.random_range(0.0..most);
        Self {
            lose_delivery: up_to(0.02),
            lose_ack: up_to(0.02),
            duplicate: up_to(0.05),
            reorder: up_to(0.2),
            other_address: up_to(0.2),
            undecryptable: up_to(0.03),
            recipient_undecryptable: up_to(0.03),
            // Never none: lost deliveries come after the next login only.
            kick: 0.005 + up_to(0.01),
            latency_max: Duration::from_millis(40),
            retry_late_by: Duration::from_millis(200),
            ..Self::default()
        }
    }
}

struct State {
    for_all: Option<FaultPlan>,
    by_account: HashMap<String, FaultPlan>,
    dice: HashMap<String, SimRng>,
    refused: HashMap<String, u32>,
}

/// The current faults of the network.
pub struct Faults {
    seed: u64,
    state: Mutex<State>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        let state = State {
            for_all: None,
            by_account: HashMap::new(),
            dice: HashMap::new(),
            refused: HashMap::new(),
        };
        Self {
            seed,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn set_all(&self, plan: FaultPlan) {
        let mut state = self.state.locked();
        state.for_all = Some(plan);
        state.refused.clear();
    }

    pub(crate) fn set(&self, account: &str, plan: FaultPlan) {
        let mut state = self.state.locked();
        state.by_account.insert(account.to_owned(), plan);
        state.refused.remove(account);
    }

    pub(crate) fn clear(&self) {
        let mut state = self.state.locked();
        state.for_all = None;
        state.by_account.clear();
        state.refused.clear();
    }

    /// The plan that holds for an account: its own, else the one for all.
    #[must_use]
    pub fn plan(&self, account: &str) -> FaultPlan {
        let state = self.state.locked();
        state
            .by_account
            .get(account)
            .copied()
            .or(state.for_all)
            .unwrap_or_default()
    }

    /// Rolls the account's own dice, so that one account's traffic never changes another's faults.
    pub(crate) fn happens(&self, account: &str, chance: Chance) -> bool {
        if chance <= 0.0 {
            return false;
        }
        self.with_dice(account, |dice| dice.random_bool(chance.min(1.0)))
    }

    /// A delay between the plan's bounds.
    pub(crate) fn latency(&self, account: &str, plan: &FaultPlan) -> Duration {
        if plan.latency_max <= plan.latency_min {
            return plan.latency_min;
        }
        self.with_dice(account, |dice| {
            dice.random_range(plan.latency_min..=plan.latency_max)
        })
    }

    /// The refusal that this login meets, counting it.
    pub(crate) fn refuses_login(&self, account: &str) -> Option<LoginRefusal> {
        let refusal = self.plan(account).refuse_login?;
        let mut state = self.state.locked();
        let used = state.refused.entry(account.to_owned()).or_default();
        if refusal.times.is_some_and(|times| *used >= times) {
            return None;
        }
        *used += 1;
        Some(refusal)
    }

    fn with_dice<T>(&self, account: &str, roll: impl FnOnce(&mut SimRng) -> T) -> T {
        let mut state = self.state.locked();
        let dice = state
            .dice
            .entry(account.to_owned())
            .or_insert_with(|| seed::stream(self.seed, &format!("faults of {account}")));
        roll(dice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_keeps_its_own_plan_over_the_one_for_all() {
        let faults = Faults::new(1);
        faults.set_all(FaultPlan {
            duplicate: 1.0,
            ..FaultPlan::default()
        });
        faults.set(
            "a",
            FaultPlan {
                silent: true,
                ..FaultPlan::default()
            },
        );
        assert!(faults.plan("a").silent);
        assert!(faults.plan("a").duplicate < 0.5);
        assert!(faults.plan("b").duplicate > 0.5);
        faults.clear();
        assert_eq!(faults.plan("a"), FaultPlan::default());
    }

    #[test]
    fn the_same_seed_rolls_the_same_faults_per_account() {
        let rolls = |seed| {
            let faults = Faults::new(seed);
            (0..64)
                .map(|_| faults.happens("a", 0.5))
                .collect::<Vec<_>>()
        };
        assert_eq!(rolls(3), rolls(3));
        assert_ne!(rolls(3), rolls(4));
    }

    #[test]
    fn a_seeded_plan_repeats_and_can_heal() {
        assert_eq!(FaultPlan::seeded(5), FaultPlan::seeded(5));
        assert_ne!(FaultPlan::seeded(5), FaultPlan::seeded(6));
        assert!(FaultPlan::seeded(5).kick > 0.0);
    }

    #[test]
    fn a_refusal_is_used_up() {
        let faults = Faults::new(1);
        let refusal = LoginRefusal {
            reason: 503,
            expires_in: None,
            times: Some(2),
        };
        faults.set(
            "a",
            FaultPlan {
                refuse_login: Some(refusal),
                ..FaultPlan::default()
            },
        );
        assert_eq!(faults.refuses_login("a"), Some(refusal));
        assert_eq!(faults.refuses_login("a"), Some(refusal));
        assert_eq!(faults.refuses_login("a"), None);
    }
}
