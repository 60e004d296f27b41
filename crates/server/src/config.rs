//! Settings: `waypost.toml`, overridden by the environment.
//!
//! Every key has a default, so an empty file is a valid one. `WAYPOST_SERVER__LISTEN` overrides
//! `listen` under `[server]`. An unknown key, a wrong type or a value out of range is refused with
//! the key and the file it came from; nothing is guessed.

use crate::parts::choice::Choice;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use waypost_engine::fleet::gaps::GapsConfig;
use waypost_engine::fleet::proxy_watch::ProxyWatchConfig;
use waypost_engine::fleet::window::Strategy;
use waypost_engine::fleet::{BreakerConfig, ConnectConfig, LivenessConfig, WaveConfig};
use waypost_engine::flow::caution::{self, WarmUp};
use waypost_engine::flow::human::HumanPace;
use waypost_engine::flow::outbox::NumberCheck;
use waypost_engine::flow::parts::{Part, Switch};
use waypost_engine::flow::reply::ANSWERS_MAX_DEFAULT;
use waypost_engine::flow::stage::Group;
use waypost_engine::model::Duration;
use waypost_engine::watch::degrade::{DegradeConfig, Marks};
use waypost_sheets::Endpoints;
use waypost_sheets::client::SETTLED_AFTER;
use waypost_store::DatabaseUrl;
use waypost_store::owner::STALE_AFTER;

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

/// The HTTP side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to listen on. Loopback unless `allow_remote` is set.
    pub listen: SocketAddr,
    /// Listen beyond loopback. Put a TLS proxy in front before you do.
    pub allow_remote: bool,
    /// The address people type, when a proxy is in front; for the Origin check and links.
    pub public_url: Option<String>,
    /// Largest JSON body accepted, in bytes.
    pub json_bytes_max: usize,
    /// Largest file accepted, in bytes.
    pub blob_bytes_max: usize,
    /// Requests worked on at once; further ones wait.
    pub requests_max: usize,
    /// Longest a request may take, in seconds.
    pub request_timeout_s: u64,
    /// Longest that a shutdown waits for work in progress, in seconds.
    pub shutdown_s: u64,
}

/// Which database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// A PostgreSQL database, `postgres://user:password@host:5432/database`. Without it the
    /// database is an SQLite file in `data_dir`, where files and keys are in both cases.
    pub url: Option<DatabaseUrl>,
    /// How long another process that has the database may be silent before this one takes its place, in
    /// seconds. The same for all that share one.
    pub stale_s: u64,
}

/// How we appear to WhatsApp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whatsapp {
    /// Client version sent to WhatsApp. A stale one is the likeliest outage: raise it when
    /// accounts report `client_outdated`.
    pub version: ClientVersion,
    /// The name shown on the phone under linked devices.
    pub device_name: String,
    /// Where WhatsApp is. Only a loopback address may be set here, and only a build for the
    /// simulator accepts what it finds there.
    pub url: Option<String>,
    /// Messages of one account accepted but not yet processed before its connection is closed,
    /// so that WhatsApp keeps the rest.
    pub backlog_max: usize,
}

/// A client version, written `2.3000.1042742319`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientVersion(pub u32, pub u32, pub u32);

/// Linking accounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// How long a QR code may wait for a scan before it is made anew, in seconds (10 to 160), as
    /// long as nothing better was learned.
    pub window_s: u64,
    /// How the window is learned from earlier scans.
    pub strategy: Strategy,
    /// How often it is made anew before falling back to a pairing code (0 to 10).
    pub regenerations_max: u8,
    /// Links in progress at once.
    pub at_once: usize,
    /// Connections of all accounts being opened at once, whenever that is.
    pub connects_at_once: usize,
    /// Connections of all accounts dialled in any one second.
    pub connects_per_second: u32,
}

impl Link {
    /// How connections may open.
    #[must_use]
    pub fn waves(&self) -> WaveConfig {
        WaveConfig {
            at_once: self.connects_at_once,
            per_second: self.connects_per_second,
        }
    }
}

/// Proof that connections live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Liveness {
    /// Nothing heard on a connection for so many milliseconds: ask it.
    pub check_ms: u64,
    /// How many milliseconds the answer may take. Two that do not come end the connection.
    pub answer_ms: u64,
    /// Nothing delivered or accepted for so many milliseconds: prove it with a message to the
    /// account's own phone that nobody sees.
    pub stale_ms: u64,
}

impl Liveness {
    /// As the engine takes it.
    #[must_use]
    pub fn timings(&self) -> LivenessConfig {
        let answer = Duration::millis(self.answer_ms);
        let (check, stale) = (
            Duration::millis(self.check_ms),
            Duration::millis(self.stale_ms),
        );
        let default = LivenessConfig::default();
        LivenessConfig {
            check,
            answer,
            stale,
            round_trip_gap: default
                .round_trip_gap
                .min(Duration(stale.0.saturating_mul(3))),
            round_trip_answer: Duration(answer.0.saturating_mul(2)),
            // Shorter checks, as in a rehearsal, shorten what hangs on them.
            unreadable_grace: default
                .unreadable_grace
                .min(Duration(check.0.saturating_mul(2))),
            ..default
        }
    }
}

/// Bringing accounts back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// Wait before the first try of a connection, in milliseconds; doubled each time.
    pub backoff_ms: u64,
    /// Longest such wait, in milliseconds.
    pub backoff_max_ms: u64,
    /// Tries with the same session before it is read anew and the client rebuilt.
    pub tries: u32,
    /// Errors after these that open an account's breaker.
    pub breaker_errors: u32,
    /// How long it stays open, each time after the other, in seconds; the last one repeats.
    pub cooldowns_s: [u64; 4],
}

impl Recovery {
    /// As the engine takes it.
    #[must_use]
    pub fn patience(&self) -> ConnectConfig {
        ConnectConfig {
            backoff_base: Duration::millis(self.backoff_ms),
            backoff_cap: Duration::millis(self.backoff_max_ms),
            tries_max: self.tries,
            breaker: BreakerConfig {
                errors_max: self.breaker_errors,
                cooldowns: self.cooldowns_s.map(Duration::secs),
            },
        }
    }
}

/// Messages that never came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gaps {
    /// How many milliseconds a message that is named or unreadable may take to come by itself.
    pub settle_ms: u64,
    /// How many milliseconds the phone may take to answer.
    pub answer_ms: u64,
    /// Milliseconds between two questions of one account.
    pub pause_ms: u64,
    /// Milliseconds before a hole is asked for a second time; each further wait is six times as long.
    pub retry_ms: u64,
    /// Milliseconds that the next piece of the history may take after a link.
    pub history_ms: u64,
}

impl Gaps {
    /// As the engine takes it.
    #[must_use]
    pub fn waits(&self) -> GapsConfig {
        GapsConfig {
            settle: Duration::millis(self.settle_ms),
            answer: Duration::millis(self.answer_ms),
            pause: Duration::millis(self.pause_ms),
            retry: Duration::millis(self.retry_ms),
            history: Duration::millis(self.history_ms),
        }
    }
}

/// Accounts' proxies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxies {
    /// A proxy through which nothing was opened for so many milliseconds is tried; 0 tries none.
    pub check_ms: u64,
    /// Milliseconds before one that failed is tried again; doubled each time, up to `check_ms`.
    pub again_ms: u64,
}

impl Proxies {
    /// As the engine takes it.
    #[must_use]
    pub fn waits(&self) -> ProxyWatchConfig {
        ProxyWatchConfig {
            every: (self.check_ms > 0).then_some(Duration::millis(self.check_ms)),
            again: Duration::millis(self.again_ms),
        }
    }
}

/// The flow of messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Conversations of one account worked on at once.
    pub parallel: usize,
    /// Answers by rules in one conversation within a minute; then they fall silent there, so that two
    /// programs do not answer each other for ever. Beyond 64 they never do.
    pub answers_per_minute: u32,
}

/// The parts that messages go through, as long as nobody switches them while the program runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// Stages and parts that are off, by their names.
    pub off: Vec<String>,
    /// Whether the start and the stages of every message are told as events too.
    pub stage_events: Switch,
    /// Whether messages that the account's owner writes on another device are read.
    pub own: Switch,
    /// Whether messages that come with the history are read.
    pub history: Switch,
}

impl Pipeline {
    /// What is switched.
    pub(crate) fn choice(&self) -> Choice {
        let stages = self.off.iter().filter_map(|name| stage_named(name));
        let parts = self.off.iter().filter_map(|name| name.parse().ok());
        Choice {
            stages: stages.map(|stage| (stage, Switch::Off)).collect(),
            parts: parts.map(|part: Part| (part, Switch::Off)).collect(),
            stage_events: Some(self.stage_events),
            own: Some(self.own),
            history: Some(self.history),
        }
    }

    fn check(&self) -> Result<(), String> {
        for name in &self.off {
            if stage_named(name).is_none() {
                name.parse::<Part>().map_err(|e| e.to_string())?;
            }
        }
        self.choice().switches().map_err(|e| e.to_string())?;
        Ok(())
    }
}

/// Reading what messages say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Insight {
    /// Folder in which it is kept what was learnt from the lists; `models` in `data_dir` without one. The folder
    /// it is in must be there.
    pub models_dir: Option<PathBuf>,
    /// A language model to ask about what is not understood here.
    pub llm: Llm,
}

/// A language model. What is asked is in `waypost_insight::llm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Llm {
    /// Whose interface it speaks. None by default: nobody is asked.
    pub provider: Option<LlmProvider>,
    /// Its address up to and without `/chat/completions` or `/v1/messages`; the provider's own without one.
    pub url: Option<String>,
    /// The name of the model.
    pub model: Option<String>,
    /// A file with the key it wants, if it wants one.
    pub key_file: Option<PathBuf>,
    /// How long an answer may take, in milliseconds; the message waits for it.
    pub timeout_ms: u64,
    /// How often it is asked in a minute at most.
    pub calls_per_minute: u32,
    /// How many characters of a message are sent; what comes after stays here.
    pub max_chars: usize,
}

/// Whose interface a language model speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmProvider {
    /// OpenAI's, `/chat/completions`, which many servers speak.
    Openai,
    /// Anthropic's, `/v1/messages`.
    Anthropic,
}

fn stage_named(name: &str) -> Option<Group> {
    Group::ALL.into_iter().find(|stage| stage.name() == name)
}

/// Sending: safe limits for linked devices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// Messages an account may send at once after a quiet time.
    pub account_burst: u32,
    /// After that, one more every so many milliseconds.
    pub account_gap_ms: u64,
    /// Messages to one recipient at once after a quiet time.
    pub recipient_burst: u32,
    /// After that, one more every so many milliseconds.
    pub recipient_gap_ms: u64,
    /// Messages a day to people who have not written for a day; 0 is no limit.
    pub unasked_per_day: u32,
    /// New chats a day; 0 is no limit.
    pub new_chats_per_day: u32,
    /// Distance between two new chats, in seconds.
    pub new_chat_gap_s: u64,
    /// Whether young accounts get a share of these limits.
    pub warm_up: WarmUp,
    /// Whether a number is asked about before the first message to it.
    pub number_check: NumberCheck,
    /// Whether the other side sees somebody type before a message.
    pub typing: HumanPace,
    /// How long WhatsApp may take to accept a message before we reconnect and send it again, in
    /// seconds.
    pub ack_timeout_s: u64,
}

/// Webhooks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Private networks that webhooks may reach, as CIDR ("127.0.0.0/8"). None by default, so
    /// that nobody can make Waypost call into your network.
    pub allow_private: Vec<ipnet::IpNet>,
    /// Deliveries under way at once.
    pub parallel: usize,
    /// How long an endpoint may take to answer, in seconds.
    pub timeout_s: u64,
}

/// Google Sheets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sheets {
    /// How long rows gather before they go in one call, in milliseconds.
    pub linger_ms: u64,
    /// How long after a call without an answer its rows are looked up, in seconds. Google works
    /// on a call for three minutes at most.
    pub settled_after_s: u64,
    /// For tests: the address of a stand-in for Google on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<String>,
}

impl Sheets {
    /// Where Google is.
    ///
    /// # Errors
    /// When the stand-in is not on this machine.
    pub(crate) fn endpoints(&self) -> Result<Endpoints, waypost_sheets::Error> {
        match &self.stand_in {
            None => Endpoints::google(),
            Some(base) => {
                Endpoints::stand_in(base, &format!("{}/token", base.trim_end_matches('/')))
            }
        }
    }
}

/// Files in messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Files fetched at once.
    pub parallel: usize,
    /// Largest file fetched, in bytes; larger ones stay on WhatsApp's side and say so.
    pub bytes_max: u64,
    /// Days for which the files of messages are kept, with what was read of them. The messages stay.
    pub keep_days: u32,
    /// Read the text of pictures.
    pub ocr: bool,
    /// The program that does (Tesseract).
    pub ocr_program: PathBuf,
    /// In which languages, as Tesseract names them.
    pub ocr_languages: String,
    /// Read PDF, XLSX, CSV, DOCX and text.
    pub documents: bool,
    /// Files read at once, each in a process of its own.
    pub readers: usize,
    /// Memory of one such process, in megabytes of address space.
    pub reader_mb: u64,
    /// Seconds from its arrival for which a message waits for its file to be read, when a rule looks into
    /// files.
    pub wait_s: u64,
    /// The service that writes voice notes down: its address up to and without
    /// `/audio/transcriptions`. None by default: what is said stays here.
    pub speech_url: Option<String>,
    /// The model it is asked for.
    pub speech_model: String,
    /// A file with the key it wants, if it wants one.
    pub speech_key_file: Option<PathBuf>,
    /// Whether it wants WAV (16 kHz) instead of Ogg as it came.
    pub speech_as_wav: bool,
}

/// Fronts for bots that were written for other gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compat {
    /// Answer WAHA's calls, with `/waha` in front of their paths.
    pub waha: bool,
    /// Answer Evolution API's calls, with `/evolution` in front of their paths.
    pub evolution: bool,
}

/// When work is put off because the machine is overloaded. Each figure is two percentages: at the
/// first work is put off, at the second it may be taken up again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// Whether work is put off at all. The load is measured in any case.
    pub shedding: Shedding,
    /// Use of the processors that this process may use.
    pub cpu_percent: [u8; 2],
    /// Use of the memory that this process may use.
    pub memory_percent: [u8; 2],
    /// Requests to the API that failed on our side, within a minute.
    pub errors_percent: [u8; 2],
}

/// Whether work is put off under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shedding {
    /// It is.
    On,
    /// Everything is done at once, however long it takes.
    Off,
}

impl Load {
    /// As the engine takes it.
    #[must_use]
    pub fn marks(&self) -> DegradeConfig {
        let marks = |[shed, recover]: [u8; 2]| Marks {
            shed: shed.into(),
            recover: recover.into(),
        };
        DegradeConfig {
            cpu: marks(self.cpu_percent),
            memory: marks(self.memory_percent),
            errors: marks(self.errors_percent),
        }
    }
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// What is logged, e.g. `info` or `waypost_server=debug,info`.
    pub filter: String,
    /// Text for people or JSON for machines.
    pub format: LogFormat,
}

/// The two forms of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
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

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("waypost-data"),
            store: Store {
                url: None,
                stale_s: STALE_AFTER.as_millis() / 1_000,
            },
            server: Server {
                listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
                allow_remote: false,
                public_url: None,
                json_bytes_max: 1024 * 1024,
                blob_bytes_max: 100 * 1024 * 1024,
                requests_max: 512,
                request_timeout_s: 30,
                shutdown_s: 20,
            },
            whatsapp: Whatsapp {
                version: ClientVersion(2, 3000, 1_042_742_319),
                device_name: "Waypost".into(),
                url: None,
                backlog_max: 5_000,
            },
            link: Link {
                window_s: 120,
                strategy: Strategy::default(),
                regenerations_max: 3,
                at_once: 2,
                connects_at_once: 8,
                connects_per_second: 10,
            },
            liveness: Liveness {
                check_ms: 30_000,
                answer_ms: 10_000,
                stale_ms: 300_000,
            },
            recovery: Recovery {
                backoff_ms: 5_000,
                backoff_max_ms: 60_000,
                tries: 10,
                breaker_errors: 5,
                cooldowns_s: [60, 300, 900, 1_800],
            },
            gaps: Gaps {
                settle_ms: 120_000,
                answer_ms: 60_000,
                pause_ms: 15_000,
                retry_ms: 60_000,
                history_ms: 300_000,
            },
            proxies: Proxies {
                check_ms: 600_000,
                again_ms: 30_000,
            },
            flow: Flow {
                parallel: 16,
                answers_per_minute: ANSWERS_MAX_DEFAULT,
            },
            pipeline: Pipeline {
                off: Vec::new(),
                stage_events: Switch::Off,
                own: Switch::Off,
                history: Switch::Off,
            },
            insight: Insight {
                models_dir: None,
                llm: Llm {
                    provider: None,
                    url: None,
                    model: None,
                    key_file: None,
                    timeout_ms: 2_000,
                    calls_per_minute: 60,
                    max_chars: 2_000,
                },
            },
            send: Send {
                account_burst: 30,
                account_gap_ms: 250,
                recipient_burst: 5,
                recipient_gap_ms: 500,
                unasked_per_day: caution::UNASKED_PER_DAY,
                new_chats_per_day: caution::NEW_CHATS_PER_DAY,
                new_chat_gap_s: caution::NEW_CHAT_GAP.as_millis() / 1_000,
                warm_up: WarmUp::default(),
                number_check: NumberCheck::default(),
                typing: HumanPace::default(),
                ack_timeout_s: 20,
            },
            webhooks: Webhooks {
                allow_private: Vec::new(),
                parallel: 16,
                timeout_s: 15,
            },
            sheets: Sheets {
                linger_ms: 1_000,
                settled_after_s: SETTLED_AFTER.as_millis() / 1_000,
                stand_in: None,
            },
            media: Media {
                parallel: 4,
                bytes_max: 100 * 1024 * 1024,
                keep_days: 365,
                ocr: true,
                ocr_program: "/usr/bin/tesseract".into(),
                ocr_languages: "eng+ara".into(),
                documents: true,
                readers: 2,
                reader_mb: 1_024,
                wait_s: 30,
                speech_url: None,
                speech_model: "whisper-1".into(),
                speech_key_file: None,
                speech_as_wav: true,
            },
            compat: Compat {
                waha: false,
                evolution: false,
            },
            load: Load {
                shedding: Shedding::On,
                cpu_percent: [80, 50],
                memory_percent: [85, 70],
                errors_percent: [30, 10],
            },
            log: Log {
                filter: "info".into(),
                format: LogFormat::Text,
            },
        }
    }
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

    fn check(&self) -> Result<(), ConfigError> {
        let bad = |key: &str, problem: String| {
            Err(ConfigError::Key {
                origin: "settings".into(),
                key: key.into(),
                problem,
            })
        };
        let between = |key: &str, value: u64, low: u64, high: u64| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            bad(key, format!("{value} is out of range; use {low} to {high}"))
        };
        if !self.server.listen.ip().is_loopback() && !self.server.allow_remote {
            return bad(
                "server.listen",
                format!(
                    "{} is reachable from other machines; set server.allow_remote = true and put \
                     a TLS proxy in front, or use 127.0.0.1",
                    self.server.listen
                ),
            );
        }
        between("store.stale_s", self.store.stale_s, 3, 3_600)?;
        between("link.window_s", self.link.window_s, 10, 160)?;
        between(
            "link.regenerations_max",
            self.link.regenerations_max.into(),
            0,
            10,
        )?;
        between("link.at_once", self.link.at_once as u64, 1, 100)?;
        between(
            "link.connects_at_once",
            self.link.connects_at_once as u64,
            1,
            1_000,
        )?;
        let per_second = self.link.connects_per_second;
        between("link.connects_per_second", per_second.into(), 1, 1_000)?;
        between("liveness.check_ms", self.liveness.check_ms, 100, 300_000)?;
        between("liveness.answer_ms", self.liveness.answer_ms, 100, 60_000)?;
        between("liveness.stale_ms", self.liveness.stale_ms, 100, 3_600_000)?;
        between("recovery.backoff_ms", self.recovery.backoff_ms, 10, 60_000)?;
        let backoff_max_ms = self.recovery.backoff_max_ms;
        between("recovery.backoff_max_ms", backoff_max_ms, 10, 3_600_000)?;
        between("recovery.tries", self.recovery.tries.into(), 1, 1_000)?;
        let errors = self.recovery.breaker_errors;
        between("recovery.breaker_errors", errors.into(), 1, 1_000)?;
        for cooldown in self.recovery.cooldowns_s {
            between("recovery.cooldowns_s", cooldown, 1, 86_400)?;
        }
        between("gaps.settle_ms", self.gaps.settle_ms, 100, 3_600_000)?;
        between("gaps.answer_ms", self.gaps.answer_ms, 100, 600_000)?;
        between("gaps.pause_ms", self.gaps.pause_ms, 100, 3_600_000)?;
        between("gaps.retry_ms", self.gaps.retry_ms, 100, 3_600_000)?;
        between("gaps.history_ms", self.gaps.history_ms, 100, 86_400_000)?;
        if self.proxies.check_ms > 0 {
            between("proxies.check_ms", self.proxies.check_ms, 1_000, 86_400_000)?;
        }
        between("proxies.again_ms", self.proxies.again_ms, 1_000, 3_600_000)?;
        for (key, [shed, recover]) in [
            ("load.cpu_percent", self.load.cpu_percent),
            ("load.memory_percent", self.load.memory_percent),
            ("load.errors_percent", self.load.errors_percent),
        ] {
            between(key, shed.into(), 1, 100)?;
            if recover >= shed {
                return bad(
                    key,
                    format!(
                        "{recover} must be below {shed}, or work would be put off and taken up in turn"
                    ),
                );
            }
        }
        between("flow.parallel", self.flow.parallel as u64, 1, 1_024)?;
        between(
            "flow.answers_per_minute",
            self.flow.answers_per_minute.into(),
            1,
            1_000_000,
        )?;
        if let Err(problem) = self.pipeline.check() {
            return bad("pipeline.off", problem);
        }
        let llm = &self.insight.llm;
        if llm.provider.is_some() && llm.model.as_deref().is_none_or(str::is_empty) {
            return bad("insight.llm.model", "name the model to ask".into());
        }
        between("insight.llm.timeout_ms", llm.timeout_ms, 100, 30_000)?;
        let calls = llm.calls_per_minute;
        between("insight.llm.calls_per_minute", calls.into(), 1, 10_000)?;
        between("insight.llm.max_chars", llm.max_chars as u64, 1, 4_000)?;
        between(
            "send.account_burst",
            self.send.account_burst.into(),
            1,
            100_000,
        )?;
        between("send.account_gap_ms", self.send.account_gap_ms, 0, 600_000)?;
        between(
            "send.recipient_burst",
            self.send.recipient_burst.into(),
            1,
            100_000,
        )?;
        between(
            "send.recipient_gap_ms",
            self.send.recipient_gap_ms,
            0,
            600_000,
        )?;
        between("send.new_chat_gap_s", self.send.new_chat_gap_s, 0, 86_400)?;
        between("send.ack_timeout_s", self.send.ack_timeout_s, 5, 600)?;
        between("webhooks.parallel", self.webhooks.parallel as u64, 1, 1_024)?;
        between("webhooks.timeout_s", self.webhooks.timeout_s, 1, 120)?;
        between("sheets.linger_ms", self.sheets.linger_ms, 0, 600_000)?;
        let settled_after_s = self.sheets.settled_after_s;
        match &self.sheets.stand_in {
            // Sooner than Google is done, a row that is not there yet could be written twice.
            None => between(
                "sheets.settled_after_s",
                settled_after_s,
                SETTLED_AFTER.as_millis() / 1_000,
                3_600,
            )?,
            Some(_) => between("sheets.settled_after_s", settled_after_s, 0, 3_600)?,
        }
        if let Err(error) = self.sheets.endpoints() {
            return bad("sheets.stand_in", error.to_string());
        }
        between("media.parallel", self.media.parallel as u64, 1, 64)?;
        between(
            "media.keep_days",
            u64::from(self.media.keep_days),
            1,
            36_500,
        )?;
        between("media.readers", self.media.readers as u64, 1, 2)?;
        between("media.reader_mb", self.media.reader_mb, 256, 8_192)?;
        between("media.wait_s", self.media.wait_s, 0, 600)?;
        between(
            "server.json_bytes_max",
            self.server.json_bytes_max as u64,
            1_024,
            1 << 26,
        )?;
        between(
            "server.blob_bytes_max",
            self.server.blob_bytes_max as u64,
            1_024,
            1 << 31,
        )?;
        between(
            "server.requests_max",
            self.server.requests_max as u64,
            1,
            100_000,
        )?;
        between(
            "server.request_timeout_s",
            self.server.request_timeout_s,
            1,
            600,
        )?;
        between("server.shutdown_s", self.server.shutdown_s, 1, 600)?;
        between(
            "whatsapp.backlog_max",
            self.whatsapp.backlog_max as u64,
            100,
            1_000_000,
        )
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

impl std::fmt::Display for ClientVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Serialize for ClientVersion {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ClientVersion {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let parts: Vec<u32> = text
            .split('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| wrong_version(&text))?;
        match parts[..] {
            [a, b, c] => Ok(Self(a, b, c)),
            _ => Err(wrong_version(&text)),
        }
    }
}

fn wrong_version<E: serde::de::Error>(text: &str) -> E {
    E::custom(format!(
        "'{text}' is not a version; write three numbers like 2.3000.1042742319"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Config::from_toml(text).map_or_else(|e| e.to_string(), |_| "accepted".into())
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        assert_eq!(Config::from_toml("").unwrap(), Config::default());
    }

    #[test]
    fn the_defaults_are_the_engines() {
        let config = Config::default();
        assert_eq!(config.liveness.timings(), LivenessConfig::default());
        assert_eq!(config.recovery.patience(), ConnectConfig::default());
        assert_eq!(config.gaps.waits(), GapsConfig::default());
        assert_eq!(config.proxies.waits(), ProxyWatchConfig::default());
    }

    #[test]
    fn the_documented_file_lists_every_key_with_its_default() {
        let documented = include_str!("../../../docs/waypost.toml");
        assert_eq!(Config::from_toml(documented).unwrap(), Config::default());
        let shown: toml::Table = documented
            .lines()
            .map(uncomment)
            .collect::<String>()
            .parse()
            .unwrap();
        let all = toml::Table::try_from(Config::default()).unwrap();
        all_shown(&shown, &all, "");
    }

    fn all_shown(shown: &toml::Table, all: &toml::Table, within: &str) {
        for (key, value) in all {
            let name = format!("{within}{key}");
            let found = shown.get(key);
            assert!(found.is_some(), "{name} is not documented");
            if let (Some(found), Some(keys)) =
                (found.and_then(toml::Value::as_table), value.as_table())
            {
                all_shown(found, keys, &format!("{name}."));
            }
        }
    }

    /// Optional keys stand in the documented file as `#key = value`.
    fn uncomment(line: &str) -> String {
        let bare = line
            .strip_prefix('#')
            .filter(|l| !l.starts_with(' '))
            .unwrap_or(line);
        format!("{bare}\n")
    }

    #[test]
    fn a_mistake_is_named_with_its_key() {
        let check = |text: &str, parts: &[&str]| {
            let said = refusal(text);
            for part in parts {
                assert!(
                    said.contains(part),
                    "{text:?} was answered with {said:?}, without {part:?}"
                );
            }
        };
        check(
            "[server]\nlisten_on = 3",
            &["server.listen_on", "no such setting"],
        );
        check("[link]\nwindow_s = \"long\"", &["link.window_s"]);
        check("[link]\nwindow_s = 500", &["link.window_s", "10 to 160"]);
        check(
            "[whatsapp]\nversion = \"new\"",
            &["whatsapp.version", "2.3000"],
        );
        check(
            "[webhooks]\nallow_private = [\"everything\"]",
            &["webhooks.allow_private"],
        );
        check(
            "[server]\nlisten = \"0.0.0.0:80\"",
            &["server.listen", "allow_remote"],
        );
        check(
            "[pipeline]\noff = [\"sentimental\"]",
            &["pipeline.off", "sentimental", "sentiment,"],
        );
        check(
            "[pipeline]\noff = [\"ordering\"]",
            &["pipeline.off", "always runs"],
        );
        check(
            "[insight.llm]\nprovider = \"openai\"",
            &["insight.llm.model", "name the model"],
        );
        check(
            "[insight.llm]\ntimeout_ms = 60000",
            &["insight.llm.timeout_ms", "100 to 30000"],
        );
        check(
            "[insight.llm]\nprovider = \"oracle\"",
            &["insight.llm.provider"],
        );
        check(
            "[store]\nurl = \"mysql://db/waypost\"",
            &["store.url", "postgres://"],
        );
    }

    #[test]
    fn settings_are_printed_without_the_databases_password() {
        let text = "[store]\nurl = \"postgres://ana:hunter2@db/waypost\"";
        let config = Config::from_toml(text).unwrap();
        let printed = format!("{config:?} {}", toml::to_string(&config).unwrap());
        assert!(printed.contains("postgres://db:5432/waypost"), "{printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
        let said = refusal(&text.replace("db/waypost", "db:x/waypost"));
        assert!(
            said.contains("store.url") && !said.contains("hunter2"),
            "{said}"
        );
    }

    #[test]
    fn listening_elsewhere_needs_a_second_word() {
        let text = "[server]\nlisten = \"0.0.0.0:80\"\nallow_remote = true";
        assert_eq!(refusal(text), "accepted");
    }

    #[test]
    fn a_named_file_that_is_missing_is_an_error() {
        let said = Config::load(Some(Path::new("nowhere.toml")))
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("nowhere.toml") && said.contains("--config"),
            "{said}"
        );
    }
}
