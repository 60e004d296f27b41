//! Tokens: asked for with the credentials, kept until shortly before they end.

use crate::clock::now;
use crate::credentials::{Credentials, ServiceAccount};
use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::RSA_PKCS1_SHA256;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use url::Url;
use waypost_engine::model::{Duration, Timestamp};

/// What we may do: read and write spreadsheets, nothing else.
const SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long an assertion is good for, in seconds: the longest that Google takes.
const ASSERTION_LIFE: i64 = 3_600;
/// How long before its end a token is renewed.
const EARLY: Duration = Duration::secs(60);
/// Longest life that is believed, so that a wrong answer does not last for ever.
const LIFE_MAX: u64 = 86_400;

/// Gets tokens, one at a time.
#[derive(Debug)]
pub struct Tokens {
    http: reqwest::Client,
    url: Url,
    credentials: Credentials,
    held: Mutex<Option<Held>>,
}

#[derive(Clone)]
struct Held {
    token: String,
    until: Timestamp,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held(until {})", self.until.0)
    }
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

#[derive(Deserialize, Default)]
struct Denied {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Tokens {
    pub(crate) fn new(http: reqwest::Client, url: Url, credentials: Credentials) -> Self {
        Self {
            http,
            url,
            credentials,
            held: Mutex::new(None),
        }
    }

    /// A token that is good for a while.
    ///
    /// # Errors
    /// [`Error::Credentials`] when Google refuses; [`Error::NotSent`] when it cannot be asked.
    /// Nothing else was sent in either case.
    pub async fn bearer(&self) -> Result<String, Error> {
        let mut held = self.held.lock().await;
        if let Some(held) = held.as_ref().filter(|held| now() < held.until) {
            return Ok(held.token.clone());
        }
        let fresh = self.ask().await?;
        let token = fresh.token.clone();
        *held = Some(fresh);
        Ok(token)
    }

    /// Forgets a token that was refused, unless a newer one is there already.
    pub async fn forget(&self, token: &str) {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|held| held.token == token) {
            *held = None;
        }
    }

    async fn ask(&self) -> Result<Held, Error> {
        let form = self.form()?;
        let asked_at = now();
        let unreachable = |error: reqwest::Error| Error::NotSent(crate::client::root(&error));
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let response = self
            .http
            .post(self.url.clone())
            .header(
                reqwest::header::CONTENT_TYPE,
                "application/x-www-form-urlencoded",
            )
            .body(body)
            .send()
            .await
            .map_err(unreachable)?;
        let status = response.status();
        let text = response.text().await.map_err(unreachable)?;
        if status.as_u16() == 429 {
            return Err(Error::Busy { retry_after: None });
        }
        if status.is_server_error() {
            return Err(Error::NotSent(format!("it answered {status} for a token")));
        }
        if !status.is_success() {
            let denied: Denied = serde_json::from_str(&text).unwrap_or_default();
            return Err(Error::Credentials(format!(
                "{} {}",
                denied.error, denied.error_description
            )));
        }
        let granted: Granted = serde_json::from_str(&text)
            .map_err(|_| Error::NotSent("its answer for a token is not one".to_owned()))?;
        let life = Duration::secs(granted.expires_in.min(LIFE_MAX));
        Ok(Held {
            token: granted.access_token,
            until: asked_at + life - EARLY,
        })
    }

    fn form(&self) -> Result<Vec<(&'static str, String)>, Error> {
        match &self.credentials {
            Credentials::ServiceAccount(account) => Ok(vec![
                ("grant_type", JWT_BEARER.to_owned()),
                ("assertion", assertion(account, self.url.as_str(), now())?),
            ]),
            Credentials::User(user) => Ok(vec![
                ("grant_type", "refresh_token".to_owned()),
                ("client_id", user.client_id.clone()),
                ("client_secret", user.client_secret.clone()),
                ("refresh_token", user.refresh_token.clone()),
            ]),
        }
    }
}

/// The signed statement that a service account asks with (RFC 7523, RS256).
fn assertion(account: &ServiceAccount, audience: &str, at: Timestamp) -> Result<String, Error> {
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": account.key_id});
    let claims = json!({
        "iss": account.email, "scope": SCOPE, "aud": audience,
        "iat": at.as_secs(), "exp": at.as_secs() + ASSERTION_LIFE,
    });
    let encoded = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encoded(&header), encoded(&claims));
    let mut signature = vec![0; account.key.public().modulus_len()];
    account
        .key
        .sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            signed.as_bytes(),
            &mut signature,
        )
        .map_err(|_| Error::Invalid("the private key cannot sign".to_owned()))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
