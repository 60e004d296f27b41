//! The API's document: every route says what it does.

use super::Problem;
use super::tree::Tree;
use crate::openapi::DOCUMENT;
use serde_json::Value;

/// What a path item may hold besides methods.
const NOT_METHODS: &[&str] = &["parameters", "summary", "description", "servers", "$ref"];

/// Checks the kept document.
pub(super) fn check(tree: &Tree) -> Vec<Problem> {
    let Some(text) = tree.text(DOCUMENT) else {
        return vec![Problem::new(
            DOCUMENT,
            1,
            "is missing; run `cargo xtask openapi`",
        )];
    };
    match serde_json::from_str::<Value>(text) {
        Ok(document) => undocumented(&document),
        Err(e) => vec![Problem::new(
            DOCUMENT,
            e.line(),
            format!("is not JSON: {e}"),
        )],
    }
}

fn undocumented(document: &Value) -> Vec<Problem> {
    let Some(paths) = document.get("paths").and_then(Value::as_object) else {
        return vec![Problem::new(DOCUMENT, 1, "has no routes")];
    };
    let mut problems = Vec::new();
    for (route, item) in paths {
        let methods = item.as_object().into_iter().flatten();
        for (method, operation) in methods.filter(|(m, _)| !NOT_METHODS.contains(&m.as_str())) {
            // One sentence says it; a description is for what does not fit in one.
            let summary = operation
                .get("summary")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if summary.trim().is_empty() {
                let what = format!("{} {route} has no summary", method.to_uppercase());
                problems.push(Problem::new(DOCUMENT, 1, what));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(document: &str) -> Vec<String> {
        check(&Tree::of(&[(DOCUMENT, document)]))
            .into_iter()
            .map(|p| p.what)
            .collect()
    }

    #[test]
    fn a_route_without_words_is_found() {
        let document = r#"{"paths": {"/a": {
            "get": {"summary": "List", "description": "All of them."},
            "post": {"summary": " ", "description": "Creates one."},
            "parameters": []}}}"#;
        assert_eq!(said(document), ["POST /a has no summary"]);
    }

    #[test]
    fn a_missing_or_broken_document_is_no_pass() {
        assert_eq!(check(&Tree::default()).len(), 1);
        assert_eq!(said("{").len(), 1);
        assert_eq!(said("{}"), ["has no routes"]);
    }
}
