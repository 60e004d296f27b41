//! What is in a file: read in a walled process, spoken words written down by a service, and what the
//! text says found by our own analyser.

mod speech;

use crate::config::{Config, Media};
use crate::insight::{ZONE_DEFAULT, analyzer, zone};
use crate::models::Models;
use anyhow::Result;
use bytes::Bytes;
use serde_json::{Value, json};
use speech::SpeechService;
use std::sync::Arc;
use waypost_engine::model::{MessageId, Timestamp};
use waypost_insight::Input;
use waypost_media::ocr::OcrOptions;
use waypost_media::pictures::{Look, SAME_MIN};
use waypost_media::speech::{Recording, SpeechError, SpeechToText};
use waypost_media::worker::{Workers, WorkersConfig};
use waypost_media::{Format, Kind, ReadError};
use waypost_store::readings::{FileText, KnownLook};

/// This program, as it was when it was started, even when its file was replaced since.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// How reading processes are started: this program again, behind walls.
#[must_use]
pub fn workers_config(media: &Media) -> WorkersConfig {
    WorkersConfig {
        ocr: media.ocr.then(|| OcrOptions {
            program: media.ocr_program.clone(),
            languages: media.ocr_languages.clone(),
        }),
        documents: media.documents,
        parallel: media.readers,
        memory: media.reader_mb * 1024 * 1024,
        ..WorkersConfig::new(THIS_PROGRAM.into())
    }
}

/// What may become of a file.
#[derive(Debug)]
pub(crate) enum Read {
    /// It was read.
    Done(Box<FileText>),
    /// It is not to be read: the settings say so.
    Skipped(String),
    /// It cannot be read.
    Failed(String),
    /// It may be read another time.
    Later(String),
}

/// Reads files.
#[derive(Debug)]
pub(crate) struct Reader {
    workers: Workers,
    documents: bool,
    speech: Option<Arc<dyn SpeechToText>>,
    as_wav: bool,
    models: Arc<Models>,
}

impl Reader {
    /// From the settings.
    ///
    /// # Errors
    /// When the speech service's key cannot be read, or its address is none.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let media = &config.media;
        Ok(Self {
            workers: Workers::new(workers_config(media)),
            documents: media.documents,
            speech: SpeechService::from_settings(media)?
                .map(|s| Arc::new(s) as Arc<dyn SpeechToText>),
            as_wav: media.speech_as_wav,
            models: Arc::new(Models::new(config)),
        })
    }

    /// Reads a file that came with a message sent at `sent_at`.
    pub(crate) async fn read(&self, file: Bytes, name: Option<&str>, sent_at: Timestamp) -> Read {
        let read = match Format::guess(&file, name).kind() {
            Some(Kind::Audio) if self.speech.is_none() => {
                return Read::Skipped("no speech service is set; see media.speech_url".into());
            }
            Some(Kind::Document) if !self.documents => {
                return Read::Skipped("documents are not read; see media.documents".into());
            }
            Some(Kind::Audio) => self.listen(file).await,
            _ => self.look(file, name).await,
        };
        match read {
            // A long document takes a while, and the first seconds more.
            Ok(text) => {
                let models = Arc::clone(&self.models);
                let understood = move || understand(text, sent_at, &models);
                match tokio::task::spawn_blocking(understood).await {
                    Ok(text) => Read::Done(Box::new(text)),
                    Err(error) => {
                        Read::Failed(format!("what it says broke the analyser ({error})"))
                    }
                }
            }
            Err(trouble) => trouble,
        }
    }

    async fn look(&self, file: Bytes, name: Option<&str>) -> Result<FileText, Read> {
        let (answer, thumbnail) = self.workers.read(file, name).await.map_err(trouble)?;
        let reading = answer.reading;
        let picture = reading.picture;
        Ok(FileText {
            text: plain(&reading.text),
            tables: (!reading.tables.is_empty()).then(|| json!(reading.tables)),
            truncated: reading.truncated,
            confidence: reading.confidence,
            size: picture.as_ref().map(|p| (p.width, p.height)),
            look: picture.map(|p| p.look),
            thumbnail: (!thumbnail.is_empty()).then(|| thumbnail.to_vec()),
            ..FileText::default()
        })
    }

    async fn listen(&self, file: Bytes) -> Result<FileText, Read> {
        let Some(speech) = &self.speech else {
            return Err(Read::Skipped("no speech service is set".into()));
        };
        // Decoded here in any case: a file that is no sound goes to nobody.
        let (answer, wav) = self.workers.sound(file.clone()).await.map_err(trouble)?;
        let recording = if self.as_wav || answer.reading.truncated {
            Recording {
                bytes: wav,
                mime: "audio/wav",
                file_name: "voice.wav",
            }
        } else {
            Recording {
                bytes: file,
                mime: "audio/ogg",
                file_name: "voice.ogg",
            }
        };
        let said = speech
            .transcribe(recording)
            .await
            .map_err(|error| match error {
                SpeechError::Unreachable(_) => Read::Later(error.to_string()),
                SpeechError::Refused(_) => Read::Failed(error.to_string()),
            })?;
        Ok(FileText {
            text: plain(&said.text),
            language: said.language,
            truncated: answer.reading.truncated,
            ..FileText::default()
        })
    }
}

fn trouble(error: ReadError) -> Read {
    if error.may_pass() {
        Read::Later(error.to_string())
    } else {
        Read::Failed(error.to_string())
    }
}

/// Without the one character that no database keeps.
fn plain(text: &str) -> String {
    text.replace('\0', "")
}

/// Adds what the text says: values and language.
fn understand(mut found: FileText, sent_at: Timestamp, models: &Models) -> FileText {
    if found.text.is_empty() {
        return found;
    }
    let Ok(analyzer) = analyzer(models) else {
        return found;
    };
    let at = jiff::Timestamp::from_millisecond(sent_at.0).unwrap_or_default();
    let at = at.to_zoned(zone(ZONE_DEFAULT).unwrap_or(jiff::tz::TimeZone::UTC));
    let input = Input {
        text: &found.text,
        at: &at,
        locale: None,
    };
    let analysis = analyzer.analyze(&input).in_characters(&found.text);
    if !analysis.entities.is_empty() {
        found.entities = serde_json::to_value(&analysis.entities)
            .ok()
            .filter(Value::is_array);
    }
    found.language.get_or_insert(analysis.language);
    found
}

/// The earlier message with the same picture, if one of the known looks is the same.
pub(crate) fn same_as(look: &str, known: &[KnownLook]) -> Option<MessageId> {
    let look = Look::from_hex(look)?.prepare();
    let like = |known: &KnownLook| {
        let likeness = Look::from_hex(&known.look)?.prepare().likeness(&look);
        (likeness >= SAME_MIN).then_some((likeness, known.same_as))
    };
    let found = known
        .iter()
        .filter_map(like)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    found.map(|(_, message)| message)
}
