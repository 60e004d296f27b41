//! Groups, as the channel reports them.

use serde::{Deserialize, Serialize};
use waypost_engine::model::{AccountId, Address, ContactId, ConversationId, Timestamp};

/// Most members kept of one group; further ones are left out.
pub const MEMBERS_MAX: usize = 5_000;

/// What a member may do in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupRole {
    /// Writes and reads.
    Member,
    /// Manages the group.
    Admin,
    /// Made the group.
    Owner,
}

/// A group as the channel reports it; replaces what was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// The account that is in it.
    pub account: AccountId,
    /// Its address.
    pub address: Address,
    /// Its name. Outsiders' text.
    pub subject: String,
    /// Its description. Outsiders' text.
    pub description: Option<String>,
    /// Whether the account is in it still.
    pub joined: Joined,
    /// Its members.
    pub members: Vec<(Address, GroupRole)>,
}

/// Whether an account is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Joined {
    /// It is.
    Yes,
    /// It left or was removed; what was said stays readable.
    Left,
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The account that is in it.
    pub account: AccountId,
    /// Its address.
    pub address: Address,
    /// Its name.
    pub subject: String,
    /// Its description.
    pub description: Option<String>,
    /// Whether the account is in it still.
    pub joined: Joined,
    /// How many members it has.
    pub member_count: i64,
    /// The conversation with it, when anything was said.
    pub conversation: Option<ConversationId>,
    /// When it was last reported.
    pub updated_at: Timestamp,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupMember {
    /// Their address.
    pub address: Address,
    /// What they may do.
    pub role: GroupRole,
    /// Who they are, when known.
    pub contact: Option<ContactId>,
    /// What they are called, when known.
    pub name: Option<String>,
}
