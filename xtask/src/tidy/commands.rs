//! The commands that documents name: they exist, with the flags that are shown.

use super::Problem;
use crate::cli::Cli;
use crate::place::Place;
use crate::shell::Run;
use clap::{Command, CommandFactory as _};

/// A command that a document shows, without the program's name.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    line: usize,
    words: Vec<String>,
}

/// Checks every `cargo xtask …` against our own command line.
pub(super) fn check_xtask(path: &str, text: &str) -> Vec<Problem> {
    let cli = Cli::command();
    let mut problems = Vec::new();
    for shown in shown(text, "cargo xtask") {
        if let Some(what) = unknown_to_xtask(&cli, &shown.words) {
            problems.push(Problem::new(path, shown.line, what));
        }
    }
    problems
}

fn unknown_to_xtask(cli: &Command, words: &[String]) -> Option<String> {
    let (name, rest) = words.split_first()?;
    let Some(job) = cli.get_subcommands().find(|job| job.get_name() == name) else {
        return Some(format!("there is no `cargo xtask {name}`"));
    };
    let hands_on = job.get_arguments().any(clap::Arg::is_trailing_var_arg_set);
    let unknown = rest.iter().take_while(|word| *word != "--").find(|word| {
        let flag = word
            .strip_prefix("--")
            .map(|f| f.split('=').next().unwrap_or(f));
        flag.is_some_and(|flag| !job.get_arguments().any(|a| a.get_long() == Some(flag)))
    });
    match unknown {
        Some(flag) if !hands_on => Some(format!("`cargo xtask {name}` knows no `{flag}`")),
        _ => None,
    }
}

/// Checks every `waypost …` by asking the program itself.
pub(super) fn check_program(place: &Place, path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for shown in shown(text, "waypost") {
        if let Err(what) = ask(place, &shown.words) {
            problems.push(Problem::new(path, shown.line, what));
        }
    }
    problems
}

/// An unknown subcommand is refused before `--help` is looked at; a known one prints its flags.
fn ask(place: &Place, words: &[String]) -> Result<(), String> {
    let names: Vec<&String> = words.iter().take_while(|word| is_name(word)).collect();
    let help = Run::new(place, place.strict_program())
        .args(&names)
        .args(["--help"])
        .read()
        .map_err(|_| format!("the program knows no `waypost {}`", words.join(" ")))?;
    let flag = |word: &&String| word.starts_with("--") && word.len() > 2;
    for word in words.iter().filter(flag) {
        let name = word.split('=').next().unwrap_or(word);
        if !help.contains(name) {
            return Err(format!("`waypost {}` knows no `{name}`", words.join(" ")));
        }
    }
    Ok(())
}

/// Subcommands are lower-case words; anything else is an argument.
fn is_name(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')
}

/// The commands of one program in inline code and fenced blocks.
fn shown(text: &str, program: &str) -> Vec<Shown> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        let pieces: Vec<&str> = if fenced {
            vec![line]
        } else {
            line.split('`').skip(1).step_by(2).collect()
        };
        for piece in pieces {
            if let Some(words) = words_after(piece, program) {
                found.push(Shown {
                    line: number + 1,
                    words,
                });
            }
        }
    }
    found
}

/// The words after the program's name, up to a comment, a pipe or a redirection. Only when the
/// piece is that command: `waypost.toml` and "the `waypost` program" are not.
fn words_after(piece: &str, program: &str) -> Option<Vec<String>> {
    let piece = piece
        .trim()
        .trim_start_matches("$ ")
        .trim_start_matches("./");
    let rest = piece.strip_prefix(program)?.strip_prefix(' ')?;
    let words: Vec<String> = rest
        .split_whitespace()
        .take_while(|word| !matches!(*word, "#" | "|" | ">" | "&&" | "\\" | "…"))
        .map(|word| word.trim_matches(['"', '\'', '[', ']', ',']).to_owned())
        .filter(|word| !word.is_empty())
        .collect();
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_in_inline_code_and_in_blocks() {
        let text = "Run `waypost serve` or\n```sh\n$ waypost link sales --code  # by code\nls\n```\nsee `waypost.toml`, `waypost`";
        let words = |w: &[&str]| w.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            shown(text, "waypost"),
            [
                Shown {
                    line: 1,
                    words: words(&["serve"])
                },
                Shown {
                    line: 3,
                    words: words(&["link", "sales", "--code"])
                },
            ]
        );
    }

    #[test]
    fn an_unknown_job_or_flag_of_xtask_is_told() {
        let lines = |text: &str| -> Vec<String> {
            check_xtask("README.md", text)
                .into_iter()
                .map(|p| p.what)
                .collect()
        };
        assert_eq!(
            lines("`cargo xtask test --install`, `cargo xtask demo --headless`"),
            [""; 0]
        );
        assert_eq!(
            lines("`cargo xtask tset`"),
            ["there is no `cargo xtask tset`"]
        );
        assert_eq!(
            lines("`cargo xtask test --instal`"),
            ["`cargo xtask test` knows no `--instal`"]
        );
    }

    #[test]
    fn names_of_things_are_not_subcommands() {
        assert!(is_name("dead-letters") && !is_name("+97150") && !is_name("ACCOUNT"));
        assert!(!is_name("--json") && !is_name("acc_1"));
    }
}
