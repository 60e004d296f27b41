//! The first owner: created with a token that is printed once.

use super::secret::{hash, random_hex};
use waypost_engine::model::Timestamp;
use waypost_store::{Store, StoreError};

/// Makes a new set-up token while there is nobody to sign in, in place of an earlier one that
/// was not used; `None` once somebody exists. Only its hash is stored, so print it.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn ensure_setup_token(
    store: &Store,
    _now: Timestamp,
) -> Result<Option<String>, StoreError> {
    if store.people_count().await? > 0 {
        return Ok(None);
    }
    let token = random_hex();
    store.set_setup_token(hash(&token)).await?;
    Ok(Some(token))
}
