//! One attempt: a signed POST to an address that was checked.

use super::destination::Refused;
use super::guard::Guard;
use super::{retry_after, sign};
use crate::{clock, config};
use reqwest::redirect::Policy;
use reqwest::{Client, header};
use std::time::Duration;
use waypost_engine::flow::webhook::Attempt;
use waypost_engine::model::{Duration as Span, Timestamp};
use waypost_store::admin::deliveries::RESPONSE_KEPT;
use waypost_store::admin::endpoints::Secrets;

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections kept per endpoint.
const IDLE_MAX: usize = 4;

/// Sends webhooks.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    client: Option<Client>,
    guard: Guard,
}

/// A delivery ready to go.
#[derive(Debug)]
pub(crate) struct Letter<'a> {
    pub(crate) url: &'a str,
    pub(crate) id: String,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Timestamp,
}

/// What came of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) attempt: Attempt,
    pub(crate) status: Option<u16>,
    /// What went wrong, if it did.
    pub(crate) error: Option<String>,
    /// The beginning of the answer.
    pub(crate) response: String,
    pub(crate) duration_ms: u32,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        self.attempt.is_success()
    }
}

impl Sender {
    pub(crate) fn new(config: &config::Webhooks) -> Self {
        let guard = Guard::new(&config.allow_private);
        let client = Client::builder()
            .user_agent(concat!("Waypost/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(Duration::from_secs(config.timeout_s))
            .pool_max_idle_per_host(IDLE_MAX)
            .dns_resolver(guard.clone())
            .build();
        if let Err(error) = &client {
            tracing::error!(%error, "webhooks cannot be sent");
        }
        Self {
            client: client.ok(),
            guard,
        }
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Makes one attempt. Never follows a redirect, and reads no more of the answer than is kept.
    pub(crate) async fn send(&self, letter: Letter<'_>, secrets: &Secrets) -> Answer {
        let started = clock::now();
        let mut answer = self.attempt(letter, secrets).await;
        let took = Duration::from(clock::now().since(started));
        answer.duration_ms = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        let result = if answer.is_success() {
            "delivered"
        } else {
            "failed"
        };
        metrics::counter!("waypost_webhook_deliveries_total", "result" => result).increment(1);
        metrics::histogram!("waypost_webhook_delivery_seconds").record(took.as_secs_f64());
        answer
    }

    async fn attempt(&self, letter: Letter<'_>, secrets: &Secrets) -> Answer {
        let url = match self.guard.url(letter.url) {
            Ok(url) => url,
            Err(refused) => return failed(Attempt::Forbidden, refused.to_string()),
        };
        let Some(client) = &self.client else {
            return failed(
                Attempt::Unreachable,
                "webhooks cannot be sent; see the log".into(),
            );
        };
        let seconds = letter.at.as_secs();
        let signature = sign::sign(secrets, &letter.id, seconds, &letter.body);
        let sent = client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", letter.id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signature)
            .body(letter.body)
            .send()
            .await;
        match sent {
            Ok(response) => read(response).await,
            Err(error) => unreachable(&error),
        }
    }
}

async fn read(mut response: reqwest::Response) -> Answer {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let mut kept = Vec::new();
    while kept.len() < RESPONSE_KEPT {
        match response.chunk().await {
            Ok(Some(piece)) => {
                kept.extend_from_slice(&piece[..piece.len().min(RESPONSE_KEPT - kept.len())])
            }
            Ok(None) | Err(_) => break,
        }
    }
    let attempt = Attempt::Answered {
        status: status.as_u16(),
        retry_after,
    };
    let error = (!attempt.is_success()).then(|| match status.is_redirection() {
        true => format!(
            "it answered with a redirect ({status}), which is not followed; enter the new address"
        ),
        false => format!("it answered {status}"),
    });
    Answer {
        attempt,
        status: Some(status.as_u16()),
        error,
        response: String::from_utf8_lossy(&kept).into_owned(),
        duration_ms: 0,
    }
}

/// When the other side wants to be asked again.
fn retry_after(headers: &header::HeaderMap) -> Option<Span> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    retry_after::read(text, clock::now())
}

fn unreachable(error: &reqwest::Error) -> Answer {
    if let Some(refused) = refusal(error) {
        return failed(Attempt::Forbidden, refused.to_string());
    }
    let what = if error.is_timeout() {
        "it did not answer in time".to_owned()
    } else if error.is_connect() {
        format!("no connection: {}", root(error))
    } else {
        format!("the exchange broke off: {}", root(error))
    };
    failed(Attempt::Unreachable, what)
}

fn refusal(error: &reqwest::Error) -> Option<&Refused> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref() {
            return Some(refused);
        }
        source = cause.source();
    }
    None
}

/// The innermost cause, which is the one that helps.
fn root(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

fn failed(attempt: Attempt, error: String) -> Answer {
    Answer {
        attempt,
        status: None,
        error: Some(error),
        response: String::new(),
        duration_ms: 0,
    }
}
