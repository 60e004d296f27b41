//! The Sheets API v4, typed: only what is needed of it.

use crate::a1::{Range, SpreadsheetId};
use crate::cell::Row;
use crate::credentials::Credentials;
use crate::error::Error;
use crate::token::Tokens;
use reqwest::{Method, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration as StdDuration;
use url::{Host, Url};
use waypost_engine::model::Duration;

/// Where the API is.
const BASE: &str = "https://sheets.googleapis.com";
/// Where tokens are given.
const TOKEN: &str = "https://oauth2.googleapis.com/token";
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: StdDuration = StdDuration::from_secs(10);
/// How long an answer may take.
pub const ANSWER_TIMEOUT: StdDuration = StdDuration::from_secs(60);
/// How long Google works on a request at most before it gives up
/// (<https://developers.google.com/workspace/sheets/api/limits>). After this long it is settled
/// whether a request was done.
pub const SETTLED_AFTER: Duration = Duration::secs(180);
/// Largest answer, in bytes.
const ANSWER_MAX: usize = 64 << 20;
/// Longest sentence of Google that is passed on, in characters.
const SENTENCE_MAX: usize = 300;
/// Longest pause that is taken from an answer, in seconds.
const RETRY_AFTER_MAX: u64 = 3_600;

/// Where Google is: always the real one, save in tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    base: Url,
    token: Url,
}

impl Endpoints {
    /// The real ones.
    ///
    /// # Errors
    /// Never in practice.
    pub fn google() -> Result<Self, Error> {
        let read = |text| Url::parse(text).map_err(|e| Error::Invalid(e.to_string()));
        Ok(Self {
            base: read(BASE)?,
            token: read(TOKEN)?,
        })
    }

    /// A stand-in on this machine.
    ///
    /// # Errors
    /// [`Error::Invalid`] for any address that is not on loopback: what the keys sign must not
    /// go anywhere else.
    pub fn stand_in(base: &str, token: &str) -> Result<Self, Error> {
        Ok(Self {
            base: loopback(base)?,
            token: loopback(token)?,
        })
    }

    fn is_stand_in(&self) -> bool {
        self.base.scheme() == "http"
    }
}

fn loopback(text: &str) -> Result<Url, Error> {
    let wrong = || {
        Error::Invalid(format!(
            "{text} is not an http address on this machine; only a stand-in for tests can replace Google"
        ))
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        _ => false,
    };
    if is_here && url.scheme() == "http" {
        Ok(url)
    } else {
        Err(wrong())
    }
}

/// How cells are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// As people see them.
    Formatted,
    /// As they were written.
    Plain,
}

impl Shown {
    fn option(self) -> &'static str {
        match self {
            Self::Formatted => "FORMATTED_VALUE",
            Self::Plain => "UNFORMATTED_VALUE",
        }
    }
}

/// A spreadsheet and its tabs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Info {
    /// Its title.
    pub title: String,
    /// Its time zone.
    pub time_zone: String,
    /// Its tabs in order.
    pub tabs: Vec<TabInfo>,
}

/// A tab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TabInfo {
    /// Its number.
    pub id: i64,
    /// Its title.
    pub title: String,
    /// Rows of its grid, empty ones too.
    pub rows: u64,
    /// Columns of its grid, empty ones too.
    pub columns: u64,
}

/// The client for one set of credentials.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    tokens: Tokens,
    calls: AtomicU64,
}

impl Client {
    /// A client. TLS needs the process's provider to be installed.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the HTTP client cannot be made.
    pub fn new(endpoints: &Endpoints, credentials: Credentials) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("Waypost");
        if endpoints.is_stand_in() {
            builder = builder.no_proxy();
        } else {
            builder = builder.https_only(true);
        }
        let http = builder.build().map_err(|e| Error::Invalid(root(&e)))?;
        Ok(Self {
            tokens: Tokens::new(http.clone(), endpoints.token.clone(), credentials),
            base: endpoints.base.clone(),
            http,
            calls: AtomicU64::new(0),
        })
    }

    /// Calls made so far, tokens aside.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Whether Google knows us.
    ///
    /// # Errors
    /// As [`Tokens::bearer`].
    pub async fn check(&self) -> Result<(), Error> {
        self.tokens.bearer().await.map(drop)
    }

    /// What a spreadsheet is made of.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn info(&self, book: &SpreadsheetId) -> Result<Info, Error> {
        let fields = "properties(title,timeZone),sheets(properties(sheetId,title,gridProperties(rowCount,columnCount)))";
        let query = [("fields", fields)];
        let url = self.url(book, "", &query)?;
        let found: wire::Spreadsheet = self.call(Method::GET, url, None).await?;
        Ok(found.into())
    }

    /// The cells of some ranges, in the order of the ranges.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn read(
        &self,
        book: &SpreadsheetId,
        ranges: &[Range],
        shown: Shown,
    ) -> Result<Vec<Vec<Row>>, Error> {
        let mut query = vec![("valueRenderOption", shown.option())];
        query.extend(ranges.iter().map(|range| ("ranges", range.as_str())));
        let url = self.url(book, "/values:batchGet", &query)?;
        let found: wire::ValueRanges = self.call(Method::GET, url, None).await?;
        if found.value_ranges.len() != ranges.len() {
            return Err(Error::Unknown("the answer lacks ranges".to_owned()));
        }
        Ok(found.value_ranges.into_iter().map(|r| r.values).collect())
    }

    /// Appends rows after the table that begins in `range`. Tells where they are.
    ///
    /// # Errors
    /// See [`Error`]; after [`crate::Outcome::Unknown`] they may be there or not.
    pub async fn append(
        &self,
        book: &SpreadsheetId,
        range: &Range,
        rows: &[Row],
    ) -> Result<String, Error> {
        let query = [
            ("valueInputOption", "RAW"),
            ("insertDataOption", "INSERT_ROWS"),
        ];
        let url = self.url(
            book,
            &format!("/values/{}:append", encoded(range.as_str())),
            &query,
        )?;
        let body = json!({"majorDimension": "ROWS", "values": rows});
        let done: wire::Appended = self.call(Method::POST, url, Some(body)).await?;
        Ok(done.updates.updated_range)
    }

    /// Writes rows from the range's first cell on. Safe to repeat.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn update(
        &self,
        book: &SpreadsheetId,
        writes: &[(Range, Vec<Row>)],
    ) -> Result<u64, Error> {
        if let [(range, rows)] = writes {
            let query = [("valueInputOption", "RAW")];
            let url = self.url(
                book,
                &format!("/values/{}", encoded(range.as_str())),
                &query,
            )?;
            let body = json!({"majorDimension": "ROWS", "values": rows});
            let done: wire::Updated = self.call(Method::PUT, url, Some(body)).await?;
            return Ok(done.updated_cells);
        }
        let data: Vec<Value> = writes
            .iter()
            .map(|(range, rows)| json!({"range": range, "majorDimension": "ROWS", "values": rows}))
            .collect();
        let url = self.url(book, "/values:batchUpdate", &[])?;
        let body = json!({"valueInputOption": "RAW", "data": data});
        let done: wire::UpdatedAll = self.call(Method::POST, url, Some(body)).await?;
        Ok(done.responses.iter().map(|r| r.updated_cells).sum())
    }

    /// Deletes rows, from `first` to `last` inclusive, counted from 1; those below move up.
    ///
    /// # Errors
    /// See [`Error`]. Not safe to repeat.
    pub async fn delete_rows(
        &self,
        book: &SpreadsheetId,
        tab: i64,
        first: u32,
        last: u32,
    ) -> Result<(), Error> {
        if first == 0 || last < first {
            return Err(Error::Invalid(
                "rows are counted from 1, and the last is not before the first".to_owned(),
            ));
        }
        let range = json!({
            "sheetId": tab, "dimension": "ROWS", "startIndex": first - 1, "endIndex": last,
        });
        let body = json!({"requests": [{"deleteDimension": {"range": range}}]});
        let url = self.url(book, ":batchUpdate", &[])?;
        let _: Value = self.call(Method::POST, url, Some(body)).await?;
        Ok(())
    }

    fn url(&self, book: &SpreadsheetId, rest: &str, query: &[(&str, &str)]) -> Result<Url, Error> {
        let mut url = self
            .base
            .join(&format!("/v4/spreadsheets/{book}{rest}"))
            .map_err(|e| Error::Invalid(e.to_string()))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// One call; once more when the token had ended, which is certain to have done nothing.
    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: Option<Value>,
    ) -> Result<T, Error> {
        let token = self.tokens.bearer().await?;
        let first = self.attempt(&method, &url, body.as_ref(), &token).await;
        let Err(Error::Refused { status: 401, .. }) = first else {
            return first;
        };
        self.tokens.forget(&token).await;
        let token = self.tokens.bearer().await?;
        self.attempt(&method, &url, body.as_ref(), &token).await
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        method: &Method,
        url: &Url,
        body: Option<&Value>,
        token: &str,
    ) -> Result<T, Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut request = self
            .http
            .request(method.clone(), url.clone())
            .bearer_auth(token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                Error::NotSent(root(&error))
            } else {
                Error::Unknown(root(&error))
            }
        })?;
        read(response).await
    }
}

async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, Error> {
    let status = response.status();
    let retry_after = retry_after(&response);
    let mut body = Vec::new();
    while let Some(piece) = response
        .chunk()
        .await
        .map_err(|error| Error::Unknown(root(&error)))?
    {
        if body.len() + piece.len() > ANSWER_MAX {
            return Err(Error::Unknown("the answer is too large".to_owned()));
        }
        body.extend_from_slice(&piece);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(Error::Busy { retry_after });
    }
    if status.is_success() {
        return serde_json::from_slice(&body)
            .map_err(|_| Error::Unknown("the answer cannot be read".to_owned()));
    }
    let told: wire::Problem = serde_json::from_slice(&body).unwrap_or_default();
    let message: String = told.error.message.chars().take(SENTENCE_MAX).collect();
    if status.is_client_error() {
        return Err(Error::Refused {
            status: status.as_u16(),
            message,
        });
    }
    Err(Error::Unknown(format!(
        "Google answered {status}: {message}"
    )))
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds: u64 = text.trim().parse().ok()?;
    Some(Duration::secs(seconds.min(RETRY_AFTER_MAX)))
}

/// The innermost cause, which is the one that helps.
pub(crate) fn root(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// A range as one piece of a path: nothing in it can end the piece or name a method.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Google's answers, as far as they are read.
mod wire {
    use super::{Info, TabInfo};
    use crate::cell::Row;
    use serde::Deserialize;

    #[derive(Deserialize)]
    pub(super) struct ValueRanges {
        #[serde(rename = "valueRanges", default)]
        pub(super) value_ranges: Vec<ValueRange>,
    }

    #[derive(Deserialize)]
    pub(super) struct ValueRange {
        #[serde(default)]
        pub(super) values: Vec<Row>,
    }

    #[derive(Deserialize)]
    pub(super) struct Appended {
        pub(super) updates: Updated,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Updated {
        #[serde(default)]
        pub(super) updated_range: String,
        #[serde(default)]
        pub(super) updated_cells: u64,
    }

    #[derive(Deserialize)]
    pub(super) struct UpdatedAll {
        #[serde(default)]
        pub(super) responses: Vec<Updated>,
    }

    #[derive(Deserialize, Default)]
    pub(super) struct Problem {
        #[serde(default)]
        pub(super) error: ProblemBody,
    }

    #[derive(Deserialize, Default)]
    pub(super) struct ProblemBody {
        #[serde(default)]
        pub(super) message: String,
    }

    #[derive(Deserialize)]
    pub(super) struct Spreadsheet {
        properties: BookProperties,
        #[serde(default)]
        sheets: Vec<Sheet>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct BookProperties {
        #[serde(default)]
        title: String,
        #[serde(default)]
        time_zone: String,
    }

    #[derive(Deserialize)]
    struct Sheet {
        properties: SheetProperties,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct SheetProperties {
        #[serde(default)]
        sheet_id: i64,
        #[serde(default)]
        title: String,
        #[serde(default)]
        grid_properties: Grid,
    }

    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase")]
    struct Grid {
        #[serde(default)]
        row_count: u64,
        #[serde(default)]
        column_count: u64,
    }

    impl From<Spreadsheet> for Info {
        fn from(found: Spreadsheet) -> Self {
            let tab = |sheet: Sheet| TabInfo {
                id: sheet.properties.sheet_id,
                title: sheet.properties.title,
                rows: sheet.properties.grid_properties.row_count,
                columns: sheet.properties.grid_properties.column_count,
            };
            Self {
                title: found.properties.title,
                time_zone: found.properties.time_zone,
                tabs: found.sheets.into_iter().map(tab).collect(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_stays_one_piece_of_the_path() {
        assert_eq!(encoded("'a/b'!A1:append"), "%27a%2Fb%27%21A1%3Aappend");
    }

    #[test]
    fn only_this_machine_can_stand_in_for_google() {
        let fine = "http://127.0.0.1:9";
        assert!(Endpoints::stand_in(fine, "http://[::1]:9/token").is_ok());
        for bad in [
            "https://127.0.0.1:9",
            "http://localhost:9",
            "http://10.0.0.1",
            "http://example.com",
            "http://127.0.0.1@example.com",
            "",
        ] {
            assert!(Endpoints::stand_in(bad, fine).is_err(), "{bad}");
            assert!(Endpoints::stand_in(fine, bad).is_err(), "{bad}");
        }
    }
}
