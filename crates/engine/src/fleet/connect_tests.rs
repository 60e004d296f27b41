use super::*;
use proptest::prelude::*;

fn step(flow: &mut ConnectFlow, input: ConnectInput, now: i64) -> Vec<ConnectEffect> {
    flow.step(input, Timestamp(now), Jitter::NONE)
}

fn down(reason: DownReason) -> ConnectInput {
    ConnectInput::Down(reason)
}

/// A flow that is online since `now`.
fn online(now: i64) -> ConnectFlow {
    let mut flow = ConnectFlow::default();
    step(&mut flow, ConnectInput::Start, now);
    step(&mut flow, ConnectInput::Online, now);
    flow
}

fn shown(effects: &[ConnectEffect]) -> Option<(AccountState, Reason)> {
    effects.iter().rev().find_map(|effect| match effect {
        ConnectEffect::SetState(state, reason) => Some((*state, reason.clone())),
        _ => None,
    })
}

#[test]
fn an_outage_is_tried_ten_times_and_then_ever_more_slowly_but_never_given_up() {
    let mut flow = ConnectFlow::default();
    let mut now = 0;
    step(&mut flow, ConnectInput::Start, now);
    let mut waits = Vec::new();
    for _ in 0..15 {
        step(&mut flow, down(DownReason::Network), now);
        let at = flow.next_attempt().expect("it always tries again").0;
        waits.push((at - now) / 1_000);
        now = at;
        let effects = step(&mut flow, ConnectInput::Tick, now);
        assert_eq!(
            shown(&effects),
            Some((AccountState::Recovering, Reason::ConnectionLost))
        );
        assert!(effects.contains(&ConnectEffect::Open(Client::Same)));
    }
    let tries = [5, 10, 20, 40, 60, 60, 60, 60, 60, 60];
    assert_eq!(waits[..10], tries);
    assert_eq!(waits[10..], [300, 900, 1_800, 1_800, 1_800]);
}

#[test]
fn a_kick_is_answered_within_a_second_but_flapping_makes_no_storm() {
    let mut flow = online(0);
    let (mut now, mut opens) = (100_000, Vec::new());
    while now < 700_000 {
        step(&mut flow, down(DownReason::Network), now);
        now = flow.next_attempt().unwrap().0;
        step(&mut flow, ConnectInput::Tick, now);
        opens.push(now);
        now += 100;
        step(&mut flow, ConnectInput::Online, now);
        now += 1_000;
    }
    assert_eq!(opens[0], 100_200);
    assert!(
        opens.len() < 25,
        "{} connections in ten minutes",
        opens.len()
    );
    let after_rest = now + 700_000;
    step(&mut flow, down(DownReason::Network), after_rest);
    assert_eq!(
        flow.next_attempt(),
        Some(Timestamp(after_rest + 200)),
        "a long rest forgives"
    );
}

#[test]
fn an_unlink_a_takeover_and_an_old_version_wait_for_a_person() {
    for (reason, state) in [
        (DownReason::DeviceRemoved, AccountState::LoggedOut),
        (DownReason::MainDeviceGone, AccountState::LoggedOut),
        (DownReason::StreamReplaced, AccountState::NeedsAttention),
        (DownReason::ClientOutdated, AccountState::NeedsAttention),
        (DownReason::Blocked, AccountState::Banned),
    ] {
        let mut flow = online(0);
        let effects = step(&mut flow, down(reason.clone()), 10);
        assert_eq!(shown(&effects), Some((state, reason.reason())));
        assert_eq!(flow.wake_at(), None, "{reason:?} is never automatic");
        assert_eq!(step(&mut flow, ConnectInput::Start, 20), []);
        let effects = step(&mut flow, ConnectInput::Retry, 30);
        assert!(effects.contains(&ConnectEffect::Open(Client::Fresh)));
    }
}

#[test]
fn a_ban_is_waited_out_even_across_a_restart() {
    let mut flow = online(0);
    let until = Timestamp(3_600_000);
    let ban = DownReason::TemporaryBan { ban: 101, until };
    let effects = step(&mut flow, down(ban.clone()), 10);
    assert_eq!(shown(&effects), Some((AccountState::Banned, ban.reason())));
    let written = serde_json::to_string(&flow).unwrap();
    let mut flow: ConnectFlow = serde_json::from_str(&written).unwrap();
    flow.restored();
    assert_eq!(step(&mut flow, ConnectInput::Start, 1_000), []);
    assert_eq!(flow.wake_at(), Some(until));
    assert_eq!(step(&mut flow, ConnectInput::Tick, 3_600_000).len(), 2);
}

#[test]
fn doubtful_caches_are_never_reused() {
    for reason in [
        DownReason::OfflineSyncInterrupted,
        DownReason::Backpressure,
        DownReason::StoreFailed {
            error: "disk full".into(),
        },
    ] {
        let mut flow = online(0);
        step(&mut flow, down(reason), 10);
        let at = flow.next_attempt().unwrap().0;
        assert!(
            step(&mut flow, ConnectInput::Tick, at).contains(&ConnectEffect::Open(Client::Fresh))
        );
    }
}

#[test]
fn a_connection_that_never_comes_up_is_closed_and_tried_again() {
    let mut flow = ConnectFlow::default();
    step(&mut flow, ConnectInput::Start, 0);
    assert_eq!(flow.wake_at(), Some(Timestamp(60_000)));
    let effects = step(&mut flow, ConnectInput::Tick, 60_000);
    assert_eq!(effects[0], ConnectEffect::Close);
    assert_eq!(flow.next_attempt(), Some(Timestamp(65_000)));
}

#[test]
fn switching_off_closes_it_and_nothing_brings_it_back_by_itself() {
    let mut flow = online(0);
    let effects = step(&mut flow, ConnectInput::Pause, 10);
    let off = ConnectEffect::SetState(AccountState::Disabled, Reason::Requested);
    assert_eq!(effects, [ConnectEffect::Close, off]);
    assert_eq!(step(&mut flow, down(DownReason::Closed), 20), []);
    assert_eq!(
        step(&mut flow, down(DownReason::Network), 20),
        [],
        "a late word changes nothing"
    );
    assert_eq!(flow.wake_at(), None);
}

fn inputs() -> impl Strategy<Value = ConnectInput> {
    prop_oneof![
        1 => Just(ConnectInput::Start),
        4 => Just(ConnectInput::Online),
        6 => Just(ConnectInput::Tick),
        1 => Just(ConnectInput::Pause),
        1 => Just(ConnectInput::Retry),
        4 => Just(down(DownReason::Network)),
        1 => Just(down(DownReason::StoreFailed { error: "x".into() })),
        1 => Just(down(DownReason::DeviceRemoved)),
        1 => Just(down(DownReason::TemporaryBan { ban: 1, until: Timestamp(50_000) })),
        1 => Just(down(DownReason::Closed)),
    ]
}

proptest! {
    #[test]
    fn there_is_at_most_one_connection_and_a_lost_one_always_has_a_next_step(
        script in prop::collection::vec((inputs(), 0i64..40_000, any::<u64>()), 0..200),
    ) {
        let (mut flow, mut now, mut open) = (ConnectFlow::default(), 0, false);
        for (input, wait, raw) in script {
            now += wait;
            if matches!(input, ConnectInput::Online | ConnectInput::Down(_)) && !open {
                continue; // A channel that is not open says nothing.
            }
            if matches!(input, ConnectInput::Down(_)) {
                open = false;
            }
            for effect in flow.step(input, Timestamp(now), Jitter::from_random(raw)) {
                match effect {
                    ConnectEffect::Open(_) => {
                        prop_assert!(!open, "two connections of one account");
                        open = true;
                    }
                    ConnectEffect::Close => open = false,
                    ConnectEffect::SetState(state, _) => {
                        let waits = state == AccountState::Recovering && !open;
                        prop_assert!(!waits || flow.wake_at().is_some());
                    }
                }
            }
            prop_assert!(flow.quick.len() <= FLAP_BUDGET);
            let read = serde_json::from_str::<ConnectFlow>(&serde_json::to_string(&flow).unwrap());
            prop_assert_eq!(read.unwrap(), flow.clone());
        }
    }
}
