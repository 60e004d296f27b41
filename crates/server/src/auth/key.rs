//! API keys as text: `wpk_`, eight characters to tell keys apart, and the secret.

use super::scope::Scope;
use super::secret::{hash, random_bytes, random_hex};
use waypost_engine::model::{Timestamp, WorkspaceId};
use waypost_store::admin::api_keys::{ApiKey, NewApiKey};
use waypost_store::{Page, Store, StoreError};

/// What every key starts with.
pub(crate) const PREFIX: &str = "wpk_";
/// The name of the key that commands on the same machine use.
const CLI_KEY_NAME: &str = "command line on this machine";
/// Most keys looked through for old ones of the command line.
const CLI_KEYS_SEEN: u16 = 200;

/// What a new key may do, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) workspace: WorkspaceId,
    pub(crate) name: String,
    pub(crate) scopes: Vec<Scope>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// Creates a key. The text is known only now; its hash is stored.
pub(crate) async fn issue(
    store: &Store,
    grant: Grant,
    now: Timestamp,
) -> Result<(ApiKey, String), StoreError> {
    let shown = format!("{PREFIX}{}", hex::encode(random_bytes::<4>()));
    let text = format!("{shown}_{}", random_hex());
    let new = NewApiKey {
        workspace: grant.workspace,
        name: grant.name,
        shown,
        hash: hash(&text),
        scopes: grant.scopes.iter().map(ToString::to_string).collect(),
        expires_at: grant.expires_at,
    };
    Ok((store.create_api_key(new, now).await?, text))
}

/// A fresh key with every scope for commands run by the same user on the same machine; those of
/// earlier starts are revoked.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn renew_cli_key(store: &Store, now: Timestamp) -> Result<String, StoreError> {
    let workspace = WorkspaceId::DEFAULT;
    let known = store
        .api_keys(workspace, Page::first(CLI_KEYS_SEEN))
        .await?;
    let old = known
        .items
        .into_iter()
        .filter(|key| key.name == CLI_KEY_NAME && key.is_valid(now));
    for key in old {
        store.revoke_api_key(workspace, key.id, now).await?;
    }
    let name = CLI_KEY_NAME.to_owned();
    let grant = Grant {
        workspace,
        name,
        scopes: vec![Scope::Admin],
        expires_at: None,
    };
    let (_, text) = issue(store, grant, now).await?;
    Ok(text)
}
