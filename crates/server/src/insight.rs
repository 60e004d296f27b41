//! The analyser of this process: made once, from the lists that come with the program.

use crate::models::Models;
use std::sync::{Arc, OnceLock};
use waypost_insight::{Analyzer, Settings, SettingsError};

/// The zone of a contact whose zone nobody knows.
pub(crate) const ZONE_DEFAULT: &str = "Asia/Dubai";

/// The analyser with the lists that come with the program, made at its first use: of what is kept in `models`,
/// or in seconds when that was not learnt yet.
///
/// # Errors
/// When one of the lists that come with the program cannot be read, which a test rules out.
pub(crate) fn analyzer(models: &Models) -> Result<&'static Analyzer, &'static SettingsError> {
    built_in(models).as_deref()
}

/// The same, to be shared.
///
/// # Errors
/// As [`analyzer`].
pub(crate) fn shared_analyzer(models: &Models) -> Result<Arc<Analyzer>, &'static SettingsError> {
    built_in(models).as_ref().map(Arc::clone)
}

fn built_in(models: &Models) -> &'static Result<Arc<Analyzer>, SettingsError> {
    static ANALYZER: OnceLock<Result<Arc<Analyzer>, SettingsError>> = OnceLock::new();
    ANALYZER.get_or_init(|| models.analyzer(Settings::default()).map(Arc::new))
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
