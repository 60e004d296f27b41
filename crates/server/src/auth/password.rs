//! Passwords: argon2id with 19 MiB, 2 passes and 1 lane, the smallest of OWASP's equal choices
//! (Password Storage Cheat Sheet), because the server may be a small machine.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// Shortest password, in characters.
pub(crate) const PASSWORD_MIN: usize = 10;
/// Longest password, in bytes; longer ones are refused so that hashing stays cheap.
pub(crate) const PASSWORD_MAX: usize = 1_024;
/// Passwords hashed at once; further ones wait, so that guessing cannot eat the memory.
const HASHING_MAX: usize = 2;
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

static TURNS: Semaphore = Semaphore::const_new(HASHING_MAX);
/// Checked when nobody has the login, so that the time taken does not tell who exists.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| make(&super::random_hex()).ok());

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub(crate) struct HashError(String);

fn hasher() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|error| HashError(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn make(password: &str) -> Result<String, HashError> {
    let salt = super::random_bytes::<16>();
    let hash = hasher()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| HashError(error.to_string()))?;
    Ok(hash.to_string())
}

fn check(password: &str, stored: &str) -> bool {
    let (Ok(hasher), Ok(stored)) = (hasher(), PasswordHash::new(stored)) else {
        return false;
    };
    hasher.verify_password(password.as_bytes(), &stored).is_ok()
}

/// The hash of a new password, in PHC text form.
pub(crate) async fn hash(password: String) -> Result<String, HashError> {
    in_turn(move || make(&password)).await?
}

/// Whether this is the password. Takes as long when `stored` is absent, and is false then.
pub(crate) async fn verify(password: String, stored: Option<String>) -> Result<bool, HashError> {
    in_turn(move || match stored {
        Some(stored) => check(&password, &stored),
        None => {
            let _ = NOBODY.as_deref().map(|nobody| check(&password, nobody));
            false
        }
    })
    .await
}

async fn in_turn<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, HashError> {
    let lost = |error: &dyn std::fmt::Display| HashError(error.to_string());
    let _turn = TURNS.acquire().await.map_err(|e| lost(&e))?;
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| lost(&e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_opens() {
        let stored = hash("correct horse".into()).await.unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(
            verify("correct horse".into(), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(!verify("correct house".into(), Some(stored)).await.unwrap());
        assert!(!verify("correct horse".into(), None).await.unwrap());
        assert!(!verify("x".into(), Some("not a hash".into())).await.unwrap());
    }

    #[tokio::test]
    async fn the_same_password_is_stored_differently_each_time() {
        let (a, b) = (
            hash("correct horse".into()).await.unwrap(),
            hash("correct horse".into()).await.unwrap(),
        );
        assert_ne!(a, b);
    }
}
