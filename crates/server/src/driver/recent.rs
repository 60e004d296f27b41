//! What was said and answered last in a conversation, as far as the stages need it.
//!
//! A memory of this process: after a restart languages are guessed from fewer words. The answers of the
//! last minute are read from the store at the start, for the loop guard.

use std::collections::{HashMap, VecDeque};
use waypost_engine::flow::reply::LOOP_WINDOW;
use waypost_engine::model::{ConversationId, Timestamp};

/// Conversations remembered; the one that was first seen longest ago is forgotten first.
const CONVERSATIONS_MAX: usize = 10_000;
/// Texts remembered per conversation.
const TEXTS_MAX: usize = 4;
/// Longest text remembered, in bytes; the rest of it is cut.
const TEXT_LEN_MAX: usize = 400;
/// Answers remembered per conversation.
const ANSWERS_MAX: usize = 64;

#[derive(Debug, Default)]
struct Entry {
    texts: VecDeque<String>,
    answered_at: VecDeque<Timestamp>,
}

/// The memory.
#[derive(Debug, Default)]
pub(super) struct Recent {
    entries: HashMap<ConversationId, Entry>,
    order: VecDeque<ConversationId>,
}

impl Recent {
    /// The latest words (newest first) and the times of rules' answers.
    pub(super) fn of(&self, conversation: ConversationId) -> (Vec<String>, Vec<Timestamp>) {
        self.entries
            .get(&conversation)
            .map_or_else(Default::default, |entry| {
                (
                    entry.texts.iter().cloned().collect(),
                    entry.answered_at.iter().copied().collect(),
                )
            })
    }

    /// Remembers what was said.
    pub(super) fn said(&mut self, conversation: ConversationId, words: &str) {
        let cut = words.floor_char_boundary(TEXT_LEN_MAX.min(words.len()));
        let entry = self.entry(conversation);
        entry.texts.push_front(words[..cut].to_owned());
        entry.texts.truncate(TEXTS_MAX);
    }

    /// Remembers that a rule answered.
    pub(super) fn answered(&mut self, conversation: ConversationId, at: Timestamp) {
        let entry = self.entry(conversation);
        entry
            .answered_at
            .retain(|then| at.since(*then) < LOOP_WINDOW);
        entry.answered_at.push_front(at);
        entry.answered_at.truncate(ANSWERS_MAX);
    }

    fn entry(&mut self, conversation: ConversationId) -> &mut Entry {
        if !self.entries.contains_key(&conversation) {
            self.order.push_back(conversation);
            if self.order.len() > CONVERSATIONS_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.entries.remove(&oldest);
            }
        }
        self.entries.entry(conversation).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_are_remembered_newest_first() {
        let mut recent = Recent::default();
        let here = ConversationId::from_raw(1);
        for word in ["one", "two", "three", "four", "five"] {
            recent.said(here, word);
        }
        assert_eq!(recent.of(here).0, ["five", "four", "three", "two"]);
        assert_eq!(
            recent.of(ConversationId::from_raw(2)).0,
            Vec::<String>::new()
        );
    }

    #[test]
    fn memory_stays_bounded() {
        let mut recent = Recent::default();
        for id in 0..20_000 {
            recent.said(ConversationId::from_raw(id), "hello");
        }
        assert_eq!(recent.entries.len(), CONVERSATIONS_MAX);
        assert_eq!(recent.order.len(), CONVERSATIONS_MAX);
    }
}
