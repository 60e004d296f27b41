//! Settings: `waypost.toml`, overridden by the environment.
//!
//! Every key has a default, so an empty file is a valid one. `WAYPOST_SERVER__LISTEN` overrides
//! `listen` under `[server]`. An unknown key, a wrong type or a value out of range is refused with
//! the key and the file it came from; nothing is guessed.

mod accounts;
mod check;
mod defaults;
mod messages;
mod process;
mod version;

pub use accounts::{Gaps, Link, Liveness, Proxies, Recovery};
pub use messages::{
    Compat, Flow, Insight, Llm, LlmProvider, Load, Media, Pipeline, Send, Shedding, Sheets,
    Webhooks,
};
pub use process::{Log, LogFormat, Server, Store, Whatsapp};
pub use version::ClientVersion;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file read when none is named and it exists.
pub const FILE_DEFAULT: &str = "waypost.toml";
/// What overriding environment variables start with.
pub const ENV_PREFIX: &str = "WAYPOST_";
/// Environment variables with that prefix that are not settings.
const ENV_NOT_SETTINGS: &[&str] = &[
    "config",
    "api_key",
    "url",
    "master_key",
    "strict_bin",
    "test_postgres_url",
    "test_python",
    "failpoint",
];

/// All settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the database, files and keys.
    pub data_dir: PathBuf,
    /// Which database.
    pub store: Store,
    /// The HTTP side.
    pub server: Server,
    /// How we appear to WhatsApp.
    pub whatsapp: Whatsapp,
    /// Linking accounts.
    pub link: Link,
    /// Proof that connections live.
    pub liveness: Liveness,
    /// Bringing accounts back.
    pub recovery: Recovery,
    /// Messages that never came.
    pub gaps: Gaps,
    /// Accounts' proxies.
    pub proxies: Proxies,
    /// The flow of messages.
    pub flow: Flow,
    /// The parts that messages go through.
    pub pipeline: Pipeline,
    /// Reading what messages say.
    pub insight: Insight,
    /// Sending.
    pub send: Send,
    /// Webhooks.
    pub webhooks: Webhooks,
    /// Google Sheets.
    pub sheets: Sheets,
    /// Files in messages.
    pub media: Media,
    /// Fronts for bots of other gateways.
    pub compat: Compat,
    /// When work is put off.
    pub load: Load,
    /// Logs.
    pub log: Log,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The named file does not exist or cannot be read.
    #[error("{path} cannot be read: {error}. Check the path given with --config.")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// A key is unknown, or its value has the wrong type.
    #[error("{origin}: `{key}`: {problem}")]
    Key {
        /// The file or environment variable it came from.
        origin: String,
        /// The key, dotted.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

impl Config {
    /// Reads `file` (or `waypost.toml` when it exists) and the environment.
    ///
    /// # Errors
    /// When a named file cannot be read, or a key is unknown, mistyped or out of range.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        match file {
            Some(path) => {
                std::fs::File::open(path).map_err(|error| ConfigError::Unreadable {
                    path: path.display().to_string(),
                    error,
                })?;
                figment = figment.merge(Toml::file_exact(path));
            }
            None if Path::new(FILE_DEFAULT).exists() => {
                figment = figment.merge(Toml::file(FILE_DEFAULT));
            }
            None => {}
        }
        let env = Env::prefixed(ENV_PREFIX)
            .ignore(ENV_NOT_SETTINGS)
            .split("__");
        let config: Self = figment.merge(env).extract().map_err(|e| first_error(&e))?;
        config.check()?;
        Ok(config)
    }

    /// From the text of a settings file alone.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let config: Self = Figment::from(Serialized::defaults(Self::default()))
            .merge(Toml::string(text))
            .extract()
            .map_err(|e| first_error(&e))?;
        config.check()?;
        Ok(config)
    }
}

fn first_error(error: &figment::Error) -> ConfigError {
    let origin = error.metadata.as_ref().map_or_else(
        || "settings".to_owned(),
        |m| match &m.source {
            Some(source) => source.to_string(),
            None => m.name.to_string(),
        },
    );
    let key = match (&error.kind, error.path.is_empty()) {
        (figment::error::Kind::UnknownField(field, _), true) => field.clone(),
        (figment::error::Kind::UnknownField(field, _), false) => {
            format!("{}.{field}", error.path.join("."))
        }
        _ => error.path.join("."),
    };
    ConfigError::Key {
        origin,
        key,
        problem: problem(&error.kind),
    }
}

fn problem(kind: &figment::error::Kind) -> String {
    match kind {
        figment::error::Kind::UnknownField(_, known) => {
            format!("no such setting; known here: {}", known.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
