//! The analyser of this process: made once, from the lists that come with the program.

use std::sync::OnceLock;
use waypost_insight::{Analyzer, Settings, SettingsError};

/// The zone of a contact whose zone nobody knows.
pub(crate) const ZONE_DEFAULT: &str = "Asia/Dubai";

/// The analyser, made at its first use; that takes a second.
///
/// # Errors
/// When one of the lists that come with the program cannot be read, which a test rules out.
pub(crate) fn analyzer() -> Result<&'static Analyzer, &'static SettingsError> {
    static ANALYZER: OnceLock<Result<Analyzer, SettingsError>> = OnceLock::new();
    ANALYZER
        .get_or_init(|| Analyzer::new(Settings::default()))
        .as_ref()
}

/// A time zone by its IANA name.
pub(crate) fn zone(name: &str) -> Option<jiff::tz::TimeZone> {
    jiff::tz::TimeZone::get(name).ok()
}

/// Now, in a zone.
pub(crate) fn now(zone: jiff::tz::TimeZone) -> jiff::Zoned {
    let now = jiff::Timestamp::from_millisecond(crate::clock::now().0).unwrap_or_default();
    now.to_zoned(zone)
}
