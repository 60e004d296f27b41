//! Examples of intents, as users edit them: YAML in the form that Rasa made usual.
//!
//! ```yaml
//! nlu:
//!   - intent: greeting
//!     examples: |
//!       - hello
//!       - مرحبا
//! ```

use crate::sentiment::Feeling;
use serde::Deserialize;

/// Examples of one set at most.
pub const EXAMPLES_MAX: usize = 200_000;

/// One example: a message and the name of its intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What somebody would write.
    pub text: String,
    /// What it wants.
    pub intent: String,
}

/// Why examples were refused.
#[derive(Debug, thiserror::Error)]
pub enum ExamplesError {
    /// The YAML is not a list of intents.
    #[error("the intents could not be read: {0}")]
    Yaml(String),
    /// No example at all.
    #[error("there are no examples to learn from")]
    Empty,
    /// More than [`EXAMPLES_MAX`].
    #[error("a set of intents may hold {EXAMPLES_MAX} examples at most")]
    TooMany,
}

#[derive(Deserialize)]
struct File {
    nlu: Vec<Intent>,
}

#[derive(Deserialize)]
struct Intent {
    intent: Option<String>,
    #[serde(default)]
    examples: String,
}

/// Reads examples from YAML. Sections other than intents, such as Rasa's synonyms, are passed over.
///
/// # Errors
/// When the YAML is no such list, or holds no example or too many.
pub fn from_yaml(yaml: &str) -> Result<Vec<Example>, ExamplesError> {
    let file: File =
        serde_saphyr::from_str(yaml).map_err(|e| ExamplesError::Yaml(e.to_string()))?;
    let mut examples = Vec::new();
    for section in file.nlu {
        let Some(intent) = section.intent else {
            continue;
        };
        for line in section.examples.lines() {
            let text = line.trim().strip_prefix("- ").unwrap_or("").trim();
            if !text.is_empty() {
                examples.push(Example {
                    text: text.to_owned(),
                    intent: intent.clone(),
                });
            }
        }
    }
    match examples.len() {
        0 => Err(ExamplesError::Empty),
        n if n > EXAMPLES_MAX => Err(ExamplesError::TooMany),
        _ => Ok(examples),
    }
}

#[derive(Deserialize)]
struct Line {
    text: String,
    intent: Option<String>,
}

/// Reads examples from JSON lines; lines without an intent are passed over.
///
/// # Errors
/// When a line is no such JSON, or there are too many.
pub fn from_lines(lines: &str) -> Result<Vec<Example>, ExamplesError> {
    let mut examples = Vec::new();
    for line in lines.lines().filter(|l| !l.trim().is_empty()) {
        let line: Line =
            serde_json::from_str(line).map_err(|e| ExamplesError::Yaml(e.to_string()))?;
        if let Some(intent) = line.intent {
            examples.push(Example {
                text: line.text,
                intent,
            });
        }
    }
    if examples.len() > EXAMPLES_MAX {
        Err(ExamplesError::TooMany)
    } else {
        Ok(examples)
    }
}

/// A message and how it feels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeltExample {
    /// What somebody would write.
    pub text: String,
    /// How it feels.
    pub feeling: Feeling,
}

#[derive(Deserialize)]
struct FeltLine {
    text: String,
    sentiment: Option<i8>,
}

/// Reads labelled feelings (-1, 0, 1) from JSON lines; lines without one are passed over.
///
/// # Errors
/// When a line is no such JSON, or there are too many.
pub fn feelings_from_lines(lines: &str) -> Result<Vec<FeltExample>, ExamplesError> {
    let mut examples = Vec::new();
    for line in lines.lines().filter(|l| !l.trim().is_empty()) {
        let line: FeltLine =
            serde_json::from_str(line).map_err(|e| ExamplesError::Yaml(e.to_string()))?;
        if let Some(sign) = line.sentiment {
            examples.push(FeltExample {
                text: line.text,
                feeling: match sign.signum() {
                    1 => Feeling::Positive,
                    -1 => Feeling::Negative,
                    _ => Feeling::Neutral,
                },
            });
        }
    }
    if examples.len() > EXAMPLES_MAX {
        Err(ExamplesError::TooMany)
    } else {
        Ok(examples)
    }
}
