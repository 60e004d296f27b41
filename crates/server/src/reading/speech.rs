//! Speech written down by a service with OpenAI's interface, such as the server of whisper.cpp.

use crate::config::Media;
use crate::remote::{self, Key, body};
use anyhow::Result;
use async_trait::async_trait;
use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use std::time::Duration;
use url::Url;
use waypost_media::limits::AUDIO_TIME;
use waypost_media::speech::{Recording, SpeechError, SpeechToText, Transcript};

/// How long connecting may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Characters of a refusal that are kept.
const REFUSAL_CHARS_MAX: usize = 200;

/// A speech service.
#[derive(Debug)]
pub(super) struct SpeechService {
    client: reqwest::Client,
    url: Url,
    model: String,
    key: Option<Key>,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
    language: Option<String>,
}

impl SpeechService {
    /// The service of the settings, if one is set.
    pub(super) fn from_settings(media: &Media) -> Result<Option<Self>> {
        let Some(base) = &media.speech_url else {
            return Ok(None);
        };
        let client = remote::client()
            .connect_timeout(CONNECT_TIME)
            .timeout(AUDIO_TIME)
            .build()?;
        Ok(Some(Self {
            client,
            url: remote::address("media.speech_url", base, "/audio/transcriptions")?,
            model: media.speech_model.clone(),
            key: Key::of_setting("media.speech_key_file", media.speech_key_file.as_deref())?,
        }))
    }
}

#[async_trait]
impl SpeechToText for SpeechService {
    async fn transcribe(&self, recording: Recording) -> Result<Transcript, SpeechError> {
        let unreachable =
            |error: reqwest::Error| SpeechError::Unreachable(error.without_url().to_string());
        let part = Part::stream(recording.bytes)
            .file_name(recording.file_name)
            .mime_str(recording.mime)
            .map_err(unreachable)?;
        let form = Form::new()
            .part("file", part)
            .text("model", self.model.clone())
            .text("response_format", "json");
        let mut request = self.client.post(self.url.clone()).multipart(form);
        if let Some(Key(key)) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = body(response, ANSWER_BYTES_MAX)
            .await
            .map_err(unreachable)?;
        if !status.is_success() {
            return Err(refusal(status, &body));
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
            SpeechError::Refused("it answered with something else than {\"text\"}".into())
        })?;
        Ok(Transcript {
            text: answer.text.trim().to_owned(),
            language: answer.language,
        })
    }
}

/// What is worth another attempt, and what is not.
fn refusal(status: StatusCode, body: &[u8]) -> SpeechError {
    let text: String = String::from_utf8_lossy(body)
        .chars()
        .filter(|c| !c.is_control())
        .take(REFUSAL_CHARS_MAX)
        .collect();
    let what = format!("{status}: {text}");
    let passing = status.is_server_error()
        || [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::UNAUTHORIZED,
        ]
        .contains(&status);
    if passing {
        SpeechError::Unreachable(what)
    } else {
        SpeechError::Refused(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use wiremock::matchers::{body_string_contains, header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    async fn asked(answer: ResponseTemplate) -> Result<Transcript, SpeechError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/v1/audio/transcriptions"))
            .and(header("authorization", "Bearer secret"))
            .and(body_string_contains("name=\"model\"\r\n\r\nwhisper-1"))
            .and(body_string_contains("filename=\"voice.wav\""))
            .and(body_string_contains("RIFFsound"))
            .respond_with(answer)
            .mount(&server)
            .await;
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        std::fs::write(&key, "secret\n").unwrap();
        let media = Media {
            speech_url: Some(format!("{}/v1/", server.uri())),
            speech_key_file: Some(key),
            ..Config::default().media
        };
        let service = SpeechService::from_settings(&media).unwrap().unwrap();
        assert!(!format!("{service:?}").contains("secret"));
        let recording = Recording {
            bytes: "RIFFsound".into(),
            mime: "audio/wav",
            file_name: "voice.wav",
        };
        service.transcribe(recording).await
    }

    #[tokio::test]
    async fn a_recording_is_sent_as_openai_wants_it_and_its_words_come_back() {
        let answer = ResponseTemplate::new(200)
            .set_body_json(serde_json::json!({ "text": " Call me at five. " }));
        assert_eq!(asked(answer).await.unwrap().text, "Call me at five.");
    }

    #[tokio::test]
    async fn a_busy_service_is_asked_again_and_a_refusal_is_final() {
        let busy = asked(ResponseTemplate::new(503)).await.unwrap_err();
        assert!(matches!(busy, SpeechError::Unreachable(_)), "{busy}");
        let refused = asked(ResponseTemplate::new(400).set_body_string("too quiet"))
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("too quiet"), "{refused}");
    }
}
