//! The value of every key that nobody sets.

use super::{
    ClientVersion, Compat, Config, Flow, Gaps, Insight, Link, Liveness, Llm, Load, Log, LogFormat,
    Media, Pipeline, Proxies, Recovery, Send, Server, Shedding, Sheets, Store, Webhooks, Whatsapp,
};
use std::net::SocketAddr;
use std::path::PathBuf;
use waypost_engine::fleet::window::Strategy;
use waypost_engine::flow::caution::{self, WarmUp};
use waypost_engine::flow::human::HumanPace;
use waypost_engine::flow::outbox::NumberCheck;
use waypost_engine::flow::parts::Switch;
use waypost_engine::flow::reply::ANSWERS_MAX_DEFAULT;
use waypost_sheets::client::SETTLED_AFTER;
use waypost_store::owner::STALE_AFTER;

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
