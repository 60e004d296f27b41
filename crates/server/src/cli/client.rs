//! The command line's side of the HTTP API.

use crate::config::Config;
use anyhow::{Context, Result, anyhow, bail};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest a request may take. Linking and events are polled or streamed and need no longer one.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest a transfer may take.
const LONG_REQUEST_TIMEOUT: Duration = Duration::from_secs(600);
/// Most accounts looked at when one is picked by name.
const ACCOUNTS_MAX: usize = 10_000;

/// Where the server leaves the key for commands run by the same user on the same machine.
#[must_use]
pub fn key_file(data_dir: &Path) -> PathBuf {
    data_dir.join("cli.key")
}

/// A connection to the running server.
#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl Client {
    pub(super) fn connect(
        config: &Config,
        url: Option<String>,
        key: Option<String>,
    ) -> Result<Self> {
        let base = url.unwrap_or_else(|| format!("http://{}", config.server.listen));
        let file = key_file(&config.data_dir);
        let key = match key {
            Some(key) => key,
            None => std::fs::read_to_string(&file).with_context(|| {
                format!(
                    "No API key: {} is not there. Start `waypost serve` with the same settings, or \
                     give a key with --api-key",
                    file.display()
                )
            })?,
        };
        let http = reqwest::Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            key: key.trim().to_owned(),
        })
    }

    /// The address of the event stream, and the key to open it with.
    pub(super) fn stream(&self) -> (String, &str) {
        let ws = self.base.replacen("http", "ws", 1);
        (format!("{ws}/api/v1/events/stream"), &self.key)
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Posts what takes the server a while.
    pub(super) async fn post_slowly(&self, path: &str, body: Value) -> Result<Value> {
        let request = self.request(Method::POST, path).json(&body);
        let sent = request.timeout(LONG_REQUEST_TIMEOUT).send().await;
        answer(sent.map_err(|e| self.unreachable(&e))?).await
    }

    /// Posts with an idempotency key: repeating the call does nothing new.
    pub(super) async fn post_once(&self, path: &str, body: Value, key: &str) -> Result<Value> {
        let request = self
            .request(Method::POST, path)
            .header("idempotency-key", key)
            .json(&body);
        answer(request.send().await.map_err(|e| self.unreachable(&e))?).await
    }

    pub(super) async fn patch(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// Puts what takes the server a while.
    pub(super) async fn put_slowly(&self, path: &str, body: Value) -> Result<Value> {
        let request = self.request(Method::PUT, path).json(&body);
        let sent = request.timeout(LONG_REQUEST_TIMEOUT).send().await;
        answer(sent.map_err(|e| self.unreachable(&e))?).await
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> Result<Value> {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<Value> {
        self.call(Method::DELETE, path, None).await
    }

    /// Uploads a file and answers what the server says of it.
    pub(super) async fn upload(&self, path: &Path) -> Result<Value> {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let file = tokio::fs::File::open(path)
            .await
            .with_context(|| format!("{} cannot be read", path.display()))?;
        let request = self
            .request(Method::POST, "/blobs")
            .query(&[("file_name", name.as_str())])
            .header("content-type", mime_of(path))
            .body(reqwest::Body::wrap_stream(
                tokio_util::io::ReaderStream::new(file),
            ))
            .timeout(LONG_REQUEST_TIMEOUT);
        answer(request.send().await.map_err(|e| self.unreachable(&e))?).await
    }

    /// Every item of a list, page by page.
    pub(super) async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        while items.len() < ACCOUNTS_MAX {
            let mut request = self.request(Method::GET, path).query(&[("limit", "200")]);
            if let Some(cursor) = &cursor {
                request = request.query(&[("cursor", cursor)]);
            }
            let mut page = answer(request.send().await.map_err(|e| self.unreachable(&e))?).await?;
            if let Some(Value::Array(more)) = page.get_mut("items").map(Value::take) {
                items.extend(more);
            }
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        Ok(items)
    }

    /// The account with this id, name or phone number.
    pub(super) async fn pick(&self, who: &str) -> Result<Value> {
        let accounts = self.all("/accounts").await?;
        choose(&accounts, who).cloned()
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}/api/v1{path}", self.base))
            .bearer_auth(&self.key)
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request.send().await.map_err(|e| self.unreachable(&e))?).await
    }

    fn unreachable(&self, error: &reqwest::Error) -> anyhow::Error {
        if error.is_timeout() {
            return anyhow!(
                "{} did not answer in time; check `waypost doctor`",
                self.base
            );
        }
        anyhow!(
            "No server answers at {}; start it with `waypost serve`",
            self.base
        )
    }
}

/// The one account that `who` names.
fn choose<'a>(accounts: &'a [Value], who: &str) -> Result<&'a Value> {
    let digits: String = who.chars().filter(char::is_ascii_digit).collect();
    let wanted = who.trim().to_lowercase();
    let matches: Vec<&Value> = accounts
        .iter()
        .filter(|a| {
            let field = |f: &str| a.get(f).and_then(Value::as_str).unwrap_or_default();
            let phone = field("phone")
                .split('@')
                .next()
                .unwrap_or_default()
                .trim_start_matches('+');
            field("id") == who
                || field("name").to_lowercase() == wanted
                || (digits.len() >= 5 && phone == digits)
        })
        .collect();
    match matches[..] {
        [one] => Ok(one),
        [] => bail!("No account is called '{who}'. {}", candidates(accounts)),
        _ => bail!(
            "Several accounts are called '{who}'; use the id. {}",
            candidates(accounts)
        ),
    }
}

fn candidates(accounts: &[Value]) -> String {
    if accounts.is_empty() {
        return "There are none yet; make one with `waypost link NAME`.".into();
    }
    let names: Vec<String> = accounts
        .iter()
        .map(|a| {
            let field = |f: &str| a.get(f).and_then(Value::as_str).unwrap_or("-");
            format!("{} ({}, {})", field("name"), field("phone"), field("id"))
        })
        .collect();
    format!("These exist: {}.", names.join("; "))
}

async fn answer(response: reqwest::Response) -> Result<Value> {
    let status = response.status();
    let bytes = response
        .bytes()
        .await
        .context("the server's answer broke off")?;
    if status.is_success() {
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        return serde_json::from_slice(&bytes).context("the server's answer is not JSON");
    }
    let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let detail = ["detail", "title"]
        .iter()
        .find_map(|f| problem.get(*f).and_then(Value::as_str))
        .unwrap_or("no reason was given");
    match status {
        StatusCode::UNAUTHORIZED => bail!("The server refuses this API key: {detail}"),
        _ => bail!("{detail}"),
    }
}

/// The MIME type that a file name suggests.
fn mime_of(path: &Path) -> &'static str {
    let ending = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    match ending.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "mp4" => "video/mp4",
        "ogg" | "opus" => "audio/ogg",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "pdf" => "application/pdf",
        "csv" => "text/csv",
        "txt" => "text/plain",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn accounts() -> Vec<Value> {
        vec![
            json!({"id": "acc_1", "name": "Office", "phone": "971505760056"}),
            json!({"id": "acc_2", "name": "sales", "phone": null}),
            json!({"id": "acc_3", "name": "Sales", "phone": "+971500000001"}),
        ]
    }

    #[test]
    fn an_account_is_found_by_name_number_or_id() {
        let accounts = accounts();
        let check = |who: &str, id: &str| assert_eq!(choose(&accounts, who).unwrap()["id"], id);
        check("office", "acc_1");
        check("+971505760056", "acc_1");
        check("+971 50 000 0001", "acc_3");
        check("acc_2", "acc_2");
    }

    #[test]
    fn an_unknown_or_ambiguous_one_lists_those_that_exist() {
        let accounts = accounts();
        let unknown = choose(&accounts, "shop").unwrap_err().to_string();
        assert!(
            unknown.contains("shop") && unknown.contains("Office"),
            "{unknown}"
        );
        let several = choose(&accounts, "sales").unwrap_err().to_string();
        assert!(
            several.contains("acc_2") && several.contains("acc_3"),
            "{several}"
        );
        assert!(
            choose(&[], "x")
                .unwrap_err()
                .to_string()
                .contains("waypost link")
        );
    }
}
