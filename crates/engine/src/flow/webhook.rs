//! When a webhook is tried again, when an endpoint is given up, and who waits for whom.
//!
//! Events of one conversation reach an endpoint in order: when one fails, later ones of the same
//! conversation wait behind it, and those of others go on.

use super::retry::Jitter;
use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// Waits between the first attempts; afterwards once a day.
pub const SCHEDULE: [Duration; 7] = [
    Duration::secs(5),
    Duration::mins(5),
    Duration::mins(30),
    Duration::hours(2),
    Duration::hours(5),
    Duration::hours(10),
    Duration::hours(10),
];
/// Wait after the schedule is used up.
pub const DAILY: Duration = Duration::hours(24);
/// An event is given up this long after its first attempt.
pub const GIVE_UP_AFTER: Duration = Duration::hours(120);
/// An endpoint that has only failed for this long is disabled.
pub const DISABLE_AFTER: Duration = Duration::hours(120);
/// The longest `Retry-After` that is honoured; longer ones are cut to it.
pub const RETRY_AFTER_MAX: Duration = Duration::hours(24);

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The endpoint answered with this HTTP status.
    Answered {
        /// The status.
        status: u16,
        /// Its `Retry-After`, as a span from now.
        retry_after: Option<Duration>,
    },
    /// No answer: refused, timed out, or TLS failed.
    Unreachable,
    /// Its address is one that must not be called.
    Forbidden,
}

impl Attempt {
    /// True for 2xx. A redirect is a failure: it is never followed.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(
            self,
            Self::Answered {
                status: 200..=299,
                ..
            }
        )
    }
}

/// What has happened so far between an event and its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Attempts made, this one included.
    pub attempts: u32,
    /// When the first one was made.
    pub first_at: Timestamp,
    /// Since when the endpoint has only failed, over all its events.
    pub failing_since: Timestamp,
}

/// Why an endpoint is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisableReason {
    /// It answered 410 Gone.
    Gone,
    /// Nothing but failures for [`DISABLE_AFTER`].
    FailingTooLong,
}

impl DisableReason {
    /// One sentence for a person.
    #[must_use]
    pub fn explain(self) -> &'static str {
        match self {
            Self::Gone => "The endpoint answered 410 Gone; enable it again once it is back.",
            Self::FailingTooLong => {
                "Every delivery failed for five days; repair the endpoint, enable it again, and recover the missed events."
            }
        }
    }
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Done; the conversation goes on.
    Delivered,
    /// Try again then; later events of the conversation wait.
    Again {
        /// When.
        at: Timestamp,
    },
    /// This event is given up; the conversation goes on with the next.
    GiveUp,
    /// Nothing more is sent to this endpoint until a person enables it.
    Disable(DisableReason),
}

/// Judges an attempt made at `now`.
#[must_use]
pub fn after_attempt(attempt: Attempt, record: Record, now: Timestamp, jitter: Jitter) -> Verdict {
    if attempt.is_success() {
        return Verdict::Delivered;
    }
    if let Attempt::Answered { status: 410, .. } = attempt {
        return Verdict::Disable(DisableReason::Gone);
    }
    if now.since(record.failing_since) >= DISABLE_AFTER {
        return Verdict::Disable(DisableReason::FailingTooLong);
    }
    if now.since(record.first_at) >= GIVE_UP_AFTER {
        return Verdict::GiveUp;
    }
    let nth = usize::try_from(record.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let scheduled = jitter.spread(SCHEDULE.get(nth).copied().unwrap_or(DAILY));
    let asked = match attempt {
        Attempt::Answered {
            retry_after: Some(wait),
            ..
        } => wait.min(RETRY_AFTER_MAX),
        _ => Duration(0),
    };
    // The last attempt is made when the time is up, not after it.
    let at = (now + scheduled.max(asked)).min(record.first_at + GIVE_UP_AFTER);
    Verdict::Again {
        at: at.max(now + SCHEDULE[0]),
    }
}

/// A conversation that waits at an endpoint because one of its events failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// The position of the event that failed.
    pub position: i64,
    /// When it is tried again.
    pub next_at: Timestamp,
}

/// Whether an event may be delivered now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Deliver it.
    Deliver,
    /// It failed before; not before then.
    Wait(Timestamp),
    /// An earlier event of its conversation comes first.
    Behind(i64),
    /// It was delivered or given up before.
    Past,
}

/// Decides about the event at `position`, given the block of its conversation, if any. Events
/// without a conversation are never blocked by others: hand in `None` unless it failed itself.
#[must_use]
pub fn turn(position: i64, block: Option<Block>, now: Timestamp) -> Turn {
    match block {
        None => Turn::Deliver,
        Some(block) if position > block.position => Turn::Behind(block.position),
        Some(block) if position < block.position => Turn::Past,
        Some(block) if block.next_at > now => Turn::Wait(block.next_at),
        Some(_) => Turn::Deliver,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answered(status: u16) -> Attempt {
        Attempt::Answered {
            status,
            retry_after: None,
        }
    }

    fn record(attempts: u32) -> Record {
        Record {
            attempts,
            first_at: Timestamp(0),
            failing_since: Timestamp(0),
        }
    }

    #[test]
    fn an_endpoint_that_is_down_is_tried_over_five_days_and_then_disabled() {
        let (mut now, mut attempts, mut waits) = (Timestamp(0), 0, Vec::new());
        let verdict = loop {
            attempts += 1;
            match after_attempt(Attempt::Unreachable, record(attempts), now, Jitter::NONE) {
                Verdict::Again { at } => {
                    waits.push(at.since(now).0 / 1000);
                    now = at;
                }
                verdict => break verdict,
            }
        };
        assert_eq!(verdict, Verdict::Disable(DisableReason::FailingTooLong));
        assert_eq!(
            waits[..8],
            [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000, 86_400]
        );
        assert_eq!(now, Timestamp(0) + DISABLE_AFTER);
    }

    #[test]
    fn an_event_is_given_up_while_others_still_get_through() {
        let now = Timestamp(0) + GIVE_UP_AFTER;
        let others_work = Record {
            failing_since: now,
            ..record(11)
        };
        assert_eq!(
            after_attempt(answered(500), others_work, now, Jitter::NONE),
            Verdict::GiveUp
        );
    }

    #[test]
    fn every_kind_of_answer_has_its_consequence() {
        let judge = |attempt| after_attempt(attempt, record(1), Timestamp(0), Jitter::NONE);
        let again = |ms| Verdict::Again { at: Timestamp(ms) };
        assert_eq!(judge(answered(204)), Verdict::Delivered);
        assert_eq!(
            judge(answered(302)),
            again(5_000),
            "redirects are not followed"
        );
        assert_eq!(
            judge(answered(400)),
            again(5_000),
            "a 4xx may be a bug being repaired"
        );
        assert_eq!(judge(answered(410)), Verdict::Disable(DisableReason::Gone));
        assert_eq!(judge(Attempt::Unreachable), again(5_000));
        assert_eq!(judge(Attempt::Forbidden), again(5_000));
        let busy = |secs| {
            let retry_after = Some(Duration::secs(secs));
            judge(Attempt::Answered {
                status: 429,
                retry_after,
            })
        };
        assert_eq!(busy(60), again(60_000));
        assert_eq!(busy(1), again(5_000), "never sooner than planned");
        assert_eq!(
            busy(10_000_000),
            again(24 * 3_600_000),
            "and never later than a day"
        );
    }

    #[test]
    fn a_failed_event_blocks_its_own_conversation_only() {
        let block = Some(Block {
            position: 7,
            next_at: Timestamp(100),
        });
        assert_eq!(turn(9, None, Timestamp(0)), Turn::Deliver);
        assert_eq!(turn(9, block, Timestamp(500)), Turn::Behind(7));
        assert_eq!(turn(7, block, Timestamp(99)), Turn::Wait(Timestamp(100)));
        assert_eq!(turn(7, block, Timestamp(100)), Turn::Deliver);
        assert_eq!(turn(5, block, Timestamp(100)), Turn::Past);
    }

    proptest! {
        #[test]
        fn the_next_attempt_is_always_ahead_and_never_beyond_the_last_day(
            status in 300u16..600, attempts in 1u32..50, secs in 0u64..500_000,
            wait: Option<u32>, raw: u64,
        ) {
            let now = Timestamp(0) + Duration::secs(secs);
            let retry_after = wait.map(|s| Duration::secs(u64::from(s)));
            let attempt = Attempt::Answered { status, retry_after };
            if let Verdict::Again { at } =
                after_attempt(attempt, record(attempts), now, Jitter::from_random(raw))
            {
                prop_assert!(at >= now + SCHEDULE[0]);
                prop_assert!(at <= (Timestamp(0) + GIVE_UP_AFTER) + SCHEDULE[0]);
            }
        }
    }
}
