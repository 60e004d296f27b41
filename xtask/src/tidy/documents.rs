//! The documents: their links lead somewhere.

use super::Problem;

/// A line of a document outside fenced code, with its number from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(number, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((number + 1, line))
    })
}

/// Checks that relative links lead to a file or folder of the checkout, and that links within a
/// document lead to one of its headings.
pub(super) fn check_links(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Problem> {
    let anchors: Vec<String> = prose(text).filter_map(|(_, line)| anchor(line)).collect();
    let mut problems = Vec::new();
    for (number, line) in prose(text) {
        for link in links(line) {
            let (target, heading) = link.split_once('#').unwrap_or((link, ""));
            if target.contains(':') {
                continue;
            }
            if target.is_empty() && !heading.is_empty() {
                if !anchors.iter().any(|a| a == heading) {
                    problems.push(Problem::new(
                        path,
                        number,
                        format!("no heading `#{heading}`"),
                    ));
                }
            } else if !exists(&resolve(path, target)) {
                problems.push(Problem::new(
                    path,
                    number,
                    format!("the link `{link}` is dead"),
                ));
            }
        }
    }
    problems
}

/// The targets of `[text](target)` in a line; what stands in backticks is no link.
fn links(line: &str) -> Vec<&str> {
    line.split('`')
        .step_by(2)
        .flat_map(|part| part.split("](").skip(1))
        .filter_map(|rest| rest.split([')', ' ']).next())
        .filter(|link| !link.is_empty())
        .collect()
}

/// The name by which a heading is linked.
fn anchor(line: &str) -> Option<String> {
    let title = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let keep = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let kept: String = title.to_lowercase().chars().filter(keep).collect();
    Some(kept.replace(' ', "-"))
}

/// A link's target as a path from the root.
fn resolve(document: &str, target: &str) -> String {
    let mut parts: Vec<&str> = if target.starts_with('/') {
        Vec::new()
    } else {
        document
            .split('/')
            .rev()
            .skip(1)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect()
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(text: &str) -> Vec<usize> {
        let there = ["docs/adr/0001.md", "README.md"];
        check_links("docs/guide.md", text, |p| there.contains(&p))
            .iter()
            .map(|p| p.line)
            .collect()
    }

    #[test]
    fn dead_links_are_found() {
        assert_eq!(
            dead("[a](adr/0001.md) [b](../README.md#x)\n[c](nothing.md)"),
            [2]
        );
    }

    #[test]
    fn links_elsewhere_in_code_and_in_backticks_are_left_alone() {
        let text = "[a](https://example.com/x) `[b](c.md)`\n```\n[d](e.md)\n```\n";
        assert_eq!(dead(text), [0_usize; 0]);
    }

    #[test]
    fn a_link_within_a_document_needs_its_heading() {
        assert_eq!(
            dead("# One Fine Day\n[a](#one-fine-day)\n[b](#another)"),
            [3]
        );
    }
}
