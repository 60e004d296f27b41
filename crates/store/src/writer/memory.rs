//! What the writer remembers of its tables, so that it need not ask them with every message.
//!
//! True only because nobody else writes. It is read anew after a rollback and with a new connection,
//! and what is remembered of people is forgotten when somebody turns out to be somebody else.

use std::collections::HashMap;
use waypost_engine::model::{AccountId, Address, ContactId, ConversationId, WorkspaceId};

/// People remembered, and conversations; at the limit all are forgotten.
pub(crate) const PEOPLE_MAX: usize = 65_536;

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The last place in the order of each account.
    pub(super) seqs: HashMap<AccountId, i64>,
    /// The last place in the event log.
    pub(super) position: Option<i64>,
    pub(super) people: People,
}

/// Somebody whose addresses are written down already.
#[derive(Debug)]
struct Person {
    contact: ContactId,
    /// The address beside the one they are found under.
    other: Option<Address>,
}

/// Who has written lately, and where.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// By the LID, or by the number when no LID was seen.
    persons: HashMap<WorkspaceId, HashMap<Address, Person>>,
    /// What each calls itself; `None` when that is not known.
    names: HashMap<ContactId, Option<String>>,
    conversations: HashMap<(AccountId, ContactId), ConversationId>,
    count: usize,
}

impl People {
    /// The person who is known to have these addresses, all of them, and what they call themselves.
    pub(crate) fn person(
        &self,
        workspace: WorkspaceId,
        lid: Option<&Address>,
        number: Option<&Address>,
    ) -> Option<(ContactId, Option<&str>)> {
        let (address, other) = place(lid, number)?;
        let person = self.persons.get(&workspace)?.get(address)?;
        if other.is_some() && other != person.other.as_ref() {
            return None;
        }
        let name = self.names.get(&person.contact)?;
        Some((person.contact, name.as_deref()))
    }

    /// Remembers somebody of whom the tables already hold all this.
    pub(crate) fn met(
        &mut self,
        workspace: WorkspaceId,
        (lid, number): (Option<&Address>, Option<&Address>),
        contact: ContactId,
        push_name: Option<String>,
    ) {
        let Some((address, other)) = place(lid, number) else {
            return;
        };
        self.make_room();
        self.names.insert(contact, push_name);
        let person = Person {
            contact,
            other: other.cloned(),
        };
        let persons = self.persons.entry(workspace).or_default();
        persons.insert(address.clone(), person);
    }

    /// Somebody calls itself something else now.
    pub(crate) fn renamed(&mut self, contact: ContactId, push_name: &str) {
        if let Some(name) = self.names.get_mut(&contact) {
            *name = Some(push_name.to_owned());
        }
    }

    /// The account's conversation with a contact.
    pub(crate) fn conversation(
        &self,
        account: AccountId,
        contact: ContactId,
    ) -> Option<ConversationId> {
        self.conversations.get(&(account, contact)).copied()
    }

    /// Remembers a conversation that is in its table.
    pub(crate) fn talked(
        &mut self,
        account: AccountId,
        contact: ContactId,
        conversation: ConversationId,
    ) {
        self.make_room();
        self.conversations.insert((account, contact), conversation);
    }

    /// Forgets everybody.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    fn make_room(&mut self) {
        self.count += 1;
        if self.count > PEOPLE_MAX {
            self.forget();
            self.count = 1;
        }
    }
}

/// The address to look under, and the one beside it.
fn place<'a>(
    lid: Option<&'a Address>,
    number: Option<&'a Address>,
) -> Option<(&'a Address, Option<&'a Address>)> {
    match (lid, number) {
        (Some(lid), number) => Some((lid, number)),
        (None, Some(number)) => Some((number, None)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: WorkspaceId = WorkspaceId::DEFAULT;

    fn contact(raw: i64) -> ContactId {
        ContactId::from_raw(raw)
    }

    #[test]
    fn only_whoever_has_all_the_addresses_is_meant() {
        let (lid, number) = (Address::lid("11"), Address::phone("971500000001"));
        let moved = Address::phone("971500000002");
        let mut people = People::default();
        people.met(HERE, (Some(&lid), Some(&number)), contact(1), None);
        let found = |lid, number| people.person(HERE, lid, number).map(|found| found.0);
        assert_eq!(found(Some(&lid), Some(&number)), Some(contact(1)));
        assert_eq!(found(Some(&lid), None), Some(contact(1)));
        assert_eq!(
            found(Some(&lid), Some(&moved)),
            None,
            "the number must be learned"
        );
        assert_eq!(found(None, Some(&number)), None);
        assert_eq!(found(None, None), None);
    }

    #[test]
    fn a_new_name_counts_under_every_address() {
        let (lid, number) = (Address::lid("11"), Address::phone("971500000001"));
        let mut people = People::default();
        let before = Some("Ana".to_owned());
        people.met(HERE, (Some(&lid), None), contact(1), before.clone());
        people.met(HERE, (None, Some(&number)), contact(1), before);
        people.renamed(contact(1), "Ana H.");
        let named = Some((contact(1), Some("Ana H.")));
        assert_eq!(people.person(HERE, Some(&lid), None), named);
        assert_eq!(people.person(HERE, None, Some(&number)), named);
    }

    #[test]
    fn no_more_are_remembered_than_the_limit() {
        let mut people = People::default();
        for n in 0..=PEOPLE_MAX {
            let n = i64::try_from(n).unwrap();
            people.talked(
                AccountId::from_raw(1),
                contact(n),
                ConversationId::from_raw(n),
            );
        }
        assert_eq!(people.conversations.len(), 1);
        assert_eq!(
            people.conversation(AccountId::from_raw(1), contact(0)),
            None
        );
    }
}
