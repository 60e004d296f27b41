//! Fronts that speak the language of other gateways, so that bots written for them keep working.
//!
//! Off by default (`[compat]`). A front holds no decisions of its own: it turns a call into calls of
//! the API, which are made inside this process with the caller's key ([`inside`]), and turns the
//! answers back. So the services, limits and permission checks are the API's. A caller is known by
//! an API key of Waypost, in the header that the other gateway uses; cookies are never looked at.
//!
//! [docs/compat.md](../../../../docs/compat.md) lists what is covered.

pub(crate) mod evolution;
mod fetch;
mod front;
mod hooks;
mod inside;
pub(crate) mod waha;

use crate::api::AppState;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use inside::Inside;

/// Where a front's calls are answered, and in which header its clients send their key. The same name
/// is looked for among the parameters of the address.
struct Place {
    base: &'static str,
    key: &'static str,
}

/// WAHA's clients take `http://host:8080/waha` as their base address.
const WAHA: Place = Place {
    base: "/waha",
    key: "x-api-key",
};
/// Evolution's clients take `http://host:8080/evolution` as their base address.
const EVOLUTION: Place = Place {
    base: "/evolution",
    key: "apikey",
};

/// The fronts that the settings switch on. `api` answers the calls they make.
pub(crate) fn routes(state: &AppState, api: Router) -> Router<AppState> {
    let mut routes = Router::new();
    let inside = Inside::new(api);
    if state.compat().waha {
        routes = routes.nest(WAHA.base, known(waha::routes(inside.clone()), WAHA.key));
    }
    if state.compat().evolution {
        let limit = DefaultBodyLimit::max(front::body_max(state));
        let front = known(evolution::routes(inside), EVOLUTION.key).layer(limit);
        routes = routes.nest(EVOLUTION.base, front);
    }
    routes
}

/// A front whose callers are known by the key that they send under this name.
fn known(front: Router<AppState>, key: &'static str) -> Router<AppState> {
    front.layer(from_fn(move |request: Request, next: Next| {
        known_by_key(key, request, next)
    }))
}

/// Lets the API know the caller by the key in the other gateway's header.
async fn known_by_key(name: &'static str, mut request: Request, next: Next) -> Response {
    let given = request.headers_mut().remove(name);
    let key = match given {
        Some(value) => value.to_str().ok().map(str::to_owned),
        None => in_address(name, request.uri().query()),
    };
    request.headers_mut().remove(header::COOKIE);
    let bearer = key.map(|key| HeaderValue::from_str(&format!("Bearer {}", key.trim())));
    if let Some(Ok(mut bearer)) = bearer {
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
    }
    next.run(request).await
}

fn in_address(name: &str, query: Option<&str>) -> Option<String> {
    let pairs = url::form_urlencoded::parse(query?.as_bytes());
    let mut keys = pairs.filter(|(known, _)| known == name);
    keys.next().map(|(_, key)| key.into_owned())
}
