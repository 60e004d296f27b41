//! A share of failures over the last minute, in little memory.

use crate::model::time::{Duration, Timestamp};

/// What one slot of time holds.
const SLOT: Duration = Duration::secs(5);
/// Slots kept: a minute.
const SLOTS: usize = 12;
/// Results needed within the minute to speak of a share.
pub const RESULTS_LEAST: u32 = 20;

/// Whether something went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// It did.
    Well,
    /// It failed on our side.
    Wrong,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    number: i64,
    all: u32,
    wrong: u32,
}

/// Counts of the last minute.
#[derive(Debug, Clone, Default)]
pub struct RecentErrors {
    slots: [Slot; SLOTS],
}

impl RecentErrors {
    /// Counts one.
    pub fn count(&mut self, went: Went, now: Timestamp) {
        let number = number_of(now);
        let place = usize::try_from(number.rem_euclid(SLOTS as i64)).unwrap_or(0);
        let slot = &mut self.slots[place];
        if slot.number != number {
            *slot = Slot {
                number,
                ..Slot::default()
            };
        }
        slot.all = slot.all.saturating_add(1);
        slot.wrong = slot.wrong.saturating_add(u32::from(went == Went::Wrong));
    }

    /// The share that failed within the last minute, in percent; `None` of fewer than
    /// [`RESULTS_LEAST`].
    #[must_use]
    pub fn percent(&self, now: Timestamp) -> Option<f64> {
        let newest = number_of(now);
        let recent = || {
            let slots = self.slots.iter();
            slots.filter(|slot| slot.number <= newest && newest - slot.number < SLOTS as i64)
        };
        let all: u32 = recent().map(|slot| slot.all).sum();
        let wrong: u32 = recent().map(|slot| slot.wrong).sum();
        (all >= RESULTS_LEAST).then(|| f64::from(wrong) * 100.0 / f64::from(all))
    }
}

fn number_of(at: Timestamp) -> i64 {
    at.0.div_euclid(i64::try_from(SLOT.0).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_last_minute() {
        let mut errors = RecentErrors::default();
        let start = Timestamp(1_800_000_000_000);
        for n in 0..19u32 {
            let went = if n < 6 { Went::Wrong } else { Went::Well };
            errors.count(went, start + Duration::secs(u64::from(n)));
        }
        let then = start + Duration::secs(20);
        assert_eq!(errors.percent(then), None, "19 are too few");
        errors.count(Went::Well, then);
        assert_eq!(errors.percent(then), Some(30.0));
        // The failures came first, and leave first.
        let later = start + Duration::secs(66);
        assert_eq!(errors.percent(later), None);
        for _ in 0..20 {
            errors.count(Went::Well, later);
        }
        assert_eq!(errors.percent(later), Some(0.0));
    }
}
