//! Accounts that move in with the session of another client.

use crate::accounts::NewAccount;
use crate::keys::KeyWrite;
use waypost_engine::model::{AccountId, Address, Timestamp};

/// Most keys of all accounts in one [`crate::Store::import_accounts`].
pub const IMPORT_WRITES_MAX: usize = 2_000_000;

/// Which account a session is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportInto {
    /// One that is created with it.
    New(NewAccount),
    /// One that is there. What its session storage holds is replaced.
    Existing(AccountId),
}

/// A session and the account it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportAccount {
    /// The account.
    pub into: ImportInto,
    /// Its number.
    pub phone: Address,
    /// Its LID, when known.
    pub lid: Option<Address>,
    /// Its keys.
    pub keys: Vec<KeyWrite>,
    /// Now.
    pub now: Timestamp,
}
