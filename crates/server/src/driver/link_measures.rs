//! What is counted about linking, for `/metrics`.

use crate::api::ports::LinkWay;
use waypost_engine::fleet::link::LinkMethod;
use waypost_engine::fleet::{LinkOutcome, LinkRecord};

/// A code came onto the screen.
pub(super) fn code_shown(way: LinkWay) {
    let kind = match way {
        LinkWay::Qr => "qr",
        LinkWay::Code => "code",
    };
    metrics::counter!("waypost_link_codes_shown_total", "kind" => kind).increment(1);
}

/// An attempt has ended.
pub(super) fn ended(record: &LinkRecord) {
    metrics::counter!("waypost_link_attempts_total", "outcome" => outcome(&record.outcome))
        .increment(1);
    metrics::counter!("waypost_link_regenerations_total").increment(record.regenerations.into());
    if record.fell_back {
        metrics::counter!("waypost_link_fallbacks_total").increment(1);
    }
    if record.outcome == LinkOutcome::Linked {
        scanned(record);
    }
}

fn scanned(record: &LinkRecord) {
    let kind = match record.method {
        LinkMethod::Qr if !record.fell_back => "qr",
        LinkMethod::Qr | LinkMethod::Code => "code",
    };
    metrics::counter!("waypost_link_scans_total", "kind" => kind).increment(1);
    if let Some(first) = record.first_code_at {
        let took = std::time::Duration::from(record.ended_at.since(first));
        metrics::histogram!("waypost_link_scan_seconds", "kind" => kind).record(took);
    }
}

fn outcome(outcome: &LinkOutcome) -> &'static str {
    match outcome {
        LinkOutcome::Linked => "linked",
        LinkOutcome::Expired => "expired",
        LinkOutcome::Cancelled => "cancelled",
        LinkOutcome::Passkey => "passkey",
        LinkOutcome::Failed { .. } => "failed",
    }
}
