//! How messages feel, judged by people's ratings: lines of `{"text", "sentiment", "rating"}`.
//!
//! `cargo run --release -p waypost-insight --example feelings -- FILE`; `tools/beside_vader.py` runs it beside
//! vaderSentiment.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::error::Error;
use std::time::Instant;
use waypost_insight::{Analyzer, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let analyzer = Analyzer::new(Settings::default())?;
    for path in std::env::args().skip(1) {
        let lines = std::fs::read_to_string(&path)?;
        let rated: Vec<serde_json::Value> = lines
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?;
        let texts: Vec<&str> = rated.iter().filter_map(|r| r["text"].as_str()).collect();
        let started = Instant::now();
        let said: Vec<_> = texts.iter().map(|t| analyzer.sentiment(t)).collect();
        let seconds = started.elapsed().as_secs_f64();
        let scores: Vec<f32> = said.iter().map(|s| s.score).collect();
        let signs: Vec<i8> = said.iter().map(|s| s.label.sign()).collect();
        println!(
            "{}",
            serde_json::json!({"file": path, "scores": scores, "signs": signs, "seconds": seconds})
        );
    }
    Ok(())
}
