//! The published fault model: what goes wrong, how often and for how long. Rates are Poisson; each
//! duration is exponential around its mean unless said otherwise.

use crate::dice::Dice;

/// A second, in milliseconds.
pub const SECOND: i64 = 1_000;
/// A minute.
pub const MINUTE: i64 = 60 * SECOND;
/// An hour.
pub const HOUR: i64 = 60 * MINUTE;
/// A day.
pub const DAY: i64 = 24 * HOUR;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// The connection of one account is cut.
    Cut,
    /// The connection of one account stays open and falls silent.
    Silent,
    /// The server answers one account's probes, but delivers and accepts nothing on this connection.
    Unserved,
    /// WhatsApp refuses one account's logins for a while.
    Refused,
    /// One account's sessions with everybody are broken until its client is built anew.
    Unreadable,
    /// Messages kept while away are interrupted at the next logins for a while.
    Interrupted,
    /// The owner removes the device on the phone, and links it again hours later.
    Removed,
    /// WhatsApp bans one number for a while.
    Banned,
    /// Another program takes one account's session over; a person stops it later.
    Replaced,
    /// The phone of one account is switched off for days.
    PhoneOff,
    /// The network of the whole fleet is gone for a while.
    NetworkDown,
    /// WhatsApp restarts the server of the whole fleet: every connection is cut at once.
    ServersRestart,
    /// A router forgets half of the fleet's connections: they fall silent at once.
    HalfSilent,
    /// The disk is full for a moment: nothing can be committed.
    DiskFull,
    /// The process is restarted.
    Restart,
}

/// Whom a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One account; the rate is per account.
    Account,
    /// All of them; the rate is the fleet's.
    Fleet,
}

/// One line of the model.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// What goes wrong.
    pub fault: Fault,
    /// Whom it strikes.
    pub scope: Scope,
    /// Mean time between two of them.
    pub every: i64,
    /// Mean duration, where it has one.
    pub lasts: i64,
}

const fn one(fault: Fault, every: i64, lasts: i64) -> Line {
    let scope = Scope::Account;
    Line {
        fault,
        scope,
        every,
        lasts,
    }
}

const fn all(fault: Fault, every: i64, lasts: i64) -> Line {
    let scope = Scope::Fleet;
    Line {
        fault,
        scope,
        every,
        lasts,
    }
}

/// The model.
pub const MODEL: [Line; 15] = [
    one(Fault::Cut, DAY, 0),
    one(Fault::Silent, 7 * DAY, 0),
    one(Fault::Unserved, 90 * DAY, 0),
    one(Fault::Refused, 30 * DAY, 2 * MINUTE),
    one(Fault::Unreadable, 365 * DAY, 0),
    one(Fault::Interrupted, 30 * DAY, 30 * SECOND),
    one(Fault::Removed, 120 * DAY, 4 * HOUR),
    one(Fault::Banned, 365 * DAY, 12 * HOUR),
    one(Fault::Replaced, 180 * DAY, 2 * HOUR),
    one(Fault::PhoneOff, 60 * DAY, 5 * DAY),
    all(Fault::NetworkDown, 14 * DAY, MINUTE),
    all(Fault::ServersRestart, 7 * DAY, 0),
    all(Fault::HalfSilent, 14 * DAY, 0),
    all(Fault::DiskFull, 14 * DAY, 20 * SECOND),
    all(Fault::Restart, 7 * DAY, 5 * SECOND),
];

/// The line of a fault.
#[must_use]
pub fn line(fault: Fault) -> Line {
    let found = MODEL.iter().find(|line| line.fault == fault);
    found.copied().unwrap_or(MODEL[0])
}

/// Messages that an account gets, and sends, in an hour between 8 and 20 o'clock.
pub const PER_HOUR_BY_DAY: i64 = 12;
/// The same at night.
pub const PER_HOUR_BY_NIGHT: i64 = 1;
/// Messages come from so many people.
pub const PEOPLE: usize = 40;
/// Logins take between these two.
pub const LOGIN: (i64, i64) = (300, 3_000);
/// Answers of a server that is well take between these two; one in a hundred takes up to
/// [`SLOW_ANSWER`].
pub const ANSWER: (i64, i64) = (40, 1_500);
/// The slowest answer of a server that is well.
pub const SLOW_ANSWER: i64 = 8_000;

/// An exponential draw around a mean, in milliseconds; at least one.
pub fn exponential(dice: &mut Dice, mean: i64) -> i64 {
    // 53 random bits as a number in (0, 1].
    let unit = ((dice.roll() >> 11) + 1) as f64 / (1u64 << 53) as f64;
    ((-unit.ln() * mean as f64) as i64).max(1)
}

/// Between the two, evenly.
pub fn between(dice: &mut Dice, (low, high): (i64, i64)) -> i64 {
    low + dice.below((high - low).max(1) as usize) as i64
}

/// How long an answer takes.
pub fn answer(dice: &mut Dice) -> i64 {
    if dice.percent(1) {
        return between(dice, (ANSWER.1, SLOW_ANSWER));
    }
    between(dice, ANSWER)
}

/// Until the next message of an account, given the time of day.
pub fn next_message(dice: &mut Dice, now: i64) -> i64 {
    let hour = now.rem_euclid(DAY) / HOUR;
    let per_hour = if (8..20).contains(&hour) {
        PER_HOUR_BY_DAY
    } else {
        PER_HOUR_BY_NIGHT
    };
    exponential(dice, HOUR / per_hour)
}
