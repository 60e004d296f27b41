//! Sign-ins of people.

use super::secret::{hash, random_hex, same};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use waypost_engine::model::{Duration, PersonId, Timestamp};
use waypost_store::admin::people::SignIn;
use waypost_store::{Store, StoreError};

/// How long a sign-in lasts at most.
pub(crate) const LIFETIME: Duration = Duration::hours(30 * 24);
/// How long a sign-in lasts without being used.
pub(crate) const IDLE: Duration = Duration::hours(7 * 24);

/// Starts a sign-in and answers its token.
pub(crate) async fn start(
    store: &Store,
    person: PersonId,
    now: Timestamp,
) -> Result<String, StoreError> {
    let token = random_hex();
    store
        .start_sign_in(hash(&token), person, now, now + LIFETIME)
        .await?;
    Ok(token)
}

/// The sign-in that this token opens, if it still does.
pub(crate) async fn find(
    store: &Store,
    token: &str,
    now: Timestamp,
) -> Result<Option<SignIn>, StoreError> {
    let key = hash(token);
    let Some(found) = store.sign_in(key, now).await? else {
        return Ok(None);
    };
    if now.since(found.seen_at) > IDLE {
        store.end_sign_in(key).await?;
        return Ok(None);
    }
    // Not being able to note the use must not lock anybody out.
    let _ = store.touch_sign_in(key, &found, now).await;
    Ok(Some(found))
}

/// The token that proves that a request was made by a page that could read `GET /session`. Made
/// from the session's own secret, so nothing more is stored.
pub(crate) fn csrf_token(session: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(session.as_bytes()) else {
        return String::new();
    };
    mac.update(b"csrf");
    hex::encode(mac.finalize().into_bytes())
}

/// Whether `given` is the session's CSRF token.
pub(crate) fn is_csrf_token(session: &str, given: &str) -> bool {
    let right = csrf_token(session);
    !right.is_empty() && same(right.as_bytes(), given.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csrf_token_fits_its_own_session_only() {
        assert!(is_csrf_token("a", &csrf_token("a")));
        assert!(!is_csrf_token("a", &csrf_token("b")));
        assert!(!is_csrf_token("a", ""));
    }
}
