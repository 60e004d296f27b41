//! What somebody who turns speech into text must be able to do.

use bytes::Bytes;
use std::fmt::Debug;

/// Sound to be written down.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The file.
    pub bytes: Bytes,
    /// What it is: `audio/wav` or `audio/ogg`.
    pub mime: &'static str,
    /// A name with the right ending; some services go by it.
    pub file_name: &'static str,
}

/// What was said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The words.
    pub text: String,
    /// The language as the service names it.
    pub language: Option<String>,
}

/// Why speech was not written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    /// The service could not be reached, or asked to come back later.
    #[error("the speech service could not be reached ({0}); it is tried again by itself")]
    Unreachable(String),
    /// The service refused it.
    #[error("the speech service refused the recording: {0}")]
    Refused(String),
}

/// Turns speech into text.
#[async_trait::async_trait]
pub trait SpeechToText: Debug + Send + Sync {
    /// Writes down what is said in a recording.
    ///
    /// # Errors
    /// [`SpeechError::Unreachable`] when another attempt makes sense.
    async fn transcribe(&self, recording: Recording) -> Result<Transcript, SpeechError>;
}
