//! What a command prints: text for people, or JSON for programs with `--json`.

use anyhow::Result;
use serde_json::Value;
use std::io::Write as _;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// For people.
    Text,
    /// For programs: one JSON document, or one a line for streams.
    Json,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }

    /// Prints a result: as it is with `--json`, else what `text` makes of it.
    pub(super) fn show(self, value: &Value, text: impl FnOnce(&Value) -> String) -> Result<()> {
        match self {
            Self::Json => self.raw(&value.to_string()),
            Self::Text => self.raw(&text(value)),
        }
    }

    /// Prints a line for people only.
    pub(super) fn say(self, line: &str) -> Result<()> {
        match self {
            Self::Json => Ok(()),
            Self::Text => self.raw(line),
        }
    }

    /// Prints text as it is, and a line break.
    pub(super) fn raw(self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        // A closed pipe (`waypost tail | head`) is a normal way to end.
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
            other => Ok(other?),
        }
    }
}

/// A field of a JSON object as text; empty when absent or null.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Rows as aligned columns under a header.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String]| {
        let mut out = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            out.push_str(cell);
            out.push_str(&" ".repeat(width.saturating_sub(cell.chars().count()) + 2));
        }
        out.trim_end().to_owned()
    };
    let head: Vec<String> = header.iter().map(|h| (*h).to_owned()).collect();
    std::iter::once(line(&head))
        .chain(rows.iter().map(|r| line(r)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Text from outside made safe for a terminal: control characters are shown as `?`.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = vec![
            vec!["a".into(), "online".into()],
            vec!["office".into(), "new".into()],
        ];
        assert_eq!(
            table(&["name", "state"], &rows),
            "name    state\na       online\noffice  new"
        );
    }

    #[test]
    fn a_message_cannot_drive_the_terminal() {
        assert_eq!(printable("\u{1b}[2Jhi\u{7}"), "?[2Jhi?");
    }
}
