//! Services of others that the settings name: their address, their key, and how much of an answer is read.

use anyhow::{Context as _, Result};
use reqwest::{ClientBuilder, Response};
use std::path::Path;
use url::Url;

/// The key of a service, which no log shows.
pub(crate) struct Key(pub(crate) String);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// The key in the file that a setting names, if it names one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn of_setting(setting: &str, file: Option<&Path>) -> Result<Option<Self>> {
        let Some(file) = file else {
            return Ok(None);
        };
        let key = std::fs::read_to_string(file)
            .with_context(|| format!("{setting} {} cannot be read", file.display()))?;
        Ok(Some(Self(key.trim().to_owned())))
    }
}

/// The address of a call to the service at `base`, which a setting names.
///
/// # Errors
/// When it is no address.
pub(crate) fn address(setting: &str, base: &str, path: &str) -> Result<Url> {
    Url::parse(&format!("{}{path}", base.trim_end_matches('/')))
        .with_context(|| format!("{setting} '{base}' is no address"))
}

/// A client that follows nobody: what was written to us goes to the address of the settings and to no other.
pub(crate) fn client() -> ClientBuilder {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none())
}

/// What an answer says. What is longer than `bytes_max` is cut off, and is no JSON then.
///
/// # Errors
/// When it does not come to its end.
pub(crate) async fn body(
    mut response: Response,
    bytes_max: usize,
) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > bytes_max {
            break;
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}
