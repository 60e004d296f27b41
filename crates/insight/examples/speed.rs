//! How long each part of reading takes on messages of 300 characters.
//!
//! `cargo run --release -p waypost-insight --example speed -- data/insight/train.jsonl`
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use std::error::Error;
use std::time::Instant;
use waypost_insight::flow::Flow;
use waypost_insight::intent::examples;
use waypost_insight::{Analyzer, Input, Settings};

/// Characters of a message.
const CHARS: usize = 300;
/// Times that every message is read.
const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name a file of messages")?;
    let started = Instant::now();
    let analyzer = Analyzer::new(Settings::default())?;
    println!(
        "start, learning included: {} ms",
        started.elapsed().as_millis()
    );
    let texts = messages(&std::fs::read_to_string(path)?)?;
    let at: jiff::Zoned = "2026-01-01T10:00[Asia/Dubai]".parse()?;
    let input = |text: &'static str| Input {
        text,
        at: &at,
        locale: None,
    };
    let texts: Vec<&'static str> = texts.into_iter().map(|t| &*t.leak()).collect();
    let found: Vec<_> = texts.iter().map(|t| analyzer.analyze(&input(t))).collect();
    let pairs: Vec<_> = texts.iter().copied().zip(&found).collect();
    measure("entities", &pairs, |(text, _)| {
        analyzer.open(&input(text)).entities().len()
    });
    measure("intent", &pairs, |(text, said)| {
        analyzer
            .open(&input(text))
            .intent(&said.entities)
            .name
            .len()
    });
    measure("sentiment", &pairs, |(text, _)| {
        usize::from(analyzer.sentiment(text).score > 0.0)
    });
    let mut flow = Flow::default();
    measure("flow", &pairs, |(text, said)| {
        usize::from(flow.observe(text, said, at.timestamp()).switched)
    });
    measure("all but flow", &pairs, |(text, _)| {
        analyzer.analyze(&input(text)).entities.len()
    });
    Ok(())
}

/// Messages of the wanted length, made of whole messages one after the other.
fn messages(lines: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let mut texts = Vec::new();
    let mut text = String::new();
    for example in examples::from_lines(lines)? {
        text.push_str(&example.text);
        text.push(' ');
        if text.chars().count() >= CHARS {
            texts.push(text.chars().take(CHARS).collect());
            text.clear();
        }
    }
    Ok(texts)
}

fn measure<T: Copy>(part: &str, inputs: &[T], mut run: impl FnMut(T) -> usize) {
    let mut times = Vec::new();
    let mut kept = 0;
    for _ in 0..ROUNDS {
        for input in inputs {
            let from = Instant::now();
            kept += run(*input);
            times.push(from.elapsed().as_nanos() / 1_000);
        }
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!(
        "{part:<14} median {:>5} us   p99 {:>5} us   ({} readings, {kept})",
        at(50),
        at(99),
        times.len()
    );
}
