//! Learned link windows spare people, and cost little more than the usual window.

use waypost_sim::linking::report::{even, saved};
use waypost_sim::linking::trial::{Result, Rule, run};

const SEED: u64 = 12;
/// Smaller than the published comparison, so that it takes seconds.
const ACCOUNTS_PER_KIND: usize = 25;
/// What the learned window must save of the usual one's needless regenerations, in percent.
const FEWER: f64 = 70.0;

fn trial(rule: Rule) -> Result {
    run(SEED, &even(ACCOUNTS_PER_KIND), rule)
}

/// How much longer an attempt may stay open to which nobody comes.
const OPEN_MORE: f64 = 1.15;

#[test]
fn the_default_spares_seven_of_ten_needless_regenerations_for_little_more_waiting() {
    let (usual, learned) = (
        trial(Rule::Fixed(120)).total(),
        trial(Rule::Survival).total(),
    );
    assert!(usual.needless > 100, "too few to judge: {usual:?}");
    let fewer = saved(usual, learned);
    assert!(
        fewer >= FEWER,
        "only {fewer:.0} % fewer: {learned:?} against {usual:?}"
    );
    assert!(
        learned.deserted_s() <= usual.deserted_s() * OPEN_MORE,
        "{learned:?} against {usual:?}"
    );
    assert!(
        learned.missed <= usual.missed,
        "{learned:?} against {usual:?}"
    );
}

#[test]
fn the_blend_alone_would_not_do() {
    let fewer = saved(trial(Rule::Fixed(120)).total(), trial(Rule::Blend).total());
    assert!(
        (0.0..FEWER).contains(&fewer),
        "{fewer:.0} %: the default can be the blend then"
    );
}

#[test]
fn a_trial_replays_exactly() {
    assert_eq!(trial(Rule::Survival), trial(Rule::Survival));
}
