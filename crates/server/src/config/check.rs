//! Values out of range, and values that do not go together.

use super::{
    Config, ConfigError, Flow, Gaps, Insight, Link, Liveness, Load, Media, Proxies, Recovery, Send,
    Server, Sheets, Webhooks,
};
use std::ops::RangeInclusive;
use waypost_sheets::client::SETTLED_AFTER;

type Checked = Result<(), ConfigError>;
/// A key, its value, and the values that it may have.
type Ranged<'a> = (&'a str, u64, RangeInclusive<u64>);

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 86_400_000;
const HOUR_S: u64 = 3_600;
const DAY_S: u64 = 86_400;

fn bad(key: &str, problem: String) -> Checked {
    Err(ConfigError::Key {
        origin: "settings".into(),
        key: key.into(),
        problem,
    })
}

fn within<const N: usize>(all: [Ranged<'_>; N]) -> Checked {
    for (key, value, range) in all {
        if !range.contains(&value) {
            let (low, high) = range.into_inner();
            return bad(key, format!("{value} is out of range; use {low} to {high}"));
        }
    }
    Ok(())
}

impl Config {
    /// # Errors
    /// Names the first key that is wrong, and what it may be.
    pub(super) fn check(&self) -> Checked {
        server(&self.server)?;
        let backlog_max = self.whatsapp.backlog_max as u64;
        within([
            ("store.stale_s", self.store.stale_s, 3..=HOUR_S),
            ("whatsapp.backlog_max", backlog_max, 100..=1_000_000),
        ])?;
        link(&self.link)?;
        liveness(&self.liveness)?;
        recovery(&self.recovery)?;
        gaps(&self.gaps)?;
        proxies(&self.proxies)?;
        load(&self.load)?;
        flow(&self.flow)?;
        if let Err(problem) = self.pipeline.check() {
            return bad("pipeline.off", problem);
        }
        insight(&self.insight)?;
        send(&self.send)?;
        webhooks(&self.webhooks)?;
        sheets(&self.sheets)?;
        media(&self.media)
    }
}

fn server(it: &Server) -> Checked {
    if !it.listen.ip().is_loopback() && !it.allow_remote {
        return bad(
            "server.listen",
            format!(
                "{} is reachable from other machines; set server.allow_remote = true and put a TLS \
                 proxy in front, or use 127.0.0.1",
                it.listen
            ),
        );
    }
    let (json, blob) = (it.json_bytes_max as u64, it.blob_bytes_max as u64);
    within([
        ("server.json_bytes_max", json, 1_024..=1 << 26),
        ("server.blob_bytes_max", blob, 1_024..=1 << 31),
        ("server.requests_max", it.requests_max as u64, 1..=100_000),
        ("server.request_timeout_s", it.request_timeout_s, 1..=600),
        ("server.shutdown_s", it.shutdown_s, 1..=600),
    ])
}

fn link(it: &Link) -> Checked {
    let (at_once, per_second) = (it.connects_at_once as u64, it.connects_per_second.into());
    within([
        ("link.window_s", it.window_s, 10..=160),
        (
            "link.regenerations_max",
            it.regenerations_max.into(),
            0..=10,
        ),
        ("link.at_once", it.at_once as u64, 1..=100),
        ("link.connects_at_once", at_once, 1..=1_000),
        ("link.connects_per_second", per_second, 1..=1_000),
    ])
}

fn liveness(it: &Liveness) -> Checked {
    within([
        ("liveness.check_ms", it.check_ms, 100..=5 * MINUTE_MS),
        ("liveness.answer_ms", it.answer_ms, 100..=MINUTE_MS),
        ("liveness.stale_ms", it.stale_ms, 100..=HOUR_MS),
    ])
}

fn recovery(it: &Recovery) -> Checked {
    within([
        ("recovery.backoff_ms", it.backoff_ms, 10..=MINUTE_MS),
        ("recovery.backoff_max_ms", it.backoff_max_ms, 10..=HOUR_MS),
        ("recovery.tries", it.tries.into(), 1..=1_000),
        (
            "recovery.breaker_errors",
            it.breaker_errors.into(),
            1..=1_000,
        ),
    ])?;
    within(
        it.cooldowns_s
            .map(|cooldown| ("recovery.cooldowns_s", cooldown, 1..=DAY_S)),
    )
}

fn gaps(it: &Gaps) -> Checked {
    within([
        ("gaps.settle_ms", it.settle_ms, 100..=HOUR_MS),
        ("gaps.answer_ms", it.answer_ms, 100..=10 * MINUTE_MS),
        ("gaps.pause_ms", it.pause_ms, 100..=HOUR_MS),
        ("gaps.retry_ms", it.retry_ms, 100..=HOUR_MS),
        ("gaps.history_ms", it.history_ms, 100..=DAY_MS),
    ])
}

fn proxies(it: &Proxies) -> Checked {
    // Zero tries none.
    if it.check_ms > 0 {
        within([("proxies.check_ms", it.check_ms, 1_000..=DAY_MS)])?;
    }
    within([("proxies.again_ms", it.again_ms, 1_000..=HOUR_MS)])
}

fn load(it: &Load) -> Checked {
    for (key, [shed, recover]) in [
        ("load.cpu_percent", it.cpu_percent),
        ("load.memory_percent", it.memory_percent),
        ("load.errors_percent", it.errors_percent),
    ] {
        within([(key, shed.into(), 1..=100)])?;
        if recover >= shed {
            return bad(
                key,
                format!(
                    "{recover} must be below {shed}, or work would be put off and taken up in turn"
                ),
            );
        }
    }
    Ok(())
}

fn flow(it: &Flow) -> Checked {
    let answers = it.answers_per_minute.into();
    within([
        ("flow.parallel", it.parallel as u64, 1..=1_024),
        ("flow.answers_per_minute", answers, 1..=1_000_000),
    ])
}

fn insight(it: &Insight) -> Checked {
    let llm = &it.llm;
    if llm.provider.is_some() && llm.model.as_deref().is_none_or(str::is_empty) {
        return bad("insight.llm.model", "name the model to ask".into());
    }
    let calls = llm.calls_per_minute.into();
    within([
        ("insight.llm.timeout_ms", llm.timeout_ms, 100..=30_000),
        ("insight.llm.calls_per_minute", calls, 1..=10_000),
        ("insight.llm.max_chars", llm.max_chars as u64, 1..=4_000),
    ])
}

fn send(it: &Send) -> Checked {
    within([
        ("send.account_burst", it.account_burst.into(), 1..=100_000),
        ("send.account_gap_ms", it.account_gap_ms, 0..=10 * MINUTE_MS),
        (
            "send.recipient_burst",
            it.recipient_burst.into(),
            1..=100_000,
        ),
        (
            "send.recipient_gap_ms",
            it.recipient_gap_ms,
            0..=10 * MINUTE_MS,
        ),
        ("send.new_chat_gap_s", it.new_chat_gap_s, 0..=DAY_S),
        ("send.ack_timeout_s", it.ack_timeout_s, 5..=600),
    ])
}

fn webhooks(it: &Webhooks) -> Checked {
    within([
        ("webhooks.parallel", it.parallel as u64, 1..=1_024),
        ("webhooks.timeout_s", it.timeout_s, 1..=120),
    ])
}

fn sheets(it: &Sheets) -> Checked {
    // Sooner than Google is done, a row that is not there yet could be written twice.
    let settled_min = match it.stand_in {
        None => SETTLED_AFTER.as_millis() / 1_000,
        Some(_) => 0,
    };
    within([
        ("sheets.linger_ms", it.linger_ms, 0..=10 * MINUTE_MS),
        (
            "sheets.settled_after_s",
            it.settled_after_s,
            settled_min..=HOUR_S,
        ),
    ])?;
    match it.endpoints() {
        Ok(_) => Ok(()),
        Err(error) => bad("sheets.stand_in", error.to_string()),
    }
}

fn media(it: &Media) -> Checked {
    within([
        ("media.parallel", it.parallel as u64, 1..=64),
        ("media.keep_days", it.keep_days.into(), 1..=36_500),
        ("media.readers", it.readers as u64, 1..=2),
        ("media.reader_mb", it.reader_mb, 256..=8_192),
        ("media.wait_s", it.wait_s, 0..=600),
    ])
}
