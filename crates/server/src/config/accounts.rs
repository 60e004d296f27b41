//! How accounts are linked, kept alive and brought back.

use serde::{Deserialize, Serialize};
use waypost_engine::fleet::gaps::GapsConfig;
use waypost_engine::fleet::proxy_watch::ProxyWatchConfig;
use waypost_engine::fleet::window::Strategy;
use waypost_engine::fleet::{BreakerConfig, ConnectConfig, LivenessConfig, WaveConfig};
use waypost_engine::model::Duration;

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
