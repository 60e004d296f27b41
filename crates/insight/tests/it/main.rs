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
mod fresh;
mod hostile;
mod intents;
mod properties;
mod tables;

use jiff::Zoned;
use std::path::Path;
use std::sync::LazyLock;
use waypost_insight::{Analyzer, Input, Settings, Trained};

/// The default analyser, trained once for all processes that test this code.
static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (file, settings) = (folder.join("learnt.bin"), Settings::default());
    let name = settings.fingerprint();
    let kept = std::fs::read(&file).ok();
    if let Some(trained) = kept.and_then(|bytes| Trained::from_bytes(&bytes, &name).ok()) {
        return Analyzer::with_trained(&settings, trained).unwrap();
    }
    let analyzer = Analyzer::new(settings).unwrap();
    let unfinished = folder.join(format!("learnt-{}.bin", std::process::id()));
    std::fs::write(&unfinished, analyzer.trained().to_bytes(&name)).unwrap();
    std::fs::rename(unfinished, file).unwrap();
    analyzer
});

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
