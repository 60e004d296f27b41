//! What the program notes of an account, sealed beside its session. It goes with the session.

use serde::Serialize;
use serde::de::DeserializeOwned;
use waypost_engine::model::AccountId;
use waypost_store::{KeyWrite, Store, StoreError};

/// The space of an account's keys that belongs to the program. The channel's own are below it.
const SPACE: u16 = 1_000;

/// The names of what is noted, so that no two are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// How the account is being brought back.
    Connect,
    /// When its phone was last seen.
    Phone,
    /// What it has begun lately and may not begin.
    Caution,
    /// That its groups were listed once.
    Groups,
    /// Since when it is linked, and up to when its messages came.
    Gaps,
}

impl Note {
    fn key(self) -> &'static [u8] {
        match self {
            Self::Connect => b"connect",
            Self::Phone => b"phone",
            Self::Caution => b"caution",
            Self::Groups => b"groups",
            Self::Gaps => b"gaps",
        }
    }
}

/// What was noted. Something unreadable is as good as nothing, and logged.
pub(super) async fn read<T: DeserializeOwned>(
    store: &Store,
    account: AccountId,
    note: Note,
) -> Result<Option<T>, StoreError> {
    let value = store.key_get(account, SPACE, note.key()).await?;
    Ok(value.and_then(|value| {
        serde_json::from_slice(&value)
            .inspect_err(|error| tracing::warn!(%account, ?note, %error, "a note is unreadable"))
            .ok()
    }))
}

/// Notes it, in place of what was noted before.
pub(super) async fn write(
    store: &Store,
    account: AccountId,
    note: Note,
    value: &impl Serialize,
) -> Result<(), StoreError> {
    let value = serde_json::to_vec(value).map_err(|error| StoreError::Bug {
        what: error.to_string(),
    })?;
    let put = KeyWrite::Put {
        space: SPACE,
        key: note.key().to_vec(),
        value,
    };
    store.key_write(account, vec![put]).await
}
