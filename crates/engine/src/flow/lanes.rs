//! Conversations as lanes over an account's sequence.
//!
//! One [`Lanes`] serves one account. Within a conversation messages are worked on in the order of
//! their [`Seq`], one at a time; conversations run beside each other up to a limit. A message that
//! fails is postponed and holds up its own conversation only.
//!
//! What is held in memory is bounded. Whatever does not fit stays in the store, where every
//! accepted and unfinished message is anyway: [`Lanes::offer`] then answers [`Offered::Stored`] and
//! [`Lanes::refill`] says when to read on. A lane whose head was postponed keeps only that head in
//! memory, so that a failing conversation cannot crowd out the others.
//!
//! Work that was read from the store while its last run was being committed may be offered a
//! second time and run again; the commit is a compare-and-set, so the second result is dropped.

use super::workers::Demand;
use crate::model::id::{ConversationId, MessageId};
use crate::model::message::Seq;
use crate::model::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Conversations of one account that are worked on at once, unless set otherwise.
pub const PARALLEL_DEFAULT: usize = 16;
/// Messages of one account held in memory. At this many, further ones stay in the store.
pub const HELD_MAX: usize = 4_096;
/// After an overflow, reading on from the store starts again at this many held.
pub const HELD_LOW: usize = 512;
/// Messages of one conversation held in memory; further ones stay in the store.
pub const LANE_HELD_MAX: usize = 64;
/// Rows asked for with one [`Refill`].
pub const REFILL_ROWS: usize = 256;

/// One accepted, unfinished message. `work` is carried along untouched (e.g. an `Arc`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneItem<T> {
    /// The message.
    pub message: MessageId,
    /// The lane it runs in.
    pub conversation: ConversationId,
    /// Its place in the account's order.
    pub seq: Seq,
    /// How often it has failed before.
    pub attempt: u32,
    /// Not to be started before this.
    pub next_at: Timestamp,
    /// Whatever the caller needs to run it.
    pub work: T,
}

/// What became of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// Held here; [`Lanes::next`] will hand it out in its turn.
    Taken,
    /// Left in the store for now; a [`Refill`] will bring it.
    Stored,
    /// Already held or in work; nothing changed.
    Known,
}

/// A page to read: unfinished messages of the account with `seq > after`, in order of `seq`, at
/// most `limit` rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refill {
    /// Read after this one.
    pub after: Seq,
    /// At most this many rows.
    pub limit: usize,
    /// Everything up to here was committed when the request was made.
    committed: Seq,
}

/// The bounds of one account's lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLimits {
    /// Conversations worked on at once.
    pub parallel: usize,
    /// Messages held in memory.
    pub held: usize,
    /// Read on after an overflow when this few are held.
    pub low: usize,
    /// Messages of one conversation held in memory.
    pub per_lane: usize,
}

impl Default for LaneLimits {
    fn default() -> Self {
        Self {
            parallel: PARALLEL_DEFAULT,
            held: HELD_MAX,
            low: HELD_LOW,
            per_lane: LANE_HELD_MAX,
        }
    }
}

/// What of a lane or an account waits in the store.
#[derive(Debug, Clone, Copy)]
struct Spill {
    /// The store has unfinished messages from here on.
    from: Seq,
    /// The highest one known to have been left there.
    high: Seq,
}

impl Spill {
    fn at(seq: Seq) -> Self {
        Self {
            from: seq,
            high: seq,
        }
    }

    /// True when `seq` was left in the store and `request` has read everything left before it.
    fn covers(self, seq: Seq, request: Refill) -> bool {
        seq >= self.from && self.from > request.after
    }

    fn add(slot: &mut Option<Self>, seq: Seq) {
        let spill = slot.get_or_insert(Self::at(seq));
        spill.from = spill.from.min(seq);
        spill.high = spill.high.max(seq);
    }
}

#[derive(Debug)]
struct Lane<T> {
    waiting: BTreeMap<Seq, LaneItem<T>>,
    /// Usually one; two for a moment after two running conversations were merged.
    running: BTreeMap<MessageId, LaneItem<T>>,
    spill: Option<Spill>,
    /// Where the lane stands in `ready` or `later`.
    queued: Option<(Timestamp, Seq)>,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            running: BTreeMap::new(),
            spill: None,
            queued: None,
        }
    }
}

impl<T> Lane<T> {
    fn is_drained(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }
}

/// The lanes of one account.
#[derive(Debug)]
pub struct Lanes<T> {
    limits: LaneLimits,
    lanes: BTreeMap<ConversationId, Lane<T>>,
    by_message: BTreeMap<MessageId, ConversationId>,
    /// Lanes whose head may start, oldest head first.
    ready: BTreeSet<(Seq, ConversationId)>,
    /// Lanes whose head must wait until then.
    later: BTreeSet<(Timestamp, Seq, ConversationId)>,
    /// Lanes with nothing in memory and more in the store.
    drained: BTreeMap<ConversationId, Seq>,
    overflow: Option<Spill>,
    running: usize,
    committed: Seq,
    refilling: bool,
    /// The lowest `seq` left in the store since the open request was made: it may be missing from
    /// the rows that were read.
    refused_low: Option<Seq>,
}

impl<T: Clone> Lanes<T> {
    /// Empty lanes that first want everything unfinished from the store: [`Lanes::refill`] asks
    /// for it at once, and offers are left in the store until it has been read.
    #[must_use]
    pub fn new(limits: LaneLimits) -> Self {
        Self {
            limits,
            lanes: BTreeMap::new(),
            by_message: BTreeMap::new(),
            ready: BTreeSet::new(),
            later: BTreeSet::new(),
            drained: BTreeMap::new(),
            overflow: Some(Spill::at(Seq(0))),
            running: 0,
            committed: Seq(0),
            refilling: false,
            refused_low: None,
        }
    }

    /// Offers a message that was just committed, or made workable again (repaired, replayed).
    /// One with a lower `seq` than those already worked on runs next in its conversation.
    pub fn offer(&mut self, item: LaneItem<T>) -> Offered {
        self.committed = self.committed.max(item.seq);
        if self.by_message.contains_key(&item.message) {
            return Offered::Known;
        }
        if self.overflow.is_some() || self.held() >= self.limits.held {
            Spill::add(&mut self.overflow, item.seq);
            self.refused(item.seq);
            return Offered::Stored;
        }
        let full = !self.lane_has_room(item.conversation);
        let spill = self
            .lanes
            .get(&item.conversation)
            .and_then(|lane| lane.spill);
        if full || spill.is_some_and(|s| item.seq >= s.from) {
            self.spill_lane(item.conversation, item.seq);
            self.shed_from_spill(item.conversation);
            self.refused(item.seq);
            return Offered::Stored;
        }
        self.take(item);
        Offered::Taken
    }

    /// Offers a message whose content has come after all. Where it is still waited for, it takes
    /// its place in the lane at once; a run that has begun without it is not disturbed.
    pub fn repaired(&mut self, item: LaneItem<T>) -> Offered {
        let lane = self
            .by_message
            .get(&item.message)
            .and_then(|conversation| self.lanes.get_mut(conversation));
        let Some(held) = lane.and_then(|lane| lane.waiting.get_mut(&item.seq)) else {
            return self.offer(item);
        };
        let conversation = held.conversation;
        *held = LaneItem {
            conversation,
            ..item
        };
        self.settle(conversation);
        Offered::Taken
    }

    /// The next message to start, if a conversation is free, its head is due and fewer than the
    /// allowed number run.
    pub fn next(&mut self, now: Timestamp) -> Option<LaneItem<T>> {
        self.wake(now);
        if self.running >= self.limits.parallel {
            return None;
        }
        let (seq, conversation) = self.ready.pop_first()?;
        let lane = self.lanes.get_mut(&conversation)?;
        lane.queued = None;
        let item = lane.waiting.remove(&seq)?;
        lane.running.insert(item.message, item.clone());
        self.running += 1;
        Some(item)
    }

    /// Conversations worked on at once from now on; what runs already goes on.
    pub fn set_parallel(&mut self, parallel: usize) {
        self.limits.parallel = parallel.max(1);
    }

    /// What there is to do now.
    pub fn demand(&mut self, now: Timestamp) -> Demand {
        self.wake(now);
        Demand {
            held: self.held(),
            unserved: self.ready.len(),
            running: self.running,
        }
    }

    /// When to call [`Lanes::next`] again if nothing else happens first.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.later.first().map(|(at, _, _)| *at)
    }

    /// The message is done: processed and committed, or found done already.
    pub fn finished(&mut self, message: MessageId) {
        let Some(conversation) = self.stop_running(message) else {
            return;
        };
        self.by_message.remove(&message);
        self.settle(conversation);
    }

    /// The message went to the dead letters; its conversation goes on without it.
    pub fn buried(&mut self, message: MessageId) {
        self.finished(message);
    }

    /// The message failed for the `attempt`th time and is tried again at `until`. What follows it
    /// in its conversation waits in the store meanwhile.
    pub fn postponed(&mut self, message: MessageId, attempt: u32, until: Timestamp) {
        let Some(conversation) = self.by_message.get(&message).copied() else {
            return;
        };
        let item = self
            .lanes
            .get_mut(&conversation)
            .and_then(|lane| lane.running.remove(&message));
        let Some(mut item) = item else { return };
        self.running -= 1;
        (item.attempt, item.next_at) = (attempt, until);
        if let Some(lane) = self.lanes.get_mut(&conversation) {
            for (seq, waiting) in std::mem::take(&mut lane.waiting) {
                self.by_message.remove(&waiting.message);
                Spill::add(&mut lane.spill, seq);
            }
            lane.waiting.insert(item.seq, item);
        }
        self.settle(conversation);
    }

    /// The message may not go yet, through no fault of its own: it keeps its place, and what
    /// follows it stays in memory.
    pub fn deferred(&mut self, message: MessageId, until: Timestamp, work: T) {
        let Some(conversation) = self.by_message.get(&message).copied() else {
            return;
        };
        let item = self
            .lanes
            .get_mut(&conversation)
            .and_then(|lane| lane.running.remove(&message));
        let Some(mut item) = item else { return };
        self.running -= 1;
        (item.next_at, item.work) = (until, work);
        if let Some(lane) = self.lanes.get_mut(&conversation) {
            lane.waiting.insert(item.seq, item);
        }
        self.settle(conversation);
    }

    /// Replaces what is carried along with a message, waiting or running.
    pub fn reworked(&mut self, message: MessageId, work: T) {
        let Some(conversation) = self.by_message.get(&message) else {
            return;
        };
        let Some(lane) = self.lanes.get_mut(conversation) else {
            return;
        };
        let running = lane.running.get_mut(&message);
        let item = running.or_else(|| lane.waiting.values_mut().find(|i| i.message == message));
        if let Some(item) = item {
            item.work = work;
        }
    }

    /// The message is settled without being run, wherever it stands. Nothing if it is not held.
    pub fn removed(&mut self, message: MessageId) -> Option<LaneItem<T>> {
        let conversation = self.by_message.remove(&message)?;
        let lane = self.lanes.get_mut(&conversation)?;
        let running = lane.running.remove(&message);
        self.running -= usize::from(running.is_some());
        let seq = lane
            .waiting
            .values()
            .find(|i| i.message == message)
            .map(|i| i.seq);
        let item = running.or_else(|| seq.and_then(|seq| lane.waiting.remove(&seq)));
        self.settle(conversation);
        item
    }

    /// What is held of a message, waiting or running.
    #[must_use]
    pub fn get(&self, message: MessageId) -> Option<&LaneItem<T>> {
        let lane = self.lanes.get(self.by_message.get(&message)?)?;
        let waiting = || lane.waiting.values().find(|i| i.message == message);
        lane.running.get(&message).or_else(waiting)
    }

    /// Everything that is held, in no particular order.
    pub fn messages(&self) -> impl Iterator<Item = MessageId> + '_ {
        self.by_message.keys().copied()
    }

    /// The message that must go before this one in its conversation, if both are held.
    #[must_use]
    pub fn head_before(&self, message: MessageId) -> Option<MessageId> {
        let lane = self.lanes.get(self.by_message.get(&message)?)?;
        let first = lane.running.keys().next().copied();
        let head = first.or_else(|| lane.waiting.values().next().map(|i| i.message))?;
        (head != message && !lane.running.contains_key(&message)).then_some(head)
    }

    /// Two conversations turned out to be one: what is held of `from` continues in `into`.
    pub fn merged(&mut self, from: ConversationId, into: ConversationId) {
        if from == into {
            return;
        }
        self.unqueue(from);
        self.drained.remove(&from);
        let Some(old) = self.lanes.remove(&from) else {
            return;
        };
        for message in old
            .running
            .keys()
            .chain(old.waiting.values().map(|i| &i.message))
        {
            self.by_message.insert(*message, into);
        }
        let relabel = |mut item: LaneItem<T>| {
            item.conversation = into;
            item
        };
        let lane = self.lanes.entry(into).or_default();
        lane.running.extend(
            old.running
                .into_iter()
                .map(|(id, item)| (id, relabel(item))),
        );
        lane.waiting.extend(
            old.waiting
                .into_iter()
                .map(|(seq, item)| (seq, relabel(item))),
        );
        if let Some(spill) = old.spill {
            Spill::add(&mut lane.spill, spill.from);
            Spill::add(&mut lane.spill, spill.high);
        }
        self.shed_from_spill(into);
        self.settle(into);
    }

    /// What to read from the store, when there is something left there and room for it. One
    /// request is open at a time; answer it with [`Lanes::refilled`] or [`Lanes::refill_failed`].
    pub fn refill(&mut self) -> Option<Refill> {
        let held = self.held();
        if self.refilling || held >= self.limits.held {
            return None;
        }
        let lane = self.drained.values().min().copied();
        let rest = self
            .overflow
            .filter(|_| held <= self.limits.low)
            .map(|s| s.from);
        let from = match (lane, rest) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b)?,
        };
        self.refilling = true;
        self.refused_low = None;
        let after = Seq(from.0.saturating_sub(1));
        Some(Refill {
            after,
            limit: REFILL_ROWS,
            committed: self.committed,
        })
    }

    /// The store could not be read; the next [`Lanes::refill`] asks again.
    pub fn refill_failed(&mut self) {
        self.refilling = false;
    }

    /// The rows that `request` asked for, in order. Fewer than its limit means there are no more.
    pub fn refilled(&mut self, request: Refill, items: Vec<LaneItem<T>>) {
        self.refilling = false;
        let (through, exhausted) = self.covered(request, &items);
        let mut left_behind = BTreeSet::new();
        let mut overflow_stopped = false;
        for item in items {
            let (seq, conversation) = (item.seq, item.conversation);
            if self.by_message.contains_key(&item.message) {
                continue;
            }
            let room = self.held() < self.limits.held;
            let spill = self.lanes.get(&conversation).and_then(|lane| lane.spill);
            if let Some(spill) = spill.filter(|s| seq >= s.from) {
                let next = spill.covers(seq, request) && !left_behind.contains(&conversation);
                if next && room && self.lane_has_room(conversation) {
                    self.take(item);
                } else {
                    left_behind.insert(conversation);
                    self.spill_lane(conversation, seq);
                }
            } else if self.overflow.is_some_and(|s| s.covers(seq, request)) && !overflow_stopped {
                if !room {
                    overflow_stopped = true;
                    Spill::add(&mut self.overflow, seq);
                    if let Some(s) = &mut self.overflow {
                        s.from = seq;
                    }
                } else if self.lane_has_room(conversation) {
                    self.take(item);
                } else {
                    left_behind.insert(conversation);
                    self.spill_lane(conversation, seq);
                }
            }
            // Otherwise it was finished between the reading and now, or earlier rows come first.
        }
        if !overflow_stopped {
            self.advance_overflow(request, through, exhausted);
        }
        self.advance_lanes(request, through, exhausted, &left_behind);
    }

    /// Messages held in memory, waiting and running.
    #[must_use]
    pub fn held(&self) -> usize {
        self.by_message.len()
    }

    /// Messages being worked on.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// True when nothing is held and nothing is known to wait in the store.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.by_message.is_empty() && self.overflow.is_none() && self.drained.is_empty()
    }

    fn refused(&mut self, seq: Seq) {
        let low = self.refused_low.unwrap_or(seq);
        self.refused_low = Some(low.min(seq));
    }

    /// How far the rows reach, and whether there are no more behind them.
    fn covered(&self, request: Refill, items: &[LaneItem<T>]) -> (Seq, bool) {
        let exhausted = items.len() < request.limit;
        let last = items.last().map_or(request.after, |i| i.seq);
        let through = if exhausted {
            last.max(request.committed)
        } else {
            last
        };
        match self.refused_low {
            Some(low) if low <= through => (Seq(low.0.saturating_sub(1)), false),
            _ => (through, exhausted),
        }
    }

    fn wake(&mut self, now: Timestamp) {
        while let Some((at, seq, conversation)) = self.later.first().copied() {
            if at > now {
                break;
            }
            self.later.pop_first();
            self.ready.insert((seq, conversation));
            if let Some(lane) = self.lanes.get_mut(&conversation) {
                lane.queued = Some((Timestamp(i64::MIN), seq));
            }
        }
    }

    fn take(&mut self, item: LaneItem<T>) {
        let conversation = item.conversation;
        self.by_message.insert(item.message, conversation);
        self.lanes
            .entry(conversation)
            .or_default()
            .waiting
            .insert(item.seq, item);
        self.settle(conversation);
    }

    fn stop_running(&mut self, message: MessageId) -> Option<ConversationId> {
        let conversation = self.by_message.get(&message).copied()?;
        self.lanes
            .get_mut(&conversation)?
            .running
            .remove(&message)?;
        self.running -= 1;
        Some(conversation)
    }

    fn lane_has_room(&self, conversation: ConversationId) -> bool {
        let per_lane = self.limits.per_lane;
        self.lanes.get(&conversation).is_none_or(|lane| {
            let failing = lane
                .waiting
                .values()
                .next()
                .is_some_and(|head| head.attempt > 0);
            lane.waiting.len() < per_lane && !failing
        })
    }

    fn spill_lane(&mut self, conversation: ConversationId, seq: Seq) {
        if let Some(lane) = self.lanes.get_mut(&conversation) {
            Spill::add(&mut lane.spill, seq);
        }
    }

    /// Keeps the order: nothing behind the first message left in the store stays in memory.
    fn shed_from_spill(&mut self, conversation: ConversationId) {
        let Some(lane) = self.lanes.get_mut(&conversation) else {
            return;
        };
        let Some(spill) = lane.spill else { return };
        let tail = lane.waiting.split_off(&spill.from);
        for (seq, item) in tail {
            self.by_message.remove(&item.message);
            Spill::add(&mut lane.spill, seq);
        }
        self.settle(conversation);
    }

    fn unqueue(&mut self, conversation: ConversationId) {
        let queued = self
            .lanes
            .get_mut(&conversation)
            .and_then(|lane| lane.queued.take());
        if let Some((at, seq)) = queued {
            self.ready.remove(&(seq, conversation));
            self.later.remove(&(at, seq, conversation));
        }
    }

    /// Puts a lane where it belongs after any change to it.
    fn settle(&mut self, conversation: ConversationId) {
        self.unqueue(conversation);
        self.drained.remove(&conversation);
        let Some(lane) = self.lanes.get_mut(&conversation) else {
            return;
        };
        if lane.is_drained() {
            match lane.spill {
                Some(spill) => {
                    self.drained.insert(conversation, spill.from);
                }
                None => {
                    self.lanes.remove(&conversation);
                }
            }
            return;
        }
        if !lane.running.is_empty() {
            return;
        }
        if let Some(head) = lane.waiting.values().next() {
            let (at, seq) = (head.next_at, head.seq);
            lane.queued = Some((at, seq));
            self.later.insert((at, seq, conversation));
        }
    }

    fn advance_overflow(&mut self, request: Refill, through: Seq, exhausted: bool) {
        let Some(spill) = &mut self.overflow else {
            return;
        };
        if exhausted && spill.high <= request.committed.max(through) && spill.from > request.after {
            self.overflow = None;
        } else if spill.from > request.after {
            spill.from = spill.from.max(Seq(through.0.saturating_add(1)));
        }
    }

    fn advance_lanes(
        &mut self,
        request: Refill,
        through: Seq,
        exhausted: bool,
        left_behind: &BTreeSet<ConversationId>,
    ) {
        let read: Vec<ConversationId> = self
            .lanes
            .iter()
            .filter(|(id, lane)| {
                !left_behind.contains(id) && lane.spill.is_some_and(|s| s.from > request.after)
            })
            .map(|(id, _)| *id)
            .collect();
        for conversation in read {
            let Some(lane) = self.lanes.get_mut(&conversation) else {
                continue;
            };
            let Some(spill) = &mut lane.spill else {
                continue;
            };
            spill.from = spill.from.max(Seq(through.0.saturating_add(1)));
            let all_read = exhausted && spill.high <= through;
            if all_read || spill.from > spill.high {
                lane.spill = None;
            }
            self.settle(conversation);
        }
    }
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
