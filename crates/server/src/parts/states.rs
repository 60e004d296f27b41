//! What is remembered of each conversation between its messages.
//!
//! It is committed with every message that is read, so losing this memory costs one read of the store.

use crate::insight::{ZONE_DEFAULT, zone};
use jiff::tz::TimeZone;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use waypost_engine::model::{Address, ConversationId, Timestamp};
use waypost_insight::flow::Flow;
use waypost_insight::places::home_of;
use waypost_insight::threads::{Thread, Threads};
use waypost_store::reading::{ConversationReading, Thread as StoredThread};

/// Conversations remembered, about a kilobyte each; the one that was first seen longest ago is forgotten
/// first.
const CONVERSATIONS_MAX: usize = 20_000;

/// One conversation, as far as reading goes.
#[derive(Debug, Clone)]
pub(crate) struct State {
    flow: Flow,
    threads: Threads,
    zone: TimeZone,
    /// The locale of the person's number.
    locale: Option<String>,
    /// Whether the turn of an earlier message is still to be found.
    is_behind: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            flow: Flow::default(),
            threads: Threads::default(),
            zone: zone(ZONE_DEFAULT).unwrap_or(TimeZone::UTC),
            locale: None,
            is_behind: false,
        }
    }
}

impl State {
    /// Of a conversation as it is stored. A topic that cannot be read is begun anew.
    pub(super) fn from_stored(stored: ConversationReading) -> Self {
        let flow = stored
            .topic
            .and_then(|topic| serde_json::from_value(topic).ok());
        let open = stored.open.into_iter().map(thread).collect();
        Self {
            flow: flow.unwrap_or_default(),
            threads: Threads::resume(open, stored.last_number),
            is_behind: stored.is_behind,
            ..stored
                .phone
                .as_ref()
                .map(Self::of_number)
                .unwrap_or_default()
        }
    }

    /// Of somebody with this number and nothing said yet.
    pub(crate) fn of_number(address: &Address) -> Self {
        let fresh = Self::default();
        let Some(home) = home_of(address.user()) else {
            return fresh;
        };
        Self {
            zone: home.time_zone().unwrap_or_else(|| fresh.zone.clone()),
            locale: Some(home.locale()),
            ..fresh
        }
    }

    pub(super) fn flow(&self) -> &Flow {
        &self.flow
    }

    pub(super) fn threads(&self) -> &Threads {
        &self.threads
    }

    pub(super) fn zone(&self) -> TimeZone {
        self.zone.clone()
    }

    pub(super) fn locale(&self) -> Option<&str> {
        self.locale.as_deref()
    }

    /// Whether the turn of the next message must wait for that of an earlier one.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// After a message; what was not observed stays as it was.
    pub(super) fn after(&self, flow: Option<Flow>, threads: Option<Threads>) -> Self {
        Self {
            flow: flow.unwrap_or_else(|| self.flow.clone()),
            threads: threads.unwrap_or_else(|| self.threads.clone()),
            zone: self.zone.clone(),
            locale: self.locale.clone(),
            is_behind: self.is_behind,
        }
    }

    /// What is stored of it beside its threads.
    pub(super) fn topic(&self) -> Option<String> {
        serde_json::to_string(&self.flow).ok()
    }
}

fn thread(stored: StoredThread) -> Thread {
    let moment = |at: Timestamp| jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    Thread {
        number: stored.number,
        opened: moment(stored.opened_at),
        last: moment(stored.last_at),
        subjects: serde_json::from_value(stored.subjects).unwrap_or_default(),
        messages: stored.messages,
    }
}

/// The memory.
#[derive(Debug, Default)]
pub(super) struct States {
    entries: HashMap<ConversationId, Arc<State>>,
    order: VecDeque<ConversationId>,
}

impl States {
    pub(super) fn get(&self, conversation: ConversationId) -> Option<Arc<State>> {
        self.entries.get(&conversation).cloned()
    }

    pub(super) fn put(&mut self, conversation: ConversationId, state: State) -> Arc<State> {
        let state = Arc::new(state);
        if self
            .entries
            .insert(conversation, Arc::clone(&state))
            .is_none()
        {
            self.order.push_back(conversation);
        }
        while self.order.len() > CONVERSATIONS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
            }
        }
        state
    }

    pub(super) fn forget(&mut self, conversation: ConversationId) {
        self.entries.remove(&conversation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waypost_engine::model::MessageId;

    #[test]
    fn the_memory_stays_bounded() {
        let mut states = States::default();
        for id in 0..50_000 {
            states.put(ConversationId::from_raw(id % 24_000), State::default());
            states.forget(ConversationId::from_raw(id % 7));
        }
        assert!(states.order.len() <= CONVERSATIONS_MAX);
        assert!(states.entries.len() <= CONVERSATIONS_MAX);
    }

    #[test]
    fn a_conversation_goes_on_where_it_was_stored() {
        let stored = ConversationReading {
            topic: None,
            open: vec![StoredThread {
                number: 4,
                opened_at: Timestamp(1_000),
                last_at: Timestamp(2_000),
                closed_at: None,
                messages: 3,
                first_message: MessageId::from_raw(1),
                last_message: MessageId::from_raw(2),
                subjects: serde_json::json!([{"kind": "project", "value": "Marina Gate"}]),
            }],
            last_number: 7,
            phone: Some(Address::phone("442079460018")),
            is_behind: false,
        };
        let state = State::from_stored(stored);
        assert_eq!(state.threads.open()[0].subjects.len(), 1);
        assert_eq!(state.locale(), Some("und-GB"));
        assert_eq!(state.zone().iana_name(), Some("Europe/London"));
    }
}
