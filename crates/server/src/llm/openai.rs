//! OpenAI's interface, `/chat/completions`, which many servers speak.

use super::service::{Place, Service, send};
use super::{LlmClient, LlmError};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use waypost_insight::llm::Question;

pub(super) const PLACE: Place = Place {
    base: "https://api.openai.com/v1",
    path: "/chat/completions",
};

/// A model behind that interface.
#[derive(Debug)]
pub(super) struct OpenAi(pub(super) Service);

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

#[async_trait]
impl LlmClient for OpenAi {
    async fn ask(&self, question: &Question) -> Result<String, LlmError> {
        let body = json!({
            "model": self.0.model,
            "messages": [
                {"role": "system", "content": question.instructions},
                {"role": "user", "content": question.message},
            ],
        });
        let mut request = self.0.post().json(&body);
        if let Some(key) = &self.0.key {
            request = request.bearer_auth(&key.0);
        }
        let completion: Completion = send(request).await?;
        let first = completion.choices.into_iter().next();
        first
            .and_then(|choice| choice.message.content)
            .ok_or(LlmError::Unreadable)
    }
}
