//! Who we are for Google: the files that Google and its tools give out.

use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::RsaKeyPair;
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;

/// Largest file that is read, in bytes.
pub const FILE_MAX: usize = 64 << 10;

/// A service account or a user who agreed.
#[derive(Clone)]
pub enum Credentials {
    /// A service account: an identity of its own, with whom spreadsheets are shared.
    ServiceAccount(ServiceAccount),
    /// A user who agreed once; we act in their name.
    User(User),
}

/// A service account's key.
#[derive(Clone)]
pub struct ServiceAccount {
    /// Its address; spreadsheets are shared with it.
    pub email: String,
    /// Its Google Cloud project, whose calls are counted together.
    pub project: String,
    pub(crate) key_id: String,
    pub(crate) key: Arc<RsaKeyPair>,
}

/// What a user's agreement left us.
#[derive(Clone)]
pub struct User {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) refresh_token: String,
}

/// The kinds of file. Other fields, the token's address above all, are not believed: they would
/// tell us where to send what the key signs.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum File {
    ServiceAccount {
        client_email: String,
        private_key: String,
        #[serde(default)]
        private_key_id: String,
        #[serde(default)]
        project_id: String,
    },
    AuthorizedUser {
        client_id: String,
        client_secret: String,
        refresh_token: String,
    },
}

impl Credentials {
    /// Reads a key file: JSON of type `service_account` or `authorized_user`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what to do when it is not one.
    pub fn read(file: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::Invalid(
                "this is not a key file from Google; it is JSON with \"type\": \
                 \"service_account\" or \"authorized_user\""
                    .to_owned(),
            )
        };
        if file.len() > FILE_MAX {
            return Err(wrong());
        }
        // What serde says could quote the key.
        match serde_json::from_str(file).map_err(|_| wrong())? {
            File::ServiceAccount {
                client_email,
                private_key,
                private_key_id,
                project_id,
            } => Ok(Self::ServiceAccount(ServiceAccount {
                email: client_email,
                project: project_id,
                key_id: private_key_id,
                key: Arc::new(read_key(&private_key)?),
            })),
            File::AuthorizedUser {
                client_id,
                client_secret,
                refresh_token,
            } => Ok(Self::User(User {
                client_id,
                client_secret,
                refresh_token,
            })),
        }
    }

    /// What tells it from other users of its project.
    pub(crate) fn user(&self) -> &str {
        match self {
            Self::ServiceAccount(account) => &account.email,
            Self::User(user) => &user.refresh_token,
        }
    }

    /// What people call it: the service account's address, or the client that the user agreed to.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::ServiceAccount(account) => &account.email,
            Self::User(user) => &user.client_id,
        }
    }

    /// What Google counts calls by: the project, by its id or, where only a client's id is known, by its number.
    /// A service account and a user of one project are taken for two.
    #[must_use]
    pub fn project(&self) -> &str {
        match self {
            Self::ServiceAccount(account) => &account.project,
            // The project's number stands before the first dash.
            Self::User(user) => user.client_id.split('-').next().unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.name())
    }
}

fn read_key(pem: &str) -> Result<RsaKeyPair, Error> {
    let wrong = || Error::Invalid("the private key in this file cannot be read".to_owned());
    let body: String = pem
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = STANDARD.decode(body).map_err(|_| wrong())?;
    RsaKeyPair::from_pkcs8(&der).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn googles_files_are_read_and_never_shown() {
        let file = sheetsim::token::service_account_file("https://evil.example/token").to_string();
        let read = Credentials::read(&file).unwrap();
        assert_eq!(read.name(), sheetsim::token::SERVICE_ACCOUNT);
        assert_eq!(read.project(), "waypost-test");
        assert!(!format!("{read:?}").contains("PRIVATE"));
        let user = Credentials::read(&sheetsim::token::user_file().to_string()).unwrap();
        assert_eq!(user.project(), "1234");
        assert!(!format!("{user:?}").contains("secret"));
    }

    #[test]
    fn other_files_are_refused_without_quoting_them() {
        for file in [
            "",
            "{}",
            r#"{"type": "external_account", "secret": "hush"}"#,
            r#"{"type": "service_account", "client_email": "a", "private_key": "hush"}"#,
        ] {
            let error = Credentials::read(file).unwrap_err().to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
