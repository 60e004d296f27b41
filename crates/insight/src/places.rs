//! Where a phone number is at home: its country, and the time there.
//!
//! A guess for people of whom nothing else is known. Countries with several zones get the one in which
//! most people live. Source: the time zone database (`zone.tab`, public domain) and the numbering plans of
//! libphonenumber.

use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::sync::OnceLock;

/// `CC Zone/Name`, one a line.
const ZONES: &str = include_str!("../data/zones.txt");

/// Where somebody is, as far as their number says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// ISO 3166 code, e.g. `AE`.
    pub country: String,
    /// IANA name, e.g. `Asia/Dubai`.
    pub zone: &'static str,
}

impl Home {
    /// As the analyser takes it: only the country counts.
    pub fn locale(&self) -> String {
        format!("und-{}", self.country)
    }

    /// The zone with its rules; `None` where the system does not know it.
    pub fn time_zone(&self) -> Option<TimeZone> {
        TimeZone::get(self.zone).ok()
    }
}

/// The home of a number in E.164, with or without its `+`. `None` for numbers of no country.
pub fn home_of(number: &str) -> Option<Home> {
    let digits = number.trim_start_matches('+');
    let parsed = phonenumber::parse(None, format!("+{digits}")).ok()?;
    let country = parsed.country().id()?.as_ref().to_owned();
    let zone = zones().get(country.as_str())?;
    Some(Home { zone, country })
}

fn zones() -> &'static HashMap<&'static str, &'static str> {
    static TABLE: OnceLock<HashMap<&'static str, &'static str>> = OnceLock::new();
    TABLE.get_or_init(|| {
        ZONES
            .lines()
            .filter_map(|line| line.split_once(' '))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_where_it_is_at_home() {
        for (number, country, zone) in [
            ("+971505760056", "AE", "Asia/Dubai"),
            ("966501234567", "SA", "Asia/Riyadh"),
            ("+442079460018", "GB", "Europe/London"),
            ("+919876543210", "IN", "Asia/Kolkata"),
            ("+12025550123", "US", "America/New_York"),
            ("+5511961234567", "BR", "America/Sao_Paulo"),
        ] {
            let home = home_of(number).unwrap();
            assert_eq!((home.country.as_str(), home.zone), (country, zone));
        }
        assert_eq!(home_of("+999123"), None);
        assert_eq!(home_of("not a number"), None);
    }

    #[test]
    fn every_zone_is_known() {
        assert!(zones().len() > 200, "{}", zones().len());
        for zone in zones().values() {
            assert!(TimeZone::get(zone).is_ok(), "{zone}");
        }
    }
}
