use super::*;
use proptest::prelude::{Strategy as _, any, prop, prop_assert, proptest};

const BASE: Duration = Duration::secs(120);

fn scan(seconds: u64) -> Sample {
    Sample {
        at: Timestamp(0),
        waited: Duration::secs(seconds),
        seen: Seen::Scanned,
    }
}

fn nobody(seconds: u64) -> Sample {
    Sample {
        seen: Seen::NotScanned,
        ..scan(seconds)
    }
}

fn scans(seconds: impl IntoIterator<Item = u64>) -> Vec<Sample> {
    seconds.into_iter().map(scan).collect()
}

fn seconds_of(strategy: Strategy, own: &[Sample]) -> u64 {
    let learned = learn(strategy, BASE, own, &Pool::of([own]));
    learned.window.0 / 1_000
}

#[test]
fn the_blend_is_four_parts_base_and_one_part_experience() {
    // 60 scans; three in sixty are slower than the 57th.
    let mut own = scans([20; 57]);
    own.extend(scans([90; 3]));
    let learned = learn(Strategy::Blend, BASE, &own, &Pool::default());
    assert_eq!(learned.p95, Some(Duration::secs(20)));
    assert_eq!(learned.window, Duration::secs((4 * 120 + 20 + 10) / 5));
    assert_eq!((learned.basis, learned.confidence), (Basis::Own, 1.0));
}

#[test]
fn the_blend_waits_for_its_confidence() {
    for (count, basis) in [(29, Basis::Base), (50, Basis::Base), (51, Basis::Own)] {
        let learned = learn(
            Strategy::Blend,
            BASE,
            &scans(vec![20; count]),
            &Pool::default(),
        );
        assert_eq!(learned.basis, basis, "{count} scans");
    }
}

#[test]
fn a_blend_beyond_the_life_of_a_set_says_that_it_needs_new_codes() {
    let slow = scans([600; 60]);
    let learned = learn(Strategy::Blend, BASE, &slow, &Pool::default());
    assert_eq!(learned.window, BLEND_MAX);
    assert!(learned.needs_new_refs());
    assert!(!Learned::base(Strategy::Survival, BASE).needs_new_refs());
}

#[test]
fn a_quick_account_gets_a_short_window_and_a_slow_one_a_long_one() {
    assert_eq!(
        seconds_of(Strategy::Survival, &scans((0..60).map(|i| 6 + i % 9))),
        60
    );
    let slow = seconds_of(Strategy::Survival, &scans((0..60).map(|i| 100 + i)));
    assert!(
        slow >= 156,
        "{slow} s would close on people who come until 159 s"
    );
}

#[test]
fn with_no_experience_at_all_the_base_holds() {
    for strategy in [Strategy::Fixed, Strategy::Blend, Strategy::Survival] {
        let learned = learn(strategy, BASE, &[], &Pool::default());
        assert_eq!(learned, Learned::base(strategy, BASE));
    }
}

#[test]
fn a_new_account_borrows_from_the_others() {
    let others: Vec<Vec<Sample>> = (0..5).map(|_| scans((0..20).map(|i| 8 + i % 7))).collect();
    let pool = Pool::of(others.iter().map(Vec::as_slice));
    let learned = learn(Strategy::Survival, BASE, &[], &pool);
    assert_eq!(learned.basis, Basis::Others);
    assert!(learned.window <= Duration::secs(72), "{learned:?}");
}

#[test]
fn people_who_are_late_by_nature_are_not_taken_for_quick_ones() {
    // Each came after the first window had closed: counted from the last window they look quick.
    let own = scans((0..60).map(|i| 121 + i % 30));
    assert!(seconds_of(Strategy::Survival, &own) >= 152);
}

#[test]
fn attempts_that_nobody_scans_shorten_the_window_and_cancelled_ones_teach_nothing() {
    let tail = || (0..60).map(|i| if i % 20 == 0 { 130 } else { 20 + i % 30 });
    let mut often_alone = scans(tail());
    let well_used = seconds_of(Strategy::Survival, &often_alone);
    often_alone.extend((0..600).map(|_| nobody(480)));
    let neglected = learn(
        Strategy::Survival,
        BASE,
        &often_alone,
        &Pool::of([&often_alone[..60], &often_alone[600..]]),
    );
    assert!(
        neglected.window.0 / 1_000 < well_used,
        "{neglected:?} {well_used}"
    );

    let mut cancelled = scans(tail());
    cancelled.extend((0..20).map(|_| nobody(2)));
    assert_eq!(seconds_of(Strategy::Survival, &cancelled), well_used);
}

/// Accounts of every pace, so that nobody's is unheard of.
fn everybody() -> Vec<Vec<Sample>> {
    let fast = (0..20).map(|i| 6 + i % 12);
    let mixed = (0..20).map(|i| if i % 5 == 0 { 90 + 2 * i } else { 10 + i % 9 });
    let slow = (0..20).map(|i| 50 + 4 * i);
    vec![scans(fast), scans(mixed), scans(slow)]
}

fn among_everybody(own: &[Sample]) -> (u64, Option<usize>) {
    let others = everybody();
    let pool = Pool::of(others.iter().map(Vec::as_slice).chain([own]));
    let learned = learn(Strategy::Survival, BASE, own, &pool);
    let today = people_of_today(&pool, own).map(<[Sample]>::len);
    (learned.window.0 / 1_000, today)
}

#[test]
fn whoever_takes_over_and_is_slow_is_believed_within_two_scans() {
    let mut own = scans((0..60).map(|i| 6 + i % 9));
    let (before, nobody_new) = among_everybody(&own);
    assert_eq!((before < 80, nobody_new), (true, None), "{before} s");
    for (count, seconds) in [(1, 85), (2, 110)] {
        own.push(scan(seconds));
        let (window, today) = among_everybody(&own);
        if count == 2 {
            assert_eq!(today, Some(2));
            assert!(window >= 130, "{window} s would close on them");
        }
    }
}

#[test]
fn whoever_takes_over_and_is_quick_shortens_the_window_only_as_the_others_fade() {
    let mut own = scans((0..40).map(|i| 60 + 2 * i));
    let (before, _) = among_everybody(&own);
    own.extend(scans((0..6).map(|i| 7 + i)));
    let (soon, today) = among_everybody(&own);
    assert_eq!(today, Some(6));
    assert!(soon + 8 >= before, "{soon} s after {before} s");
    own.extend(scans((0..150).map(|i| 7 + i % 6)));
    assert!(among_everybody(&own).0 < 80);
}

#[test]
fn people_who_come_late_now_and_then_are_nobody_new_each_time() {
    let own = scans((0..60).map(|i| if i % 4 == 3 { 80 + i } else { 9 + i % 5 }));
    let (_, today) = among_everybody(&own);
    // They may count as new from their first late scan on, which is as they are.
    assert!(today.is_none_or(|today| today >= 50), "{today:?}");
}

#[test]
fn habits_are_named() {
    let habits = |own: &[Sample]| learn(Strategy::Fixed, BASE, own, &Pool::default()).habits;
    assert_eq!(habits(&scans([20; 10])), [Habit::Consistent]);
    assert_eq!(habits(&scans([40; 10])), [Habit::Slow, Habit::Consistent]);
    assert_eq!(
        habits(&scans([5, 5, 5, 5, 5, 5, 5, 5, 5, 90])),
        [Habit::Slow, Habit::Erratic]
    );
    assert_eq!(habits(&scans([10, 12, 18, 20, 14, 25, 9, 16, 22, 11])), []);
    assert_eq!(habits(&scans([90; 9])), [], "nine scans are hearsay");
}

#[test]
fn a_month_later_nothing_is_left() {
    let day = Duration::hours(24).0 as i64;
    let samples: Vec<Sample> = (0..40)
        .map(|n| Sample {
            at: Timestamp(n * day),
            ..scan(20)
        })
        .collect();
    assert_eq!(recent(&samples, Timestamp(40 * day)).len(), 30);
    assert_eq!(recent(&samples, Timestamp(90 * day)), []);
}

fn any_sample() -> impl proptest::strategy::Strategy<Value = Sample> {
    (0u64..2_000, any::<bool>()).prop_map(|(waited, seen)| match seen {
        true => scan(waited),
        false => nobody(waited),
    })
}

proptest! {
    #[test]
    fn whatever_was_seen_the_window_stays_within_its_bounds(
        own in prop::collection::vec(any_sample(), 0..200),
        others in prop::collection::vec(prop::collection::vec(any_sample(), 0..80), 0..6),
    ) {
        let all = others.iter().map(Vec::as_slice).chain([own.as_slice()]);
        let pool = Pool::of(all);
        let survival = learn(Strategy::Survival, BASE, &own, &pool);
        prop_assert!((WINDOW_MIN..=REFS_LIFE).contains(&survival.window));
        let blend = learn(Strategy::Blend, BASE, &own, &pool);
        prop_assert!((WINDOW_MIN..=BLEND_MAX).contains(&blend.window));
        prop_assert!((0.0..=1.0).contains(&survival.confidence));
        let curve = pool.curve(&own, &pool.fleet);
        prop_assert!(curve.windows(2).all(|pair| pair[0] >= pair[1] && pair[1] >= 0.0));
        prop_assert!(needless(&curve, LIFE) == 0.0, "a whole life closes on nobody");
    }
}
