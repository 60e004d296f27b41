//! When a message was written, as people and programs write it.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Reads a moment: with an offset (`2026-02-23T06:00:00Z`), with a zone in brackets, or without either, which
/// means the given zone. The result is in the given zone.
pub fn moment(written: &str, zone: &TimeZone) -> Option<Zoned> {
    let written = written.trim();
    if let Ok(at) = written.parse::<Timestamp>() {
        return Some(at.to_zoned(zone.clone()));
    }
    if let Ok(at) = written.parse::<Zoned>() {
        return Some(at.with_time_zone(zone.clone()));
    }
    let civil: DateTime = written.replacen(' ', "T", 1).parse().ok()?;
    civil.to_zoned(zone.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_the_contacts_zone() {
        let zone = TimeZone::get("Asia/Dubai").unwrap();
        for written in [
            "2026-02-23T06:00:00Z",
            "2026-02-23T10:00:00+04:00",
            "2026-02-23T10:00",
            "2026-02-23 10:00:00",
        ] {
            let at = moment(written, &zone).unwrap();
            assert_eq!(
                at.datetime().to_string(),
                "2026-02-23T10:00:00",
                "{written}"
            );
        }
        assert!(moment("yesterday", &zone).is_none());
    }
}
