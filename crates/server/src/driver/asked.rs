//! Files that conversations wait for. They are read even while the reading of files rests, because a rule goes
//! by what they say.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use waypost_engine::model::{MessageId, Timestamp};

/// Files remembered at a time; further ones wait as long as all others, and their conversations go on without
/// them in the end.
const FILES_MAX: usize = 1_000;

/// The files that somebody waits for now.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<HashMap<MessageId, Timestamp>>);

impl Asked {
    /// A conversation waits for the file of this message, at most until then.
    pub(super) fn wait_for(&self, message: MessageId, until: Timestamp) {
        let mut files = self.files();
        if files.len() < FILES_MAX || files.contains_key(&message) {
            files.insert(message, until);
        }
    }

    /// Nobody waits for it any more.
    pub(super) fn over(&self, message: MessageId) {
        self.files().remove(&message);
    }

    /// The messages whose files are waited for, the shortest wait first.
    pub(super) fn now(&self, now: Timestamp) -> Vec<MessageId> {
        let mut files = self.files();
        files.retain(|_, until| *until > now);
        let mut waiting: Vec<(Timestamp, MessageId)> = files
            .iter()
            .map(|(message, until)| (*until, *message))
            .collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, message)| message).collect()
    }

    fn files(&self) -> MutexGuard<'_, HashMap<MessageId, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_must_go_on_soonest_is_first_and_who_went_on_is_forgotten() {
        let asked = Asked::default();
        let id = MessageId::from_raw;
        for (message, until) in [(1, 3_000), (2, 1_000), (3, 2_000)] {
            asked.wait_for(id(message), Timestamp(until));
        }
        assert_eq!(asked.now(Timestamp(0)), [id(2), id(3), id(1)]);
        asked.over(id(3));
        assert_eq!(asked.now(Timestamp(1_000)), [id(1)]);
        assert_eq!(asked.now(Timestamp(9_000)), []);
    }

    #[test]
    fn the_memory_stays_bounded() {
        let asked = Asked::default();
        for message in 0..5_000 {
            asked.wait_for(MessageId::from_raw(message), Timestamp(1));
        }
        assert_eq!(asked.now(Timestamp(0)).len(), FILES_MAX);
    }
}
