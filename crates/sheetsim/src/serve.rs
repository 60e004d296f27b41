//! The server: every request is checked, answered, and remembered.

use crate::book::Book;
use crate::clock::now;
use crate::control;
use crate::discovery::{Discovery, Fit};
use crate::faults::{Fault, Faults, When};
use crate::handle::{Books, Refusal, Request as Asked, handle};
use crate::token::{Tokens, service_account_file, user_file};
use anyhow::Result;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json, Router};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Largest request, in bytes.
const BODY_MAX: usize = 10 << 20;
/// Most calls that are remembered.
const CALLS_MAX: usize = 1_000_000;
/// Where tokens are given.
const TOKEN_PATH: &str = "/token";

/// A call that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method's id, for example `sheets.spreadsheets.values.append`; `token` for a token.
    pub method: String,
    /// The status that it was answered with; 0 when the connection was cut.
    pub status: u16,
    /// Rows that it brought.
    pub rows: usize,
}

/// The running stand-in. Stops when dropped.
#[derive(Debug)]
pub struct SheetSim {
    shared: Shared,
    stop: CancellationToken,
}

/// What every connection shares.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    address: SocketAddr,
    discovery: Arc<Discovery>,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Debug, Default)]
pub(crate) struct Inside {
    pub(crate) books: Books,
    pub(crate) tokens: Tokens,
    pub(crate) faults: Faults,
    pub(crate) calls: Vec<Call>,
    pub(crate) violations: Vec<String>,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn token_url(&self) -> String {
        format!("{}{TOKEN_PATH}", self.url())
    }
}

impl SheetSim {
    /// Starts on a free loopback port.
    ///
    /// # Errors
    /// When there is no port, or Google's document is missing.
    pub async fn start() -> Result<Self> {
        Self::on(0, Discovery::load()?).await
    }

    /// Starts on this port with this document.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn on(port: u16, discovery: Discovery) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let shared = Shared {
            address: listener.local_addr()?,
            discovery: Arc::new(discovery),
            inside: Arc::default(),
        };
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, shared.clone(), stop.clone()));
        Ok(Self { shared, stop })
    }

    /// Where the API is, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        self.shared.url()
    }

    /// Where tokens are given.
    #[must_use]
    pub fn token_url(&self) -> String {
        self.shared.token_url()
    }

    /// The file that Google gives for a service account.
    #[must_use]
    pub fn service_account(&self) -> Value {
        service_account_file(&self.token_url())
    }

    /// The file that Google's tools write for a user who agreed.
    #[must_use]
    pub fn user(&self) -> Value {
        user_file()
    }

    /// Makes a spreadsheet, shared with the credentials.
    pub fn create(&self, id: &str, title: &str, tabs: &[&str]) {
        let book = Book::new(id, title, tabs);
        self.shared.lock().books.insert(id.to_owned(), book);
    }

    /// Takes the right to open a spreadsheet away, or gives it back.
    pub fn share(&self, id: &str, shared: bool) {
        if let Some(book) = self.shared.lock().books.get_mut(id) {
            book.shared = shared;
        }
    }

    /// All rows of a tab, as they were written.
    #[must_use]
    pub fn rows(&self, id: &str, tab: &str) -> Vec<Vec<Value>> {
        let inside = self.shared.lock();
        let tabs = inside.books.get(id).map(|book| book.tabs.as_slice());
        let tab = tabs.unwrap_or_default().iter().find(|t| t.title == tab);
        tab.map(|tab| tab.rows.clone()).unwrap_or_default()
    }

    /// Orders a fault.
    pub fn inject(&self, when: When, fault: Fault) {
        self.shared.lock().faults.add(when, fault);
    }

    /// Drops the faults that wait.
    pub fn heal(&self) {
        self.shared.lock().faults.clear();
    }

    /// Makes every token given so far worthless.
    pub fn expire_tokens(&self) {
        self.shared.lock().tokens.expire();
    }

    /// As if the user had withdrawn the agreement.
    pub fn revoke(&self) {
        self.shared.lock().tokens.revoke();
    }

    /// Everything that was asked, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls.clone()
    }

    /// How many calls of the API there were, tokens aside.
    #[must_use]
    pub fn count(&self) -> usize {
        let inside = self.shared.lock();
        inside.calls.iter().filter(|c| c.method != "token").count()
    }

    /// What did not fit Google's document.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.shared.lock().violations.clone()
    }
}

impl Drop for SheetSim {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(listener: TcpListener, shared: Shared, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            taken = listener.accept() => if let Ok((stream, _)) = taken {
                tokio::spawn(connection(stream, shared.clone(), stop.child_token()));
            },
        }
    }
}

/// One connection, until its end or until `cut` says so: then it is dropped without a word.
async fn connection(stream: TcpStream, shared: Shared, cut: CancellationToken) {
    let router = Router::new()
        .nest("/sim", control::routes())
        .fallback(answer)
        .layer(Extension(Cut(cut.clone())))
        .with_state(shared);
    let service = TowerToHyperService::new(router);
    let builder = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        () = cut.cancelled() => {}
        _ = builder.serve_connection(TokioIo::new(stream), service) => {}
    }
}

#[derive(Debug, Clone)]
struct Cut(CancellationToken);

async fn answer(
    State(shared): State<Shared>,
    Extension(Cut(cut)): Extension<Cut>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let header = parts.headers.get(header::AUTHORIZATION);
    let asked = Incoming {
        verb: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: pairs(parts.uri.query().unwrap_or_default().as_bytes()),
        bearer: header.and_then(|v| v.to_str().ok()).map(str::to_owned),
        body,
    };
    if asked.path == TOKEN_PATH {
        return token(&shared, &asked);
    }
    let fit = match asked.check(&shared) {
        Ok(fit) => fit,
        Err(refusal) => return shared.refuse(&asked, "unknown", &refusal, None),
    };
    perform(shared, asked, fit, cut).await
}

#[derive(Debug)]
struct Incoming {
    verb: String,
    path: String,
    query: Vec<(String, String)>,
    bearer: Option<String>,
    body: Bytes,
}

impl Incoming {
    fn json(&self) -> Result<Option<Value>, Refusal> {
        if self.body.is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(&self.body)
            .map(Some)
            .map_err(|_| Refusal::invalid("Invalid JSON payload received."))
    }

    fn check(&self, shared: &Shared) -> Result<Fit, Refusal> {
        let body = self.json()?;
        let checked = shared
            .discovery
            .check(&self.verb, &self.path, &self.query, body.as_ref());
        let fit = checked.map_err(|wrong| {
            let wrong = wrong.join("; ");
            shared
                .lock()
                .violations
                .push(format!("{} {}: {wrong}", self.verb, self.path));
            Refusal::invalid(wrong)
        })?;
        if !shared.lock().tokens.lets_in(self.bearer.as_deref(), now()) {
            return Err(Refusal {
                status: 401,
                code: "UNAUTHENTICATED",
                message: "Request had invalid authentication credentials.".into(),
            });
        }
        Ok(fit)
    }

    /// How many rows it brings.
    fn rows(&self) -> usize {
        let body = self.json().ok().flatten().unwrap_or_default();
        body["values"].as_array().map_or(0, Vec::len)
    }

    fn when(&self) -> When {
        if self.verb == "GET" {
            When::Read
        } else {
            When::Write
        }
    }
}

impl Shared {
    fn remember(&self, asked: &Incoming, method: &str, status: u16) {
        let mut inside = self.lock();
        if inside.calls.len() < CALLS_MAX {
            inside.calls.push(Call {
                method: method.to_owned(),
                status,
                rows: asked.rows(),
            });
        }
    }

    fn refuse(
        &self,
        asked: &Incoming,
        method: &str,
        refusal: &Refusal,
        retry_after: Option<u32>,
    ) -> Response {
        self.remember(asked, method, refusal.status);
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, Json(refusal.body())).into_response();
        if let Some(seconds) = retry_after {
            let value = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }

    fn commit(&self, asked: &Incoming, fit: &Fit) -> Result<Value, Refusal> {
        let body = asked.json()?;
        let request = Asked {
            fit,
            query: &asked.query,
            body: body.as_ref(),
        };
        handle(&mut self.lock().books, request)
    }

    fn respond(&self, asked: &Incoming, fit: &Fit, done: Result<Value, Refusal>) -> Response {
        match done {
            Ok(value) => {
                self.remember(asked, &fit.method, 200);
                Json(value).into_response()
            }
            Err(refusal) => self.refuse(asked, &fit.method, &refusal, None),
        }
    }
}

/// Does it, or lets it go wrong as ordered.
async fn perform(shared: Shared, asked: Incoming, fit: Fit, cut: CancellationToken) -> Response {
    let fault = shared.lock().faults.take(asked.when());
    match fault {
        None => {}
        Some(Fault::Refuse {
            status,
            retry_after,
        }) => {
            return shared.refuse(&asked, &fit.method, &failure(status), retry_after);
        }
        Some(Fault::CommitThenFail { status }) => {
            let _ = shared.commit(&asked, &fit);
            return shared.refuse(&asked, &fit.method, &failure(status), None);
        }
        Some(Fault::CommitThenCut) => {
            let _ = shared.commit(&asked, &fit);
            return hang_up(&shared, &asked, &fit, &cut).await;
        }
        Some(Fault::Cut) => return hang_up(&shared, &asked, &fit, &cut).await,
        Some(Fault::CommitThenWait { ms }) => {
            let done = shared.commit(&asked, &fit);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            return shared.respond(&asked, &fit, done);
        }
        Some(Fault::Late { ms }) => {
            // On a task of its own: whoever asked may have gone by then.
            let work = tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                let done = shared.commit(&asked, &fit);
                shared.respond(&asked, &fit, done)
            });
            return work
                .await
                .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
        }
    }
    let done = shared.commit(&asked, &fit);
    shared.respond(&asked, &fit, done)
}

async fn hang_up(
    shared: &Shared,
    asked: &Incoming,
    fit: &Fit,
    cut: &CancellationToken,
) -> Response {
    shared.remember(asked, &fit.method, 0);
    cut.cancel();
    std::future::pending().await
}

fn failure(status: u16) -> Refusal {
    let (code, message) = match status {
        429 => (
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for quota metric 'Write requests'",
        ),
        503 => ("UNAVAILABLE", "The service is currently unavailable."),
        _ => ("INTERNAL", "Internal error encountered."),
    };
    Refusal {
        status,
        code,
        message: message.to_owned(),
    }
}

fn token(shared: &Shared, asked: &Incoming) -> Response {
    let fault = shared.lock().faults.take(When::Token);
    if let Some(Fault::Refuse {
        status,
        retry_after,
    }) = fault
    {
        return shared.refuse(asked, "token", &failure(status), retry_after);
    }
    let form: HashMap<String, String> = pairs(&asked.body).into_iter().collect();
    let granted = shared
        .lock()
        .tokens
        .grant(&form, &shared.token_url(), now());
    match granted {
        Ok(token) => {
            shared.remember(asked, "token", 200);
            Json(token).into_response()
        }
        Err((error, why)) => {
            shared.remember(asked, "token", 400);
            let body = json!({"error": error, "error_description": why});
            (StatusCode::BAD_REQUEST, Json(body)).into_response()
        }
    }
}

fn pairs(form: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(form).into_owned().collect()
}
