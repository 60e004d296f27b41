//! Holes in what was received: noticed, counted, asked for, and closed.
//!
//! Three things tell of a message that is not here. WhatsApp announces how many messages it kept while
//! we were away, and fewer come. A message arrives that nobody can decrypt, and its repair does not.
//! Or something is said about a message that was never stored: an answer, a reaction, a change, a
//! deletion, its having been read on the phone.
//!
//! WhatsApp's servers give nothing twice, but the account's own phone gives the messages before one that
//! we know. So a hole is asked for from a message behind it; in a chat that has been quiet since, that is
//! the next one that comes. What the phone gives is stored as back-filled and never acted on. An account
//! asks one thing at a time, with pauses, so many times a day, and each hole so many times in all.

mod first_history;
mod gap;
mod talk;

pub use first_history::{FirstHistory, HistoryPart, Legible, Piece};
use gap::recalled;
pub use gap::{Gap, GapKind, GapState, Mark, Reference};
pub use talk::{Backlog, Effect, GapsConfig, Input, News, Question};

use crate::model::{Duration, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// Rounds of asking for one hole; after the last it counts as lost.
pub const ATTEMPTS_MAX: u32 = 5;
/// The same for something that may not be missing at all.
pub const DOUBTFUL_ATTEMPTS_MAX: u32 = 2;
/// Each wait between two rounds is so many times the one before.
const BACKOFF: u64 = 6;
/// Messages asked for at once, as WhatsApp's own web client does.
pub const ASK_COUNT: u32 = 50;
/// Pages of one chat read in a round while the phone has more.
const PAGES_MAX: u32 = 10;
/// Questions of one account within a day; what is over waits.
pub const ASKS_PER_DAY: usize = 200;
/// Chats asked in one round for messages of which only the number is known; the newest ones.
pub const CHATS_MAX: usize = 50;
/// Holes of one account held in memory. At the limit nothing is noticed that is about one message;
/// for a hole that WhatsApp announced the oldest lost one goes out of memory.
pub const HELD_MAX: usize = 500;
/// Chats remembered as asked from behind a hole; more are asked again.
const BEHIND_MAX: usize = 200;
/// The day over which questions are counted.
const DAY: Duration = Duration::hours(24);

/// Which holes a message fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fits {
    /// Its own, or one of which only the number is known.
    Any,
    /// Its own.
    Named,
}

/// A question to the phone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asking {
    key: String,
    before: Mark,
    until: Timestamp,
}

/// The holes of one account.
#[derive(Debug)]
pub struct Gaps {
    config: GapsConfig,
    /// Before it nothing was to come.
    linked_at: Timestamp,
    caught_up_at: Timestamp,
    held: BTreeMap<String, Gap>,
    online: bool,
    asking: Option<Asking>,
    looking: Option<String>,
    ask_after: Timestamp,
    asked: VecDeque<Timestamp>,
    history: Option<FirstHistory>,
}

impl Gaps {
    /// For an account linked then, whose messages had come up to `caught_up_at` as far as was known,
    /// with the holes that are not filled.
    #[must_use]
    pub fn new(
        config: GapsConfig,
        linked_at: Timestamp,
        caught_up_at: Timestamp,
        known: Vec<Gap>,
    ) -> Self {
        let held = known.into_iter().map(|gap| (gap.key.clone(), gap));
        Self {
            config,
            linked_at,
            caught_up_at,
            held: held.take(HELD_MAX).collect(),
            online: false,
            asking: None,
            looking: None,
            ask_after: Timestamp(0),
            asked: VecDeque::new(),
            history: None,
        }
    }

    /// With the history of a link that an earlier process still waited for.
    #[must_use]
    pub fn awaiting(self, history: Option<FirstHistory>) -> Self {
        Self { history, ..self }
    }

    /// Whether messages that arrive are to be told of.
    #[must_use]
    pub fn is_watching(&self) -> bool {
        !self.held.is_empty()
    }

    /// When to tick next.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        let checks = self.held.values().filter(|gap| is_checked(gap));
        let checks = checks.map(|gap| gap.next_at).min();
        let asks = match &self.asking {
            Some(asking) => Some(asking.until),
            None if !self.online || self.looking.is_some() => None,
            None => {
                let due = self.held.values().filter(|gap| is_asked(gap));
                let due = due.map(|gap| gap.next_at).min();
                due.map(|due| due.max(self.ask_after).max(self.day_allows()))
            }
        };
        let history = self.history.as_ref().filter(|_| self.online);
        let history = history.and_then(|history| history.due_at(self.config.history));
        [checks, asks, history].into_iter().flatten().min()
    }

    /// Takes what was learned and says what is to be done.
    #[must_use]
    pub fn step(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Linked => self.linked(now, &mut effects),
            Input::Piece(piece) => self.piece(piece, now, &mut effects),
            Input::Online => self.online(now),
            Input::Offline => self.offline(now),
            Input::Synced {
                announced,
                arrived,
                backlog,
            } => self.synced(
                announced.saturating_sub(arrived),
                backlog,
                now,
                &mut effects,
            ),
            Input::Unreadable(mark) => self.unreadable(mark, now),
            Input::Named {
                reference,
                wire_id,
                by,
            } => self.named(reference, wire_id, by, now),
            Input::Stored(marks) => {
                self.stored(marks, Fits::Any, now, &mut effects);
            }
            Input::Repaired(marks) => {
                self.stored(marks, Fits::Named, now, &mut effects);
            }
            Input::Spoke(mark) => self.spoke(&mark, now),
            Input::Checked { key, here } => self.checked(&key, here, now, &mut effects),
            Input::Found { key, behind } => self.found(&key, behind, now, &mut effects),
            Input::Answered {
                question,
                given,
                oldest,
                stored,
            } => {
                let unclaimed = self.stored(stored, Fits::Any, now, &mut effects);
                let late = recalled(&unclaimed, self.linked_at, now);
                effects.extend(late.map(|gap| Effect::Keep(gap, filled_by(&unclaimed))));
                if question == Question::Asked {
                    self.answered(given, oldest, now, &mut effects);
                }
            }
            Input::NotAsked => self.not_asked(now),
            Input::Tick => {}
        }
        self.overdue(now, &mut effects);
        self.break_off(now, &mut effects);
        self.check(now, &mut effects);
        self.ask(now, &mut effects);
        effects
    }

    fn online(&mut self, now: Timestamp) {
        self.online = true;
        if let Some(history) = &mut self.history {
            history.connected(now);
        }
    }

    fn linked(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        self.history = Some(FirstHistory::awaited_since(now));
        effects.push(Effect::Await(self.history.clone()));
    }

    fn piece(&mut self, piece: Piece, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(history) = &mut self.history else {
            return;
        };
        history.came(piece, now);
        if history.is_whole() {
            let key = key_of_history(history);
            self.history = None;
            // What was given up came after all.
            if let Some(mut gap) = self.held.remove(&key) {
                gap.state = GapState::Filled;
                gap.filled_at = Some(now);
                effects.push(Effect::Keep(gap, News::Filled(Vec::new())));
            }
        }
        effects.push(Effect::Await(self.history.clone()));
    }

    /// Nothing more of the history came in time: it is told, and asked for chat by chat.
    fn break_off(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let patience = self.config.history;
        let online = self.online;
        let awaited = self.history.as_mut().filter(|_| online);
        let Some(history) = awaited.filter(|it| it.due_at(patience).is_some_and(|at| at <= now))
        else {
            return;
        };
        history.told = true;
        let (key, linked_at) = (key_of_history(history), history.linked_at);
        effects.push(Effect::Await(self.history.clone()));
        let gap = Gap {
            state: GapState::Open,
            expected: 0,
            since: Timestamp(0),
            until: linked_at,
            next_at: now,
            ..self.fresh(key, GapKind::History, now)
        };
        self.make_room();
        self.held.insert(gap.key.clone(), gap.clone());
        effects.push(Effect::Keep(gap, News::Found));
    }

    fn offline(&mut self, now: Timestamp) {
        self.online = false;
        self.looking = None;
        // What was under way is asked again, without counting as a try.
        if let Some(asking) = self.asking.take()
            && let Some(gap) = self.held.get_mut(&asking.key)
        {
            gap.todo.clear();
            gap.pages = 0;
            gap.next_at = now + self.config.pause;
        }
    }

    fn synced(
        &mut self,
        missing: u32,
        backlog: Backlog,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if missing > 0 {
            let gap = Gap {
                expected: missing,
                since: self.caught_up_at,
                next_at: now + self.config.pause,
                ..self.fresh(format!("announced:{}", now.0), GapKind::Announced, now)
            };
            self.make_room();
            self.held.insert(gap.key.clone(), gap);
        }
        if backlog == Backlog::Interrupted {
            return;
        }
        // What an interrupted backlog owed has had its second chance.
        for gap in self.held.values_mut() {
            if gap.kind == GapKind::Announced && gap.state == GapState::Suspected {
                gap.state = GapState::Open;
                effects.push(Effect::Keep(gap.clone(), News::Found));
            }
        }
        self.caught_up_at = now;
        effects.push(Effect::CaughtUp(now));
    }

    fn unreadable(&mut self, mark: Mark, now: Timestamp) {
        let gap = Gap {
            since: mark.sent_at,
            until: mark.sent_at,
            chat: Some(mark.chat),
            wire_id: Some(mark.wire_id.clone()),
            ..self.fresh(key_of(&mark.wire_id), GapKind::Unreadable, now)
        };
        self.suspect(gap);
    }

    fn named(&mut self, reference: Reference, wire_id: String, by: Mark, now: Timestamp) {
        let reach = reference.reach();
        let gap = Gap {
            since: reach.map_or(Timestamp(0), |reach| by.sent_at - reach),
            until: by.sent_at,
            chat: Some(by.chat.clone()),
            wire_id: Some(wire_id.clone()),
            // A message that was read says nothing of the chat behind it.
            told_by: (reference != Reference::ReadElsewhere).then_some(by),
            ..self.fresh(key_of(&wire_id), reference.into(), now)
        };
        self.suspect(gap);
    }

    fn fresh(&self, key: String, kind: GapKind, now: Timestamp) -> Gap {
        Gap {
            key,
            kind,
            state: GapState::Suspected,
            chat: None,
            wire_id: None,
            told_by: None,
            since: now,
            until: now,
            found_at: now,
            filled_at: None,
            expected: 1,
            filled: 0,
            attempts: 0,
            next_at: now + self.config.settle,
            todo: VecDeque::new(),
            pages: 0,
            behind: Vec::new(),
        }
    }

    /// Begins to watch for one message.
    fn suspect(&mut self, gap: Gap) {
        if self.held.len() < HELD_MAX {
            self.held.entry(gap.key.clone()).or_insert(gap);
        }
    }

    fn make_room(&mut self) {
        if self.held.len() < HELD_MAX {
            return;
        }
        let hopeless = |gap: &&Gap| matches!(gap.state, GapState::Lost | GapState::Doubtful);
        let oldest = self.held.values().filter(hopeless);
        if let Some(key) = oldest.min_by_key(|gap| gap.found_at).map(|g| g.key.clone()) {
            self.held.remove(&key);
        }
    }

    /// Messages that came late fill the holes they fit: their own, or the oldest that knows numbers
    /// only. Answers those that fill none.
    fn stored(
        &mut self,
        marks: Vec<Mark>,
        fits: Fits,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Vec<Mark> {
        let mut unclaimed = Vec::new();
        let mut filled: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for mark in marks {
            let takers = self.takers(&mark, fits);
            if takers.is_empty() {
                unclaimed.push(mark);
                continue;
            }
            for key in takers {
                let Some(gap) = self.held.get_mut(&key) else {
                    continue;
                };
                gap.filled += 1;
                if gap.is_about_one() {
                    gap.since = mark.sent_at;
                    gap.until = mark.sent_at;
                }
                filled.entry(key).or_default().push(mark.wire_id.clone());
            }
        }
        for (key, messages) in filled {
            self.fill(&key, messages, now, effects);
        }
        unclaimed
    }

    /// The holes that a message fills. One that is named and does not count may be among those of
    /// which the number is known: then it fills both.
    fn takers(&self, mark: &Mark, fits: Fits) -> Vec<String> {
        let own = self.held.get(&key_of(&mark.wire_id));
        let numbered = || {
            let takers = self.held.values().filter(|gap| !gap.is_about_one());
            let takers = takers.filter(|gap| gap.takes(mark));
            takers.min_by_key(|gap| gap.found_at)
        };
        let other = match own {
            Some(own) if own.state != GapState::Doubtful => None,
            _ if fits == Fits::Named => None,
            _ => numbered(),
        };
        let takers = own.into_iter().chain(other);
        takers.map(|gap| gap.key.clone()).collect()
    }

    fn fill(
        &mut self,
        key: &str,
        messages: Vec<String>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(gap) = self.held.get_mut(key) else {
            return;
        };
        if !gap.has_all() {
            if gap.state != GapState::Suspected {
                effects.push(Effect::Keep(gap.clone(), News::Filled(messages)));
            }
            return;
        }
        let before = gap.state;
        gap.state = GapState::Filled;
        gap.filled_at = Some(now);
        let Some(gap) = self.held.remove(key) else {
            return;
        };
        match before {
            // Nobody was told of it.
            GapState::Suspected => {}
            GapState::Doubtful if gap.until < self.linked_at => effects.push(Effect::Drop(gap)),
            _ => effects.push(Effect::Keep(gap, News::Filled(messages))),
        }
    }

    /// In a chat that was quiet since the hole there is a message behind it now.
    fn spoke(&mut self, mark: &Mark, now: Timestamp) {
        let asked = self.asking.as_ref().map(|asking| asking.key.clone());
        for gap in self.held.values_mut() {
            let here = gap.chat.as_ref().is_none_or(|chat| *chat == mark.chat);
            let wanted = !matches!(gap.state, GapState::Suspected | GapState::Filled);
            let waits = gap.told_by.is_none() && wanted && here;
            if !waits || gap.behind.contains(&mark.chat) || asked.as_ref() == Some(&gap.key) {
                continue;
            }
            if gap.todo.iter().any(|todo| todo.chat == mark.chat) || gap.todo.len() >= CHATS_MAX {
                continue;
            }
            gap.todo.push_back(mark.clone());
            gap.next_at = gap.next_at.min(now + self.config.pause);
            if gap.state == GapState::Lost {
                gap.state = GapState::Open;
                gap.attempts = ATTEMPTS_MAX - 1;
                gap.next_at = now + self.config.pause;
            }
        }
    }

    /// Sees after those that may have closed by themselves.
    fn check(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let settle = self.config.settle;
        for gap in self.held.values_mut() {
            if is_checked(gap) && gap.next_at <= now {
                // Without an answer it is looked after again.
                gap.next_at = now + settle;
                effects.push(Effect::Check {
                    key: gap.key.clone(),
                    wire_id: gap.wire_id.clone().unwrap_or_default(),
                });
            }
        }
    }

    fn checked(&mut self, key: &str, here: bool, now: Timestamp, effects: &mut Vec<Effect>) {
        if here {
            self.held.remove(key);
            return;
        }
        let is_news = self.held.get(key).is_some_and(|gap| {
            gap.kind == GapKind::Unreadable || gap.since >= self.linked_at && !self.is_counted(gap)
        });
        let Some(gap) = self.held.get_mut(key) else {
            return;
        };
        if gap.state != GapState::Suspected {
            return;
        }
        gap.next_at = now;
        gap.state = if is_news {
            GapState::Open
        } else {
            GapState::Doubtful
        };
        let news = match gap.state {
            GapState::Open => News::Found,
            _ => News::None,
        };
        effects.push(Effect::Keep(gap.clone(), news));
    }

    /// Whether a message that is named may be one of those whose number is known already.
    fn is_counted(&self, named: &Gap) -> bool {
        let numbered = self.held.values().filter(|gap| !gap.is_about_one());
        let mut numbered = numbered.filter(|gap| gap.missing() > 0);
        numbered.any(|gap| named.since <= gap.until && gap.since <= named.until)
    }

    fn found(&mut self, key: &str, behind: Vec<Mark>, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.looking.as_deref() == Some(key) {
            self.looking = None;
        }
        let Some(gap) = self.held.get_mut(key) else {
            return;
        };
        let asked = gap.behind.clone();
        let fresh = behind
            .into_iter()
            .filter(|mark| !asked.contains(&mark.chat));
        gap.todo.extend(fresh.take(CHATS_MAX));
        if gap.todo.is_empty() {
            self.round_over(key, now, effects);
        }
    }

    fn answered(
        &mut self,
        given: u32,
        oldest: Option<Mark>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(asking) = self.asking.take() else {
            return;
        };
        self.ask_after = now + self.config.pause;
        let Some(gap) = self.held.get_mut(&asking.key) else {
            return;
        };
        let more = oldest.filter(|oldest| {
            given >= ASK_COUNT
                && oldest.sent_at > gap.since
                && oldest.sent_at < asking.before.sent_at
        });
        match more {
            Some(oldest) if gap.pages < PAGES_MAX => {
                gap.pages += 1;
                gap.todo.push_front(oldest);
            }
            _ => {
                gap.pages = 0;
                let before = asking.before;
                // What is before the oldest message that came at linking is all that a chat had.
                let done = before.sent_at > gap.until || gap.kind == GapKind::History;
                if done && gap.behind.len() < BEHIND_MAX {
                    gap.behind.push(before.chat);
                }
            }
        }
        if gap.todo.is_empty() {
            self.round_over(&asking.key, now, effects);
        }
    }

    fn not_asked(&mut self, now: Timestamp) {
        if let Some(asking) = self.asking.take() {
            self.ask_after = now + self.config.pause;
            if let Some(gap) = self.held.get_mut(&asking.key) {
                gap.todo.push_front(asking.before);
            }
        }
    }

    /// The phone did not answer: it is switched off, or has nothing to say.
    fn overdue(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let Some(asking) = self.asking.take_if(|asking| asking.until <= now) else {
            return;
        };
        self.ask_after = now + self.config.pause;
        if let Some(gap) = self.held.get_mut(&asking.key) {
            gap.todo.clear();
            gap.pages = 0;
        }
        self.round_over(&asking.key, now, effects);
    }

    fn round_over(&mut self, key: &str, now: Timestamp, effects: &mut Vec<Effect>) {
        let retry = self.config.retry;
        let Some(gap) = self.held.get_mut(key) else {
            return;
        };
        gap.attempts += 1;
        gap.pages = 0;
        let wait = retry
            .0
            .saturating_mul(BACKOFF.saturating_pow(gap.attempts - 1));
        gap.next_at = now + Duration(wait);
        if gap.attempts >= ATTEMPTS_MAX && gap.state == GapState::Open {
            gap.state = GapState::Lost;
        }
        effects.push(Effect::Keep(gap.clone(), News::None));
    }

    fn ask(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let may = self.online && self.asking.is_none() && self.looking.is_none();
        if !may || now < self.ask_after || now < self.day_allows() {
            return;
        }
        let due = self.held.values_mut();
        let due = due.filter(|gap| is_asked(gap) && gap.next_at <= now);
        let Some(gap) = due.min_by_key(|gap| (gap.next_at, gap.found_at)) else {
            return;
        };
        let Some(before) = gap.todo.pop_front().or_else(|| gap.told_by.clone()) else {
            self.looking = Some(gap.key.clone());
            effects.push(Effect::Look(gap.clone()));
            return;
        };
        self.asked.push_back(now);
        if self.asked.len() > ASKS_PER_DAY {
            self.asked.pop_front();
        }
        self.asking = Some(Asking {
            key: gap.key.clone(),
            before: before.clone(),
            until: now + self.config.answer,
        });
        effects.push(Effect::Ask(before));
    }

    /// When the day's questions leave room for one more.
    fn day_allows(&self) -> Timestamp {
        if self.asked.len() < ASKS_PER_DAY {
            return Timestamp(0);
        }
        self.asked
            .front()
            .map_or(Timestamp(0), |first| *first + DAY)
    }
}

/// Whether the hole is about one message that is waited for a moment longer.
fn is_checked(gap: &Gap) -> bool {
    gap.state == GapState::Suspected && gap.is_about_one()
}

fn is_asked(gap: &Gap) -> bool {
    gap.next_attempt_at().is_some()
}

fn key_of(wire_id: &str) -> String {
    format!("message:{wire_id}")
}

fn key_of_history(history: &FirstHistory) -> String {
    format!("history:{}", history.linked_at.0)
}

fn filled_by(messages: &[Mark]) -> News {
    News::Filled(messages.iter().map(|mark| mark.wire_id.clone()).collect())
}

#[cfg(test)]
#[path = "../gaps_tests.rs"]
mod tests;
