//! What stands in a cell.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// Most characters of one cell that Sheets takes.
pub const CELL_MAX: usize = 50_000;
/// What a text that was cut ends with.
const CUT: char = '…';

/// A cell. Written as it is (`RAW`): a text that begins with `=` stays a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// A text, at most [`CELL_MAX`] characters.
    Text(String),
    /// A number.
    Number(Number),
    /// True or false.
    Bool(bool),
    /// Nothing: written, it leaves what is there.
    Empty(()),
}

/// The cells of one row.
pub type Row = Vec<Cell>;

impl Cell {
    /// A text, cut when it is longer than a cell may be.
    #[must_use]
    pub fn text(text: &str) -> Self {
        if text.len() <= CELL_MAX || text.chars().count() <= CELL_MAX {
            return Self::Text(text.to_owned());
        }
        let kept = text.chars().take(CELL_MAX - 1);
        Self::Text(kept.chain([CUT]).collect())
    }

    /// A value as a cell: lists and objects as compact JSON, nothing as an empty text.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::text(""),
            Value::Bool(b) => Self::Bool(*b),
            Value::Number(number) if is_exact(number) => Self::Number(number.clone()),
            Value::Number(number) => Self::text(&number.to_string()),
            Value::String(text) => Self::text(text),
            Value::Array(_) | Value::Object(_) => Self::text(&value.to_string()),
        }
    }

    /// As people read it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bool(true) => "TRUE".to_owned(),
            Self::Bool(false) => "FALSE".to_owned(),
            Self::Empty(()) => String::new(),
        }
    }
}

/// Cells are doubles: whole numbers past 2^53 would lose digits.
fn is_exact(number: &Number) -> bool {
    const EXACT_MAX: u64 = 1 << 53;
    match (number.as_i64(), number.as_u64()) {
        (Some(n), _) => n.unsigned_abs() <= EXACT_MAX,
        (None, Some(_)) => false,
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_become_cells_without_losing_anything() {
        for (value, cell) in [
            (json!(null), Cell::text("")),
            (json!(true), Cell::Bool(true)),
            (json!(1.5), Cell::Number(Number::from_f64(1.5).unwrap())),
            (
                json!(9_007_199_254_740_993_i64),
                Cell::text("9007199254740993"),
            ),
            (json!("=1+1"), Cell::text("=1+1")),
            (json!(["a", 1]), Cell::text(r#"["a",1]"#)),
        ] {
            assert_eq!(Cell::of(&value), cell);
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_and_says_so() {
        let Cell::Text(text) = Cell::text(&"م".repeat(60_000)) else {
            panic!("not a text");
        };
        assert_eq!(text.chars().count(), CELL_MAX);
        assert!(text.ends_with(CUT));
    }
}
