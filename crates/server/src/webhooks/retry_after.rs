//! `Retry-After` as servers write it: RFC 9110, section 10.2.3.

use jiff::fmt::rfc2822::DateTimeParser;
use waypost_engine::model::{Duration, Timestamp};

/// Longest wait taken literally, in seconds; the schedule cuts it further.
pub(crate) const SECONDS_MAX: i64 = 1_000_000;

/// Servers that get the day of the week wrong still mean the date.
const DATES: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);

/// How long to wait from `now`: seconds, or a date, of which one that has passed means not at all.
/// `None` when it is neither.
pub(crate) fn read(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let seconds = if text.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a number holds are a long wait too.
        (!text.is_empty()).then(|| text.parse().unwrap_or(SECONDS_MAX))?
    } else {
        let date = DATES.parse_timestamp(text).ok()?;
        date.as_second().saturating_sub(now.as_secs())
    };
    let seconds = seconds.clamp(0, SECONDS_MAX);
    Some(Duration::secs(seconds.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the date of the examples in RFC 9110.
    const THEN: Timestamp = Timestamp(784_111_777_000);

    #[test]
    fn seconds_and_dates_are_understood() {
        for (text, seconds) in [
            ("0", 0),
            (" 120 ", 120),
            ("99999999999999999999999", 1_000_000),
            ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
            ("Sun, 06 Nov 1994 08:49:30 GMT", 0),
            ("Fri, 31 Dec 2100 23:59:59 GMT", 1_000_000),
        ] {
            assert_eq!(read(text, THEN), Some(Duration::secs(seconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_wait() {
        for text in ["", "soon", "-1", "1.5", "12 minutes", "1994-11-06"] {
            assert_eq!(read(text, THEN), None, "{text}");
        }
    }
}
