//! `cargo xtask tidy`: what no lint can check. Each rule is pure and tested on small fixtures.

mod api;
mod commands;
mod documents;
mod labelled;
mod rooms;
mod rust_text;
mod tree;
mod words;

use crate::place::Place;
use anyhow::{Result, bail};
use tree::Tree;

/// Something wrong, where, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    file: String,
    line: usize,
    what: String,
}

impl Problem {
    fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            what: what.into(),
        }
    }
}

/// Lines in a file above which we advise to split it.
const LINES_MAX: usize = 700;

/// Checks everything.
///
/// # Errors
/// When a rule is broken; all breaches have been printed by then.
pub(crate) fn run(place: &Place) -> Result<()> {
    let tree = Tree::read(place.root())?;
    for file in tree.files() {
        let lines = file.text.lines().count();
        if file.is_source() && lines > LINES_MAX {
            println!(
                "warning: {} has {lines} lines; split it by what it does",
                file.path
            );
        }
    }
    finish(&check(&tree))
}

fn check(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in tree.files() {
        if file.path.ends_with(".rs") {
            let text = rust_text::split(&file.text);
            problems.extend(rooms::check_source(&file.path, &text));
        }
        if file.path.ends_with("Cargo.toml") {
            problems.extend(rooms::check_manifest(&file.path, &file.text));
        }
        if file.path.ends_with(".md") {
            problems.extend(documents::check_links(&file.path, &file.text, |p| {
                tree.has(p)
            }));
            problems.extend(commands::check_xtask(&file.path, &file.text));
        }
        problems.extend(words::check(&file.path, &file.text));
    }
    problems.extend(labelled::check(tree));
    problems.extend(api::check(tree));
    problems
}

/// Asks the built program whether it knows the commands and flags that the documents name.
///
/// # Errors
/// When one is unknown to it; all have been printed by then.
pub(crate) fn check_program_commands(place: &Place) -> Result<()> {
    let tree = Tree::read(place.root())?;
    let mut problems = Vec::new();
    for file in tree.files().filter(|file| file.path.ends_with(".md")) {
        problems.extend(commands::check_program(place, &file.path, &file.text));
    }
    finish(&problems)
}

fn finish(problems: &[Problem]) -> Result<()> {
    for problem in problems {
        println!("{}:{}: {}", problem.file, problem.line, problem.what);
    }
    if !problems.is_empty() {
        bail!("{} found by tidy", count(problems.len(), "problem"));
    }
    Ok(())
}

fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}
