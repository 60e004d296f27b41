//! Whether an open connection is alive: proven, never assumed.
//!
//! One [`Liveness`] per account. While a connection is up it is fed what the channel saw
//! ([`Vitals`]) and says what to ask and what to believe:
//!
//! - Nothing heard for [`CHECK`]: a probe. Two probes without an answer: the connection is dead and
//!   is replaced; after the first it is shown as degraded. So an open but silent socket leaves
//!   `online` after [`CHECK`] and one [`ANSWER`], 40 s by default, and is replaced after 50 s.
//! - Probes answered, but nothing delivered or accepted for [`STALE`]: a round trip, a message to
//!   the account's own phone that nobody sees and that WhatsApp must accept. Two without an answer
//!   replace the connection. While nothing else says anything the wait doubles up to
//!   [`ROUND_TRIP_CAP`], whatever came of it, so that an idle account is left in peace and a broken
//!   one makes no loop.
//! - Messages of several people that cannot be decrypted, and none that can: rebuilt once, then shown.
//! - Refusals of new chats: shown as a restriction; no connection is to blame.
//! - A phone that was not seen for long: asked, then shown before WhatsApp unlinks this device.
//!
//! Silence alone never ends a connection; only an answer that did not come does. Every timer begins
//! anew with every connection.

use super::down::DownReason;
use crate::model::account::Reason;
use crate::model::address::Address;
use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Nothing heard for this long: ask.
pub const CHECK: Duration = Duration::secs(30);
/// How long the answer to a probe may take.
pub const ANSWER: Duration = Duration::secs(10);
/// Probes, and round trips, without an answer that end a connection.
pub const MISSING_MAX: u32 = 2;
/// Nothing delivered or accepted for this long: prove it by a round trip.
pub const STALE: Duration = Duration::mins(5);
/// Longest wait between two round trips of an account that is left alone.
pub const ROUND_TRIP_CAP: Duration = Duration::hours(1);
/// Shortest time between two round trips, however often traffic pauses.
pub const ROUND_TRIP_GAP: Duration = Duration::mins(15);
/// How long WhatsApp may take to accept the message of a round trip.
pub const ROUND_TRIP_ANSWER: Duration = Duration::secs(20);
/// People whose messages cannot be decrypted before the account is to blame.
pub const UNREADABLE_PEOPLE: usize = 3;
/// How long their repeats may take to repair that.
pub const UNREADABLE_GRACE: Duration = Duration::secs(60);
/// An account is built anew for unreadable messages at most once in this time.
pub const UNREADABLE_REBUILD_EVERY: Duration = Duration::hours(1);
/// Refused new chats within [`REFUSED_WINDOW`] that mean a restriction.
pub const REFUSED_MAX: usize = 3;
/// The time over which refusals are counted.
pub const REFUSED_WINDOW: Duration = Duration::hours(1);
/// Without a further refusal for this long, a restriction counts as over.
pub const RESTRICTED_FOR: Duration = Duration::hours(6);
/// WhatsApp unlinks a device whose phone it has not seen for this long.
pub const PHONE_LIMIT: Duration = Duration::hours(14 * 24);
/// A phone not seen for this long is asked whether it is there, once a day.
pub const PHONE_ASK_AFTER: Duration = Duration::hours(5 * 24);
/// How often it is asked.
pub const PHONE_ASK_EVERY: Duration = Duration::hours(24);
/// A phone not seen for this long is warned about.
pub const PHONE_WARN_AFTER: Duration = Duration::hours(11 * 24);

/// The timings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivenessConfig {
    /// See [`CHECK`].
    pub check: Duration,
    /// See [`ANSWER`].
    pub answer: Duration,
    /// See [`STALE`].
    pub stale: Duration,
    /// See [`ROUND_TRIP_CAP`].
    pub round_trip_cap: Duration,
    /// See [`ROUND_TRIP_GAP`].
    pub round_trip_gap: Duration,
    /// See [`ROUND_TRIP_ANSWER`].
    pub round_trip_answer: Duration,
    /// See [`UNREADABLE_GRACE`].
    pub unreadable_grace: Duration,
    /// See [`PHONE_WARN_AFTER`].
    pub phone_warn_after: Duration,
}

impl Default for LivenessConfig {
    fn default() -> Self {
        Self {
            check: CHECK,
            answer: ANSWER,
            stale: STALE,
            round_trip_cap: ROUND_TRIP_CAP,
            round_trip_gap: ROUND_TRIP_GAP,
            round_trip_answer: ROUND_TRIP_ANSWER,
            unreadable_grace: UNREADABLE_GRACE,
            phone_warn_after: PHONE_WARN_AFTER,
        }
    }
}

/// What the channel saw on the connection so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vitals {
    /// When anything at all was last received.
    pub heard_at: Option<Timestamp>,
    /// When something was last delivered to us, or a message of ours was accepted; answers to
    /// requests do not count.
    pub served_at: Option<Timestamp>,
    /// When the account's own phone last said something.
    pub phone_at: Option<Timestamp>,
    /// Messages decrypted on this connection.
    pub decrypted: u64,
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was answered.
    Came,
    /// It was not, in time.
    Missing,
    /// It could not be asked; that says nothing about the connection.
    NotAsked,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// A connection is up: every timer begins anew.
    Connected,
    /// It is gone.
    Disconnected,
    /// What became of the probe.
    Probed(Answer),
    /// What became of the round trip.
    RoundTrip(Answer),
    /// A message from there could not be decrypted.
    Unreadable(Address),
    /// WhatsApp refused to let us start a chat (463).
    Refused,
    /// The phone was seen then, as an earlier process noted.
    PhoneSeen(Timestamp),
    /// A person wants proof: whatever may be asked is asked now.
    Prove,
    /// Time passed; see [`Liveness::wake_at`].
    Tick,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LivenessEffect {
    /// Ask WhatsApp for a sign of life; report [`Signal::Probed`].
    Probe {
        /// How long to wait for it.
        wait: Duration,
    },
    /// Send the account's own phone something that nobody sees, and wait until WhatsApp accepts
    /// it; report [`Signal::RoundTrip`].
    RoundTrip {
        /// How long to wait for it.
        wait: Duration,
    },
    /// The connection is up, but this is wrong.
    Sick(Reason),
    /// All is well again.
    Well,
    /// The connection is dead although open: replace it.
    Replace(DownReason),
}

/// A question under way, or when the next one is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Due { at: Timestamp },
    Asked { since: Timestamp, missing: u32 },
}

impl Question {
    fn missing(self) -> u32 {
        match self {
            Self::Due { .. } => 0,
            Self::Asked { missing, .. } => missing,
        }
    }
}

/// What is known of the connection that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Watch {
    heard: Timestamp,
    served: Option<Timestamp>,
    decrypted: u64,
    decrypted_at: Option<Timestamp>,
    probe: Question,
    round_trip: Question,
    /// Where messages came from that cannot be decrypted, since the last one that could.
    unreadable: Vec<Address>,
    unreadable_since: Option<Timestamp>,
}

/// One account's proof of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Liveness {
    config: LivenessConfig,
    watch: Option<Watch>,
    /// Wait before the next round trip. Outlives connections, so that a broken one makes no loop.
    patience: Duration,
    /// When the last round trip began.
    tripped_at: Option<Timestamp>,
    phone_at: Option<Timestamp>,
    phone_asked: Option<Timestamp>,
    rebuilt_at: Option<Timestamp>,
    refused: VecDeque<Timestamp>,
    restricted: bool,
    shown: Option<Reason>,
    /// When the verdict was last formed: what was due by then is part of it.
    judged_at: Timestamp,
}

/// How alive an account is, to show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LivenessView {
    /// When anything was last heard on the connection that is up.
    pub heard_at: Option<Timestamp>,
    /// When something was last delivered or accepted on it.
    pub served_at: Option<Timestamp>,
    /// When a message was last decrypted on it.
    pub decrypted_at: Option<Timestamp>,
    /// Probes without an answer in a row.
    pub probes_missing: u32,
    /// Round trips without an answer in a row.
    pub round_trips_missing: u32,
    /// People whose messages cannot be decrypted.
    pub unreadable: usize,
    /// When the phone was last seen.
    pub phone_at: Option<Timestamp>,
    /// When WhatsApp unlinks this device if the phone stays away.
    pub phone_limit_at: Option<Timestamp>,
    /// When the next question is due.
    pub next_check_at: Option<Timestamp>,
}

impl Liveness {
    /// With these timings; no connection is up.
    #[must_use]
    pub fn new(config: LivenessConfig) -> Self {
        Self {
            config,
            watch: None,
            patience: config.stale,
            tripped_at: None,
            phone_at: None,
            phone_asked: None,
            rebuilt_at: None,
            refused: VecDeque::new(),
            restricted: false,
            shown: None,
            judged_at: Timestamp(i64::MIN),
        }
    }

    /// Takes what happened and what the channel saw, and says what to do. After
    /// [`LivenessEffect::Replace`] it is silent until the next [`Signal::Connected`].
    pub fn step(
        &mut self,
        signal: &Signal,
        vitals: &Vitals,
        now: Timestamp,
    ) -> Vec<LivenessEffect> {
        match signal {
            Signal::Connected => self.connected(now),
            Signal::Disconnected => {
                self.watch = None;
                self.shown = None;
                return Vec::new();
            }
            Signal::PhoneSeen(at) => self.phone_at = self.phone_at.max(Some(*at)),
            _ => {}
        }
        self.notice(vitals, now);
        let mut effects = match signal {
            Signal::Probed(answer) => self.probed(*answer, now),
            Signal::RoundTrip(answer) => self.round_tripped(*answer, now),
            Signal::Unreadable(from) => self.unreadable(from, now),
            Signal::Refused => self.refused(now),
            Signal::Prove => {
                self.hurry(now);
                Vec::new()
            }
            _ => Vec::new(),
        };
        if !ends(&effects) {
            effects.extend(self.ask(now));
        }
        if ends(&effects) {
            self.watch = None;
            self.shown = None;
            effects.retain(|effect| matches!(effect, LivenessEffect::Replace(_)));
            return effects;
        }
        effects.extend(self.show(now));
        effects
    }

    /// When to call [`Liveness::step`] with [`Signal::Tick`].
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        let watch = self.watch.as_ref()?;
        let questions = [
            Some(self.due(watch.probe, self.config.answer)),
            Some(self.due(watch.round_trip, self.config.round_trip_answer)),
            self.phone_ask_at(),
        ];
        let unreadable = watch.unreadable_since;
        let verdicts = [
            unreadable.map(|since| since + self.config.unreadable_grace),
            self.phone_at.map(|at| at + self.config.phone_warn_after),
            self.refused.back().map(|at| *at + RESTRICTED_FOR),
        ];
        let verdicts = verdicts.into_iter().flatten();
        let ahead = verdicts.filter(|at| *at > self.judged_at);
        questions.into_iter().flatten().chain(ahead).min()
    }

    /// What to show.
    #[must_use]
    pub fn view(&self) -> LivenessView {
        let watch = self.watch.as_ref();
        LivenessView {
            heard_at: watch.map(|w| w.heard),
            served_at: watch.and_then(|w| w.served),
            decrypted_at: watch.and_then(|w| w.decrypted_at),
            probes_missing: watch.map_or(0, |w| w.probe.missing()),
            round_trips_missing: watch.map_or(0, |w| w.round_trip.missing()),
            unreadable: watch.map_or(0, |w| w.unreadable.len()),
            phone_at: self.phone_at,
            phone_limit_at: self.phone_at.map(|at| at + PHONE_LIMIT),
            next_check_at: self.wake_at(),
        }
    }

    /// When the phone was last seen.
    #[must_use]
    pub fn phone_at(&self) -> Option<Timestamp> {
        self.phone_at
    }

    fn connected(&mut self, now: Timestamp) {
        self.phone_at = self.phone_at.or(Some(now));
        self.shown = None;
        self.watch = Some(Watch {
            heard: now,
            served: None,
            decrypted: 0,
            decrypted_at: None,
            probe: Question::Due {
                at: now + self.config.check,
            },
            round_trip: Question::Due {
                at: self.next_round_trip(now),
            },
            unreadable: Vec::new(),
            unreadable_since: None,
        });
    }

    /// Takes note of what the channel saw. A clock that was set back must not stop the asking, so
    /// nothing is ever in the future.
    fn notice(&mut self, vitals: &Vitals, now: Timestamp) {
        self.phone_at = self.phone_at.max(vitals.phone_at).map(|at| at.min(now));
        let config = self.config;
        let Some(watch) = &mut self.watch else {
            return;
        };
        let heard = vitals.heard_at.unwrap_or(watch.heard).min(now);
        let asked = match watch.probe {
            Question::Asked { since, .. } => Some(since),
            Question::Due { .. } => None,
        };
        if heard > watch.heard || watch.heard > now {
            watch.heard = heard;
        }
        if asked.is_none_or(|since| watch.heard > since) {
            // Whatever was heard after the question is an answer to it.
            watch.probe = Question::Due {
                at: watch.heard + config.check,
            };
        }
        let served = vitals.served_at.map(|at| at.min(now));
        if served > watch.served {
            watch.served = served;
            self.patience = config.stale;
            let begin = served.unwrap_or(now);
            let at = self.next_round_trip(begin);
            // Deliveries put the next question off; one that was asked waits for its own answer,
            // because what is delivered does not prove that anything is accepted.
            if let Some(watch) = &mut self.watch
                && let Question::Due { .. } = watch.round_trip
            {
                watch.round_trip = Question::Due { at };
            }
        }
        let latest = self.next_round_trip(now);
        let Some(watch) = &mut self.watch else {
            return;
        };
        if let Question::Due { at } = watch.round_trip {
            let at = at.min(latest);
            watch.round_trip = Question::Due { at };
        }
        if vitals.decrypted > watch.decrypted {
            watch.decrypted = vitals.decrypted;
            watch.decrypted_at = Some(now);
            watch.unreadable.clear();
            watch.unreadable_since = None;
        }
    }

    /// Makes both questions due; one that was asked waits for its own answer.
    fn hurry(&mut self, now: Timestamp) {
        let Some(watch) = &mut self.watch else {
            return;
        };
        for question in [&mut watch.probe, &mut watch.round_trip] {
            if let Question::Due { at } = question {
                *at = now;
            }
        }
    }

    fn probed(&mut self, answer: Answer, now: Timestamp) -> Vec<LivenessEffect> {
        let Some(watch) = &mut self.watch else {
            return Vec::new();
        };
        let Question::Asked { missing, .. } = watch.probe else {
            // Something else was heard meanwhile.
            return Vec::new();
        };
        match answer {
            Answer::Came => {
                watch.heard = now;
                watch.probe = Question::Due {
                    at: now + self.config.check,
                };
                Vec::new()
            }
            Answer::Missing | Answer::NotAsked if missing + 1 >= MISSING_MAX => {
                vec![LivenessEffect::Replace(DownReason::KeepaliveTimeout)]
            }
            Answer::Missing | Answer::NotAsked => {
                watch.probe = Question::Asked {
                    since: now,
                    missing: missing + 1,
                };
                vec![LivenessEffect::Probe {
                    wait: self.config.answer,
                }]
            }
        }
    }

    fn round_tripped(&mut self, answer: Answer, now: Timestamp) -> Vec<LivenessEffect> {
        let wait = self.config.round_trip_answer;
        let Some(watch) = &mut self.watch else {
            return Vec::new();
        };
        let Question::Asked { missing, .. } = watch.round_trip else {
            // A late word.
            return Vec::new();
        };
        match answer {
            Answer::Missing if missing + 1 >= MISSING_MAX => {
                vec![LivenessEffect::Replace(DownReason::NotServed)]
            }
            Answer::Missing => {
                watch.round_trip = Question::Asked {
                    since: now,
                    missing: missing + 1,
                };
                vec![LivenessEffect::RoundTrip { wait }]
            }
            Answer::Came | Answer::NotAsked => {
                if answer == Answer::Came {
                    watch.served = Some(now);
                }
                let at = self.next_round_trip(now);
                if let Some(watch) = &mut self.watch {
                    watch.round_trip = Question::Due { at };
                }
                Vec::new()
            }
        }
    }

    fn unreadable(&mut self, from: &Address, now: Timestamp) -> Vec<LivenessEffect> {
        if let Some(watch) = &mut self.watch {
            watch.unreadable_since.get_or_insert(now);
            if watch.unreadable.len() < UNREADABLE_PEOPLE && !watch.unreadable.contains(from) {
                watch.unreadable.push(from.clone());
            }
        }
        Vec::new()
    }

    fn refused(&mut self, now: Timestamp) -> Vec<LivenessEffect> {
        if self.refused.len() >= REFUSED_MAX {
            self.refused.pop_front();
        }
        self.refused.push_back(now);
        let first = self.refused.front().copied().unwrap_or(now);
        if self.refused.len() >= REFUSED_MAX && now.since(first) <= REFUSED_WINDOW {
            self.restricted = true;
        }
        Vec::new()
    }

    /// Asks what is due.
    fn ask(&mut self, now: Timestamp) -> Vec<LivenessEffect> {
        let (config, phone_ask_at) = (self.config, self.phone_ask_at());
        let unreadable = self.unreadable_is_due(now);
        let Some(watch) = &mut self.watch else {
            return Vec::new();
        };
        let mut effects = Vec::new();
        match watch.probe {
            Question::Due { at } if at <= now => {
                watch.probe = Question::Asked {
                    since: now,
                    missing: 0,
                };
                effects.push(LivenessEffect::Probe {
                    wait: config.answer,
                });
            }
            // Whoever was to report it is gone.
            Question::Asked { since, .. } if overdue(since, config.answer) <= now => {
                return self.probed(Answer::Missing, now);
            }
            _ => {}
        }
        match watch.round_trip {
            Question::Due { at } => {
                let phone = phone_ask_at.is_some_and(|at| at <= now);
                if at <= now || phone {
                    if phone {
                        self.phone_asked = Some(now);
                    } else {
                        let doubled = self.patience.0.saturating_mul(2);
                        self.patience =
                            Duration(doubled.min(config.round_trip_cap.0)).max(config.stale);
                    }
                    self.tripped_at = Some(now);
                    watch.round_trip = Question::Asked {
                        since: now,
                        missing: 0,
                    };
                    let wait = config.round_trip_answer;
                    effects.push(LivenessEffect::RoundTrip { wait });
                }
            }
            Question::Asked { since, .. } if overdue(since, config.round_trip_answer) <= now => {
                effects.extend(self.round_tripped(Answer::Missing, now));
            }
            Question::Asked { .. } => {}
        }
        if unreadable && self.may_rebuild(now) {
            self.rebuilt_at = Some(now);
            effects.push(LivenessEffect::Replace(DownReason::DecryptFailing));
        }
        effects
    }

    fn may_rebuild(&self, now: Timestamp) -> bool {
        self.rebuilt_at
            .is_none_or(|at| now.since(at) >= UNREADABLE_REBUILD_EVERY)
    }

    fn unreadable_is_due(&self, now: Timestamp) -> bool {
        self.watch.as_ref().is_some_and(|watch| {
            watch.unreadable.len() >= UNREADABLE_PEOPLE
                && watch
                    .unreadable_since
                    .is_some_and(|since| since + self.config.unreadable_grace <= now)
        })
    }

    /// When the next round trip is due, if nothing is served from `begin` on. A clock that was set
    /// back does not put it off.
    fn next_round_trip(&self, begin: Timestamp) -> Timestamp {
        let due = begin + self.patience;
        match self.tripped_at {
            Some(last) => due.max(last.min(begin) + self.config.round_trip_gap),
            None => due,
        }
    }

    fn phone_ask_at(&self) -> Option<Timestamp> {
        let watch = self.watch.as_ref()?;
        if matches!(watch.round_trip, Question::Asked { .. }) {
            return None;
        }
        let quiet = self.phone_at? + PHONE_ASK_AFTER;
        let again = self.phone_asked.map(|at| at + PHONE_ASK_EVERY);
        Some(again.map_or(quiet, |again| again.max(quiet)))
    }

    fn due(&self, question: Question, answer: Duration) -> Timestamp {
        match question {
            Question::Due { at } => at,
            Question::Asked { since, .. } => overdue(since, answer),
        }
    }

    /// Says what is wrong when that has changed.
    fn show(&mut self, now: Timestamp) -> Option<LivenessEffect> {
        self.watch.as_ref()?;
        self.judged_at = now;
        let verdict = self.verdict(now);
        if verdict == self.shown {
            return None;
        }
        self.shown.clone_from(&verdict);
        Some(verdict.map_or(LivenessEffect::Well, LivenessEffect::Sick))
    }

    /// What is wrong; the worst first.
    fn verdict(&mut self, now: Timestamp) -> Option<Reason> {
        let last = self.refused.back().copied();
        if last.is_none_or(|at| now.since(at) >= RESTRICTED_FOR) {
            self.restricted = false;
        }
        let watch = self.watch.as_ref()?;
        if watch.probe.missing() > 0 {
            return Some(Reason::KeepaliveTimeout);
        }
        if watch.round_trip.missing() > 0 {
            return Some(Reason::NotServed);
        }
        if self.unreadable_is_due(now) {
            return Some(Reason::DecryptFailing);
        }
        if self.restricted {
            return Some(Reason::Restricted);
        }
        let since = self.phone_at?;
        (now.since(since) >= self.config.phone_warn_after).then_some(Reason::PhoneOffline {
            since,
            until: since + PHONE_LIMIT,
        })
    }
}

/// When a question counts as unanswered although nobody reported it.
fn overdue(since: Timestamp, answer: Duration) -> Timestamp {
    since + Duration(answer.0.saturating_mul(2))
}

fn ends(effects: &[LivenessEffect]) -> bool {
    effects
        .iter()
        .any(|effect| matches!(effect, LivenessEffect::Replace(_)))
}

#[cfg(test)]
#[path = "liveness_tests.rs"]
mod tests;
