//! Who may come in: Google's token address, for service accounts and for users.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use std::collections::HashMap;

/// A key pair for tests, made for this purpose and used for nothing else.
const TEST_KEY: &str = include_str!("../data/test-key.pem");
const TEST_PUBLIC_KEY: &[u8] = include_bytes!("../data/test-key.pub.der");
/// The service account that the stand-in knows.
pub const SERVICE_ACCOUNT: &str = "writer@waypost-test.iam.gserviceaccount.com";
/// The OAuth client that the stand-in knows.
pub const CLIENT_ID: &str = "1234-test.apps.googleusercontent.com";
const CLIENT_SECRET: &str = "test-client-secret";
const REFRESH_TOKEN: &str = "1//test-refresh-token";
/// What a service account says it wants.
const SCOPE: &str = "https://www.googleapis.com/auth/spreadsheets";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Longest life of an assertion, as Google documents it, in seconds.
const ASSERTION_MAX: u64 = 3_600;
/// How far its clock may be off, in seconds.
const SKEW: u64 = 300;

/// The tokens that were given out.
#[derive(Debug)]
pub struct Tokens {
    /// How long a token is good for, in seconds.
    pub life: u64,
    given: HashMap<String, u64>,
    count: u64,
    revoked: bool,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            life: 3_599,
            given: HashMap::new(),
            count: 0,
            revoked: false,
        }
    }
}

/// The file that Google gives for a service account.
#[must_use]
pub fn service_account_file(token_url: &str) -> Value {
    json!({
        "type": "service_account",
        "project_id": "waypost-test",
        "private_key_id": "test",
        "private_key": TEST_KEY,
        "client_email": SERVICE_ACCOUNT,
        "client_id": "1234",
        "token_uri": token_url,
    })
}

/// The file that Google's tools write for a user who agreed.
#[must_use]
pub fn user_file() -> Value {
    json!({
        "type": "authorized_user",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
    })
}

impl Tokens {
    /// Answers a request for a token: its form fields, for this address, at `now` (seconds).
    ///
    /// # Errors
    /// OAuth's error code and what is wrong.
    pub fn grant(
        &mut self,
        form: &HashMap<String, String>,
        audience: &str,
        now: u64,
    ) -> Result<Value, (&'static str, String)> {
        if self.revoked {
            return Err(("invalid_grant", "Token has been expired or revoked.".into()));
        }
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        match field("grant_type") {
            JWT_BEARER => check_assertion(field("assertion"), audience, now)
                .map_err(|why| ("invalid_grant", why))?,
            "refresh_token" => {
                if (field("client_id"), field("client_secret")) != (CLIENT_ID, CLIENT_SECRET) {
                    return Err(("invalid_client", "The OAuth client was not found.".into()));
                }
                if field("refresh_token") != REFRESH_TOKEN {
                    return Err(("invalid_grant", "Bad Request".into()));
                }
            }
            other => return Err(("unsupported_grant_type", format!("Invalid: {other}"))),
        }
        self.count += 1;
        let token = format!("ya29.test-{}", self.count);
        self.given.insert(token.clone(), now + self.life);
        Ok(json!({
            "access_token": token, "expires_in": self.life, "token_type": "Bearer", "scope": SCOPE,
        }))
    }

    /// Whether this `Authorization` header lets its bearer in.
    #[must_use]
    pub fn lets_in(&self, header: Option<&str>, now: u64) -> bool {
        header
            .and_then(|value| value.strip_prefix("Bearer "))
            .and_then(|token| self.given.get(token))
            .is_some_and(|until| now < *until)
    }

    /// Forgets every token, and gives no new one from here on.
    pub fn revoke(&mut self) {
        self.revoked = true;
        self.given.clear();
    }

    /// Forgets every token; new ones are given.
    pub fn expire(&mut self) {
        self.given.clear();
    }

    /// How many were given out.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}

fn check_assertion(assertion: &str, audience: &str, now: u64) -> Result<(), String> {
    let mut parts = assertion.splitn(3, '.');
    let (Some(header), Some(claims), Some(signature)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err("Invalid JWT: three parts are expected".into());
    };
    let signed = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| "Invalid JWT Signature.".to_owned())?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, TEST_PUBLIC_KEY)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| "Invalid JWT Signature.".to_owned())?;
    let header = part(header)?;
    if header["alg"] != "RS256" {
        return Err("Invalid JWT: alg must be RS256".into());
    }
    check_claims(&part(claims)?, audience, now)
}

/// Where Google gives out tokens.
const GOOGLE: &str = "https://oauth2.googleapis.com/token";

fn check_claims(claims: &Value, audience: &str, now: u64) -> Result<(), String> {
    if claims["iss"] != SERVICE_ACCOUNT {
        return Err("Invalid grant: account not found".into());
    }
    // Google's own clients name this one, whichever address they ask.
    if claims["aud"] != audience && claims["aud"] != GOOGLE {
        return Err(format!("Invalid JWT: aud must be {audience}"));
    }
    let scopes = claims["scope"].as_str().unwrap_or_default();
    if !scopes.split(' ').any(|scope| scope == SCOPE) {
        return Err("Invalid JWT: scope is missing".into());
    }
    let (Some(issued), Some(expires)) = (claims["iat"].as_u64(), claims["exp"].as_u64()) else {
        return Err("Invalid JWT: iat and exp are needed".into());
    };
    let in_time = issued <= now + SKEW
        && now < expires + SKEW
        && expires > issued
        && expires - issued <= ASSERTION_MAX;
    in_time
        .then_some(())
        .ok_or_else(|| "Invalid JWT: Token must be a short-lived token".to_owned())
}

fn part(text: &str) -> Result<Value, String> {
    URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| "Invalid JWT: not JSON".to_owned())
}
