//! Messages that measure must not be learnt from: nothing that teaches may be nearly a message of the test part.
//!
//! Two messages are near when they share half of their runs of five characters (Jaccard index; digits count as
//! one sign, punctuation not at all). What is reported is the line that teaches, never the one that measures.

use super::Problem;
use super::tree::Tree;
use std::collections::{HashMap, HashSet};

const TEST: &str = "data/insight/test.jsonl";
/// What teaches: labelled lines, and examples in YAML.
const TEACHING: &[&str] = &[
    "data/insight/train.jsonl",
    "data/insight/examples.jsonl",
    "crates/insight/data/intents.yaml",
];
/// Characters of a run.
const RUN: usize = 5;

pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut text = |path: &'static str| {
        let text = tree.text(path);
        if text.is_none() {
            problems.push(Problem::new(
                path,
                1,
                "cannot be read, so that nothing is compared with it",
            ));
        }
        text
    };
    let test = text(TEST);
    let teaching: Vec<(&str, &str)> = TEACHING
        .iter()
        .filter_map(|path| Some((*path, text(path)?)))
        .collect();
    if let Some(test) = test {
        problems.extend(near(test, &teaching));
    }
    problems
}

fn near(test: &str, teaching: &[(&str, &str)]) -> Vec<Problem> {
    let measured: Vec<HashSet<String>> = messages(test).map(|(_, m)| runs(&m)).collect();
    let mut holders: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, message) in measured.iter().enumerate() {
        for run in message {
            holders.entry(run).or_default().push(at);
        }
    }
    let mut problems = Vec::new();
    for (path, lines) in teaching {
        for (line, message) in messages(lines) {
            let mine = runs(&message);
            let mut shared: HashMap<usize, usize> = HashMap::new();
            for at in mine.iter().flat_map(|r| holders.get(r.as_str())).flatten() {
                *shared.entry(*at).or_default() += 1;
            }
            let is_near = shared
                .iter()
                .any(|(at, both)| both * 2 >= mine.len() + measured[*at].len() - both);
            if is_near {
                problems.push(Problem::new(
                    path,
                    line,
                    "is nearly a message of the test part; take it out",
                ));
            }
        }
    }
    problems
}

/// The messages of JSON lines or of a list in YAML, with their lines.
fn messages(text: &str) -> impl Iterator<Item = (usize, String)> {
    text.lines().zip(1..).filter_map(|(line, number)| {
        let line = line.trim();
        let message = if line.starts_with('{') {
            let value: serde_json::Value = serde_json::from_str(line).ok()?;
            value["text"].as_str()?.to_owned()
        } else {
            let item = line.strip_prefix("- ")?;
            (!item.starts_with("intent:")).then(|| item.to_owned())?
        };
        Some((number, message))
    })
}

fn runs(message: &str) -> HashSet<String> {
    let kept: String = message
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || c.is_whitespace())
        .map(|c| if c.is_numeric() { '0' } else { c })
        .collect();
    let plain: Vec<char> = kept
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .collect();
    if plain.is_empty() {
        return HashSet::from([message.to_owned()]);
    }
    plain
        .windows(RUN.min(plain.len()))
        .map(|run| run.iter().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_another_number_is_found_and_another_message_is_not() {
        let test = "{\"text\": \"the lift of tower 3 is broken again\"}\n";
        let teaching = "nlu:\n  - intent: complaint\n    examples: |\n      - The lift of tower 7 is broken again!\n      - nobody answers\n";
        let problems = near(test, &[("examples.yaml", teaching)]);
        assert_eq!(problems.len(), 1);
        assert_eq!(
            (problems[0].file.as_str(), problems[0].line),
            ("examples.yaml", 4)
        );
        assert!(!problems[0].what.contains("tower"));
    }
}
