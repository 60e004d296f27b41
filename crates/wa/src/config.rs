//! How the channel is set up.

use crate::limits::{EVENTS_MAX, IN_FLIGHT_MAX};

/// What to do with the history a phone offers to a new device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HistoryPolicy {
    /// Take what the phone sends: stored and marked, never acted on.
    #[default]
    Take,
    /// Acknowledge it without fetching it.
    Skip,
}

/// Settings shared by all connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelConfig {
    /// Where to connect instead of WhatsApp. Only `ws://` on a loopback address is accepted, and a
    /// build that trusts any certificate chain (feature `sim`) connects nowhere else.
    pub url: Option<String>,
    /// The protocol version shown to WhatsApp. A stale one is refused (`ClientOutdated`).
    pub version: (u32, u32, u32),
    /// What the phone shows in its list of linked devices. It has no say over pairing codes, whose
    /// display name WhatsApp limits to known systems.
    pub device_name: String,
    /// What to do with history.
    pub history: HistoryPolicy,
    /// See [`IN_FLIGHT_MAX`].
    pub in_flight_max: usize,
    /// See [`EVENTS_MAX`].
    pub events_max: usize,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            url: None,
            version: (2, 3000, 1_026_131_876),
            device_name: "Waypost".to_owned(),
            history: HistoryPolicy::Take,
            in_flight_max: IN_FLIGHT_MAX,
            events_max: EVENTS_MAX,
        }
    }
}
