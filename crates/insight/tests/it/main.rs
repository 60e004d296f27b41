//! What messages say, told by messages that people write.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    missing_docs
)]

mod accuracy;
mod asked;
mod conversations;
mod entities;
mod hostile;
mod intents;
mod properties;
mod tables;

use jiff::Zoned;
use std::sync::LazyLock;
use waypost_insight::{Analyzer, Input, Settings};

/// The default analyser, trained once.
static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| Analyzer::new(Settings::default()).unwrap());

/// Monday, 23 February 2026, ten in the morning in Dubai.
fn monday() -> Zoned {
    "2026-02-23T10:00[Asia/Dubai]".parse().unwrap()
}

fn values(text: &str) -> Vec<String> {
    let at = monday();
    let analysis = ANALYZER.analyze(&Input {
        text,
        at: &at,
        locale: None,
    });
    analysis
        .entities
        .iter()
        .map(|e| format!("{} {}", e.kind.name(), e.value))
        .collect()
}
