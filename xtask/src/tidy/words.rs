//! Words that must not be in the checkout: paths of somebody's machine, addresses of registries,
//! tests that are skipped.

use super::Problem;

/// Put together here so that this file does not find itself.
fn banned() -> [(String, &'static str); 6] {
    let machine = "a path of one machine: use a relative path or a setting";
    let registry = "a registry's address: name the package, its tool knows where it is";
    [
        (format!("/{}/", "work"), machine),
        (format!("/{}/", "root"), machine),
        (format!("registry.{}.org", "npmjs"), registry),
        (format!("index.{}.io", "crates"), registry),
        (format!("files.{}.org", "pythonhosted"), registry),
        (format!("static.{}.io", "crates"), registry),
    ]
}

/// What keeps a test of the dashboard from running, or all the others.
const SKIPS: &[&str] = &[
    "test.skip(",
    "it.skip(",
    "describe.skip(",
    "test.only(",
    "it.only(",
];

/// Files that tools write, and that name their source in every entry.
const WRITTEN_BY_TOOLS: &[&str] = &["Cargo.lock"];

/// Checks one file.
pub(super) fn check(path: &str, text: &str) -> Vec<Problem> {
    if WRITTEN_BY_TOOLS.contains(&path) {
        return Vec::new();
    }
    let banned = banned();
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for (word, why) in banned.iter().filter(|(word, _)| stands_alone(line, word)) {
            problems.push(Problem::new(path, number + 1, format!("`{word}` is {why}")));
        }
        if is_script(path) && SKIPS.iter().any(|skip| line.contains(skip)) {
            let what = "a test that is skipped proves nothing: make it run or delete it";
            problems.push(Problem::new(path, number + 1, what));
        }
    }
    problems
}

fn is_script(path: &str) -> bool {
    [".ts", ".js", ".mjs"].iter().any(|end| path.ends_with(end))
}

/// A path counts only from its beginning: behind another folder's name it is a relative one.
fn stands_alone(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|s| s.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "._-}*".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_path_is_found_and_a_relative_one_is_not() {
        let machine = format!("see /{}/main/x", "work");
        let relative = format!("see crates/{}/x and home/{}/", "work", "root");
        assert_eq!(check("a.md", &format!("fine\n{machine}\n")).len(), 1);
        assert_eq!(check("a.md", &relative), []);
    }

    #[test]
    fn no_test_of_the_dashboard_is_skipped() {
        assert_eq!(
            check("web/a.spec.mjs", "test('a');\ntest.skip('b');").len(),
            1
        );
        assert_eq!(check("docs/a.md", "never write `test.skip('b')`"), []);
    }

    #[test]
    fn a_registry_is_found_except_in_lock_files_of_cargo() {
        let line = format!("https://registry.{}.org/x", "npmjs");
        assert_eq!(check("web/package-lock.json", &line).len(), 1);
        let line = format!("source = index.{}.io", "crates");
        assert_eq!(check("Cargo.lock", &line), []);
        assert_eq!(check("a.rs", &line).len(), 1);
    }
}
