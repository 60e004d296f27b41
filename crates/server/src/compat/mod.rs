//! Fronts that speak the language of other gateways, so that bots written for them keep working.
//!
//! Off by default (`[compat]`). A front holds no decisions of its own: it turns a call into calls of
//! the API, which are made inside this process with the caller's key ([`inside`]), and turns the
//! answers back. So the services, limits and permission checks are the API's. A caller is known by
//! an API key of Waypost, in the header that the other gateway uses; cookies are never looked at.
//!
//! [docs/compat.md](../../../../docs/compat.md) lists what is covered.

mod fetch;
mod inside;
pub(crate) mod waha;

use crate::api::AppState;
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use inside::Inside;

/// Where WAHA's calls are answered: its clients take `http://host:8080/waha` as their base address.
const WAHA: &str = "/waha";
/// The header, or the parameter of the address, in which WAHA's clients send their key.
const WAHA_KEY: &str = "x-api-key";

/// The fronts that the settings switch on. `api` answers the calls they make.
pub(crate) fn routes(state: &AppState, api: Router) -> Router<AppState> {
    let mut routes = Router::new();
    if state.compat().waha {
        let front = waha::routes(Inside::new(api)).layer(from_fn(known_by_key));
        routes = routes.nest(WAHA, front);
    }
    routes
}

/// Lets the API know the caller by the key in the other gateway's header.
async fn known_by_key(mut request: Request, next: Next) -> Response {
    let given = request.headers_mut().remove(WAHA_KEY);
    let key = match given {
        Some(value) => value.to_str().ok().map(str::to_owned),
        None => in_address(request.uri().query()),
    };
    request.headers_mut().remove(header::COOKIE);
    let bearer = key.map(|key| HeaderValue::from_str(&format!("Bearer {}", key.trim())));
    if let Some(Ok(mut bearer)) = bearer {
        bearer.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
    }
    next.run(request).await
}

fn in_address(query: Option<&str>) -> Option<String> {
    let pairs = url::form_urlencoded::parse(query?.as_bytes());
    let mut keys = pairs.filter(|(name, _)| name == WAHA_KEY);
    keys.next().map(|(_, key)| key.into_owned())
}
