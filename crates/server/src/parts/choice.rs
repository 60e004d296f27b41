//! What somebody switched: in the settings, or later.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use waypost_engine::flow::parts::{Fixed, Part, Switch, Switches};
use waypost_engine::flow::stage::Group;

/// What is switched. What is not mentioned stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Choice {
    /// Whole stages.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) stages: BTreeMap<Group, Switch>,
    /// Single parts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parts: BTreeMap<Part, Switch>,
    /// Events about the start and the stages of each message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stage_events: Option<Switch>,
    /// Reading what the account's owner writes elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) own: Option<Switch>,
    /// Reading what comes with the history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) history: Option<Switch>,
}

impl Choice {
    /// Adds what was switched later.
    pub(super) fn overlay(&mut self, later: &Self) {
        self.stages.extend(&later.stages);
        self.parts.extend(&later.parts);
        self.stage_events = later.stage_events.or(self.stage_events);
        self.own = later.own.or(self.own);
        self.history = later.history.or(self.history);
    }

    /// The switches as the engine takes them.
    ///
    /// # Errors
    /// When something would be switched off that always runs.
    pub(crate) fn switches(&self) -> Result<Switches, Fixed> {
        let mut switches = Switches::default();
        for (stage, to) in &self.stages {
            switches.stage(*stage, *to)?;
        }
        for (part, to) in &self.parts {
            switches.part(*part, *to)?;
        }
        Ok(switches)
    }
}
