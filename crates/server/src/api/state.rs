//! What every handler can reach.

use super::ports::Fleet;
use super::status::Meter;
use crate::auth::cookie::Transport;
use crate::auth::throttle::Throttle;
use crate::clock;
use crate::config::{Compat, Config};
use crate::parts::TextParts;
use crate::sheets::Connectors;
use crate::webhooks::guard::Guard;
use crate::webhooks::send::Sender;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use waypost_engine::model::Timestamp;
use waypost_store::Store;

/// The limits of `[server]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Largest JSON body, in bytes.
    pub(crate) json_bytes_max: usize,
    /// Largest file, in bytes.
    pub(crate) blob_bytes_max: usize,
    /// Longest a request may take, transfers of files and event streams excepted.
    pub(crate) request_timeout: Duration,
    /// Requests worked on at once.
    pub(crate) requests_max: usize,
}

struct Shared {
    store: Store,
    fleet: Arc<dyn Fleet>,
    text: Arc<TextParts>,
    limits: Limits,
    public_url: Option<String>,
    compat: Compat,
    throttle: Throttle,
    turns: Arc<Semaphore>,
    meter: Meter,
    sender: Sender,
    sheets: Connectors,
    started_at: Timestamp,
}

/// What every handler can reach. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState")
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

impl AppState {
    /// For the API of this store and fleet.
    #[must_use]
    pub fn new(config: &Config, store: Store, fleet: Arc<dyn Fleet>) -> Self {
        let limits = Limits {
            json_bytes_max: config.server.json_bytes_max,
            blob_bytes_max: config.server.blob_bytes_max,
            request_timeout: Duration::from_secs(config.server.request_timeout_s),
            requests_max: config.server.requests_max,
        };
        // A fleet without any reads no messages; what is asked of the API is still answered.
        let text = fleet.text();
        let text = text.unwrap_or_else(|| Arc::new(TextParts::new(config, store.clone())));
        Self(Arc::new(Shared {
            sheets: Connectors::new(&config.sheets, store.clone()),
            store,
            fleet,
            text,
            limits,
            public_url: config.server.public_url.clone(),
            compat: config.compat,
            throttle: Throttle::default(),
            turns: Arc::new(Semaphore::new(limits.requests_max)),
            meter: Meter::shared(),
            sender: Sender::new(&config.webhooks),
            started_at: clock::now(),
        }))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn fleet(&self) -> &dyn Fleet {
        &*self.0.fleet
    }

    /// What reads messages.
    pub(crate) fn text(&self) -> &Arc<TextParts> {
        &self.0.text
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.0.public_url.as_deref()
    }

    /// Which fronts of other gateways are switched on.
    pub(crate) fn compat(&self) -> Compat {
        self.0.compat
    }

    pub(crate) fn transport(&self) -> Transport {
        match self.public_url() {
            Some(url) if url.starts_with("https://") => Transport::Https,
            _ => Transport::Http,
        }
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    pub(crate) fn turns(&self) -> &Arc<Semaphore> {
        &self.0.turns
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.0.meter
    }

    /// For tests of endpoints.
    pub(crate) fn sender(&self) -> &Sender {
        &self.0.sender
    }

    /// Google Sheets, one connector per connection.
    pub(crate) fn sheets(&self) -> &Connectors {
        &self.0.sheets
    }

    /// Which addresses endpoints may have.
    pub(crate) fn guard(&self) -> &Guard {
        self.0.sender.guard()
    }

    pub(crate) fn started_at(&self) -> Timestamp {
        self.0.started_at
    }
}
