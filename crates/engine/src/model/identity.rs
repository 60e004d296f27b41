//! Who somebody is: the LID is the identity, a phone number an alias with dates.
//!
//! [`decide`] is handed what is known about the two addresses a stanza names and says what to
//! change. It never merges two people because a number moved from one LID to another.

use super::address::Address;
use super::id::ContactId;

/// What is known of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The contact it belongs to now.
    pub contact: ContactId,
    /// That contact's LID, if any.
    pub lid: Option<Address>,
}

/// What to do about a person seen under one or two addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Known, nothing to change.
    Known(ContactId),
    /// Nobody has been seen under these addresses: make a contact with them.
    Create,
    /// Known under one address; the other becomes another alias.
    AddAlias {
        /// The contact.
        contact: ContactId,
        /// The new alias.
        alias: Address,
    },
    /// Two contacts are the same person: `from` was known by number only.
    Merge {
        /// The contact that stays: the one with the LID.
        into: ContactId,
        /// The contact that is absorbed, reversibly.
        from: ContactId,
    },
    /// The number belonged to somebody else until now: end that alias and open a new one.
    MoveNumber {
        /// Who had the number.
        from: ContactId,
        /// Who has it now; a new contact when nobody is known under the LID.
        to: Option<ContactId>,
        /// The number.
        number: Address,
    },
}

/// Decides who `seen` is. `lid` and `number` are the addresses the stanza names; `by_lid` and
/// `by_number` what is known of each.
#[must_use]
pub fn decide(
    lid: Option<&Address>,
    number: Option<&Address>,
    by_lid: Option<&Known>,
    by_number: Option<&Known>,
) -> Decision {
    match (by_lid, by_number) {
        (None, None) => Decision::Create,
        (Some(l), None) => match number {
            Some(number) => Decision::AddAlias {
                contact: l.contact,
                alias: number.clone(),
            },
            None => Decision::Known(l.contact),
        },
        (None, Some(n)) => match (lid, &n.lid) {
            (None, _) => Decision::Known(n.contact),
            (Some(seen), Some(had)) if seen == had => Decision::Known(n.contact),
            (Some(seen), None) => Decision::AddAlias {
                contact: n.contact,
                alias: seen.clone(),
            },
            (Some(_), Some(_)) => moved(n.contact, None, number),
        },
        (Some(l), Some(n)) if l.contact == n.contact => Decision::Known(l.contact),
        (Some(l), Some(n)) => match &n.lid {
            None => Decision::Merge {
                into: l.contact,
                from: n.contact,
            },
            Some(_) => moved(n.contact, Some(l.contact), number),
        },
    }
}

fn moved(from: ContactId, to: Option<ContactId>, number: Option<&Address>) -> Decision {
    match number {
        Some(number) => Decision::MoveNumber {
            from,
            to,
            number: number.clone(),
        },
        None => Decision::Known(to.unwrap_or(from)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(id: i64, lid: Option<&str>) -> Known {
        Known {
            contact: ContactId::from_raw(id),
            lid: lid.map(Address::lid),
        }
    }

    #[test]
    fn a_person_is_recognised_under_either_address() {
        let (lid, number) = (Address::lid("1"), Address::phone("9715"));
        let (ana, by_number) = (ContactId::from_raw(1), known(1, Some("1")));
        let check = |l: Option<&Known>, n: Option<&Known>, expect: Decision| {
            assert_eq!(decide(Some(&lid), Some(&number), l, n), expect);
        };
        check(None, None, Decision::Create);
        check(Some(&by_number), Some(&by_number), Decision::Known(ana));
        check(
            Some(&by_number),
            None,
            Decision::AddAlias {
                contact: ana,
                alias: number.clone(),
            },
        );
        check(
            None,
            Some(&known(1, None)),
            Decision::AddAlias {
                contact: ana,
                alias: lid.clone(),
            },
        );
    }

    #[test]
    fn someone_known_by_number_only_is_merged_into_their_lid() {
        let (lid, number) = (Address::lid("1"), Address::phone("9715"));
        let decision = decide(
            Some(&lid),
            Some(&number),
            Some(&known(1, Some("1"))),
            Some(&known(2, None)),
        );
        let (into, from) = (ContactId::from_raw(1), ContactId::from_raw(2));
        assert_eq!(decision, Decision::Merge { into, from });
    }

    #[test]
    fn a_number_that_moves_never_merges_two_people() {
        let (lid, number) = (Address::lid("2"), Address::phone("9715"));
        let from = ContactId::from_raw(1);
        let old = known(1, Some("1"));
        assert_eq!(
            decide(Some(&lid), Some(&number), None, Some(&old)),
            Decision::MoveNumber {
                from,
                to: None,
                number: number.clone()
            },
        );
        assert_eq!(
            decide(
                Some(&lid),
                Some(&number),
                Some(&known(2, Some("2"))),
                Some(&old)
            ),
            Decision::MoveNumber {
                from,
                to: Some(ContactId::from_raw(2)),
                number
            },
        );
    }
}
