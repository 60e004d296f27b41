//! Anthropic's interface, `/v1/messages`.

use super::service::{Place, Service, send};
use super::{LlmClient, LlmError};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use waypost_insight::llm::Question;

pub(super) const PLACE: Place = Place {
    base: "https://api.anthropic.com",
    path: "/v1/messages",
};

/// The version of the interface that is spoken.
const VERSION: &str = "2023-06-01";
/// Longest answer that is asked for, in the model's pieces of words.
const TOKENS_MAX: u32 = 1_024;

/// A model behind that interface.
#[derive(Debug)]
pub(super) struct Anthropic(pub(super) Service);

#[derive(Deserialize)]
struct Reply {
    content: Vec<Block>,
}

#[derive(Deserialize)]
struct Block {
    /// Blocks of other kinds have none.
    text: Option<String>,
}

#[async_trait]
impl LlmClient for Anthropic {
    async fn ask(&self, question: &Question) -> Result<String, LlmError> {
        let body = json!({
            "model": self.0.model,
            "max_tokens": TOKENS_MAX,
            "system": question.instructions,
            "messages": [{"role": "user", "content": question.message}],
        });
        let mut request = self
            .0
            .post()
            .header("anthropic-version", VERSION)
            .json(&body);
        if let Some(key) = &self.0.key {
            request = request.header("x-api-key", &key.0);
        }
        let reply: Reply = send(request).await?;
        let text: String = reply
            .content
            .into_iter()
            .filter_map(|block| block.text)
            .collect();
        match text.is_empty() {
            true => Err(LlmError::Unreadable),
            false => Ok(text),
        }
    }
}
