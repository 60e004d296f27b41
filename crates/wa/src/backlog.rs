//! How much of what WhatsApp kept while we were away really came.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use wacore_binary::NodeRef;

/// Different messages of one backlog that are told apart, 8 bytes each; a longer one is not compared.
const MESSAGES_MAX: usize = 200_000;

/// What one connection was promised, and what it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// Messages that WhatsApp announced.
    pub announced: u32,
    /// Different messages that came.
    pub arrived: u32,
}

#[derive(Debug, Default)]
struct State {
    announced: u32,
    arrived: HashSet<u64>,
}

/// Counts the messages of a backlog by their stanzas, decrypted or not.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    state: Mutex<State>,
    hash: RandomState,
}

impl Counter {
    /// Notes a stanza of any kind.
    pub(crate) fn stanza(&self, stanza: &NodeRef<'_>) {
        match stanza.tag.as_ref() {
            "ib" => {
                if let Some(preview) = stanza.get_optional_child("offline_preview") {
                    let announced = preview.get_attr("message").map(|count| count.as_str());
                    self.begin(announced.and_then(|n| n.parse().ok()).unwrap_or(0));
                }
            }
            "message" if stanza.get_attr("offline").is_some() => {
                let part = |key: &str| stanza.get_attr(key).map(|value| value.as_str().to_string());
                self.arrived(&[part("from"), part("participant"), part("id")]);
            }
            _ => {}
        }
    }

    fn begin(&self, announced: u32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.announced = announced;
        state.arrived.clear();
    }

    fn arrived(&self, message: &[Option<String>; 3]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.arrived.len() < MESSAGES_MAX {
            state.arrived.insert(self.hash.hash_one(message));
        }
    }

    /// What was counted, which is forgotten. A backlog too long to be told apart counts as whole.
    pub(crate) fn take(&self) -> Kept {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { announced, arrived } = std::mem::take(&mut *state);
        let arrived = match arrived.len() {
            MESSAGES_MAX => announced,
            count => u32::try_from(count).unwrap_or(announced),
        };
        Kept { announced, arrived }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wacore_binary::builder::NodeBuilder;

    fn message(id: &str) -> wacore_binary::Node {
        NodeBuilder::new("message")
            .attr("from", "971500000002@s.whatsapp.net")
            .attr("id", id.to_owned())
            .attr("offline", 0_u32)
            .build()
    }

    #[test]
    fn doubles_and_live_messages_do_not_make_a_backlog_whole() {
        let counter = Counter::default();
        let preview = NodeBuilder::new("offline_preview")
            .attr("count", 4_u32)
            .attr("message", 3_u32)
            .build();
        let ib = NodeBuilder::new("ib").children([preview]).build();
        counter.stanza(&ib.as_node_ref());
        let live = NodeBuilder::new("message").attr("id", "4").build();
        for stanza in [message("1"), message("1"), live, message("2")] {
            counter.stanza(&stanza.as_node_ref());
        }
        let (announced, arrived) = (3, 2);
        assert_eq!(counter.take(), Kept { announced, arrived });
        assert_eq!(counter.take(), Kept::default());
    }
}
