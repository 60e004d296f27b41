//! A small client for the programs that a job has started.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use std::time::Duration;

/// Longest that one call may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Calls a JSON interface on loopback.
#[derive(Debug)]
pub(crate) struct Http {
    agent: ureq::Agent,
    base: String,
    key: Option<String>,
}

impl Http {
    /// For an address such as `http://127.0.0.1:8080`, with an API key if it wants one.
    pub(crate) fn new(base: impl Into<String>, key: Option<String>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(LIMIT));
        Self {
            agent: config.build().new_agent(),
            base: base.into(),
            key,
        }
    }

    /// `GET`.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.call("GET", path, None)
    }

    /// `POST` with a JSON body.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call("POST", path, Some(body))
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("content-type", "application/json");
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(body.map(Value::to_string).unwrap_or_default())?;
        let mut answer = self
            .agent
            .run(request)
            .with_context(|| format!("{method} {path} was not answered"))?;
        let text = answer.body_mut().read_to_string()?;
        if !answer.status().is_success() {
            bail!(
                "{method} {path} was answered with {}: {text}",
                answer.status()
            );
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{method} {path} did not give JSON"))
    }
}
