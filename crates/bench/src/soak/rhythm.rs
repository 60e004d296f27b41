//! How much is said: the rhythm of a day, compressed.

use super::chance::Chance;

/// Minutes that stand for a day; a shorter run is one day.
const DAY_MINUTES: f64 = 15.0;
/// Messages of an account each minute at noon, on average.
const NOON_PER_MINUTE: f64 = 6.0;
/// The share of that at night.
const NIGHT: f64 = 0.15;

/// A message to be said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Said {
    /// Since the traffic began, in seconds.
    pub(super) at_s: f64,
    pub(super) account: usize,
    pub(super) contact: usize,
}

/// How busy a moment is, from [`NIGHT`] to 1: little at night, most at noon.
pub(super) fn busy(at_s: f64, day_s: f64) -> f64 {
    let hour = (at_s / day_s).fract() * 24.0;
    let daylight = ((hour - 6.0) / 16.0).clamp(0.0, 1.0);
    NIGHT + (1.0 - NIGHT) * (daylight * std::f64::consts::PI).sin()
}

/// How long a day takes in a run, in seconds.
pub(super) fn day_s(seconds: f64) -> f64 {
    (DAY_MINUTES * 60.0).min(seconds)
}

/// Everything that is said in a run of so many seconds, by time: to each account by its own contacts, as
/// a Poisson process that is thinned by the hour.
pub(super) fn schedule(
    chance: &mut Chance,
    accounts: usize,
    contacts: usize,
    seconds: f64,
) -> Vec<Said> {
    let day = day_s(seconds);
    let mut said = Vec::new();
    for account in 0..accounts {
        let mut at_s = chance.wait(60.0 / NOON_PER_MINUTE);
        while at_s < seconds {
            let rolled = chance.below(1_000) as f64 / 1_000.0;
            if rolled < busy(at_s, day) {
                let contact = chance.below(contacts);
                said.push(Said {
                    at_s,
                    account,
                    contact,
                });
            }
            at_s += chance.wait(60.0 / NOON_PER_MINUTE);
        }
    }
    said.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_busy_and_the_night_is_not() {
        let day = day_s(3_600.0);
        assert!(busy(day * 0.1, day) < 0.2);
        assert!(busy(day * 14.0 / 24.0, day) > 0.95);
        let said = schedule(&mut Chance::new(1), 20, 8, 900.0);
        let within = |from: f64, to: f64| {
            let hour = |s: &&Said| (from..to).contains(&(s.at_s / 900.0 * 24.0));
            said.iter().filter(hour).count()
        };
        assert!(within(0.0, 6.0) * 3 < within(11.0, 17.0), "{}", said.len());
        assert!(said.iter().all(|s| s.account < 20 && s.contact < 8));
        assert_eq!(said, schedule(&mut Chance::new(1), 20, 8, 900.0));
    }
}
