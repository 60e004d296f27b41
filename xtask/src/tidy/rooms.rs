//! Who may use what: SQL, the WhatsApp library, and what the engine must not touch.

use super::Problem;
use super::rust_text::RustText;

/// Crates that only `wa` and `wasim` know.
const WHATSAPP: &[&str] = &[
    "whatsapp_rust",
    "wacore",
    "wacore_binary",
    "wacore_noise",
    "wacore_libsignal",
    "wacore_appstate",
    "waproto",
];

/// Names that tell the wall clock, chance, or the world outside; never in the engine.
const NOT_IN_ENGINE: &[&str] = &[
    "SystemTime",
    "Instant",
    "tokio",
    "rand",
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "async",
];

/// How SQL begins.
const SQL_STARTS: &[&str] = &[
    "insert into ",
    "insert or ",
    "delete from ",
    "create table ",
    "create index ",
    "create unique index ",
    "alter table ",
    "drop table ",
    "pragma ",
    "begin immediate",
    "truncate table ",
];

/// Checks one source file.
pub(super) fn check_source(path: &str, text: &RustText) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !path.starts_with("crates/store/") && !path.starts_with("xtask/src/tidy/") {
        for literal in text.literals.iter().filter(|literal| is_sql(&literal.text)) {
            let what = "SQL belongs in crates/store: give the store a command or a query for this";
            problems.push(Problem::new(path, literal.line, what));
        }
    }
    if !path.starts_with("crates/wa/") && !path.starts_with("crates/wasim/") {
        problems.extend(names(path, text, WHATSAPP, |name| {
            format!("`{name}` belongs in crates/wa: say it in the engine's words there")
        }));
    }
    if path.starts_with("crates/engine/src/") {
        problems.extend(names(path, text, NOT_IN_ENGINE, |name| {
            format!("`{name}` has no place in the engine: hand in what it would have told")
        }));
    }
    problems.extend(
        names(path, text, &["ignore"], |_| {
            "a test that is ignored proves nothing: make it run or delete it".to_owned()
        })
        .into_iter()
        .filter(|p| line_of(&text.code, p.line).trim_start().starts_with("#[")),
    );
    problems
}

/// Checks the dependencies that a crate may declare.
pub(super) fn check_manifest(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut section = "";
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line;
        }
        if section != "[dependencies]" {
            continue;
        }
        let name = line
            .split(['.', '=', ' '])
            .next()
            .unwrap_or_default()
            .replace('-', "_");
        if let Some(what) = banned_dependency(path, &name) {
            problems.push(Problem::new(path, number + 1, what));
        }
    }
    problems
}

fn banned_dependency(path: &str, name: &str) -> Option<String> {
    let whatsapp = WHATSAPP.contains(&name);
    let database = ["rusqlite", "tokio_postgres", "deadpool_postgres"].contains(&name);
    let outside = ["tokio", "rand", "reqwest", "rusqlite", "axum"].contains(&name);
    match path {
        "crates/wa/Cargo.toml" | "crates/wasim/Cargo.toml" if whatsapp => None,
        "crates/store/Cargo.toml" if database => None,
        "crates/engine/Cargo.toml" if outside => Some(format!(
            "the engine does no I/O and rolls no dice: it can't use `{name}`"
        )),
        _ if whatsapp => Some(format!("only crates/wa and crates/wasim may use `{name}`")),
        _ if database => Some(format!("only crates/store may use `{name}`")),
        _ => None,
    }
}

/// Every place where one of the names stands as a whole word in the code.
fn names(
    path: &str,
    text: &RustText,
    wanted: &[&str],
    say: impl Fn(&str) -> String,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (number, line) in text.code.lines().enumerate() {
        for name in wanted.iter().filter(|name| has_word(line, name)) {
            problems.push(Problem::new(path, number + 1, say(name)));
        }
    }
    problems
}

fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|s| s.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|s| s.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

fn line_of(code: &str, line: usize) -> &str {
    code.lines().nth(line.saturating_sub(1)).unwrap_or_default()
}

/// Whether a literal is a statement. English that happens to begin with "Select" or "Update" is not:
/// a statement's verb is all upper case or all lower case, and its second word is there too.
fn is_sql(literal: &str) -> bool {
    let text = literal.replace("\\n", " ").replace('\\', " ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = text.to_lowercase();
    let verb = text.split(' ').next().unwrap_or_default();
    let one_case = verb == verb.to_uppercase() || verb == verb.to_lowercase();
    if !one_case {
        return false;
    }
    SQL_STARTS
        .iter()
        .any(|start| format!("{lower} ").starts_with(start))
        || (lower.starts_with("select ") && lower.contains(" from "))
        || (lower.starts_with("update ") && lower.contains(" set ") && lower.contains('='))
        || (lower.starts_with("with ") && lower.contains(" as (select "))
}

#[cfg(test)]
mod tests {
    use super::super::rust_text::split;
    use super::*;

    fn found(path: &str, source: &str) -> Vec<usize> {
        check_source(path, &split(source))
            .into_iter()
            .map(|p| p.line)
            .collect()
    }

    #[test]
    fn sql_is_found_everywhere_but_in_the_store() {
        let source = "fn f() {\n  db.run(\"SELECT id FROM accounts\");\n  g(r#\"\n   update a set b = 1\"#);\n}";
        assert_eq!(found("crates/server/src/a.rs", source), [2, 3]);
        assert_eq!(found("crates/store/src/a.rs", source), [0_usize; 0]);
    }

    #[test]
    fn english_is_not_sql() {
        for text in [
            "Select an account from the list",
            "select one",
            "Update the client and set a newer version",
            "delete it",
            "create a table",
            "with two from three",
        ] {
            assert!(!is_sql(text), "{text}");
        }
        for text in [
            "DELETE FROM a",
            "PRAGMA journal_mode",
            "insert into a values (1)",
        ] {
            assert!(is_sql(text), "{text}");
        }
    }

    #[test]
    fn the_whatsapp_library_is_known_in_two_crates_only() {
        let source = "use whatsapp_rust::Client;\nuse my_wacore::x;";
        assert_eq!(found("crates/server/src/a.rs", source), [1]);
        assert_eq!(found("crates/engine/src/a.rs", source), [1]);
        assert_eq!(found("crates/wa/src/a.rs", source), [0_usize; 0]);
        assert_eq!(found("crates/wasim/tests/it/a.rs", source), [0_usize; 0]);
    }

    #[test]
    fn the_engine_has_no_clock_no_dice_and_no_files() {
        let source = "use std::time::{Duration, Instant};\nlet a = rand::random();\nstd::fs::read(x);\n\
                      // SystemTime in a comment\nlet operand = \"tokio\";";
        assert_eq!(found("crates/engine/src/a.rs", source), [1, 2, 3]);
        assert_eq!(found("crates/server/src/a.rs", source), [0_usize; 0]);
        assert_eq!(found("crates/engine/tests/it/a.rs", source), [0_usize; 0]);
    }

    #[test]
    fn no_test_is_ignored() {
        let source = "#[test]\n#[ignore = \"slow\"]\nfn a() {}\nlet ignore = 1;\n\
                      #[cfg_attr(debug_assertions, ignore)]\n#[ignored]";
        assert_eq!(found("crates/server/src/a.rs", source), [2, 5]);
    }

    #[test]
    fn dependencies_are_watched_too() {
        let lines = |path: &str, text: &str| -> Vec<usize> {
            check_manifest(path, text)
                .into_iter()
                .map(|p| p.line)
                .collect()
        };
        let text = "[dependencies]\ntokio.workspace = true\nserde = \"1\"\n[dev-dependencies]\nrand = \"1\"";
        assert_eq!(lines("crates/engine/Cargo.toml", text), [2]);
        assert_eq!(lines("crates/server/Cargo.toml", text), [0_usize; 0]);
        assert_eq!(
            lines("crates/server/Cargo.toml", "[dependencies]\nwacore = \"1\""),
            [2]
        );
        assert_eq!(
            lines(
                "crates/sim/Cargo.toml",
                "[dependencies]\nrusqlite.workspace = true"
            ),
            [2]
        );
        assert_eq!(
            lines(
                "crates/store/Cargo.toml",
                "[dependencies]\nrusqlite = \"1\""
            ),
            [0_usize; 0]
        );
    }
}
