use super::*;
use crate::fleet::breaker::BreakerState;
use proptest::prelude::*;

fn step(flow: &mut ConnectFlow, input: ConnectInput, now: i64) -> Vec<ConnectEffect> {
    let effects = flow.step(input, Timestamp(now), Jitter::NONE);
    if effects.iter().any(|e| matches!(e, ConnectEffect::Open(_))) {
        // Its turn comes at once.
        flow.step(ConnectInput::Dialing, Timestamp(now), Jitter::NONE);
    }
    effects
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
fn an_outage_climbs_the_ladder_ever_more_slowly_and_is_never_given_up() {
    let mut flow = ConnectFlow::default();
    let mut now = 0;
    step(&mut flow, ConnectInput::Start, now);
    let (mut waits, mut rungs, mut called) = (Vec::new(), Vec::new(), None);
    for n in 1..=20 {
        step(&mut flow, down(DownReason::Network), now);
        let recovery = flow.recovery().expect("it is shown");
        let Doing::Waiting { at } = recovery.doing else {
            panic!("it always tries again: {recovery:?}")
        };
        assert_eq!(recovery.class, ErrorClass::Network);
        assert_eq!((recovery.since, recovery.failures), (Timestamp(0), n));
        rungs.push(recovery.rung.number());
        if recovery.call == Call::Made {
            called.get_or_insert(n);
        }
        waits.push((at.0 - now) / 1_000);
        now = at.0;
        let effects = step(&mut flow, ConnectInput::Tick, now);
        assert_eq!(
            shown(&effects),
            Some((AccountState::Recovering, Reason::ConnectionLost))
        );
        let doing = flow.recovery().unwrap().doing;
        assert!(matches!(doing, Doing::Trying { .. }), "{doing:?}");
    }
    assert_eq!(waits[..10], [5, 10, 20, 40, 60, 60, 60, 60, 60, 60]);
    assert_eq!(waits[10..15], [60; 5]);
    assert_eq!(waits[15..], [300, 900, 1_800, 1_800, 1_800]);
    assert_eq!(rungs[..10], [2; 10]);
    assert_eq!(rungs[10..], [3, 4, 4, 4, 4, 4, 4, 4, 4, 4]);
    assert_eq!(
        called,
        Some(15),
        "a person is called when the breaker opens"
    );
    step(&mut flow, ConnectInput::Online, now);
    assert_eq!(flow.recovery(), None);
    assert_eq!(flow.wake_at(), Some(Timestamp(now + 60_000)));
    step(&mut flow, ConnectInput::Tick, now + 60_000);
    assert_eq!((flow.failures(), flow.wake_at()), (0, None));
}

#[test]
fn trouble_within_is_rebuilt_at_once_and_opens_the_breaker_after_five_errors() {
    let mut flow = ConnectFlow::default();
    let (mut now, mut waits) = (0, Vec::new());
    step(&mut flow, ConnectInput::Start, now);
    for _ in 0..9 {
        let error = "x".into();
        step(&mut flow, down(DownReason::Unexpected { error }), now);
        let recovery = flow.recovery().unwrap();
        assert_eq!(
            (recovery.rung, recovery.class),
            (Rung::Rebuild, ErrorClass::Unknown)
        );
        let at = flow.next_attempt().unwrap().0;
        waits.push((at - now) / 1_000);
        now = at;
        step(&mut flow, ConnectInput::Tick, now);
    }
    assert_eq!(waits, [5, 10, 20, 40, 60, 300, 900, 1_800, 1_800]);
    assert_eq!(flow.recovery().unwrap().breaker, BreakerState::HalfOpen);
}

#[test]
fn the_end_of_an_outage_is_passed_on_and_cuts_waits_short_a_few_times() {
    let mut first = ConnectFlow::default();
    let mut other = ConnectFlow::default();
    for flow in [&mut first, &mut other] {
        let mut now = 0;
        step(flow, ConnectInput::Start, now);
        for _ in 0..4 {
            step(flow, down(DownReason::Network), now);
            now = flow.next_attempt().unwrap().0;
            step(flow, ConnectInput::Tick, now);
        }
    }
    let up = step(&mut first, ConnectInput::Online, 100_000);
    assert!(up.contains(&ConnectEffect::TellNetworkBack));
    for n in 0..5 {
        let now = 100_000 + n * 200_000;
        step(&mut other, down(DownReason::Network), now);
        let waited = other.next_attempt().unwrap();
        step(&mut other, ConnectInput::NetworkBack, now);
        let hurried = other.next_attempt().unwrap() < waited;
        assert_eq!(hurried, n < i64::from(BACK_MAX), "{n}");
        let at = other.next_attempt().unwrap().0;
        step(&mut other, ConnectInput::Tick, at);
    }
    let mut removed = online(0);
    step(&mut removed, down(DownReason::DeviceRemoved), 10);
    step(&mut removed, ConnectInput::NetworkBack, 20);
    assert_eq!(removed.wake_at(), None, "an unlink is no outage");
}

#[test]
fn a_server_that_asks_for_fewer_attempts_gets_them() {
    let mut flow = online(0);
    let status = 429;
    step(&mut flow, down(DownReason::ServerError { status }), 100_000);
    assert_eq!(flow.next_attempt(), Some(Timestamp(160_000)));
}

#[test]
fn no_hour_sees_more_than_thirty_connections_whatever_goes_wrong() {
    let mut flow = ConnectFlow::default();
    let mut opens = Vec::new();
    step(&mut flow, ConnectInput::Start, 0);
    // Up for just long enough to be stable, then cut, all day long.
    let mut now = 0;
    while now < 24 * 3_600_000 {
        step(&mut flow, ConnectInput::Online, now);
        now += 61_000;
        step(&mut flow, ConnectInput::Tick, now);
        step(&mut flow, down(DownReason::Network), now);
        now = flow.next_attempt().unwrap().0;
        opens.push(now);
        step(&mut flow, ConnectInput::Tick, now);
    }
    for window in opens.windows(OPENS_PER_HOUR + 1) {
        assert!(window[OPENS_PER_HOUR] - window[0] >= 3_600_000);
    }
}

#[test]
fn waiting_for_its_turn_is_no_failure() {
    let mut flow = ConnectFlow::default();
    let now = Timestamp(0);
    flow.step(ConnectInput::Start, now, Jitter::NONE);
    assert_eq!(flow.wake_at(), None, "however many are ahead");
    flow.step(ConnectInput::Dialing, Timestamp(600_000), Jitter::NONE);
    assert_eq!(flow.wake_at(), Some(Timestamp(660_000)));
}

#[test]
fn an_open_connection_that_is_not_well_says_so_and_what_is_done() {
    let mut flow = online(0);
    let effects = step(&mut flow, ConnectInput::Sick(Reason::KeepaliveTimeout), 10);
    assert_eq!(
        shown(&effects),
        Some((AccountState::Degraded, Reason::KeepaliveTimeout))
    );
    let recovery = flow.recovery().unwrap();
    assert_eq!(
        (recovery.rung, recovery.then),
        (Rung::Probe, Rung::Reconnect)
    );
    let effects = step(&mut flow, ConnectInput::Well, 20);
    assert_eq!(
        shown(&effects),
        Some((AccountState::Online, Reason::Connected))
    );
    assert_eq!(flow.recovery(), None);
    step(&mut flow, ConnectInput::Sick(Reason::Restricted), 30);
    let recovery = flow.recovery().unwrap();
    assert_eq!((recovery.rung, recovery.call), (Rung::Person, Call::Made));
    assert_eq!(flow.next_attempt(), None, "no connection is to blame");
}

#[test]
fn an_unlink_offers_a_new_link_and_nothing_else() {
    let mut flow = online(0);
    step(&mut flow, down(DownReason::DeviceRemoved), 10);
    let recovery = flow.recovery().unwrap();
    assert_eq!(recovery.rung, Rung::RelinkQr);
    assert_eq!(recovery.then, Rung::RelinkCode);
    assert_eq!(
        (recovery.doing, recovery.call),
        (Doing::Offered, Call::Made)
    );
    assert_eq!(recovery.class, ErrorClass::Auth);
}

#[test]
fn what_the_version_before_wrote_down_is_still_understood() {
    let written = r#"{"phase":{"phase":"waiting","at":3600000,"client":"fresh"},"failures":4,"quick":[1,2],"trouble":{"code":"temporary_ban","ban":101,"until":3600000}}"#;
    let mut flow: ConnectFlow = serde_json::from_str(written).unwrap();
    flow.restored();
    assert_eq!(step(&mut flow, ConnectInput::Start, 1_000), []);
    assert_eq!(
        (flow.wake_at(), flow.failures()),
        (Some(Timestamp(3_600_000)), 4)
    );
    assert_eq!(flow.recovery().unwrap().rung, Rung::Rebuild);
    for phase in [
        r#"{"phase":"idle"}"#,
        r#"{"phase":"connecting","since":5}"#,
        r#"{"phase":"online","since":5}"#,
    ] {
        let written = format!(r#"{{"phase":{phase},"failures":0,"quick":[],"trouble":null}}"#);
        let mut flow: ConnectFlow = serde_json::from_str(&written).unwrap();
        flow.restored();
        assert_eq!(flow, ConnectFlow::default());
    }
    let written = r#"{"phase":{"phase":"stopped","reason":{"code":"device_removed"}},"failures":0,"quick":[],"trouble":{"code":"device_removed"}}"#;
    let flow: ConnectFlow = serde_json::from_str(written).unwrap();
    assert_eq!(flow.recovery().unwrap().rung, Rung::RelinkQr);
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
fn a_person_climbs_to_the_next_rung_at_once_and_nothing_is_forgotten() {
    let mut flow = ConnectFlow::default();
    step(&mut flow, ConnectInput::Start, 0);
    for n in 1..=4 {
        step(&mut flow, down(DownReason::Network), n);
        let effects = step(&mut flow, ConnectInput::Climb, n);
        assert!(effects.contains(&ConnectEffect::Open(Client::Same)));
        assert_eq!(flow.failures(), u32::try_from(n).unwrap());
        assert_eq!(step(&mut flow, ConnectInput::Climb, n), [], "one at a time");
    }
    step(&mut flow, ConnectInput::Online, 5);
    assert_eq!(step(&mut flow, ConnectInput::Climb, 6), [], "it is up");
}

#[test]
fn restoring_reads_the_session_anew_and_forgets_what_failed() {
    let mut flow = online(0);
    step(&mut flow, down(DownReason::StreamReplaced), 10);
    let effects = step(&mut flow, ConnectInput::Restore, 20);
    assert!(effects.contains(&ConnectEffect::Open(Client::Restored)));
    step(&mut flow, ConnectInput::Online, 30);
    let effects = step(&mut flow, ConnectInput::Restore, 40);
    assert_eq!(effects.first(), Some(&ConnectEffect::Close));
    assert_eq!((flow.failures(), flow.recovery()), (0, None));
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
fn the_rest_of_a_backlog_is_fetched_at_once_but_not_for_ever() {
    let mut flow = ConnectFlow::default();
    step(&mut flow, ConnectInput::Start, 0);
    let interrupted = || down(DownReason::OfflineSyncInterrupted);
    let mut now = 0;
    for _ in 0..FLAP_BUDGET {
        step(&mut flow, ConnectInput::Dialing, now);
        step(&mut flow, interrupted(), now + 100);
        let at = flow.next_attempt().unwrap();
        assert_eq!(at, Timestamp(now + 100) + QUICK_WAIT);
        assert_eq!(flow.failures(), 0);
        now = at.0;
        let fresh = ConnectEffect::Open(Client::Fresh);
        assert!(step(&mut flow, ConnectInput::Tick, now).contains(&fresh));
    }
    step(&mut flow, interrupted(), now + 100);
    assert_eq!(
        flow.next_attempt(),
        Some(Timestamp(now + 100) + BACKOFF_BASE)
    );
    assert_eq!(flow.failures(), 1);
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
        1 => Just(ConnectInput::Restore),
        1 => Just(ConnectInput::Climb),
        6 => Just(ConnectInput::Dialing),
        1 => Just(ConnectInput::NetworkBack),
        1 => Just(ConnectInput::Sick(Reason::KeepaliveTimeout)),
        1 => Just(ConnectInput::Well),
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
            let of_channel = matches!(
                input,
                ConnectInput::Online | ConnectInput::Down(_) | ConnectInput::Dialing
            );
            if of_channel && !open {
                continue; // A channel that is not open says nothing.
            }
            if matches!(input, ConnectInput::Down(_)) {
                open = false;
            }
            let mut shown = AccountState::New;
            for effect in flow.step(input, Timestamp(now), Jitter::from_random(raw)) {
                match effect {
                    ConnectEffect::Open(_) => {
                        prop_assert!(!open, "two connections of one account");
                        open = true;
                    }
                    ConnectEffect::Close => open = false,
                    ConnectEffect::TellNetworkBack => {}
                    ConnectEffect::SetState(state, _) => shown = state,
                }
            }
            let waits = shown == AccountState::Recovering && !open;
            prop_assert!(!waits || flow.wake_at().is_some());
            prop_assert!(flow.quick.len() <= FLAP_BUDGET);
            prop_assert!(flow.opened.len() <= OPENS_PER_HOUR);
            let read = serde_json::from_str::<ConnectFlow>(&serde_json::to_string(&flow).unwrap());
            let kept = ConnectFlow { sick: None, ..flow.clone() };
            prop_assert_eq!(read.unwrap(), kept);
        }
    }
}
