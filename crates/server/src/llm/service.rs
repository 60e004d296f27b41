//! One HTTP call: JSON there, JSON back, with a limit on its length.

use super::LlmError;
use crate::config::Llm;
use crate::remote::{self, Key, body};
use anyhow::Result;
use reqwest::RequestBuilder;
use serde::de::DeserializeOwned;
use url::Url;
use waypost_insight::llm::ANSWER_MAX;

/// Bytes of a response that are read: the answer, escaped, and what is around it.
const RESPONSE_BYTES_MAX: usize = 4 * ANSWER_MAX;

/// Where a provider is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// When the settings name no address.
    pub(super) base: &'static str,
    /// Behind the address.
    pub(super) path: &'static str,
}

/// A service and what it wants to know.
#[derive(Debug)]
pub(super) struct Service {
    client: reqwest::Client,
    url: Url,
    pub(super) model: String,
    pub(super) key: Option<Key>,
}

impl Service {
    pub(super) fn new(llm: &Llm, place: Place) -> Result<Self> {
        let base = llm.url.as_deref().unwrap_or(place.base);
        Ok(Self {
            client: remote::client().build()?,
            url: remote::address("insight.llm.url", base, place.path)?,
            model: llm.model.clone().unwrap_or_default(),
            key: Key::of_setting("insight.llm.key_file", llm.key_file.as_deref())?,
        })
    }

    pub(super) fn post(&self) -> RequestBuilder {
        self.client.post(self.url.clone())
    }
}

/// Sends, and reads the answer as its interface describes it.
pub(super) async fn send<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, LlmError> {
    let unreachable =
        |error: reqwest::Error| LlmError::Unreachable(error.without_url().to_string());
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status();
    if !status.is_success() {
        return Err(LlmError::Status(status.as_u16()));
    }
    let body = body(response, RESPONSE_BYTES_MAX)
        .await
        .map_err(unreachable)?;
    serde_json::from_slice(&body).map_err(|_| LlmError::Unreadable)
}
