//! Who may do what: people with passwords and sessions, API keys with scopes.
//!
//! - [`secret`]: random tokens and how they are stored.
//! - [`password`]: passwords, hashed with argon2id.
//! - [`scope`]: what may be done, and which role may do it.
//! - [`caller`]: who is asking; the one place where permissions are checked.
//! - [`session`]: sign-ins of people; [`cookie`] and [`origin`] keep browsers honest.
//! - [`throttle`]: guessing passwords is slow.
//! - [`setup`]: the first owner.
//! - [`key`]: API keys as text.

pub(crate) mod caller;
pub(crate) mod cookie;
pub(crate) mod key;
pub(crate) mod origin;
pub(crate) mod password;
pub(crate) mod scope;
mod secret;
pub(crate) mod session;
mod setup;
pub(crate) mod throttle;

pub use key::renew_cli_key;
pub use secret::random_bytes;
pub(crate) use secret::{hash, random_hex};
pub use setup::ensure_setup_token;
