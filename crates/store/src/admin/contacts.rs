//! Contacts, as people see them.

use crate::error::StoreError;
use serde::Serialize;
use waypost_engine::model::{AccountId, Address, ContactId, Timestamp, WorkspaceId};

/// Longest name our people may give a contact, in characters.
pub const CONTACT_NAME_MAX: usize = 200;
/// Most aliases shown of one contact, newest first.
pub const ALIASES_MAX: i64 = 200;

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// Where it belongs.
    pub workspace: WorkspaceId,
    /// What our people call it.
    pub name: Option<String>,
    /// What it calls itself. Outsiders' text.
    pub push_name: Option<String>,
    /// Its LID, when known.
    pub lid: Option<Address>,
    /// Its phone number now, when known.
    pub phone: Option<Address>,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The contact that absorbed this one, if any.
    pub merged_into: Option<ContactId>,
}

impl Contact {
    /// What to call it: the given name, its own name, its number, its LID.
    #[must_use]
    pub fn title(&self) -> String {
        let named = self.name.clone().or_else(|| self.push_name.clone());
        named
            .or_else(|| {
                self.phone
                    .as_ref()
                    .map(|phone| format!("+{}", phone.user()))
            })
            .or_else(|| self.lid.as_ref().map(|lid| lid.user().to_owned()))
            .unwrap_or_else(|| self.id.to_string())
    }
}

/// An address of a contact with the time it was theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alias {
    /// The address.
    pub address: Address,
    /// Since when.
    pub valid_from: Timestamp,
    /// Until when; absent while it is theirs.
    pub valid_to: Option<Timestamp>,
}

/// Which contacts are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactFilter {
    /// Only those with this text in a name or an address.
    pub text: Option<String>,
    /// Only those this account has a conversation with.
    pub account: Option<AccountId>,
}

/// A merge of two contacts. Shown as its digits, in JSON as a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MergeId(pub(crate) i64);

impl std::fmt::Display for MergeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for MergeId {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let unreadable = |_| StoreError::invalid("a merge's id is written in digits; check it");
        text.parse().map(Self).map_err(unreadable)
    }
}

impl Serialize for MergeId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// Two contacts that turned out to be one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MergeRecord {
    /// Its id.
    pub id: MergeId,
    /// Who stayed.
    pub into: ContactId,
    /// Who was absorbed.
    pub from: ContactId,
    /// When.
    pub at: Timestamp,
    /// When it was taken back, if it was.
    pub undone_at: Option<Timestamp>,
}

/// Whether somebody who was noticed is a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noticed {
    /// They are, and what was noticed is kept.
    Contact,
    /// They are not; nothing was kept.
    Stranger,
}
