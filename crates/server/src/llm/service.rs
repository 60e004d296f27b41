//! One HTTP call: JSON there, JSON back, with a limit on its length.

use super::LlmError;
use crate::config::Llm;
use anyhow::{Context as _, Result};
use reqwest::{RequestBuilder, Response};
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

/// The key of a service, which no log shows.
pub(super) struct Key(pub(super) String);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Service {
    pub(super) fn new(llm: &Llm, place: Place) -> Result<Self> {
        let base = llm.url.as_deref().unwrap_or(place.base);
        let url = format!("{}{}", base.trim_end_matches('/'), place.path);
        let url =
            Url::parse(&url).with_context(|| format!("insight.llm.url '{base}' is no address"))?;
        let key = llm.key_file.as_ref().map(|file| {
            let key = std::fs::read_to_string(file);
            key.with_context(|| format!("insight.llm.key_file {} cannot be read", file.display()))
        });
        let client = reqwest::Client::builder()
            // What was written to us goes to the address of the settings and to no other.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            client,
            url,
            model: llm.model.clone().unwrap_or_default(),
            key: key.transpose()?.map(|key| Key(key.trim().to_owned())),
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
    let body = body(response).await.map_err(unreachable)?;
    serde_json::from_slice(&body).map_err(|_| LlmError::Unreadable)
}

/// What is longer than the limit is cut off, and is no JSON then.
async fn body(mut response: Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > RESPONSE_BYTES_MAX {
            break;
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}
