//! The media host: takes encrypted files over HTTP and gives them back, slowly or not at all on demand.

use crate::callers::Callers;
use crate::error::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The largest file the host takes; larger uploads are refused with 413.
pub const MAX_FILE_BYTES: usize = 100 * 1024 * 1024;
/// Bytes the host keeps in all; beyond it the oldest files are gone (404), as on the real host.
pub const MAX_STORED_BYTES: usize = 1024 * 1024 * 1024;

/// Expired files that phones keep for uploading again; later ones are lost for good.
pub(crate) const MAX_ON_PHONES: usize = 1_000;

/// How the host misbehaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaFaults {
    /// Waits this long before each answer.
    pub delay: Duration,
    /// The next so many downloads answer 503.
    pub failing_downloads: u32,
    /// The next so many uploads answer 503.
    pub failing_uploads: u32,
}

/// Where a file can be fetched.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) direct_path: String,
}

#[derive(Default)]
struct Files {
    by_token: HashMap<String, Bytes>,
    /// What the sender's or the owner's phone still has when the host has not.
    on_phones: HashMap<String, Bytes>,
    oldest_first: VecDeque<String>,
    stored: usize,
}

/// The files and the faults of the host.
pub(crate) struct MediaStore {
    host: String,
    files: Mutex<Files>,
    faults: Mutex<MediaFaults>,
    next: AtomicU64,
}

impl MediaStore {
    fn new(host: String) -> Self {
        Self {
            host,
            files: Mutex::default(),
            faults: Mutex::default(),
            next: AtomicU64::new(1),
        }
    }

    /// Host and port, as the media connection names it.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Stores an encrypted file under a new token.
    pub(crate) fn put_new(&self, bytes: impl Into<Bytes>) -> Place {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let token = URL_SAFE_NO_PAD.encode(format!("file-{n:016}"));
        self.put(token, bytes.into())
    }

    fn put(&self, token: String, bytes: Bytes) -> Place {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.stored += bytes.len();
        if let Some(old) = files.by_token.insert(token.clone(), bytes) {
            files.stored -= old.len();
        } else {
            files.oldest_first.push_back(token.clone());
        }
        while files.stored > MAX_STORED_BYTES {
            let Some(oldest) = files.oldest_first.pop_front() else {
                break;
            };
            if let Some(gone) = files.by_token.remove(&oldest) {
                files.stored -= gone.len();
            }
        }
        let direct_path = format!("/o/{token}");
        Place {
            url: format!("https://{}{direct_path}", self.host),
            direct_path,
        }
    }

    fn get(&self, token: &str) -> Option<Bytes> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.by_token.get(token).cloned()
    }

    /// Removes a file, as the real host does after some weeks. Returns whether it was there.
    pub(crate) fn expire(&self, direct_path: &str) -> bool {
        let token = direct_path.rsplit('/').next().unwrap_or_default();
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = files.by_token.remove(token);
        files.stored -= gone.as_ref().map_or(0, Bytes::len);
        files.oldest_first.retain(|t| t != token);
        let was_there = gone.is_some();
        if let Some(bytes) = gone
            && files.on_phones.len() < MAX_ON_PHONES
        {
            files.on_phones.insert(token.to_owned(), bytes);
        }
        was_there
    }

    /// A phone uploads a file again; it gets a new place. `None` if no phone has it.
    pub(crate) fn put_again(&self, direct_path: &str) -> Option<Place> {
        let token = direct_path.rsplit('/').next().unwrap_or_default();
        let bytes = {
            let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            files
                .on_phones
                .get(token)
                .or_else(|| files.by_token.get(token))
                .cloned()
        };
        bytes.map(|bytes| self.put_new(bytes))
    }

    pub(crate) fn set_faults(&self, faults: MediaFaults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    async fn misbehave(&self, which: Direction) -> Option<Response> {
        let (delay, fails) = {
            let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
            let left = match which {
                Direction::Up => &mut faults.failing_uploads,
                Direction::Down => &mut faults.failing_downloads,
            };
            let fails = *left > 0;
            *left = left.saturating_sub(1);
            (faults.delay, fails)
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        fails.then(|| StatusCode::SERVICE_UNAVAILABLE.into_response())
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Up,
    Down,
}

/// Starts the host on its own listener.
pub(crate) fn serve(
    listener: TcpListener,
    stop: CancellationToken,
    callers: Arc<Callers>,
) -> Result<Arc<MediaStore>> {
    let store = Arc::new(MediaStore::new(listener.local_addr()?.to_string()));
    let app = Router::new()
        .route("/mms/{kind}/{token}", post(upload))
        .route("/mms/{kind}/{token}", get(download_mms))
        .route("/product/image/{token}", post(upload_plain))
        .route("/o/{token}", get(download))
        .layer(DefaultBodyLimit::max(MAX_FILE_BYTES))
        .with_state(store.clone());
    let listener = listener.tap_io(move |connection| callers.note(connection));
    tokio::spawn(async move {
        let server = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = server.await {
            tracing::warn!(%error, "the media host stopped");
        }
    });
    Ok(store)
}

async fn upload(
    State(store): State<Arc<MediaStore>>,
    Path((_kind, token)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    take(&store, token, body).await
}

async fn upload_plain(
    State(store): State<Arc<MediaStore>>,
    Path(token): Path<String>,
    body: Bytes,
) -> Response {
    take(&store, token, body).await
}

async fn take(store: &MediaStore, token: String, body: Bytes) -> Response {
    if let Some(fault) = store.misbehave(Direction::Up).await {
        return fault;
    }
    // Tokens are base64 of a hash; as a path segment of our own only letters and digits survive.
    let token = token.replace(
        |c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c),
        "-",
    );
    let place = store.put(token, body);
    axum::Json(serde_json::json!({ "url": place.url, "direct_path": place.direct_path }))
        .into_response()
}

async fn download_mms(
    store: State<Arc<MediaStore>>,
    Path((_kind, token)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    download(store, Path(token), headers).await
}

async fn download(
    State(store): State<Arc<MediaStore>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Some(fault) = store.misbehave(Direction::Down).await {
        return fault;
    }
    let Some(bytes) = store.get(&token) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let asked = headers.get(header::RANGE).and_then(|v| v.to_str().ok());
    let Some(asked) = asked else {
        return bytes.into_response();
    };
    match range(asked, bytes.len()) {
        Some((from, to)) => {
            let content_range = format!("bytes {from}-{}/{}", to - 1, bytes.len());
            let part = bytes.slice(from..to);
            (
                StatusCode::PARTIAL_CONTENT,
                [(header::CONTENT_RANGE, content_range)],
                part,
            )
                .into_response()
        }
        None => StatusCode::RANGE_NOT_SATISFIABLE.into_response(),
    }
}

/// The half-open part that a single-range header asks for.
fn range(asked: &str, len: usize) -> Option<(usize, usize)> {
    let (from, to) = asked.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (from, to) {
        ("", last) => (len.saturating_sub(last.parse().ok()?), len),
        (first, "") => (first.parse().ok()?, len),
        (first, last) => (
            first.parse().ok()?,
            last.parse::<usize>().ok()?.saturating_add(1),
        ),
    };
    let to = to.min(len);
    (from < to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::{MediaStore, range};

    #[test]
    fn ranges_are_read_as_http_means_them() {
        assert_eq!(range("bytes=0-3", 10), Some((0, 4)));
        assert_eq!(range("bytes=4-", 10), Some((4, 10)));
        assert_eq!(range("bytes=-3", 10), Some((7, 10)));
        assert_eq!(range("bytes=4-99", 10), Some((4, 10)));
        assert_eq!(range("bytes=10-", 10), None);
        assert_eq!(range("words=1-2", 10), None);
    }

    #[test]
    fn an_expired_file_is_gone() {
        let store = MediaStore::new("127.0.0.1:1".into());
        let place = store.put_new(vec![1, 2, 3]);
        assert!(store.expire(&place.direct_path));
        assert!(!store.expire(&place.direct_path));
        assert!(store.get("nothing").is_none());
    }
}
