//! Learns the weights of `src/flow/weights.rs` from labelled conversations, and prints them.
//!
//! `cargo run -p waypost-insight --example switches -- data/insight/switches-train.jsonl`
#![allow(clippy::print_stdout)]

use std::error::Error;
use waypost_insight::eval::switches::{Conversation, lessons, read};
use waypost_insight::{Analyzer, Settings};

/// Parts for cross-validation: a conversation is judged by weights that have not seen it.
const FOLDS: usize = 5;
const PASSES: usize = 3_000;
const STEP: f64 = 0.5;
const DECAY: f64 = 0.002;
/// Share of messages that begin a topic, as far as it is known of conversations at large.
const SHARE: f64 = 0.17;
/// The score at which a conversation has switched, and the sum that gives it.
const SWITCH_SUM: f64 = 0.405_465;

type Lesson = (Vec<f64>, bool);

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("name a file of labelled conversations")?;
    let conversations = read(&std::fs::read_to_string(path)?)?;
    let analyzer = Analyzer::new(Settings::default())?;
    let at: jiff::Zoned = "2026-01-01T10:00[Asia/Dubai]".parse()?;
    let taught: Vec<Vec<Lesson>> = conversations
        .iter()
        .map(|c: &Conversation| {
            lessons(&analyzer, c, &at)
                .into_iter()
                .map(|(signs, switched)| (signs.iter().map(|s| f64::from(*s)).collect(), switched))
                .collect()
        })
        .collect();
    let mut judged = Vec::new();
    for fold in 0..FOLDS {
        let part = |inside: bool| -> Vec<&Lesson> {
            taught
                .iter()
                .enumerate()
                .filter(|(i, _)| (i % FOLDS == fold) == inside)
                .flat_map(|(_, l)| l)
                .collect()
        };
        let weights = learn(&part(false));
        judged.extend(part(true).iter().map(|(x, y)| (sum(&weights, x), *y)));
    }
    let (cut, f1) = best_cut(&judged);
    println!("// cross-validated F1 {f1:.3} at a sum of {cut:.3}");
    let all: Vec<&Lesson> = taught.iter().flatten().collect();
    let mut weights = learn(&all);
    let bias = weights.pop().unwrap_or_default() - cut + SWITCH_SUM;
    println!("const BIAS: f32 = {bias:.3};");
    let list: Vec<String> = weights.iter().map(|w| format!("{w:.3}")).collect();
    println!("const WEIGHTS: [f32; COUNT] = [{}];", list.join(", "));
    Ok(())
}

/// Logistic regression; the last weight is the bias.
fn learn(lessons: &[&Lesson]) -> Vec<f64> {
    let width = lessons.first().map_or(0, |(x, _)| x.len());
    let positive = lessons.iter().filter(|(_, y)| *y).count() as f64;
    let negative = lessons.len() as f64 - positive;
    let mut weights = vec![0.0; width + 1];
    for pass in 0..PASSES {
        let step = STEP * (1.0 - pass as f64 / PASSES as f64) * 4.0;
        let mut slope = vec![0.0; width + 1];
        for (x, y) in lessons {
            let (worth, target) = if *y {
                (SHARE / positive, 1.0)
            } else {
                ((1.0 - SHARE) / negative, 0.0)
            };
            let error = (1.0 / (1.0 + (-sum(&weights, x)).exp()) - target) * worth;
            for (s, v) in slope.iter_mut().zip(x) {
                *s += error * v;
            }
            slope[width] += error;
        }
        for (at, (w, s)) in weights.iter_mut().zip(&slope).enumerate() {
            let decay = if at == width { 0.0 } else { DECAY };
            *w -= step * (s + decay * *w);
        }
    }
    weights
}

fn sum(weights: &[f64], x: &[f64]) -> f64 {
    let bias = weights.last().copied().unwrap_or_default();
    bias + weights.iter().zip(x).map(|(w, v)| w * v).sum::<f64>()
}

/// The sum from which on calling it a switch gives the best F1, topics weighed to their share.
fn best_cut(judged: &[(f64, bool)]) -> (f64, f64) {
    let positive = judged.iter().filter(|j| j.1).count() as f64;
    let negative = judged.len() as f64 - positive;
    let worth = negative / positive * SHARE / (1.0 - SHARE);
    let mut sorted = judged.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut right, mut wrong, mut best) = (0.0, 0.0, (0.0, 0.0));
    for (cut, is_switch) in sorted {
        if is_switch {
            right += worth;
        } else {
            wrong += 1.0;
        }
        let f1 = 2.0 * right / (right + wrong + positive * worth);
        if f1 > best.1 {
            best = (cut - 1e-6, f1);
        }
    }
    best
}
