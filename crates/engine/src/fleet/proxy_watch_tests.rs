use super::*;
use proptest::prelude::{any, prop, prop_assert, proptest};

const START: Timestamp = Timestamp(1_000_000);

fn unreachable() -> Reason {
    Reason::ProxyUnreachable {
        error: "nobody answers".into(),
    }
}

fn refused() -> Reason {
    Reason::ProxyRefused {
        error: "wrong password".into(),
    }
}

/// A watch whose waits have no jitter.
fn watch() -> ProxyWatch {
    ProxyWatch::of_known(ProxyWatchConfig::default(), START, Jitter::NONE)
}

fn wait(watch: &ProxyWatch, now: Timestamp) -> Duration {
    watch.wake_at().unwrap().since(now)
}

#[test]
fn a_proxy_that_works_is_left_alone_for_ten_minutes() {
    let mut watch = watch();
    assert_eq!(watch.view().state, ProxyState::Unknown);
    watch.begun(START);
    assert_eq!(watch.came(Ok(()), START, Jitter::NONE), None);
    assert_eq!(watch.view().state, ProxyState::Works);
    assert_eq!(wait(&watch, START), CHECK_EVERY);
    // A connection that opens through it a while later proves as much.
    let later = START + Duration::mins(9);
    assert_eq!(watch.came(Ok(()), later, Jitter::NONE), None);
    assert_eq!(wait(&watch, later), CHECK_EVERY);
}

#[test]
fn one_failure_is_asked_again_before_anybody_is_told() {
    let mut watch = watch();
    assert_eq!(watch.came(Err(unreachable()), START, Jitter::NONE), None);
    let shown = watch.view();
    assert_eq!(
        (shown.state, shown.reason, shown.failing_since),
        (ProxyState::Doubtful, Some(unreachable()), Some(START))
    );
    assert_eq!(wait(&watch, START), CHECK_AGAIN);
    // It was nothing.
    assert_eq!(watch.came(Ok(()), START + CHECK_AGAIN, Jitter::NONE), None);
    assert_eq!(watch.view().state, ProxyState::Works);
    assert_eq!(watch.view().failing_since, None);
}

#[test]
fn a_dead_proxy_is_told_once_and_its_return_once() {
    let (mut watch, mut now) = (watch(), START);
    let mut told = Vec::new();
    let mut waits = Vec::new();
    for outcome in [
        Err(unreachable()),
        Err(refused()),
        Err(unreachable()),
        Err(unreachable()),
        Err(unreachable()),
        Err(unreachable()),
        Err(unreachable()),
        Ok(()),
        Ok(()),
    ] {
        told.extend(watch.came(outcome, now, Jitter::NONE));
        waits.push(wait(&watch, now).0 / 1_000);
        now = watch.wake_at().unwrap();
    }
    assert_eq!(told, [ProxyNews::Fails(refused()), ProxyNews::WorksAgain]);
    assert_eq!(waits, [30, 60, 120, 240, 480, 600, 600, 600, 600]);
}

#[test]
fn a_new_proxy_is_tried_soon_and_known_ones_are_spread() {
    let config = ProxyWatchConfig::default();
    let late = Jitter::from_random(0xFFFF);
    let new = ProxyWatch::of_new(config, START, late);
    assert!(wait(&new, START) < CHECK_AGAIN);
    let known = ProxyWatch::of_known(config, START, late);
    assert!(wait(&known, START) > Duration::mins(9));
    assert_eq!(wait(&watch(), START), Duration(0));
}

#[test]
fn switched_off_it_asks_nothing_and_still_learns() {
    let config = ProxyWatchConfig {
        every: None,
        ..ProxyWatchConfig::default()
    };
    let mut watch = ProxyWatch::of_new(config, START, Jitter::NONE);
    for _ in 0..FAILURES_MIN {
        assert_eq!(watch.wake_at(), None);
        watch.came(Err(unreachable()), START, Jitter::NONE);
    }
    assert_eq!(watch.view().state, ProxyState::Failing);
    assert_eq!(watch.wake_at(), None);
}

#[test]
fn a_trial_that_nobody_ends_is_begun_anew() {
    let mut watch = watch();
    watch.begun(START);
    assert_eq!(wait(&watch, START), TRIAL_MAX);
}

proptest! {
    #[test]
    fn however_it_goes_trials_keep_their_distance_and_go_on(
        outcomes in prop::collection::vec(any::<bool>(), 1..60),
        random in any::<u64>(),
    ) {
        let jitter = Jitter::from_random(random);
        let (mut watch, mut now) = (watch(), START);
        for works in outcomes {
            let outcome = if works { Ok(()) } else { Err(unreachable()) };
            watch.came(outcome, now, jitter);
            let wait = wait(&watch, now);
            prop_assert!(wait >= CHECK_AGAIN);
            prop_assert!(wait <= Duration(CHECK_EVERY.0 / 100 * 110));
            prop_assert!(works == (watch.view().state == ProxyState::Works));
            now = now + wait;
        }
    }
}
