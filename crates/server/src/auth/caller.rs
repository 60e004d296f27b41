//! Who is asking. Every route that is not open to all takes a [`May`], which is the only place
//! where permissions are checked.

use super::scope::{Needed, Scope, Scopes};
use super::{cookie, hash, key, origin, session};
use crate::api::AppState;
use crate::api::problem::{ApiError, ApiResult};
use crate::clock;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use std::marker::PhantomData;
use waypost_engine::model::WorkspaceId;
use waypost_store::admin::api_keys::ApiKey;
use waypost_store::admin::people::Person;

/// The header that carries the CSRF token of a session.
const CSRF_HEADER: &str = "x-csrf-token";

/// Who is asking.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// A person at the dashboard.
    Person {
        person: Person,
        /// The token of their session.
        session: String,
    },
    /// A program with a key.
    Key(ApiKey),
}

/// Who is asking, and what they may do.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    scopes: Scopes,
}

impl Caller {
    /// Where they belong.
    pub(crate) fn workspace(&self) -> WorkspaceId {
        match &self.who {
            Who::Person { person, .. } => person.workspace,
            Who::Key(key) => key.workspace,
        }
    }

    /// Whether they may do this.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.scopes.allow(scope)
    }

    /// Refuses those who may not.
    pub(crate) fn require(&self, scope: Scope) -> ApiResult<()> {
        if self.may(scope) {
            return Ok(());
        }
        Err(ApiError::forbidden(match &self.who {
            Who::Key(_) => format!("This API key has no scope '{scope}'; use one that has it"),
            Who::Person { .. } => {
                format!("Your role does not include '{scope}'; ask an owner to do this")
            }
        }))
    }
}

/// Somebody who may do `N`.
#[derive(Debug)]
pub(crate) struct May<N> {
    caller: Caller,
    need: PhantomData<N>,
}

impl<N> std::ops::Deref for May<N> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<N: Needed> FromRequestParts<AppState> for May<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> ApiResult<Self> {
        let caller = identify(parts, state).await?;
        caller.require(N::SCOPE)?;
        Ok(Self {
            caller,
            need: PhantomData,
        })
    }
}

/// Anybody who is known, whatever they may do.
impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> ApiResult<Self> {
        identify(parts, state).await
    }
}

async fn identify(parts: &Parts, state: &AppState) -> ApiResult<Caller> {
    if let Some(given) = parts.headers.get(header::AUTHORIZATION) {
        let text = given.to_str().unwrap_or_default();
        return by_key(state, text).await;
    }
    let Some(token) = cookie::read(&parts.headers) else {
        return Err(ApiError::unauthorized(
            "Sign in, or send an API key as 'Authorization: Bearer wpk_...'",
        ));
    };
    by_session(parts, state, token).await
}

async fn by_key(state: &AppState, header: &str) -> ApiResult<Caller> {
    let refused = || {
        ApiError::unauthorized("This API key is unknown, revoked or expired; create another one")
    };
    let text = header
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let text = text
        .map(|(_, key)| key.trim())
        .filter(|key| key.starts_with(key::PREFIX));
    let found = state
        .store()
        .api_key(hash(text.ok_or_else(refused)?))
        .await?;
    let now = clock::now();
    let key = found.filter(|key| key.is_valid(now)).ok_or_else(refused)?;
    // Not being able to note the use must not lock anybody out.
    let _ = state.store().touch_api_key(&key, now).await;
    let scopes = Scopes::of_key(&key.scopes);
    Ok(Caller {
        who: Who::Key(key),
        scopes,
    })
}

async fn by_session(parts: &Parts, state: &AppState, token: String) -> ApiResult<Caller> {
    let over = || ApiError::unauthorized("Your session is over; sign in again");
    let found = session::find(state.store(), &token, clock::now())
        .await?
        .ok_or_else(over)?;
    if changes_something(parts) {
        from_our_page(&parts.headers, state, &token)?;
    } else if is_websocket(&parts.headers) {
        // A WebSocket is a GET that reads on and on, and browsers let any page open one.
        origin::check(&parts.headers, state.public_url(), origin::Missing::Refused)?;
    }
    let scopes = Scopes::of_role(found.person.role);
    Ok(Caller {
        who: Who::Person {
            person: found.person,
            session: token,
        },
        scopes,
    })
}

fn changes_something(parts: &Parts) -> bool {
    !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn is_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|v| v.to_str().ok());
    upgrade.is_some_and(|v| v.eq_ignore_ascii_case("websocket"))
}

fn from_our_page(headers: &HeaderMap, state: &AppState, token: &str) -> ApiResult<()> {
    origin::check(headers, state.public_url(), origin::Missing::Refused)?;
    let given = headers
        .get(CSRF_HEADER)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    if session::is_csrf_token(token, given) {
        return Ok(());
    }
    Err(ApiError::forbidden(
        "The X-CSRF-Token header is missing or wrong; reload the page and try again",
    ))
}
