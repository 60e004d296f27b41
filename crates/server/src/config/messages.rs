//! What happens to messages.

use crate::parts::choice::Choice;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use waypost_engine::flow::caution::WarmUp;
use waypost_engine::flow::human::HumanPace;
use waypost_engine::flow::outbox::NumberCheck;
use waypost_engine::flow::parts::{Part, Switch};
use waypost_engine::flow::stage::Group;
use waypost_engine::watch::degrade::{DegradeConfig, Marks};
use waypost_sheets::Endpoints;

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

    pub(super) fn check(&self) -> Result<(), String> {
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
