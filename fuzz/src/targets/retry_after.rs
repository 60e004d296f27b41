//! `Retry-After` of whoever answers a webhook.

use crate::server::retry_after;
use waypost_engine::model::Timestamp;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(wait) = retry_after::read(text, NOW) {
        let longest = retry_after::SECONDS_MAX.unsigned_abs() * 1_000;
        assert!(wait.0 <= longest, "{text:?} means {wait:?}");
    }
}
