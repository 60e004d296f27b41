//! Those who are told: a webhook endpoint and a follower of the event stream.

use crate::clock;
use crate::stage::Stage;
use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use futures_util::StreamExt as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::watch;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_util::task::AbortOnDropHandle;

/// What stands before the number of a message in its text.
pub(crate) const MARK: &str = "No. ";

/// When messages were heard of, by their number.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    times: Arc<Mutex<Vec<(usize, Instant)>>>,
    count: watch::Sender<usize>,
}

impl Heard {
    fn new() -> Self {
        Self {
            times: Arc::default(),
            count: watch::Sender::new(0),
        }
    }

    /// Notes a message: anything that holds its text.
    fn note(&self, said: &str) {
        let now = clock::now();
        if let Some(number) = number(said) {
            let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
            times.push((number, now));
            self.count.send_replace(times.len());
        }
    }

    /// Waits until so many were heard of, and takes them.
    pub(crate) async fn take(&self, count: usize) -> Result<Vec<(usize, Instant)>> {
        let mut heard = self.count.subscribe();
        let waiting = heard.wait_for(|heard| *heard >= count);
        let limit = tokio::time::timeout(crate::stage::LIMIT, waiting).await;
        limit
            .with_context(|| format!("only {} of {count} heard of", *self.count.borrow()))?
            .context("nobody listens")?;
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        self.count.send_replace(0);
        Ok(std::mem::take(&mut times))
    }
}

/// The number that follows the mark in a text.
fn number(said: &str) -> Option<usize> {
    let (_, rest) = said.split_once(MARK)?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

/// A webhook endpoint that answers at once.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    pub(crate) heard: Heard,
    _server: AbortOnDropHandle<()>,
}

impl Endpoint {
    /// Listens on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn listen() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let (address, heard) = (listener.local_addr()?, Heard::new());
        let app = Router::new()
            .route("/hook", post(called))
            .with_state(heard.clone());
        let server = tokio::spawn(async move {
            // It ends with the benchmark.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            address,
            heard,
            _server: AbortOnDropHandle::new(server),
        })
    }
}

async fn called(State(heard): State<Heard>, body: String) -> StatusCode {
    heard.note(&body);
    StatusCode::NO_CONTENT
}

/// A reader of the event stream: what it sees is committed.
pub(crate) struct Follower {
    pub(crate) heard: Heard,
    _reader: AbortOnDropHandle<()>,
}

impl Follower {
    /// Follows received messages from now on.
    ///
    /// # Errors
    /// When the stream does not open.
    pub(crate) async fn follow(stage: &Stage) -> Result<Self> {
        let url = format!(
            "ws://{}/api/v1/events/stream?kinds=message.received",
            stage.address()
        );
        let mut request = url.into_client_request()?;
        let key = HeaderValue::from_str(&format!("Bearer {}", stage.key()?))?;
        request.headers_mut().insert("authorization", key);
        let (mut socket, _) = connect_async(request).await?;
        let heard = Heard::new();
        let notes = heard.clone();
        let reader = tokio::spawn(async move {
            while let Some(Ok(frame)) = socket.next().await {
                if let Ok(said) = frame.to_text() {
                    notes.note(said);
                }
            }
        });
        Ok(Self {
            heard,
            _reader: AbortOnDropHandle::new(reader),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_message_is_known_by_the_number_in_its_text() {
        assert_eq!(number(r#"{"body":"Hello No. 17, you"}"#), Some(17));
        assert_eq!(number("Hello No. "), None);
        assert_eq!(number("Hello"), None);
    }
}
