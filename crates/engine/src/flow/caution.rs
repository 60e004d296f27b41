//! Staying unbanned: what an account may begin today, beside its pace.
//!
//! WhatsApp restricts numbers that write to people who do not know them, and young linked devices
//! sooner than old ones. So sends are told apart by [`Chat`]: an answer to somebody who wrote within a
//! day is only paced; what nobody asked for counts against the day; a chat with somebody there never
//! was a word with counts against the day's new chats, which also keep a distance. Young accounts get
//! a share of each limit ([`share_at`]). When WhatsApp refuses a new chat (463) or says that it will,
//! new chats wait and everything else goes on.
//!
//! Where the figures come from stands in `docs/staying-unbanned.md`.

use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Somebody who wrote this recently is being answered.
pub const ANSWER_WITHIN: Duration = Duration::hours(24);
/// Messages a day to people who have not written within [`ANSWER_WITHIN`], unless set otherwise.
pub const UNASKED_PER_DAY: u32 = 1_000;
/// New chats a day, unless set otherwise.
pub const NEW_CHATS_PER_DAY: u32 = 50;
/// Distance between two new chats, unless set otherwise.
pub const NEW_CHAT_GAP: Duration = Duration::secs(30);
/// New chats stop for this long after WhatsApp refused one without saying until when; doubled with
/// every further refusal,
pub const RESTRICTED_FIRST: Duration = Duration::hours(6);
/// up to this.
pub const RESTRICTED_CAP: Duration = Duration::hours(7 * 24);
/// A send that is held back is looked at again after this long at most, should the reason go away.
pub const LOOK_AGAIN: Duration = Duration::mins(5);
/// The share of every limit, in percent, that an account has from this age in days on.
pub const WARM_UP: [(u64, u32); 5] = [(0, 10), (3, 20), (7, 40), (14, 70), (30, 100)];

const HOUR_MS: i64 = 3_600_000;
const DAY_HOURS: i64 = 24;

/// What a send is to the one who receives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chat {
    /// They wrote within [`ANSWER_WITHIN`], or it is a group.
    #[default]
    Answer,
    /// There were words before, but not lately.
    Unasked,
    /// There never was a word.
    New,
}

/// Whether young accounts begin slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarmUp {
    /// By [`WARM_UP`].
    #[default]
    On,
    /// The whole limits from the first day.
    Off,
}

/// The limits. Zero means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CautionConfig {
    /// Messages a day that nobody asked for.
    pub unasked_per_day: u32,
    /// New chats a day; they count among those nobody asked for, too.
    pub new_chats_per_day: u32,
    /// Distance between two new chats.
    pub new_chat_gap: Duration,
    /// Whether young accounts get less.
    pub warm_up: WarmUp,
}

impl CautionConfig {
    /// No limits beside the pace.
    pub const OFF: Self = Self {
        unasked_per_day: 0,
        new_chats_per_day: 0,
        new_chat_gap: Duration(0),
        warm_up: WarmUp::Off,
    };
}

impl CautionConfig {
    /// True when nothing is limited.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.unasked_per_day == 0 && self.new_chats_per_day == 0 && self.new_chat_gap.0 == 0
    }
}

impl Default for CautionConfig {
    fn default() -> Self {
        Self {
            unasked_per_day: UNASKED_PER_DAY,
            new_chats_per_day: NEW_CHATS_PER_DAY,
            new_chat_gap: NEW_CHAT_GAP,
            warm_up: WarmUp::On,
        }
    }
}

/// What holds a send back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// The day's messages that nobody asked for are used up.
    Day,
    /// The day's new chats are used up.
    NewChats,
    /// The last new chat is too recent.
    NewChatGap,
    /// One of the day's limits, which is lower because the account is young.
    WarmUp,
    /// WhatsApp lets the account start no new chats.
    Restricted,
}

/// Whether a send may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Now.
    Go,
    /// Not before then.
    Wait {
        /// What holds it back.
        by: Guard,
        /// Until then.
        until: Timestamp,
    },
}

/// The share of every limit at this age, in percent.
#[must_use]
pub fn share_at(age: Duration) -> u32 {
    let days = age.0 / Duration::hours(24).0;
    let reached = WARM_UP.iter().take_while(|(from, _)| *from <= days).last();
    reached.map_or(WARM_UP[0].1, |(_, share)| *share)
}

/// What went out in one hour of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Hour {
    number: i64,
    unasked: u32,
    new_chats: u32,
}

/// What WhatsApp refuses the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// No new chats until then.
    pub until: Timestamp,
    /// Whether WhatsApp named that moment.
    pub source: Source,
}

/// Where a restriction is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// WhatsApp said so when it was asked.
    Told,
    /// From refused sends.
    Inferred,
}

/// What an account has begun lately, and what it may not. Kept over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caution {
    /// When the account was young.
    since: Timestamp,
    #[serde(default)]
    hours: VecDeque<Hour>,
    #[serde(default)]
    last_new_chat: Option<Timestamp>,
    #[serde(default)]
    restriction: Option<Restriction>,
    /// Refused new chats since the last one that went through.
    #[serde(default)]
    refusals: u32,
}

/// How much of a day's limits is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Messages that nobody asked for, within 24 hours.
    pub unasked: u32,
    /// Of how many; `None` is no limit.
    pub unasked_max: Option<u32>,
    /// New chats within 24 hours.
    pub new_chats: u32,
    /// Of how many; `None` is no limit.
    pub new_chats_max: Option<u32>,
    /// The share of the limits that the account's age allows, in percent.
    pub share: u32,
    /// Which day of the warm-up it is, from 1; `None` when it is over or off.
    pub warm_up_day: Option<u32>,
}

impl Caution {
    /// An account that is as old as this.
    #[must_use]
    pub fn new(since: Timestamp) -> Self {
        Self {
            since,
            hours: VecDeque::new(),
            last_new_chat: None,
            restriction: None,
            refusals: 0,
        }
    }

    /// Whether a send may go now.
    #[must_use]
    pub fn may(&self, chat: Chat, config: &CautionConfig, now: Timestamp) -> Verdict {
        let waits = match chat {
            Chat::Answer => None,
            Chat::Unasked => self.day(config, now),
            Chat::New => [
                self.restricted(now),
                self.new_chats(config, now),
                self.day(config, now),
                self.gap(config, now),
            ]
            .into_iter()
            .flatten()
            .max_by_key(|(_, until)| *until),
        };
        waits.map_or(Verdict::Go, |(by, until)| Verdict::Wait { by, until })
    }

    /// Counts one that goes now.
    pub fn took(&mut self, chat: Chat, now: Timestamp) {
        if chat == Chat::Answer {
            return;
        }
        let number = hour_of(now);
        // A clock that was set back counts into the newest hour there is.
        if self.hours.back().is_none_or(|hour| hour.number < number) {
            self.hours.push_back(Hour {
                number,
                unasked: 0,
                new_chats: 0,
            });
        }
        while self.hours.len() as i64 > DAY_HOURS {
            self.hours.pop_front();
        }
        if let Some(hour) = self.hours.back_mut() {
            hour.unasked = hour.unasked.saturating_add(1);
            if chat == Chat::New {
                hour.new_chats = hour.new_chats.saturating_add(1);
                self.last_new_chat = Some(now);
            }
        }
    }

    /// WhatsApp refused a new chat with 463. Answers with what follows from it.
    pub fn refused(&mut self, now: Timestamp) -> Restriction {
        let wait = super::retry::doubled(RESTRICTED_FIRST, self.refusals, RESTRICTED_CAP);
        self.refusals = self.refusals.saturating_add(1);
        let inferred = Restriction {
            until: now + wait,
            source: Source::Inferred,
        };
        // What WhatsApp said itself holds.
        let kept = self
            .restriction
            .filter(|r| r.source == Source::Told && r.until > now);
        *self.restriction.insert(kept.unwrap_or(inferred))
    }

    /// WhatsApp was asked: new chats wait until then, or need not wait.
    pub fn told(&mut self, until: Option<Timestamp>) {
        self.restriction = until.map(|until| Restriction {
            until,
            source: Source::Told,
        });
    }

    /// WhatsApp accepted a new chat.
    pub fn accepted(&mut self, chat: Chat) {
        if chat == Chat::New {
            self.restriction = None;
            self.refusals = 0;
        }
    }

    /// What WhatsApp refuses now.
    #[must_use]
    pub fn restriction(&self, now: Timestamp) -> Option<Restriction> {
        self.restriction.filter(|r| r.until > now)
    }

    /// How much of a day's limits is used.
    #[must_use]
    pub fn used(&self, config: &CautionConfig, now: Timestamp) -> Used {
        let share = self.share(config, now);
        let limit = |full: u32| (full > 0).then(|| part(full, share));
        let today = || self.hours.iter().filter(|hour| within_day(hour, now));
        Used {
            unasked: today().map(|hour| hour.unasked).sum(),
            unasked_max: limit(config.unasked_per_day),
            new_chats: today().map(|hour| hour.new_chats).sum(),
            new_chats_max: limit(config.new_chats_per_day),
            share,
            warm_up_day: self.warm_up_day(config, now),
        }
    }

    fn warm_up_day(&self, config: &CautionConfig, now: Timestamp) -> Option<u32> {
        let days = now.since(self.since).0 / Duration::hours(24).0;
        let young = config.warm_up == WarmUp::On && share_at(now.since(self.since)) < 100;
        young.then(|| u32::try_from(days + 1).unwrap_or(u32::MAX))
    }

    fn share(&self, config: &CautionConfig, now: Timestamp) -> u32 {
        match config.warm_up {
            WarmUp::On => share_at(now.since(self.since)),
            WarmUp::Off => 100,
        }
    }

    fn restricted(&self, now: Timestamp) -> Option<(Guard, Timestamp)> {
        self.restriction(now).map(|r| (Guard::Restricted, r.until))
    }

    fn day(&self, config: &CautionConfig, now: Timestamp) -> Option<(Guard, Timestamp)> {
        let until = self.full_until(config, config.unasked_per_day, now, |hour| hour.unasked)?;
        Some((self.or_warm_up(Guard::Day, config, now), until))
    }

    fn new_chats(&self, config: &CautionConfig, now: Timestamp) -> Option<(Guard, Timestamp)> {
        let until =
            self.full_until(config, config.new_chats_per_day, now, |hour| hour.new_chats)?;
        Some((self.or_warm_up(Guard::NewChats, config, now), until))
    }

    fn or_warm_up(&self, guard: Guard, config: &CautionConfig, now: Timestamp) -> Guard {
        if self.share(config, now) < 100 {
            Guard::WarmUp
        } else {
            guard
        }
    }

    fn gap(&self, config: &CautionConfig, now: Timestamp) -> Option<(Guard, Timestamp)> {
        // Nor does a clock that was set back stop new chats for as long as it moved.
        let free = self.last_new_chat?.min(now) + config.new_chat_gap;
        (free > now).then_some((Guard::NewChatGap, free))
    }

    /// When a day's limit has room again; `None` while it has.
    fn full_until(
        &self,
        config: &CautionConfig,
        full: u32,
        now: Timestamp,
        count: impl Fn(&Hour) -> u32,
    ) -> Option<Timestamp> {
        if full == 0 {
            return None;
        }
        let limit = part(full, self.share(config, now));
        let mut left: u32 = self
            .hours
            .iter()
            .filter(|hour| within_day(hour, now))
            .map(&count)
            .sum();
        let mut until = None;
        for hour in self.hours.iter().filter(|hour| within_day(hour, now)) {
            if left < limit {
                break;
            }
            left -= count(hour);
            until = Some(Timestamp((hour.number + DAY_HOURS) * HOUR_MS));
        }
        until
    }
}

fn hour_of(at: Timestamp) -> i64 {
    at.0.div_euclid(HOUR_MS)
}

fn within_day(hour: &Hour, now: Timestamp) -> bool {
    hour.number > hour_of(now) - DAY_HOURS
}

/// A share of a limit; at least one, so that nothing waits for ever.
fn part(full: u32, share: u32) -> u32 {
    let part = u64::from(full) * u64::from(share) / 100;
    u32::try_from(part).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
#[path = "caution_tests.rs"]
mod tests;
