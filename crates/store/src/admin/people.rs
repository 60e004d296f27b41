//! People who sign in, and their sign-ins.

use serde::{Deserialize, Serialize};
use waypost_engine::model::{PersonId, Timestamp, WorkspaceId};

/// Longest login or name, in characters.
pub const NAME_LEN_MAX: usize = 200;
/// Most people in a workspace; no more are created after that.
pub const PEOPLE_MAX: i64 = 10_000;
/// Most sign-ins one person has at the same time; the oldest ends when one more starts.
pub const SIGN_INS_MAX: i64 = 50;
/// A sign-in is marked as seen at most this often, in milliseconds.
pub const SEEN_EVERY_MS: i64 = 60_000;

/// What a person may do, from most to least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonRole {
    /// Reads everything.
    Viewer,
    /// Works with conversations and accounts.
    Operator,
    /// Changes settings, keys and endpoints.
    Admin,
    /// Everything, people included. There is always one.
    Owner,
}

/// A person as stored, without the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Their id.
    pub id: PersonId,
    /// Where they belong.
    pub workspace: WorkspaceId,
    /// What they sign in with: an e-mail address or a name. Upper and lower case are the same.
    pub login: String,
    /// What they are called.
    pub name: String,
    /// What they may do.
    pub role: PersonRole,
    /// When they were locked out, if they are.
    pub disabled_at: Option<Timestamp>,
    /// When they were created.
    pub created_at: Timestamp,
    /// When they last signed in.
    pub signed_in_at: Option<Timestamp>,
}

/// A person with the hash to check a password against.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who it is.
    pub person: Person,
    /// The hash, in the PHC text form of whoever made it.
    pub password_hash: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("person", &self.person)
            .finish_non_exhaustive()
    }
}

/// A person to be created.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPerson {
    /// Where they belong.
    pub workspace: WorkspaceId,
    /// What they sign in with; taken once per installation.
    pub login: String,
    /// What they are called.
    pub name: String,
    /// The hash of their password.
    pub password_hash: String,
    /// What they may do.
    pub role: PersonRole,
}

impl std::fmt::Debug for NewPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPerson")
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

/// The SHA-256 of a secret token. The token itself is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// A sign-in as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Who signed in.
    pub person: Person,
    /// When.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
}

/// Which sign-ins of a person end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndSignIns {
    /// All of them.
    All,
    /// All but this one.
    Except(TokenHash),
}
