//! Link windows, learned from the record of attempts; how stands in the engine's `window`.

use crate::clock;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use tokio_util::sync::CancellationToken;
use waypost_engine::fleet::window::{
    KEEP, Learned, Pool, RECOMPUTE_EVERY, Sample, Seen, Strategy, WINDOW_MIN, learn, recent,
};
use waypost_engine::model::{AccountId, Duration, Timestamp};
use waypost_store::admin::link_attempts::{LinkAttempt, LinkMethod, LinkOutcome};
use waypost_store::{Store, StoreError};

/// The windows of all accounts.
pub(super) struct Windows {
    strategy: Strategy,
    base: Duration,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    pool: Pool,
    own: HashMap<AccountId, Learned>,
}

impl Windows {
    /// Knows nothing yet: everybody gets the base.
    pub(super) fn new(strategy: Strategy, base: Duration) -> Self {
        let state = RwLock::default();
        Self {
            strategy,
            base,
            state,
        }
    }

    /// The window of an account, as it was computed last.
    pub(super) fn of(&self, account: AccountId) -> Learned {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let known = state.own.get(&account).cloned();
        known.unwrap_or_else(|| learn(self.strategy, self.base, &[], &state.pool))
    }

    /// Computes all windows anew, at the start and every hour, until told to stop.
    pub(super) async fn run(&self, store: &Store, stop: &CancellationToken) {
        let mut due = tokio::time::interval(RECOMPUTE_EVERY.into());
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = due.tick() => self.recompute(store).await,
                () = stop.cancelled() => return,
            }
        }
    }

    /// Computes all windows anew. When the record cannot be read they stay as they are.
    pub(super) async fn recompute(&self, store: &Store) {
        let now = clock::now();
        match samples(store, now).await {
            Ok(samples) => self.learn(&samples, now),
            Err(error) => tracing::warn!(%error, "link windows cannot be learned"),
        }
    }

    fn learn(&self, samples: &HashMap<AccountId, Vec<Sample>>, now: Timestamp) {
        let pool = Pool::of(samples.values().map(|own| recent(own, now)));
        let own = samples
            .iter()
            .map(|(account, own)| {
                let own = recent(own, now);
                (*account, learn(self.strategy, self.base, own, &pool))
            })
            .collect();
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = State { pool, own };
    }
}

async fn samples(
    store: &Store,
    now: Timestamp,
) -> Result<HashMap<AccountId, Vec<Sample>>, StoreError> {
    let mut samples: HashMap<AccountId, Vec<Sample>> = HashMap::new();
    for attempt in store.link_attempts_since(now - KEEP).await? {
        if let Some(sample) = sample(&attempt) {
            samples.entry(attempt.account).or_default().push(sample);
        }
    }
    Ok(samples)
}

/// What an attempt teaches about scanning; `None` when no QR code was shown.
fn sample(attempt: &LinkAttempt) -> Option<Sample> {
    let at = attempt.ended_at;
    if attempt.codes_shown == 0 {
        return None;
    }
    match attempt.method {
        LinkMethod::Qr => {
            let scanned = attempt.scanned_at.is_some() || attempt.outcome == LinkOutcome::Passkey;
            Some(Sample {
                at,
                waited: attempt.scanned_at.unwrap_or(at).since(attempt.started_at),
                seen: if scanned {
                    Seen::Scanned
                } else {
                    Seen::NotScanned
                },
            })
        }
        // Begun with a pairing code: nobody could have scanned.
        LinkMethod::Code if attempt.regenerations == 0 => None,
        // It fell back: its windows passed unscanned, and each was at least this long.
        LinkMethod::Code => Some(Sample {
            at,
            waited: Duration(WINDOW_MIN.0 * (u64::from(attempt.regenerations) + 1)),
            seen: Seen::NotScanned,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_800_000_000_000);

    fn attempt(method: LinkMethod, seconds: u64, outcome: LinkOutcome) -> LinkAttempt {
        let ended_at = START + Duration::secs(seconds);
        LinkAttempt {
            account: AccountId::from_raw(1),
            started_at: START,
            method,
            codes_shown: 4,
            regenerations: 1,
            scanned_at: (outcome == LinkOutcome::Linked).then_some(ended_at),
            ended_at,
            outcome,
        }
    }

    fn taught(attempt: &LinkAttempt) -> Option<(u64, Seen)> {
        sample(attempt).map(|sample| (sample.waited.0 / 1_000, sample.seen))
    }

    #[test]
    fn a_scan_counts_from_the_first_code_of_the_attempt() {
        // One regeneration at 120 s and a scan right after it is no quick scan.
        let linked = attempt(LinkMethod::Qr, 128, LinkOutcome::Linked);
        assert_eq!(taught(&linked), Some((128, Seen::Scanned)));
    }

    #[test]
    fn what_was_not_scanned_says_for_how_long() {
        let cancelled = attempt(LinkMethod::Qr, 40, LinkOutcome::Cancelled);
        assert_eq!(taught(&cancelled), Some((40, Seen::NotScanned)));
        let passkey = attempt(LinkMethod::Qr, 30, LinkOutcome::Passkey);
        assert_eq!(taught(&passkey), Some((30, Seen::Scanned)));
    }

    #[test]
    fn a_typed_code_teaches_only_that_nobody_scanned_before() {
        let fell_back = attempt(LinkMethod::Code, 300, LinkOutcome::Linked);
        assert_eq!(taught(&fell_back), Some((120, Seen::NotScanned)));
        let by_code = LinkAttempt {
            regenerations: 0,
            ..fell_back
        };
        assert_eq!(taught(&by_code), None);
        let nothing_shown = LinkAttempt {
            codes_shown: 0,
            ..attempt(LinkMethod::Qr, 30, LinkOutcome::Failed)
        };
        assert_eq!(taught(&nothing_shown), None);
    }
}
