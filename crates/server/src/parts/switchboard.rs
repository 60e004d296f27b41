//! Which parts run: the settings, what people switched since, and what the machine bears.

use super::choice::Choice;
use crate::clock;
use std::sync::{Arc, PoisonError, RwLock};
use waypost_engine::flow::parts::{Fixed, Parts, ShedLevel, Switch, Switches};
use waypost_engine::model::event::kind;
use waypost_engine::model::{EventId, NewEvent, Origin, WorkspaceId};
use waypost_store::{Store, StoreError};

/// Under which name the switches are stored.
const SETTING: &str = "pipeline";
/// Version of the data of an event about switches.
const EVENT_VERSION: u16 = 1;

/// Why nothing was switched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SwitchError {
    /// It always runs.
    #[error(transparent)]
    Fixed(#[from] Fixed),
    /// The store could not write it down.
    #[error(transparent)]
    Store(#[from] StoreError),
}

struct Now {
    choice: Choice,
    shed: ShedLevel,
    parts: Arc<Parts>,
}

impl Now {
    fn settle(&mut self) {
        let switches = Switches {
            stages: self.choice.stages.clone(),
            parts: self.choice.parts.clone(),
        };
        self.parts = Arc::new(Parts::effective(&switches, self.shed));
    }
}

/// The switches of this process.
pub(crate) struct Switchboard {
    store: Store,
    /// As the settings file says.
    defaults: Choice,
    now: RwLock<Now>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
}

impl Switchboard {
    pub(super) fn new(defaults: Choice, store: Store) -> Self {
        let mut now = Now {
            choice: defaults.clone(),
            shed: ShedLevel::None,
            parts: Arc::default(),
        };
        now.settle();
        Self {
            store,
            defaults,
            now: RwLock::new(now),
            changing: tokio::sync::Mutex::default(),
        }
    }

    /// Takes over what people switched before this start.
    pub(super) async fn load(&self) -> Result<(), StoreError> {
        let Some(chosen) = self.chosen().await? else {
            return Ok(());
        };
        self.set(|now| {
            let mut choice = self.defaults.clone();
            choice.overlay(&chosen);
            now.choice = choice;
        });
        Ok(())
    }

    /// What people switched, apart from the settings.
    async fn chosen(&self) -> Result<Option<Choice>, StoreError> {
        let stored = self.store.setting(SETTING).await?;
        Ok(stored.and_then(|value| {
            let read = serde_json::from_value(value);
            // Another version may know parts that this one does not.
            read.inspect_err(|error| tracing::warn!(%error, "the stored switches are passed over"))
                .ok()
        }))
    }

    /// Which parts run.
    pub(crate) fn parts(&self) -> Arc<Parts> {
        Arc::clone(&self.read().parts)
    }

    /// What is switched at present.
    pub(crate) fn choice(&self) -> Choice {
        self.read().choice.clone()
    }

    /// How much is shed at present.
    pub(crate) fn shed(&self) -> ShedLevel {
        self.read().shed
    }

    /// Sheds so much from the next message on. Nothing is written down: it says how the machine is.
    pub(crate) fn set_shed(&self, level: ShedLevel) {
        self.set(|now| now.shed = level);
    }

    /// Whether each message's start and stages are told as events.
    pub(crate) fn stage_events(&self) -> bool {
        self.read().choice.stage_events == Some(Switch::On)
    }

    /// Whether messages that came so are read beside the flow: what the account's owner wrote elsewhere, and
    /// history, each where it is switched on.
    pub(crate) fn reads_aside(&self, origin: Origin) -> bool {
        let switch = match origin {
            Origin::Own => self.read().choice.own,
            past if past.is_past() => self.read().choice.history,
            _ => None,
        };
        switch == Some(Switch::On)
    }

    /// Switches, writes it down and tells of it. `who` did it.
    ///
    /// # Errors
    /// When something always runs, and nothing is changed then; or when it cannot be written down.
    pub(crate) async fn change(
        &self,
        workspace: WorkspaceId,
        wanted: &Choice,
        who: &str,
    ) -> Result<(), SwitchError> {
        wanted.switches()?;
        let _one = self.changing.lock().await;
        let mut chosen = self.chosen().await?.unwrap_or_default();
        chosen.overlay(wanted);
        let at = clock::now();
        let event = NewEvent {
            id: self.store.next_id::<EventId>(at),
            workspace,
            account: None,
            conversation: None,
            kind: kind::PIPELINE_CHANGED,
            version: EVENT_VERSION,
            data: serde_json::json!({"changed": wanted, "by": who}),
            at,
        };
        let value = serde_json::to_value(&chosen).map_err(StoreError::from)?;
        self.store.change_setting(SETTING, &value, event).await?;
        self.set(|now| now.choice.overlay(wanted));
        Ok(())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Now> {
        self.now.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut Now)) {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut now);
        now.settle();
    }
}
