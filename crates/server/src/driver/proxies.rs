//! Which way an account's traffic goes.
//!
//! It is kept sealed beside the account's session, and outlives it: whoever unlinks a number and
//! links it again must not be shown to WhatsApp from another address in between.

use std::sync::{PoisonError, RwLock};
use waypost_engine::model::AccountId;
use waypost_store::keys::SETTINGS_FROM;
use waypost_store::{KeyWrite, Store, StoreError};
use waypost_wa::{Proxy, Route};

const SPACE: u16 = SETTINGS_FROM;
const KEY: &[u8] = b"proxy";

/// The way as it is stored. What cannot be read is an error, never the direct way.
pub(super) async fn read(store: &Store, account: AccountId) -> Result<Route, StoreError> {
    let Some(value) = store.key_get(account, SPACE, KEY).await? else {
        return Ok(Route::Direct);
    };
    let text = std::str::from_utf8(&value).ok();
    let proxy = text.and_then(|text| text.parse().ok());
    proxy.map(Route::Via).ok_or(StoreError::Corrupt {
        what: "the proxy of an account is unreadable; set it again".to_owned(),
    })
}

/// Stores it.
pub(super) async fn write(
    store: &Store,
    account: AccountId,
    route: &Route,
) -> Result<(), StoreError> {
    let write = match route {
        Route::Direct => KeyWrite::Delete {
            space: SPACE,
            key: KEY.to_vec(),
        },
        Route::Via(proxy) => KeyWrite::Put {
            space: SPACE,
            key: KEY.to_vec(),
            value: proxy.secret().into_bytes(),
        },
    };
    store.key_write(account, vec![write]).await
}

/// The way of a running account, to show.
#[derive(Debug, Default)]
pub(super) struct Shown(RwLock<Route>);

impl Shown {
    pub(super) fn new(route: Route) -> Self {
        Self(RwLock::new(route))
    }

    pub(super) fn set(&self, route: Route) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = route;
    }

    pub(super) fn proxy(&self) -> Option<Proxy> {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Route::Direct => None,
            Route::Via(proxy) => Some(proxy.clone()),
        }
    }
}
