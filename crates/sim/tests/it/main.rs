//! The crash proof, and the proof that it would notice.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod fleet;
mod linking;

use waypost_sim::{Failure, Mutant, Options, Stats, run_seed};

fn run(seed: u64, crashes: usize, mutant: Option<Mutant>) -> Result<Stats, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run_seed(seed, Options { crashes, mutant }))
}

#[test]
fn nothing_is_lost_doubled_or_reordered_through_crashes() {
    for seed in 1..=4 {
        let stats = run(seed, 50, None).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(stats.crashes, 50);
        assert!(
            stats.in_writing > 10,
            "most deaths come in the middle of writing: {stats:?}"
        );
        assert!(
            stats.messages_in > 20 && stats.messages_out > 20,
            "too quiet: {stats:?}"
        );
    }
}

#[test]
fn a_seed_replays_exactly() {
    assert_eq!(run(77, 30, None), run(77, 30, None));
    let mutant = Some(Mutant::AckBeforeCommit);
    let failing = (1..=20)
        .find_map(|seed| run(seed, 30, mutant).err())
        .expect("one of 20 fails");
    assert_eq!(run(failing.seed, 30, mutant), Err(failing));
}

fn is_noticed(mutant: Mutant) {
    let failed = (1..=20).find_map(|seed| run(seed, 50, Some(mutant)).err());
    assert!(
        failed.is_some(),
        "{mutant:?} went unnoticed in a thousand crashes"
    );
}

#[test]
fn commits_that_are_not_synced_are_noticed() {
    is_noticed(Mutant::SynchronousOff);
}

#[test]
fn an_acknowledgement_before_the_commit_is_noticed() {
    is_noticed(Mutant::AckBeforeCommit);
}

#[test]
fn an_outbox_row_outside_the_commit_is_noticed() {
    is_noticed(Mutant::OutboxOutside);
}
