//! What is said about accounts.

use waypost_engine::model::account::Role;
use waypost_engine::model::{AccountState, Address, Timestamp, WorkspaceId};

/// Longest account name, in characters.
pub const ACCOUNT_NAME_MAX: usize = 100;
/// The priority of an account when nobody said.
pub const PRIORITY_DEFAULT: u16 = 999;

/// An account to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// Who it belongs to.
    pub workspace: WorkspaceId,
    /// What people call it; unique within the workspace, 1 to [`ACCOUNT_NAME_MAX`] characters.
    pub name: String,
    /// Its number, needed for pairing codes.
    pub phone: Option<Address>,
    /// Its part in a pool.
    pub role: Role,
    /// Lower goes first.
    pub priority: u16,
    /// Now.
    pub now: Timestamp,
}

impl NewAccount {
    /// An account with this name and nothing else known.
    #[must_use]
    pub fn named(name: impl Into<String>, now: Timestamp) -> Self {
        Self {
            workspace: WorkspaceId::DEFAULT,
            name: name.into(),
            phone: None,
            role: Role::default(),
            priority: PRIORITY_DEFAULT,
            now,
        }
    }
}

/// What to change about an account; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountPatch {
    /// A new name.
    pub name: Option<String>,
    /// A new part in the pool.
    pub role: Option<Role>,
    /// A new priority.
    pub priority: Option<u16>,
}

/// A taking of an account by a process. Every later taking has a higher number, and writes with
/// an older one are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnerEpoch(pub i64);

/// What came of a change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateSet {
    /// It was written, to the history and as an event. The state before is given.
    Changed {
        /// Before.
        from: AccountState,
    },
    /// It was in that state for that reason already; nothing was written.
    Same,
}
