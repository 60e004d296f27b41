use super::*;
use crate::flow::caution::Guard;
use crate::flow::human::HumanPace;
use crate::flow::lanes::LaneLimits;
use crate::flow::rate::Rate;
use crate::model::id::ConversationId;
use crate::model::message::Seq;
use proptest::prelude::*;

fn id(seq: i64) -> MessageId {
    MessageId::from_raw(seq)
}

fn entry(conversation: i64, seq: i64) -> Entry {
    let to = Address::lid(&conversation.to_string());
    Entry {
        message: id(seq),
        conversation: ConversationId::from_raw(conversation),
        seq: Seq(seq),
        attempt: 0,
        next_at: Timestamp(0),
        work: Parcel {
            to,
            readiness: Readiness::Frozen,
            last_error: None,
            chat: Chat::Answer,
            typed: 0,
            done: Done::Nothing,
        },
    }
}

/// An online outbox whose store holds nothing yet.
fn online(config: OutboxConfig) -> Outbox {
    let mut outbox = Outbox::new(config, Caution::new(Timestamp(0)));
    let request = outbox.refill().expect("it first reads the store");
    outbox.refilled(request, Vec::new());
    outbox.step(Input::Connected, Timestamp(0), Jitter::NONE);
    outbox
}

fn step(outbox: &mut Outbox, input: Input, now: i64) -> Vec<Effect> {
    outbox.step(input, Timestamp(now), Jitter::NONE)
}

fn queue(outbox: &mut Outbox, conversation: i64, seq: i64) {
    assert_eq!(outbox.queued(entry(conversation, seq)), Offered::Taken);
}

fn accepted(seq: i64) -> Input {
    Input::Acked {
        message: id(seq),
        error: None,
    }
}

fn refused(seq: i64, status: u32) -> Input {
    Input::Acked {
        message: id(seq),
        error: Some(status),
    }
}

#[test]
fn a_conversation_has_one_send_in_flight_until_the_server_answers() {
    let mut outbox = online(OutboxConfig::default());
    for (conversation, seq) in [(1, 1), (1, 2), (2, 3)] {
        queue(&mut outbox, conversation, seq);
    }
    assert_eq!(
        step(&mut outbox, Input::Tick, 0),
        [Effect::Send(id(1)), Effect::Send(id(3))]
    );
    assert_eq!(step(&mut outbox, Input::Written(id(1)), 5), []);
    assert_eq!(outbox.why_waiting(id(1), Timestamp(5)), Waiting::InFlight);
    assert_eq!(
        outbox.why_waiting(id(2), Timestamp(5)),
        Waiting::Behind {
            message: Some(id(1))
        }
    );
    let effects = step(&mut outbox, accepted(1), 10);
    assert_eq!(effects, [Effect::Accepted(id(1)), Effect::Send(id(2))]);
}

#[test]
fn what_waits_is_summed_up_by_reason() {
    let mut outbox = online(OutboxConfig::default());
    for (conversation, seq) in [(1, 1), (1, 2), (1, 3), (2, 4)] {
        queue(&mut outbox, conversation, seq);
    }
    step(&mut outbox, Input::Tick, 0);
    let reasons = |outbox: &Outbox, most: usize| -> Vec<(&str, usize)> {
        let waiting = outbox.waiting(most, Timestamp(0));
        waiting
            .iter()
            .map(|(why, count)| (why.code(), *count))
            .collect()
    };
    let all = reasons(&outbox, 10);
    assert_eq!(all.len(), 2);
    assert!(
        all.contains(&("behind", 2)) && all.contains(&("in_flight", 2)),
        "{all:?}"
    );
    let some: usize = reasons(&outbox, 3).iter().map(|(_, count)| count).sum();
    assert_eq!(some, 3);
    // What follows a send that is tried again is read from the store in its turn.
    step(&mut outbox, Input::Disconnected, 0);
    assert_eq!(reasons(&outbox, 10), [("not_connected", 2)]);
}

#[test]
fn silence_replaces_the_connection_and_repeats_the_same_send() {
    let mut outbox = online(OutboxConfig::default());
    queue(&mut outbox, 1, 1);
    step(&mut outbox, Input::Tick, 0);
    assert_eq!(outbox.wake_at(Timestamp(0)), Some(Timestamp(20_000)));
    let effects = step(&mut outbox, Input::Tick, 20_000);
    assert!(matches!(
        &effects[..],
        [Effect::Retry { attempts: 1, .. }, Effect::Reconnect]
    ));
    assert_eq!(
        outbox.why_waiting(id(1), Timestamp(20_000)),
        Waiting::NotConnected
    );
    assert_eq!(
        step(&mut outbox, Input::Tick, 60_000),
        [],
        "it asks for one connection only"
    );
    step(&mut outbox, Input::Disconnected, 60_000);
    assert_eq!(
        step(&mut outbox, Input::Connected, 61_000),
        [Effect::Send(id(1))]
    );
}

#[test]
fn an_answer_that_comes_late_still_settles_the_send() {
    let mut outbox = online(OutboxConfig::default());
    queue(&mut outbox, 1, 1);
    step(&mut outbox, Input::Tick, 0);
    step(&mut outbox, Input::Disconnected, 100);
    assert_eq!(
        step(&mut outbox, accepted(1), 200),
        [Effect::Accepted(id(1))]
    );
    assert_eq!(step(&mut outbox, Input::Connected, 90_000), []);
    assert_eq!(outbox.held(), 0);
}

#[test]
fn a_head_that_is_retried_holds_up_its_own_conversation_only() {
    let mut outbox = online(OutboxConfig::default());
    for (conversation, seq) in [(1, 1), (1, 2), (2, 3)] {
        queue(&mut outbox, conversation, seq);
    }
    step(&mut outbox, Input::Tick, 0);
    step(&mut outbox, refused(1, 503), 10);
    assert_eq!(
        outbox.why_waiting(id(1), Timestamp(20)),
        Waiting::Retry {
            at: Timestamp(2_010),
            error: "WhatsApp answered 503".into()
        },
    );
    queue(&mut outbox, 3, 4);
    assert_eq!(step(&mut outbox, Input::Tick, 30), [Effect::Send(id(4))]);
    assert_eq!(step(&mut outbox, Input::Tick, 2_010), [Effect::Send(id(1))]);
}

#[test]
fn a_refusal_is_final_and_says_why() {
    let mut outbox = online(OutboxConfig::default());
    queue(&mut outbox, 1, 1);
    queue(&mut outbox, 1, 2);
    step(&mut outbox, Input::Tick, 0);
    let effects = step(&mut outbox, refused(1, 463), 1);
    assert_eq!(
        effects,
        [
            Effect::Fail(id(1), FailReason::Restricted),
            Effect::Send(id(2))
        ]
    );
    let effects = step(&mut outbox, refused(2, 479), 2);
    assert_eq!(
        effects,
        [Effect::Fail(id(2), FailReason::Refused { status: 479 })]
    );
}

#[test]
fn after_the_last_attempt_it_fails_and_the_conversation_goes_on() {
    let config = OutboxConfig {
        attempts_max: 3,
        ..OutboxConfig::default()
    };
    let mut outbox = online(config);
    queue(&mut outbox, 1, 1);
    let (mut now, mut sends) = (0, 0);
    loop {
        now += 60_000;
        let effects = step(&mut outbox, Input::Tick, now);
        if effects.is_empty() {
            break;
        }
        assert_eq!(effects, [Effect::Send(id(1))]);
        sends += 1;
        let error = "broken pipe".to_owned();
        let effects = step(
            &mut outbox,
            Input::NotWritten {
                message: id(1),
                error,
            },
            now + 1,
        );
        if let [Effect::Fail(_, FailReason::Exhausted { error })] = &effects[..] {
            assert_eq!(error, "broken pipe");
        }
    }
    assert_eq!((sends, outbox.held()), (3, 0));
    queue(&mut outbox, 1, 2);
    assert_eq!(step(&mut outbox, Input::Tick, now), [Effect::Send(id(2))]);
}

#[test]
fn a_file_is_uploaded_then_frozen_then_sent() {
    let mut outbox = online(OutboxConfig::default());
    let mut picture = entry(1, 1);
    picture.work.readiness = Readiness::NeedsUpload;
    outbox.queued(picture);
    queue(&mut outbox, 1, 2);
    assert_eq!(step(&mut outbox, Input::Tick, 0), [Effect::Upload(id(1))]);
    assert_eq!(
        outbox.why_waiting(id(1), Timestamp(0)),
        Waiting::MediaUpload
    );
    assert_eq!(
        step(&mut outbox, Input::Frozen(id(1)), 1),
        [],
        "not before it is uploaded"
    );
    assert_eq!(
        step(&mut outbox, Input::Uploaded(id(1)), 2),
        [Effect::Freeze(id(1))]
    );
    assert_eq!(step(&mut outbox, Input::Disconnected, 3), []);
    assert_eq!(step(&mut outbox, Input::Frozen(id(1)), 4), []);
    assert_eq!(
        step(&mut outbox, Input::Connected, 5),
        [Effect::Send(id(1))],
        "no second upload"
    );
}

#[test]
fn a_missing_file_fails_at_once() {
    let mut outbox = online(OutboxConfig::default());
    let mut picture = entry(1, 1);
    picture.work.readiness = Readiness::NeedsUpload;
    outbox.queued(picture);
    step(&mut outbox, Input::Tick, 0);
    let reason = FailReason::Media {
        error: "the file is gone".into(),
    };
    let fatal = Some(reason.clone());
    let input = Input::NotPrepared {
        message: id(1),
        error: "gone".into(),
        fatal,
    };
    assert_eq!(step(&mut outbox, input, 1), [Effect::Fail(id(1), reason)]);
}

#[test]
fn a_recipient_gets_five_at_once_and_others_do_not_wait_for_them() {
    let mut outbox = online(OutboxConfig::default());
    for seq in 1..=8 {
        queue(&mut outbox, 1, seq);
    }
    queue(&mut outbox, 2, 9);
    let mut sent = Vec::new();
    for now in (0..3_000).step_by(10) {
        let mut effects = step(&mut outbox, Input::Tick, now);
        while let Some(effect) = effects.pop() {
            if let Effect::Send(message) = effect {
                sent.push((now, message.raw()));
                effects.extend(step(&mut outbox, accepted(message.raw()), now));
            }
        }
        if now == 0 {
            let waiting = outbox.why_waiting(id(6), Timestamp(0));
            assert_eq!(
                waiting,
                Waiting::RateLimited {
                    until: Timestamp(500)
                }
            );
            assert_eq!(outbox.wake_at(Timestamp(0)), Some(Timestamp(500)));
        }
    }
    let times: Vec<i64> = sent
        .iter()
        .filter(|(_, m)| *m != 9)
        .map(|(at, _)| *at)
        .collect();
    assert_eq!(times, [0, 0, 0, 0, 0, 500, 1_000, 1_500]);
    assert!(sent.contains(&(0, 9)));
}

#[test]
fn what_is_in_flight_cannot_be_cancelled_and_what_waits_can() {
    let mut outbox = online(OutboxConfig::default());
    queue(&mut outbox, 1, 1);
    queue(&mut outbox, 1, 2);
    step(&mut outbox, Input::Tick, 0);
    assert_eq!(step(&mut outbox, Input::Cancel(id(1)), 1), []);
    let gone = [Effect::Fail(id(2), FailReason::Cancelled)];
    assert_eq!(step(&mut outbox, Input::Cancel(id(2)), 1), gone);
    assert_eq!(step(&mut outbox, accepted(1), 2), [Effect::Accepted(id(1))]);
}

fn to_stranger(seq: i64) -> Entry {
    let mut entry = entry(seq, seq);
    entry.work.chat = Chat::New;
    entry.work.to = Address::phone(&format!("9715000{seq:05}"));
    entry
}

fn checked(seq: i64, found: Found) -> Input {
    Input::Checked {
        message: id(seq),
        found,
    }
}

#[test]
fn a_stranger_is_asked_for_before_the_first_message() {
    let mut outbox = online(OutboxConfig::default());
    outbox.queued(to_stranger(1));
    assert_eq!(step(&mut outbox, Input::Tick, 0), [Effect::Check(id(1))]);
    let why = outbox.why_waiting(id(1), Timestamp(1));
    assert_eq!((why.code(), why), ("number_check", Waiting::NumberCheck));
    assert_eq!(
        step(&mut outbox, checked(1, Found::There), 5),
        [Effect::Send(id(1))]
    );
    step(&mut outbox, accepted(1), 6);

    outbox.queued(to_stranger(2));
    let later = 10 * 60_000;
    assert_eq!(
        step(&mut outbox, Input::Tick, later),
        [Effect::Check(id(2))]
    );
    assert_eq!(
        step(&mut outbox, checked(2, Found::Nobody), later),
        [Effect::Fail(id(2), FailReason::NotOnWhatsApp)]
    );
}

#[test]
fn a_check_that_is_lost_with_the_connection_is_made_again() {
    let mut outbox = online(OutboxConfig::default());
    outbox.queued(to_stranger(1));
    step(&mut outbox, Input::Tick, 0);
    step(&mut outbox, Input::Disconnected, 1);
    let input = Input::NotPrepared {
        message: id(1),
        error: "not connected".into(),
        fatal: None,
    };
    let effects = step(&mut outbox, input, 2);
    assert!(matches!(effects[..], [Effect::Retry { .. }]), "{effects:?}");
    step(&mut outbox, Input::Connected, 3);
    assert_eq!(
        step(&mut outbox, Input::Tick, 60_000),
        [Effect::Check(id(1))]
    );
}

#[test]
fn a_refused_stranger_holds_back_strangers_and_nobody_else() {
    let config = OutboxConfig {
        number_check: NumberCheck::Off,
        ..OutboxConfig::default()
    };
    let mut outbox = online(config);
    outbox.queued(to_stranger(1));
    assert_eq!(step(&mut outbox, Input::Tick, 0), [Effect::Send(id(1))]);
    let effects = step(&mut outbox, refused(1, 463), 10);
    let [
        Effect::Fail(_, FailReason::Restricted),
        Effect::Restricted(restriction),
    ] = &effects[..]
    else {
        panic!("{effects:?}");
    };
    let until = restriction.until;
    outbox.queued(to_stranger(2));
    queue(&mut outbox, 3, 3);
    let minute = 60_000;
    assert_eq!(
        step(&mut outbox, Input::Tick, minute),
        [Effect::Send(id(3))]
    );
    let by = Guard::Restricted;
    let why = outbox.why_waiting(id(2), Timestamp(minute));
    assert_eq!(why, Waiting::HeldBack { by, until });
    assert_eq!((why.code(), why.until()), ("restricted", Some(until)));
    // A refusal to somebody known is about them alone.
    let effects = step(&mut outbox, refused(3, 463), minute);
    assert_eq!(effects, [Effect::Fail(id(3), FailReason::Restricted)]);
    // WhatsApp says that it is over: within minutes it goes out.
    step(&mut outbox, Input::Told(None), minute + 1);
    let looked = outbox.wake_at(Timestamp(minute + 1)).unwrap();
    assert!(looked.0 <= minute + 5 * minute, "{looked:?}");
    assert_eq!(
        step(&mut outbox, Input::Tick, looked.0),
        [Effect::Send(id(2))]
    );
}

#[test]
fn strangers_wait_for_the_days_limit_and_say_so() {
    let caution = CautionConfig {
        new_chats_per_day: 1,
        warm_up: crate::flow::caution::WarmUp::Off,
        ..CautionConfig::default()
    };
    let config = OutboxConfig {
        caution,
        number_check: NumberCheck::Off,
        ..OutboxConfig::default()
    };
    let mut outbox = online(config);
    outbox.queued(to_stranger(1));
    outbox.queued(to_stranger(2));
    assert_eq!(step(&mut outbox, Input::Tick, 0), [Effect::Send(id(1))]);
    step(&mut outbox, accepted(1), 1);
    let why = outbox.why_waiting(id(2), Timestamp(1));
    let until = Timestamp(24 * 3_600_000);
    assert_eq!((why.code(), why.until()), ("new_chat_limit", Some(until)));
    assert_eq!(step(&mut outbox, Input::Tick, until.0 - 1), []);
    assert_eq!(
        step(&mut outbox, Input::Tick, until.0 + 300_000),
        [Effect::Send(id(2))]
    );
}

#[test]
fn somebody_types_before_the_words_come() {
    let config = OutboxConfig {
        human: HumanPace::On,
        ..OutboxConfig::default()
    };
    let mut outbox = online(config);
    let mut words = entry(1, 1);
    words.work.typed = 20;
    outbox.queued(words);
    let effects = step(&mut outbox, Input::Tick, 0);
    let [Effect::Type(message, until)] = effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(message, id(1));
    assert!((2_000..6_000).contains(&until.0), "{until:?}");
    assert_eq!(outbox.wake_at(Timestamp(0)), Some(until));
    assert_eq!(
        outbox.why_waiting(id(1), Timestamp(1)),
        Waiting::Typing { until }
    );
    // The connection goes meanwhile: nothing was sent, nothing has failed.
    assert_eq!(step(&mut outbox, Input::Disconnected, 10), []);
    let effects = step(&mut outbox, Input::Connected, 20);
    let [Effect::Type(_, until)] = effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(
        step(&mut outbox, Input::Tick, until.0),
        [Effect::Send(id(1))]
    );
    assert_eq!(
        step(&mut outbox, accepted(1), until.0),
        [Effect::Accepted(id(1))]
    );
    assert_eq!(outbox.deadlines.len(), 0);
}

/// A server that loses answers, closes connections and refuses, by the dice it is given.
#[derive(Default)]
struct Net {
    up: bool,
    reached: BTreeMap<i64, Vec<i64>>,
    stored: BTreeMap<i64, Entry>,
    unanswered: BTreeMap<i64, i64>,
    last: BTreeMap<i64, &'static str>,
    reading: Option<Refill>,
}

impl Net {
    fn obey(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(message) => {
                    let seq = message.raw();
                    let conversation = self.stored[&seq].conversation.raw();
                    assert!(!self.last.contains_key(&seq), "{seq} was final already");
                    let clash = self.unanswered.values().any(|c| *c == conversation);
                    assert!(!clash, "two of one conversation in flight");
                    self.unanswered.insert(seq, conversation);
                    let reached = self.reached.entry(conversation).or_default();
                    if !reached.contains(&seq) {
                        reached.push(seq);
                    }
                }
                Effect::Retry {
                    message,
                    attempts,
                    next_at,
                    error,
                } => {
                    let stored = self.stored.get_mut(&message.raw()).unwrap();
                    (stored.attempt, stored.next_at) = (attempts, next_at);
                    stored.work.last_error = Some(error);
                    self.unanswered.remove(&message.raw());
                }
                Effect::Accepted(message) => self.settle(message, "accepted"),
                Effect::Fail(message, _) => self.settle(message, "failed"),
                Effect::Reconnect => self.up = false,
                _ => unreachable!("all are frozen answers"),
            }
        }
    }

    fn settle(&mut self, message: MessageId, how: &'static str) {
        self.unanswered.remove(&message.raw());
        let before = self.last.insert(message.raw(), how);
        assert_eq!(before, None, "a final state never changes");
        self.stored.remove(&message.raw());
    }
}

fn run(dice: &[u8], held: usize) {
    let lanes = LaneLimits {
        parallel: 3,
        held,
        low: held / 2,
        per_lane: 3,
    };
    let unlimited = OutboxConfig {
        per_account: Rate {
            burst: 3,
            gap: Duration(20),
        },
        attempts_max: 1_000,
        lanes,
        ..OutboxConfig::default()
    };
    let (mut outbox, mut net) = (
        Outbox::new(unlimited, Caution::new(Timestamp(0))),
        Net::default(),
    );
    let (mut now, mut next_seq) = (0i64, 1i64);
    let calm = std::iter::repeat_n(&0u8, 30_000);
    for (round, roll) in dice.iter().chain(calm).enumerate() {
        let wild = round < dice.len();
        now += i64::from(*roll) * 10 + 50;
        if let Some(request) = net.reading.take() {
            let rows = net.stored.range(request.after.0 + 1..).take(request.limit);
            outbox.refilled(request, rows.map(|(_, e)| e.clone()).collect());
        }
        if wild && roll % 3 != 0 {
            let new = entry(i64::from(roll % 5), next_seq);
            net.stored.insert(next_seq, new.clone());
            next_seq += 1;
            outbox.queued(new);
        }
        let first = net.unanswered.keys().next().copied();
        let input = match (roll % 11, first) {
            (1, _) if net.up => {
                net.up = false;
                Input::Disconnected
            }
            (2..=5, Some(seq)) if net.up => accepted(seq),
            (6, Some(seq)) if net.up => refused(seq, 503),
            (7, Some(seq)) => refused(seq, 479),
            (0, Some(seq)) if net.up && !wild => accepted(seq),
            _ if !net.up => {
                net.up = true;
                Input::Connected
            }
            _ => Input::Tick,
        };
        let effects = outbox.step(input, Timestamp(now), Jitter::NONE);
        net.obey(effects);
        net.reading = outbox.refill();
        assert!(outbox.held() <= held);
        if !wild && net.stored.is_empty() {
            break;
        }
    }
    assert!(net.stored.is_empty(), "not final: {:?}", net.stored.keys());
    assert!(
        net.reached.values().all(|seqs| seqs.is_sorted()),
        "{:?}",
        net.reached
    );
    assert_eq!(outbox.in_flight(), 0);
    assert_eq!(outbox.deadlines.len(), 0, "no timer outlives its attempt");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]
    #[test]
    fn every_send_becomes_final_and_each_conversation_stays_in_order(
        dice in prop::collection::vec(any::<u8>(), 0..300),
        held in 2usize..20,
    ) {
        run(&dice, held);
    }
}
