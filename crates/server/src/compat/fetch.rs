//! Files that a caller names by their address. Where they may be is decided as for webhooks: nobody
//! can make Waypost read from the network it runs in.

use super::inside::Refused;
use crate::webhooks::guard::Guard;
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use reqwest::redirect::Policy;
use std::time::Duration;

/// Longest that a file may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);

/// Reads a file of at most `limit` bytes. Redirects are not followed.
pub(super) async fn file(guard: &Guard, address: &str, limit: usize) -> Result<Vec<u8>, Refused> {
    let url = guard
        .url(address)
        .map_err(|refused| Refused::invalid(refused.to_string()))?;
    let unread = |error: reqwest::Error| {
        Refused::invalid(format!(
            "the file cannot be fetched from its address: {error}"
        ))
    };
    let client = reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(FETCH_TIMEOUT)
        .dns_resolver(guard.clone())
        .build()
        .map_err(unread)?;
    let response = client.get(url).send().await.map_err(unread)?;
    if !response.status().is_success() {
        let status = response.status();
        let text =
            format!("the file's address answers {status}; give one that answers it directly");
        return Err(Refused::invalid(text));
    }
    let (mut pieces, mut file) = (response.bytes_stream(), Vec::new());
    while let Some(piece) = pieces.next().await {
        file.extend_from_slice(&piece.map_err(unread)?);
        if file.len() > limit {
            let text = format!("the file is larger than {limit} bytes");
            return Err(Refused::new(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
    }
    Ok(file)
}
