//! Rust source split into code and string literals, so that a rule about one is not fooled by the
//! other or by a comment.

/// A piece of source with the line that it starts on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) line: usize,
    pub(super) text: String,
}

/// Source taken apart.
#[derive(Debug, Default)]
pub(super) struct RustText {
    /// The source with comments and the insides of literals blanked; same lines.
    pub(super) code: String,
    /// What string literals say, escapes left as they are.
    pub(super) literals: Vec<Literal>,
}

/// Takes source apart. Source that does not compile gives some answer, never a failure.
pub(super) fn split(source: &str) -> RustText {
    let mut reader = Reader {
        rest: source,
        line: 1,
        out: RustText::default(),
    };
    while !reader.rest.is_empty() {
        reader.step();
    }
    reader.out
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    out: RustText,
}

impl Reader<'_> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.blank(end);
        } else if self.rest.starts_with("/*") {
            self.blank(block_comment(self.rest));
        } else if let Some((start, hashes)) = raw_string(self.rest, self.out.code.chars().last()) {
            let close = format!("\"{}", "#".repeat(hashes));
            self.string(start, &close, raw_end);
        } else if self.rest.starts_with('"') {
            self.string(1, "\"", plain_end);
        } else if let Some(end) = char_literal(self.rest) {
            self.blank(end);
        } else {
            let end = self.rest.chars().next().map_or(0, char::len_utf8);
            self.keep(end);
        }
    }

    /// A string literal whose text begins `start` bytes on.
    fn string(&mut self, start: usize, close: &str, find_end: fn(&str, &str) -> usize) {
        self.keep(start);
        let end = find_end(self.rest, close);
        let text = self.rest.get(..end).unwrap_or_default().to_owned();
        self.out.literals.push(Literal {
            line: self.line,
            text,
        });
        self.blank(end);
        self.keep(close.len().min(self.rest.len()));
    }

    fn keep(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.out.code.push_str(taken);
        self.rest = rest;
    }

    fn blank(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.out
            .code
            .extend(taken.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.rest = rest;
    }
}

/// The length of a block comment, with those inside it.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Where a raw string's text begins, and how many `#` close it. `before` is the character in front:
/// an `r` at the end of a name begins nothing.
fn raw_string(text: &str, before: Option<char>) -> Option<(usize, usize)> {
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let body = ["r", "br", "cr"]
        .iter()
        .find_map(|p| text.strip_prefix(p))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let start = text.len() - body.len() + hashes + 1;
    body.get(hashes..)?
        .starts_with('"')
        .then_some((start, hashes))
}

fn raw_end(text: &str, close: &str) -> usize {
    text.find(close).unwrap_or(text.len())
}

fn plain_end(text: &str, _close: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal; a lifetime is none.
fn char_literal(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?;
    if body.starts_with('\\') {
        let close = body.get(2..)?.find('\'')?;
        return Some(1 + 2 + close + 1);
    }
    let first = body.chars().next()?.len_utf8();
    body.get(first..)?
        .starts_with('\'')
        .then_some(1 + first + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<String> {
        split(source).literals.into_iter().map(|l| l.text).collect()
    }

    #[test]
    fn comments_are_neither_code_nor_text() {
        let split = split("a(); // SystemTime \"x\"\n/* outer /* inner */ still */ b();");
        assert!(!split.code.contains("SystemTime") && !split.code.contains("still"));
        assert!(split.code.contains("a();") && split.code.contains("b();"));
        assert!(split.literals.is_empty());
    }

    #[test]
    fn every_kind_of_string_is_found_with_its_line() {
        let source =
            "let a = \"one \\\" more\";\nlet b = r#\"two \"quoted\" \"#;\nlet c = br\"three\";";
        assert_eq!(texts(source), ["one \\\" more", "two \"quoted\" ", "three"]);
        assert_eq!(
            split(source)
                .literals
                .iter()
                .map(|l| l.line)
                .collect::<Vec<_>>(),
            [1, 2, 3]
        );
    }

    #[test]
    fn quotes_in_characters_and_lifetimes_open_no_string() {
        assert_eq!(
            texts("fn f<'a>(x: &'a str) { x == '\"' || '\\'' == y; g(\"in\") }"),
            ["in"]
        );
    }

    #[test]
    fn a_name_that_ends_in_r_opens_no_raw_string() {
        assert_eq!(texts("for\"a\"; var\"b\""), ["a", "b"]);
    }

    #[test]
    fn unfinished_source_gives_an_answer() {
        for source in ["\"abc", "r#\"abc", "/* abc", "'", "'\\", "é\"ü"] {
            let _ = split(source);
        }
    }
}
