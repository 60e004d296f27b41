//! What is counted of an account's work: attempts, messages, responses.

use super::health::{Figure, Figures};
use crate::model::time::{Duration, Timestamp};
use serde::{Deserialize, Serialize};

/// Attempts needed to speak of a share of errors.
pub const ATTEMPTS_LEAST: u64 = 10;
/// Messages needed to speak of a share that came through.
pub const MESSAGES_LEAST: u64 = 10;
/// Sends needed to speak of how fast they are.
pub const RESPONSES_LEAST: u64 = 3;
/// Counts are kept by the hour.
pub const SLICE: Duration = Duration::hours(1);
/// How far back counts are looked at.
pub const WINDOW: Duration = Duration::hours(24);

/// Something that happened, to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// An attempt to process, send or connect went well.
    Worked,
    /// One failed and may be repeated.
    Failed,
    /// A message came through: it was processed, or WhatsApp accepted it.
    CameThrough,
    /// A message was given up: it went to the dead letters, or its send failed for good.
    Lost,
    /// WhatsApp accepted a send this long after it was called for.
    Responded(Duration),
}

/// Counts of some span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Attempts, good or bad.
    pub attempts: u64,
    /// Of these, failed.
    pub attempts_failed: u64,
    /// Messages that came to an end, good or bad.
    pub messages: u64,
    /// Of these, given up.
    pub messages_lost: u64,
    /// Sends whose time was taken.
    pub responses: u64,
    /// Their time together, in milliseconds.
    pub responses_ms: u64,
}

impl Tally {
    /// Counts one.
    pub fn count(&mut self, happening: Happening) {
        match happening {
            Happening::Worked => self.attempts += 1,
            Happening::Failed => {
                self.attempts += 1;
                self.attempts_failed += 1;
            }
            Happening::CameThrough => self.messages += 1,
            Happening::Lost => {
                self.messages += 1;
                self.messages_lost += 1;
            }
            Happening::Responded(took) => {
                self.responses += 1;
                self.responses_ms = self.responses_ms.saturating_add(took.as_millis());
            }
        }
    }

    /// Adds the counts of another span.
    pub fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.attempts_failed += other.attempts_failed;
        self.messages += other.messages;
        self.messages_lost += other.messages_lost;
        self.responses += other.responses;
        self.responses_ms = self.responses_ms.saturating_add(other.responses_ms);
    }

    /// True when nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What it says about health; too few of something say nothing.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of a day's sends are far below 2^53"
    )]
    pub fn figures(&self) -> Figures {
        let came_through = self.messages.saturating_sub(self.messages_lost);
        let response = (self.responses >= RESPONSES_LEAST).then(|| Figure {
            value: self.responses_ms as f64 / self.responses as f64 / 1_000.0,
            of: self.responses,
        });
        Figures {
            error_rate: Figure::percent(self.attempts_failed, self.attempts, ATTEMPTS_LEAST),
            message_success: Figure::percent(came_through, self.messages, MESSAGES_LEAST),
            response,
            ..Figures::default()
        }
    }
}

/// The beginning of the slice that a moment falls into.
#[must_use]
pub fn slice_of(at: Timestamp) -> Timestamp {
    let slice = i64::try_from(SLICE.0).unwrap_or(i64::MAX);
    Timestamp(at.0.div_euclid(slice) * slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_become_figures_once_there_are_enough() {
        let mut tally = Tally::default();
        assert!(tally.is_empty());
        for _ in 0..9 {
            tally.count(Happening::Worked);
            tally.count(Happening::CameThrough);
        }
        tally.count(Happening::Responded(Duration::secs(2)));
        tally.count(Happening::Responded(Duration::secs(4)));
        assert_eq!(tally.figures(), Figures::default(), "too few to say");
        let mut more = Tally::default();
        more.count(Happening::Failed);
        more.count(Happening::Lost);
        more.count(Happening::Responded(Duration::secs(9)));
        tally.add(&more);
        let figures = tally.figures();
        assert_eq!(figures.error_rate.unwrap().value, 10.0);
        assert_eq!(figures.message_success.unwrap().value, 90.0);
        assert_eq!(figures.response, Some(Figure { value: 5.0, of: 3 }));
        assert_eq!((figures.uptime, figures.qr_quality), (None, None));
    }

    #[test]
    fn a_slice_is_an_hour_of_the_clock() {
        let hour = 3_600_000;
        assert_eq!(slice_of(Timestamp(5 * hour + 17)), Timestamp(5 * hour));
        assert_eq!(slice_of(Timestamp(5 * hour)), Timestamp(5 * hour));
    }
}
