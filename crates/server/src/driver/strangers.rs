//! Names of people who are no contacts yet.
//!
//! A phone tells names apart from the messages of its history, and often before them. They are kept
//! until the conversation is there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use waypost_engine::model::{Address, Inbound};

/// Names of one account that wait; further ones are forgotten. Those people are named by their next
/// message.
const NAMES_MAX: usize = 2_000;

/// The names of one account. A memory of this process only.
#[derive(Debug, Default)]
pub(super) struct Strangers(Mutex<HashMap<Address, String>>);

impl Strangers {
    /// Keeps a name.
    pub(super) fn remember(&self, address: Address, name: String) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < NAMES_MAX || names.contains_key(&address) {
            names.insert(address, name);
        }
    }

    /// Takes out the names of the people of these messages.
    pub(super) fn of(&self, messages: &[Inbound]) -> Vec<(Address, String)> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.is_empty() {
            return Vec::new();
        }
        let people = messages.iter().flat_map(|message| {
            let others = [message.chat_alt.as_ref(), message.sender_alt.as_ref()];
            let given = [Some(&message.chat), Some(&message.sender)];
            given.into_iter().chain(others).flatten()
        });
        people
            .filter_map(|address| names.remove_entry(address))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waypost_engine::model::{Content, Origin, Timestamp};

    fn past(chat: Address, alt: Option<Address>) -> Inbound {
        Inbound {
            wire_id: "P1".into(),
            chat: chat.clone(),
            chat_alt: alt,
            sender: chat,
            sender_alt: None,
            from_me: false,
            push_name: None,
            origin: Origin::History,
            sent_at: Timestamp(1),
            received_at: Timestamp(2),
            content: Content::text("hello"),
            raw: Vec::new(),
        }
    }

    #[test]
    fn a_name_waits_for_the_conversation_under_either_address() {
        let names = Strangers::default();
        let (ana, ben) = (
            Address::phone("971500000001"),
            Address::phone("971500000002"),
        );
        names.remember(ana.clone(), "Ana".into());
        names.remember(ben.clone(), "Ben".into());
        let by_lid = past(Address::lid("1111"), Some(ana.clone()));
        assert_eq!(
            names.of(std::slice::from_ref(&by_lid)),
            [(ana, "Ana".to_owned())]
        );
        assert_eq!(names.of(&[by_lid]), []);
        assert_eq!(
            names.of(&[past(ben.clone(), None)]),
            [(ben, "Ben".to_owned())]
        );
    }

    #[test]
    fn a_phone_with_very_many_names_fills_no_memory() {
        let names = Strangers::default();
        for n in 0..2 * NAMES_MAX {
            names.remember(Address::phone(&n.to_string()), "Somebody".into());
        }
        assert_eq!(names.0.lock().unwrap().len(), NAMES_MAX);
    }
}
