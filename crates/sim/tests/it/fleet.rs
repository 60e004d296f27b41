//! A fleet through faults of every kind, and the proof that the judge would notice.

use waypost_sim::fleet::world::storm;
use waypost_sim::fleet::{FleetMutant, FleetOptions, Report, run};

fn fleet(seed: u64, accounts: usize, days: u32, mutant: Option<FleetMutant>) -> Report {
    hasty(seed, accounts, days, 1, mutant)
}

fn hasty(seed: u64, accounts: usize, days: u32, haste: u16, mutant: Option<FleetMutant>) -> Report {
    let options = FleetOptions {
        accounts,
        days,
        haste,
        mutant,
    };
    run(seed, options)
}

#[test]
fn a_fleet_keeps_its_promises_through_days_of_faults() {
    for seed in 1..=2 {
        let report = fleet(seed, 50, 3, None);
        assert_eq!(report.breaches, [], "{report:?}");
        let struck = |fault: &str| report.faults.get(fault).copied().unwrap_or_default();
        assert!(struck("Cut") > 100 && struck("Silent") > 5, "{report:?}");
        assert!(report.dials > 150 && report.round_trips > 100, "{report:?}");
        assert!(report.availability > 0.995, "{report:?}");
    }
}

#[test]
fn a_fleets_seed_replays_exactly() {
    assert_eq!(fleet(77, 20, 2, None), fleet(77, 20, 2, None));
    assert_ne!(fleet(77, 20, 2, None).dials, fleet(78, 20, 2, None).dials);
}

#[test]
fn five_hundred_accounts_cut_off_at_once_come_back_in_waves() {
    let cut = storm(1, 500, 0);
    assert!(cut.dials_per_second <= 10, "{cut:?}");
    assert!(cut.all_back_after < 120_000, "{cut:?}");
    let outage = storm(2, 500, 600_000);
    assert!(outage.dials_per_second <= 10, "{outage:?}");
    assert!(outage.all_back_after < 600_000 + 180_000, "{outage:?}");
    assert!(outage.dials < 500 * 20, "{outage:?}");
}

fn is_noticed(mutant: FleetMutant, accounts: usize, days: u32) {
    let broken = (1..=6).any(|seed| fleet(seed, accounts, days, Some(mutant)).broken > 0);
    assert!(broken, "{mutant:?} went unnoticed");
}

#[test]
fn a_watchdog_that_is_not_set_anew_is_noticed() {
    is_noticed(FleetMutant::TimerNotReset, 30, 2);
}

#[test]
fn a_watchdog_that_takes_idleness_for_death_is_noticed() {
    is_noticed(FleetMutant::IdleIsDead, 5, 1);
}

#[test]
fn connections_that_nobody_watches_are_noticed() {
    is_noticed(FleetMutant::NeverWatches, 30, 2);
}

#[test]
fn a_storm_of_connections_is_noticed() {
    is_noticed(FleetMutant::NoWaves, 40, 4);
}

#[test]
fn trying_what_only_a_person_may_do_is_noticed() {
    is_noticed(FleetMutant::RelinksByItself, 60, 3);
}

#[test]
fn a_restart_that_forgets_bans_is_noticed() {
    // A restart that meets a ban is rare: with faults twenty times as often three days are enough.
    let small = |seed, mutant| hasty(seed, 40, 3, 20, mutant);
    // So many faults make messages late; nothing makes the program dial in spite of a ban.
    let dialled = |mutant| {
        let breaches = small(1, mutant).breaches;
        let in_spite = |what: &str| what.starts_with("dialled by itself although Banned");
        breaches.iter().any(|breach| in_spite(&breach.what))
    };
    assert!(!dialled(None), "the program without the fault");
    assert!(dialled(Some(FleetMutant::Amnesia)), "it went unnoticed");
}
