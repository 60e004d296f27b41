//! How long the stages take for one message, and the events that tell of it when somebody asked for them.
//!
//! `session` is what must be known of account and conversation, `conversation` the reading and answering,
//! `resilience` the commit that keeps a message from being lost or done twice, and `performance` the time
//! that the message waited for its turn.

use crate::clock;
use crate::parts::TextParts;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::time::Instant;
use waypost_engine::flow::stage::Group;
use waypost_engine::model::event::kind;
use waypost_engine::model::{EventId, NewEvent, Timestamp, WorkspaceId};
use waypost_store::{Store, Work};

/// Version of the data of these events.
const EVENT_VERSION: u16 = 1;
/// Stages that are told of: all that are measured before the commit.
const TOLD: usize = 3;

/// The stages of one message.
pub(super) struct Steps<'w> {
    text: Arc<TextParts>,
    work: &'w Work,
    started: Timestamp,
    last: Instant,
    took: Vec<(Group, u32)>,
}

impl<'w> Steps<'w> {
    /// Work on a message begins.
    pub(super) fn begin(text: &Arc<TextParts>, work: &'w Work, now: Timestamp) -> Self {
        let mut steps = Self {
            text: Arc::clone(text),
            work,
            started: now,
            last: clock::monotonic(),
            took: Vec::with_capacity(TOLD),
        };
        let waited = now.since(work.received_at.max(work.next_at)).as_millis();
        let waited = u32::try_from(waited.saturating_mul(1_000)).unwrap_or(u32::MAX);
        steps.note(Group::Performance, waited);
        steps
    }

    /// A stage is done; the next one begins.
    pub(super) fn done(&mut self, stage: Group) {
        let took = clock::micros_since(self.last);
        self.last = clock::monotonic();
        self.note(stage, took);
    }

    fn note(&mut self, stage: Group, took_us: u32) {
        self.text.stage_took(stage, took_us);
        self.took.push((stage, took_us));
    }

    /// What is told of the steps so far, when somebody switched that on.
    pub(super) fn events(&self, store: &Store) -> Vec<NewEvent> {
        if !self.text.switchboard().stage_events() {
            return Vec::new();
        }
        let now = clock::now();
        let event = |kind, data: Value, at| NewEvent {
            id: store.next_id::<EventId>(at),
            workspace: WorkspaceId::DEFAULT,
            account: Some(self.work.account),
            conversation: Some(self.work.conversation),
            kind,
            version: EVENT_VERSION,
            data,
            at,
        };
        let message = self.work.message;
        let stages = self.took.iter().map(|(stage, took_us)| {
            let data = json!({"message": message, "stage": stage, "took_us": took_us});
            event(kind::STAGE_COMPLETED, data, now)
        });
        let took: u64 = self.took.iter().map(|(_, took)| u64::from(*took)).sum();
        let about = json!({"message": message, "attempt": self.work.attempt});
        let started = event(kind::MESSAGE_STARTED, about, self.started);
        let about = json!({"message": message, "took_us": took});
        let completed = event(kind::MESSAGE_COMPLETED, about, now);
        std::iter::once(started)
            .chain(stages)
            .chain(std::iter::once(completed))
            .collect()
    }
}
