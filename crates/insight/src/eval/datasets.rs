//! Labelled sets of intents, in the forms in which public ones come.
//!
//! - JSON lines `{"text", "intent", "split"?}` with split `train`, `validation` or `test`;
//! - one JSON object of splits, each a list of `[text, intent]` (CLINC150: `train`, `val`, `test`, `oos_*`);
//! - CSV with a header and the columns text and label (BANKING77).

use crate::intent::{Example, examples::EXAMPLES_MAX};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One set, by what its parts are for.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    /// To learn from.
    pub train: Vec<Example>,
    /// To fix the threshold on.
    pub validation: Vec<Example>,
    /// To be judged by.
    pub test: Vec<Example>,
}

/// Why a set was refused.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The text is in none of the known forms.
    #[error("the labelled set could not be read: {0}")]
    Form(String),
    /// More than [`EXAMPLES_MAX`].
    #[error("a labelled set may hold {EXAMPLES_MAX} examples at most")]
    TooMany,
    /// Nothing to learn from or to be judged by.
    #[error("the labelled set has no {0} examples")]
    Missing(&'static str),
}

#[derive(Deserialize)]
struct Line {
    text: String,
    intent: String,
    #[serde(default)]
    split: Option<String>,
}

impl Dataset {
    /// Reads a set in any of the known forms. Lines without a split are to learn from.
    ///
    /// # Errors
    /// When the form is not known, or the set is too large.
    pub fn read(text: &str) -> Result<Self, DatasetError> {
        let start = text.trim_start();
        let set = if start.starts_with('{')
            && start
                .lines()
                .next()
                .is_some_and(|l| l.contains("\"text\"") && l.trim_end().ends_with('}'))
        {
            Self::from_lines(text)?
        } else if start.starts_with('{') {
            Self::from_splits(text)?
        } else {
            Self::from_csv(text)?
        };
        let size = set.train.len() + set.validation.len() + set.test.len();
        if size > EXAMPLES_MAX {
            Err(DatasetError::TooMany)
        } else {
            Ok(set)
        }
    }

    fn from_lines(text: &str) -> Result<Self, DatasetError> {
        let mut set = Self::default();
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            let line: Line =
                serde_json::from_str(line).map_err(|e| DatasetError::Form(e.to_string()))?;
            let example = Example {
                text: line.text,
                intent: line.intent,
            };
            set.part(line.split.as_deref().unwrap_or("train"))
                .push(example);
        }
        Ok(set)
    }

    fn from_splits(text: &str) -> Result<Self, DatasetError> {
        let splits: BTreeMap<String, Vec<(String, String)>> =
            serde_json::from_str(text).map_err(|e| DatasetError::Form(e.to_string()))?;
        let mut set = Self::default();
        for (name, examples) in splits {
            let part = set.part(&name);
            part.extend(
                examples
                    .into_iter()
                    .map(|(text, intent)| Example { text, intent }),
            );
        }
        Ok(set)
    }

    fn from_csv(text: &str) -> Result<Self, DatasetError> {
        let mut rows = csv_rows(text).into_iter();
        let header = rows.next().ok_or(DatasetError::Missing("training"))?;
        let column = |names: &[&str]| {
            header
                .iter()
                .position(|h| names.contains(&h.trim().to_ascii_lowercase().as_str()))
        };
        let words = column(&["text", "utterance", "sentence"]);
        let label = column(&["category", "intent", "label"]);
        let (Some(words), Some(label)) = (words, label) else {
            return Err(DatasetError::Form(
                "the first line must name the columns text and intent".to_owned(),
            ));
        };
        let train = rows
            .filter_map(|row| {
                Some(Example {
                    text: row.get(words)?.clone(),
                    intent: row.get(label)?.trim().to_owned(),
                })
            })
            .collect();
        Ok(Self {
            train,
            ..Self::default()
        })
    }

    fn part(&mut self, split: &str) -> &mut Vec<Example> {
        if split.contains("test") {
            &mut self.test
        } else if split.contains("val") || split.contains("dev") {
            &mut self.validation
        } else {
            &mut self.train
        }
    }

    /// Sets every fifth example aside as a test, for a set that has none; the choice depends on the text only.
    #[must_use]
    pub fn with_test(mut self) -> Self {
        if self.test.is_empty() {
            let (test, train) = self
                .train
                .into_iter()
                .partition(|e| fingerprint(&e.text).is_multiple_of(5));
            self.test = test;
            self.train = train;
        }
        self
    }
}

fn fingerprint(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 20
}

/// The rows of a CSV text, with quoted fields (RFC 4180).
fn csv_rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            _ => field.push(c),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows.retain(|r| r.len() > 1);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_are_read() {
        let lines = Dataset::read("{\"text\": \"hi\", \"intent\": \"greet\"}\n{\"text\": \"x\", \"intent\": \"y\", \"split\": \"test\"}").unwrap();
        assert_eq!((lines.train.len(), lines.test.len()), (1, 1));
        let splits =
            Dataset::read("{\n\"oos_val\": [[\"a\", \"oos\"]], \"train\": [[\"b\", \"c\"]]}")
                .unwrap();
        assert_eq!((splits.train.len(), splits.validation.len()), (1, 1));
        let csv = Dataset::read("text,category\n\"a, \"\"b\"\"\",card\nplain,other\n").unwrap();
        assert_eq!(
            csv.train[0],
            Example {
                text: "a, \"b\"".into(),
                intent: "card".into()
            }
        );
    }
}
