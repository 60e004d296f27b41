use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

fn item(conversation: i64, seq: i64) -> LaneItem<()> {
    LaneItem {
        message: MessageId::from_raw(seq),
        conversation: ConversationId::from_raw(conversation),
        seq: Seq(seq),
        attempt: 0,
        next_at: Timestamp(0),
        work: (),
    }
}

fn id(seq: i64) -> MessageId {
    MessageId::from_raw(seq)
}

/// Lanes whose store was empty when the process started.
fn fresh(limits: LaneLimits) -> Lanes<()> {
    let mut lanes = Lanes::new(limits);
    let request = lanes
        .refill()
        .expect("the first thing is to look into the store");
    lanes.refilled(request, Vec::new());
    lanes
}

fn start(lanes: &mut Lanes<()>, now: i64) -> Vec<i64> {
    std::iter::from_fn(|| lanes.next(Timestamp(now)).map(|i| i.seq.0)).collect()
}

#[test]
fn a_conversation_is_worked_on_in_order_and_others_beside_it() {
    let mut lanes = fresh(LaneLimits::default());
    for (conversation, seq) in [(1, 1), (1, 2), (2, 3), (1, 4)] {
        assert_eq!(lanes.offer(item(conversation, seq)), Offered::Taken);
    }
    assert_eq!(lanes.offer(item(1, 2)), Offered::Known);
    assert_eq!(start(&mut lanes, 0), [1, 3]);
    lanes.finished(id(1));
    assert_eq!(start(&mut lanes, 0), [2]);
    lanes.finished(id(3));
    lanes.finished(id(2));
    assert_eq!(start(&mut lanes, 0), [4]);
    lanes.buried(id(4));
    assert!(lanes.is_idle());
}

#[test]
fn a_poisoned_message_holds_up_only_its_own_conversation() {
    let mut lanes = fresh(LaneLimits::default());
    for seq in 1..=3 {
        lanes.offer(item(1, seq));
    }
    assert_eq!(start(&mut lanes, 0), [1]);
    lanes.postponed(id(1), 1, Timestamp(60_000));
    assert_eq!(lanes.held(), 1, "what follows it waits in the store");
    lanes.offer(item(2, 4));
    assert_eq!(start(&mut lanes, 59_999), [4]);
    assert_eq!(lanes.wake_at(), Some(Timestamp(60_000)));
    assert_eq!(
        lanes.next(Timestamp(60_000)).map(|i| (i.seq.0, i.attempt)),
        Some((1, 1))
    );
    lanes.buried(id(1));
    let request = lanes
        .refill()
        .expect("its conversation goes on from the store");
    assert_eq!(request.after, Seq(1));
    lanes.refilled(request, vec![item(1, 2), item(1, 3), item(2, 4)]);
    assert_eq!(start(&mut lanes, 60_000), [2]);
    lanes.finished(id(2));
    assert_eq!(start(&mut lanes, 60_000), [3]);
}

#[test]
fn a_conversation_waits_for_a_repair_and_goes_on_with_it_in_its_place() {
    let mut lanes = fresh(LaneLimits::default());
    let awaited = LaneItem {
        next_at: Timestamp(10_000),
        ..item(1, 1)
    };
    for one in [awaited, item(1, 2), item(2, 3)] {
        lanes.offer(one);
    }
    assert_eq!(start(&mut lanes, 0), [3], "the other conversation goes on");
    assert_eq!(lanes.repaired(item(1, 1)), Offered::Taken);
    assert_eq!(start(&mut lanes, 1), [1]);
    assert_eq!(
        lanes.repaired(item(1, 1)),
        Offered::Known,
        "it runs already"
    );
    lanes.finished(id(1));
    assert_eq!(start(&mut lanes, 1), [2]);
    lanes.finished(id(2));
    assert_eq!(
        lanes.repaired(item(1, 1)),
        Offered::Taken,
        "it came too late to wait for"
    );
    assert_eq!(start(&mut lanes, 1), [1]);
}

#[test]
fn after_a_restart_the_store_is_read_before_anything_new_is_started() {
    let mut lanes = Lanes::new(LaneLimits::default());
    assert_eq!(lanes.offer(item(1, 7)), Offered::Stored);
    let request = lanes.refill().unwrap();
    assert_eq!(lanes.refill(), None, "one request at a time");
    assert_eq!(
        lanes.offer(item(1, 8)),
        Offered::Stored,
        "committed while the store was read"
    );
    lanes.refilled(request, vec![item(1, 5), item(1, 7)]);
    assert_eq!(start(&mut lanes, 0), [5]);
    let request = lanes.refill().unwrap();
    assert_eq!(request.after, Seq(7));
    lanes.refilled(request, vec![item(1, 8)]);
    assert_eq!(lanes.offer(item(1, 9)), Offered::Taken);
}

#[test]
fn merged_conversations_become_one_lane() {
    let mut lanes = fresh(LaneLimits::default());
    for (conversation, seq) in [(1, 1), (2, 2), (1, 3), (2, 4)] {
        lanes.offer(item(conversation, seq));
    }
    assert_eq!(start(&mut lanes, 0), [1, 2]);
    lanes.merged(ConversationId::from_raw(2), ConversationId::from_raw(1));
    lanes.finished(id(2));
    assert_eq!(
        start(&mut lanes, 0),
        Vec::<i64>::new(),
        "the other is still in work"
    );
    lanes.finished(id(1));
    assert_eq!(start(&mut lanes, 0), [3]);
    lanes.finished(id(3));
    assert_eq!(
        lanes.next(Timestamp(0)).map(|i| i.conversation.raw()),
        Some(1)
    );
}

/// What the store would hold, and a driver that works the lanes off it.
struct World {
    lanes: Lanes<()>,
    limits: LaneLimits,
    unfinished: BTreeMap<i64, LaneItem<()>>,
    finished: BTreeMap<i64, Vec<i64>>,
    running: BTreeMap<i64, LaneItem<()>>,
    reading: Option<(Refill, Vec<LaneItem<()>>)>,
    now: i64,
    next_seq: i64,
}

#[derive(Debug, Clone)]
enum Step {
    Accept(i64),
    Start,
    Finish(usize),
    Fail(usize),
    Read,
    Answer,
    Wait,
    Restart,
}

impl World {
    fn new(limits: LaneLimits) -> Self {
        Self {
            lanes: Lanes::new(limits),
            limits,
            unfinished: BTreeMap::new(),
            finished: BTreeMap::new(),
            running: BTreeMap::new(),
            reading: None,
            now: 0,
            next_seq: 1,
        }
    }

    fn pick(&self, nth: usize) -> Option<LaneItem<()>> {
        let n = self.running.len().max(1);
        self.running.values().nth(nth % n).cloned()
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Accept(conversation) => {
                let item = item(*conversation, self.next_seq);
                self.unfinished.insert(self.next_seq, item.clone());
                self.next_seq += 1;
                self.lanes.offer(item);
            }
            Step::Start => {
                if let Some(item) = self.lanes.next(Timestamp(self.now)) {
                    let clash = self
                        .running
                        .values()
                        .any(|r| r.conversation == item.conversation);
                    assert!(!clash, "two of one conversation in work");
                    assert!(item.next_at.0 <= self.now);
                    self.running.insert(item.seq.0, item);
                }
            }
            Step::Finish(nth) => {
                let Some(item) = self.pick(*nth) else { return };
                self.running.remove(&item.seq.0);
                // A second run of finished work is dropped by the store's compare-and-set.
                if self.unfinished.remove(&item.seq.0).is_some() {
                    self.finished
                        .entry(item.conversation.raw())
                        .or_default()
                        .push(item.seq.0);
                }
                self.lanes.finished(item.message);
            }
            Step::Fail(nth) => {
                let Some(item) = self.pick(*nth) else { return };
                self.running.remove(&item.seq.0);
                let until = Timestamp(self.now + 3);
                if let Some(stored) = self.unfinished.get_mut(&item.seq.0) {
                    (stored.attempt, stored.next_at) = (item.attempt + 1, until);
                }
                self.lanes.postponed(item.message, item.attempt + 1, until);
            }
            Step::Read => {
                if self.reading.is_none()
                    && let Some(request) = self.lanes.refill()
                {
                    let rows = self
                        .unfinished
                        .range(request.after.0 + 1..)
                        .take(request.limit)
                        .map(|(_, i)| i.clone())
                        .collect();
                    self.reading = Some((request, rows));
                }
            }
            Step::Answer => {
                if let Some((request, rows)) = self.reading.take() {
                    self.lanes.refilled(request, rows);
                }
            }
            Step::Wait => self.now += 1,
            Step::Restart => {
                self.lanes = Lanes::new(self.limits);
                self.running.clear();
                self.reading = None;
            }
        }
        assert!(
            self.lanes.held() <= self.limits.held,
            "held {}",
            self.lanes.held()
        );
        assert!(self.lanes.running() <= self.limits.parallel);
    }

    fn drain(&mut self) {
        let mut queue: VecDeque<Step> = VecDeque::new();
        for round in 0.. {
            if self.unfinished.is_empty() {
                break;
            }
            assert!(
                round < 20_000,
                "stuck with {} unfinished",
                self.unfinished.len()
            );
            queue.extend([
                Step::Read,
                Step::Answer,
                Step::Start,
                Step::Finish(0),
                Step::Wait,
            ]);
            while let Some(step) = queue.pop_front() {
                self.apply(&step);
            }
        }
        let in_order = |seqs: &Vec<i64>| seqs.is_sorted();
        assert!(self.finished.values().all(in_order), "{:?}", self.finished);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (1i64..6).prop_map(Step::Accept),
        6 => Just(Step::Start),
        5 => (0usize..8).prop_map(Step::Finish),
        1 => (0usize..8).prop_map(Step::Fail),
        3 => Just(Step::Read),
        3 => Just(Step::Answer),
        1 => Just(Step::Wait),
    ];
    let rare = prop_oneof![60 => step, 1 => Just(Step::Restart)];
    prop::collection::vec(rare, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn nothing_is_forgotten_or_reordered_however_little_memory_there_is(
        steps in steps(),
        parallel in 1usize..4,
        held in 1usize..12,
        per_lane in 1usize..5,
    ) {
        let mut world = World::new(LaneLimits { parallel, held, low: held / 2, per_lane });
        for step in &steps {
            world.apply(step);
        }
        world.drain();
    }
}

#[test]
fn a_conversation_that_always_fails_costs_the_others_nothing() {
    let limits = LaneLimits {
        parallel: 2,
        held: 8,
        low: 4,
        per_lane: 4,
    };
    let mut world = World::new(limits);
    for n in 0..600 {
        world.apply(&Step::Accept(if n % 2 == 0 { 99 } else { n % 7 }));
    }
    for _ in 0..4_000 {
        for step in [
            Step::Read,
            Step::Answer,
            Step::Start,
            Step::Start,
            Step::Wait,
        ] {
            world.apply(&step);
        }
        let poisoned: Vec<bool> = world
            .running
            .values()
            .map(|i| i.conversation.raw() == 99)
            .collect();
        for (nth, fails) in poisoned.into_iter().enumerate().rev() {
            world.apply(&if fails {
                Step::Fail(nth)
            } else {
                Step::Finish(nth)
            });
        }
    }
    let left = world
        .unfinished
        .values()
        .filter(|i| i.conversation.raw() != 99)
        .count();
    assert_eq!(left, 0, "others must have been finished");
    assert_eq!(
        world.unfinished.len(),
        300,
        "the poisoned ones all wait in the store"
    );
}
